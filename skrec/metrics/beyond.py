"""Metrics of lists alone: how much of the catalogue, how well known, how alike."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from skrec._sklearn import validate_params
from skrec.metrics._lists import (
    AT_K,
    read_ids,
    read_numbers,
    read_ranks,
    require_distinct,
)
from skrec.preprocessing._frames import named_columns
from skrec.preprocessing._interactions import codes
from skrec.preprocessing._vocabulary import Factor, Vocabulary


@validate_params(AT_K, prefer_skip_nested_validation=True)
def coverage_at_k(
    recommended: Any, items: Any, k: int = 10, *, item_col: str = "item"
) -> float:
    """Compute coverage@k: the share of the catalogue that is recommended to anyone.

    Parameters
    ----------
    recommended : DataFrame
        Ranked lists, as `recommend` returns them, of pandas or polars: a column of
        items, and ``"rank"``, 1 for the best item.
    items : array-like of shape (n_items,)
        The catalogue: ids of all items that could have been recommended, such as
        ``model.items_``.
    k : int, default=10
        Length of the lists.
    item_col : str, default="item"
        Name of the column of items.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a column is missing, `items` is empty, or an item is recommended that is not
        one of them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import coverage_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> coverage_at_k(recommended, items=[1, 2, 3, 4], k=2)
    0.5
    """
    table = named_columns(recommended, [item_col, "rank"], "recommended")
    table = table[read_ranks(table["rank"]) <= k]
    catalogue = Vocabulary.learn([read_ids(items, "items", "items")], [None], 1)
    if not len(catalogue.ids):
        raise ValueError("items must hold at least one id. Received: none.")
    item = read_ids(table[item_col], item_col, "recommended")
    found = _known_codes(catalogue, item, "items")
    return len(np.unique(found)) / len(catalogue.ids)


@validate_params(AT_K, prefer_skip_nested_validation=True)
def novelty_at_k(
    recommended: Any,
    train: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute novelty@k: how little known the recommended items are, in bits.

    An item that has the share p of all events counts ``-log2(p)`` [1]_. A user's value
    is the mean over the list.

    Parameters
    ----------
    recommended : DataFrame
        Ranked lists, as `recommend` returns them, of pandas or polars: a column of
        users, one of items, and ``"rank"``, 1 for the best item.
    train : DataFrame or Series
        Events that say how well known items are: a frame with a column of items, or a
        Series of the number of events by item. An item without events counts as if it
        had one.
    k : int, default=10
        Length of the lists.
    user_col : str, default="user"
        Name of the column of users.
    item_col : str, default="item"
        Name of the column of items, in both frames.
    average : bool, default=True
        Whether to return the mean over users, instead of a value for each.

    Returns
    -------
    float, or Series of float
        Bits, from 0 on; a Series is by user. Users without a list have no value; NaN
        where nobody has one.

    Raises
    ------
    ValueError
        If a column is missing, an id is, an item is there twice for one user, or there
        are no events.

    References
    ----------
    .. [1] Vargas, S. and Castells, P. "Rank and relevance in novelty and diversity
       metrics for recommender systems". RecSys 2011: free discovery.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import novelty_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> train = pd.DataFrame({"item": [1, 1, 2, 3]})
    >>> novelty_at_k(recommended, train, k=2, average=False)
    user
    ann    1.5
    bob    1.0
    Name: novelty@2, dtype: float64
    """
    user, item = _read_top(recommended, k, user_col, item_col)
    known, counts = _event_counts(train, item_col)
    place = codes(known, item)
    least = min(1.0, counts[counts > 0].min())  # of an item without events
    share = np.where(place < 0, least, np.maximum(counts[place], least)) / counts.sum()
    bits = np.bincount(user.positions, -np.log2(share), minlength=len(user.values))
    length = np.bincount(user.positions, minlength=len(user.values))
    return _by_user(bits, length, user, user_col, f"novelty@{k}", average)


