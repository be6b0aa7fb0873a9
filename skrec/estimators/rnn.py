"""Recurrent networks (GRU, LSTM) over behaviour sequences."""

from copy import deepcopy
from dataclasses import replace
from numbers import Integral
from typing import Any

import keras
from sklearn.utils._param_validation import Interval, StrOptions

from skrec._docs import with_shared_docs
from skrec.estimators._arrays import ArrayNetwork
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_rnn
from skrec.preprocessing._padding import ZeroSteps
from skrec.training.rows import Rows, as_they_are


class _RNN(ArrayNetwork):
    """Parameters and architecture of the family."""

    _parameter_constraints = {
        **ArrayNetwork._parameter_constraints,
        "cell": [StrOptions({"gru", "lstm"})],
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
        "bidirectional": ["boolean"],
        "padding": [StrOptions({"auto", "front", "end"}), None],
    }

    def __init__(
        self,
        cell: str = "gru",
        units: Any = 64,
        bidirectional: bool = False,
        *,
        padding: str | None = "auto",
        activation: str = "tanh",
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_norm: bool = False,
        optimizer: Any = "adam",
        optimizer_params: dict | None = None,
        learning_rate: float = 0.005,
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
        self.cell = cell
        self.units = units
        self.bidirectional = bidirectional
        self.padding = padding
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

    def _learn_inputs(self, X: Any, kept: Any, weight: Any) -> Any:
        self._zero_steps = ZeroSteps()
        return super()._learn_inputs(X, kept, weight)

    def _learn_padding(self, rows: Rows) -> None:
        """Set `padding_`; "auto" asks the rows of all fits since the first."""
        self.padding_: str | None = self.padding
        if len(self._input_shape) == 1:
            self.padding_ = None
            if self.padding not in ("auto", None):
                raise ValueError(
                    f"padding={self.padding!r} needs sequences (samples, steps, "
                    "channels). Give X[..., np.newaxis], whose steps have one channel, "
                    "or set padding='auto'. Received: X of 2 dimensions (samples, "
                    "features), none of which is padding."
                )
        elif self.padding == "auto":
            self._zero_steps = deepcopy(self._zero_steps)  # a failed fit keeps the old
            for X, _, _ in replace(rows, prepare=as_they_are).blocks():
                if self._zero_steps.update(X).are_values:
                    break
            self.padding_ = self._zero_steps.padding

    @property
    def _padding(self) -> str | None:  # type: ignore[override]
        return self.padding_

    def _fit_items(self, optimizer: keras.optimizers.Optimizer) -> list[Any]:
        return [*super()._fit_items(optimizer), self.padding_]


@with_shared_docs
class RNNClassifier(NetworkClassifier, _RNN):
    """Recurrent network for classification.

    GRU or LSTM layers over behaviour sequences (samples, steps, channels), whose last
    state goes to the output. Shorter sequences are padded with steps whose channels are
    all zero, in front or at the end: these are skipped, and left out of the scale of
    X. `padding` says which, or that zeros are values. The features of an ordinary table
    (samples, features) are read as steps of one channel, none of which is padding.

    Parameters
    ----------
    cell : {"gru", "lstm"}, default="gru"
        Kind of recurrent layer.
    units : int, str or sequence of int, default=64
        Width of the recurrent layer; several layers as ``"64-32"`` or ``(64, 32)``.
    bidirectional : bool, default=False
        Whether each layer reads the sequence in both directions.
    padding : {"auto", "front", "end"} or None, default="auto"
        Which steps of zeros are padding: those before the first other step of a
        sequence (``"front"``), those after the last (``"end"``), or none (None, where
        zeros are values such as days without sales). ``"auto"`` asks the samples to
        train on: where all steps of zeros stand in front, or all of them at the end,
        they are padding there; if one stands between other steps, or some stand in
        front and some at the end, zeros are values. Say it where padded sequences may
        hold a step of zeros that is real.
    activation : str, default="tanh"
        Activation of the recurrent layers, by its Keras name.
    %(training)s

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

    _parameter_constraints: dict = {
        **_RNN._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class RNNRegressor(NetworkRegressor, _RNN):
    """Recurrent network for regression.

    GRU or LSTM layers over behaviour sequences (samples, steps, channels), whose last
    state goes to the output; trained on the mean squared error. Shorter sequences are
    padded with steps whose channels are all zero, in front or at the end: these are
    skipped, and left out of the scale of X. `padding` says which, or that zeros are
    values. The features of an ordinary table (samples, features) are read as steps of
    one channel, none of which is padding.

    Parameters
    ----------
    cell : {"gru", "lstm"}, default="gru"
        Kind of recurrent layer.
    units : int, str or sequence of int, default=64
        Width of the recurrent layer; several layers as ``"64-32"`` or ``(64, 32)``.
    bidirectional : bool, default=False
        Whether each layer reads the sequence in both directions.
    padding : {"auto", "front", "end"} or None, default="auto"
        Which steps of zeros are padding: those before the first other step of a
        sequence (``"front"``), those after the last (``"end"``), or none (None, where
        zeros are values such as days without sales). ``"auto"`` asks the samples to
        train on: where all steps of zeros stand in front, or all of them at the end,
        they are padding there; if one stands between other steps, or some stand in
        front and some at the end, zeros are values. Say it where padded sequences may
        hold a step of zeros that is real.
    activation : str, default="tanh"
        Activation of the recurrent layers, by its Keras name.
    %(training)s

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

    _parameter_constraints: dict = {
        **_RNN._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
