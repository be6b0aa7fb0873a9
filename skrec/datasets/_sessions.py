"""Synthetic browsing sessions whose class is the order of the events in them."""

import math
from itertools import islice, permutations
from numbers import Integral, Real

import numpy as np

from skrec._sklearn import Interval, validate_params


def _cyclic_orders(n_classes: int) -> np.ndarray:
    """Return `n_classes` different cyclic orders of as few events as have so many."""
    motif_length = 3
    while math.factorial(motif_length - 1) < n_classes:
        motif_length += 1
    # Event 0 stays in front, so that no two rows are rotations of one another.
    rest = islice(permutations(range(1, motif_length)), n_classes)
    return np.array([(0, *order) for order in rest])


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "n_channels": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 2, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "min_steps": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": [
            Interval(Integral, 0, None, closed="left"),
            np.random.Generator,
            np.random.RandomState,
            None,
        ],
    },
    prefer_skip_nested_validation=True,
)
def make_sessions(
    n_samples: int = 600,
    n_steps: int = 12,
    n_channels: int = 4,
    n_classes: int = 3,
    *,
    noise: float = 0.3,
    min_steps: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make browsing sessions that differ only in the order of a few events.

    Each session is Gaussian noise with one motif planted at a random place: a
    run of consecutive steps with one event each, where an event adds 1 to its
    channel. Every class has the same events, each of them once, in a cyclic
    order of its own, and the motif starts at a random event of that order. So
    each event is as likely at each step in one class as in another: the classes
    have the same mean, a linear model on the flattened sessions cannot tell
    them apart, and a network that looks at neighbouring steps can.

    Parameters
    ----------
    n_samples : int, default=600
        Number of sessions.
    n_steps : int, default=12
        Number of steps of the longest session.
    n_channels : int, default=4
        Number of channels. Those that the motif does not need hold only noise.
    n_classes : int, default=3
        Number of classes, as equal in size as `n_samples` allows. The motif has
        the least length `m >= 3` with `(m - 1)! >= n_classes`; neither
        `n_channels` nor the shortest session may be shorter than it.
    noise : float, default=0.3
        Standard deviation of the noise on every channel of every real step.
        With 0, the steps outside the motif are all zeros, just as padding is.
    min_steps : int, default=None
        Length of the shortest session. Each session draws its length between
        `min_steps` and `n_steps`, and all-zero steps are put in front of it as
        padding. With None, every session has `n_steps` steps.
    random_state : int, Generator, RandomState or None, default=None
        Source of the random numbers. Pass an int for the same sessions at each
        call. The global state of NumPy is neither read nor changed.

    Returns
    -------
    X : ndarray of shape (n_samples, n_steps, n_channels)
        The sessions, as 64-bit floats.
    y : ndarray of shape (n_samples,)
        The classes, as integers from 0 to `n_classes - 1`.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the motif does not fit.

    See Also
    --------
    fetch_movielens : Real ratings in the order in which they were given.

    Examples
    --------
    >>> from skrec.datasets import make_sessions
    >>> X, y = make_sessions(n_samples=6, noise=0, random_state=0)
    >>> X.shape
    (6, 12, 4)
    >>> y.tolist()
    [0, 2, 2, 1, 0, 1]
    >>> events = X[0][X[0].any(axis=1)]
    >>> events.argmax(axis=1).tolist()
    [2, 3, 0, 1]
    """
    rng = np.random.default_rng(random_state)
    orders = _cyclic_orders(n_classes)
    motif_length = orders.shape[1]
    shortest = n_steps if min_steps is None else min_steps
    _check_room(motif_length, n_classes, n_steps, n_channels, min_steps)

    y = rng.permutation(np.arange(n_samples) % n_classes)
    lengths = rng.integers(shortest, n_steps, size=n_samples, endpoint=True)
    starts = n_steps - lengths + rng.integers(lengths - motif_length, endpoint=True)
    rotations = rng.integers(motif_length, size=n_samples)

    X = rng.normal(scale=noise, size=(n_samples, n_steps, n_channels))
    X[np.arange(n_steps) < (n_steps - lengths)[:, np.newaxis]] = 0.0
    places = np.arange(motif_length)
    turns = (places + rotations[:, np.newaxis]) % motif_length
    X[
        np.arange(n_samples)[:, np.newaxis],
        starts[:, np.newaxis] + places,
        orders[y[:, np.newaxis], turns],
    ] += 1.0
    return X, y


def _check_room(
    motif_length: int,
    n_classes: int,
    n_steps: int,
    n_channels: int,
    min_steps: int | None,
) -> None:
    """Raise where the motif needs more channels or steps than a session has."""
    if min_steps is not None and min_steps > n_steps:
        raise ValueError(
            f"min_steps must be at most n_steps={n_steps}. Received: "
            f"min_steps={min_steps}."
        )
    for name, value in [
        ("n_channels", n_channels),
        ("n_steps", n_steps),
        ("min_steps", min_steps),
    ]:
        if value is not None and value < motif_length:
            raise ValueError(
                f"n_classes={n_classes} classes need a motif of {motif_length} "
                f"events, so {name} must be at least {motif_length}: raise it or "
                f"lower n_classes. Received: {name}={value}."
            )
