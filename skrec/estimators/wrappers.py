"""Life cycle of the estimators around a user's own build function.

It keeps scikeras's vocabulary and its routing of parameters, and replaces the rest.
"""

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse
from sklearn.base import BaseEstimator, is_regressor
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import check_is_fitted, validate_data

from skrec._docs_address import DocumentedHere
from skrec._left_out import is_left_out
from skrec._sklearn import HasMethods, Interval, Options, StrOptions, fit_context
from skrec._warn import warn_user
from skrec.estimators._atomic import all_or_nothing, undo_on_failure
from skrec.estimators._building import (
    called,
    is_build_function,
    is_built,
    require_exact_copy,
    require_loss,
    require_model,
    takes,
)
from skrec.estimators._callbacks import acts_in_prediction
from skrec.estimators._epochs import EpochReporter, with_long_names
from skrec.estimators._inputs import (
    holds_text,
    require_dimensions,
    require_numeric_columns,
    require_targets,
)
from skrec.estimators._kept_models import without_code
from skrec.estimators._keras_parameters import with_fresh_optimizer
from skrec.estimators._memory import remembers
from skrec.estimators._objects import MakesObjects
from skrec.estimators._outputs import Head
from skrec.estimators._pickled_models import PickledModel, copy_of
from skrec.estimators._routing import check_routed
from skrec.estimators._scikeras import BaseWrapper, metric_name, route_params
from skrec.estimators._trained import OPTIMIZER_LEFT_OUT
from skrec.estimators._validation_rows import given_rows
from skrec.estimators._weights import row_weights
from skrec.preprocessing._finite import require_finite
from skrec.training import own_models, resolve_device
from skrec.training._global_generators import global_generators
from skrec.training._optimizer_items import uses_averages
from skrec.training._seeds import draw_seed
from skrec.training._updates import base_learning_rate
from skrec.training.loop import Plan
from skrec.training.optimizers import did_you_mean
from skrec.training.rows import Rows
from skrec.training.state import Rates


