"""Keras models in a file without code: by their numbers, and Keras's layers by a plan.

A model of a build function is built anew by it; a prebuilt one from its configuration,
as far as that names Keras's own layers and classes that the loader trusts.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from skrec._left_out import is_left_out
from skrec.estimators._pickled_models import own_parts
from skrec.networks._network import outlined
from skrec.training._global_generators import global_generators
from skrec.training._optimizer_items import ensure_built

_LARGEST_ROW = 10**8  # of X; a file says how large they are


def without_code(state: dict[str, Any]) -> dict[str, Any]:
    """Bring a generic estimator's state into a form that no code is needed to read.

    Parameters
    ----------
    state : dict
        Attributes.

    Returns
    -------
    dict
        The same, with what this module has in place of Keras models.
    """
    if "_model" in state:
        state = {**state, "_model": KeptModel(state["_model"])}
    if isinstance(state.get("model"), keras.Model):
        state = {**state, "model": KeptArchitecture(state["model"])}
    return state


def rebuild(estimator: Any) -> None:
    """Undo :func:`without_code`: build the models of a loaded estimator anew.

    Parameters
    ----------
    estimator : KerasEstimator
        The estimator, whose build function is called.

    Raises
    ------
    ValueError
        If a model has other weights than were saved.
    """
    plan = estimator.model if isinstance(estimator.model, KeptArchitecture) else None
    if plan is not None:
        estimator.model = plan.build()
    kept = vars(estimator).get("_model")
    if not isinstance(kept, KeptModel):
        return
    shape, dtype = (1, *estimator.X_shape_[1:]), estimator.X_dtype_
    if math.prod(shape) > _LARGEST_ROW:
        raise ValueError(f"a row of X has the shape {shape[1:]}")
    if plan is not None and not plan.own and not estimator.model.built:
        raise ValueError("its model waits for data, which would build it at any size")
    blank = np.full(shape, "" if dtype.kind in "OUS" else 0, dtype)
    estimator._build(estimator.feature_encoder_.transform(blank))
    kept.put_into(estimator._model)
    if not kept.slots:
        estimator._optimizer_left_out = True


class KeptModel:
    """The numbers of a fitted model, whose build function makes the rest.

    Parameters
    ----------
    model : keras.Model
        The model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.values = [_value(variable) for variable in model.variables]
        self.slots: list[np.ndarray] = []
        if model.optimizer is not None and not is_left_out("optimizer"):
            self.slots = [_value(variable) for variable in model.optimizer.variables]

    def put_into(self, model: keras.Model) -> None:
        """Give a newly built model these numbers.

        Parameters
        ----------
        model : keras.Model
            Built and compiled.

        Raises
        ------
        ValueError
            If it has other weights.
        """
        _assign(model.variables, self.values, "the model that the build function makes")
        if self.slots:
            ensure_built(model.optimizer, model.trainable_variables)
            _assign(model.optimizer.variables, self.slots, "its optimizer")


class KeptArchitecture:
    """A model that is a parameter, by its configuration and weights.

    Parameters
    ----------
    model : keras.Model
        The model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.config = model.to_json()
        self.values = [_value(variable) for variable in model.variables]
        self.own = sorted(set(own_parts(model)), key=lambda kind: kind.__name__)

    def build(self) -> keras.Model:
        """Make the model.

        Returns
        -------
        keras.Model
            The model.

        Raises
        ------
        ValueError
            If it asks for a class of which nothing was said.
        """
        own = {keras.saving.get_registered_name(kind): kind for kind in self.own}
        for part in _parts_of(json.loads(self.config)):
            module = str(part.get("module") or "keras")
            named = part.get("registered_name") or part.get("class_name")
            if named not in own and module.split(".")[0] not in ("keras", "builtins"):
                raise ValueError(f"the model has a layer {module}.{part['class_name']}")
        if not self.own:  # code of the user's own may not do without values
            self._require_weights()
        with global_generators(0):
            model = keras.models.model_from_json(self.config, custom_objects=own)
        _assign(model.variables, self.values, "the model of its configuration")
        return model

    def _require_weights(self) -> None:
        """Raise before a model is built that is larger than the weights of the file."""
        config = json.loads(self.config)
        for part in _parts_of(config):
            part.pop("compile_config", None)  # an optimizer has weights of its own
        plan = json.dumps(config)
        with global_generators(0):
            outlined(
                lambda: keras.models.model_from_json(plan),
                [np.shape(value) for value in self.values],
            )


def _parts_of(config: Any) -> Iterator[dict[str, Any]]:
    """Walk over all that a configuration would make."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _parts_of(part)


def _value(variable: keras.Variable) -> np.ndarray:
    return variable.value.numpy()


def _assign(variables: list[Any], values: list[np.ndarray], what: str) -> None:
    shapes = [tuple(variable.shape) for variable in variables]
    given = [value.shape for value in values]
    if shapes != given:
        raise ValueError(
            f"{what} has other weights than the file: {shapes[:5]} where it holds "
            f"{given[:5]}"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
