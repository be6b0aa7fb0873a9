"""Ids by their exact values: 3 and 3.0 are one id, 2**60 and 2**60 + 1 are two."""

import math
from collections.abc import Callable
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

LEAST_INT, MOST_INT = -(2.0**63), 2.0**63  # as floats, which 2**63 - 1 is not
LARGEST_EXACT = 2**53  # from here on, neighbouring whole numbers are one float


def by_value(values: Any, mixed: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Return ids in the dtype of their values, whatever the dtype of their column.

    Whole numbers become 64-bit integers where all of them fit; no conversion changes
    a value.

    Parameters
    ----------
    values : ndarray, Index or ExtensionArray
        Different ids, none of them missing.
    mixed : callable
        What raises for objects of several types.

    Returns
    -------
    ndarray
        Integers, floats, booleans, or objects: strings, or numbers that neither of
        NumPy's dtypes holds together.
    """
    if isinstance(getattr(values, "dtype", None), pd.api.extensions.ExtensionDtype):
        values = values.to_numpy()
    values = np.asarray(values)
    if values.dtype.kind == "O" and len(values):
        values = _narrowed(values, mixed)
    if values.dtype.kind == "f":
        whole = values == np.floor(values)
        if np.all(whole & (values >= LEAST_INT) & (values < MOST_INT)):
            return values.astype(np.int64)
        return values.astype(np.float64)
    if values.dtype.kind in "iu":
        fits = values.dtype != np.uint64 or not len(values) or values.max() < 2**63
        return values.astype(np.int64) if fits else values
    return values


def _narrowed(values: np.ndarray, mixed: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Return objects as numbers if they are some; raise if they mix types."""
    kind = infer_dtype(values, skipna=False)
    if kind == "string":
        return values
    if kind == "boolean":
        return values.astype(bool)
    if kind == "integer":
        return _integers(values)
    if kind == "floating":
        return values.astype(np.float64)
    if are_numbers(values):
        return exact_numbers(values)
    if len({type(value) for value in values}) > 1:
        mixed(values)
    return values


def are_numbers(values: Any) -> bool:
    """Tell whether objects are real numbers, of whatever types.

    Parameters
    ----------
    values : iterable
        Objects.

    Returns
    -------
    bool
        False for booleans, which are flags.
    """
    return all(
        isinstance(value, Number) and not isinstance(value, (bool, np.bool_, complex))
        for value in values
    )


def exact_numbers(values: Any) -> np.ndarray:
    """Return numbers of several types in one dtype that holds each of them exactly.

    Parameters
    ----------
    values : sequence
        Integers, floats and decimals.

    Returns
    -------
    ndarray of int64, uint64, float64 or object
        The same values.
    """
    numbers = [v.item() if isinstance(v, np.generic) else v for v in values]
    try:
        floats = [float(number) for number in numbers]
    except OverflowError:
        floats = []
    # Python compares an integer or a decimal with a float by value, without rounding.
    if floats and all(map(_equal, floats, numbers)):
        return np.array(floats)
    if all(map(_is_whole, numbers)):
        return _integers([int(number) for number in numbers])
    return objects(numbers)


def _integers(numbers: Any) -> np.ndarray:
    """Return whole numbers in the first dtype that holds all of them."""
    numbers = objects(numbers)
    for dtype in (np.int64, np.uint64):
        try:
            return numbers.astype(dtype)
        except OverflowError:
            continue
    return objects([int(number) for number in numbers])


def _equal(first: Any, second: Any) -> bool:
    return bool(first == second)


def _is_whole(number: Any) -> bool:
    # math.isfinite makes a float of an integer, which may be too large for one.
    return isinstance(number, int) or (math.isfinite(number) and int(number) == number)


def objects(values: Any) -> np.ndarray:
    """Return a one-dimensional array of objects, whatever they are.

    Parameters
    ----------
    values : sequence
        Objects, such as numbers or lists.

    Returns
    -------
    ndarray of object of shape (n_values,)
        The same objects.
    """
    array = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        array[position] = value
    return array


def infinite(values: np.ndarray) -> np.ndarray:
    """Tell which ids are infinite numbers.

    Parameters
    ----------
    values : ndarray
        From :func:`by_value`.

    Returns
    -------
    ndarray of bool of shape (n_values,)
        Whether each is.
    """
    if values.dtype.kind == "f":
        return np.isinf(values)
    if values.dtype.kind == "O" and len(values) and are_numbers(values[:1]):
        return np.array([value in (math.inf, -math.inf) for value in values])
    return np.zeros(len(values), dtype=bool)


def digits_lost(values: Any) -> bool:
    """Tell whether a dtype of floats may have merged whole numbers before we saw them.

    Parameters
    ----------
    values : ndarray, Index or ExtensionArray
        Different ids.

    Returns
    -------
    bool
        Whether some are so large that neighbouring whole numbers are one float.
    """
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "kind", "O") != "f" or not len(values):
        return False
    floats = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if floats.dtype.kind != "f":
        return False
    limit = 2.0 ** (np.finfo(floats.dtype).nmant + 1)
    return bool(np.any(np.isfinite(floats) & (np.abs(floats) >= limit)))


