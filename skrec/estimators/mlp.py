"""Multi-layer perceptrons over the columns of a table, or any flattened array."""

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._fields import FieldNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_field_mlp, build_mlp


class _MLP(FieldNetwork):
    """Parameters and architecture of the family."""

    _dimensions = (2, 3, 4)
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
        l2: float = 0.0,
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

    def _rates(self) -> dict[str, float]:
        rates = super()._rates()
        if not self._has_embeddings:
            del rates["embedding_l2"], rates["unknown_share"]
        return rates

    @property
    def _has_embeddings(self) -> bool:
        """Whether there is more than numbers, which need no lookup."""
        return self._on_fields and not self.encoder_.spec_.only_numbers

    def _network(self, n_outputs: int) -> Network:
        options: dict[str, Any] = {
            "n_outputs": n_outputs,
            "units": as_sizes(self.units, "units"),
            "activation": self.activation,
            "batch_norm": bool(self.batch_norm),
            "periodic": self._is_periodic,
            "linear": bool(self.linear_start) and self._on_fields,
            "dtype": self.precision,
        }
        if not self._has_embeddings:
            shape = self._input_shape
            if self._on_fields:
                shape = (self.encoder_.spec_.n_numbers,)
            return Network.of(build_mlp, input_shape=shape, **options)
        fields = self.encoder_.spec_
        dims = self._embedding_dims()
        options["reads_unknown"] = self.unknown_share > 0
        return Network.of(build_field_mlp, fields=fields, embedding_dim=dims, **options)


@with_shared_docs
class MLPClassifier(NetworkClassifier, _MLP):
    """Multi-layer perceptron for classification.

    Dense layers over the columns of a table, with a vector for each id, or over the
    flattened values of sequences and images. Beside those of a table stands a linear
    model of its columns, at whose solution training starts, unless `linear_start` is
    False. NaN in a table is a missing number, which is imputed. A table of numbers may
    be a sparse matrix, which is made dense block by block where it would be large.

    Parameters
    ----------
    units : int, str or sequence of int, default="128-128"
        Width of the hidden layers, as 128, ``"128-64"`` or ``(128, 64)``.
    embedding_dim : int or "auto", default=16
        Length of the vector of an id; ``"auto"`` makes it longer for columns of more
        ids: ``min(50, round(1.6 * n_ids**0.56))``.
    %(fields)s
    number_embedding : {"auto", "periodic"} or None, default="auto"
        Whether each number of a table gets beside it what a small layer makes of 16
        waves of it, as in RealMLP (Holzmueller et al., NeurIPS 2024), so that steps and
        bumps are learnt soon. ``"auto"`` does so for up to 128 columns of numbers.
    activation : str, default="relu"
        Activation of the hidden layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    MLPRegressor : The same network for numbers.
    CNNClassifier : Convolutional network, for features that have an order.

    Examples
    --------
    >>> from skrec import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(units=16, epochs=20, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:2]).shape
    (2, 3)

    A table with a column of labels:

    >>> import pandas as pd
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = [0, 1] * 20
    >>> clf = MLPClassifier(units=16, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [3, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 16)
    """

    _parameter_constraints: dict = {
        **_MLP._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class MLPRegressor(NetworkRegressor, _MLP):
    """Multi-layer perceptron for regression.

    Dense layers over the columns of a table, with a vector for each id, or over the
    flattened values of sequences and images; trained on the mean squared error. Beside
    those of a table stands a linear model of its columns, at whose solution training
    starts, unless `linear_start` is False. NaN in a table is a missing number, which is
    imputed. A table of numbers may be a sparse matrix, which is made dense block by
    block where it would be large.

    Parameters
    ----------
    units : int, str or sequence of int, default="128-128"
        Width of the hidden layers, as 128, ``"128-64"`` or ``(128, 64)``.
    embedding_dim : int or "auto", default=16
        Length of the vector of an id; ``"auto"`` makes it longer for columns of more
        ids: ``min(50, round(1.6 * n_ids**0.56))``.
    %(fields)s
    number_embedding : {"auto", "periodic"} or None, default="auto"
        Whether each number of a table gets beside it what a small layer makes of 16
        waves of it, as in RealMLP (Holzmueller et al., NeurIPS 2024), so that steps and
        bumps are learnt soon. ``"auto"`` does so for up to 128 columns of numbers.
    activation : str, default="relu"
        Activation of the hidden layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    MLPClassifier : The same network for labels.
    CNNRegressor : Convolutional network, for features that have an order.

    Examples
    --------
    >>> from skrec import MLPRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(units="32-16", random_state=0).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **_MLP._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
