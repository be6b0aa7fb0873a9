"""What a file says of what it holds, as text alone."""

import math
import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

import skrec
from skrec._sklearn import BaseSearchCV
from skrec.estimators.base import BaseNetwork
from skrec.estimators.tables import TableNetwork
from skrec.recommenders.base import BaseRecommender
from skrec.training._fit_file import UnusableFileError

FORMAT = 1  # of the files: newer ones are refused, older ones read
PACKAGES = ("numpy", "pandas", "scikit-learn", "tensorflow", "keras", "skops")
LONGEST_LIST, LONGEST_TEXT = 1000, 200


def require_readable(header: Any) -> None:
    """Raise where a file is of a format that this release does not know.

    Parameters
    ----------
    header : object
        What the file says of itself.

    Raises
    ------
    UnusableFileError
        If it is newer, or says nothing.
    """
    found = header.get("format") if isinstance(header, dict) else None
    if type(found) is not int or found < 1:
        raise UnusableFileError("it does not tell its format")
    if found > FORMAT:
        raise UnusableFileError(
            f"it is of format {found}, and skrec {skrec.__version__} reads formats up "
            f"to {FORMAT}: install a newer skrec"
        )


def described(estimator: Any, about: dict[str, Any]) -> dict[str, Any]:
    """Describe an estimator.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    about : dict
        What else the file is to say.

    Returns
    -------
    dict
        What JSON can hold.
    """
    kind = type(estimator)
    classes = found(estimator, "classes_")
    return {
        "format": FORMAT,
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "parameters": {
            name: as_text(value) for name, value in parameters(estimator).items()
        },
        "fitted": is_fitted(estimator),
        "columns": columns_of(estimator),
        "classes": None if classes is None else as_text(np.asarray(classes).tolist()),
        "n_parameters": found(innermost(estimator), "n_parameters_"),
        **{name: as_text(value) for name, value in about.items()},
        "versions": versions(),
    }


def parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator, without those of estimators in it."""
    return estimator.get_params(deep=False)


def versions() -> dict[str, str]:
    """Return the versions of what makes and reads a file."""
    found = {"skrec": skrec.__version__, "python": platform.python_version()}
    return found | {name: version(name) for name in PACKAGES}


def is_fitted(estimator: Any) -> bool:
    """Tell whether an estimator is fitted, as far as that can be told."""
    if hasattr(estimator, "__sklearn_is_fitted__"):
        return bool(estimator.__sklearn_is_fitted__())
    return any(name.endswith("_") and name[0] != "_" for name in vars(estimator))


def found(estimator: Any, name: str) -> Any:
    """Return a fitted attribute, or None."""
    try:
        return getattr(estimator, name, None)
    except Exception:  # such as one of an estimator that is not fitted
        return None


def innermost(estimator: Any) -> Any:
    """Return the network in a search or pipeline, or the estimator itself."""
    while True:
        if isinstance(estimator, BaseSearchCV):
            inner = vars(estimator).get("best_estimator_", estimator.estimator)
        elif hasattr(estimator, "steps"):
            inner = estimator.steps[-1][1]
        else:
            return estimator
        if not isinstance(inner, BaseEstimator):
            return estimator
        estimator = inner


def columns_of(estimator: Any) -> list[dict[str, Any]] | None:
    """List the columns of X, with what was learnt of them.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    list of dict, or None
        ``"name"`` of each and, where the estimator tells, ``"kind"`` and ``"dtype"``.
    """
    names = found(estimator, "feature_names_in_")
    n_columns = found(estimator, "n_features_in_")
    if names is None and n_columns is None:
        return None
    names = list(range(n_columns)) if names is None else np.asarray(names).tolist()
    known = _known_columns(innermost(estimator))
    return [{"name": as_text(name), **known.get(name, {})} for name in names]


def _known_columns(estimator: Any) -> dict[Any, dict[str, Any]]:
    if not is_fitted(estimator):
        return {}
    if isinstance(estimator, BaseRecommender):
        places = estimator._interactions.columns
        known = {
            place: {"kind": kind, "dtype": str(dtype)}
            for place, kind, dtype in zip(
                places[:2], ("user", "item"), estimator._id_dtypes, strict=True
            )
        }
        if places.time is not None:
            known[places.time] = {"kind": "time"}
        return {estimator._names[place]: own for place, own in known.items()}
    if isinstance(estimator, TableNetwork) and estimator._on_fields:
        encoder = estimator.encoder_
        return {
            name: {"kind": own.kind, "dtype": _dtype_of(encoder, own)}
            for name, own in encoder.columns_.items()
        }
    if isinstance(estimator, BaseNetwork):
        n_columns = estimator._input_shape[-1]
        return {place: {"kind": "number"} for place in range(n_columns)}
    return {}


def _dtype_of(encoder: Any, column: Any) -> str:
    """Tell what a column holds: numbers, integers or strings."""
    if column.table is None:
        return "float"
    ids = encoder.vocabularies_[column.table]
    if ids.dtype.kind != "O":
        return str(ids.dtype)
    return type(ids[0]).__name__ if len(ids) else "object"


def as_text(value: Any) -> Any:
    """Return a value as JSON holds it; what it cannot hold, by its ``repr``.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    object
        Numbers, text, lists and dicts.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): as_text(own) for key, own in value.items()}
    if isinstance(value, list | tuple) and len(value) <= LONGEST_LIST:
        return [as_text(own) for own in value]
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "..."
