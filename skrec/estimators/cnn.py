"""Convolutional networks over behaviour sequences, feature vectors and images."""

from numbers import Integral
from typing import Any

from sklearn.utils._param_validation import Interval

from skrec._docs import with_shared_docs
from skrec._warn import warn_user
from skrec.estimators._arrays import ArrayNetwork
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_cnn, too_short


class _CNN(ArrayNetwork):
    """Parameters and architecture of the family."""

    _dimensions = (2, 3, 4)
    _parameter_constraints = {
        **ArrayNetwork._parameter_constraints,
        "filters": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
    }

    def __init__(
        self,
        filters: Any = 32,
        kernel_size: int = 3,
        pool_size: int = 2,
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
        batch_size: int | str | None = "auto",
        epochs: int | str = "auto",
        early_stopping: bool | str = "auto",
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
        self.filters = filters
        self.kernel_size = kernel_size
        self.pool_size = pool_size
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

    def _network(self, n_outputs: int) -> Network:
        for message in too_short(self._input_shape, self.kernel_size, self.pool_size):
            warn_user(message)
        return Network.of(
            build_cnn,
            input_shape=self._input_shape,
            n_outputs=n_outputs,
            filters=as_sizes(self.filters, "filters"),
            kernel_size=int(self.kernel_size),
            pool_size=int(self.pool_size),
            units=as_sizes(self.units, "units"),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            dtype=self.precision,
        )


@with_shared_docs
class CNNClassifier(NetworkClassifier, _CNN):
    """Convolutional network for classification.

    Blocks of convolution and max-pooling over behaviour sequences (samples, steps,
    channels), images (samples, height, width, channels) or the features of an ordinary
    table (samples, features), then dense layers.

    Parameters
    ----------
    filters : int, str or sequence of int, default=32
        Filters of the convolution; several blocks as ``"32-64"`` or ``(32, 64)``.
    kernel_size : int, default=3
        Steps, or pixels a side, that a filter sees. Sequences are padded, so that none
        is too short.
    pool_size : int, default=2
        Steps, or pixels a side, that max-pooling merges; 1 for none.
    units : int, str or sequence of int, default=128
        Width of the dense layers after the convolutions.
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
    CNNRegressor : The same network for numbers.
    RNNClassifier : Recurrent network, which can skip padded steps.

    Examples
    --------
    >>> from skrec import CNNClassifier
    >>> from skrec.datasets import make_sessions
    >>> X, y = make_sessions(n_samples=300, random_state=0)
    >>> clf = CNNClassifier(filters=16, epochs=20, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:2]).shape
    (2, 3)
    """

    _parameter_constraints: dict = {
        **_CNN._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class CNNRegressor(NetworkRegressor, _CNN):
    """Convolutional network for regression.

    Blocks of convolution and max-pooling over behaviour sequences (samples, steps,
    channels), images (samples, height, width, channels) or the features of an ordinary
    table (samples, features), then dense layers; trained on the mean squared error.

    Parameters
    ----------
    filters : int, str or sequence of int, default=32
        Filters of the convolution; several blocks as ``"32-64"`` or ``(32, 64)``.
    kernel_size : int, default=3
        Steps, or pixels a side, that a filter sees. Sequences are padded, so that none
        is too short.
    pool_size : int, default=2
        Steps, or pixels a side, that max-pooling merges; 1 for none.
    units : int, str or sequence of int, default=128
        Width of the dense layers after the convolutions.
    activation : str, default="relu"
        Activation of the hidden layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    %(fitted)s

    See Also
    --------
    CNNClassifier : The same network for labels.
    RNNRegressor : Recurrent network, which can skip padded steps.

    Examples
    --------
    >>> from skrec import CNNRegressor
    >>> from skrec.datasets import make_sessions
    >>> X, y = make_sessions(n_samples=300, random_state=0)
    >>> reg = CNNRegressor(filters=16, epochs=2, random_state=0)
    >>> reg = reg.fit(X, X.sum(axis=(1, 2)))
    >>> reg.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: dict = {
        **_CNN._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
