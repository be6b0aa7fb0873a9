"""Compares the items that a graph recommends with those of the recommender."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from skrec.export._columns import tensor_of_series
from skrec.export._schema import Schema
from skrec.preprocessing._frames import as_frame, as_table
from skrec.preprocessing._interactions import event_times
from skrec.recommenders.base import BaseRecommender

MOST_ITEMS = 1000  # that are compared for each user
USERS_AT_ONCE = 256

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def require_equal_lists(
    run: Run, schema: Schema, model: BaseRecommender, X: Any, tol: float
) -> None:
    """Compare what users of some events get, by their ids alone and after these events.

    Parameters
    ----------
    run : callable
        Runs the graph.
    schema : Schema
        What the graph says of itself.
    model : BaseRecommender
        What it was made of.
    X : DataFrame or array-like of shape (n_events, n_columns)
        Events, with the columns of `fit`.
    tol : float
        Largest difference; of numbers beyond 1, relative to their size.

    Raises
    ------
    ValueError
        If a list is another one, with the user.
    """
    names = getattr(model, "feature_names_in_", None)
    frame = as_frame(as_table(X, model))
    columns = model._interactions.columns
    if names is not None:
        frame = frame[list(names)]
    times = event_times(frame, columns.time)
    if times is not None:
        frame = frame.iloc[np.argsort(times, kind="stable")]
    by_user = frame.groupby(frame.iloc[:, columns.user].rename(None), sort=False)
    histories = {user: rows.iloc[:, columns.item].tolist() for user, rows in by_user}
    users = list(histories)
    for start in range(0, len(users), USERS_AT_ONCE):
        some = users[start : start + USERS_AT_ONCE]
        lists = [histories[user] for user in some]
        events = frame[frame.iloc[:, columns.user].isin(some)]
        for history, own in ((None, [[] for _ in some]), (events, lists)):
            if history is None and model.unknown == "error":
                continue  # which raises where one is new
            _compare(run, schema, model, some, history, own, tol)


def _compare(
    run: Run,
    schema: Schema,
    model: BaseRecommender,
    users: list[Any],
    history: pd.DataFrame | None,
    lists: list[list[Any]],
    tol: float,
) -> None:
    columns = schema.columns
    n = min(MOST_ITEMS, schema.text["n_items"])
    found = run(
        {
            "user": tensor_of_series(columns["user"], pd.Series(users)),
            "history": tensor_of_series(
                columns["history"], pd.Series(lists, dtype=object)
            ),
            "n": np.array([n]),
            "exclude_seen": np.array([True]),
        }
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*get fewer than n=")
        wanted = pd.DataFrame(model.recommend(users, n, history=history))
    starts = np.append(np.flatnonzero(wanted["rank"] == 1), len(wanted))
    of_user = dict(zip(wanted[model.user_col_].iloc[starts[:-1]], starts, strict=False))
    for row, user in enumerate(users):
        first = of_user.get(user, len(wanted))
        last = starts[np.searchsorted(starts, first) + 1] if first < len(wanted) else 0
        part = wanted.iloc[first:last] if first < len(wanted) else wanted[:0]
        kept = np.isfinite(found["scores"][row])
        items = part[model.item_col_].tolist()
        own = found["items"][row][kept].tolist(), found["scores"][row][kept]
        _require_same(user, own, (items, part["score"].to_numpy()), tol)


def _require_same(user: Any, found: Any, wanted: Any, tol: float) -> None:
    """Compare a list; items of scores that are nearly equal may change places."""
    (items, scores), (right_items, right) = found, wanted
    if len(items) != len(right_items):
        raise ValueError(
            f"The exported graph recommends {len(items)} items to user {user!r}, and "
            f"the recommender {len(right_items)}: nothing was written."
        )
    apart = np.abs(scores - right) / np.maximum(1, np.abs(right))
    place = dict(zip(right_items, range(len(right)), strict=True))
    for rank, item in enumerate(items):
        other = right[place.get(item, len(right) - 1)]
        apart[rank] = max(
            apart[rank], abs(other - right[rank]) / max(1, abs(right[rank]))
        )
    if apart.max(initial=0) > tol:
        rank = int(apart.argmax())
        raise ValueError(
            "What the exported graph recommends differs from the recommender's by up "
            f"to {apart[rank]:.3g}, for user {user!r} at rank {rank + 1}, which is more"
            f" than tol={tol:g}: nothing was written. Raise tol if that is near enough."
            f" Received: item {items[rank]!r} with {scores[rank]}, instead of "
            f"{right_items[rank]!r} with {right[rank]}."
        )
