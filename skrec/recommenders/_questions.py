"""What is asked of a recommender, read and checked: ids, candidates, events."""

from collections.abc import Iterator, KeysView
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skrec._warn import warn_user
from skrec.preprocessing._frames import as_frame, as_table
from skrec.preprocessing._ids import objects
from skrec.preprocessing._interactions import (
    Columns,
    Interactions,
    Log,
    codes,
    event_times,
    id_factor,
    sorted_log,
)
from skrec.preprocessing._vocabulary import Vocabulary

OF_ANSWERS = ("score", "rank", "similar")


def require_count(n: Any) -> None:
    """Raise where a number of items is none.

    Parameters
    ----------
    n : object
        What `n` was given.
    """
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n must be a whole number from 1 on. Received: {n!r}.")


def require_free_names(names: list, columns: Columns) -> None:
    """Raise where the answer would have two columns of one name.

    Parameters
    ----------
    names : list
        Names of the columns of X, or their positions.
    columns : Columns
        Where users and items stand.
    """
    taken = [name for k in columns[:2] if (name := names[k]) in OF_ANSWERS]
    if taken:
        raise ValueError(
            f"recommend returns columns {', '.join(OF_ANSWERS)} of its own: rename "
            f"column {taken[0]!r} of X."
        )


def listed(ids: Any, name: str) -> pd.Series:
    """Read a list of ids, or a single one.

    Parameters
    ----------
    ids : array-like of shape (n_ids,), or one id
        Ids.
    name : str
        What they are called, for the messages.

    Returns
    -------
    Series
        The ids.
    """
    if isinstance(ids, set | frozenset | KeysView | Iterator):
        ids = list(ids)
    if isinstance(ids, list) and any(isinstance(one, tuple) for one in ids):
        return pd.Series(objects(ids))  # which NumPy would take for a matrix
    if isinstance(ids, str) or np.ndim(ids) == 0:
        ids = [ids]
    if np.ndim(ids) != 1:
        raise ValueError(
            f"{name} must be a list of ids. Received: shape {np.shape(ids)}."
        )
    return pd.Series(ids, dtype=object if not len(ids) else None)


def distinct(users: Any, name: str) -> np.ndarray:
    """Return the ids of users, each once.

    Parameters
    ----------
    users : array-like of shape (n_users,)
        Ids.
    name : str
        Name of their column, for the messages.

    Returns
    -------
    ndarray
        In the order in which they first come.
    """
    factor = id_factor(listed(users, "users"), name)
    if len(factor.values) < len(factor.positions):
        warn_user(
            f"users holds {len(factor.positions)} ids of {len(factor.values)} users: "
            "each is answered once."
        )
    return factor.values


def known_codes(
    ids: Any, known: Vocabulary, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Look up ids that must be known.

    Parameters
    ----------
    ids : array-like of shape (n_ids,)
        Ids.
    known : Vocabulary
        Those of `fit`.
    name : str
        What they are called, for the messages.

    Returns
    -------
    tuple of two ndarrays
        The different ids, and the code of each.

    Raises
    ------
    ValueError
        If one is not known.
    """
    factor = id_factor(listed(ids, name), name)
    if not len(factor.values):
        raise ValueError(f"{name} must hold at least one id. Received: an empty list.")
    try:
        found = codes(known, factor.of_values)
    except ValueError as error:
        raise ValueError(f"{name} must be ids of items of fit: {error}") from None
    if (found < 0).any():
        raise ValueError(
            f"{name} must be items of fit, and some are not: leave them out. Received: "
            f"{some_of(factor.values[found < 0])}."
        )
    return factor.values, found


def some_of(ids: np.ndarray) -> str:
    """Show a few ids in a message.

    Parameters
    ----------
    ids : ndarray of shape (n_ids,)
        Ids.

    Returns
    -------
    str
        The first five, and whether there are more.
    """
    return f"{ids[:5].tolist()}{' and others' if len(ids) > 5 else ''}"


def read_history(
    history: Any, model: Any, learnt: Interactions, names: list | None
) -> tuple[Log, Vocabulary]:
    """Read events to recommend after.

    Parameters
    ----------
    history : DataFrame or array-like of shape (n_events, n_columns)
        Events of users who may be known or not.
    model : BaseRecommender
        Who asks, for the messages.
    learnt : Interactions
        What `fit` has learnt.
    names : list of str, or None
        Names of the columns of `fit`; None if they had none.

    Returns
    -------
    log : Log
        Events with known items, by codes of these users.
    users : Vocabulary
        What these codes stand for.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    if isinstance(history, list | tuple | set) and np.ndim(list(history)) < 2:
        raise ValueError(
            "history must be a table of events: a column of users and one of items. Of "
            'one visitor, pandas.DataFrame({"user": "new", "item": items}), with the '
            f"names that they have in X. Received: a {type(history).__name__} of "
            f"{len(history)}."
        )
    frame = _columns_of(as_frame(as_table(history, model)), learnt, names, model)
    ids = id_factor(frame.iloc[:, 0], frame.columns[0])
    who = Vocabulary.learn([ids], [None], 1)
    users = codes(who, ids)
    items = codes(learnt.items, id_factor(frame.iloc[:, 1], frame.columns[1]))
    times = event_times(frame, 2 if frame.shape[1] > 2 else None)
    if times is not None:
        learnt.require_time(frame.iloc[:, 2])
    kept = items >= 0
    if times is not None:
        times = times[kept]
    weights = np.ones(int(kept.sum()))
    sizes = len(who.ids), len(learnt.items.ids)
    return sorted_log(users[kept], items[kept], weights, times, *sizes), who


def _columns_of(
    frame: pd.DataFrame, learnt: Interactions, names: list | None, model: Any
) -> pd.DataFrame:
    """Return the columns of users, items and, if there is one, time."""
    places = [place for place in learnt.columns if place is not None]
    is_numbered = list(frame.columns) == list(range(frame.shape[1]))
    if names is not None and not is_numbered:
        wanted = [names[place] for place in places]
        missing = [name for name in wanted[:2] if name not in frame.columns]
        if missing:
            raise ValueError(
                f"history has no column {missing[0]!r}; it needs the columns "
                f"{wanted[:2]} of fit. Received: columns {list(frame.columns)}."
            )
        return frame[[name for name in wanted if name in frame.columns]]
    if frame.shape[1] == model.n_features_in_:
        return frame.iloc[:, places]
    if frame.shape[1] not in (2, len(places)):
        raise ValueError(
            f"history must have the {model.n_features_in_} columns of X, or its "
            "columns of users, items and times alone, in this order. Received: "
            f"{frame.shape[1]} columns."
        )
    return frame
