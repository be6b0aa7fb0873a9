"""Fitting that either succeeds or leaves the estimator as it was."""

import functools
from collections.abc import Callable
from typing import Any


def all_or_nothing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a fitting method so that an error undoes every attribute it has set.

    Parameters
    ----------
    method : callable
        ``fit`` or ``partial_fit`` of an estimator.

    Returns
    -------
    callable
        The method, with the same signature.
    """

    @functools.wraps(method)
    def guarded(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(estimator))
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return guarded
