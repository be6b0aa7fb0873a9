"""Factorisation machines: linear models with every pair of fields."""

from typing import Any

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._fields import FieldNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, build_fm


class _FM(FieldNetwork):
    """Parameters and architecture of the family."""

    _parameter_constraints = {
        **{
            name: constraint
            for name, constraint in FieldNetwork._parameter_constraints.items()
            if name not in ("activation", "batch_norm")  # there is no hidden layer
        },
        "linear_start": ["boolean"],
    }

    def __init__(
        self,
        embedding_dim: int = 16,
        *,
        categorical_features: Any = "from_dtype",
        sequence_features: Any = "from_dtype",
        shared_embeddings: Any = None,
        min_count: int = 1,
        unknown_share: float = 0.1,
        linear_start: bool = True,
        max_len: int = 50,
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        embedding_l2: float | str = "auto",
        embedding_update: str = "auto",
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
        self.embedding_dim = embedding_dim
        self.categorical_features = categorical_features
        self.sequence_features = sequence_features
        self.shared_embeddings = shared_embeddings
        self.min_count = min_count
        self.unknown_share = unknown_share
        self.linear_start = linear_start
        self.max_len = max_len
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.embedding_l2 = embedding_l2
        self.embedding_update = embedding_update
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
        fields = self.encoder_.spec_
        has_kernels = fields.n_numbers or fields.arrays or n_outputs > 1
        if (self.l1 or self.l2 not in (0, "auto")) and not has_kernels:
            raise ValueError(
                "l1 and l2 reach the weights of numbers and arrays, and X has ids "
                "alone: set embedding_l2, which reaches the weights and vectors of "
                f"ids, and leave the others 0. Received: l1={self.l1}, l2={self.l2}."
            )
        return Network.of(
            build_fm,
            fields=fields,
            n_outputs=n_outputs,
            embedding_dim=int(self.embedding_dim),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_shared_docs
class FMClassifier(NetworkClassifier, _FM):
    """Factorisation machine for classification.

    A bias, a weight for each id and number, and for each pair of columns the dot
    product of their vectors [1]_: what a linear model of one-hot ids cannot say, with
    vectors for pairs that were never seen together. With several classes the linear
    weights are one a class, and each class weights the dimensions of the summed
    products in its own way. A number's vector is its value times a vector of its
    column. Thousands of columns of numbers, as from a sparse matrix, are cheap: no
    vector is made for each number of each row. Training starts at the solution of the
    linear model alone.

    Parameters
    ----------
    embedding_dim : int, default=16
        Length of the vector of a field.
    %(fields)s
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    FMRegressor : The same network for numbers.
    DeepFMClassifier : The same beside dense layers on the vectors.
    MLPClassifier : Dense layers alone.

    Notes
    -----
    `embedding_l2` reaches the weights and vectors of ids; `l1` and `l2` those of
    numbers and arrays and, with several classes, the weights that a class gives the
    products. Where there are none of these, they must be 0.

    References
    ----------
    .. [1] S. Rendle, "Factorization machines", ICDM 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import FMClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = FMClassifier(embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """

    _parameter_constraints: dict = {
        **_FM._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class FMRegressor(NetworkRegressor, _FM):
    """Factorisation machine for regression.

    A bias, a weight for each id and number, and for each pair of columns the dot
    product of their vectors [1]_: what a linear model of one-hot ids cannot say, with
    vectors for pairs that were never seen together. Trained on the mean squared error.
    A number's vector is its value times a vector of its column. Thousands of columns of
    numbers, as from a sparse matrix, are cheap: no vector is made for each number of
    each row. Training starts at the solution of the linear model alone.

    Parameters
    ----------
    embedding_dim : int, default=16
        Length of the vector of a field.
    %(fields)s
    %(training)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    FMClassifier : The same network for labels.
    DeepFMRegressor : The same beside dense layers on the vectors.
    MLPRegressor : Dense layers alone.

    Notes
    -----
    `embedding_l2` reaches the weights and vectors of ids; `l1` and `l2` those of
    numbers and arrays, and must be 0 where X has ids alone and y one column.

    References
    ----------
    .. [1] S. Rendle, "Factorization machines", ICDM 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import FMRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = FMRegressor(embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """

    _parameter_constraints: dict = {
        **_FM._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
