"""Ids and columns as few plain arrays: strings as one block of UTF-8 with lengths."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skrec.preprocessing._ids import objects

Packed = dict[str, Any]
# What stands for a value that is no string.
_TEXT, _NONE, _NAN, _NA = 0, 1, 2, 3
_OTHERS = {_NONE: None, _NAN: math.nan, _NA: pd.NA}


def pack_values(values: np.ndarray) -> Packed:
    """Describe an array, so that strings take the room of their letters.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Numbers, strings (some of which may be missing), or other objects.

    Returns
    -------
    dict
        For :func:`unpack_values`.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.preprocessing._packed import pack_values, unpack_values
    >>> packed = pack_values(np.array(["tea", None, "milk"], dtype=object))
    >>> bytes(packed["text"]), packed["lengths"].tolist()
    (b'teamilk', [3, 0, 4])
    >>> unpack_values(packed).tolist()
    ['tea', None, 'milk']
    """
    if values.dtype.kind != "O":
        return {"values": values}
    kinds = np.fromiter(map(_kind_of, values), np.uint8, len(values))
    if (kinds > max(_OTHERS)).any():
        return _pack_intervals(values) or {"objects": values.tolist()}
    pairs = zip(values, kinds, strict=True)
    texts = [value if kind == _TEXT else "" for value, kind in pairs]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    content = "".join(texts).encode("utf-8", "surrogatepass")
    packed: Packed = {
        "text": np.frombuffer(content, np.uint8),
        "lengths": lengths.astype(np.min_scalar_type(lengths.max(initial=0))),
    }
    return {**packed, "kinds": kinds} if kinds.any() else packed


def _pack_intervals(values: np.ndarray) -> Packed:
    """Describe what `pandas.cut` makes; nothing, where others are among them."""
    closed = {value.closed for value in values if isinstance(value, pd.Interval)}
    if len(closed) != 1 or not all(isinstance(value, pd.Interval) for value in values):
        return {}
    return {"intervals": pack_column(pd.arrays.IntervalArray(values))}


def _kind_of(value: Any) -> int:
    if type(value) is str:
        return _TEXT
    if value is None:
        return _NONE
    if value is pd.NA:
        return _NA
    return _NAN if type(value) is float and value != value else 255


def unpack_values(packed: Packed) -> np.ndarray:
    """Undo :func:`pack_values`, and check what is given.

    Parameters
    ----------
    packed : dict
        What it returned.

    Returns
    -------
    ndarray of shape (n_values,)
        The values.

    Raises
    ------
    ValueError
        If something is not as it was written.
    """
    if "values" in packed:
        return _vector(packed["values"], "biufmMSU", "values")
    if "objects" in packed:
        return objects(list(packed["objects"]))
    if "intervals" in packed:
        return objects(list(unpack_column(packed["intervals"])))
    lengths = _vector(packed["lengths"], "u", "lengths of strings").astype(np.int64)
    content = _vector(packed["text"], "u", "letters").astype(np.uint8, copy=False)
    text = content.tobytes().decode("utf-8", "surrogatepass")
    ends = np.cumsum(lengths)
    if (ends[-1] if len(ends) else 0) != len(text) or (np.diff(ends) < 0).any():
        raise ValueError("strings do not have the lengths that are told of them")
    starts = (ends - lengths).tolist()
    values = objects([text[a:b] for a, b in zip(starts, ends.tolist(), strict=True)])
    kinds = packed.get("kinds")
    if kinds is not None:
        kinds = _vector(kinds, "u", "kinds of values")
        if len(kinds) != len(values) or kinds.max(initial=0) > max(_OTHERS):
            raise ValueError("what is missing among strings is wrong")
        for kind, value in _OTHERS.items():
            values[kinds == kind] = value
    return values


def _vector(array: Any, kinds: str, what: str) -> np.ndarray:
    if (
        not isinstance(array, np.ndarray)
        or array.ndim != 1
        or array.dtype.kind not in kinds
    ):
        raise ValueError(f"{what} must be one array of one axis")
    return array


# ---- columns of pandas ---------------------------------------------------------------


def pack_dtype(dtype: Any) -> Packed:
    """Describe the dtype of a column.

    Parameters
    ----------
    dtype : dtype
        Of numpy or pandas.

    Returns
    -------
    dict
        For :func:`unpack_dtype`; with the object itself where no name stands for it.
    """
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        found = None if categories is None else pack_column(categories.array)
        return {"categories": found, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.StringDtype):
        return {"storage": dtype.storage, "nan": dtype.na_value is not pd.NA}
    name = dtype.str if isinstance(dtype, np.dtype) else str(dtype)
    try:
        if pd.api.types.pandas_dtype(name) == dtype:
            return {"name": name}
    except TypeError:
        pass
    return {"object": dtype}


def unpack_dtype(packed: Packed) -> Any:
    """Undo :func:`pack_dtype`.

    Parameters
    ----------
    packed : dict
        What it returned.

    Returns
    -------
    dtype
        The dtype.
    """
    if "categories" in packed:
        found = packed["categories"]
        categories = None if found is None else unpack_column(found)
        return pd.CategoricalDtype(categories, bool(packed["ordered"]))
    if "storage" in packed:
        na_value: Any = math.nan if packed["nan"] else pd.NA
        return pd.StringDtype(str(packed["storage"]), na_value=na_value)
    if "object" in packed:
        return packed["object"]
    return pd.api.types.pandas_dtype(str(packed["name"]))


def pack_column(column: Any) -> Packed:
    """Describe a column.

    Parameters
    ----------
    column : ndarray or ExtensionArray
        Its values.

    Returns
    -------
    dict
        For :func:`unpack_column`.
    """
    dtype = column.dtype
    if isinstance(column, pd.arrays.NumpyExtensionArray):
        dtype = column.to_numpy().dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return {"dtype": pack_dtype(dtype), "values": np.asarray(column.codes)}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"dtype": pack_dtype(dtype), "values": np.asarray(column.asi8)}
    if isinstance(dtype, pd.IntervalDtype):
        ends = [pack_column(end.array) for end in (column.left, column.right)]
        return {"ends": ends, "closed": column.closed}
    if isinstance(dtype, np.dtype):
        return pack_values(np.asarray(column))
    values = np.asarray(column, dtype=object)
    missing = np.asarray(pd.isna(column), dtype=bool)
    if hasattr(dtype, "numpy_dtype") and dtype.kind in "biuf":
        # As numbers: `pandas.array` reads them, and the mask says what is missing.
        numbers = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.type(0))
        return {"dtype": pack_dtype(dtype), "values": numbers, "missing": missing}
    values[missing] = None
    return {"dtype": pack_dtype(dtype), **pack_values(values)}


def unpack_column(packed: Packed) -> Any:
    """Undo :func:`pack_column`.

    Parameters
    ----------
    packed : dict
        What it returned.

    Returns
    -------
    ndarray or ExtensionArray
        The values.
    """
    if "ends" in packed:
        left, right = map(unpack_column, packed["ends"])
        return pd.arrays.IntervalArray.from_arrays(left, right, str(packed["closed"]))
    values = unpack_values(packed)
    if "dtype" not in packed:
        return values
    dtype = unpack_dtype(packed["dtype"])
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Categorical.from_codes(values, dtype=dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        dates = pd.DatetimeIndex(values.view(f"M8[{dtype.unit}]"))
        return dates.tz_localize("UTC").tz_convert(dtype.tz).array
    column = pd.array(values, dtype=dtype)
    if "missing" in packed:
        column[_vector(packed["missing"], "b", "what is missing")] = pd.NA
    return column


def pack_frame(frame: pd.DataFrame) -> Packed:
    """Describe a frame without its index.

    Parameters
    ----------
    frame : DataFrame
        The frame.

    Returns
    -------
    dict
        For :func:`unpack_frame`.
    """
    columns = [pack_column(frame.iloc[:, k].array) for k in range(frame.shape[1])]
    return {"names": list(frame.columns), "columns": columns, "n_rows": len(frame)}


def unpack_frame(packed: Packed) -> pd.DataFrame:
    """Undo :func:`pack_frame`.

    Parameters
    ----------
    packed : dict
        What it returned.

    Returns
    -------
    DataFrame
        The frame, its rows numbered from 0 on.
    """
    columns: Sequence[Any] = [unpack_column(own) for own in packed["columns"]]
    if any(len(column) != packed["n_rows"] for column in columns):
        raise ValueError("columns of a frame differ in length")
    # By their dtypes: pandas would make strings of objects.
    parts = {k: pd.Series(own, dtype=own.dtype) for k, own in enumerate(columns)}
    frame = pd.DataFrame(parts, index=range(packed["n_rows"]))
    return frame.set_axis(list(packed["names"]), axis=1)
