"""Columns of numbers: one block of floats, its scale, and what is missing in it."""

import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import QuantileTransformer

from skrec._sklearn import check_sample_weight
from skrec.preprocessing._floats import as_floats
from skrec.preprocessing._ranges import Range, range_of, require_scalable
from skrec.preprocessing._scaling import dense_blocks, new_scaler, sample_rows

N_QUANTILES = 1000  # scikit-learn's default
FEW_ROWS = 32  # of which all columns at once are faster than one by one


def number_block(frame: pd.DataFrame, positions: list[int], names: list) -> np.ndarray:
    """Put columns of numbers side by side, NaN where they are missing.

    Parameters
    ----------
    frame : DataFrame
        Table.
    positions : list of int
        Which of its columns.
    names : list
        Names of all columns, for the messages.

    Returns
    -------
    ndarray of float32 or float64 of shape (n_rows, len(positions))
        The numbers, in 32 bits if no column has more.

    Raises
    ------
    ValueError
        If a value is infinite or no number.
    """
    dtypes = frame.dtypes.tolist()
    small = all(dtypes[position] in (np.float16, np.float32) for position in positions)
    block = np.empty((len(frame), len(positions)), np.float32 if small else np.float64)
    plain: list[int] = []
    if len(frame) <= FEW_ROWS:  # one call for all of them; of many rows, a copy more
        plain = [k for k, c in enumerate(positions) if _is_plain(dtypes[c])]
        columns = frame.iloc[:, [positions[k] for k in plain]]
        block[:, plain] = columns.to_numpy(dtype=block.dtype)
    for k in sorted(set(range(len(positions))) - set(plain)):
        column = frame.iloc[:, positions[k]]
        block[:, k] = _as_floats(column, block.dtype, names[positions[k]])
    _require_finite(block, [names[position] for position in positions])
    return block