def join(arrays: list[np.ndarray]) -> np.ndarray:
    """Put ids of several columns in one array; no dtype that they share rounds them.

    Parameters
    ----------
    arrays : list of ndarray
        From :func:`by_value`.

    Returns
    -------
    ndarray
        All of them, one after the other.
    """
    filled = [values for values in arrays if len(values)] or arrays[:1]
    if len({values.dtype.kind for values in filled}) == 1:
        return np.concatenate(filled)
    filled = [_without_booleans(values) for values in filled]
    if len({values.dtype.kind for values in filled}) == 1:
        return np.concatenate(filled)
    return exact_numbers(np.concatenate([values.astype(object) for values in filled]))


def in_order(values: np.ndarray) -> np.ndarray:
    """Sort ids; strings in Python, which compares them 2.4 times as fast as NumPy.

    Parameters
    ----------
    values : ndarray
        Ids.

    Returns
    -------
    ndarray
        The same, from the smallest on.
    """
    if values.dtype.kind != "O":
        return np.sort(values)
    ids = values.tolist()
    # Of sets, < means a subset, which sorts nothing.
    key = sorted if ids and isinstance(ids[0], frozenset) else None
    return objects(sorted(ids, key=key))


def as_index(values: np.ndarray) -> pd.Index:
    """Return an index that finds ids by value; to pandas, True and 1 are not equal.

    Parameters
    ----------
    values : ndarray
        Different ids.

    Returns
    -------
    Index
        Of the same dtype.
    """
    values = _without_booleans(values)
    return pd.Index(values, dtype=values.dtype)


def positions_of(index: pd.Index, values: np.ndarray) -> np.ndarray:
    """Look ids up by value.

    Parameters
    ----------
    index : Index
        From :func:`as_index`.
    values : ndarray
        Ids of the same family, of whatever dtype.

    Returns
    -------
    ndarray of int of shape (n_values,)
        Where each stands in the index; -1 for those that are not there.
    """
    values = _without_booleans(values)
    known = index.dtype
    if known == values.dtype:
        return index.get_indexer(as_index(values))
    if known.kind == "O":
        return index.get_indexer(as_index(values.astype(object)))
    # pandas would compare both as floats.
    same, fits = _converted(values, known)
    return np.where(fits, index.get_indexer(as_index(same)), -1)


def _converted(values: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Convert numbers to another dtype, and tell which ones it holds exactly."""
    if values.dtype.kind == "f":  # to integers
        low, high = (LEAST_INT, MOST_INT) if dtype.kind == "i" else (0.0, 2.0**64)
        fits = (values == np.floor(values)) & (values >= low) & (values < high)
        return np.where(fits, values, 0).astype(dtype), fits
    if dtype.kind == "f" and values.dtype.kind in "iu" and _are_small(values):
        return values.astype(dtype), np.ones(len(values), dtype=bool)
    same = np.zeros(len(values), dtype=dtype)
    fits = np.zeros(len(values), dtype=bool)
    exact = float if dtype.kind == "f" else int
    for position, value in enumerate(values.tolist()):
        try:
            converted = exact(value)
            if converted == value:
                same[position], fits[position] = converted, True
        except (OverflowError, ValueError):  # too large, or infinite
            continue
    return same, fits


def _are_small(integers: np.ndarray) -> bool:
    """Tell whether floats hold all of these whole numbers."""
    if not len(integers):
        return True
    return integers.max() <= LARGEST_EXACT and integers.min() >= -LARGEST_EXACT


def _without_booleans(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64) if values.dtype.kind == "b" else values
