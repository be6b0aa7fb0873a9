"""Deep & cross networks, version 2: products of columns, layer by layer."""

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._fields import FieldNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_dcn, check_experts


class _DCN(FieldNetwork):
    """Parameters and architecture of the family."""

    _parameter_constraints = {
        **FieldNetwork._parameter_constraints,
        "linear_start": ["boolean"],
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
        "cross_layers": [Interval(Integral, 1, None, closed="left")],
        "low_rank": [Interval(Integral, 1, None, closed="left"), None],
        "structure": [StrOptions({"stacked", "parallel"})],
        "n_experts": [Interval(Integral, 1, None, closed="left")],
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
        cross_layers: int = 2,
        low_rank: int | None = None,
        structure: str = "stacked",
        n_experts: int = 1,
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
        self.cross_layers = cross_layers
        self.low_rank = low_rank
        self.structure = structure
        self.n_experts = n_experts
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
        check_experts(self.n_experts, self.low_rank)
        return Network.of(
            build_dcn,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            units=as_sizes(self.units, "units"),
            cross_layers=int(self.cross_layers),
            low_rank=None if self.low_rank is None else int(self.low_rank),
            n_experts=int(self.n_experts),
            structure=self.structure,
            embedding_dim=self._embedding_dims(),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            periodic=self._is_periodic,
            linear=bool(self.linear_start),
            dtype=self.precision,
        )


@with_shared_docs
class DCNClassifier(NetworkClassifier, _DCN):
    """Deep & cross network, version 2, for classification.

    Cross layers over the vectors of the ids and the numbers, side by side, and a tower
    of dense layers behind or beside them [1]_. Each cross layer multiplies its input,
    sent through a matrix, by the vectors and numbers once more, so that products of up
    to `cross_layers` + 1 columns are there without a wide tower. A linear model of the
    columns, at whose solution training starts, stands beside it, which the paper does
    without, as does `linear_start=False`.

    Parameters
    ----------
    units : int, str or sequence of int, default="128-128"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    cross_layers : int, default=2
        Number of cross layers.
    low_rank : int, default=None
        Rank of the cross layers' matrices; None for full matrices, which are as wide
        and as high as all vectors and numbers together.
    structure : {"stacked", "parallel"}, default="stacked"
        Whether the tower reads what the cross layers return, or stands beside them.
    n_experts : int, default=1
        Matrices of low rank a cross layer, mixed by a softmax gate. More than one need
        `low_rank`.
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
    DCNRegressor : The same network for numbers.
    DeepFMClassifier : Products of pairs of columns alone.
    MLPClassifier : The tower alone.

    References
    ----------
    .. [1] R. Wang et al., "DCN V2: improved deep & cross network and practical lessons
       for web-scale learning to rank systems", WWW 2021.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DCNClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = DCNClassifier("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """

    _parameter_constraints: dict = {
        **_DCN._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class DCNRegressor(NetworkRegressor, _DCN):
    """Deep & cross network, version 2, for regression.

    Cross layers over the vectors of the ids and the numbers, side by side, and a tower
    of dense layers behind or beside them [1]_. Each cross layer multiplies its input,
    sent through a matrix, by the vectors and numbers once more, so that products of up
    to `cross_layers` + 1 columns are there without a wide tower. A linear model of the
    columns, at whose solution training starts, stands beside it, which the paper does
    without, as does `linear_start=False`. Trained on the mean squared error.

    Parameters
    ----------
    units : int, str or sequence of int, default="128-128"
        Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``.
    cross_layers : int, default=2
        Number of cross layers.
    low_rank : int, default=None
        Rank of the cross layers' matrices; None for full matrices, which are as wide
        and as high as all vectors and numbers together.
    structure : {"stacked", "parallel"}, default="stacked"
        Whether the tower reads what the cross layers return, or stands beside them.
    n_experts : int, default=1
        Matrices of low rank a cross layer, mixed by a softmax gate. More than one need
        `low_rank`.
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
    DCNClassifier : The same network for labels.
    DeepFMRegressor : Products of pairs of columns alone.
    MLPRegressor : The tower alone.

    References
    ----------
    .. [1] R. Wang et al., "DCN V2: improved deep & cross network and practical lessons
       for web-scale learning to rank systems", WWW 2021.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DCNRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = DCNRegressor("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """

    _parameter_constraints: dict = {
        **_DCN._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
