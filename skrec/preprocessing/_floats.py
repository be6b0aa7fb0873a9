"""Numbers keep their type, however small, until some rows of them are computed with."""

from typing import Any

import numpy as np

FLOATS = (np.float64, np.float32)


def accepted_dtypes(X: Any) -> Any:
    """Say to which types scikit-learn's ``check_array`` may convert a whole array.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame
        What is to be checked.

    Returns
    -------
    tuple of type, or None
        None for integers, booleans and half precision: as floats, images of bytes would
        take eight times their memory, and a file would be read into memory as a whole.
        :func:`as_floats` converts them later, a block at a time.
    """
    kinds = set(X.dtypes) if hasattr(X, "dtypes") else {getattr(X, "dtype", None)}
    kind = kinds.pop() if len(kinds) == 1 else None
    if not isinstance(kind, np.dtype):
        return FLOATS
    return None if kind.kind in "biu" or kind == np.float16 else FLOATS


def as_floats(x: np.ndarray) -> np.ndarray:
    """Convert rows as ``check_array`` would have converted the whole.

    Parameters
    ----------
    x : ndarray
        Rows.

    Returns
    -------
    ndarray of float64 or float32
        The rows themselves if they are of such a type.
    """
    return x if x.dtype in FLOATS else x.astype(np.float64)
