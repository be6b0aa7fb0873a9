"""From X to what a network takes, in the same few steps whatever X is.

An estimator holds one of these. `learn` looks at the rows to train on and encodes all
rows, `grown` does so for the next part of a stream, and `learn_scale` learns what
numbers are scaled by. Then `encode` turns further X into encoded rows, once, and
`prepare` encoded rows into the network's arrays, each row by itself, when they are fed.
"""

from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any

import numpy as np
import pandas as pd

from skrec.preprocessing._floats import as_floats
from skrec.preprocessing._padding import PADDING_VALUE, ZeroSteps, padded_steps
from skrec.preprocessing._ranges import Range, require_scalable
from skrec.preprocessing._scaling import array_scaler, dense_blocks
from skrec.preprocessing.fields import FieldEncoder


class ArrayInputs:
    """Arrays of numbers: rows of features, sequences (steps, channels) and images.

    Parameters
    ----------
    how : {"robust", "standard"} or None
        How numbers are scaled.
    padding : {"auto", "front", "end"} or None, default=None
        Where sequences are padded with steps of zeros; "auto" finds out.
    names : sequence, default=None
        Names of the features or channels, for errors; their positions if None.
    """

    def __init__(
        self,
        how: str | None,
        padding: str | None = None,
        names: Sequence[Any] | None = None,
    ) -> None:
        self.how, self.where_padded, self.names = how, padding, names
        self.scaler, self.seen = array_scaler(how), Range()
        self._zero_steps = ZeroSteps()

    def learn(self, X: Any, rows: Any, sample_weight: np.ndarray) -> Any:
        """Return all rows, as they are: there is nothing to learn but their scale.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_rows, ...)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows.

        Returns
        -------
        ndarray, memmap or sparse matrix
            X.
        """
        return X

    def grown(self, X: Any, rows: Any) -> tuple["ArrayInputs", Any]:
        """Return inputs that can learn from further rows, and these rows.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_rows, ...)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.

        Returns
        -------
        tuple of (ArrayInputs, array)
            A copy, so that a fit that fails leaves the old ones, and X.
        """
        return deepcopy(self), X

    def learn_scale(self, X: Any, rows: Any, sample_weight: np.ndarray) -> None:
        """Learn padding, range and scale, block by block: X may be a file.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_rows, ...)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows.
        """
        self.padding = self.where_padded
        if self.where_padded == "auto":
            for block, _ in dense_blocks(X, rows):
                if self._zero_steps.update(block).are_values:
                    break
            self.padding = self._zero_steps.padding
        learn = self.seen.widen if len(self.seen.low) else self.seen.update
        for block, _ in dense_blocks(X, rows):
            learn(as_floats(block).reshape(-1, X.shape[-1]))
        names = range(X.shape[-1]) if self.names is None else self.names
        require_scalable(self.seen, X, rows, list(names), raw=self.how is None)
        if self.how is not None:
            self.scaler.learn(X, rows, sample_weight, self.seen, self.padding)

    def encode(self, X: Any) -> Any:
        """Return rows as they are.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_rows, ...)
            Rows.

        Returns
        -------
        ndarray, memmap or sparse matrix
            X.
        """
        return X

    def prepare(self, encoded: np.ndarray, dtype: str) -> np.ndarray:
        """Clip, standardise and mark padding.

        Parameters
        ----------
        encoded : ndarray of shape (n_rows, ...)
            Rows.
        dtype : str
            That of the network's inputs.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            What the network takes.
        """
        clipped = self.seen.clip(as_floats(encoded))
        prepared = self.scaler.transform(clipped).astype(dtype, copy=False)
        padded = padded_steps(encoded, self.padding)
        if padded is not None and padded.any():
            prepared = np.where(
                padded[..., None], prepared.dtype.type(PADDING_VALUE), prepared
            )
        return prepared


class TableInputs:
    """Tables, by a `FieldEncoder`; numbers that are alone come without a dict.

    Parameters
    ----------
    encoder : FieldEncoder
        Not fitted.
    columns : list of int, default=None
        Positions of the columns that it gets; all if None.
    indicators : bool, default=True
        Whether a stream may bring columns that say where numbers are missing. A network
        to which one more column of zeros makes a difference does not let it.
    """

    def __init__(
        self,
        encoder: FieldEncoder,
        columns: list[int] | None = None,
        indicators: bool = True,
    ) -> None:
        self.encoder, self.columns, self.indicators = encoder, columns, indicators

    def learn(self, X: Any, rows: Any, sample_weight: np.ndarray) -> Any:
        """Learn all but the scale of numbers; return all rows, encoded.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix of shape (n_rows, n_columns)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows.

        Returns
        -------
        dict of str to array, or array
            Encoded rows.
        """
        return self._bare(self.encoder.learn(self._selected(X), rows, sample_weight))

    def grown(self, X: Any, rows: Any) -> tuple["TableInputs", Any]:
        """Learn the ids that further rows bring; return all of these, encoded.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix of shape (n_rows, n_columns)
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.

        Returns
        -------
        tuple of (TableInputs, encoded rows)
            New inputs, and the rows.
        """
        own = copy(self)
        table = self._selected(X)
        own.encoder, encoded = self.encoder.grown(table, rows, self.indicators)
        return own, own._bare(encoded)

    def learn_scale(self, encoded: Any, rows: Any, sample_weight: np.ndarray) -> None:
        """Learn the scale of numbers.

        Parameters
        ----------
        encoded : dict of str to array, or array
            All rows.
        rows : ndarray of int, or None
            Rows to learn from; all if None.
        sample_weight : ndarray of shape (n_rows,)
            Weights of all rows.
        """
        numbers = encoded.get("numbers") if isinstance(encoded, dict) else encoded
        if numbers is not None:
            self.encoder.update_scale(numbers, sample_weight, rows)

    def encode(self, X: Any) -> Any:
        """Encode rows.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix of shape (n_rows, n_columns)
            Rows with the columns of `learn`; a frame has them in that order.

        Returns
        -------
        dict of str to array, or array
            Encoded rows.
        """
        check = not isinstance(X, pd.DataFrame)
        return self._bare(self.encoder.encode(self._selected(X), check=check))

    def prepare(self, encoded: Any, dtype: str) -> Any:
        """Scale and impute numbers and arrays.

        Parameters
        ----------
        encoded : dict of str to array, or array
            Encoded rows.
        dtype : str
            That of the network's inputs.

        Returns
        -------
        dict of str to ndarray, or ndarray
            What the network takes.
        """
        fields = encoded if isinstance(encoded, dict) else {"numbers": encoded}
        return self._bare(self.encoder.prepare(fields, dtype))

    def _selected(self, X: Any) -> Any:
        if self.columns is None:
            return X
        if isinstance(X, pd.DataFrame):
            return X.iloc[:, self.columns]
        return X[:, self.columns]

    def _bare(self, encoded: dict[str, Any]) -> Any:
        return encoded["numbers"] if self.encoder.spec_.only_numbers else encoded
