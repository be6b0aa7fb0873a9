"""Sizes as users may write them: of layers "128-64", of embeddings 10 or "auto"."""

from collections.abc import Iterable
from numbers import Integral

from skrec.preprocessing._spec import FieldSpec

# Largest dimension that "auto" chooses. The rule's own limit is 600, which costs more
# than it brings where a table has 100,000 ids and fits train on a CPU.
LARGEST_AUTO_DIM = 50


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


def embedding_dims(
    embedding_dim: int | str | tuple[int, ...], fields: FieldSpec
) -> tuple[int, ...]:
    """Return the length of the vectors of each embedding table.

    ``"auto"`` gives a table of n rows ``min(50, round(1.6 * n**0.56))`` dimensions,
    the rule of thumb of the library fastai [1]_, with a lower limit than its 600. Only
    architectures that put vectors side by side can have tables of different lengths.

    Parameters
    ----------
    embedding_dim : int, "auto" or tuple of int
        One length for all tables, the rule, or what it has given.
    fields : FieldSpec
        Sizes of the fields. The rule takes the rows of a table as they are there,
        rounded and with those for padding and unknown ids, so that the folds of a
        search get the same lengths.

    Returns
    -------
    tuple of int
        One entry a table.

    Raises
    ------
    ValueError
        If `embedding_dim` is neither an integer of at least 1 nor ``"auto"``.

    References
    ----------
    .. [1] J. Howard and S. Gugger, "fastai: a layered API for deep learning",
       Information 11(2), 2020; `emb_sz_rule` in https://docs.fast.ai/tabular.model.html

    Examples
    --------
    >>> from skrec.networks._sizes import embedding_dims
    >>> from skrec.preprocessing import FieldSpec
    >>> fields = FieldSpec(tables=(8, 1024, 1_000_000), ids=(0, 1, 2))
    >>> embedding_dims("auto", fields)
    (5, 50, 50)
    >>> embedding_dims(10, fields)
    (10, 10, 10)
    """
    if isinstance(embedding_dim, tuple):
        return embedding_dim
    if embedding_dim == "auto":
        return tuple(
            min(LARGEST_AUTO_DIM, round(1.6 * n_rows**0.56)) for n_rows in fields.tables
        )
    whole = isinstance(embedding_dim, Integral) and not isinstance(embedding_dim, bool)
    if not whole or int(embedding_dim) < 1:
        raise ValueError(
            "embedding_dim must be an integer in [1, inf) or 'auto'. "
            f"Received: {embedding_dim!r}."
        )
    return (int(embedding_dim),) * len(fields.tables)
