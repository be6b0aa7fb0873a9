"""Layer sizes as users may write them: 128, (128, 64), [128, 64] or "128-64"."""

from collections.abc import Iterable
from numbers import Integral


def as_sizes(value: object, name: str) -> tuple[int, ...]:
    """Return layer sizes as a tuple of positive integers.

    Parameters
    ----------
    value : int, str or sequence of int
        One size, several sizes, or sizes joined by a dash, such as ``"128-64"``: a
        string is a scalar, which every search can put into its space.
    name : str
        Name of the parameter, for the error message.

    Returns
    -------
    tuple of int
        One entry a layer.

    Raises
    ------
    ValueError
        If there is no size, or one of them is not an integer of at least 1.

    Examples
    --------
    >>> from skrec.networks import as_sizes
    >>> as_sizes("128-64", "units")
    (128, 64)
    """
    items: list[object]
    if isinstance(value, str):
        items = [int(part) if part.isdigit() else part for part in value.split("-")]
    elif isinstance(value, Iterable):
        items = list(value)
    else:
        items = [value]
    sizes = [
        int(item)
        for item in items
        if isinstance(item, Integral) and not isinstance(item, bool)
    ]
    if not sizes or len(sizes) != len(items) or min(sizes) < 1:
        raise ValueError(
            f"{name} must be an integer in [1, inf), a sequence of such integers, or "
            f"such integers joined by dashes, as in '128-64'. Received: {value!r}."
        )
    return tuple(sizes)
