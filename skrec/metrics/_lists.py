"""Two frames, lists of items and what was relevant, to codes, counts and hits."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype, is_bool_dtype

from skrec._sklearn import Interval
from skrec.preprocessing._frames import named_columns
from skrec.preprocessing._interactions import codes, id_factor
from skrec.preprocessing._vocabulary import Factor, Vocabulary, family

# Legal parameters of metrics of lists.
AT_K: dict[str, Any] = {
    "k": [Interval(Integral, 1, None, closed="left")],
    "user_col": [str],
    "item_col": [str],
    "average": ["boolean"],
}


class Pairs(NamedTuple):
    """Users and items of two frames, in codes that both share.

    Parameters
    ----------
    users : Index of shape (n_users,)
        The users of the second frame, in its order: codes 0 to n_users - 1.
    user, item : tuple of two ndarrays of int64
        Codes in the first and in the second frame. Users of the first alone have
        codes from n_users on.
    n_items : int
        Number of different items.
    """

    users: pd.Index
    user: tuple[np.ndarray, np.ndarray]
    item: tuple[np.ndarray, np.ndarray]
    n_items: int

    @property
    def keys(self) -> tuple[np.ndarray, np.ndarray]:
        """One number for each pair of user and item, in either frame."""
        first, second = (
            user * self.n_items + item
            for user, item in zip(self.user, self.item, strict=True)
        )
        return first, second


class Lists(NamedTuple):
    """What the metrics of relevance need to know of ranked lists.

    Parameters
    ----------
    users : Index of shape (n_users,)
        Users who have something relevant.
    n_relevant : ndarray of int of shape (n_users,)
        How much.
    user, rank : ndarray of int of shape (n_hits,)
        Of each recommended item that is relevant: position of the user, and rank. By
        user, and then by rank.
    """

    users: pd.Index
    n_relevant: np.ndarray
    user: np.ndarray
    rank: np.ndarray

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the hits among the first k, as users and ranks.

        Parameters
        ----------
        k : int
            Length of the lists.

        Returns
        -------
        tuple of two ndarrays of int
            Positions of users, and ranks.
        """
        kept = self.rank <= k
        return self.user[kept], self.rank[kept]


