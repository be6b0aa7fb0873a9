"""Checks of arrays of numbers that say where the first bad value is."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite, gen_batches

BLOCK_BYTES = 2**24  # of an array that are read at a time


def require_finite(
    X: Any, estimator: Any, names: Sequence | None = None, allow_nan: bool = False
) -> None:
    """Let scikit-learn raise, and add where the first bad value is.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ..., n_features)
        Samples.
    estimator : estimator
        Who asks, for the messages.
    names : sequence, default=None
        Names of the columns; None for their positions.
    allow_nan : bool, default=False
        Whether NaN is a missing value, which is no error.

    Raises
    ------
    ValueError
        Naming the row, and the column or channel.
    """
    name = type(estimator).__name__
    try:
        for _, block in _blocks(X):
            assert_all_finite(
                block, estimator_name=name, input_name="X", allow_nan=allow_nan
            )
    except ValueError as error:
        n_bad, row, column = _bad_values(X, allow_nan)
        if not n_bad:
            raise
        if names is not None:
            where = f"column {names[column]!r}"
        else:
            where = f"{'column' if X.ndim == 2 else 'channel'} {column}"
        advice = "" if allow_nan else " Impute them, or drop these rows."
        raise ValueError(
            f"{error}\nThe first of {n_bad} such values is in row {row}, {where}."
            f"{advice}"
        ) from None


def _blocks(X: Any) -> Iterator[tuple[int, Any]]:
    """Walk X, which may be a file, some rows at a time; say which row is the first."""
    if sparse.issparse(X) or X.nbytes <= BLOCK_BYTES:
        yield 0, X
        return
    for part in gen_batches(len(X), max(1, BLOCK_BYTES * len(X) // X.nbytes)):
        yield part.start, X[part]


def _bad_values(X: Any, allow_nan: bool) -> tuple[int, int, int]:
    """Count the bad values; return row and channel of the first too."""
    n_bad, row, channel = 0, -1, -1
    for start, block in _blocks(X):
        entries = block.tocoo() if sparse.issparse(block) else None
        values = block if entries is None else entries.data
        wrong = np.isinf(values) if allow_nan else ~np.isfinite(values)
        if entries is None:
            bad = np.argwhere(wrong)
        else:
            bad = np.column_stack([entries.row[wrong], entries.col[wrong]])
        if len(bad) and not n_bad:
            row, channel = start + int(bad[0][0]), int(bad[0][-1])
        n_bad += len(bad)
    return n_bad, row, channel
