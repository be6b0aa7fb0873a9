"""What a copy of a fitted estimator leaves out: `skrec.io` says so, states ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_left_out: ContextVar[frozenset[str]] = ContextVar("left_out", default=frozenset())


def is_left_out(name: str) -> bool:
    """Tell whether a part of an estimator's state is not wanted.

    Parameters
    ----------
    name : {"optimizer", "code"}
        The state of the optimizer; classes and functions of the user's own, by whose
        names pickle keeps a Keras model.

    Returns
    -------
    bool
        False outside of :func:`leaving_out`.
    """
    return name in _left_out.get()


@contextmanager
def leaving_out(*names: str) -> Iterator[None]:
    """Leave parts of an estimator's state out of the copies that are made inside.

    Parameters
    ----------
    *names : {"optimizer", "code"}
        See :func:`is_left_out`.
    """
    before = _left_out.set(_left_out.get() | set(names))
    try:
        yield
    finally:
        _left_out.reset(before)
