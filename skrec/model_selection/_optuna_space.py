"""Search spaces for Optuna: from what a user writes to a function of the trial."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any

from skrec.model_selection._optuna import stable_repr

Params = dict[str, Any]


def suggester(space: Any) -> Callable[[Any], Params]:
    """Return the function that draws a candidate from a trial.

    Parameters
    ----------
    space : dict or callable
        Parameter names with what each may be, or a function of the trial.

    Returns
    -------
    callable
        Given an Optuna trial, whether it is new or finished, it returns a dict.
    """
    if callable(space):
        return partial(_call, space)
    draws = {name: _draw(name, values) for name, values in space.items()}
    return lambda trial: {name: draw(trial) for name, draw in draws.items()}


def describe_space(space: Any) -> str:
    """Return text that differs where two spaces do; of a function only its name."""
    return space.__qualname__ if hasattr(space, "__qualname__") else stable_repr(space)


def _call(space: Callable[[Any], Params], trial: Any) -> Params:
    params = space(trial)
    if not isinstance(params, dict):
        raise TypeError(
            "The function param_distributions must return a dict from parameter names "
            f"to values. Received: {params!r}."
        )
    return params


def _draw(name: str, values: Any) -> Callable[[Any], Any]:
    """Return the function that draws one parameter from a trial."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(values, (FloatDistribution, IntDistribution)):
        kind = "float" if isinstance(values, FloatDistribution) else "int"
        return _range(name, kind, values.low, values.high, values.log, values.step)
    if isinstance(values, CategoricalDistribution):
        return _choice(name, list(values.choices))
    if isinstance(values, list) and values:
        return _choice(name, values)
    if isinstance(values, tuple) and _is_range(*values):
        low, high = values[:2]
        whole = isinstance(low, Integral) and isinstance(high, Integral)
        number = int if whole else float
        log = values[2:] == ("log-uniform",)
        step = 1 if whole else None
        return _range(name, number.__name__, number(low), number(high), log, step)
    raise ValueError(
        f"param_distributions[{name!r}] must be a list of choices, a tuple (low, high) "
        'or (low, high, "log-uniform") of numbers with low <= high (and 0 < low on the '
        "logarithmic scale), or a distribution of Optuna's. "
        f"Received: {values!r}."
    )


def _is_range(low: Any = None, high: Any = None, prior: Any = "uniform", *rest) -> bool:
    numbers = [
        isinstance(bound, Real) and not isinstance(bound, bool) for bound in (low, high)
    ]
    if not all(numbers) or rest or prior not in ("uniform", "log-uniform"):
        return False
    return low <= high and (prior == "uniform" or low > 0)


def _range(
    name: str, kind: str, low: Any, high: Any, log: bool, step: Any
) -> Callable[[Any], Any]:
    def draw(trial: Any) -> Any:
        suggest = getattr(trial, f"suggest_{kind}")
        return suggest(name, low, high, log=log, step=step)

    return draw


def _choice(name: str, choices: list) -> Callable[[Any], Any]:
    """Draw one of the choices; Optuna is given text where it cannot store them.

    It compares choices by ``==``: of True and 1 it would only ever see the first.
    """
    plain = all(value is None or type(value) in _PLAIN for value in choices)
    if plain and len(set(choices)) == len(choices):
        return lambda trial: trial.suggest_categorical(name, choices)
    labels = [stable_repr(value) for value in choices]
    if len(set(labels)) < len(labels):
        labels = [f"{number}: {label}" for number, label in enumerate(labels)]

    def draw(trial: Any) -> Any:
        return choices[labels.index(trial.suggest_categorical(name, labels))]

    return draw


_PLAIN = (bool, int, float, str)  # what Optuna stores, beside None