@validate_params(AT_K, prefer_skip_nested_validation=True)
def diversity_at_k(
    recommended: Any,
    vectors: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute diversity@k: how different the items of a list are from each other.

    A user's value is the mean of ``1 - cosine`` over all pairs of the list [1]_. A list
    of one item has 0, and so has a vector of zeros the cosine 0 with every other.

    Parameters
    ----------
    recommended : DataFrame
        Ranked lists, as `recommend` returns them, of pandas or polars: a column of
        users, one of items, and ``"rank"``, 1 for the best item.
    vectors : DataFrame of shape (n_items, n_dimensions)
        A vector for each item, with the items as index: such as its features, or
        ``pd.DataFrame(model.item_embeddings_, index=model.items_)``.
    k : int, default=10
        Length of the lists.
    user_col : str, default="user"
        Name of the column of users.
    item_col : str, default="item"
        Name of the column of items.
    average : bool, default=True
        Whether to return the mean over users, instead of a value for each.

    Returns
    -------
    float, or Series of float
        Between 0 and 2; a Series is by user. Users without a list have no value; NaN
        where nobody has one.

    Raises
    ------
    ValueError
        If a column is missing, an id is, an item is there twice for one user or has no
        vector, or two vectors.

    References
    ----------
    .. [1] Ziegler, C.-N. et al. "Improving recommendation lists through topic
       diversification". WWW 2005: intra-list similarity.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import diversity_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> vectors = pd.DataFrame([[1.0, 0.0], [0.0, 3.0]], index=[1, 2])
    >>> diversity_at_k(recommended, vectors, k=2, average=False)
    user
    ann    1.0
    bob    0.0
    Name: diversity@2, dtype: float64
    """
    user, item = _read_top(recommended, k, user_col, item_col)
    known, units = _unit_vectors(vectors)
    place = _known_codes(known, item, "the index of vectors")
    shape = len(user.values), len(units)
    lists = sparse.csr_matrix(
        (np.ones(len(place)), (user.positions, place)), shape=shape
    )
    length = np.asarray(lists.sum(axis=1)).ravel()
    # The squared length of a sum of unit vectors holds each pair's cosine twice, and
    # each vector's with itself once.
    own = lists @ (units**2).sum(axis=1)
    cosines = ((lists @ units) ** 2).sum(axis=1) - own
    pairs = length * (length - 1)
    # Rounding may leave the cosine of equal vectors just above 1.
    total = np.clip(pairs - cosines, 0, 2 * pairs)
    return _by_user(total, pairs, user, user_col, f"diversity@{k}", average)


def _read_top(
    recommended: Any, k: int, user_col: str, item_col: str
) -> tuple[Factor, Factor]:
    """Check ranked lists; return users and items of the first k of each."""
    table = named_columns(recommended, [user_col, item_col, "rank"], "recommended")
    table = table[read_ranks(table["rank"]) <= k]
    user, item = (
        read_ids(table[name], name, "recommended") for name in (user_col, item_col)
    )
    keys = user.positions.astype(np.int64) * len(item.values) + item.positions
    require_distinct(table, keys)
    return user, item


def _event_counts(train: Any, item_col: str) -> tuple[Vocabulary, np.ndarray]:
    """Return the items of events and how many each has."""
    if isinstance(train, pd.Series):
        item, weights = (
            read_ids(train.index, "index", "train"),
            read_numbers(train.rename(train.name or "count"), "train"),
        )
    else:
        frame = named_columns(train, [item_col], "train")
        item = read_ids(frame[item_col], item_col, "train")
        weights = np.ones(len(frame))
    known = Vocabulary.learn([item], [None], 1)
    counts = np.bincount(codes(known, item), weights, minlength=len(known.ids))
    if not counts.sum() > 0:
        raise ValueError("train must hold at least one event. Received: none.")
    return known, counts


def _unit_vectors(vectors: Any) -> tuple[Vocabulary, np.ndarray]:
    """Return the items that have a vector, and the vectors at length one or zero."""
    if not isinstance(vectors, pd.DataFrame):
        raise TypeError(
            "vectors must be a pandas frame with the items as index. Received: "
            f"{type(vectors).__name__}."
        )
    item = read_ids(vectors.index, "index", "vectors")
    if len(item.values) < len(item.positions):
        twice = vectors.index[vectors.index.duplicated()].tolist()[0]
        raise ValueError(
            f"vectors must hold one row for an item. Received: {twice!r} twice."
        )
    values = vectors.to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        raise ValueError(
            "vectors must hold finite numbers. Received: NaN or infinity in the row of "
            f"{vectors.index[wrong].tolist()[0]!r}."
        )
    known = Vocabulary.learn([item], [None], 1)
    rows = np.empty_like(values)
    rows[codes(known, item)] = values
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return known, np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _known_codes(known: Vocabulary, item: Factor, what: str) -> np.ndarray:
    """Look items up that must all be known."""
    found = codes(known, item)
    wrong = np.flatnonzero(found < 0)
    if len(wrong):
        raise ValueError(
            f"recommended holds items that {what} lacks: add them. Received: "
            f"{item.values[item.positions[wrong[:1]]].tolist()[0]!r} and "
            f"{len(wrong) - 1} more rows."
        )
    return found


def _by_user(
    total: np.ndarray,
    number: np.ndarray,
    user: Factor,
    user_col: str,
    name: str,
    average: bool,
) -> float | pd.Series:
    """Divide each user's sum by what it is the sum of, 0 if of nothing."""
    values = np.divide(total, number, out=np.zeros(len(total)), where=number > 0)
    if average:
        return float(values.mean()) if len(values) else float("nan")
    return pd.Series(values, pd.Index(user.values, name=user_col), name=name)
