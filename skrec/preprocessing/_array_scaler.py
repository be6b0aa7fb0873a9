"""Columns of arrays: vectors, sequences or images, one a row."""

from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skrec._sklearn import check_sample_weight
from skrec.preprocessing._padding import ZeroSteps, padded_steps
from skrec.preprocessing._ranges import Range, require_scalable
from skrec.preprocessing._scaling import array_scaler

BLOCK_ROWS = 1024  # rows that are read at a time
NEXT_TO_ZERO = 2.0**-14  # the least normal number in half precision


class ArrayScaler:
    """Scale and range of each channel of a column of arrays, and where it is padded.

    Parameters
    ----------
    how : str or None
        How numbers are scaled; None leaves arrays as they are too.
    array : ndarray of shape (n_rows, ..., n_channels)
        All rows, NaN where an array is missing.
    rows : ndarray of int, or None
        Rows to learn from; all if None.
    sample_weight : ndarray of shape (n_rows,), or None
        Weights of all rows.
    name : str or int
        Name of the column, for the messages.
    """

    def __init__(
        self,
        how: str | None,
        array: np.ndarray,
        rows: np.ndarray | None,
        sample_weight: np.ndarray | None,
        name: Any,
    ) -> None:
        self.scaler = array_scaler(how)
        self.seen = Range()
        weight = check_sample_weight(sample_weight, array)
        chosen = np.arange(len(array)) if rows is None else rows
        parts = [chosen[part] for part in gen_batches(len(chosen), BLOCK_ROWS)]
        self.padding = self._where_padded(array, parts)
        for part in parts:
            block, padded = array[part], padded_steps(array[part], self.padding)
            block = block.reshape(-1, block.shape[-1])
            self.seen.update(block if padded is None else block[~padded.ravel()])
        require_scalable(self.seen, array, rows, [name], raw=how is None)
        if how is not None:
            self.scaler.learn(array, rows, weight, self.seen, self.padding)

    @staticmethod
    def _where_padded(array: np.ndarray, parts: list[np.ndarray]) -> str | None:
        """Learn at which end sequences are padded."""
        if array.ndim != 3:
            return None
        zeros = ZeroSteps()
        for part in parts:
            zeros.update(array[part])
        return zeros.padding

    def transform(self, array: np.ndarray) -> np.ndarray:
        """Scale arrays; missing ones become its centre, and padding alone is all 0.

        Parameters
        ----------
        array : ndarray of shape (n_rows, ..., n_channels)
            Arrays, NaN where one is missing.

        Returns
        -------
        ndarray of the same shape
            Scaled arrays.
        """
        scaled = self.scaler.transform(self.seen.clip(array))
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
