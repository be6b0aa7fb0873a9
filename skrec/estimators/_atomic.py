"""Fitting that either succeeds or leaves the estimator as it was."""

import functools
from collections.abc import Callable
from typing import Any

from skrec.training._fork import refuse_after_fork


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
        refuse_after_fork()
        before = dict(vars(estimator))
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return guarded
