"""The estimator inside of searches and pipelines."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skrec._sklearn import BaseSearchCV


def innermost(estimator: Any, *tables: Any) -> tuple[Any, ...]:
    """Return the best estimator of a search, the last of a pipeline, and so on.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    *tables : DataFrame, array-like or None
        What `estimator` takes.

    Returns
    -------
    tuple
        The estimator that is neither, and what it takes: the tables after the steps
        before it.
    """
    while isinstance(estimator, Pipeline | BaseSearchCV):
        if isinstance(estimator, BaseSearchCV):
            check_is_fitted(estimator, "best_estimator_")
            estimator = estimator.best_estimator_
            continue
        if tables and len(estimator) > 1:
            before = estimator[:-1]
            tables = tuple(t if t is None else before.transform(t) for t in tables)
        estimator = estimator[-1]
    return estimator, *tables
