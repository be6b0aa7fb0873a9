"""Optimizers, losses, metrics and callbacks of the generic estimators."""

from typing import Any

import keras
from sklearn.utils.validation import check_is_fitted

from skrec.estimators._callbacks import flat, require_tensorboard, same_objects
from skrec.estimators._parameters import GenericParameters
from skrec.estimators._scikeras import BaseWrapper
from skrec.training.copies import fresh, holds_objects


class MakesObjects(GenericParameters):
    """Makes what a fit trains with; nothing of it is a parameter itself."""

    def _get_compile_kwargs(self) -> dict[str, Any]:
        """Make what ``compile`` takes; no object in it is a parameter."""
        settings = _Settings(self)
        kwargs = BaseWrapper._get_compile_kwargs(settings)
        names = ("optimizer", "loss", "metrics", "weighted_metrics")
        given = [settings.params.get(f"compile__{n}", None) for n in names]
        given += [settings.params.get(name) for name in names]
        return fresh(kwargs) if holds_objects(given) else kwargs

    def _made_callbacks(self) -> tuple[list, list]:
        """Make the callbacks of fit and of predict: copies of those given."""
        settings = _Settings(self)
        BaseWrapper._initialize_callbacks(settings)
        fit, predict = fresh([settings._fit_callbacks, settings._predict_callbacks])
        fit, predict = flat(fit), flat(predict)
        require_tensorboard([*fit, *predict])
        return fit, predict

    def _initialize_callbacks(self, first: bool = True) -> None:
        """Make the callbacks; a fit that goes on keeps those of the last one."""
        params = self._settings().items()
        given = [value for name, value in params if "callbacks" in name.split("__")]
        if first or not same_objects(given, vars(self).get("_given_callbacks", ())):
            self._fit_callbacks, self._predict_callbacks = self._made_callbacks()
            self._given_callbacks = given

    @property
    def callbacks_(self) -> list[keras.callbacks.Callback]:
        """The Keras callbacks of the last fit, copies of those in the parameters."""
        check_is_fitted(self)
        return vars(self).get("_fit_callbacks", [])


class _Settings:
    """What scikeras's methods see as the estimator: all of its settings are parameters.

    The constructor of a subclass may fix some of them, which are then no parameters.
    """

    _fit_callbacks: list
    _predict_callbacks: list

    def __init__(self, estimator: Any) -> None:
        self.params = estimator._settings()
        self._compile_kwargs = estimator._compile_kwargs

    def get_params(self) -> dict[str, Any]:
        """Return the settings."""
        return self.params
