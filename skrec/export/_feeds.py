"""From a shop's rows to the tensors of an ONNX file, by its schema alone."""

import math
from typing import Any

import numpy as np
import pandas as pd

LISTS = (list, tuple, np.ndarray)
DTYPES = {"string": object, "int64": np.int64, "float64": np.float64}


def feeds(schema: dict[str, Any], X: Any) -> dict[str, np.ndarray]:
    """Turn rows into what a session takes.

    Parameters
    ----------
    schema : dict
        What the file says of itself.
    X : DataFrame or ndarray of shape (n_rows, ...)
        Rows, with the columns of the schema in any order; further ones are left out.

    Returns
    -------
    dict of str to ndarray
        A tensor for each input.

    Raises
    ------
    ValueError
        If a column is missing, or a value is of the wrong type.
    """
    if schema["input"] == "array":
        return {"X": np.asarray(X, dtype=np.float64)}
    return {own["name"]: column_feed(own, _column(own, X)) for own in schema["columns"]}


def _column(about: dict[str, Any], X: pd.DataFrame) -> pd.Series:
    """Find a column by its name, or by its position where X has no names."""
    if about["name"] in X.columns:
        return X[about["name"]]
    names = [name for name in X.columns if isinstance(name, str)]
    if names or about["position"] >= X.shape[1]:
        raise ValueError(
            f"X has no column {about['name']!r}. Received: columns {list(X.columns)}."
        )
    return X.iloc[:, about["position"]]


def column_feed(about: dict[str, Any], values: pd.Series) -> np.ndarray:
    """Turn a column into a tensor.

    Parameters
    ----------
    about : dict
        Its entry in the schema.
    values : Series
        Its values.

    Returns
    -------
    ndarray of shape (n_rows, 1), (n_rows, length) or (n_rows, ...)
        The tensor.
    """
    gone = values.isna().to_numpy()
    if about["kind"] == "number":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)[:, None]
    if about["kind"] == "array":
        return _arrays(about, values, gone)
    if about["kind"] == "id":
        ids = [_id(about, *one) for one in zip(values, gone, strict=True)]
        return _tensor(about, ids)[:, None]
    rows = [
        []
        if none
        else [_id(about, item, _is_missing(item)) for item in _items(about, cell)]
        for cell, none in zip(values, gone, strict=True)
    ]
    length = max(map(len, rows), default=0)
    filled = [row + [about["padding"]] * (length - len(row)) for row in rows]
    return _tensor(about, [item for row in filled for item in row]).reshape(
        len(rows), length
    )


def _tensor(about: dict[str, Any], values: list[Any]) -> np.ndarray:
    tensor = np.empty(len(values), dtype=DTYPES[about["dtype"]])
    tensor[:] = values
    return tensor


def _is_missing(item: Any) -> bool:
    return np.ndim(item) == 0 and bool(pd.isna(item))


def _items(about: dict[str, Any], cell: Any) -> list[Any]:
    """Return the items of a list, or of a string with separators."""
    if isinstance(cell, str) and about.get("separator"):
        parts = [part.strip() for part in cell.split(about["separator"])]
        return [part for part in parts if part]
    if not isinstance(cell, LISTS):
        raise ValueError(
            f"column {about['name']!r} must hold lists of ids. Received: {cell!r}."
        )
    return list(cell)


def _id(about: dict[str, Any], value: Any, missing: bool) -> Any:
    """Return an id in the dtype of the tensor."""
    is_text = about["dtype"] == "string"
    if missing:
        if about["missing"] is None and about["dtype"] != "float64":
            raise ValueError(
                f"column {about['name']!r} must have a value in every row: fill it in. "
                "Received: a missing one."
            )
        return np.nan if about["dtype"] == "float64" else about["missing"]
    if isinstance(value, str) != is_text:
        wanted = "strings" if is_text else "numbers"
        raise ValueError(
            f"column {about['name']!r} must hold {wanted}: convert it. Received: "
            f"{value!r}."
        )
    if value in (about["missing"], about.get("padding")):
        return about["unknown"]  # it stands for something, but here for itself
    if about["dtype"] != "int64":
        return str(value) if is_text else float(value)
    whole = int(value) if math.isfinite(value) else about["unknown"]
    fits = whole == value and -(2**63) <= whole < 2**63
    return whole if fits else about["unknown"]


def _arrays(about: dict[str, Any], values: pd.Series, gone: np.ndarray) -> np.ndarray:
    stacked = np.full((len(values), *about["shape"]), np.nan)
    for row in np.flatnonzero(~gone):
        cell = np.asarray(values.iloc[row], dtype=np.float64)
        if cell.shape != stacked.shape[1:]:
            raise ValueError(
                f"column {about['name']!r} must hold arrays of shape "
                f"{stacked.shape[1:]}. Received: shape {cell.shape} in row {row}."
            )
        stacked[row] = cell
    return stacked
