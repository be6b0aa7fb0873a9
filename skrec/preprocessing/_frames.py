"""Any table to a pandas frame, or to a plain array of numbers, with its checks."""

import sys
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype
from scipy import sparse
from sklearn.utils import check_array

from skrec.preprocessing._finite import require_finite
from skrec.preprocessing._floats import FLOATS, accepted_dtypes
from skrec.preprocessing._ids import LARGEST_EXACT, objects
from skrec.preprocessing._sparse import canonical


def as_table(X: Any, estimator: Any, only_numbers: bool = False) -> Any:
    """Return a pandas frame, or a 2-D array or CSR matrix of numbers.

    Parameters
    ----------
    X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
        A pandas or polars frame, a pyarrow Table, or anything that NumPy reads.
    estimator : estimator
        Who asks, for the messages.
    only_numbers : bool, default=False
        Whether all columns of an array of numbers are numbers, not ids.

    Returns
    -------
    DataFrame, ndarray or csr_matrix
        A frame where columns may be of different kinds: of frames and of arrays of
        strings or objects. Arrays of floats are returned as they are, and those of
        integers too where all columns are numbers.

    Raises
    ------
    ValueError
        If there are no rows or columns, if X is not of two dimensions, if two columns
        have one name, or if an array of numbers holds infinity; NaN is a missing one.
    """
    if isinstance(X, pd.DataFrame):
        table = X
    elif is_polars(X):
        table = _from_polars(X)
    elif _is_arrow(X):
        table = X.to_pandas(types_mapper=pd.ArrowDtype)
    elif sparse.issparse(X):
        return _numeric(X, estimator, only_numbers)
    else:
        values = _as_array(X)
        if values.dtype.kind in "UST":
            values = values.astype(object)
        if values.ndim != 2:
            check_array(X, dtype=None, estimator=estimator, input_name="X")
        kinds = "O" if only_numbers else "Oiu"
        if values.dtype.kind not in kinds:
            return _numeric(values, estimator, only_numbers)
        table = pd.DataFrame(values, copy=False)
        if only_numbers and all(map(_holds_numbers, table.to_numpy().T)):
            return _numeric(values, estimator, only_numbers)
    _require_shape(table, type(estimator).__name__)
    _require_unique_names(table)
    return _without_arrow(table)


def in_fitted_order(table: Any, names: Any) -> Any:
    """Put the columns of a frame in the order of fit, if they are the same ones.

    Parameters
    ----------
    table : DataFrame, ndarray or csr_matrix
        From :func:`as_table`.
    names : ndarray of str, or None
        Names of the columns in fit.

    Returns
    -------
    DataFrame, ndarray or csr_matrix
        The table itself, if it has other columns or none with names.
    """
    if names is None or not isinstance(table, pd.DataFrame):
        return table
    if list(table.columns) == list(names) or set(table.columns) != set(names):
        return table
    return table[list(names)]


def as_frame(table: Any) -> pd.DataFrame:
    """Return a frame of whatever a table is.

    Parameters
    ----------
    table : DataFrame, ndarray or csr_matrix
        From :func:`as_table`.

    Returns
    -------
    DataFrame
        The table itself if it is one.
    """
    if isinstance(table, pd.DataFrame):
        return table
    return pd.DataFrame(table.toarray() if sparse.issparse(table) else table)


def named_columns(frame: Any, names: list, what: str) -> pd.DataFrame:
    """Return some columns of a frame, which may have no rows.

    Parameters
    ----------
    frame : DataFrame
        Of pandas or polars.
    names : list of str
        Names of columns.
    what : str
        What the frame is, for the messages.

    Returns
    -------
    DataFrame
        These columns, in pandas.

    Raises
    ------
    TypeError
        If it is no frame.
    ValueError
        If a column is missing or there twice.
    """
    if not (is_polars(frame) or isinstance(frame, pd.DataFrame)):
        raise TypeError(
            f"{what} must be a pandas or polars frame. Received: "
            f"{type(frame).__name__}."
        )
    columns = list(frame.columns)
    missing = [name for name in names if name not in columns]
    if missing:
        raise ValueError(
            f"{what} has no column {missing[0]!r}: rename its own, or say what they "
            f"are called. Received: columns {columns}."
        )
    doubled = [n for n in names if columns.count(n) > 1 or names.count(n) > 1]
    if doubled:
        raise ValueError(
            f"{what} needs a column of its own for each of {names}. Received: "
            f"{doubled[0]!r} twice, of columns {columns}."
        )
    return _from_polars(frame.select(names)) if is_polars(frame) else frame[names]


def _as_array(X: Any) -> np.ndarray:
    """Read an array-like; numbers beside strings stay numbers, whole ones exact."""
    values = np.asarray(X)
    if isinstance(X, np.ndarray) or values.ndim != 2:
        return values
    rounded = values.dtype.kind == "f" and (np.abs(values) >= LARGEST_EXACT).any()
    if values.dtype.kind in "US" or rounded:
        return np.asarray(X, dtype=object)
    return values


