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


def without_search(fitted: Any, done: str) -> Any:
    """Return the best estimator of a search, or of a search in a search.

    Parameters
    ----------
    fitted : estimator
        Any.
    done : str
        What is to be done with it, for the message: "write".

    Returns
    -------
    estimator
        That is no search.

    Raises
    ------
    ValueError
        If a search has not fitted its best candidate again.
    """
    while isinstance(fitted, BaseSearchCV):
        if not (fitted.refit and hasattr(fitted, "best_estimator_")):
            raise ValueError(
                f"{type(fitted).__name__} has no best_estimator_ to {done}: fit it "
                f"with refit=True. Received: refit={fitted.refit!r}."
            )
        fitted = fitted.best_estimator_
    return fitted
