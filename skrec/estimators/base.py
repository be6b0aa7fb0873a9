"""The life cycle that all named models share: check, encode, train, predict."""

import inspect
import os
import threading
from abc import ABCMeta, abstractmethod
from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.base import _fit_context, is_regressor
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skrec.estimators import _deploy
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._budget import Budget, chosen
from skrec.estimators._callbacks import (
    Deploying,
    checked_callbacks,
    same_objects,
    saves_models,
)
from skrec.estimators._epochs import EpochReporter
from skrec.estimators._held_out import split
from skrec.estimators._inputs import NO_TARGET
from skrec.estimators._keras_parameters import KeepsKerasObjects
from skrec.estimators._memory import remembers
from skrec.estimators._optimizer_params import OptimizerParamsMixin, remade_optimizer
from skrec.estimators._start import at_base_rate
from skrec.estimators._weights import row_weights
from skrec.networks import Network
from skrec.training import resolve_device
from skrec.training._global_generators import global_generators
from skrec.training._optimizer_items import keras_settings, uses_averages
from skrec.training._seeds import draw_seed
from skrec.training._updates import base_learning_rate, graph_key
from skrec.training.cache import PROGRAMS, lease
from skrec.training.copies import fresh
from skrec.training.fit_key import fit_memory
from skrec.training.keras_fit import train_with_keras
from skrec.training.loop import Plan, Scores, Watcher, needs_model_fit, train
from skrec.training.predictor import PREDICTORS, Predictor, rows_at_once
from skrec.training.program import Program
from skrec.training.rows import Rows, prepare_rows
from skrec.training.state import Rates, State

ACTIVATIONS = {
    name
    for name, value in vars(keras.activations).items()
    if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize")
}
PENALTIES = ("l1", "l2", "embedding_l2")
AUTO = StrOptions({"auto"})
_handing_out = threading.RLock()  # so that each estimator has one `model_`


