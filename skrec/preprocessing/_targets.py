"""Scales of the targets of regression that span orders of magnitude."""

from copy import copy

import numpy as np

from skrec.preprocessing._scaling import ChannelScaler, weighted_quantiles

SPAN = 1000.0  # of the 99th percentile to the first, from which on logarithms are taken
ENDS = (0.01, 0.99)


def spans_magnitudes(y: np.ndarray, weight: np.ndarray) -> bool:
    """Tell whether targets are positive and differ by a factor of a thousand.

    Parameters
    ----------
    y : ndarray of shape (n_rows, n_outputs)
        Targets.
    weight : ndarray of shape (n_rows,)
        Weights.

    Returns
    -------
    bool
        Whether this is so of every output.
    """
    if not (y > 0).all():
        return False
    (low, high), _ = weighted_quantiles(y, weight, ENDS)
    return bool((high >= SPAN * low).all())


class MagnitudeScaler(ChannelScaler):
    """Zero mean and unit variance of the logarithms of positive targets.

    Squared errors of prices over six orders of magnitude are those of the few largest.
    Those of logarithms tell of all rows; but their exponentials add up to too little,
    the more the larger the noise is. So what is predicted is multiplied by the factor
    that makes the predictions of the training rows add up to their targets. None is
    the exponential of more or less than was seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high, self.factor = np.inf, -np.inf, np.float64(1.0)
        self._least = np.empty(0)

    def update(
        self,
        X: np.ndarray,
        sample_weight: np.ndarray,
        padded: np.ndarray | None = None,
    ) -> "MagnitudeScaler":
        """Take the logarithms of more targets in, as :class:`ChannelScaler` does."""
        if not self.is_fitted:
            self._least = X.min(axis=0)
        logs = self._logarithms(X)
        self.low = np.minimum(self.low, logs.min(axis=0))
        self.high = np.maximum(self.high, logs.max(axis=0))
        super().update(logs, sample_weight, padded)
        return self

    def _logarithms(self, X: np.ndarray) -> np.ndarray:
        """Take logarithms; what a stream brings of 0 or less counts as the least."""
        return np.log(np.where(X > 0, X, self._least))

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Standardise the logarithms, as :class:`ChannelScaler` does."""
        return super().transform(self._logarithms(X))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Undo :meth:`transform`, and multiply by the factor."""
        logs = np.clip(super().inverse_transform(X), self.low, self.high)
        return np.exp(logs) * self.factor

    def calibrated(self, total: np.ndarray, predicted: np.ndarray) -> "MagnitudeScaler":
        """Return one with another factor.

        Parameters
        ----------
        total : ndarray of shape (n_outputs,)
            Weighted sums of the targets.
        predicted : ndarray of shape (n_outputs,)
            Those of what is predicted with the factor that it has.

        Returns
        -------
        MagnitudeScaler
            A copy whose predictions add up to `total`.
        """
        other = copy(self)
        other.factor = self.factor * total / predicted
        return other
