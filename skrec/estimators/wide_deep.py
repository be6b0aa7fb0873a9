"""Wide & Deep: a linear model and a tower of dense layers, trained together."""

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._fields import FieldNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_wide_deep


class _WideDeep(FieldNetwork):
    """Parameters and architecture of the family."""

    _parameter_constraints = {
        **FieldNetwork._parameter_constraints,
        "linear_start": ["boolean"],
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
        "embedding_dim": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "number_embedding": [StrOptions({"auto", "periodic"}), None],
    }

    def __init__(
        self,
        units: Any = "128-128",
        *,
        embedding_dim: int | str = 16,
        categorical_features: Any = "from_dtype",
        sequence_features: Any = "from_dtype",
        shared_embeddings: Any = None,
        min_count: int = 1,
        unknown_share: float = 0.1,
        linear_start: bool = True,
        max_len: int = 50,
        number_embedding: str | None = "auto",
        activation: str = "relu",
        dropout: float = 0.1,
        l1: float = 0.0,
        l2: float | str = "auto",
        embedding_l2: float | str = "auto",
        embedding_update: str = "auto",
        batch_norm: bool = False,
        optimizer: Any = "adam",
        optimizer_params: dict | None = None,
        learning_rate: float = 0.004,
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
        self.embedding_dim = embedding_dim
        self.categorical_features = categorical_features
        self.sequence_features = sequence_features
        self.shared_embeddings = shared_embeddings
        self.min_count = min_count
        self.unknown_share = unknown_share
        self.linear_start = linear_start
        self.max_len = max_len
        self.number_embedding = number_embedding
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
            build_wide_deep,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            units=as_sizes(self.units, "units"),
            embedding_dim=self._embedding_dims(),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            periodic=self._is_periodic,
            dtype=self.precision,
        )


@with_shared_docs
class WideDeepClassifier(NetworkClassifier, _WideDeep):
    """Wide & Deep for classification.

    A linear model with a weight for each id and number, and a tower of dense layers
    over the vectors of the ids beside the numbers; their logits are added, and one
    optimizer trains both [1]_, from the linear model's solution on. The paper's linear
    part also has products of columns that its authors chose; here the tower, or a DCN,
    finds them.

    Parameters
    ----------
    units : int, str or sequence of int, default="128-128"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    embedding_dim : int or "auto", default=16
        Length of the vector of an id; ``"auto"`` makes it longer for columns of more
        ids: ``min(50, round(1.6 * n_ids**0.56))``.
    %(fields)s
    number_embedding : {"auto", "periodic"} or None, default="auto"
        Whether each number of a table gets beside it what a small layer makes of 16
        waves of it, as in RealMLP (Holzmueller et al., NeurIPS 2024), so that steps and
        bumps are learnt soon. ``"auto"`` does so for up to 128 columns of numbers.
    activation : str, default="relu"
        Activation of the tower's layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    WideDeepRegressor : The same network for numbers.
    DeepFMClassifier : A factorisation machine instead of the linear model.
    DCNClassifier : Explicit products of columns.

    References
    ----------
    .. [1] H.-T. Cheng et al., "Wide & deep learning for recommender systems",
       DLRS 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import WideDeepClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = WideDeepClassifier("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """

    _parameter_constraints: dict = {
        **_WideDeep._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class WideDeepRegressor(NetworkRegressor, _WideDeep):
    """Wide & Deep for regression.

    A linear model with a weight for each id and number, and a tower of dense layers
    over the vectors of the ids beside the numbers; their logits are added, and one
    optimizer trains both [1]_, from the linear model's solution on. The loss is the
    mean squared error. The paper's linear part also has products of columns that its
    authors chose; here the tower, or a DCN, finds them.

    Parameters
    ----------
    units : int, str or sequence of int, default="128-128"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    embedding_dim : int or "auto", default=16
        Length of the vector of an id; ``"auto"`` makes it longer for columns of more
        ids: ``min(50, round(1.6 * n_ids**0.56))``.
    %(fields)s
    number_embedding : {"auto", "periodic"} or None, default="auto"
        Whether each number of a table gets beside it what a small layer makes of 16
        waves of it, as in RealMLP (Holzmueller et al., NeurIPS 2024), so that steps and
        bumps are learnt soon. ``"auto"`` does so for up to 128 columns of numbers.
    activation : str, default="relu"
        Activation of the tower's layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    WideDeepClassifier : The same network for labels.
    DeepFMRegressor : A factorisation machine instead of the linear model.
    DCNRegressor : Explicit products of columns.

    References
    ----------
    .. [1] H.-T. Cheng et al., "Wide & deep learning for recommender systems",
       DLRS 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import WideDeepRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = WideDeepRegressor("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """

    _parameter_constraints: dict = {
        **_WideDeep._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
