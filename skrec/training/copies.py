"""Copies of optimizers, losses, metrics and callbacks: no fit changes a parameter.

Keras copies such an object by its configuration, which forgets what a class does not
put there: attributes set afterwards, schedules of the user's own, what is excluded from
the decay of weights. Here an object is described by its attributes instead.
"""

import copy
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pickle import PicklingError
from typing import Any

import keras
import numpy as np

OBJECTS = (
    keras.optimizers.Optimizer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.callbacks.Callback,
)
# What the constructors of Keras's base classes set, and `build` and `set_model` fill.
_OF_OPTIMIZER = {
    "built",
    "_accumulated_gradients",
    "_distribution_strategy",
    "_exclude_from_weight_decay_cache",
    "_iterations",
    "_learning_rate",
    "_model_variables_moving_average",
    "_tracker",
    "_trainable_variables",
    "_trainable_variables_indices",
    "_variables",
}
_OF_METRIC = {"_metrics", "_tracker", "_variables"}
# Lists, dicts and sets of Keras and TensorFlow that tell an owner of what they hold.
_CONTAINERS = (
    "ListWrapper",
    "TrackedList",
    "_DictWrapper",
    "TrackedDict",
    "TrackedSet",
)


def fresh(item: Any) -> Any:
    """Return a copy of a Keras object, as it was before it was first trained.

    Parameters
    ----------
    item : optimizer, loss, metric or callback, or list, tuple or dict of such
        What is not to be changed; other values in it are copied deeply.

    Returns
    -------
    object
        Copies with all attributes of the originals. An optimizer has made no step and
        is not built; a callback has no model. Keras models that an object holds are
        shared, and so is what Python cannot copy, such as a lock or an open file.

    Examples
    --------
    >>> import keras
    >>> from skrec.training.copies import fresh
    >>> optimizer = keras.optimizers.AdamW(0.5)
    >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
    >>> fresh(optimizer)._exclude_from_weight_decay_pattern.pattern
    'bias'
    """
    return _rebuilt(copy.deepcopy(_described(item, {})), {})


def described(item: Any) -> Any:
    """Describe Keras objects, in containers too, so that they can be pickled.

    Parameters
    ----------
    item : object
        Such objects, and others, which are left as they are.

    Returns
    -------
    object
        For :func:`rebuilt`.
    """
    return _described(item, {})


def rebuilt(description: Any) -> Any:
    """Make what :func:`described` has described.

    Parameters
    ----------
    description : object
        The description.

    Returns
    -------
    object
        The objects, as :func:`fresh` returns them.
    """
    return _rebuilt(description, {})


