"""Splitters of events: by each user's last ones, in time, within users, by users."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold
from sklearn.utils import check_random_state

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval, validate_params
from skrec.model_selection._events import Events, EventSplitter, Fold, by_user
from skrec.preprocessing._interactions import event_times, kind_of_time

_COLUMN = [str, Integral, None]
_N_SPLITS = [Interval(Integral, 2, None, closed="left")]


@with_fitted_docs
class LeaveLastOut(EventSplitter):
    """Fit on all but each user's last events, score on these.

    One split. Users of at most `k` events keep all of them in training. Without a time,
    the order of the rows is that of the events; with one, the order of the rows decides
    between events of a user at the same time.

    The events to fit on may be later than those of other users to score on: see
    :class:`TimeSplit` for what avoids that.

    Parameters
    ----------
    %(split_user)s
    time_col : str or int, default=None
        Name or position of the column that says when an event happened, in numbers or
        dates.
    k : int, default=1
        How many of the last events to score on.

    Notes
    -----
    ``n_ties`` of :meth:`describe` counts users whose last event to fit on and first one
    to score on have the same time.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.model_selection import LeaveLastOut
    >>> X = pd.DataFrame(
    ...     {
    ...         "user": ["ann", "bob", "ann", "ann", "cid"],
    ...         "item": [1, 1, 2, 3, 2],
    ...         "day": [3, 1, 1, 2, 1],
    ...     }
    ... )
    >>> splitter = LeaveLastOut(time_col="day")
    >>> train, test = next(splitter.split(X))
    >>> X.iloc[test]
      user  item  day
    0  ann     1    3
    >>> splitter.describe(X)[["n_train_rows", "n_test_rows", "n_users_left_out"]]
           n_train_rows  n_test_rows  n_users_left_out
    split
    0                 4            1                 2
    """

    n_splits = 1

    @validate_params(
        {
            "user_col": _COLUMN,
            "time_col": _COLUMN,
            "k": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, user_col: Any = None, time_col: Any = None, k: int = 1) -> None:
        self.user_col = user_col
        self.time_col = time_col
        self.k = k

    def _folds(self, events: Events) -> Iterator[Fold]:
        order, n_events = by_user(events)
        users = events.users[order]
        ends = np.searchsorted(users, users, side="right")
        from_end = ends - np.arange(len(order))  # 1 for the last event
        last = (from_end <= self.k) & (n_events > self.k)
        if not last.any():
            raise ValueError(
                f"no user has more than k={self.k} events: lower k, or give more. "
                f"Received: {len(np.unique(users))} users with {n_events.max()} at "
                "most."
            )
        first = np.flatnonzero(last & (from_end == self.k))
        n_ties = 0
        if events.times is not None:
            times = events.times[order]
            n_ties = int((times[first] == times[first - 1]).sum())
        test = np.zeros(len(order), dtype=bool)
        test[order[last]] = True
        yield Fold(~test, test, n_ties)


@with_fitted_docs
class TimeSplit(EventSplitter):
    """Fit on what came before a moment, score on what came then.

    The events are cut at `n_splits` moments. Each split fits on all events before one
    of them, and scores on those from there up to the next. Without `cuts`, they are
    chosen so that about the same number of events is scored in each split, and as many
    come before the first, as in :class:`~sklearn.model_selection.TimeSeriesSplit`.
    Events of one time are never divided: all of them are on the later side.

    Users and items of the test side may have no events to fit on: ``n_cold_users`` of
    :meth:`describe` counts these users.

    Parameters
    ----------
    time_col : str or int
        Name or position of the column that says when an event happened, in numbers or
        dates.
    n_splits : int, default=5
        Number of splits. Not used with `cuts`.
    cuts : number, date, str, or list of them, default=None
        The moments, in ascending order: numbers, or, where the column holds dates, what
        :class:`pandas.Timestamp` reads, such as ``"2025-12-01"``.
    %(split_user)s It is used by :meth:`describe` alone.

    Notes
    -----
    ``n_ties`` of :meth:`describe` counts the rows that have the very time of the cut.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.model_selection import TimeSplit
    >>> X = pd.DataFrame(
    ...     {"user": list("aabbcc"), "item": range(6), "day": [1, 4, 2, 5, 3, 6]}
    ... )
    >>> for train, test in TimeSplit("day", n_splits=2).split(X):
    ...     print(X["day"].iloc[train].tolist(), X["day"].iloc[test].tolist())
    [1, 2] [4, 3]
    [1, 4, 2, 3] [5, 6]
    >>> TimeSplit("day", cuts=5).describe(X).T
    split             0
    n_train_rows      4
    n_test_rows       2
    n_train_users     3
    n_test_users      2
    n_cold_users      0
    n_users_left_out  1
    n_rows_left_out   0
    n_ties            1
    """

    @validate_params(
        {
            "time_col": [str, Integral],
            "n_splits": [Interval(Integral, 1, None, closed="left")],
            "user_col": _COLUMN,
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        time_col: Any,
        n_splits: int = 5,
        *,
        cuts: Any = None,
        user_col: Any = None,
    ) -> None:
        self.time_col = time_col
        self.n_splits = n_splits
        self.cuts = cuts
        self.user_col = user_col

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        int
            `n_splits`, or the number of `cuts`.
        """
        return self.n_splits if self.cuts is None else len(_listed(self.cuts))

    def _folds(self, events: Events) -> Iterator[Fold]:
        times = events.times
        assert times is not None  # time_col has no default
        cuts = self._even_cuts(times) if self.cuts is None else self._cuts(events)
        later = [times >= cut for cut in cuts]
        ends = [*later[1:], np.zeros(len(times), dtype=bool)]
        folds = [
            Fold(~test, test & ~end, int((times == cut).sum()))
            for cut, test, end in zip(cuts, later, ends, strict=True)
        ]
        for i, (train, test, _) in enumerate(folds):
            if not train.any() or not test.any():
                side = "to score on after" if train.any() else "to fit on before"
                advice = "lower n_splits" if self.cuts is None else "change cuts"
                raise ValueError(
                    f"there are no events {side} cut {i} of {len(cuts)}: {advice}. "
                    f"Received: {len(np.unique(times))} different times in "
                    f"{len(times)} rows."
                )
        yield from folds

    def _even_cuts(self, times: np.ndarray) -> list:
        """Cut so that all splits have about the same number of rows to score on."""
        n_rows = len(times)
        size = n_rows // (self.n_splits + 1)
        if not size:
            raise ValueError(
                f"n_splits={self.n_splits} needs {self.n_splits + 1} rows at least. "
                f"Received: {n_rows}."
            )
        first = n_rows - size * self.n_splits
        return np.sort(times)[first::size].tolist()

    def _cuts(self, events: Events) -> list:
        """Read the moments that were given, as numbers like the times."""
        column, cuts = events.column, pd.Series(_listed(self.cuts))
        assert column is not None
        reason = "they are of another kind, or one has a time zone"
        try:
            if column.dtype.kind == "M" and not pd.api.types.is_numeric_dtype(cuts):
                cuts = pd.to_datetime(cuts)
            if kind_of_time(cuts) != kind_of_time(column):
                raise ValueError
            found = event_times(cuts.to_frame(), 0)
            if found is None or not len(found) or (np.diff(found) <= 0).any():
                reason = "they do not ascend"
                raise ValueError
        except ValueError:
            raise ValueError(
                "cuts must be numbers or dates, as the times in column "
                f"{column.name!r} are, of dtype {column.dtype}, and ascend. Received: "
                f"cuts={self.cuts!r}: {reason}."
            ) from None
        return found.tolist()


