"""Search spaces for Optuna: from what a user writes to a function of the trial."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import stats

from skrec.model_selection._optuna import stable_repr

Params = dict[str, Any]
Draw = Callable[[Any], Any]

_PLAIN = (bool, int, float, str)  # what Optuna stores, beside None
# The open interval (0, 1): at its ends many distributions are infinite.
_LEAST, _MOST = 2.0**-53, 1 - 2.0**-53
_LONGEST_LABEL = 100


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

    Raises
    ------
    ValueError
        If something in the dict is no set of values.
    """
    if callable(space):
        return partial(_call, space)
    draws = {name: _draw(name, values) for name, values in space.items()}
    return lambda trial: {name: draw(trial) for name, draw in draws.items()}


def _call(space: Callable[[Any], Params], trial: Any) -> Params:
    params = space(trial)
    if not isinstance(params, dict):
        raise TypeError(
            "The function param_distributions must return a dict from parameter names "
            f"to values. Received: {params!r}."
        )
    return params


def _draw(name: str, values: Any) -> Draw:
    """Return the function that draws one parameter from a trial."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    draw = None
    if isinstance(values, (FloatDistribution, IntDistribution)):
        kind = "float" if isinstance(values, FloatDistribution) else "int"
        draw = _range(name, kind, values.low, values.high, values.log, values.step)
    elif isinstance(values, CategoricalDistribution):
        draw = _choice(name, list(values.choices))
    elif isinstance(values, tuple):
        draw = _range_of_tuple(name, *values)
    elif hasattr(values, "rvs"):
        draw = _random_variable(name, values)
    elif isinstance(values, range) and values:
        low, high = sorted((values[0], values[-1]))
        draw = _range(name, "int", low, high, False, abs(values.step))
    elif (choices := _choices(values)) is not None and choices:
        draw = _choice(name, choices)
    if draw is None:
        raise ValueError(
            f"param_distributions[{name!r}] must be a list, an array or a range of "
            'choices, a tuple (low, high) or (low, high, "log-uniform") of numbers '
            "with low <= high (and 0 < low on the logarithmic scale), or a "
            f"distribution of Optuna's or SciPy's. Received: {values!r}."
        )
    return draw


# ---- ranges ------------------------------------------------------------------------


def _range_of_tuple(
    name: str, low: Any = None, high: Any = None, prior: Any = "uniform", *rest: Any
) -> Draw | None:
    """Return the draw from (low, high) or (low, high, prior); None if it is neither."""
    numbers = [
        isinstance(bound, Real) and not isinstance(bound, bool) for bound in (low, high)
    ]
    if not all(numbers) or rest or prior not in ("uniform", "log-uniform"):
        return None
    log = prior == "log-uniform"
    if not low <= high or (log and low <= 0) or np.isinf([low, high]).any():
        return None
    if isinstance(low, Integral) and isinstance(high, Integral):
        return _range(name, "int", int(low), int(high), log, 1)
    return _range(name, "float", float(low), float(high), log, None)


def _range(name: str, kind: str, low: Any, high: Any, log: bool, step: Any) -> Draw:
    def draw(trial: Any) -> Any:
        suggest = getattr(trial, f"suggest_{kind}")
        return suggest(name, low, high, log=log, step=step)

    return draw


# ---- choices -----------------------------------------------------------------------


def _choices(values: Any) -> list | None:
    """Return a list's, an array's or a column's members; None of anything else."""
    if isinstance(values, list):
        return values
    if not hasattr(values, "__array__") or not getattr(values, "ndim", 1):
        return None
    array = np.asarray(values)
    # As numbers and strings of Python's own, if no bit is lost by it.
    return array.tolist() if array.dtype.kind in "biufU" else list(array)


def _choice(name: str, choices: list) -> Draw:
    """Draw one of the choices; Optuna is given text where it cannot store them.

    It compares choices by ``==``: of True and 1 it would only ever see the first.
    """
    plain = all(value is None or type(value) in _PLAIN for value in choices)
    if plain and len(set(choices)) == len(choices):
        return lambda trial: trial.suggest_categorical(name, choices)
    labels = [stable_repr(value)[:_LONGEST_LABEL] for value in choices]
    if len(set(labels)) < len(labels):
        labels = [f"{number}: {label}" for number, label in enumerate(labels)]

    def draw(trial: Any) -> Any:
        label = trial.suggest_categorical(name, labels)
        if label not in labels:  # as a sampler with values of its own may suggest it
            raise ValueError(
                f"The choices of {name!r} are text for Optuna and its samplers, one of "
                f"{labels}. Received: {label!r}."
            )
        return choices[labels.index(label)]

    return draw


# ---- distributions of SciPy's ------------------------------------------------------


def _random_variable(name: str, values: Any) -> Draw | None:
    """Draw from what has `rvs`: as a range, by its quantiles, or by chance."""
    dist = getattr(values, "dist", values)
    low, high = _support(values)
    if np.ndim(low) or not low <= high:  # several, or NaN
        return None
    if isinstance(dist, type(stats.randint)):
        return _range(name, "int", int(low), int(high), False, 1)
    if isinstance(dist, type(stats.uniform)):
        return _range(name, "float", float(low), float(high), False, None)
    if isinstance(dist, type(stats.loguniform)) and not _location(values):
        return _range(name, "float", float(low), float(high), True, None)
    if hasattr(values, "ppf"):
        return _quantile(name, values, isinstance(dist, stats.rv_discrete))

    def draw(trial: Any) -> Any:
        seed = trial.suggest_int(f"{name} (seed)", 0, 2**31 - 1)
        return values.rvs(random_state=np.random.RandomState(seed))

    return draw


def _support(values: Any) -> tuple[Any, Any]:
    """Return the bounds of a distribution; NaN where it lacks its parameters."""
    if not hasattr(values, "support"):
        return -np.inf, np.inf
    try:
        return values.support()
    except TypeError:
        return np.nan, np.nan


def _location(values: Any) -> Any:
    """Return by how much a frozen distribution of two parameters is shifted."""
    default = [0, *getattr(values, "args", ())[2:3]][-1]
    return getattr(values, "kwds", {}).get("loc", default)


def _quantile(name: str, values: Any, is_discrete: bool) -> Draw:
    def draw(trial: Any) -> Any:
        quantile = trial.suggest_float(f"{name} (quantile)", _LEAST, _MOST)
        value = float(values.ppf(quantile))
        return int(value) if is_discrete and value.is_integer() else value

    return draw
