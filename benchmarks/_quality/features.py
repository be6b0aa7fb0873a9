"""What past purchases say of a household: a transformer for pipelines."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin


class Loyalty(TransformerMixin, BaseEstimator):
    """Append what a household's past purchases say of each brand.

    Loyalty is the exponentially smoothed share of the brand among earlier purchases
    (Guadagni and Little, "A Logit Model of Brand Choice Calibrated on Scanner Data",
    Marketing Science 1983), here in logarithms, for several rates of smoothing. It
    needs the lists of earlier purchases alone, and learns from no other row.

    Parameters
    ----------
    brands : sequence of str
        All brands.
    carry_overs : sequence of float, default=(0.5, 0.7, 0.85, 0.95)
        Weight of each purchase relative to the next one.
    prior : float, default=0.2
        Weight of equal shares, before the first purchase.
    """

    def __init__(
        self,
        brands: Sequence[str],
        carry_overs: Sequence[float] = (0.5, 0.7, 0.85, 0.95),
        prior: float = 0.2,
    ) -> None:
        self.brands = brands
        self.carry_overs = carry_overs
        self.prior = prior

    def fit(self, X: pd.DataFrame, y: object = None) -> "Loyalty":
        """Do nothing: each row's history is enough."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Append a column for each brand and rate, and the length of the last run."""
        code = {brand: k for k, brand in enumerate(self.brands)}
        pasts = [np.array([code[b] for b in past], int) for past in X["history"]]
        columns = {}
        for carry_over in self.carry_overs:
            shares = np.array([self._shares(past, carry_over) for past in pasts])
            for k, brand in enumerate(self.brands):
                columns[f"loyalty.{carry_over}.{brand}"] = np.log(shares[:, k])
        columns["run"] = np.log1p([_last_run(past) for past in pasts])
        columns["purchases"] = np.log1p([len(past) for past in pasts])
        return X.assign(**columns)

    def _shares(self, past: np.ndarray, carry_over: float) -> np.ndarray:
        weights = carry_over ** np.arange(len(past))[::-1]
        n = len(self.brands)
        totals = np.bincount(past, weights, minlength=n) + self.prior / n
        return totals / totals.sum()


def _last_run(past: np.ndarray) -> int:
    """Count how often in a row the last brand was bought."""
    others = np.flatnonzero(past != past[-1]) if len(past) else past
    return len(past) - (others[-1] + 1 if len(others) else 0)
