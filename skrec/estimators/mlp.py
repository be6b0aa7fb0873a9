"""Multi-layer perceptrons over the features of a table, or any flattened array."""

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval

from skrec._docs import with_shared_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.base import BaseNetwork
from skrec.networks import Network, as_sizes, build_mlp


class _MLP(BaseNetwork):
    """Parameters and architecture of the family."""

    _dimensions = (2, 3, 4)
    _accept_sparse = True
    _parameter_constraints = {
        **BaseNetwork._parameter_constraints,
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
    }

    def __init__(
        self,
        units: Any = 128,
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_norm: bool = False,
        optimizer: Any = "adam",
        optimizer_params: dict | None = None,
        learning_rate: float = 0.001,
        lr_schedule: Any = None,
        clipnorm: float | None = None,
        batch_size: int | None = 32,
        epochs: int = 30,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
        callbacks: Any = None,
        standardize: bool = True,
        device: str = "auto",
        precision: str = "float32",
        memory: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
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

    def _network(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        return Network.of(
            build_mlp,
            input_shape=input_shape,
            n_outputs=n_outputs,
            units=as_sizes(self.units, "units"),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            dtype=self.precision,
        )


@with_shared_docs
class MLPClassifier(NetworkClassifier, _MLP):
    """Multi-layer perceptron for classification.

    Dense layers over the features of a table, which may be a sparse matrix (made dense
    block by block where it would be large), or over the flattened values of sequences
    and images.

    Parameters
    ----------
    units : int, str or sequence of int, default=128
        Width of the hidden layers, as 128, ``"128-64"`` or ``(128, 64)``.
    activation : str, default="relu"
        Activation of the hidden layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s

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
    """

    _parameter_constraints: dict = {
        **_MLP._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class MLPRegressor(NetworkRegressor, _MLP):
    """Multi-layer perceptron for regression.

    Dense layers over the features of a table, which may be a sparse matrix (made dense
    block by block where it would be large), or over the flattened values of sequences
    and images; trained on the mean squared error.

    Parameters
    ----------
    units : int, str or sequence of int, default=128
        Width of the hidden layers, as 128, ``"128-64"`` or ``(128, 64)``.
    activation : str, default="relu"
        Activation of the hidden layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    %(fitted)s

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
