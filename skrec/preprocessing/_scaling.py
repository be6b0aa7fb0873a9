"""Scales of inputs and targets of any number of dimensions."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from skrec.preprocessing._floats import as_floats
from skrec.preprocessing._padding import padded_steps
from skrec.preprocessing._ranges import LARGEST_32, LEAST_32, Range

BLOCK_VALUES = 2**21  # that are read at a time: 16 MB in 64 bits
SUBSAMPLE = 10_000  # rows that quantiles are learnt from, as in scikit-learn
SUBSAMPLE_VALUES = 2**20  # of one channel
SUBSAMPLE_ALL = 2**24  # of all channels
QUARTERS = (0.25, 0.5, 0.75)
IQR_OF_NORMAL = 1.349  # third quartile less the first, where the variance is 1
BOUND = 3.0  # of robustly scaled values
ROUNDING = 1e-9  # by which sums of weights may miss a quarter of the total
NOISE = 8 * float(np.finfo(np.float64).eps)  # what equal values may differ by
LEAST_SHARE = 1e-150  # of the range that a scale must have, so that squares are finite


class ChannelScaler:
    """Zero mean and unit variance for each feature of 2-D, or channel of n-D, arrays.

    It is scikit-learn's ``StandardScaler`` over the last axis, with each sample's
    weight given to all of its steps (or pixels), and with padded steps left out.
    """

    bound = None  # values may become as large as they are

    def __init__(self) -> None:
        self._scaler = StandardScaler()

    def learn(
        self,
        array: Any,
        rows: np.ndarray | None,
        sample_weight: np.ndarray,
        seen: Range,
        padding: str | None = None,
    ) -> None:
        """Take rows into the mean and the variance, a block at a time.

        Parameters
        ----------
        array : ndarray of shape (n_rows, ..., n_channels) or CSR matrix
            Raw values; NaN is left out.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows.
        seen : Range
            To which values are clipped.
        padding : {"front", "end"} or None, default=None
            On which side of sequences steps of zeros are padding, to be left out.
        """
        with np.errstate(invalid="ignore"):  # in a block, all may be missing
            for block, which in dense_blocks(array, rows):
                padded = padded_steps(block, padding)
                self.update(seen.clip(as_floats(block)), sample_weight[which], padded)

    def update(
        self,
        X: np.ndarray,
        sample_weight: np.ndarray,
        padded: np.ndarray | None = None,
    ) -> "ChannelScaler":
        """Take more samples into the mean and the variance.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ..., n_channels)
            Values.
        sample_weight : ndarray of shape (n_samples,)
            Weights.
        padded : ndarray of bool of shape (n_samples, n_steps), default=None
            Steps to leave out.

        Returns
        -------
        ChannelScaler
            Itself.
        """
        rows = as_floats(X).reshape(-1, X.shape[-1])
        weight = np.repeat(sample_weight, len(rows) // len(X))
        if padded is not None:
            kept = ~padded.ravel()
            rows, weight = rows[kept], weight[kept]
        if len(rows):
            self._scaler.partial_fit(rows, sample_weight=weight)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Standardise, in the dtype of X if it is one of floats, else in 64 bits.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ..., n_channels)
            Values.

        Returns
        -------
        ndarray of the same shape
            Standardised values.
        """
        X = as_floats(X)
        if not self.is_fitted:
            return X
        # What StandardScaler does, without its checks: they take longer than a row.
        return _standardised(X, self.centre, self.scale)

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Undo :meth:`transform`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ..., n_channels)
            Standardised values.

        Returns
        -------
        ndarray of the same shape
            Values.
        """
        if not self.is_fitted:
            return X
        rows = self._scaler.inverse_transform(X.reshape(-1, X.shape[-1]))
        return rows.reshape(X.shape)

    @property
    def is_fitted(self) -> bool:
        """Whether it has seen data; if not, all values stay as they are."""
        return hasattr(self._scaler, "scale_")

    @property
    def centre(self) -> np.ndarray:
        """Mean of each feature or channel."""
        return self._scaler.mean_

    @property
    def scale(self) -> np.ndarray:
        """What values are divided by: the standard deviation, 1 where it is 0."""
        return self._scaler.scale_


class LogScaler(ChannelScaler):
    """Zero mean and unit variance of the logarithms of both signs."""

    def update(
        self,
        X: np.ndarray,
        sample_weight: np.ndarray,
        padded: np.ndarray | None = None,
    ) -> "ChannelScaler":
        """Take the logarithms of more samples in, as :class:`ChannelScaler` does."""
        return super().update(_bent(X), sample_weight, padded)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Standardise the logarithms, as :class:`ChannelScaler` does."""
        return super().transform(_bent(as_floats(X)))


