"""Average a classifier over seeds."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import check_random_state

MAX_SEED = 2**31 - 1


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
