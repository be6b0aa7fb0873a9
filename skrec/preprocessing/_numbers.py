"""Columns of numbers: one block of floats, its scale, and what is missing in it."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import QuantileTransformer
from sklearn.utils import gen_batches
from sklearn.utils.validation import _check_sample_weight

from skrec.preprocessing._floats import as_floats
from skrec.preprocessing._padding import ZeroSteps, padded_steps
from skrec.preprocessing._scaling import ChannelScaler

N_QUANTILES = 1000  # scikit-learn's default
SUBSAMPLE = 10_000  # scikit-learn's default
NEXT_TO_ZERO = 2.0**-14  # the least normal number in half precision
BLOCK_ROWS = 1024  # of arrays, or of a sparse matrix, that are read at a time


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
    small = all(
        frame.dtypes.iloc[position] in (np.float16, np.float32)
        for position in positions
    )
    block = np.empty((len(frame), len(positions)), np.float32 if small else np.float64)
    for k, position in enumerate(positions):
        column = frame.iloc[:, position]
        if column.dtype.kind in "mM":  # to NumPy, dates are numbers
            _raise_not_number(column, names[position])
        try:
            block[:, k] = column.to_numpy(dtype=block.dtype, na_value=np.nan)
        except (TypeError, ValueError):
            _raise_not_number(column, names[position])
        infinite = np.isinf(block[:, k])
        if infinite.any():
            row = int(infinite.argmax())
            raise ValueError(
                f"column {names[position]!r} holds infinity in row {row}: replace it, "
                f"for example by NaN. Received: {block[row, k]}."
            )
    return block


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
    how : {"standard", "quantile", "log"} or None
        Scale; as they are if None.
    """

    def __init__(self, how: str | None) -> None:
        self.how = how
        self.standard = ChannelScaler()
        self.quantile: QuantileTransformer | None = None
        self.fill: Any = 0.0
        self.indicators = np.empty(0, dtype=np.intp)
        self.empty = np.empty(0, dtype=np.intp)

    def learn(
        self,
        numbers: Any,
        rows: np.ndarray | None,
        sample_weight: np.ndarray | None,
        missing: bool,
    ) -> None:
        """Learn all but mean and variance: what is missing where, and quantiles.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (n_rows, n_numbers)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,), or None
            Weights of all rows, for the means that are imputed if nothing is scaled.
        missing : bool
            Whether there may be missing values.
        """
        if missing:
            chosen = numbers if rows is None else numbers[rows]
            gone = np.isnan(chosen)
            shares = gone.mean(axis=0)
            self.indicators = np.flatnonzero((shares > 0) & (shares < 1))
            self.empty = np.flatnonzero(shares == 1)
            if self.how is None:
                weight = _check_sample_weight(sample_weight, numbers)
                weight = weight if rows is None else weight[rows]
                self.fill = _means(chosen, gone, weight)
        if self.how == "quantile":
            self.quantile = _quantiles(numbers, rows)

    def update(self, numbers: np.ndarray, sample_weight: np.ndarray) -> None:
        """Take a block of rows into mean and variance.

        Parameters
        ----------
        numbers : ndarray of shape (n_rows, n_numbers)
            Raw numbers; NaN is left out.
        sample_weight : ndarray of shape (n_rows,)
            Weights.
        """
        if self.how not in ("standard", "log"):
            return
        numbers = as_floats(numbers)
        with np.errstate(invalid="ignore"):  # in a block, all may be missing
            self.standard.update(self._bent(numbers), sample_weight)

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
        if self.quantile is not None:
            scaled = self.quantile.transform(numbers)
        elif self.how is None:
            scaled = numbers
        else:
            scaled = self.standard.transform(self._bent(numbers))
        missing = np.isnan(numbers)
        if not (missing.any() or len(self.empty) or len(self.indicators)):
            return scaled.astype(dtype, copy=False)
        n_numbers = numbers.shape[1]
        shape = (len(numbers), n_numbers + len(self.indicators))
        prepared = np.empty(shape, dtype=dtype)
        prepared[:, :n_numbers] = np.where(missing, self.fill, scaled)
        prepared[:, self.empty] = 0
        prepared[:, n_numbers:] = missing[:, self.indicators]
        return prepared

    def _bent(self, numbers: np.ndarray) -> np.ndarray:
        """Take logarithms of both signs, if asked for."""
        if self.how != "log":
            return numbers
        return np.copysign(np.log1p(np.abs(numbers)), numbers)


