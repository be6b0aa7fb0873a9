"""The variables of a Keras model that training changes, beside its weights."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras.src.backend import random_seed_dtype


def further_variables(model: keras.Model) -> list[keras.Variable | None]:
    """Return what a model remembers from call to call beside weights and metrics.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    list of keras.Variable or None
        States of random generators, and whatever else the layers keep. None stands for
        the generator that a ``Dropout`` layer of the model has not if its rate is 0, so
        that models that differ in these rates have lists of one length.
    """
    found: list[keras.Variable | None] = []
    outer = {id(layer) for layer in model.layers}
    for layer in model._flatten_layers():
        is_plain = type(layer) is keras.layers.Dropout and id(layer) in outer
        if is_plain and not layer._seed_generators:
            found.append(None)
        found += [generator.state for generator in layer._seed_generators]
    known = [*model.weights, *model.metrics_variables, *found]
    taken = {id(variable) for variable in known}
    return found + [v for v in model.variables if id(v) not in taken]


def values_of(variables: Sequence[keras.Variable | None]) -> list[np.ndarray]:
    """Return the values of variables; those that are missing are zero.

    Parameters
    ----------
    variables : sequence of keras.Variable or None
        See :func:`further_variables`.

    Returns
    -------
    list of ndarray
        A value for each.
    """
    # The state of a generator that is never asked.
    nothing = np.zeros(2, random_seed_dtype())
    return [nothing if v is None else v.value.numpy() for v in variables]


def copy_variables(source: Any, target: Any) -> None:
    """Copy the variables of one optimizer to another of the same kind.

    Parameters
    ----------
    source, target : keras.optimizers.Optimizer
        Optimizers that are built.
    """
    for ours, theirs in zip(target.variables, source.variables, strict=True):
        ours.assign(theirs)


def has_embeddings(model: keras.Model) -> bool:
    """Tell whether a model looks rows up, whose gradients come in pieces.

    Parameters
    ----------
    model : keras.Model
        The model.

    Returns
    -------
    bool
        Whether there is an ``Embedding`` layer.
    """
    inner = model._flatten_layers(include_self=False)
    return any(isinstance(layer, keras.layers.Embedding) for layer in inner)


def without_repeats(value: Any) -> np.ndarray:
    """Return an array that takes no memory where all of its numbers are equal.

    Parameters
    ----------
    value : ndarray, tensor or variable
        Such as a slot of an optimizer before the first step.

    Returns
    -------
    ndarray
        The same numbers; a view of one of them if they are equal.
    """
    array = np.asarray(value)
    first = array.ravel()[:1].copy()
    if array.size and (array == first).all():
        return np.broadcast_to(first.reshape(()), array.shape)
    return array.copy()
