"""Whose `score` a search goes by where it was given no `scoring`."""

import inspect
from collections.abc import Mapping
from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from skrec._sklearn import BaseSearchCV
from skrec.estimators.wrappers import KerasEstimator
from skrec.recommenders.base import BaseRecommender

# Accuracy or R2, by the kind of the estimator.
_STANDARD = [
    own.score
    for own in (ClassifierMixin, RegressorMixin, KNeighborsClassifier, KerasEstimator)
]


def standard_score(estimator: Any) -> bool:
    """Tell whether ``score`` is the accuracy or R2, and not of the user's own.

    Parameters
    ----------
    estimator : estimator
        Any, or a pipeline or a search around it.

    Returns
    -------
    bool
        True where the class has scikit-learn's method, or that of skrec's wrappers with
        their own ``scorer``.
    """
    last = _last(estimator)
    own = _method(last, "score")
    if own is KerasEstimator.score:
        scorer = _method(last, "scorer")
        return getattr(scorer, "__module__", "").startswith("skrec.")
    return any(own is standard for standard in _STANDARD)


def comparable(search: Any, metric: str | None) -> bool:
    """Tell whether a search scores other models as it scores its own.

    Parameters
    ----------
    search : estimator
        The search.
    metric : str or None
        Name of one of several scores; None for a single one.

    Returns
    -------
    bool
        False where the score is a method of the user's own, which a model to compare
        with does not have.
    """
    scoring = getattr(search, "scoring", None)
    if isinstance(scoring, Mapping) and metric is not None:
        scoring = scoring.get(metric)
    if scoring is not None:
        return True
    of_recommenders = _method(_last(search.estimator), "score") is BaseRecommender.score
    return of_recommenders or standard_score(search.estimator)


def _last(estimator: Any) -> Any:
    while isinstance(estimator, Pipeline | BaseSearchCV):
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif estimator.scoring is None:
            estimator = estimator.estimator
        else:
            break
    return estimator


def _method(estimator: Any, name: str) -> Any:
    """Return a function as the class has it, whatever an instance answers."""
    found = inspect.getattr_static(type(estimator), name, None)
    return getattr(found, "__func__", found)