def _is_plain(dtype: Any) -> bool:
    """Tell whether NumPy turns a dtype into floats, with NaN for what is missing."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def _require_finite(block: np.ndarray, names: list) -> None:
    """Name the first column that holds infinity, and its first row."""
    if len(block) <= FEW_ROWS and not np.isinf(block).any():
        return
    for k, name in enumerate(names):  # of many rows, all at once take memory
        infinite = np.isinf(block[:, k])
        if infinite.any():
            row = int(infinite.argmax())
            raise ValueError(
                f"column {name!r} holds infinity in row {row}: replace it, for example "
                f"by NaN. Received: {block[row, k]}."
            )


def _as_floats(column: pd.Series, dtype: np.dtype, name: Any) -> np.ndarray:
    """Return a column as floats; what is larger than any float becomes the largest."""
    if column.dtype.kind in "mM":  # to NumPy, dates are numbers
        _raise_not_number(column, name)
    try:
        floats = column.to_numpy(dtype=dtype, na_value=np.nan)
    except OverflowError:  # an integer of more than 308 digits
        floats = np.array([_nearest_float(value) for value in column])
    except (TypeError, ValueError):
        _raise_not_number(column, name)
        raise
    if column.dtype.kind == "O" and np.isinf(floats).any():
        floats = np.array([_nearest_float(value) for value in column])
    return floats


def _nearest_float(value: Any) -> float:
    """Return a number as a float that is finite where the number is."""
    if pd.isna(value):
        return np.nan
    if value in (np.inf, -np.inf):
        return float(value)
    largest = sys.float_info.max
    return float(max(-largest, min(largest, value)))


def _raise_not_number(column: pd.Series, name: Any) -> None:
    """Name the first row that is no number."""
    for row, value in enumerate(column):
        try:
            float(value)
        except (TypeError, ValueError):
            if np.ndim(value) or not pd.isna(value):
                raise ValueError(
                    f"column {name!r} must hold numbers, as in fit: convert it, for "
                    f"example with pandas.to_numeric. Received: {value!r} in row {row}."
                ) from None


class NumberScaler:
    """Scale, imputation and indicators of the columns of numbers.

    Parameters
    ----------
    how : {"robust", "standard", "quantile", "log"} or None
        Scale; as they are if None.
    """

    def __init__(self, how: str | None) -> None:
        self.how = how
        self.scaler = new_scaler(how)
        self.seen = Range()
        self.quantile: QuantileTransformer | None = None
        self.fill: Any = 0.0
        self.indicators = np.empty(0, dtype=np.intp)
        self.empty = np.empty(0, dtype=np.intp)

    def learn(
        self,
        numbers: Any,
        rows: np.ndarray | None,
        sample_weight: np.ndarray | None,
        names: list,
    ) -> None:
        """Learn all but the scale: what is missing where, range, and quantiles.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (n_rows, n_numbers)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,), or None
            Weights of all rows, for the means that are imputed if nothing is scaled.
        names : list
            Names of the columns, for the messages.
        """
        self.seen = range_of(numbers, rows)
        require_scalable(self.seen, numbers, rows, names, raw=self.how is None)
        n_missing, n_rows = _n_missing(numbers, rows)
        self.indicators = np.flatnonzero((n_missing > 0) & (n_missing < n_rows))
        self.empty = np.flatnonzero(n_missing == n_rows)
        if self.how is None:
            weight = np.ones(numbers.shape[0])
            if sample_weight is not None:
                weight = check_sample_weight(sample_weight, weight)
            self.fill = _means(numbers, rows, weight)
        if self.how == "quantile":
            self.quantile = _quantiles(numbers, rows, self.seen)

    def grow(self, numbers: Any, rows: np.ndarray | None, indicators: bool) -> None:
        """Add what further rows bring: a wider range, indicators of what is missing.

        Quantiles, and the means that are imputed if nothing is scaled, stay as they
        are; so a column that had no values at all stays without, if they are its scale.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (n_rows, n_numbers)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        indicators : bool
            Whether indicators may be added.
        """
        for block, _ in dense_blocks(numbers, rows):
            self.seen.widen(block)
        if not indicators:
            return
        n_missing, n_rows = _n_missing(numbers, rows)
        empty = np.isin(np.arange(len(n_missing)), self.empty)
        still = empty if self.how == "quantile" else empty & (n_missing == n_rows)
        both = ((n_missing > 0) | empty) & ~still
        new = np.setdiff1d(np.flatnonzero(both), self.indicators)
        self.empty = np.flatnonzero(still)
        self.indicators = np.concatenate([self.indicators, new])

    def update(
        self, numbers: Any, rows: np.ndarray | None, sample_weight: np.ndarray
    ) -> None:
        """Take rows into the scale.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (n_rows, n_numbers)
            Raw numbers; NaN is left out.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows.
        """
        if self.how not in (None, "quantile"):
            self.scaler.learn(numbers, rows, sample_weight, self.seen)

    def transform(self, numbers: np.ndarray, dtype: Any) -> np.ndarray:
        """Scale and impute, and append the indicators.

        Parameters
        ----------
        numbers : ndarray of shape (n_rows, n_numbers)
            Raw numbers.
        dtype : str or dtype
            Of the result; scaling is done in that of the numbers.

        Returns
        -------
        ndarray of shape (n_rows, n_numbers + n_indicators)
            Scaled numbers without NaN.
        """
        numbers = as_floats(numbers)
        missing = np.isnan(numbers)
        numbers = self.seen.clip(numbers)
        if self.quantile is not None:
            # In 32 bits, probabilities near 1 would have few digits.
            scaled = self.quantile.transform(numbers.astype(np.float64, copy=False))
        elif self.how is None:
            scaled = numbers
        else:
            scaled = self.scaler.transform(numbers)
        if not (missing.any() or len(self.empty) or len(self.indicators)):
            return scaled.astype(dtype, copy=False)
        n_numbers = numbers.shape[1]
        shape = (len(numbers), n_numbers + len(self.indicators))
        prepared = np.empty(shape, dtype=dtype)
        prepared[:, :n_numbers] = np.where(missing, self.fill, scaled)
        prepared[:, self.empty] = 0
        prepared[:, n_numbers:] = missing[:, self.indicators]
        return prepared


def _n_missing(numbers: Any, rows: np.ndarray | None) -> tuple[np.ndarray, int]:
    """Count the missing values of some rows in each column, and these rows."""
    n_rows, n_columns = numbers.shape
    n_rows = n_rows if rows is None else len(rows)
    found = np.zeros(n_columns, dtype=np.intp)
    if numbers.dtype.kind != "f":
        return found, n_rows
    if sparse.issparse(numbers):
        chosen = numbers if rows is None else numbers[rows]
        gone = chosen.indices[np.isnan(chosen.data)]
        return np.bincount(gone, minlength=n_columns), n_rows
    for block, _ in dense_blocks(numbers, rows):
        found += np.isnan(block).sum(axis=0)
    return found, n_rows


def _means(
    numbers: Any, rows: np.ndarray | None, sample_weight: np.ndarray
) -> np.ndarray:
    """Return the weighted mean of what is there in each column; 0 of nothing."""
    if sparse.issparse(numbers):
        total, weight = _sparse_sums(numbers, rows, sample_weight)
    else:
        total = weight = np.zeros(numbers.shape[1])
        for block, which in dense_blocks(numbers, rows):
            floats = as_floats(block)
            gone, own = np.isnan(floats), sample_weight[which]
            total = total + own @ np.where(gone, 0, floats)
            weight = weight + own @ ~gone
    return np.divide(total, weight, out=np.zeros(len(weight)), where=weight > 0)


def _sparse_sums(
    numbers: Any, rows: np.ndarray | None, sample_weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted sums of what is there in each column, and sums of its weights."""
    if rows is not None:
        numbers, sample_weight = numbers[rows], sample_weight[rows]
    floats = numbers.astype(np.float64)  # a copy
    gone = np.isnan(floats.data)
    floats.data[gone] = 0
    of_entries = np.repeat(sample_weight, np.diff(floats.indptr))
    lost = np.bincount(floats.indices[gone], of_entries[gone], numbers.shape[1])
    return sample_weight @ floats, sample_weight.sum() - lost


def _quantiles(
    numbers: Any, rows: np.ndarray | None, seen: Range
) -> QuantileTransformer:
    """Learn quantiles from at most 10,000 rows, the same ones each time."""
    block = numbers[sample_rows(numbers.shape[0], rows)]
    block = block.toarray() if sparse.issparse(block) else block
    transformer = QuantileTransformer(
        n_quantiles=min(N_QUANTILES, len(block)),
        output_distribution="normal",
        subsample=None,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered")
        return transformer.fit(seen.clip(block.astype(np.float64)))