class BaseNetwork(
    OptimizerParamsMixin, CallbackSupportMixin, KeepsKerasObjects, metaclass=ABCMeta
):
    """Base of the named models; a family adds ``__init__`` and :meth:`_network`."""

    _parameter_constraints: dict = {
        "activation": [StrOptions(ACTIVATIONS)],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "l1": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "batch_norm": ["boolean"],
        "optimizer": [str, type, keras.optimizers.Optimizer],
        "optimizer_params": [dict, None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [
            StrOptions({"step", "exponential", "cosine"}),
            keras.optimizers.schedules.LearningRateSchedule,
            callable,
            None,
        ],
        "clipnorm": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), AUTO, None],
        "epochs": [Interval(Integral, 1, None, closed="left"), AUTO],
        "early_stopping": ["boolean", AUTO],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), AUTO],
        "callbacks": [list, tuple, keras.callbacks.Callback, None],
        "standardize": ["boolean", StrOptions({"standard"})],
        "device": [str],
        "precision": [
            StrOptions({"float32", "float64", "mixed_float16", "mixed_bfloat16"})
        ],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Set by fit.
    _state: State
    _fit_callbacks: list[keras.callbacks.Callback]
    _spec: Network
    _optimizer_made: tuple[Any, ...]  # arguments of make_optimizer
    _optimizer_key: Hashable
    _rates_made: dict[str, float]
    _lazy_from: int | None  # argument of Program
    _was_lazy: bool

    # ---- what a kind of input adds -------------------------------------------------

    @abstractmethod
    def _checked(self, X: Any, y: Any, reset: bool) -> Any:
        """Check X and y; where y is ``NO_TARGET``, X alone."""

    @abstractmethod
    def _learn_inputs(self, X: Any, kept: np.ndarray | None, weight: np.ndarray) -> Any:
        """Learn to encode X from the rows to train on; return all rows encoded."""

    def _further_inputs(self, X: Any, kept: np.ndarray | None) -> Any:
        """Encode rows to go on with, from which more may be learnt; return all."""
        return self._encoded(X)

    @abstractmethod
    def _encoded(self, X: Any) -> Any:
        """Encode checked rows: what is done once, before training."""

    @abstractmethod
    def _learn_scale(self, rows: Rows) -> None:
        """Learn the scale of encoded rows, and of their targets."""

    @abstractmethod
    def _prepare(self, inputs: Any) -> Any:
        """Turn encoded rows into what the network takes, each row by itself."""

    @abstractmethod
    def _deployable(self, core: keras.Model) -> keras.Model:
        """Put what prepares X before the network and the activation behind it."""

    # ---- what a family and a task add ----------------------------------------------

    @abstractmethod
    def _network(self, n_outputs: int) -> Network:
        """Describe the architecture for the inputs that were learnt."""

    @abstractmethod
    def _learn_target(self, y: np.ndarray, classes: Any) -> None:
        """Record what the targets are, from those of the first fit."""

    @abstractmethod
    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        """Turn targets into what the loss takes."""

    @abstractmethod
    def _loss(self, dtype: str) -> keras.losses.Loss:
        """Return the loss on the network's outputs."""

    @property
    @abstractmethod
    def _n_outputs(self) -> int:
        """Number of outputs of the network."""

    @property
    @abstractmethod
    def _head(self) -> _deploy.Head:
        """What turns the network's outputs into what ``model_`` returns."""

    def _scale_target(self, y: np.ndarray, weight: np.ndarray) -> None:
        """Learn the scale of the targets; only regressors have one."""

    # ---- fitting -------------------------------------------------------------------

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
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
        return self._fit(
            X,
            y,
            sample_weight,
            X_val,
            y_val,
            reset=not goes_on,
            remember=remembers(self),
        )

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> Any:
        first = not self.__sklearn_is_fitted__()
        return self._fit(
            X, y, sample_weight, reset=first, is_part=True, classes=classes
        )

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any = None,
        y_val: Any = None,
        *,
        reset: bool,
        is_part: bool = False,
        remember: bool = False,
        classes: Any = None,
    ) -> Any:
        X, y = self._checked(X, y, reset=reset)
        class_weight = getattr(self, "class_weight", None)
        if reset:
            self._learn_target(y, classes)
            self._seed = draw_seed(self.random_state)
            self.history_: dict[str, list[float]] = {}
        known = getattr(self, "classes_", None)
        weight = row_weights(sample_weight, X, class_weight, y, known)
        kept, held_out = None if weight.all() else np.flatnonzero(weight), None
        has_validation = X_val is not None or y_val is not None
        n_rows = int(np.count_nonzero(weight))
        budget = self._budget(n_rows, is_part, has_validation)
        if budget.early_stopping and not has_validation:
            kept, held_out = self._split(y, kept)
        target = self._encode_target(y)
        if reset:
            inputs = self._learn_inputs(X, kept, weight)
        else:
            inputs = self._further_inputs(X, kept)
        rows = Rows(inputs, target, weight, self._prepare, kept)
        validation = None
        if has_validation:
            validation = self._checked_validation(X_val, y_val)
        elif held_out is not None:
            validation = replace(rows, index=held_out)
        self._learn_scale(rows)
        network = self._network(self._n_outputs)
        if not reset and not self._goes_on_as(network):
            raise ValueError(
                "A parameter that shapes the network was changed, so that training "
                "cannot go on from the last weights. Set warm_start=False, or make a "
                "clone for the new parameters."
            )
        self._spec = network
        epochs = budget.epochs
        context = self._init_callback_context(max_subtasks=epochs)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        context.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=metadata)
        reporter = EpochReporter(self, context, X, y, metadata, epochs)
        self._state = self._train(
            rows, validation, reset, is_part, budget, remember, reporter
        )
        for callback in self._fit_callbacks:
            callback._model = None  # the private one, which is done with
        self.__dict__.pop("_model", None)
        self.n_iter_ = self._state.epoch
        context.call_on_fit_task_end(
            estimator=self,
            X=X,
            y=y,
            metadata=metadata,
            reconstruction_attributes=dict,
        )
        return self

    def _budget(
        self, n_rows: int, is_part: bool, has_validation: bool = False
    ) -> Budget:
        """Decide how long to train on so many rows, or on a part of a stream."""
        epochs, stops = (1, False) if is_part else (self.epochs, self.early_stopping)
        if stops == "auto" and has_validation:
            stops = True
        return Budget.of(n_rows, self.batch_size, epochs, stops, self.n_iter_no_change)

    def _auto_params(self, budget: Budget, is_part: bool) -> dict[str, Any]:
        """Tell what each parameter that is "auto" stands for."""
        return chosen(self, budget)

    def _checked_validation(self, X_val: Any, y_val: Any) -> Rows:
        if X_val is None or y_val is None:
            missing = "y_val" if y_val is None else "X_val"
            raise ValueError(f"X_val and y_val go together. Missing: {missing}.")
        X_val, y_val = self._checked(X_val, y_val, reset=False)
        y_val = self._encode_target(y_val)
        return Rows(self._encoded(X_val), y_val, np.ones(len(y_val)), self._prepare)

    def _split(
        self, y: np.ndarray, kept: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Set rows aside for early stopping, stratified where there are classes."""
        stratified = not is_regressor(self)
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        how = self.validation_fraction, self._seed, stratified, self.early_stopping
        return split(y, kept, *how)

    def _learn_target_scale(self, rows: Rows) -> None:
        """Learn the scale of the targets of the rows to train on."""
        kept = slice(None) if rows.index is None else rows.index
        self._scale_target(rows.y[kept], rows.weight[kept])

    def _prepare_target(self, target: np.ndarray) -> np.ndarray:
        """Bring encoded targets to the network's scale and dtype."""
        return target if target.dtype.kind == "i" else target.astype(self._float)

    def _with_prepared_target(self, rows: Rows) -> Rows:
        target = self._prepare_target(rows.y)
        return replace(rows, y=target, weight=rows.weight.astype(self._float))

    # ---- the program ---------------------------------------------------------------

    @property
    def _float(self) -> str:
        """Dtype of the arrays; under mixed precision the inputs are float32."""
        return (
            "float64" if dict(self._spec.options)["dtype"] == "float64" else "float32"
        )

    def _rates(self) -> dict[str, float]:
        """Return the continuous hyper-parameters that the network's builder takes."""
        return {"dropout": self.dropout, "l1": self.l1, "l2": self.l2}

    def _dropout_rate(self, layer_name: str) -> float:
        """Return the rate of a dropout layer of the network."""
        return self.dropout

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

    def _train(
        self,
        rows: Rows,
        validation: Rows | None,
        reset: bool,
        is_part: bool,
        budget: Budget,
        remember: bool,
        reporter: EpochReporter,
    ) -> State:
        rows = self._with_prepared_target(rows)
        if validation is not None:
            validation = self._with_prepared_target(validation)
        callbacks = self._copied_callbacks(reset)
        optimizer, schedule = self._optimizer(), self.lr_schedule
        last_key = getattr(self, "_optimizer_key", None)
        self._optimizer_key = graph_key(optimizer)
        self._optimizer_made = self._optimizer_arguments()
        self.auto_params_ = self._auto_params(budget, is_part)
        self._rates_made = self._rates()
        self._lazy_from = self._lazy_rows(optimizer)
        with self._lease() as program:
            self._was_lazy = program.is_lazy
            if reset:
                state = program.initial_state(self._seed)
                state = at_base_rate(state, program, rows)
                if not is_part:
                    state = self._start(state, program, rows)
            else:
                state = self._state_to_go_on(program, self._optimizer_key == last_key)
            stops = budget.early_stopping and validation is not None
            dropout = [self._dropout_rate(name) for name in program.dropout_names]
            whole = self._budget(len(rows), is_part=False) if is_part else budget
            penalties: dict[str, Any] = {
                k: v for k, v in self._rates_made.items() if k in PENALTIES
            }
            plan = Plan(
                seed=self._seed,
                epochs=budget.epochs,
                batch_size=min(budget.batch_size, len(rows)),
                learning_rate=base_learning_rate(optimizer),
                rates=Rates.of(optimizer, dropout, **penalties),
                schedule=str(schedule) if isinstance(schedule, str) else schedule,
                total_epochs=whole.epochs,
                patience=budget.n_iter_no_change if stops else None,
                evaluation_batch_size=rows_at_once(program.model),
                scores=self._validation_scores(),
                maximize=self._monitored,
                averages=uses_averages(optimizer),
            )
            memory = None
            if remember:
                memory = fit_memory(
                    self.memory,
                    lambda: self._fit_items(optimizer),
                    rows,
                    validation,
                    plan,
                    callbacks,
                    program.device,
                    recalls=not reporter.needs_weights,
                )
            if needs_model_fit(callbacks):
                self._check_without_graph(program)
                if any(map(saves_models, callbacks)):
                    callbacks = [Deploying(callbacks, self._deployable), *callbacks]
                with tf.device(program.device):
                    model = self._keras_model()
                    return train_with_keras(
                        model, state, rows, plan, reporter, validation, callbacks
                    )
            watcher = Watcher(self._keras_model(), callbacks) if callbacks else None
            return train(
                program, state, rows, plan, reporter, validation, watcher, memory
            )

    def _start(self, state: State, program: Program, rows: Rows) -> State:
        """Return where training on all rows starts, given a state at the base rate."""
        return state

    def _check_without_graph(self, program: Program) -> None:
        """Check that ``Model.fit`` can do what the program would."""

    def _copied_callbacks(self, reset: bool) -> list[keras.callbacks.Callback]:
        """Copy the callbacks; a fit that goes on keeps the copies of the last one."""
        given = checked_callbacks(self.callbacks)
        # Copies that have been through pickle are without: they may hold open files.
        last = vars(self).get("_given_callbacks")
        if reset or last is None or not same_objects(given, last):
            self._fit_callbacks, self._given_callbacks = fresh(list(given)), given
        return self._fit_callbacks

    @property
    def callbacks_(self) -> list[keras.callbacks.Callback]:
        """The Keras callbacks of the last fit, copies of those in `callbacks`."""
        check_is_fitted(self)
        return vars(self).get("_fit_callbacks", [])

    def _goes_on_as(self, network: Network) -> bool:
        """Tell whether the weights of the last call are of use to a network."""
        return self._spec == network

    def _state_to_go_on(self, program: Program, same_optimizer: bool) -> State:
        """Return what training goes on from; another optimizer starts anew."""
        state = self._current_state()
        if same_optimizer:
            return self._laid_out(state, program)
        state = self._laid_out(replace(state, optimizer=[]), program)
        return replace(state, optimizer=program.untrained_optimizer)

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
        inputs = self._encoded(self._checked(X, NO_TARGET, reset=False))
        predictor = self._predictor()
        prepare = partial(prepare_rows, prepare=self._prepare)
        outputs = predictor.predict(self._weights(predictor.device), inputs, prepare)
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

    # ---- scikit-learn's protocol ---------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return "_state" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
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
        state = dict(super().__getstate__())
        model = state.pop("_model", None)
        if model is not None:  # as it is in the copy: another thread may hand it out
            weights = _deploy.network_of(model).get_weights()
            state["_state"] = replace(state["_state"], weights=weights)
        return state