def holds_objects(value: Any) -> bool:
    """Tell whether a parameter is, or contains, an object that training would change.

    Parameters
    ----------
    value : object
        The parameter.

    Returns
    -------
    bool
        True for a Keras optimizer, loss, metric or callback, in lists or dicts too.
    """
    return any(isinstance(leaf, OBJECTS) for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


# ---- descriptions --------------------------------------------------------------------


@dataclass(eq=False)
class _Description:
    """An object, by its class and its attributes."""

    kind: type
    attributes: dict[str, Any]


@dataclass(eq=False)
class _Variable:
    """A Keras variable, by its value."""

    value: np.ndarray
    settings: dict[str, Any]


@dataclass(eq=False)
class _Leaf:
    """Anything else, to be copied as Python copies it if it can."""

    value: Any

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Leaf":
        if isinstance(self.value, keras.Model | keras.Layer):
            return self
        try:
            return _Leaf(copy.deepcopy(self.value, memo))
        except (TypeError, NotImplementedError, PicklingError):
            return self  # such as a lock, an open file or a connection


def _described(item: Any, memo: dict[int, Any]) -> Any:
    """Turn Keras objects, in containers too, into descriptions that can be copied."""
    if id(item) in memo:
        return memo[id(item)]
    kind = type(item)
    if isinstance(item, OBJECTS):
        memo[id(item)] = description = _Description(kind, {})
        attributes = _attributes(item)
        description.attributes.update(
            {name: _described(value, memo) for name, value in attributes.items()}
        )
        return description
    if isinstance(item, keras.Variable):
        settings = {
            name: getattr(item, name)
            for name in ("name", "dtype", "trainable", "aggregation")
        }
        memo[id(item)] = _Variable(keras.ops.convert_to_numpy(item), settings)
        return memo[id(item)]
    if isinstance(item, types.MethodType) and isinstance(item.__self__, OBJECTS):
        return _Description(
            kind, {"name": item.__name__, "of": _described(item.__self__, memo)}
        )
    plain = kind.__mro__[1] if kind.__name__ in _CONTAINERS else kind
    if issubclass(plain, dict) and (plain is not kind or kind is dict):
        described: dict[Any, Any] = {}
        memo[id(item)] = described
        described |= {key: _described(value, memo) for key, value in item.items()}
        return described
    if isinstance(item, list) and (kind is list or plain is not kind):
        parts: list[Any] = []
        memo[id(item)] = parts
        parts.extend(_described(part, memo) for part in item)
        return parts
    if kind is tuple:
        return tuple(_described(part, memo) for part in item)
    if issubclass(plain, set) and plain is not kind:
        return _Leaf(set(item))  # of names; objects cannot be in a set by value
    return _Leaf(item)


def _attributes(item: Any) -> dict[str, Any]:
    """List what an object is, without what training it adds."""
    attributes = dict(vars(item))
    if isinstance(item, keras.callbacks.Callback):
        return attributes | {"_model": None}
    if isinstance(item, keras.metrics.Metric):
        return {n: value for n, value in attributes.items() if n not in _OF_METRIC}
    if not isinstance(item, keras.optimizers.Optimizer):
        return attributes
    rate = attributes["_learning_rate"]
    own = {
        name: value
        for name, value in attributes.items()
        if name not in _OF_OPTIMIZER
        and not name.startswith("_self_")
        and not (item.built and _is_slot(value))
    }
    return {"_learning_rate": rate, **own}


def _is_slot(value: Any) -> bool:
    """Tell whether a built optimizer has made this for the variables that it trains."""
    return any(isinstance(leaf, keras.Variable) for leaf in _leaves(value))


def _rebuilt(description: Any, memo: dict[int, Any]) -> Any:
    """Make the objects that :func:`_described` has described."""
    if id(description) in memo:
        return memo[id(description)]
    if isinstance(description, _Leaf):
        return description.value
    if isinstance(description, _Variable):
        made = keras.Variable(description.value, **description.settings)
    elif isinstance(description, _Description):
        return _rebuilt_object(description, memo)
    elif isinstance(description, dict):
        made = memo[id(description)] = {}
        made.update({key: _rebuilt(value, memo) for key, value in description.items()})
    elif isinstance(description, list):
        made = memo[id(description)] = []
        made.extend(_rebuilt(part, memo) for part in description)
    else:
        made = tuple(_rebuilt(part, memo) for part in description)
    memo[id(description)] = made
    return made


def _rebuilt_object(description: _Description, memo: dict[int, Any]) -> Any:
    kind, described = description.kind, dict(description.attributes)
    if kind is types.MethodType:
        return getattr(_rebuilt(described["of"], memo), described["name"])
    if kind is keras.optimizers.LossScaleOptimizer:
        inner = _rebuilt(described["inner_optimizer"], memo)
        sizes = {
            n: described[n].value for n in ("initial_scale", "dynamic_growth_steps")
        }
        memo[id(description)] = kind(inner, **sizes)
        return memo[id(description)]
    new: Any = kind.__new__
    made = new(kind)
    memo[id(description)] = made
    if issubclass(kind, keras.optimizers.Optimizer):
        rate = _rebuilt(described.pop("_learning_rate"), memo)
        if isinstance(rate, keras.Variable):
            rate = float(keras.ops.convert_to_numpy(rate))
        keras.optimizers.Optimizer.__init__(made, rate, name=described["name"].value)
    elif issubclass(kind, keras.metrics.Metric):
        keras.metrics.Metric.__init__(made, name=described["name"].value)
    for name, value in described.items():
        value = _rebuilt(value, memo)
        setattr(made, name, value)
        if issubclass(kind, keras.optimizers.Optimizer):
            for variable in _leaves(value):
                known = {id(own) for own in made._variables}
                if isinstance(variable, keras.Variable) and id(variable) not in known:
                    made._track_variable(variable)
    return made
