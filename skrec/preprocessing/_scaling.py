"""Standardisation of inputs and targets of any number of dimensions."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from skrec.preprocessing._floats import as_floats


class ChannelScaler:
    """Zero mean and unit variance for each feature of 2-D, or channel of n-D, arrays.

    It is scikit-learn's ``StandardScaler`` over the last axis, with each sample's
    weight given to all of its steps (or pixels), and with padded steps left out.
    """

    def __init__(self) -> None:
        self._scaler = StandardScaler()

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
        scaled = X - self._scaler.mean_.astype(X.dtype)
        scaled /= self._scaler.scale_.astype(X.dtype)
        return scaled

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
    def mean(self) -> np.ndarray:
        """Mean of each feature or channel."""
        return self._scaler.mean_

    @property
    def variance(self) -> np.ndarray:
        """Square of what values are divided by."""
        return self._scaler.scale_**2