def read_lists(recommended: Any, relevant: Any, user_col: str, item_col: str) -> Lists:
    """Find out which recommended items are relevant.

    Parameters
    ----------
    recommended : DataFrame
        Columns of users and items, and ``"rank"``.
    relevant : DataFrame
        Columns of users and items.
    user_col, item_col : str
        Their names.

    Returns
    -------
    Lists
        Hits.
    """
    ranked = named_columns(recommended, [user_col, item_col, "rank"], "recommended")
    wanted = named_columns(relevant, [user_col, item_col], "relevant")
    rank = read_ranks(ranked["rank"])
    pairs = read_pairs(ranked, wanted)
    require_distinct(ranked, pairs.keys[0])
    _require_one_a_rank(ranked, pairs.user[0], rank)
    keys = np.unique(pairs.keys[1])
    n_relevant = np.bincount(keys // pairs.n_items, minlength=len(pairs.users))
    hits = np.flatnonzero(np.isin(pairs.keys[0], keys))
    hits = hits[np.lexsort((rank[hits], pairs.user[0][hits]))]
    return Lists(pairs.users, n_relevant, pairs.user[0][hits], rank[hits])


def read_pairs(
    first: pd.DataFrame, second: pd.DataFrame, what: str = "recommended"
) -> Pairs:
    """Give the users and items of two frames codes.

    Parameters
    ----------
    first, second : DataFrame
        Recommended and relevant: the columns of users and items in front.
    what : str, default="recommended"
        What the first is.

    Returns
    -------
    Pairs
        Codes.

    Raises
    ------
    ValueError
        If the second has no rows, an id is missing, or ids are strings in one frame
        and numbers in the other.
    """
    if not len(second):
        raise ValueError("relevant must have at least one row. Received: none.")
    user, ids = _shared_codes(first, second, 0, what)
    item, items = _shared_codes(first, second, 1, what)
    # Users of `relevant` in front, in the order of its rows.
    order = pd.unique(user[1])
    place = np.full(len(ids), -1)
    place[order] = np.arange(len(order))
    others = np.flatnonzero(place < 0)
    place[others] = len(order) + np.arange(len(others))
    users = pd.Index(ids[order], name=second.columns[0])
    return Pairs(users, (place[user[0]], place[user[1]]), item, len(items))


def _shared_codes(
    first: pd.DataFrame, second: pd.DataFrame, place: int, what: str
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Give the ids of a column of both frames codes; return the ids too."""
    factors = [
        read_ids(frame.iloc[:, place], frame.columns[place], name)
        for frame, name in ((first, what), (second, "relevant"))
    ]
    kinds = [family(factor.values) for factor in factors]
    if None not in kinds and kinds[0] != kinds[1]:
        raise ValueError(
            f"column {first.columns[place]!r} must hold ids of one type in {what} and "
            "relevant: convert one of them, for example with .astype(str). "
            f"Received: {kinds[0]} and {kinds[1]}."
        )
    vocabulary = Vocabulary.learn(factors, [None, None], 1)
    ours, theirs = (codes(vocabulary, factor).astype(np.int64) for factor in factors)
    return (ours, theirs), vocabulary.ids


def read_ids(column: Any, name: Any, what: str) -> Factor:
    """Read a column of ids and say, where one is wrong, of which frame.

    Parameters
    ----------
    column : array-like of shape (n_values,)
        Ids.
    name : str
        Name of the column.
    what : str
        What the frame is.

    Returns
    -------
    Factor
        Ids.
    """
    column = pd.Series(column) if len(column) else pd.Series(column, dtype=object)
    try:
        return id_factor(column, name)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None


def read_ranks(column: pd.Series) -> np.ndarray:
    """Check ranks.

    Parameters
    ----------
    column : Series
        The column of a frame.

    Returns
    -------
    ndarray of int64
        Whole numbers from 1 on.

    Raises
    ------
    ValueError
        If they are something else.
    """
    ranks = read_numbers(column, "recommended")
    wrong = np.flatnonzero((ranks < 1) | (ranks != np.floor(ranks)))
    if len(wrong):
        raise ValueError(
            "recommended: column 'rank' must hold whole numbers, 1 for the best item. "
            f"Received: {ranks[wrong[0]]} in row {wrong[0]}."
        )
    return ranks.astype(np.int64)


def read_numbers(column: pd.Series, what: str) -> np.ndarray:
    """Check that a column holds finite numbers.

    Parameters
    ----------
    column : Series
        The column of a frame.
    what : str
        What the frame is.

    Returns
    -------
    ndarray of float64
        The numbers.

    Raises
    ------
    ValueError
        If it does not.
    """
    if not len(column):  # whatever its dtype
        return np.zeros(0)
    if is_bool_dtype(column) or not is_any_real_numeric_dtype(column):
        raise ValueError(
            f"{what}: column {column.name!r} must hold numbers. Received: dtype "
            f"{column.dtype}."
        )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueError(
            f"{what}: column {column.name!r} must hold finite numbers: leave such rows "
            f"out. Received: {values[wrong[0]]} in row {wrong[0]}."
        )
    return values


def require_distinct(
    frame: pd.DataFrame, keys: np.ndarray, what: str = "recommended"
) -> None:
    """Raise where an item is recommended to one user twice.

    Parameters
    ----------
    frame : DataFrame
        The columns of users and items in front.
    keys : ndarray of int
        A number for each pair of them.
    what : str, default="recommended"
        What the frame is.
    """
    twice = np.flatnonzero(pd.Series(keys).duplicated())
    if len(twice):
        user, item = (frame.iloc[:, place].tolist()[twice[0]] for place in (0, 1))
        raise ValueError(
            f"{what} must hold an item once for a user. Received: item {item!r} for "
            f"user {user!r} again in row {twice[0]}."
        )


def _require_one_a_rank(
    frame: pd.DataFrame, user: np.ndarray, rank: np.ndarray
) -> None:
    """Raise where two items of a user have one rank."""
    twice = np.flatnonzero(pd.DataFrame({"user": user, "rank": rank}).duplicated())
    if len(twice):
        row = twice[0]
        raise ValueError(
            f"recommended must hold a rank once for a user. Received: rank {rank[row]} "
            f"for user {frame.iloc[:, 0].tolist()[row]!r} again in row {row}."
        )
