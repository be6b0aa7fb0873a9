"""Keras objects as parameters of estimators: cloned, pickled, and never trained."""

from dataclasses import dataclass
from typing import Any

import keras
from sklearn.base import BaseEstimator

from skrec._left_out import is_left_out
from skrec.estimators._pickled_models import PickledModel, copy_of
from skrec.training.copies import described, fresh, holds_objects, rebuilt


def with_fresh_optimizer(model: keras.Model) -> None:
    """Give a compiled model an optimizer that no other model trains.

    Parameters
    ----------
    model : keras.Model
        A model as a build function returns it; its optimizer may be an object that the
        function gives to every model.
    """
    optimizer = model.optimizer
    named = isinstance(model._compile_config.config.get("optimizer"), str)
    if named or (optimizer.built and _is_of(optimizer, model)):
        return
    model.optimizer = fresh(optimizer)


def _is_of(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> bool:
    known = {id(variable) for variable in optimizer._trainable_variables}
    return known == {id(variable) for variable in model.trainable_variables}


# ---- parameters of estimators --------------------------------------------------------


# The copies that the last fit ran, which may hold open files.
_OF_LAST_FIT = ("_fit_callbacks", "_predict_callbacks", "_given_callbacks")


def cloned(estimator: Any) -> Any:
    """Clone an estimator, as scikit-learn does, but for Keras objects.

    Parameters
    ----------
    estimator : estimator
        Parameters that are, or hold, Keras objects are copied in our way.

    Returns
    -------
    estimator
        Not fitted.
    """
    kind: Any = type(estimator)
    twin = kind.__new__(kind)
    attributes: dict[str, Any] = twin.__dict__
    attributes.update(vars(estimator))
    stores = [attributes]
    if "_kwargs" in attributes:  # parameters that are no attributes
        attributes["_kwargs"] = dict(attributes["_kwargs"])
        stores.append(attributes["_kwargs"])
    for store in stores:
        for name in twin._get_param_names():
            if _is_keras(store.get(name)):
                store[name] = _Cloned(store[name])
    return BaseEstimator.__sklearn_clone__(twin)


def picklable(state: dict[str, Any]) -> dict[str, Any]:
    """Bring an estimator's state into a form that can be pickled.

    Parameters
    ----------
    state : dict
        Attributes.

    Returns
    -------
    dict
        The same, with Keras objects by their descriptions, but for the fitted model,
        and without what the last fit ran.
    """
    return {
        name: _Pickled(value) if _is_keras(value) and name != "_model" else value
        for name, value in state.items()
        if name not in _OF_LAST_FIT
    }


def unpickled(state: dict[str, Any]) -> dict[str, Any]:
    """Undo `picklable`.

    Parameters
    ----------
    state : dict
        What it returned.

    Returns
    -------
    dict
        Attributes.
    """
    return {
        name: value.value if isinstance(value, _Pickled) else value
        for name, value in state.items()
    }


def _is_keras(value: Any) -> bool:
    """Tell whether Keras's own copy of a parameter might leave something out."""
    is_model = isinstance(value, keras.Model) and not is_left_out("code")
    return is_model or holds_objects(value)


class KeepsKerasObjects(BaseEstimator):
    """Lets estimators with Keras objects as parameters be cloned and pickled."""

    def __sklearn_clone__(self) -> Any:
        return cloned(self)

    def __getstate__(self) -> dict[str, Any]:
        return picklable(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(unpickled(state))


@dataclass
class _Cloned:
    """A parameter that scikit-learn's ``clone`` copies in our way."""

    value: Any

    def __sklearn_clone__(self) -> Any:
        if isinstance(self.value, keras.Model):
            return copy_of(self.value)
        return fresh(self.value)


@dataclass
class _Pickled:
    """A parameter that is pickled by its description."""

    value: Any

    def __getstate__(self) -> Any:
        if isinstance(self.value, keras.Model):
            return PickledModel(self.value)
        return described(self.value)

    def __setstate__(self, state: Any) -> None:
        is_model = isinstance(state, PickledModel)
        self.value = state.model if is_model else rebuilt(state)
