"""Optimizers by name, with parameters that are checked before anything is built."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from numbers import Real
from typing import Any

import keras
import numpy as np

from skrec.training._global_generators import global_generators
from skrec.training._optimizer_items import is_from_keras
from skrec.training.copies import fresh

# name -> (Keras class, the parameters that the name fixes)
NAMED: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "sgd": (keras.optimizers.SGD, {}),
    "momentum": (keras.optimizers.SGD, {"momentum": 0.9}),
    "nesterov": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (keras.optimizers.RMSprop, {}),
    "adam": (keras.optimizers.Adam, {}),
    "adamw": (keras.optimizers.AdamW, {}),
    "adagrad": (keras.optimizers.Adagrad, {}),
}


def optimizer_template(
    make: Callable[..., keras.optimizers.Optimizer], *args: Any
) -> keras.optimizers.Optimizer:
    """Return ``make(*args)``, to be read but never trained: equal calls share it.

    Making a Keras optimizer takes milliseconds, several of which would go into each fit
    of a search and into each prediction.

    Parameters
    ----------
    make : callable
        Such as :func:`make_optimizer` or the ``from_config`` of a class.
    *args
        Its arguments; dicts of them are compared by their items.

    Returns
    -------
    keras.optimizers.Optimizer
        The optimizer, not built.
    """
    frozen = tuple(
        _Items(sorted(a.items())) if isinstance(a, dict) else a for a in args
    )
    changeable = any(isinstance(a, keras.optimizers.Optimizer) for a in args)
    try:
        hash(frozen)
    except TypeError:  # such as a configuration with a schedule in it
        changeable = True
    return make(*args) if changeable else _template(make, frozen)


class _Items(tuple):
    """The items of a dict."""


@lru_cache(maxsize=32, typed=True)
def _template(
    make: Callable[..., keras.optimizers.Optimizer], frozen: tuple
) -> keras.optimizers.Optimizer:
    with global_generators(0):  # so that its name is not a new one
        return make(*(dict(a) if isinstance(a, _Items) else a for a in frozen))


def make_optimizer(
    optimizer: str | type[keras.optimizers.Optimizer] | keras.optimizers.Optimizer,
    learning_rate: float,
    params: Mapping[str, Any] | None = None,
    clipnorm: float | None = None,
) -> keras.optimizers.Optimizer:
    """Make a new Keras optimizer; the one passed in is never changed.

    Parameters
    ----------
    optimizer : str, Keras optimizer class or Keras optimizer
        One of ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"rmsprop"``, ``"adam"``,
        ``"adamw"`` and ``"adagrad"``, or a class. An object is copied with its own
        learning rate and parameters.
    learning_rate : float
        Learning rate; not used for an optimizer object.
    params : mapping, default=None
        Further parameters of the optimizer's class, such as ``{"beta_1": 0.8}``.
    clipnorm : float, default=None
        Largest norm of each weight's gradient.

    Returns
    -------
    keras.optimizers.Optimizer
        The optimizer, not built.

    Raises
    ------
    ValueError
        If the name is unknown, or the class has no such parameter.

    Examples
    --------
    >>> from skrec.training import make_optimizer
    >>> make_optimizer("momentum", 0.01, {"momentum": 0.5}).momentum
    0.5
    """
    params = dict(params or {})
    learning_rate = float(learning_rate)
    clipnorm = None if clipnorm is None else float(clipnorm)
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if params:
            raise ValueError(
                f"optimizer__{next(iter(params))} cannot be set on an optimizer "
                f"object, which brings its own parameters: pass the class "
                f"{type(optimizer).__name__} instead of an instance of it."
            )
        made = fresh(optimizer)
        if clipnorm is not None:
            made.clipnorm = clipnorm
        return made
    known = (
        optimizer in NAMED
        if isinstance(optimizer, str)
        else (
            inspect.isclass(optimizer)
            and issubclass(optimizer, keras.optimizers.Optimizer)
        )
    )
    if not known:
        raise ValueError(
            f"optimizer must be one of {sorted(NAMED)}, a Keras optimizer class or a "
            f"Keras optimizer.{did_you_mean(str(optimizer), NAMED)} "
            f"Received: {optimizer!r}."
        )
    if isinstance(optimizer, str):
        kind, fixed = NAMED[optimizer]
        if "nesterov" in fixed and "nesterov" in params:
            raise ValueError(
                "optimizer__nesterov cannot be set with optimizer='nesterov'."
            )
        params = {**fixed, **params}
    else:
        kind = optimizer
    _check_params(kind, params)
    if is_from_keras(kind):
        params = {k: _as_keras_takes(kind, k, v) for k, v in params.items()}
    return kind(learning_rate=learning_rate, clipnorm=clipnorm, **params)


# Real parameters of Keras's optimizers whose default, None, does not say so.
_REAL = {"weight_decay", "clipvalue", "global_clipnorm", "loss_scale_factor"}


def _as_keras_takes(kind: type, name: str, value: Any) -> Any:
    """Bring equal numbers to one type: Keras refuses some integers, such as 0."""
    if isinstance(value, np.generic):
        value = value.item()
    default = inspect.signature(kind).parameters[name].default
    is_real = isinstance(default, float) or name in _REAL
    return float(value) if is_real and isinstance(value, Real) else value


def _check_params(
    kind: type[keras.optimizers.Optimizer], params: Mapping[str, Any]
) -> None:
    """Refuse parameters that the class does not have, or that are out of range."""
    legal = [
        name
        for name in inspect.signature(kind).parameters
        if name not in ("learning_rate", "clipnorm", "name", "kwargs")
    ]
    for name in params:
        if name not in legal:
            own = " It is a parameter of the estimator itself." * (
                name in ("learning_rate", "clipnorm")
            )
            raise ValueError(
                f"optimizer__{name} is not a parameter of {kind.__name__}.{own}"
                f"{did_you_mean(name, legal)} Legal ones: "
                f"{', '.join('optimizer__' + name for name in legal)}."
            )
    for name in ("momentum", "rho", "beta_1", "beta_2"):
        if name not in params:
            continue
        if not isinstance(params[name], Real) or not 0 <= params[name] <= 1:
            raise ValueError(
                f"optimizer__{name} must be a number in [0, 1]. "
                f"Received: {params[name]!r}."
            )


def did_you_mean(name: str, legal: Any) -> str:
    """Return a hint with the legal name nearest to `name`, or an empty string."""
    near = difflib.get_close_matches(name, list(legal), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
