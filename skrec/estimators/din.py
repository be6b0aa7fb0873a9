"""Deep interest network: attention of a target over a history."""

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._interest import InterestNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_din


class _DIN(InterestNetwork):
    """Parameters and architecture of the family."""

    _parameter_constraints = {
        **InterestNetwork._parameter_constraints,
        "attention_units": [
            Interval(Integral, 1, None, closed="left"),
            str,
            "array-like",
        ],
    }

    def __init__(
        self,
        units: Any = "256-128-64",
        *,
        attention_units: Any = "80-40",
        embedding_dim: int = 10,
        categorical_features: Any = "from_dtype",
        sequence_features: Any = "from_dtype",
        shared_embeddings: Any = None,
        min_count: int = 1,
        unknown_share: float = 0.1,
        max_len: int = 50,
        activation: str = "dice",
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        embedding_l2: float | str = "auto",
        embedding_update: str = "auto",
        batch_norm: bool = False,
        optimizer: Any = "adam",
        optimizer_params: dict | None = None,
        learning_rate: float = 0.001,
        lr_schedule: Any = None,
        clipnorm: float | None = None,
        batch_size: int | str | None = "auto",
        epochs: int | str = "auto",
        early_stopping: bool | str = "auto",
        scoring: str = "loss",
        validation_fraction: float = 0.1,
        n_iter_no_change: int | str = "auto",
        class_weight: Any = None,
        callbacks: Any = None,
        standardize: bool | str = True,
        device: str = "auto",
        precision: str = "float32",
        memory: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.attention_units = attention_units
        self.embedding_dim = embedding_dim
        self.categorical_features = categorical_features
        self.sequence_features = sequence_features
        self.shared_embeddings = shared_embeddings
        self.min_count = min_count
        self.unknown_share = unknown_share
        self.max_len = max_len
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.embedding_l2 = embedding_l2
        self.embedding_update = embedding_update
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.standardize = standardize
        self.device = device
        self.precision = precision
        self.memory = memory
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_din,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            pairs=self._pairs(),
            units=as_sizes(self.units, "units"),
            attention_units=as_sizes(self.attention_units, "attention_units"),
            embedding_dim=int(self.embedding_dim),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_shared_docs
class DINClassifier(NetworkClassifier, _DIN):
    """Deep interest network for classification.

    Attention for a target, such as the item that is shown, over a history, such as the
    items that were clicked: a small network scores each step beside the target, and the
    steps are summed with these scores [1]_. So a history can hold several interests, of
    which those count that have to do with the target.

    A column of lists is a history where it shares its embeddings with a column of ids,
    its target (the first, if there are several): pass both to `shared_embeddings`.
    Other lists are averaged. The default activation normalises over batches, so that a
    weight of 2 is not quite a row given twice.

    Parameters
    ----------
    units : int, str or sequence of int, default="256-128-64"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    attention_units : int, str or sequence of int, default="80-40"
        Width of the hidden layers that score a step of a history.
    embedding_dim : int, default=10
        Length of the vector of an id.
    %(fields)s
    activation : str, default="dice"
        Activation of the tower's layers and of those that score a step: ``"dice"``,
        which bends where its input's mean is [1]_, or a Keras name. Where histories
        are long, ``"relu"`` trains about twice as fast.
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DINRegressor : The same network for numbers.
    DIENClassifier : Reads the history in its order.
    DeepFMClassifier : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest network for click-through rate prediction",
       KDD 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DINClassifier
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0, 1, 0, 1] * 10
    >>> clf = DINClassifier(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> clf.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **_DIN._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class DINRegressor(NetworkRegressor, _DIN):
    """Deep interest network for regression.

    Attention for a target, such as the item that is shown, over a history, such as the
    items that were clicked: a small network scores each step beside the target, and the
    steps are summed with these scores [1]_. So a history can hold several interests, of
    which those count that have to do with the target.

    A column of lists is a history where it shares its embeddings with a column of ids,
    its target (the first, if there are several): pass both to `shared_embeddings`.
    Other lists are averaged. Trained on the mean squared error. The default activation
    normalises over batches, so that a weight of 2 is not quite a row given twice.

    Parameters
    ----------
    units : int, str or sequence of int, default="256-128-64"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    attention_units : int, str or sequence of int, default="80-40"
        Width of the hidden layers that score a step of a history.
    embedding_dim : int, default=10
        Length of the vector of an id.
    %(fields)s
    activation : str, default="dice"
        Activation of the tower's layers and of those that score a step: ``"dice"``,
        which bends where its input's mean is [1]_, or a Keras name. Where histories
        are long, ``"relu"`` trains about twice as fast.
    %(training)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DINClassifier : The same network for labels.
    DIENRegressor : Reads the history in its order.
    DeepFMRegressor : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest network for click-through rate prediction",
       KDD 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DINRegressor
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0.0, 1.5, 0.5, 1.0] * 10
    >>> reg = DINRegressor(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **_DIN._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