def _means(
    numbers: np.ndarray, gone: np.ndarray, sample_weight: np.ndarray
) -> np.ndarray:
    """Return the weighted mean of what is there in each column; 0 of nothing."""
    total = sample_weight @ np.where(gone, 0, numbers)
    weight = sample_weight @ ~gone
    return np.divide(total, weight, out=np.zeros(len(weight)), where=weight > 0)


def dense_blocks(numbers: Any) -> Iterator[tuple[np.ndarray, slice]]:
    """Return an array whole, and a sparse matrix dense, some rows at a time.

    Parameters
    ----------
    numbers : ndarray or CSR matrix of shape (n_rows, n_numbers)
        Numbers.

    Yields
    ------
    ndarray of shape (n_block_rows, n_numbers)
        Rows.
    slice
        Which rows these are.
    """
    if not sparse.issparse(numbers):
        yield numbers, slice(None)
        return
    for part in gen_batches(numbers.shape[0], BLOCK_ROWS):
        yield numbers[part].toarray(), part


class ArrayScaler:
    """Scale of a column of vectors, sequences or images, and where its padding is.

    Parameters
    ----------
    how : str or None
        How numbers are scaled; None leaves arrays as they are too.
    """

    def __init__(self, how: str | None) -> None:
        self.how = how
        self.standard = ChannelScaler()
        self.padding: str | None = None

    def learn(
        self,
        array: np.ndarray,
        rows: np.ndarray | None,
        sample_weight: np.ndarray | None,
    ) -> "ArrayScaler":
        """Learn where sequences are padded, and mean and variance of each channel.

        Parameters
        ----------
        array : ndarray of shape (n_rows, ..., n_channels)
            All rows, NaN where an array is missing.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,), or None
            Weights of all rows.

        Returns
        -------
        ArrayScaler
            Itself.
        """
        chosen = np.arange(len(array)) if rows is None else rows
        parts = [chosen[part] for part in gen_batches(len(chosen), BLOCK_ROWS)]
        if array.ndim == 3:
            zeros = ZeroSteps()
            for part in parts:
                zeros.update(array[part])
            self.padding = zeros.padding
        if self.how is None:
            return self
        weight = _check_sample_weight(sample_weight, array)
        with np.errstate(invalid="ignore"):  # in a block, all may be missing
            for part in parts:
                block = array[part]
                padded = padded_steps(block, self.padding)
                self.standard.update(block, weight[part], padded)
        return self

    def transform(self, array: np.ndarray) -> np.ndarray:
        """Scale arrays; missing ones become the mean, and padding alone is all 0.

        Parameters
        ----------
        array : ndarray of shape (n_rows, ..., n_channels)
            Arrays, NaN where one is missing.

        Returns
        -------
        ndarray of the same shape
            Scaled arrays.
        """
        scaled = self.standard.transform(array)
        zero = scaled.dtype.type(0)
        if array.ndim != 3:
            return np.where(np.isnan(scaled), zero, scaled)
        # Networks skip steps that are all 0: so no other step may come to be it.
        at_zero = (scaled == 0).all(axis=-1, keepdims=True)
        scaled = np.where(at_zero, scaled.dtype.type(NEXT_TO_ZERO), scaled)
        blank, padded = np.isnan(scaled), padded_steps(array, self.padding)
        if padded is not None:
            blank |= padded[..., None]
        return np.where(blank, zero, scaled)


def _quantiles(numbers: Any, rows: np.ndarray | None) -> QuantileTransformer:
    """Learn quantiles from at most SUBSAMPLE rows, the same ones each time."""
    n_rows = numbers.shape[0] if rows is None else len(rows)
    rows = np.arange(n_rows) if rows is None else rows
    if n_rows > SUBSAMPLE:
        chosen = np.random.default_rng(0).choice(n_rows, SUBSAMPLE, replace=False)
        rows = rows[np.sort(chosen)]
    block = numbers[rows]
    block = block.toarray() if sparse.issparse(block) else block
    transformer = QuantileTransformer(
        n_quantiles=min(N_QUANTILES, len(block)),
        output_distribution="normal",
        subsample=None,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered")
        return transformer.fit(block)
