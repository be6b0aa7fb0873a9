"""Fitted Keras models through pickle, with classes that Keras has not registered."""

import inspect
import io
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pickle import PicklingError
from typing import Any

import h5py
import keras
import numpy as np
from keras.src.saving.keras_saveable import KerasSaveable
from keras.src.saving.saving_lib import _load_model_from_fileobj

from skrec._left_out import is_left_out
from skrec.training._global_generators import global_generators
from skrec.training._optimizer_items import ensure_built
from skrec.training.copies import described, rebuilt

_WEIGHTS = "model.weights.h5"  # in what Keras saves


class PickledModel:
    """A model on its way through pickle.

    Keras finds classes and functions of the user's own by name, if they are registered.
    Those that are not go along here, as Python pickles classes: by module and name.
    What the model is compiled with goes along by its attributes.

    Parameters
    ----------
    model : keras.Model
        The model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model, self.lost_optimizer = model, False

    def __getstate__(self) -> dict[str, Any]:
        model = self.model
        _, (saved,) = KerasSaveable.__reduce__(model)  # scikeras may have patched it
        own = {
            keras.saving.get_registered_name(item): item for item in own_parts(model)
        }
        compiled, slots = None, []
        if model.compiled and model.optimizer is not None:
            config = {**model._compile_config.config, "optimizer": model.optimizer}
            compiled = described(config)
            if not is_left_out("optimizer"):
                slots = [np.asarray(v) for v in model.optimizer.variables]
        state = {
            "saved": _without_optimizer(saved.getvalue()),
            "own": own,
            "compiled": compiled,
            "slots": slots,
        }
        if own:
            _require_loadable(state)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.model = model = _loaded(state)
        self.lost_optimizer = state["compiled"] is not None and not state["slots"]
        if state["compiled"] is None:
            return
        model.compile(**rebuilt(state["compiled"]))
        slots, optimizer = state["slots"], model.optimizer
        if model.built and len(slots) != len(optimizer.variables):  # it had been built
            ensure_built(optimizer, model.trainable_variables)
        known = optimizer.variables if slots else []
        for variable, value in zip(known, slots, strict=True):
            variable.assign(value)


def copy_of(model: keras.Model) -> keras.Model:
    """Copy a prebuilt model by the way of pickle.

    Parameters
    ----------
    model : keras.Model
        The model. Keras's own copy leaves out what a configuration does, of the loss
        ``keras.losses.Huber`` for example.

    Returns
    -------
    keras.Model
        A model of its own, whose layers are made from their configurations.

    Raises
    ------
    ValueError
        If Keras cannot make them.
    """
    try:
        return deepcopy(PickledModel(model)).model
    except Exception as error:
        told = " ".join(str(error).split())[:300]
        raise ValueError(
            f"The model {model.name!r} cannot be copied, as each fit and each clone "
            f"must. Give a function that builds it as `model` instead. Keras: {told}"
        ) from error


def _without_optimizer(saved: bytes) -> bytes:
    """Leave out of a saved model what Keras wrote of its optimizer, which we keep."""
    with zipfile.ZipFile(io.BytesIO(saved)) as source:
        content = {name: source.read(name) for name in source.namelist()}
    weights = io.BytesIO()
    with (
        h5py.File(io.BytesIO(content[_WEIGHTS])) as source,
        h5py.File(weights, "w") as target,
    ):
        target.attrs.update(source.attrs)
        for name in source:
            if name != "optimizer":
                source.copy(name, target)
    content[_WEIGHTS] = weights.getvalue()
    smaller = io.BytesIO()
    with zipfile.ZipFile(smaller, "w") as archive:
        for name, own in content.items():
            archive.writestr(name, own)
    return smaller.getvalue()


def own_parts(model: keras.Model) -> Iterator[Any]:
    """List the classes and functions in a model that Keras could not find.

    Parameters
    ----------
    model : keras.Model
        The model.

    Yields
    ------
    class or function
        Those of the user's own that are not registered.
    """
    for item in _parts(model):
        kind = item if inspect.isfunction(item) else type(item)
        if kind.__module__.split(".")[0] in ("keras", "builtins", "numpy"):
            continue
        if kind.__name__ == "<lambda>" or not _can_be_saved(item):
            continue
        name = keras.saving.get_registered_name(kind)
        if keras.saving.get_registered_object(name) is None:
            yield kind


def _can_be_saved(item: Any) -> bool:
    return inspect.isfunction(item) or hasattr(item, "get_config")


def _parts(model: keras.Model) -> Iterator[Any]:
    """Walk over the layers and what they hold."""
    for layer in model._flatten_layers(include_self=True):
        yield layer
        wrapped = ("build", "call", "quantize")  # by Keras, on each layer
        yield from (v for name, v in vars(layer).items() if name not in wrapped)


def _loaded(state: dict[str, Any]) -> keras.Model:
    # Layers without a seed draw one from Python's generator.
    with global_generators(0), keras.saving.custom_object_scope(state["own"]):
        return _load_model_from_fileobj(
            io.BytesIO(state["saved"]), None, compile=False, safe_mode=False
        )


def _require_loadable(state: dict[str, Any]) -> None:
    """Raise before a file is written that could never be read."""
    try:
        _loaded(state)
    except Exception as error:
        raise PicklingError(
            "The fitted model cannot be pickled or copied, since Keras could not build "
            f"one of its classes {sorted(state['own'])} from its configuration. Give "
            "it a `get_config` that returns all arguments of its `__init__`, which has "
            f"to take **kwargs: {str(error)[:200]}"
        ) from error