class KerasEstimator(DocumentedHere, CallbackSupportMixin, MakesObjects, BaseWrapper):
    """Life cycle of the generic estimators, on scikeras's vocabulary."""

    _parameter_constraints: dict = {
        "model": [callable, keras.Model, None],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            Options(int, {-1}),
            None,
        ],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "validation_split": [Interval(Real, 0, 1, closed="left")],
        "shuffle": ["boolean"],
        "run_eagerly": ["boolean"],
        "verbose": ["verbose", StrOptions({"auto"})],
    }
    _routing_prefixes = BaseWrapper._routing_prefixes | {"callbacks", "score"}

    def __init__(
        self,
        model: Any = None,
        *,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: int = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        memory: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model=model,
            build_fn=build_fn,
            warm_start=warm_start,
            random_state=random_state,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            run_eagerly=run_eagerly,
            epochs=epochs,
        )
        self.memory = memory
        self._kwargs = kwargs

    # ---- building ------------------------------------------------------------------

    def _check_model_param(self) -> Callable[..., Any]:
        model = self.model if self.model is not None else self.build_fn
        if isinstance(model, keras.Model):
            return lambda: copy_of(model)  # fit never trains a parameter
        if is_build_function(model) and not hasattr(self, "_keras_build_fn"):
            return model
        return super()._check_model_param()

    def _build_keras_model(self) -> keras.Model:
        build, settings = self._check_model_param(), self._settings()
        check_routed(self, build)
        arguments = route_params(
            settings, destination="model", pass_filter=self._user_params, strict=True
        )
        offers = {
            "meta": self._get_metadata,
            "compile_kwargs": self._get_compile_kwargs,
            "params": self._settings,
        }
        for name, make in offers.items():
            if takes(build, name):
                arguments[name] = make()
        return require_model(build(**arguments), build)

    def _build(self, X: Any) -> keras.Model:
        """Call the build function, with global generators of its own and a seed."""
        given = self.model if self.model is not None else self.build_fn
        device = resolve_device("auto")  # where it will be trained
        with global_generators(self._seed % 2**31, given), tf.device(device):
            self._model = model = self._build_keras_model()
            if model.compiled and model.optimizer is not None:
                with_fresh_optimizer(model)
            self._ensure_compiled_model()
            require_loss(model)
            self._head = Head.of(model, None if is_built(model) else called(model, X))
        if isinstance(given, keras.Model):
            require_exact_copy(given, model, X)
        return model

    def _check_model_compatibility(self, y: Any) -> None:
        if getattr(self._model, "outputs", None):
            super()._check_model_compatibility(y)

    def _check_outputs(self) -> None:
        """Refuse a model whose outputs do not fit the targets."""

    @property
    def model_(self) -> keras.Model:
        """The trained Keras model; training it changes what the estimator predicts."""
        check_is_fitted(self)
        return own_models.with_metrics(self._model)

    @property
    def n_parameters_(self) -> int:
        """Number of weights of the model."""
        check_is_fitted(self)
        return self._model.count_params()

    @property
    def initialized_(self) -> bool:
        """Whether there is a model to predict with."""
        return self.__sklearn_is_fitted__()

    @all_or_nothing
    def initialize(self, X: Any, y: Any = None) -> Any:
        """Build the model without training it, for example a pretrained one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets, of which a classifier learns its labels.

        Returns
        -------
        self
            The estimator, ready to predict.
        """
        self._initialize(X, y)
        return self

    def _initialize(self, X: Any, y: Any = None) -> tuple[Any, Any]:
        self._seed = draw_seed(self.random_state)
        X, y = self._validate_data(X, y, reset=True)
        encoder = self.target_encoder
        self.target_encoder_ = encoder if y is None else encoder.fit(y)
        self.__dict__.update(getattr(self.target_encoder_, "get_metadata", dict)())
        self.feature_encoder_ = self.feature_encoder.fit(X)
        self.__dict__.update(getattr(self.feature_encoder_, "get_metadata", dict)())
        self._build(self.feature_encoder_.transform(X))
        if y is not None and hasattr(self.target_encoder_, "learn_head"):
            self.target_encoder_.learn_head(self._head)
        return X, y

    # ---- checking data -------------------------------------------------------------

    def _validate_data(
        self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = False
    ) -> tuple[Any, Any]:
        """Check with scikit-learn's functions; the dtype of numbers is left alone."""
        options: dict[str, Any] = {"accept_sparse": True, "allow_nd": True}
        require_dimensions(X, self)
        is_text = holds_text(X)  # for a network that looks words up
        if not is_text:
            require_numeric_columns(X, type(self).__name__)
        kind = getattr(getattr(X, "dtype", None), "kind", "O")
        options["dtype"] = "numeric" if kind in "OUS" and not is_text else None
        options["ensure_all_finite"] = False
        if y is None:
            X = validate_data(self, X, reset=reset, **options)
        else:
            if not is_regressor(self):
                require_targets(y, numbers=False)
            X, y = validate_data(
                self,
                X,
                y,
                reset=reset,
                multi_output=True,
                y_numeric=is_regressor(self),
                **options,
            )
            y = y.toarray() if sparse.issparse(y) else y
        X = X.toarray() if sparse.issparse(X) else X
        if not is_text:
            require_finite(X, self, getattr(self, "feature_names_in_", None))
        if reset:
            self.X_dtype_, self.X_shape_ = X.dtype, X.shape
        elif X.ndim != len(self.X_shape_):
            raise ValueError(
                f"X has {X.ndim} dimensions, but this {type(self).__name__} is "
                f"expecting {len(self.X_shape_)} dimensions in X."
            )
        elif X.shape[1:] != self.X_shape_[1:]:
            raise ValueError(
                f"X has shape {X.shape[1:]}, but this {type(self).__name__} is "
                f"expecting X of shape {self.X_shape_[1:]}."
            )
        if y is not None and reset:
            self.y_dtype_, self.y_ndim_ = y.dtype, y.ndim
            self.target_type_ = self._type_of_target(y)
        elif y is not None and y.ndim != self.y_ndim_:
            raise ValueError(
                f"y has {y.ndim} dimensions, but this {type(self).__name__} is "
                f"expecting {self.y_ndim_} dimensions in y."
            )
        return X, y

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
        **kwargs: Any,
    ) -> Any:
        """Build the model and train it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. Rows of weight 0 are left out, the others are scaled
            to a mean of 1.
        X_val : array-like of shape (n_val_samples, ...), default=None
            Validation samples.
        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_outputs), \
                default=None
            Targets of `X_val`.
        **kwargs : dict
            Arguments of ``Model.fit`` for this call alone. From `initial_epoch` on,
            `epochs` more are trained, as in scikeras: Keras takes the sum.

        Returns
        -------
        self
            The fitted estimator.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        first = not (self.warm_start and self.initialized_)
        if first:
            self._given_classes = None
        return self._fit(
            X,
            y,
            sample_weight,
            X_val,
            y_val,
            first=first,
            fit_kwargs=kwargs,
            memory=self.memory if first and remembers(self) else None,
        )

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, kwargs: dict, classes: Any = None
    ) -> Any:
        for name in ("epochs", "initial_epoch"):
            if name in kwargs:
                raise TypeError(
                    f"Invalid argument {name!r}: partial_fit always trains one epoch "
                    "more."
                )
        kwargs = {**kwargs, "epochs": 1, "initial_epoch": self.current_epoch}
        first = not self.initialized_
        if first:
            self._given_classes = classes
        return self._fit(X, y, sample_weight, first=first, fit_kwargs=kwargs)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any = None,
        y_val: Any = None,
        *,
        first: bool,
        fit_kwargs: dict[str, Any],
        memory: Any = None,
    ) -> Any:
        options = self._fit_options(fit_kwargs)
        given = given_rows(X_val, y_val, options.pop("validation_data", None))
        if first:
            X, y = self._initialize(X, y)
        else:
            X, y = self._validate_data(X, y)
            if vars(self).get("_optimizer_left_out"):
                warn_user(OPTIMIZER_LEFT_OUT)
        self.__dict__.pop("_optimizer_left_out", None)
        self._initialize_callbacks(first)
        class_weight = getattr(self, "class_weight", None)
        classes = getattr(self, "classes_", None)
        weight = row_weights(sample_weight, X, class_weight, y, classes)
        rows = self._rows(X, y, weight)
        rows.weighted = sample_weight is not None or class_weight is not None
        if not weight.all():
            rows = rows.select(np.flatnonzero(weight))
        self._check_model_compatibility(rows.y)
        if first:
            self._check_outputs()
        fraction = options.pop("validation_split", 0)
        validation = None
        if given is not None:
            X_v, y_v = self._validate_data(given.X, given.y)
            validation = self._rows(X_v, y_v, given.weight(len(X_v)))
        elif fraction:  # the last rows, as in Model.fit
            parts = np.split(np.arange(len(rows)), [int(len(rows) * (1 - fraction))])
            rows, validation = map(rows.select, parts)
        epochs, epoch = options.pop("epochs"), options.pop("initial_epoch", 0)
        context = self._init_callback_context(max_subtasks=epochs)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        seen = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(**seen)
        if epoch == 0 or not hasattr(self, "history_"):
            self.history_: dict[str, list[float]] = {}
        undo_on_failure(own_models.restorer(self._model))
        own_models.fit_model(
            self._model,
            rows,
            self._plan(options, len(rows), epochs),
            epoch,
            EpochReporter(self, context, X, y, metadata, epochs),
            validation,
            self._fit_callbacks,
            options,
            memory if epoch == 0 else None,
        )
        self.history_ = with_long_names(self.history_, metric_name)
        self.n_iter_ = self.current_epoch
        context.call_on_fit_task_end(**seen, reconstruction_attributes=dict)
        return self

    def _rows(self, X: Any, y: Any, weight: np.ndarray) -> Rows:
        encoded = self.feature_encoder_.transform(X), self.target_encoder_.transform(y)
        # An encoder of the user's own may return frames.
        X, y = tf.nest.map_structure(np.asarray, encoded)
        return Rows(X, tf.nest.map_structure(self._target_dtype, y), weight)

    def _target_dtype(self, y: np.ndarray) -> np.ndarray:
        """Bring numbers to Keras's precision, as ``Model.fit`` does.

        Where a model works in double precision, so do its targets.
        """
        outputs = getattr(self._model, "outputs", None) or []
        double = any(output.dtype == "float64" for output in outputs)
        if y.dtype.kind != "f" or double:
            return y
        return y.astype(keras.config.floatx(), copy=False)

    def _fit_options(self, fit_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Gather the arguments of this fit: the call's, then ``fit__``, then own."""
        params = self._settings()
        options = route_params(params, destination="fit", pass_filter=self._fit_kwargs)
        options.update(fit_kwargs)
        legal = {*self._fit_kwargs, "validation_data", "steps_per_epoch"}
        for name in fit_kwargs:
            if name not in legal:
                hint = did_you_mean(name, legal)
                if name in params:
                    hint = (
                        f" It is a parameter of the estimator: {type(self).__name__}("
                        f"..., {name}=...) or set_params({name}=...)."
                    )
                raise TypeError(f"fit() takes no argument {name!r}.{hint}")
        verbose = options.pop("verbose", 0)
        self._verbose = 0 if verbose == 0 else 1
        return {
            name: value
            for name, value in options.items()
            if not name.startswith("callbacks") and value is not None
        }

    def _plan(self, options: dict[str, Any], n_rows: int, epochs: int) -> Plan:
        """Take out of the options what the engine does itself."""
        sizes = {}
        for name, default in (("batch_size", 32), ("validation_batch_size", None)):
            size = options.pop(name, default)
            sizes[name] = n_rows if size == -1 else size and int(size)
        return Plan(
            seed=self._seed,
            epochs=int(epochs),
            batch_size=min(sizes["batch_size"], n_rows),
            learning_rate=base_learning_rate(self._model.optimizer),
            rates=Rates(),
            shuffle=bool(options.pop("shuffle", True)),
            evaluation_batch_size=sizes["validation_batch_size"],
            as_keras=True,
            averages=uses_averages(self._model.optimizer),
        )

    # ---- predicting ----------------------------------------------------------------

    def _predict_raw(self, X: Any, **kwargs: Any) -> Any:
        check_is_fitted(self)
        X, _ = self._validate_data(X)
        options = route_params(
            self._settings(), destination="predict", pass_filter=set(), strict=True
        )
        options = {k: v for k, v in {**options, **kwargs}.items() if k != "callbacks"}
        if options.get("batch_size") == -1:
            options["batch_size"] = len(X)
        callbacks = vars(self).get("_predict_callbacks")
        if callbacks is None:  # unpickled, or initialized alone
            _, callbacks = self._made_callbacks()
        if any(map(acts_in_prediction, callbacks)):
            options["callbacks"] = callbacks
        X = self.feature_encoder_.transform(X)
        weights = vars(self).get("_epoch_weights")
        return own_models.predict_model(self._model, X, weights, **options)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Score predictions by ``scorer``: accuracy, or the coefficient R2.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.

        Returns
        -------
        float
            The score.
        """
        options = route_params(self._settings(), destination="score", pass_filter=set())
        return self.scorer(y, self.predict(X), sample_weight=sample_weight, **options)

    # ---- scikit-learn's protocol ---------------------------------------------------

    def _snapshot(self, weights: list[np.ndarray], epoch: int) -> dict[str, Any]:
        """Attributes of a copy that predicts with the weights of an epoch."""
        return {"_epoch_weights": weights}

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if is_left_out("code"):
            return without_code(state)
        if "_model" in state:
            state["_model"] = PickledModel(state["_model"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        pickled = state.get("_model")
        if isinstance(pickled, PickledModel):
            state = {**state, "_model": pickled.model}
            if pickled.lost_optimizer:
                state["_optimizer_left_out"] = True
        super().__setstate__(state)

    def __copy__(self) -> Any:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    def __sklearn_is_fitted__(self) -> bool:
        return "_model" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags

    __repr__ = BaseEstimator.__repr__
