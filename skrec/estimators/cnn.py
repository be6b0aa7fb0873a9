"""Convolutional networks over behaviour sequences, feature vectors and images."""

from typing import Any

from skrec._docs import with_fitted_docs
from skrec._warn import warn_user
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import COUNT, SIZES, param, with_parameters
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.base import BaseNetwork
from skrec.networks import Network, as_sizes, build_cnn, too_short


@with_parameters
class _CNN(BaseNetwork):
    """Parameters and architecture of the family."""

    _dimensions = (2, 3, 4)

    filters: Any = param(
        default=32,
        legal=SIZES,
        doc="""int, str or sequence of int
            Filters of the convolution; several blocks as ``"32-64"`` or
            ``(32, 64)``.""",
        kw_only=False,
    )
    kernel_size: int = param(
        default=3,
        legal=[COUNT],
        doc="""int
            Steps, or pixels a side, that a filter sees. Sequences are padded, so that
            none is too short.""",
        kw_only=False,
    )
    pool_size: int = param(
        default=2,
        legal=[COUNT],
        doc="""int
            Steps, or pixels a side, that max-pooling merges; 1 for none.""",
        kw_only=False,
    )
    units: Any = param(
        default=128,
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the dense layers after the convolutions.""",
        kw_only=False,
    )

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


@with_fitted_docs
@with_parameters
class CNNClassifier(_CNN, NetworkClassifier):
    """Convolutional network for classification.

    Blocks of convolution and max-pooling over behaviour sequences (samples, steps,
    channels), images (samples, height, width, channels) or the features of an ordinary
    table (samples, features), then dense layers.

    Parameters
    ----------
    %(parameters)s

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


@with_fitted_docs
@with_parameters
class CNNRegressor(_CNN, NetworkRegressor):
    """Convolutional network for regression.

    Blocks of convolution and max-pooling over behaviour sequences (samples, steps,
    channels), images (samples, height, width, channels) or the features of an ordinary
    table (samples, features), then dense layers; trained on the mean squared error.

    Parameters
    ----------
    %(parameters)s

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
