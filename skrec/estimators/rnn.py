"""Recurrent networks (GRU, LSTM) over behaviour sequences."""

from typing import Any

import keras

from skrec._docs import with_fitted_docs
from skrec._sklearn import StrOptions
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import SIZES, param, with_parameters
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.base import BaseNetwork
from skrec.networks import Network, as_sizes, build_rnn
from skrec.preprocessing._network_inputs import ArrayInputs, TableInputs


@with_parameters
class _RNN(BaseNetwork):
    """Parameters and architecture of the family."""

    cell: str = param(
        default="gru",
        legal=[StrOptions({"gru", "lstm"})],
        doc="""{"gru", "lstm"}
            Kind of recurrent layer.""",
        kw_only=False,
    )
    units: Any = param(
        default=64,
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the recurrent layer; several layers as ``"64-32"`` or
            ``(64, 32)``.""",
        kw_only=False,
    )
    bidirectional: bool = param(
        default=False,
        legal=["boolean"],
        doc="""bool
            Whether each layer reads the sequence in both directions.""",
        kw_only=False,
    )
    padding: str | None = param(
        default="auto",
        legal=[StrOptions({"auto", "front", "end"}), None],
        doc="""{"auto", "front", "end"} or None
            Which steps of zeros are padding: those before the first other step of a
            sequence (``"front"``), those after the last (``"end"``), or none (None,
            where zeros are values such as days without sales). ``"auto"`` asks the
            samples to train on: where all steps of zeros stand in front, or all of them
            at the end, they are padding there; if one stands between other steps, or
            some stand in front and some at the end, zeros are values. Say it where
            padded sequences may hold a step of zeros that is real.""",
        of_inputs=True,
    )
    activation: str = param(
        default="tanh",
        doc="""str
            Activation of the recurrent layers, by its Keras name.""",
    )
    learning_rate: float = 0.005

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_rnn,
            input_shape=self._input_shape,
            n_outputs=n_outputs,
            cell=self.cell,
            units=as_sizes(self.units, "units"),
            bidirectional=bool(self.bidirectional),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            dtype=self.precision,
        )

    # ---- padding -------------------------------------------------------------------

    def _new_inputs(self, X: Any) -> ArrayInputs | TableInputs:
        if X.ndim > 2:
            return ArrayInputs(self._how_scaled, self.padding)
        if self.padding not in ("auto", None):
            raise ValueError(
                f"padding={self.padding!r} needs sequences (samples, steps, channels). "
                "Give X[..., np.newaxis], whose steps have one channel, or set "
                "padding='auto'. Received: X of 2 dimensions (samples, features), none "
                "of which is padding."
            )
        return super()._new_inputs(X)

    @property
    def padding_(self) -> str | None:
        """On which side of a sequence steps of zeros are padding; None for values."""
        if "_inputs" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return self._inputs.padding

    def _fit_items(self, optimizer: keras.optimizers.Optimizer) -> list[Any]:
        return [*super()._fit_items(optimizer), self.padding_]


@with_fitted_docs
@with_parameters
class RNNClassifier(_RNN, NetworkClassifier):
    """Recurrent network for classification.

    GRU or LSTM layers over behaviour sequences (samples, steps, channels), whose last
    state goes to the output. Shorter sequences are padded with steps whose channels are
    all zero, in front or at the end: these are skipped, and left out of the scale of
    X. `padding` says which, or that zeros are values. The features of an ordinary table
    (samples, features) are read as steps of one channel, none of which is padding.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    padding_ : {"front", "end"} or None
        On which side of a sequence steps of zeros are padding; None for values.
    %(fitted)s

    See Also
    --------
    RNNRegressor : The same network for numbers.
    CNNClassifier : Convolutional network, which is faster.

    Examples
    --------
    >>> from skrec import RNNClassifier
    >>> from skrec.datasets import make_sessions
    >>> X, y = make_sessions(n_samples=300, random_state=0)
    >>> clf = RNNClassifier(units=16, epochs=3, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:2]).shape
    (2, 3)
    """


@with_fitted_docs
@with_parameters
class RNNRegressor(_RNN, NetworkRegressor):
    """Recurrent network for regression.

    GRU or LSTM layers over behaviour sequences (samples, steps, channels), whose last
    state goes to the output; trained on the mean squared error. Shorter sequences are
    padded with steps whose channels are all zero, in front or at the end: these are
    skipped, and left out of the scale of X. `padding` says which, or that zeros are
    values. The features of an ordinary table (samples, features) are read as steps of
    one channel, none of which is padding.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    padding_ : {"front", "end"} or None
        On which side of a sequence steps of zeros are padding; None for values.
    %(fitted)s

    See Also
    --------
    RNNClassifier : The same network for labels.
    CNNRegressor : Convolutional network, which is faster.

    Examples
    --------
    >>> from skrec import RNNRegressor
    >>> from skrec.datasets import make_sessions
    >>> X, y = make_sessions(n_samples=300, random_state=0)
    >>> reg = RNNRegressor(units=16, epochs=2, random_state=0)
    >>> reg = reg.fit(X, X.sum(axis=(1, 2)))
    >>> reg.predict(X[:2]).shape
    (2,)
    """
