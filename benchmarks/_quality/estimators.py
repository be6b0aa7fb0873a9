"""Estimators of the comparison that no package has: rules, features, means of seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state

MAX_SEED = 2**31 - 1


class CopyLastChoice(ClassifierMixin, BaseEstimator):
    """Expect the brand of the last purchase, as often as that came true in training."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "CopyLastChoice":
        """Learn the share of each brand, and how often one is bought again."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        again = X["last_choice"].astype(object).to_numpy() == y
        self.rate_ = again[X["last_choice"].notna().to_numpy()].mean()
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Give the last brand that rate and the others what is left by their shares."""
        last = X["last_choice"].astype(object).to_numpy()[:, None] == self.classes_
        others = np.where(last, 0, self.shares_)
        others /= others.sum(axis=1, keepdims=True)
        known = last.any(axis=1, keepdims=True)
        return np.where(known, self.rate_ * last + (1 - self.rate_) * others, others)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the last brand."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SeedAverage(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Average the probabilities of copies of a classifier with different seeds.

    On a few thousand rows networks differ by their seed more than by most
    hyper-parameters, and their mean is better than each. Bagging in scikit-learn makes
    an array of X, and voting cannot tune its members as one.

    Parameters
    ----------
    estimator : classifier
        What is copied; it has a parameter ``random_state``.
    n_seeds : int, default=5
        Number of copies.
    random_state : int, RandomState instance or None, default=None
        Draws their seeds.
    """

    def __init__(
        self, estimator: Any, n_seeds: int = 5, random_state: Any = None
    ) -> None:
        self.estimator = estimator
        self.n_seeds = n_seeds
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "SeedAverage":
        """Fit all copies on the same rows."""
        seeds = check_random_state(self.random_state).randint(
            MAX_SEED, size=self.n_seeds
        )
        self.estimators_ = [
            clone(self.estimator).set_params(random_state=int(seed)).fit(X, y)
            for seed in seeds
        ]
        self.classes_ = self.estimators_[0].classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return the mean of the probabilities."""
        return np.mean([model.predict_proba(X) for model in self.estimators_], axis=0)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the class of the highest mean."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


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
