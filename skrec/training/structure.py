"""What of a Keras model shapes its graph, as a hashable key.

Two models with equal keys may be trained by one program: they differ at most in their
weights, their dropout rates, their random seeds and the names that Keras made up.
"""

import inspect
import re
from collections.abc import Hashable, Mapping
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional
from keras.src.utils.naming import to_snake_case

from skrec.training._updates import graph_key

# Left out of the key: weights come from the state, seeds and rates from the fit.
_NOT_STRUCTURE = re.compile(r".*_initializer|seed|build_config|compile_config")


def _holds_named_function(layer: keras.Layer) -> bool:
    """Tell whether a layer's configuration names a function that Keras cannot find."""
    return any(
        inspect.isfunction(value)
        and not _from_keras(value)
        and value.__name__ != "<lambda>"  # whose code is in the configuration
        for name, value in vars(layer).items()
        if name not in ("build", "call", "quantize")  # wrapped by Keras
        and not (name == "loss" and isinstance(layer, keras.Model))
    )


def _config(model: keras.Model) -> dict | None:
    try:
        return model.get_config()
    except (NotImplementedError, TypeError, ValueError):
        return None


def sharing_key(model: keras.Model) -> Hashable | None:
    """Return the key of the programs that can stand in for a model's own ``fit``.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    hashable or None
        Equal for models whose graphs are equal; None for subclassed models, stateful
        layers, eager runs, and layers with an activation or the like that is a function
        of the user's own.

    Examples
    --------
    >>> import keras
    >>> from skrec.training.structure import sharing_key
    >>> def build(rate):
    ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(rate)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> sharing_key(build(0.1)) == sharing_key(build(0.2))
    True
    """
    plain = type(model) in (keras.Sequential, keras.Model, Functional)
    if not plain or model.run_eagerly:
        return None
    layers = _layers(model)
    stateful = any(getattr(layer, "stateful", False) for layer in layers)
    if stateful or any(_holds_named_function(layer) for layer in layers):
        return None
    model_config = _config(model)
    if model_config is None:
        return None
    names: dict[str, str] = {}
    for layer in layers:
        kind = to_snake_case(type(layer).__name__)
        made_up = re.fullmatch(rf"((for|back)ward_)?{kind}(_\d+)?", layer.name)
        names[layer.name] = f"#{len(names)}" if made_up else layer.name
    config = _Canonical(names).of(model_config)
    kinds = tuple(type(layer) for layer in layers if not _from_keras(layer))
    trainable = tuple(weight.trainable for weight in model.weights)
    compiled = {
        name: _identity(value)
        for name, value in model._compile_config.config.items()
        if name in ("loss", "loss_weights", "metrics", "weighted_metrics")
    }
    shapes = tuple((tuple(v.shape), str(v.dtype)) for v in model.weights)
    return (
        type(model),
        config,
        kinds,
        trainable,
        shapes,
        tuple(sorted(compiled.items())),
        graph_key(model.optimizer),
    )


def compile_kwargs(model: keras.Model) -> dict[str, Any]:
    """Return arguments of ``compile`` that make another model train like this one.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    dict
        Arguments with an optimizer and metrics of their own.
    """
    config = model._compile_config.config

    def own(item: Any) -> Any:
        if isinstance(item, keras.metrics.Metric):
            return type(item).from_config(item.get_config())
        if isinstance(item, Mapping):
            return {key: own(value) for key, value in item.items()}
        if isinstance(item, list | tuple):
            return [own(value) for value in item]
        return item

    kwargs = {
        name: own(config[name])
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics")
    }
    optimizer = model.optimizer
    kwargs["optimizer"] = type(optimizer).from_config(optimizer.get_config())
    return kwargs


def dropout_rates(model: keras.Model) -> list[float]:
    """Return the rate of each layer that a program makes tunable, in its order.

    Parameters
    ----------
    model : keras.Model
        The model.

    Returns
    -------
    list of float
        Rates.
    """
    layers = model._flatten_layers(include_self=False)
    return [layer.rate for layer in layers if type(layer) is keras.layers.Dropout]


def _layers(model: keras.Model) -> list[keras.Layer]:
    return list(model._flatten_layers(include_self=True))


def _from_keras(item: Any) -> bool:
    kind = item if inspect.isclass(item) or inspect.isroutine(item) else type(item)
    return kind.__module__.split(".")[0] == "keras"


class _Canonical:
    """Turns a configuration into nested tuples, without what is not structure."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def of(self, item: Any) -> Hashable:
        if isinstance(item, Mapping):
            skip_rate = item.get("class_name") == "Dropout" or (
                {"rate", "noise_shape", "seed"} <= set(item)
            )
            return tuple(
                (str(key), self._named(value) if key == "name" else self.of(value))
                for key, value in sorted(item.items(), key=lambda pair: str(pair[0]))
                if not _NOT_STRUCTURE.fullmatch(str(key))
                and not (skip_rate and key == "rate")
            )
        if isinstance(item, list | tuple):
            return tuple(self._reference(value) for value in item)
        if isinstance(item, np.ndarray):
            return (item.shape, str(item.dtype), item.tobytes())
        return item if isinstance(item, Hashable) else repr(item)

    def _named(self, name: Any) -> Any:
        return self.names.get(name, name) if isinstance(name, str) else name

    def _reference(self, item: Any) -> Hashable:
        """Rename an item of a list, where layers are referred to by name."""
        return self._named(item) if isinstance(item, str) else self.of(item)


def _identity(item: Any) -> Hashable:
    """Return something equal for losses and metrics that compute the same."""
    if item is None or isinstance(item, str | int | float):
        return item
    if isinstance(item, Mapping):
        return tuple(
            sorted((str(key), _identity(value)) for key, value in item.items())
        )
    if isinstance(item, list | tuple):
        return tuple(_identity(value) for value in item)
    if inspect.isfunction(item) and not _from_keras(item):
        return function_identity(item)
    if (
        not inspect.isroutine(item)
        and _from_keras(item)
        and hasattr(item, "get_config")
    ):
        config = {k: v for k, v in item.get_config().items() if k != "fn"}
        return type(item), _Canonical({}).of(config)
    return item if isinstance(item, Hashable) else _Itself(item)


class _Itself:
    """Something that is equal to nothing else, so that it stands for this object."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.item is self.item

    def __hash__(self) -> int:
        return id(self.item)


def function_identity(function: Any) -> Hashable:
    """Identify a function by what it does, so that a copy sent to a worker is the same.

    Parameters
    ----------
    function : function
        A function of the user's own.

    Returns
    -------
    hashable
        Its code, defaults and closure, or the function itself where these are not
        hashable.
    """
    try:
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        key = (function.__code__, function.__defaults__, cells)
        hash(key)
    except (TypeError, ValueError):
        return function
    return key
