"""Deep interest evolution network: recurrent layers over a history."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import keras
from sklearn.utils._param_validation import Interval, StrOptions

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._interest import InterestNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_dien
from skrec.networks.dien import PlusRowLoss
from skrec.training.program import Program


class _DIEN(InterestNetwork):
    """Parameters and architecture of the family."""

    _parameter_constraints = {
        **InterestNetwork._parameter_constraints,
        "gru_type": [StrOptions({"augru", "agru", "aigru", "gru"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        units: Any = "256-128-64",
        *,
        gru_type: str = "augru",
        alpha: float = 1.0,
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
        self.gru_type = gru_type
        self.alpha = alpha
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
        fields, pairs = self.encoder_.spec_, self._pairs()
        has_next = any(fields.sequences[history].length > 1 for _, history in pairs)
        return Network.of(
            build_dien,
            fields=fields,
            n_outputs=n_outputs,
            pairs=pairs,
            units=as_sizes(self.units, "units"),
            gru_type=self.gru_type,
            auxiliary=bool(self.alpha > 0 and has_next),
            embedding_dim=int(self.embedding_dim),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )

    def _with_next_clicks(self, loss: keras.losses.Loss, dtype: str) -> Any:
        """Add the auxiliary loss, where the network computes it."""
        if not dict(self._spec.options)["auxiliary"]:
            return loss
        return PlusRowLoss(loss, self._n_outputs, float(self.alpha), dtype=dtype)

    @contextmanager
    def _lease(self) -> Iterator[Program]:
        """Lease the program, which all values of `alpha` share."""
        with super()._lease() as program:
            loss = program.model.loss
            if isinstance(loss, PlusRowLoss):
                loss.alpha.assign(self.alpha)
            yield program

    def _deployable(self, core: keras.Model) -> keras.Model:
        """Leave out the auxiliary loss: it would be one more prediction in training."""
        loss = core.loss
        if isinstance(loss, PlusRowLoss):
            logits = core.get_layer("row_loss").input[0]
            optimizer, core = (
                core.optimizer,
                keras.Model(core.input, logits, name="dien"),
            )
            core.compile(optimizer=optimizer, loss=loss.loss)
        return super()._deployable(core)


@with_shared_docs
class DIENClassifier(NetworkClassifier, _DIEN):
    """Deep interest evolution network for classification.

    A recurrent layer reads a history, such as the items that were clicked; attention
    for a target, such as the item that is shown, says how much each of its states moves
    a second recurrent layer, whose last state is the interest [1]_. So the order of the
    history counts, which :class:`DINClassifier` does not see. The first layer also
    learns to tell the next item of each history from an item drawn at random.

    A column of lists is a history where it shares its embeddings with a column of ids,
    its target (the first, if there are several): pass both to `shared_embeddings`.
    Other lists are averaged. The default activation normalises over batches, so that a
    weight of 2 is not quite a row given twice.

    Parameters
    ----------
    units : int, str or sequence of int, default="256-128-64"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    gru_type : {"augru", "agru", "aigru", "gru"}, default="augru"
        What attention does to the second recurrent layer: it multiplies the update
        gates, takes their place, multiplies the inputs, or weighs the states in the
        sum that then is the interest.
    alpha : float, default=1.0
        Weight of the auxiliary loss in training: the mean, over the steps of a row's
        history, of the cross-entropy of telling the next item from one drawn evenly
        from all. Validation scores do not contain it. 0 saves its time.
    embedding_dim : int, default=10
        Length of the vector of an id and of the recurrent layers' states.
    %(fields)s
    activation : str, default="dice"
        Activation of the tower's layers: ``"dice"``, which bends where its input's mean
        is, or a Keras name.
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DIENRegressor : The same network for numbers.
    DINClassifier : Attention alone, without an order, which is much faster.
    DeepFMClassifier : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest evolution network for click-through rate
       prediction", AAAI 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DIENClassifier
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0, 1, 0, 1] * 10
    >>> clf = DIENClassifier(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> clf.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **_DIEN._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }

    def _loss(self, dtype: str) -> keras.losses.Loss:
        return self._with_next_clicks(super()._loss(dtype), dtype)


@with_shared_docs
class DIENRegressor(NetworkRegressor, _DIEN):
    """Deep interest evolution network for regression.

    A recurrent layer reads a history, such as the items that were clicked; attention
    for a target, such as the item that is shown, says how much each of its states moves
    a second recurrent layer, whose last state is the interest [1]_. So the order of the
    history counts, which :class:`DINRegressor` does not see. The first layer also
    learns to tell the next item of each history from an item drawn at random.

    A column of lists is a history where it shares its embeddings with a column of ids,
    its target (the first, if there are several): pass both to `shared_embeddings`.
    Other lists are averaged. Trained on the mean squared error. The default activation
    normalises over batches, so that a weight of 2 is not quite a row given twice.

    Parameters
    ----------
    units : int, str or sequence of int, default="256-128-64"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    gru_type : {"augru", "agru", "aigru", "gru"}, default="augru"
        What attention does to the second recurrent layer: it multiplies the update
        gates, takes their place, multiplies the inputs, or weighs the states in the
        sum that then is the interest.
    alpha : float, default=1.0
        Weight of the auxiliary loss in training: the mean, over the steps of a row's
        history, of the cross-entropy of telling the next item from one drawn evenly
        from all. Validation scores do not contain it. 0 saves its time.
    embedding_dim : int, default=10
        Length of the vector of an id and of the recurrent layers' states.
    %(fields)s
    activation : str, default="dice"
        Activation of the tower's layers: ``"dice"``, which bends where its input's mean
        is, or a Keras name.
    %(training)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DIENClassifier : The same network for labels.
    DINRegressor : Attention alone, without an order, which is much faster.
    DeepFMRegressor : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest evolution network for click-through rate
       prediction", AAAI 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DIENRegressor
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0.0, 1.5, 0.5, 1.0] * 10
    >>> reg = DIENRegressor(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **_DIEN._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }

    def _loss(self, dtype: str) -> keras.losses.Loss:
        return self._with_next_clicks(super()._loss(dtype), dtype)
