"""An estimator whose score is a known function of its parameters, for searches."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris

from skrec.model_selection import BayesSearchCV

X, y = load_iris(return_X_y=True)
ONE_FOLD = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]


class Surface(ClassifierMixin, BaseEstimator):
    """Scores -(a - 0.3)^2 - (b - 0.7)^2, fails where `fails(a)`, and counts fits."""

    n_fits = 0

    def __init__(self, a=0.0, b=0.7, c=None, fails=None, nan=None):
        self.a = a
        self.b = b
        self.c = c
        self.fails = fails
        self.nan = nan

    def fit(self, X, y, sample_weight=None):
        type(self).n_fits += 1
        if self.fails is not None and self.fails(self.a):
            raise FloatingPointError("the loss is no longer finite")
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y, sample_weight=None):
        if self.nan is not None and self.nan(self.a):
            return np.nan
        return -((self.a - 0.3) ** 2) - (self.b - 0.7) ** 2


def search_surface(space, surface=None, /, **settings):
    settings = {"n_iter": 15, "cv": ONE_FOLD, "refit": False, **settings}
    settings.setdefault("random_state", 0)
    search = BayesSearchCV(Surface() if surface is None else surface, space, **settings)
    return search.fit(X, y)


def above_half(a):
    return a > 0.5


def always(a):
    return True


def candidates(search):
    return search.cv_results_["params"]
