"""Checks of X that say which column and row is wrong, and what to do about it."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import check_consistent_length, validate_data

from skrec._sklearn import check_y
from skrec.preprocessing._finite import require_finite
from skrec.preprocessing._floats import accepted_dtypes
from skrec.preprocessing._frames import as_table, in_fitted_order
from skrec.preprocessing._sparse import canonical
from skrec.preprocessing._vocabulary import raise_mixed

NO_TARGET = "no_validation"  # what scikit-learn's validate_data takes for no y
SHAPES = {
    2: "2 (samples, features)",
    3: "3 (samples, steps, channels)",
    4: "4 (images: samples, height, width, channels)",
}


def checked_arrays(
    estimator: Any,
    X: Any,
    y: Any = NO_TARGET,
    *,
    reset: bool,
    dimensions: tuple[int, ...],
    accept_sparse: bool,
    allow_nan: bool = False,
    y_numeric: bool = False,
) -> Any:
    """Validate X, and y if given, and record or compare the features' number and names.

    Parameters
    ----------
    estimator : estimator
        Whose input it is.
    X : array-like or sparse matrix of shape (n_samples, ...)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Targets.
    reset : bool
        Whether to record what X looks like, or to compare it with what was recorded.
    dimensions : tuple of int
        Numbers of dimensions that the network takes.
    accept_sparse : bool
        Whether the network takes a sparse matrix.
    allow_nan : bool, default=False
        Whether NaN is a missing number, where X has two dimensions.
    y_numeric : bool, default=False
        Whether the targets are numbers.

    Returns
    -------
    ndarray, or tuple of two ndarrays if y is given
        The validated arrays; a sparse X stays sparse, and integers stay integers.

    Raises
    ------
    ValueError
        If a column is not numeric, a value is not finite (or missing, where it may be),
        or the shape is not one that the network takes.
    """
    name = type(estimator).__name__
    require_dimensions(X, estimator)
    require_numeric_columns(X, name)
    if sparse.issparse(X) and not accept_sparse:
        raise TypeError(
            f"Sparse data was passed to {name}, which needs dense input because the "
            "order of its columns has a meaning. Use X.toarray(), or an MLP."
        )
    options: dict[str, Any] = {
        "dtype": accepted_dtypes(X),
        "accept_sparse": "csr" if accept_sparse else False,
        "allow_nd": True,
        "ensure_all_finite": False,
    }
    if isinstance(y, str):
        X = validate_data(estimator, X, reset=reset, **options)
    else:
        require_targets(y, y_numeric)
        X, y = validate_data(
            estimator, X, y, reset=reset, multi_output=True, y_numeric=y_numeric,
            **options,
        )  # fmt: skip
    X = canonical(X) if sparse.issparse(X) else X
    names = getattr(estimator, "feature_names_in_", None)
    require_finite(X, estimator, names, allow_nan=allow_nan and X.ndim == 2)
    if 0 in X.shape[1:]:
        raise ValueError(
            f"{name} needs at least one value in each dimension of X. "
            f"Received: X of shape {X.shape}."
        )
    if X.ndim not in dimensions:
        legal = " or ".join(SHAPES[number] for number in dimensions)
        raise ValueError(
            f"Found array with dim {X.ndim}. {name} expected X with {legal} "
            f"dimensions. Received: X of shape {X.shape}."
        )
    if not reset and X.shape[1:] != estimator._input_shape:
        expected = ", ".join(map(str, estimator._input_shape))
        raise ValueError(
            f"{name} was fitted on X of shape (n_samples, {expected}). "
            f"Received: X of shape {X.shape}."
        )
    if isinstance(y, str):
        return X
    return X, y.toarray() if sparse.issparse(y) else y


def is_table(X: Any) -> bool:
    """Tell whether X has columns of kinds of their own: a frame, or labels in an array.

    Parameters
    ----------
    X : array-like
        Samples.

    Returns
    -------
    bool
        False for arrays of numbers, of whatever dtype, and what is turned into them.
    """
    if hasattr(X, "columns"):
        return True
    if sparse.issparse(X):
        return False
    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "OUS":
        return False
    try:
        array.astype(np.float64)
    except (TypeError, ValueError):
        return True
    return False


def checked_table(
    estimator: Any, X: Any, y: Any = NO_TARGET, *, reset: bool, y_numeric: bool = False
) -> Any:
    """Validate the columns of a table, and y if given; the cells are for the encoder.

    Parameters
    ----------
    estimator : estimator
        Whose input it is.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Targets.
    reset : bool
        Whether to record what X looks like, or to compare it with what was recorded.
    y_numeric : bool, default=False
        Whether the targets are numbers.

    Returns
    -------
    DataFrame or ndarray, or tuple of it and an ndarray if y is given
        X with its columns in the order of the first fit, and y.
    """
    table = as_table(X, estimator, only_numbers=False)
    names = None if reset else getattr(estimator, "feature_names_in_", None)
    table = in_fitted_order(table, names)
    X = validate_data(estimator, table, reset=reset, skip_check_array=True)
    if names is not None:  # so that the encoder finds those of an array too
        X = pd.DataFrame(X, copy=False).set_axis(names, axis=1)
    if isinstance(y, str):
        return X
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is "
            "None"
        )
    require_targets(y, y_numeric)
    y = check_y(y, multi_output=True, y_numeric=y_numeric, estimator=estimator)
    y = y.toarray() if sparse.issparse(y) else y
    check_consistent_length(X, y)
    return X, y


def require_numeric_columns(X: Any, name: str) -> None:
    """Name the columns of a frame that hold something other than numbers.

    Parameters
    ----------
    X : array-like
        Samples; anything but a frame passes.
    name : str
        Name of the estimator, for the message.
    """
    if not hasattr(X, "columns") or not hasattr(X, "dtypes"):
        return
    columns = zip(X.columns, X.dtypes, strict=True)
    wrong = [
        f"{column!r} ({dtype})"
        for column, dtype in columns
        if not _is_numeric(X[column], dtype)
    ]
    if wrong:
        raise ValueError(
            f"{name} needs numbers in every column of X. Not numeric: "
            f"{', '.join(wrong)}. Encode them first, for example with OneHotEncoder or "
            "OrdinalEncoder in a ColumnTransformer, drop them, or use a class that "
            "gives ids vectors, such as MLPClassifier or MLPRegressor."
        )


def _is_numeric(column: Any, dtype: Any) -> bool:
    """Tell whether a column of a pandas or polars frame holds numbers alone."""
    if isinstance(column, pd.Series) and pd.api.types.is_numeric_dtype(dtype):
        return True  # nullable ones too, which NumPy sees as objects
    values = np.asarray(column)
    if values.dtype.kind in "biuf":
        return True
    if values.dtype.kind not in "OUST":
        return False
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def holds_text(X: Any) -> bool:
    """Tell whether samples are strings, all of them.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples.

    Returns
    -------
    bool
        True for strings and for objects that are, in a frame in every column.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        return len(X.columns) > 0 and all(holds_text(X[name]) for name in X.columns)
    if sparse.issparse(X) or getattr(getattr(X, "dtype", None), "kind", "O") in "biufc":
        return False
    try:
        array = np.asarray(X)
    except ValueError:  # ragged: scikit-learn says so
        return False
    if array.dtype.kind == "O":
        return pd.api.types.infer_dtype(array.ravel(), skipna=False) == "string"
    return array.dtype.kind in "UST"