def _listed(cuts: Any) -> list:
    """Return one cut or several as a list."""
    listed = [cuts] if isinstance(cuts, str) or np.ndim(cuts) == 0 else list(cuts)
    if not listed:
        raise ValueError("cuts must hold one moment at least. Received: an empty list.")
    return listed


class _KFold(EventSplitter):
    """What the two splitters with folds share."""

    @validate_params(
        {
            "n_splits": _N_SPLITS,
            "user_col": _COLUMN,
            "shuffle": ["boolean"],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        n_splits: int = 5,
        user_col: Any = None,
        shuffle: bool = False,
        random_state: Any = None,
    ) -> None:
        if random_state is not None and not shuffle:
            raise ValueError(
                "random_state has no effect without shuffle=True: set that, or leave "
                f"random_state at None. Received: random_state={random_state!r}."
            )
        self.n_splits = n_splits
        self.user_col = user_col
        self.shuffle = shuffle
        self.random_state = random_state


@with_fitted_docs
class PerUserKFold(_KFold):
    """Divide each user's events over the folds.

    Each user's events go to the folds in turn, in the order of the rows, so that the
    numbers that two folds have of a user differ by one at most, and so do the sizes of
    the folds. All users that are scored have been fitted on: one with a single event
    keeps it in training, in every split. All other events are scored once.

    Parameters
    ----------
    %(split_folds)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.model_selection import PerUserKFold
    >>> X = pd.DataFrame({"user": list("aaaabbc"), "item": range(7)})
    >>> for train, test in PerUserKFold(n_splits=2).split(X):
    ...     print(X["user"].iloc[train].tolist(), X["user"].iloc[test].tolist())
    ['a', 'a', 'b', 'c'] ['a', 'a', 'b']
    ['a', 'a', 'b', 'c'] ['a', 'a', 'b']
    """

    def _folds(self, events: Events) -> Iterator[Fold]:
        n_rows = len(events.users)
        order = np.arange(n_rows)
        users = events.users
        if self.shuffle:
            rng = check_random_state(self.random_state)
            order = rng.permutation(n_rows)
            users = rng.permutation(users.max() + 1)[users]
        order = order[np.argsort(users[order], kind="stable")]
        order = order[np.bincount(users)[users[order]] > 1]
        if len(order) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs so many events of users who have more "
                f"than one. Received: {len(order)}."
            )
        fold = np.full(n_rows, -1)
        fold[order] = np.arange(len(order)) % self.n_splits
        for i in range(self.n_splits):
            yield Fold(fold != i, fold == i)


@with_fitted_docs
class UserGroupKFold(_KFold):
    """Divide the users over the folds: what is scored is of users without training.

    It measures how a recommender does for users whom it does not know. The folds are
    those of :class:`~sklearn.model_selection.GroupKFold`, with the users as groups.

    Parameters
    ----------
    %(split_folds)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.model_selection import UserGroupKFold
    >>> X = pd.DataFrame({"user": list("aaaabbc"), "item": range(7)})
    >>> for train, test in UserGroupKFold(n_splits=2).split(X):
    ...     print(X["user"].iloc[train].tolist(), X["user"].iloc[test].tolist())
    ['b', 'b', 'c'] ['a', 'a', 'a', 'a']
    ['a', 'a', 'a', 'a'] ['b', 'b', 'c']
    """

    def _folds(self, events: Events) -> Iterator[Fold]:
        n_users = events.users.max() + 1
        if n_users < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs so many users at least. Received: "
                f"{n_users}."
            )
        folds = GroupKFold(
            self.n_splits, shuffle=self.shuffle, random_state=self.random_state
        )
        for _, rows in folds.split(events.users, groups=events.users):
            test = np.zeros(len(events.users), dtype=bool)
            test[rows] = True
            yield Fold(~test, test)
