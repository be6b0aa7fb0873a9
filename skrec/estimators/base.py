"""The life cycle that all named models share: parameters, fit, predict, pickling."""

import inspect
import os
import threading
from abc import ABCMeta, abstractmethod
from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from skrec._docs_address import DocumentedHere
from skrec._sklearn import HasMethods, Interval, StrOptions, fit_context
from skrec.estimators import _deploy
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._budget import Budget, chosen
from skrec.estimators._declared import (
    AUTO,
    COUNT,
    NOT_NEGATIVE,
    POSITIVE,
    param,
    with_parameters,
)
from skrec.estimators._epochs import EpochReporter
from skrec.estimators._inputs import NO_TARGET, checked_arrays
from skrec.estimators._keras_parameters import cloned, picklable, unpickled
from skrec.estimators._memory import remembers
from skrec.estimators._optimizer_params import (
    remade_optimizer,
    split_params,
    with_routed,
)
from skrec.estimators._prepared import Given, Prepared, prepare
from skrec.estimators._targets import Labels, Numbers
from skrec.estimators._trained import trained
from skrec.networks import Network
from skrec.preprocessing._network_inputs import ArrayInputs, TableInputs
from skrec.training import resolve_device
from skrec.training._global_generators import global_generators
from skrec.training._optimizer_items import keras_settings
from skrec.training.cache import PROGRAMS, lease
from skrec.training.loop import Scores
from skrec.training.predictor import PREDICTORS, Predictor
from skrec.training.program import Program
from skrec.training.rows import Rows, prepare_rows
from skrec.training.state import State

if TYPE_CHECKING:
    from skrec._typed import BaseEstimator, CallbackSupportMixin
else:
    from sklearn.base import BaseEstimator
    from sklearn.callback import CallbackSupportMixin

ACTIVATIONS = {
    name
    for name, value in vars(keras.activations).items()
    if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize")
}
SCALES = {True: "robust", False: None}  # what `standardize` means
_handing_out = threading.RLock()  # so that each estimator has one `model_`


