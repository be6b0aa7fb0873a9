"""An estimator as skops can keep it: without what belongs to a process or a folder."""

import types
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skrec._sklearn import BaseSearchCV

# Attributes that a copy in a file is without, whoever has them, and None where they are
# parameters: what watches or stores a fit, and holds open files, locks or folders.
_OF_A_PROCESS = ("callbacks", "memory", "_skl_callbacks")
# Of searches: their stores, and how they came to propose what `cv_results_` lists.
_OF_SEARCHES = (
    "storage",
    "sampler",
    "study_",
    "optimizers_",
    "optimizer_results_",
    "_checked_cv_orig",
    "_settings",
)
_SPACES = ("param_distributions", "search_spaces")
_TELLING_KEYS = (str, int, float, np.integer, np.floating)


class Pairs:
    """A dict with keys that text does not tell, such as True or a tuple.

    Parameters
    ----------
    content : dict
        The dict, its values as skops can keep them.
    """

    def __init__(self, content: dict[Any, Any]) -> None:
        self.keys, self.values = list(content), list(content.values())

    @property
    def content(self) -> dict[Any, Any]:
        """The dict."""
        return dict(zip(self.keys, self.values, strict=True))


def as_plain(value: Any) -> tuple[Any, list[str]]:
    """Copy an estimator, and what it is made of, without what cannot be kept.

    Parameters
    ----------
    value : estimator
        It is left as it is; arrays are shared.

    Returns
    -------
    tuple of (estimator, list of str)
        The copy, and the names of the parameters that were left out, sorted.
    """
    left_out: set[str] = set()
    return _plain(value, {}, left_out), sorted(left_out)


def _plain(value: Any, memo: dict[int, Any], left_out: set[str]) -> Any:
    if id(value) in memo:
        return memo[id(value)][0]
    kind = type(value)
    if _has_attributes(value):
        twin: Any = kind.__new__(kind)  # type: ignore[call-overload]
        memo[id(value)] = twin, value
        vars(twin).update(_attributes(value, memo, left_out))
        return twin
    made: Any = value
    if kind is dict:
        made = {key: _plain(own, memo, left_out) for key, own in value.items()}
        if not all(_is_told(key) for key in value):
            made = Pairs(made)
    elif kind in (list, tuple):
        made = kind(_plain(own, memo, left_out) for own in value)
    elif isinstance(value, types.FunctionType | type):
        require_name(value)
    memo[id(value)] = made, value  # the value too: its id is taken as long as it lives
    return made


def _has_attributes(value: Any) -> bool:
    """Tell estimators, and what scikit-learn makes of them, such as a scorer."""
    kind = type(value)
    if isinstance(value, type | dict):
        return False
    plain = kind.__getstate__ is object.__getstate__ and hasattr(value, "__dict__")
    is_part = kind.__module__.startswith("sklearn.") and plain
    return isinstance(value, BaseEstimator) or is_part


def _is_told(key: Any) -> bool:
    return isinstance(key, _TELLING_KEYS) and not isinstance(key, bool)


def _attributes(
    estimator: Any, memo: dict[int, Any], left_out: set[str]
) -> dict[str, Any]:
    is_estimator = isinstance(estimator, BaseEstimator)
    names = set(estimator._get_param_names()) if is_estimator else set()
    is_search = isinstance(estimator, BaseSearchCV)
    found = {}
    for name, value in vars(estimator).items():
        if name == "_kwargs" and isinstance(value, dict):  # of the generic estimators
            value = {
                n: None if _is_left_out(n, v, False) else v for n, v in value.items()
            }
        if not _is_left_out(name, value, is_search):
            found[name] = _plain(value, memo, left_out)
        elif name in names:
            found[name] = None
            left_out |= set() if value is None else {name}
    return found


def _is_left_out(name: str, value: Any, is_search: bool) -> bool:
    if name in _OF_A_PROCESS or name.startswith(("callbacks__", "fit__callbacks")):
        return True
    if not is_search:
        return False
    return name in _OF_SEARCHES or (name in _SPACES and not _is_data(value))


def _is_data(value: Any) -> bool:
    """Tell whether a space is lists and numbers alone."""
    if isinstance(value, dict):
        return all(map(_is_data, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_data, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind != "O"
    return value is None or isinstance(value, str | int | float | np.generic)


def require_name(item: Any) -> None:
    """Raise where a class or function cannot be found by its name.

    Parameters
    ----------
    item : class or function
        The class or function.

    Raises
    ------
    ValueError
        If it is a lambda, or stands in another function or class.
    """
    if "<" in item.__qualname__ or "." in item.__qualname__:
        raise ValueError(
            "A file keeps functions and classes of your own by their names, so they "
            "must stand at the top of a module: move it there. Received: "
            f"{item.__module__}.{item.__qualname__}."
        )


def restored(value: Any) -> Any:
    """Undo what :func:`as_plain` did with keys, in what was loaded.

    Parameters
    ----------
    value : object
        What skops has loaded; estimators are changed in place.

    Returns
    -------
    object
        The same, with dicts for :class:`Pairs`.
    """
    return _restored(value, {})


def _restored(value: Any, memo: dict[int, Any]) -> Any:
    if id(value) in memo:
        return memo[id(value)][0]
    kind = type(value)
    memo[id(value)] = value, value
    if _has_attributes(value):
        for name, own in list(vars(value).items()):
            vars(value)[name] = _restored(own, memo)
        return value
    made = value
    if kind is Pairs:
        made = _restored(value.content, memo)
    elif kind is dict:
        made = {key: _restored(own, memo) for key, own in value.items()}
    elif kind in (list, tuple):
        made = kind(_restored(own, memo) for own in value)
    memo[id(value)] = made, value
    return made
