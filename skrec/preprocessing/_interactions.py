"""Events of users and items as codes, each user's in the order of time."""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype, is_bool_dtype

from skrec.preprocessing._frames import as_frame
from skrec.preprocessing._kinds import chosen_columns
from skrec.preprocessing._vocabulary import FIRST, Factor, Vocabulary, factorize


class Columns(NamedTuple):
    """Where in a table the user, the item and the time of an event stand.

    Parameters
    ----------
    user, item : int
        Positions.
    time : int or None
        Position; None where the order of the rows is that of the events.
    """

    user: int
    item: int
    time: int | None


def find_columns(
    names: list, user_col: Any, item_col: Any, time_col: Any, name: str
) -> Columns:
    """Find the columns that parameters name.

    Parameters
    ----------
    names : list
        Names of the columns, or their positions where they have none.
    user_col, item_col, time_col : str, int or None
        Name or position; None for the first column that no other parameter names, and
        for no time.
    name : str
        Who asks, for the messages.

    Returns
    -------
    Columns
        Positions.

    Raises
    ------
    ValueError
        If a column is missing, or two parameters name one column.
    """
    if len(names) < 2:
        raise ValueError(
            f"Found array with {len(names)} feature(s) (shape=(n, {len(names)})) while "
            f"a minimum of 2 is required by {name}: a column of users and one of "
            f"items. Received: columns {names}."
        )
    chosen = {"user_col": user_col, "item_col": item_col, "time_col": time_col}
    found = {
        parameter: chosen_columns([column], names, parameter)[0]
        for parameter, column in chosen.items()
        if column is not None
    }
    free = (k for k in range(len(names)) if k not in found.values())
    for parameter in ("user_col", "item_col"):
        if parameter not in found:
            found[parameter] = next(free, -1)
    places = [*found.values()]
    if len(set(places)) < len(places) or -1 in places:
        raise ValueError(
            "user_col, item_col and time_col must be different columns; None is the "
            f"first that is free for users and items. Received: {chosen}, of columns "
            f"{names}."
        )
    return Columns(found["user_col"], found["item_col"], found.get("time_col"))


@dataclass
class Log:
    """Events as codes, sorted by user and then in time.

    Parameters
    ----------
    users : ndarray of int32 of shape (n_events,)
        Codes of users, from 0 on, ascending.
    items : ndarray of int32 of shape (n_events,)
        Codes of items, from 0 on.
    weights : ndarray of float64 of shape (n_events,)
        How much each event counts.
    times : ndarray of shape (n_events,), or None
        When each happened, where that is known.
    n_users, n_items : int
        Number of codes.
    """

    users: np.ndarray
    items: np.ndarray
    weights: np.ndarray
    times: np.ndarray | None
    n_users: int
    n_items: int

    def __len__(self) -> int:
        return len(self.users)

    def __getstate__(self) -> dict[str, Any]:
        counts = np.bincount(self.users, minlength=self.n_users)
        state = {**vars(self), "users": counts.astype(self.users.dtype)}
        return {**state, "weights": None} if (self.weights == 1).all() else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        counts, items, weights = state["users"], state["items"], state["weights"]
        if (counts < 0).any() or counts.sum(dtype=np.int64) != len(items):
            raise ValueError("users do not have as many events as there are")
        users = np.repeat(np.arange(len(counts), dtype=counts.dtype), counts)
        if weights is None:
            weights = np.ones(len(items))
        vars(self).update(state, users=users, weights=weights)

    @property
    def starts(self) -> np.ndarray:
        """Where each user's events start, and the last one's end."""
        return np.searchsorted(self.users, np.arange(self.n_users + 1))

    def select(self, which: Any) -> "Log":
        """Return some of the events.

        Parameters
        ----------
        which : ndarray of bool or int, or slice
            Which ones, in ascending order.

        Returns
        -------
        Log
            With the same numbers of users and items.
        """
        times = None if self.times is None else self.times[which]
        kept = self.users[which], self.items[which], self.weights[which]
        return Log(*kept, times, self.n_users, self.n_items)

    def split_last(self, k: int, at_least: int) -> tuple[np.ndarray, np.ndarray]:
        """Tell each user's last events from those before.

        Parameters
        ----------
        k : int
            How many to set aside.
        at_least : int
            Users of fewer events keep all of them.

        Returns
        -------
        before, last : ndarray of int
            Positions in this log, ascending.
        """
        starts = self.starts
        from_end = starts[1:][self.users] - np.arange(len(self))
        is_last = (from_end <= k) & (np.diff(starts)[self.users] >= at_least)
        return np.flatnonzero(~is_last), np.flatnonzero(is_last)

    def followed_by(self, later: "Log") -> "Log":
        """Add the events of another log, whose codes mean the same.

        Parameters
        ----------
        later : Log
            Events that came later, or whose time says where they belong.

        Returns
        -------
        Log
            All events.
        """
        times = None
        if self.times is not None and later.times is not None:
            times = np.concatenate([self.times, later.times])
        users, items, weights = (
            np.concatenate([getattr(self, name), getattr(later, name)])
            for name in ("users", "items", "weights")
        )
        return sorted_log(users, items, weights, times, later.n_users, later.n_items)