def require_dimensions(X: Any, estimator: Any) -> None:
    """Let scikit-learn refuse rows of one value, before anybody reads their dtype.

    Parameters
    ----------
    X : array-like
        Samples; anything but a Series, or another array of one dimension, passes.
    estimator : estimator
        Who asks, for the message.
    """
    if hasattr(X, "columns"):
        return
    if (X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim) == 1:
        check_array(X, dtype=None, estimator=estimator, input_name="X")


def require_targets(y: Any, numbers: bool) -> None:
    """Name the first row of y that has no target, or none of the right type.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    numbers : bool
        Whether they must be numbers, not labels.

    Raises
    ------
    ValueError
        If a target is missing or infinite, or no number where it must be one; if labels
        are of types that cannot be compared.
    """
    if y is None or sparse.issparse(y):
        return
    values = np.asarray(y)
    if values.dtype.kind == "f":
        _require_finite_targets(values)
    if values.dtype.kind not in "OUSTmM":
        return
    if values.dtype.kind == "T":  # which pandas does not know
        values = values.astype(object)
    row, value = _first(values, pd.isna(values))
    if row is not None:
        label = "" if numbers else ", or give them a label of their own"
        raise ValueError(
            f"y is missing in row {row}: leave such rows out{label}. "
            f"Received: {value!r}."
        )
    if not numbers:
        _require_one_type(values)
        return
    if not _are_numbers(values):
        wrong = [not _are_numbers(one) for one in values.ravel()]
        row, value = _first(values, wrong)
        raise ValueError(
            "y must hold numbers: convert it, for example with pandas.to_numeric, or "
            f"take a classifier if these are labels. Received: {value!r} in row {row}."
        )


def _require_finite_targets(y: np.ndarray) -> None:
    """Let scikit-learn raise, and add where the first bad target is."""
    try:
        assert_all_finite(y, input_name="y")
    except ValueError as error:
        row, _ = _first(y, ~np.isfinite(y))
        raise ValueError(f"{error}\nThe first such value is in row {row}.") from None


def _require_one_type(labels: np.ndarray) -> None:
    """Name the types of labels that cannot be brought into an order."""
    if labels.dtype.kind != "O":
        return
    try:
        different = pd.unique(labels.ravel())
    except TypeError:  # such as lists: scikit-learn says so
        return
    try:
        np.sort(different)
    except TypeError:
        raise_mixed(different, "y")


def _are_numbers(values: Any) -> bool:
    """Tell whether targets are numbers, or strings of some, as scikit-learn reads."""
    if getattr(values, "dtype", np.dtype("O")).kind in "mM":  # to NumPy, numbers
        return False
    try:
        np.asarray(values).astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _first(values: np.ndarray, wrong: Any) -> tuple[int | None, Any]:
    """Return the row and the value of the first target that is wrong, if one is."""
    places = np.flatnonzero(wrong)
    if not len(places):
        return None, None
    row = int(places[0]) // (values.size // len(values))
    return row, values.ravel()[places[0]]
