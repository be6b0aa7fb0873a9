"""Fitting that either succeeds or leaves the estimator as it was."""

import functools
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any

from skrec.training._fork import refuse_after_fork

_undo: ContextVar[ExitStack] = ContextVar("undo")


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
        with ExitStack() as undo:
            undo.callback(setattr, estimator, "__dict__", dict(vars(estimator)))
            last = _undo.set(undo)
            try:
                result = method(estimator, *args, **kwargs)
            finally:
                _undo.reset(last)
            undo.pop_all()
        return result

    return guarded


def undo_on_failure(function: Callable[..., Any], *args: Any) -> None:
    """Have a function called if the fitting method that is running fails.

    Parameters
    ----------
    function : callable
        Puts back what a fit changes in place, such as the weights of a user's model.
    *args : object
        Its arguments.
    """
    _undo.get().callback(function, *args)