def sorted_log(
    users: np.ndarray,
    items: np.ndarray,
    weights: np.ndarray,
    times: np.ndarray | None,
    n_users: int,
    n_items: int,
) -> Log:
    """Sort events by user and time; those of one time keep the order of the rows.

    Parameters
    ----------
    users, items : ndarray of int of shape (n_events,)
        Codes.
    weights : ndarray of shape (n_events,)
        Weights.
    times : ndarray of shape (n_events,), or None
        When each happened; None for the order of the rows.
    n_users, n_items : int
        Number of codes.

    Returns
    -------
    Log
        The events.
    """
    keys = (users,) if times is None else (times, users)
    order = np.lexsort(keys)  # which is stable
    return Log(
        users[order],
        items[order],
        weights[order],
        None if times is None else times[order],
        n_users,
        n_items,
    )


class Interactions:
    """What was learnt of the users and items of a table of events.

    Parameters
    ----------
    columns : Columns
        Where they stand.
    users, items : Vocabulary
        The ids.
    time : tuple of str and bool, or None
        What kind of times there are, see :func:`kind_of_time`.
    """

    def __init__(
        self, columns: Columns, users: Vocabulary, items: Vocabulary, time: Any
    ) -> None:
        self.columns, self.users, self.items = columns, users, items
        self.time = time

    @classmethod
    def learn(cls, table: Any, columns: Columns) -> "Interactions":
        """Learn the ids of a table.

        Parameters
        ----------
        table : DataFrame or ndarray of shape (n_events, n_columns)
            Events.
        columns : Columns
            Where they stand.

        Returns
        -------
        Interactions
            Ids in sorted order.
        """
        frame = as_frame(table)
        ids = [_ids(frame, place) for place in (columns.user, columns.item)]
        users, items = (Vocabulary.learn([factor], [None], 1) for factor in ids)
        place = columns.time
        time = None if place is None else kind_of_time(frame.iloc[:, place])
        return cls(columns, users, items, time)

    def grown(self, table: Any) -> "Interactions":
        """Learn the ids that further events bring.

        Parameters
        ----------
        table : DataFrame or ndarray of shape (n_events, n_columns)
            Events.

        Returns
        -------
        Interactions
            Known ids with their codes, and new ones behind them.
        """
        frame = as_frame(table)
        user, item = self.columns[:2]
        users = self.users.grown([_ids(frame, user)], [None], 1)
        items = self.items.grown([_ids(frame, item)], [None], 1)
        return Interactions(self.columns, users, items, self.time)

    def require_time(self, column: pd.Series) -> None:
        """Raise where times cannot be compared with those that were learnt.

        Parameters
        ----------
        column : Series
            Times.
        """
        if (kind := kind_of_time(column)) != self.time:
            known, given = (
                what + " with a time zone" * zone for what, zone in (self.time, kind)
            )
            raise ValueError(
                f"column {column.name!r} held {known} in fit: convert it. Received: "
                f"{given}."
            )

    def pairs(self, table: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the codes of users and items, row by row.

        Parameters
        ----------
        table : DataFrame or ndarray of shape (n_events, n_columns)
            Events.

        Returns
        -------
        tuple of two ndarrays of int32 of shape (n_events,)
            Codes from 0 on; -1 for ids that are not known.
        """
        frame = as_frame(table)
        users = codes(self.users, _ids(frame, self.columns.user))
        return users, codes(self.items, _ids(frame, self.columns.item))

    def log(self, table: Any, weights: np.ndarray | None = None) -> Log:
        """Return the events of a table whose users and items are known.

        Parameters
        ----------
        table : DataFrame or ndarray of shape (n_events, n_columns)
            Events.
        weights : ndarray of shape (n_events,), default=None
            How much each counts; those of 0 are left out. 1 if None.

        Returns
        -------
        Log
            In order.
        """
        users, items = self.pairs(table)
        times = event_times(table, self.columns.time)
        if self.columns.time is not None:
            self.require_time(as_frame(table).iloc[:, self.columns.time])
        kept = (users >= 0) & (items >= 0)
        if weights is None:
            weights = np.ones(len(users))
        kept &= weights > 0
        if times is not None:
            times = times[kept]
        sizes = len(self.users.ids), len(self.items.ids)
        return sorted_log(users[kept], items[kept], weights[kept], times, *sizes)


def codes(vocabulary: Vocabulary, ids: Factor) -> np.ndarray:
    """Look ids up.

    Parameters
    ----------
    vocabulary : Vocabulary
        Known ids.
    ids : Factor
        Ids.

    Returns
    -------
    ndarray of int32
        Codes from 0 on; -1 for ids that are not known.
    """
    return np.maximum(vocabulary.codes(ids) - FIRST, -1)


def id_factor(column: Any, name: Any) -> Factor:
    """Read a column of ids, none of which may be missing.

    Parameters
    ----------
    column : array-like of shape (n_values,)
        Ids of any dtype.
    name : str or int
        What it is, for the messages.

    Returns
    -------
    Factor
        Ids and where they stand.

    Raises
    ------
    ValueError
        If an id is missing.
    """
    factor = factorize(pd.Series(column), name)
    missing = np.flatnonzero(factor.positions < 0)
    if len(missing):
        raise ValueError(
            f"column {name!r} has no id in row {missing[0]} (NaN or None): leave such "
            f"rows out. Received: {len(missing)} of {len(factor.positions)} missing."
        )
    # Of a column of categories, those that are there, in the order of the rows.
    positions, there = pd.factorize(factor.positions)
    return factor._replace(positions=positions, values=factor.values[there])


def kind_of_time(column: pd.Series) -> tuple[str, bool]:
    """Tell which times can be compared.

    Parameters
    ----------
    column : Series
        Times.

    Returns
    -------
    tuple of str and bool
        Dates, spans or numbers, and whether they have a time zone.
    """
    kinds = {"M": "dates", "m": "spans"}
    column = _with_dates(column)
    zone = getattr(column.dtype, "tz", None) is not None
    return kinds.get(column.dtype.kind, "numbers"), zone


def _ids(frame: pd.DataFrame, place: int) -> Factor:
    if frame.dtypes.iloc[place].kind in "mM":
        raise ValueError(
            f"column {frame.columns[place]!r} holds dates, which are no ids: say "
            "with user_col and item_col which columns hold ids. Received: dtype "
            f"{frame.dtypes.iloc[place]}."
        )
    return id_factor(frame.iloc[:, place], frame.columns[place])


def _with_dates(column: pd.Series) -> pd.Series:
    """Turn objects into dates where all of them are some."""
    if column.dtype.kind != "O":
        return column
    column = column.infer_objects()
    there = column.dropna()
    if column.dtype.kind != "O" or not all(isinstance(one, date) for one in there):
        return column
    has_zone = any(getattr(one, "tzinfo", None) for one in there)  # of several
    return pd.to_datetime(column, utc=has_zone)


def event_times(table: Any, place: int | None) -> np.ndarray | None:
    """Read the times of events.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_events, n_columns)
        Events.
    place : int or None
        Position of the column; None for none.

    Returns
    -------
    ndarray of int64, uint64 or float64 of shape (n_events,), or None
        Numbers that are ordered as the times are; dates as nanoseconds.

    Raises
    ------
    ValueError
        If they are no numbers or dates, or some are missing.
    """
    if place is None:
        return None
    frame = as_frame(table)
    column, name = frame.iloc[:, place], frame.columns[place]
    column = _with_dates(column)
    missing = np.flatnonzero(pd.isna(column))
    if len(missing):
        raise ValueError(
            f"column {name!r} has no time in row {missing[0]} (NaN or NaT): leave such "
            f"rows out. Received: {len(missing)} of {len(column)} missing."
        )
    if column.dtype.kind == "f" and np.isinf(column.to_numpy()).any():
        row = int(np.isinf(column.to_numpy()).argmax())
        raise ValueError(
            f"column {name!r} holds infinity in row {row}, which is no time: replace "
            "it, or leave the row out."
        )
    if is_bool_dtype(column) or not (
        is_any_real_numeric_dtype(column) or column.dtype.kind in "mM"
    ):
        raise ValueError(
            f"column {name!r} must hold times, as numbers or dates: convert it, for "
            f"example with pandas.to_datetime. Received: dtype {column.dtype}, such as "
            f"{column.iloc[0]!r}."
        )
    if column.dtype.kind in "mM":
        try:
            return column.dt.as_unit("ns").astype("int64").to_numpy()
        except pd.errors.OutOfBoundsDatetime:
            latest = column.max()
            raise ValueError(
                f"column {name!r} holds dates from before 1677 or after 2262: leave "
                f"such rows out. Received: up to {latest}."
            ) from None
    times = column.to_numpy()
    if times.dtype.kind == "u" and times.max() >= 2**63:
        return times.astype("uint64")
    return times.astype("int64" if times.dtype.kind in "iu" else "float64")