class RobustScaler:
    """Median and quartiles for each feature or channel, and a smooth bound.

    A value becomes z = (x - median) / ((q75 - q25) / 1.349), which is what mean and
    variance would make of normal values, but does not depend on how far out the others
    are; then z / sqrt(1 + (z / 3)**2), which hardly changes values near 0, keeps the
    order of all, and stays within 3. Where the quartiles are equal, as in columns of
    zeros and few other values, half the range of the values is the scale, and 1 where
    that is 0 too. This is the preprocessing of RealMLP (Holzmueller, Grinsztajn and
    Steinwart, "Better by Default", NeurIPS 2024), there without the 1.349.

    The quartiles of several calls are averaged by weight. What the medians of calls
    vary by counts towards the scale as the variance between groups does, so that a
    stream that drifts is not pressed against the bound.
    """

    bound = BOUND

    def __init__(self) -> None:
        self._weight = self._quartiles = self._between = np.empty(0)
        self.centre = self.scale = np.empty(0)
        self._suits_32_bits = True

    def learn(
        self,
        array: Any,
        rows: np.ndarray | None,
        sample_weight: np.ndarray,
        seen: Range,
        padding: str | None = None,
    ) -> None:
        """Take the quartiles of rows in, of at most 10,000 of them.

        Of sequences and images, some steps or pixels are read, the same of each row, so
        that there are at most about a million values of each channel.

        Parameters
        ----------
        array : ndarray of shape (n_rows, ..., n_channels) or CSR matrix
            Raw values; NaN is left out.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows; one of weight 2 counts as two.
        seen : Range
            Of the values, these and those of earlier calls; to which they are clipped.
        padding : {"front", "end"} or None, default=None
            On which side of sequences steps of zeros are padding, to be left out.
        """
        given = sample_weight if rows is None else sample_weight[rows]
        chosen = sample_rows(array.shape[0], rows)
        values, n_places = _sample(array, chosen, padding)
        weight = np.repeat(sample_weight[chosen].astype(np.float64), n_places)
        n_channels = array.shape[-1]
        quartiles, share = np.zeros((3, n_channels)), np.zeros(n_channels)
        size = max(1, BLOCK_VALUES // max(1, len(weight)))
        for part in gen_batches(n_channels, size):
            block = values[:, part]
            dense = block.toarray() if sparse.issparse(block) else block
            block = np.clip(as_floats(dense), seen.low[part], seen.high[part])
            quartiles[:, part], share[part] = _quartiles(block, weight)
        self._merge(quartiles, given.sum() * share)
        self._set_scale(seen)

    def _merge(self, quartiles: np.ndarray, weight: np.ndarray) -> None:
        """Average the quartiles with those of the calls before."""
        if not self.is_fitted:
            self._weight, self._between = np.zeros_like(weight), np.zeros_like(weight)
            self._quartiles = np.zeros((3, len(weight)))
        total = self._weight + weight
        share = np.divide(weight, total, out=np.zeros(len(total)), where=total > 0)
        step = quartiles - self._quartiles
        self._weight = total
        self._quartiles = self._quartiles + share * step
        self._between = (1 - share) * (self._between + share * step[1] ** 2)

    def _set_scale(self, seen: Range) -> None:
        """Set what is subtracted and divided by."""
        first, third = self._quartiles[0], self._quartiles[2]
        self.centre = self._quartiles[1]
        noise = NOISE * np.maximum(np.abs(first), np.abs(third))
        within = np.where(third - first > noise, third - first, 0) / IQR_OF_NORMAL
        spread = np.hypot(within, np.sqrt(self._between))
        width = np.maximum(seen.most - seen.least, 0)  # of no values, -inf
        spread = np.where(spread > noise, spread, width / 2)
        spread = np.where(spread > noise, spread, 1.0)
        self.scale = np.maximum(spread, LEAST_SHARE * width)
        largest = np.maximum(width / self.scale, self.scale)
        fits = (largest < LARGEST_32) & (self.scale > LEAST_32)
        self._suits_32_bits = bool(fits.all())

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale and bound, in the dtype of X where it suffices, else in 64 bits.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ..., n_channels)
            Values.

        Returns
        -------
        ndarray of the same shape
            Values from -3 to 3.
        """
        X = as_floats(X)
        if not self.is_fitted:
            return X
        if not self._suits_32_bits:
            X = X.astype(np.float64, copy=False)
        scaled = _standardised(X, self.centre, self.scale)
        length = scaled / BOUND
        length *= length
        length += 1
        np.sqrt(length, out=length)
        scaled /= length
        return scaled

    @property
    def is_fitted(self) -> bool:
        """Whether it has seen data; if not, all values stay as they are."""
        return len(self.scale) > 0


Scaler = ChannelScaler | RobustScaler
SCALERS: dict[str | None, type[Scaler]] = {"robust": RobustScaler, "log": LogScaler}


def new_scaler(how: str | None) -> Scaler:
    """Return what scales numbers, by what FieldEncoder's `numbers` says.

    Parameters
    ----------
    how : str or None
        ``"robust"``, ``"standard"`` or ``"log"``.

    Returns
    -------
    Scaler
        Not fitted.
    """
    return SCALERS.get(how, ChannelScaler)()


def array_scaler(how: str | None) -> Scaler:
    """Return what scales arrays: "log" and "quantile" bend single numbers alone.

    Parameters
    ----------
    how : str or None
        What FieldEncoder's `numbers` says.

    Returns
    -------
    Scaler
        Not fitted.
    """
    return new_scaler("robust" if how == "robust" else "standard")


def dense_blocks(
    array: Any, rows: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray | slice]]:
    """Walk rows of an array or a sparse matrix, some at a time.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ...) or CSR matrix
        All rows.
    rows : ndarray of int, or None
        Which rows; all if None.

    Yields
    ------
    ndarray of shape (n_block_rows, ...)
        Rows, dense.
    ndarray of int or slice
        Which rows these are.
    """
    size = max(1, BLOCK_VALUES // max(1, math.prod(array.shape[1:])))
    for part in gen_batches(array.shape[0] if rows is None else len(rows), size):
        which = part if rows is None else rows[part]
        block = array[which]
        yield (block.toarray() if sparse.issparse(block) else block), which


def sample_rows(n_rows: int, rows: np.ndarray | None) -> np.ndarray:
    """Choose at most SUBSAMPLE rows, from all over, the same ones each time.

    Parameters
    ----------
    n_rows : int
        How many there are.
    rows : ndarray of int, or None
        Rows to choose from; all if None.

    Returns
    -------
    ndarray of int
        Rows in ascending order, as files are read fastest.
    """
    chosen = _choose(n_rows if rows is None else len(rows), SUBSAMPLE)
    return chosen if rows is None else np.sort(rows[chosen])


def _choose(n: int, size: int) -> np.ndarray:
    """Choose some of the first numbers, in ascending order."""
    if n <= size:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, size, replace=False))


def _sample(array: Any, rows: np.ndarray, padding: str | None) -> tuple[Any, int]:
    """Read some steps or pixels of some rows, NaN where they are padding.

    Returns the values, a row for each step, and how many steps there are of each row.
    """
    if sparse.issparse(array):
        return array[rows].tocsc(), 1
    n_channels = array.shape[-1]
    if array.ndim == 2:
        return array[rows], 1
    most = min(SUBSAMPLE_VALUES, SUBSAMPLE_ALL // n_channels) // len(rows)
    places = _choose(math.prod(array.shape[1:-1]), max(1, most))
    parts = []
    for block, _ in dense_blocks(array, rows):
        read = block.reshape(len(block), -1, n_channels)[:, places]
        padded = padded_steps(block, padding)
        if padded is not None:
            read = np.where(padded[:, places, None], np.nan, as_floats(read))
        parts.append(read.reshape(-1, n_channels))
    return np.concatenate(parts), len(places)


def _quartiles(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the quartiles of each column, and the share of the weight that is there.

    They are those of NumPy's method "averaged_inverted_cdf", up to the rounding of sums
    of weights: so rows of weight 2 count as two. NaN is left out; of nothing, all are
    0.
    """
    if (weight == weight[0]).all():  # sorting is a few times faster than its order
        ordered = np.sort(values, axis=0)
        weights = np.broadcast_to(weight[:, None], ordered.shape)
    else:
        order = np.argsort(values, axis=0)
        ordered, weights = np.take_along_axis(values, order, axis=0), weight[order]
    there = ~np.isnan(ordered)
    below = np.cumsum(weights * there, axis=0)
    last = there.sum(axis=0) - 1  # NaN is sorted to the end
    columns = np.arange(values.shape[1])
    found = []
    for quarter in QUARTERS:
        goal = quarter * below[-1]
        ends = [
            ordered[np.clip(position, 0, np.maximum(last, 0)), columns]
            for position in (
                (below < goal * (1 - ROUNDING)).sum(axis=0),
                (below <= goal * (1 + ROUNDING)).sum(axis=0),
            )
        ]
        found.append(np.mean(ends, axis=0, dtype=np.float64))
    return np.where(last < 0, 0.0, found), below[-1] / weight.sum()


def _standardised(X: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Subtract and divide in the dtype of X."""
    scaled = X - centre.astype(X.dtype)
    scaled /= scale.astype(X.dtype)
    return scaled


def _bent(numbers: np.ndarray) -> np.ndarray:
    """Take logarithms of both signs."""
    return np.copysign(np.log1p(np.abs(numbers)), numbers)
