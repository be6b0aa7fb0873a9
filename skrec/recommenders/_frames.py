"""Answers as frames of the kind that was given."""

from typing import Any

import numpy as np
import pandas as pd


def answer(columns: dict[str, Any], as_polars: bool) -> Any:
    """Make a frame.

    Parameters
    ----------
    columns : dict of str to ndarray
        Its columns.
    as_polars : bool
        Whether it is to be one of polars.

    Returns
    -------
    DataFrame
        Of pandas or polars.
    """
    if not as_polars:
        return pd.DataFrame(columns)
    import polars

    lists = {
        name: values if _is_plain(values) else list(values)
        for name, values in columns.items()
    }
    return polars.DataFrame(lists)


def in_dtype(ids: np.ndarray, dtype: Any) -> Any:
    """Return ids in the dtype of the column that they came from.

    Parameters
    ----------
    ids : ndarray of shape (n_ids,)
        Ids, by their values.
    dtype : dtype
        That of the column.

    Returns
    -------
    ndarray or ExtensionArray
        The ids; as they are where that dtype does not hold all of them.
    """
    column = pd.Series(ids)
    if (
        isinstance(dtype, pd.CategoricalDtype)
        and not column.isin(dtype.categories).all()
    ):
        return ids  # of which `partial_fit` brought some
    try:
        converted = column.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        return ids
    if converted.isna().any() or not (converted.to_numpy() == ids).all():
        return ids
    return (
        converted.array
        if hasattr(dtype, "construct_array_type")
        else converted.to_numpy()
    )


def _is_plain(values: Any) -> bool:
    """Tell whether values are numbers in an array of NumPy's."""
    return isinstance(values, np.ndarray) and values.dtype.kind in "biuf"