@with_parameters
class BaseNetwork(
    DocumentedHere, CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base of the named models; a family adds :meth:`_network`, a task its target."""

    activation: str = param(
        default="relu",
        legal=[StrOptions(ACTIVATIONS)],
        doc="""str
            Activation of the hidden layers, by its Keras name.""",
    )
    dropout: float = param(
        default=0.0,
        legal=[Interval(Real, 0, 1, closed="left")],
        doc="""float
            Fraction of the hidden units dropped in training, in [0, 1).""",
    )
    l1: float = param(
        default=0.0,
        legal=[NOT_NEGATIVE],
        doc="""float
            Penalty on the absolute values of the kernel weights.""",
    )
    l2: float | str = param(
        default=0.0,
        legal=[NOT_NEGATIVE],
        doc="""float
            Penalty on the squares of the kernel weights.""",
    )
    batch_norm: bool = param(
        default=False,
        legal=["boolean"],
        doc="""bool
            Whether to normalise hidden layers over the batch.""",
    )
    optimizer: Any = param(
        default="adam",
        legal=[str, type, keras.optimizers.Optimizer],
        doc="""str, Keras optimizer class or Keras optimizer
            ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"rmsprop"``, ``"adam"``,
            ``"adamw"`` or ``"adagrad"``; a class; or an object, which is copied and
            brings its own learning rate.""",
    )
    optimizer_params: dict | None = param(
        default=None,
        legal=[dict, None],
        doc="""dict
            Further parameters of the optimizer. Each can be set and tuned as
            ``optimizer__<name>``, for example ``optimizer__beta_1``.""",
    )
    learning_rate: float = param(
        default=0.001,
        legal=[POSITIVE],
        doc="""float
            Learning rate before the schedule.""",
    )
    lr_schedule: Any = param(
        default=None,
        legal=[
            StrOptions({"step", "exponential", "cosine"}),
            keras.optimizers.schedules.LearningRateSchedule,
            callable,
            None,
        ],
        doc="""{"step", "exponential", "cosine"}, Keras schedule, callable or None
            ``"step"`` halves the rate every 10 epochs, ``"exponential"`` multiplies it
            by exp(-0.1) an epoch, ``"cosine"`` takes it to zero over `epochs`. A Keras
            schedule replaces the rate; a callable gets the epoch, from 0, and the
            rate.""",
    )
    clipnorm: float | None = param(
        default=None,
        legal=[POSITIVE, None],
        doc="""float
            Largest norm of the gradient of each weight array.""",
    )
    batch_size: int | str | None = param(
        default="auto",
        legal=[COUNT, AUTO, None],
        doc="""int, "auto" or None
            Samples a training step; None for all at once. ``"auto"`` is n_samples / 64,
            between 128 and 1024.""",
    )
    epochs: int | str = param(
        default="auto",
        legal=[COUNT, AUTO],
        doc="""int or "auto"
            Passes over the training samples, at most. ``"auto"`` is what makes 2,000
            steps, between 16 and 200.""",
    )
    early_stopping: bool | str = param(
        default="auto",
        legal=["boolean", AUTO],
        doc="""bool or "auto"
            Whether to stop once the validation score no longer gets better, and to keep
            the weights of the best epoch, or those of the start if none was better.
            ``"auto"`` does so from 100 samples on, or if `fit` gets `X_val`.""",
    )
    validation_fraction: float = param(
        default=0.1,
        legal=[Interval(Real, 0, 1, closed="neither")],
        doc="""float
            Part of the training samples set aside for early stopping, stratified for
            classifiers, unless `fit` gets `X_val` and `y_val`.""",
    )
    n_iter_no_change: int | str = param(
        default="auto",
        legal=[COUNT, AUTO],
        doc="""int or "auto"
            Epochs without a better validation score after which to stop. ``"auto"`` is
            what makes 640 steps, at least 3.""",
    )
    class_weight: Any = param(
        default=None,
        legal=[dict, StrOptions({"balanced"}), None],
        doc="""dict, "balanced" or None
            Weight of each class, by label; classifiers only. "balanced" counts rows by
            their `sample_weight`.""",
    )
    callbacks: Any = param(
        default=None,
        legal=[list, tuple, keras.callbacks.Callback, None],
        doc="""Keras callback or list of Keras callbacks
            Copied for each fit; ``callbacks_`` holds the copies. They run on a private
            model with this network's weights, whose inputs are standardised;
            ``ModelCheckpoint`` saves what ``model_`` is. One that acts between batches
            makes training slower.""",
    )
    standardize: bool | str = param(
        default=True,
        legal=["boolean", StrOptions({"standard"})],
        doc="""bool or "standard"
            Whether to scale each feature (2-D X) or channel so that no outlier spoils
            it: the median becomes 0, the quartiles lie 1.349 apart, as of a normal
            distribution, and z is bounded to z / sqrt(1 + (z / 3)**2). Where the
            quartiles are equal, half the range takes their place. ``"standard"`` for
            zero mean and unit variance. Unless False, the targets of regressors are
            scaled to zero mean and unit variance, which `predict` undoes.""",
        of_inputs=True,
    )
    device: str = param(
        default="auto",
        legal=[str],
        doc="""str
            ``"auto"`` for the first GPU, else the CPU; or a name such as
            ``"/GPU:1"``.""",
    )
    precision: str = param(
        default="float32",
        legal=[StrOptions({"float32", "float64", "mixed_float16", "mixed_bfloat16"})],
        doc="""{"float32", "float64", "mixed_float16", "mixed_bfloat16"}
            Precision of the arithmetic.""",
    )
    memory: Any = param(
        default=None,
        legal=[str, os.PathLike, HasMethods(["cache"]), None],
        doc="""str, path or joblib.Memory
            Folder of finished fits. A seeded fit that was trained before, by whichever
            process, is found there, and one with more `epochs` goes on from it, with
            the same result bit for bit. See :func:`skrec.training.memory_info`.""",
    )
    warm_start: bool = param(
        default=False,
        legal=["boolean"],
        doc="""bool
            Whether `fit` goes on from the weights of the last call.""",
    )
    random_state: Any = param(
        default=None,
        legal=["random_state"],
        doc="""int, RandomState instance or None
            Seeds initial weights, shuffling, dropout and the validation split of this
            estimator alone. An integer gives the same result each time.""",
    )
    verbose: int = param(
        default=0,
        legal=["verbose"],
        doc="""int
            1 prints a line an epoch.""",
    )

    # What the family's network takes.
    _dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    _accept_sparse: ClassVar[bool] = False
    # Whether NaN in rows of numbers is a missing value, which is imputed.
    _allow_nan: ClassVar[bool] = False
    # Whether an untrained network is a candidate for the best epoch.
    _counts_start: ClassVar[bool] = True
    # What a task predicts.
    _new_target: ClassVar[type[Labels] | type[Numbers]]

    # ---- what a family adds --------------------------------------------------------

    @abstractmethod
    def _network(self, n_outputs: int) -> Network:
        """Describe the architecture for the inputs that were learnt."""

    def _new_inputs(self, X: Any) -> ArrayInputs | TableInputs:
        """Make what encodes X."""
        names = getattr(self, "feature_names_in_", None)
        return ArrayInputs(self._how_scaled, names=names)

    def _checked(self, X: Any, y: Any = NO_TARGET, *, reset: bool) -> Any:
        """Check X and y, or X alone."""
        return checked_arrays(
            self,
            X,
            y,
            reset=reset,
            dimensions=self._dimensions,
            accept_sparse=self._accept_sparse,
            allow_nan=self._allow_nan,
            y_numeric=not self._new_target.has_classes,
        )

    @property
    def _how_scaled(self) -> str | None:
        """How numbers are scaled."""
        how: Any = self.standardize
        return SCALES.get(how, how)

    def _loss(self, dtype: str) -> Any:
        """Return the loss on the network's outputs."""
        return self._target.loss(dtype)

    # ---- fitting -------------------------------------------------------------------

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Any:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training samples; the class says which shapes the network takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. Rows of weight 0 are left out, the others are scaled
            to a mean of 1.
        X_val : array-like of shape (n_val_samples, ...), default=None
            Validation samples, used instead of a split of X.
        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_outputs), \
                default=None
            Targets of `X_val`.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the input is not legal.
        FloatingPointError
            If the loss is no longer a finite number.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        given = Given(X, y, sample_weight, X_val, y_val)
        return self._fit(given, reset=not goes_on, remember=remembers(self))

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> Any:
        given = Given(X, y, sample_weight, classes=classes, is_part=True)
        return self._fit(given, reset=not self.__sklearn_is_fitted__())

    def _fit(self, given: Given, reset: bool, remember: bool = False) -> Any:
        prepared = self._prepared(given, reset)
        network = self._network(self._target.n_outputs)
        if not reset and not self._goes_on_as(network):
            raise ValueError(
                "A parameter that shapes the network was changed, so that training "
                "cannot go on from the last weights. Set warm_start=False, or make a "
                "clone for the new parameters."
            )
        self._spec = network
        epochs = prepared.budget.epochs
        context = self._init_callback_context(max_subtasks=epochs)
        metadata = None
        if given.sample_weight is not None:
            metadata = {"sample_weight": given.sample_weight}
        seen = {"estimator": self, "X": given.X, "y": given.y, "metadata": metadata}
        context.call_on_fit_task_begin(**seen)
        reporter = EpochReporter(self, context, given.X, given.y, metadata, epochs)
        self._state = self._trained(prepared, given, reset, remember, reporter)
        for callback in self._fit_callbacks:
            callback._model = None  # the private one, which is done with
        self.__dict__.pop("_model", None)
        self.n_iter_ = self._state.epoch
        context.call_on_fit_task_end(**seen, reconstruction_attributes=dict)
        return self

    def _prepared(self, given: Given, reset: bool) -> Prepared:
        """Check and encode what `fit` got."""
        return prepare(self, given, reset)

    def _trained(
        self,
        prepared: Prepared,
        given: Given,
        reset: bool,
        remember: bool,
        reporter: EpochReporter,
    ) -> State:
        """Train, and return what has come of it."""
        return trained(self, prepared, given, reset, remember, reporter)

    def _auto_params(self, budget: Budget, is_part: bool) -> dict[str, Any]:
        """Tell what each parameter that is "auto" stands for."""
        return chosen(self, budget)

    # ---- the program ---------------------------------------------------------------

    @property
    def _float(self) -> str:
        """Dtype of the arrays; under mixed precision the inputs are float32."""
        return (
            "float64" if dict(self._spec.options)["dtype"] == "float64" else "float32"
        )

    def _rates(self) -> dict[str, float]:
        """Return the continuous hyper-parameters that the network's builder takes."""
        l2: Any = self.l2
        return {"dropout": self.dropout, "l1": self.l1, "l2": l2}

    def _tuned(self) -> dict[str, float]:
        """Return these of the fit, and what is tuned beside the network, by name."""
        return self._rates_made

    @property
    def _monitored(self) -> str | None:
        """The validation score that tells the best epoch; None for the loss."""
        return None

    def _validation_scores(self) -> Scores | None:
        """Return what is computed of validation rows beside the loss."""
        return None

    def _new_optimizer(self) -> keras.optimizers.Optimizer:
        """Make the optimizer of the last fit, not built."""
        precision = str(dict(self._spec.options)["dtype"])
        return remade_optimizer(self._optimizer_made, precision)

    def _lazy_rows(self, optimizer: keras.optimizers.Optimizer) -> int | None:
        """Return from how many rows on a table is updated lazily; None for never."""
        return None

    def _keras_model(self) -> keras.Model:
        """Build a private, compiled Keras model on standardised inputs."""
        with global_generators(0):
            model = self._spec.build(**self._rates_made)
            optimizer = self._new_optimizer()
            model.compile(optimizer=optimizer, loss=self._loss(self._float))
        return model

    def _lease(self) -> AbstractContextManager[Program]:
        """Lease the program of the fitted architecture and optimizer."""
        loss, device = self._loss(self._float), resolve_device(self.device)

        def build() -> Program:
            with tf.device(device):  # where the optimizer's variables belong too
                own = self._new_optimizer()
                compile_kwargs = {"optimizer": own, "loss": loss}
                network = self._spec.outline()
                return Program(
                    network, compile_kwargs, device, lazy_from=self._lazy_from
                )

        return lease(self._program_key(), build)

    def _program_key(self) -> Hashable:
        loss, device = self._loss(self._float), resolve_device(self.device)
        shape = self._spec, loss.name, self._optimizer_key, self._lazy_from
        return *shape, *keras_settings(), device

    def _start(self, state: State, program: Program, rows: Rows) -> State:
        """Return where training on all rows starts, given a state at the base rate."""
        return state

    def _check_without_graph(self, program: Program) -> None:
        """Check that ``Model.fit`` can do what the program would."""

    @property
    def callbacks_(self) -> list[keras.callbacks.Callback]:
        """The Keras callbacks of the last fit, copies of those in `callbacks`."""
        check_is_fitted(self)
        return vars(self).get("_fit_callbacks", [])

    def _goes_on_as(self, network: Network) -> bool:
        """Tell whether the weights of the last call are of use to a network."""
        return self._spec == network

    def _laid_out(self, state: State, program: Program) -> State:
        """Bring the last call's state to the sizes of the program."""
        return state

    def _fit_items(self, optimizer: keras.optimizers.Optimizer) -> list[Any]:
        """List what a fit depends on beside the rows and the plan."""
        scaling = self.standardize
        return [
            type(self),
            self._spec.builder,
            self._spec.options,
            self._loss(self._float),
            optimizer,
            str(scaling) if isinstance(scaling, str) else bool(scaling),
            self._lazy_from,
        ]

    def _snapshot(self, weights: list[np.ndarray], epoch: int) -> dict[str, Any]:
        """Attributes of a copy that predicts with the weights of an epoch."""
        return {"_state": State(weights, [], epoch), "n_iter_": epoch}

    def _current_state(self) -> State:
        """Return the state, with the weights of ``model_`` where it is handed out."""
        model = vars(self).get("_model")
        if model is None:
            return self._state
        weights = _deploy.network_of(model).get_weights()
        return replace(self._state, weights=weights)

    # ---- predicting ----------------------------------------------------------------

    def _raw_predict(self, X: Any) -> np.ndarray:
        """Return the network's outputs as float64."""
        check_is_fitted(self)
        encoded = self._inputs.encode(self._checked(X, reset=False))
        predictor = self._predictor()
        own = partial(self._inputs.prepare, dtype=self._float)
        outputs = predictor.predict(
            self._weights(predictor.device), encoded, partial(prepare_rows, prepare=own)
        )
        return outputs.astype(np.float64)

    def _predictor(self) -> Predictor:
        """Return what predicts for the fitted architecture, whatever the weights."""
        device = resolve_device(self.device)

        def build() -> Predictor:
            with PROGRAMS.idle(self._program_key()) as program:
                if program is not None:
                    return program.predictor
                return Predictor(self._spec.outline(), device)

        return PREDICTORS.get((self._spec, *keras_settings(), device), build)

    def _weights(self, device: str) -> list[Any]:
        """Return the weights, those of ``model_`` where it is handed out."""
        model = vars(self).get("_model")
        if model is None:
            return PREDICTORS.weights(self._state, device)
        return _deploy.network_of(model).weights

    @property
    def model_(self) -> keras.Model:
        """A private Keras model that takes X as it is and returns predictions.

        Keras holds no codes of ids: where X has any, or lists or arrays in its cells,
        it takes ``encoder_.transform(X)`` instead, and raises if it gets X.

        It is built when first asked for. From then on its weights are those of the
        estimator: training it further changes what the estimator predicts.
        """
        check_is_fitted(self)
        with _handing_out:
            if "_model" not in vars(self):
                core = self._keras_model()
                core.set_weights(self._state.weights)
                self._model = self._deployable(core)
            return self._model

    @property
    def best_epoch_(self) -> int:
        """Epoch, counted from 1, whose weights were kept; 0 for the start."""
        check_is_fitted(self)
        return self._state.kept_epoch

    @property
    def n_parameters_(self) -> int:
        """Number of weights of the network."""
        check_is_fitted(self)
        return sum(weight.size for weight in self._state.weights)

    def _deployable(self, core: keras.Model) -> keras.Model:
        """Put what prepares X before the network and the activation behind it."""
        return _deploy.deployable(core, self._inputs, self._target.head)

    # ---- parameters ----------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the entries of ``optimizer_params`` too, with
            ``optimizer__`` in front.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params = super().get_params(deep=deep)
        return with_routed(params) if deep else params

    def set_params(self, **params: Any) -> Any:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameter names and values; ``optimizer__momentum=0.8`` sets one entry of
            ``optimizer_params``.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        own, routed = split_params(self, params)
        super().set_params(**own)
        if routed:
            self.optimizer_params = {**(self.optimizer_params or {}), **routed}
        return self

    # ---- scikit-learn's protocol ---------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return "_state" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        tags.input_tags.three_d_array = 3 in self._dimensions
        tags.input_tags.sparse = self._accept_sparse
        tags.input_tags.allow_nan = self._allow_nan
        return tags

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """List fitted attributes for a notebook, which must not hand out ``model_``."""
        with _handing_out:
            handed_out = "_model" in vars(self)
            try:
                return super()._get_fitted_attr_html(doc_link)
            finally:
                if not handed_out:
                    self.__dict__.pop("_model", None)

    def __getstate__(self) -> dict[str, Any]:
        state = picklable(super().__getstate__())
        model = state.pop("_model", None)
        if model is not None:  # as it is in the copy: another thread may hand it out
            weights = _deploy.network_of(model).get_weights()
            state["_state"] = replace(state["_state"], weights=weights)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(unpickled(state))

    def __sklearn_clone__(self) -> Any:
        return cloned(self)