def _holds_numbers(values: np.ndarray) -> bool:
    """Tell whether a column of objects holds numbers alone."""
    kind = infer_dtype(values, skipna=True)
    return kind in ("integer", "floating", "mixed-integer-float")


def _numeric(X: Any, estimator: Any, only_numbers: bool) -> Any:
    """Return an array or CSR matrix of numbers, NaN where one is missing."""
    # Where columns may be of other kinds, their dtypes would say so.
    dtype = accepted_dtypes(X) if only_numbers else FLOATS
    X = check_array(
        X,
        accept_sparse="csr",
        dtype=dtype,
        ensure_all_finite=False,
        estimator=estimator,
        input_name="X",
    )
    X = canonical(X) if sparse.issparse(X) else X
    require_finite(X, estimator, allow_nan=True)
    return X


def _require_shape(table: pd.DataFrame, name: str) -> None:
    """Raise, as scikit-learn does, where there are no rows or no columns."""
    for size, what in zip(table.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={table.shape}) while a minimum "
                f"of 1 is required by {name}."
            )


def _require_unique_names(table: pd.DataFrame) -> None:
    """Raise where two columns have one name."""
    doubled = table.columns[table.columns.duplicated()].unique().tolist()
    if doubled:
        raise ValueError(
            f"X has more than one column of the same name: rename {doubled}. "
            f"Received: columns {table.columns.tolist()}."
        )


def _is_arrow(X: Any) -> bool:
    """Tell a pyarrow table without importing pyarrow where nobody else has."""
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(X, (pyarrow.Table, pyarrow.RecordBatch))


def _without_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    """Replace Arrow's columns of kinds for which pandas has dtypes of its own."""
    changed = {}
    for c, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pd.ArrowDtype):
            column = _pandas_from_arrow(frame.iloc[:, c])
            if column is not None:
                changed[frame.columns[c]] = column
    return frame.assign(**changed) if changed else frame


def _pandas_from_arrow(column: pd.Series) -> pd.Series | None:
    """Return a category for a dictionary, objects for lists; None for other columns."""
    import pyarrow as pa

    arrow = column.dtype.pyarrow_dtype
    if pa.types.is_dictionary(arrow):
        plain = column.astype(pd.ArrowDtype(arrow.value_type))
        return plain.astype("category")
    if pa.types.is_nested(arrow) or pa.types.is_null(arrow):
        cells = objects(column.array.__arrow_array__().to_pylist())
        return pd.Series(cells, index=column.index)
    return None


def is_polars(X: Any) -> bool:
    """Tell a polars frame without importing polars where nobody else has.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    bool
        Whether it is one.

    Raises
    ------
    ValueError
        If it is one that does not hold its rows.
    """
    polars = sys.modules.get("polars")
    if polars is None:
        return False
    if isinstance(X, polars.LazyFrame):
        raise ValueError(
            "X must hold its rows: call .collect() on it. Received: a polars LazyFrame."
        )
    return isinstance(X, polars.DataFrame)


def _from_polars(X: Any) -> pd.DataFrame:
    """Return a polars frame in pandas, column by column."""
    columns = {column.name: _pandas_column(column) for column in X.get_columns()}
    return pd.DataFrame(columns, index=range(X.height), copy=False)


def _pandas_column(column: Any) -> Any:
    """Return what pandas makes a column of the same kind from, without pyarrow."""
    polars = sys.modules["polars"]
    dtype = column.dtype
    if dtype == polars.Decimal or dtype in (polars.Int128, polars.UInt128):
        return pd.Series(objects(column.to_list()))  # which NumPy has no dtype for
    if dtype.is_integer():
        values = column.fill_null(0).to_numpy()
        if not column.null_count():
            return values
        return pd.arrays.IntegerArray(values.copy(), column.is_null().to_numpy())
    if dtype == polars.Array:
        # Arrays one by one, each of the array's own dtype and shape.
        cells = column.to_list()
        arrays = [None if cell is None else np.array(cell) for cell in cells]
        return pd.Series(objects(arrays))
    if dtype.is_nested() or dtype in (polars.Time, polars.Null):
        return pd.Series(objects(column.to_list()))
    if dtype in (polars.String, polars.Categorical, polars.Enum):
        return _categories(column.cast(polars.String))
    if dtype == polars.Boolean:
        return pd.Series(column.to_numpy(), dtype=object)
    return column.to_numpy()


def _categories(column: Any) -> pd.Categorical:
    """Return strings as a category: only different ones become Python's strings."""
    polars = sys.modules["polars"]
    different = column.drop_nulls().unique()
    codes = column.cast(polars.Enum(different)).to_physical().cast(polars.Int64)
    return pd.Categorical.from_codes(
        codes.fill_null(-1).to_numpy(), different.to_numpy().astype(object)
    )
