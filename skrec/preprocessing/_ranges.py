"""The range of numbers that training saw, to which all later ones are clipped."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skrec.preprocessing._floats import as_floats

RANGE_ROWS = 2**13  # rows of which the range is taken at a time, and copied
# Sums of squares of larger numbers are infinite in 64 bits, and numbers that are not
# scaled must fit into the 32 bits of the network, with their range on each side.
LARGEST_SCALED, LARGEST_RAW = 1e100, 1e38
MARGIN = 0.1
DRIFT = 1000
# Outside of these, float32 does not hold the squares of a column's numbers.
LEAST_32, LARGEST_32 = 1e-18, 1e18


class Range:
    """Smallest and largest number of each column, and how far beyond is let through.

    A number may lie outside what training saw by a tenth of its width, or by .1 where
    it was a single value; whatever is further away counts as the end of that. So no
    finite number, however large, becomes an infinite one or a NaN in a network that
    multiplies its inputs. The margin is small since products of inputs, as in DCN, soon
    go astray: where a column is noise, answers turned at a quarter of the width, not
    at a tenth.
    """

    def __init__(self) -> None:
        self.least = self.most = np.empty(0)
        self.low = self.high = np.empty(0)

    def update(self, block: np.ndarray) -> "Range":
        """Take rows of training in.

        Parameters
        ----------
        block : ndarray of shape (n_rows, n_columns)
            Numbers; NaN is left out.

        Returns
        -------
        Range
            Itself.
        """
        block = as_floats(block)
        least = np.fmin.reduce(block, axis=0, initial=np.inf).astype(np.float64)
        most = np.fmax.reduce(block, axis=0, initial=-np.inf).astype(np.float64)
        if len(self.least):
            least, most = np.minimum(self.least, least), np.maximum(self.most, most)
        self.least, self.most = least, most
        self._set_bounds()
        return self

    def widen(self, block: np.ndarray) -> "Range":
        """Take rows of later training in, whose scale is that of the first.

        Parameters
        ----------
        block : ndarray of shape (n_rows, n_columns)
            Numbers; NaN is left out. They count as at most `DRIFT` ranges away, so that
            one that stands for something else does not open the range for all others.

        Returns
        -------
        Range
            Itself.
        """
        drift = DRIFT * (self.high - self.low)
        drift[self.least > self.most] = LARGEST_RAW  # the first numbers of a column
        block = as_floats(block)
        return self.update(np.clip(block, self.low - drift, self.high + drift))

    def _set_bounds(self) -> None:
        """Set the bounds; those of a column without a single number are 0."""
        empty = self.least > self.most
        least = np.where(empty, 0.0, self.least)
        most = np.where(empty, 0.0, self.most)
        with np.errstate(over="ignore"):  # before `require_scalable` has looked
            margin = MARGIN * np.where(most > least, most - least, 1.0)
            margin[empty] = 0.0
            self.low, self.high = least - margin, most + margin

    @property
    def suits_32_bits(self) -> bool:
        """Whether float32 can hold the squares of the numbers, or their differences."""
        if not len(self.low):
            return True
        width = self.high - self.low
        largest = max(self.high.max(), -self.low.min())
        return largest < LARGEST_32 and not np.any((width > 0) & (width < LEAST_32))

    def clip(self, numbers: np.ndarray) -> np.ndarray:
        """Put numbers that lie too far away at the end of what is let through.

        Parameters
        ----------
        numbers : ndarray of shape (..., n_columns)
            Finite numbers and NaN, which stays.

        Returns
        -------
        ndarray of the same shape
            Numbers in the dtype that they had, or in 64 bits where that has too few.
        """
        if not len(self.low):
            return numbers
        if not self.suits_32_bits:
            numbers = numbers.astype(np.float64, copy=False)
        low, high = self.low, self.high
        if numbers.dtype != np.float64:
            low, high = low.astype(numbers.dtype), high.astype(numbers.dtype)
        return np.clip(numbers, low, high)


def range_of(numbers: Any, rows: np.ndarray | None) -> Range:
    """Return the range of some rows of an array or a sparse matrix.

    Parameters
    ----------
    numbers : ndarray or CSR matrix of shape (n_rows, n_columns)
        Numbers.
    rows : ndarray of int, or None
        Which rows; all if None.

    Returns
    -------
    Range
        Their range.
    """
    found = Range()
    if sparse.issparse(numbers):
        chosen = numbers if rows is None else numbers[rows]
        ends = [end.toarray().ravel() for end in (chosen.nanmin(0), chosen.nanmax(0))]
        return found.update(np.array(ends))
    n_rows = len(numbers) if rows is None else len(rows)
    for part in gen_batches(n_rows, RANGE_ROWS):
        found.update(numbers[part] if rows is None else numbers[rows[part]])
    return found


def require_scalable(
    seen: Range, numbers: Any, rows: np.ndarray | None, names: list, raw: bool
) -> None:
    """Raise where numbers to learn from are too large for any scale.

    Parameters
    ----------
    seen : Range
        Of the same rows.
    numbers : ndarray or CSR matrix of shape (n_rows, ..., n_columns)
        All rows.
    rows : ndarray of int, or None
        Rows to learn from; all if None.
    names : list
        Name of each column; of all channels of an array, where it is one name.
    raw : bool
        Whether numbers stay as they are.

    Raises
    ------
    ValueError
        Naming the first column and row.
    """
    limit = LARGEST_RAW if raw else LARGEST_SCALED
    too_large = (seen.most > limit) | (seen.least < -limit)
    if not too_large.any():
        return
    k = int(too_large.argmax())
    column = numbers[:, [k]].toarray() if sparse.issparse(numbers) else numbers[..., k]
    column = column.reshape(numbers.shape[0], -1)
    wrong = (np.abs(column) > limit).any(axis=1)
    row = int(np.flatnonzero(wrong)[0] if rows is None else rows[wrong[rows]].min())
    value = column[row][np.abs(column[row]) > limit][0]
    raise ValueError(
        f"column {names[min(k, len(names) - 1)]!r} holds {value} in row {row}, and "
        f"numbers beyond {limit:.0e} cannot be learnt from: replace it, for example "
        "by NaN if it stands for a missing value, or leave the row out."
    )
