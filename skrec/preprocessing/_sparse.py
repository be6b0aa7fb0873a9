"""Sparse matrices in one form, so that equal values are the same arrays."""

from typing import Any

import numpy as np
from scipy import sparse


def canonical(X: sparse.csr_array | sparse.csr_matrix) -> Any:
    """Return a CSR matrix of the same values in its one canonical form.

    Parameters
    ----------
    X : CSR matrix or array
        It is not changed.

    Returns
    -------
    CSR matrix or array
        With sorted indices of the smallest type, each entry once, and none of them
        zero; of the same arrays if they are so already.
    """
    size = max(*X.shape, len(X.data))
    kind = np.int32 if size <= np.iinfo(np.int32).max else np.int64
    indices, indptr = (part.astype(kind, copy=False) for part in (X.indices, X.indptr))
    # The new object has no flags yet, which a caller's changes may have made untrue.
    X = type(X)((X.data, indices, indptr), shape=X.shape)
    if not X.has_canonical_format or np.count_nonzero(X.data) < len(X.data):
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    return X
