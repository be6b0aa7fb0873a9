"""Calling a build function of the user's own, whatever kind of callable it is."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from skrec.estimators._pickled_models import copy_of
from skrec.training._code import CannotDigestError
from skrec.training._variables import values_of
from skrec.training.own_models import as_keras_casts, cast_inputs
from skrec.training.structure import layers_digest

# What a build function gets if its signature asks for it; nobody else gives these.
OFFERS = ("meta", "compile_kwargs", "params")


def arguments_of(build: Callable[..., Any]) -> list[str]:
    """Name the arguments of a build function that are parameters of the estimator.

    Parameters
    ----------
    build : callable
        The build function.

    Returns
    -------
    list of str
        Those of its signature, without `OFFERS`, ``*args`` and ``**kwargs``.
    """
    parameters = inspect.signature(build).parameters.values()
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [
        p.name for p in parameters if p.kind not in variable and p.name not in OFFERS
    ]


def is_build_function(model: Any) -> bool:
    """Tell whether scikeras would refuse a callable that can build all the same.

    Parameters
    ----------
    model : object
        The parameter ``model``.

    Returns
    -------
    bool
        True for bound methods, objects with ``__call__`` and classes of models.
    """
    plain = inspect.isfunction(model) or isinstance(model, functools.partial)
    return callable(model) and not plain and not isinstance(model, keras.Model)


def takes(build: Callable[..., Any], name: str) -> bool:
    """Tell whether a build function is to be given one of the offers by name.

    Parameters
    ----------
    build : callable
        The build function.
    name : {"meta", "compile_kwargs", "params"}
        What is offered.

    Returns
    -------
    bool
        True if its signature has the name or ``**kwargs``; the ``**kwargs`` of a class
        of models are those of ``keras.Model``, which takes no offer.
    """
    parameters = inspect.signature(build).parameters
    if name in parameters:
        return True
    return not _is_class_of_models(build) and any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )


def _is_class_of_models(build: Any) -> bool:
    while isinstance(build, functools.partial):
        build = build.func
    return inspect.isclass(build) and issubclass(build, keras.Model)


def require_model(model: Any, build: Callable[..., Any]) -> keras.Model:
    """Return what a build function has returned, if it is a model.

    Parameters
    ----------
    model : object
        What it has returned.
    build : callable
        The build function, for the message.

    Returns
    -------
    keras.Model
        The model.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(model, keras.Model):
        return model
    raise ValueError(
        "The build function must return a keras.Model. "
        f"{getattr(build, '__name__', build)} returned {model!r}; is its "
        "`return model` missing?"
    )


def require_loss(model: keras.Model) -> None:
    """Refuse a compiled model without a loss.

    Parameters
    ----------
    model : keras.Model
        The model.

    Raises
    ------
    ValueError
        If none of its outputs has a loss.
    """
    losses = model.loss
    if isinstance(losses, dict):
        losses = list(losses.values())
    if isinstance(losses, list | tuple) and not any(losses):
        raise ValueError(
            "You must provide a loss, by the parameter `loss` or where the build "
            f"function compiles the model. Received: loss={model.loss!r}."
        )


def is_built(model: keras.Model) -> bool:
    """Tell whether a model and all layers in it have their variables.

    Parameters
    ----------
    model : keras.Model
        The model. One whose class has no `build` of its own counts for Keras as built
        once `build` was called, whatever its layers are.

    Returns
    -------
    bool
        False also where a layer is never used.
    """
    return all(layer.built for layer in model._flatten_layers())


def called(model: keras.Model, X: Any) -> Any:
    """Build a model whose layers wait for data, as ``Model.fit`` does: by shapes alone.

    Parameters
    ----------
    model : keras.Model
        A model that is not built.
    X : array, or list or dict of arrays
        Samples; a call on them would change what a layer counts or remembers.

    Returns
    -------
    KerasTensor or nested structure of them
        Its outputs.
    """
    return model(
        keras.tree.map_structure(_like, keras.tree.map_structure(as_keras_casts, X))
    )


def _like(array: Any) -> keras.KerasTensor:
    is_text = array.dtype.kind in "OUS"
    dtype = "string" if is_text else array.dtype.name
    return keras.KerasTensor((None, *array.shape[1:]), dtype)


def require_exact_copy(model: keras.Model, copied: keras.Model, X: Any) -> None:
    """Raise where the copy of a prebuilt model, which a fit trains, is another model.

    Parameters
    ----------
    model : keras.Model
        The parameter.
    copied : keras.Model
        Its copy, made by configurations and weights, and built.
    X : array, or list or dict of arrays
        Samples, the first of which tells where nothing else can.

    Raises
    ------
    ValueError
        If the configuration of a layer forgets something, or nobody can tell.
    """
    waits = not is_built(model)
    try:
        same = layers_digest(model) == layers_digest(
            copy_of(model) if waits else copied
        )
    except CannotDigestError as error:  # such as a table of words
        if waits:
            raise ValueError(
                f"The model {model.name!r} has no weights yet by which a copy of it, "
                "which each fit trains, could be compared with it. Call it on some "
                "rows before, or give a function that builds it as `model` instead."
            ) from error
        row = cast_inputs(model, keras.tree.map_structure(lambda a: a[:1], X))
        before = values_of(model.variables), values_of(copied.variables)
        outputs = [keras.tree.flatten(each(row)) for each in (model, copied)]
        for each, values in zip((model, copied), before, strict=True):
            for variable, value in zip(each.variables, values, strict=True):
                variable.assign(value)
        pairs = [map(np.asarray, pair) for pair in zip(*outputs, strict=True)]
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
    if not same:
        raise ValueError(
            f"The model {model.name!r} cannot be copied, as each fit must, since the "
            "configuration of one of its layers (`get_config`) leaves something out. "
            "Give a function that builds it as `model` instead."
        )
