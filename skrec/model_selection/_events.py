"""What the splitters of events share: users and times of X, and what a split holds."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable

from skrec._warn import warn_user
from skrec.preprocessing._frames import as_frame, as_table
from skrec.preprocessing._interactions import codes, event_times, id_factor
from skrec.preprocessing._kinds import chosen_columns
from skrec.preprocessing._vocabulary import Vocabulary


class Events(NamedTuple):
    """What a splitter reads of X.

    Parameters
    ----------
    users : ndarray of int of shape (n_rows,)
        Codes of users, in the order of their ids.
    times : ndarray of shape (n_rows,), or None
        Numbers in the order of time.
    column : Series or None
        The times as they are in X.
    """

    users: np.ndarray
    times: np.ndarray | None
    column: pd.Series | None


class Fold(NamedTuple):
    """One split.

    Parameters
    ----------
    train, test : ndarray of bool of shape (n_rows,)
        Rows on either side.
    n_ties : int, default=0
        What stands at the cut itself, so that its order is not known.
    """

    train: np.ndarray
    test: np.ndarray
    n_ties: int = 0


class EventSplitter(BaseCrossValidator):
    """Base of splitters of which a row of X is an event."""

    user_col: Any
    time_col: Any = None
    n_splits: int

    @abstractmethod
    def _folds(self, events: Events) -> Iterator[Fold]:
        """Yield the splits."""

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Split events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Events, one a row, in any order where there is a time.
        y : array-like of shape (n_rows,), default=None
            Not used.
        groups : object, default=None
            Not used: users and times are columns of X.

        Yields
        ------
        train : ndarray of int
            Positions of the rows to fit on.
        test : ndarray of int
            Positions of the rows to score on.

        Raises
        ------
        ValueError
            If a column is missing, or an id or a time is; if times are no numbers or
            dates; if a side of a split would have no rows.
        """
        if groups is not None:
            warn_user(f"The groups parameter is ignored by {type(self).__name__}")
        X, y = indexable(X, y)
        for fold in self._folds(self._read(X)):
            yield np.flatnonzero(fold.train), np.flatnonzero(fold.test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        int
            Number of pairs that :meth:`split` yields.
        """
        return self.n_splits

    def describe(self, X: Any) -> pd.DataFrame:
        """Say how many rows and users each split has, and how many it leaves out.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Events.

        Returns
        -------
        DataFrame of shape (n_splits, 8)
            ``n_train_rows``, ``n_test_rows``, ``n_train_users`` and ``n_test_users``;
            ``n_cold_users``, users of the test side who have no row to fit on;
            ``n_users_left_out``, users of X who have no test row; ``n_rows_left_out``,
            rows on neither side; and ``n_ties``: where the splits of a class depend on
            a time, how many users or rows have one that is the same on both sides of
            the cut, as the class says.
        """
        events = self._read(X)
        n_users = events.users.max() + 1
        rows = []
        for train, test, n_ties in self._folds(events):
            fitted, tested = (np.unique(events.users[side]) for side in (train, test))
            rows.append(
                {
                    "n_train_rows": train.sum(),
                    "n_test_rows": test.sum(),
                    "n_train_users": len(fitted),
                    "n_test_users": len(tested),
                    "n_cold_users": len(np.setdiff1d(tested, fitted)),
                    "n_users_left_out": n_users - len(tested),
                    "n_rows_left_out": (~train & ~test).sum(),
                    "n_ties": n_ties,
                }
            )
        return pd.DataFrame(rows).rename_axis("split")

    def _read(self, X: Any) -> Events:
        """Find users and times in X."""
        frame = as_frame(as_table(X, self))
        names = list(frame.columns)
        time = None
        if self.time_col is not None:
            time = chosen_columns([self.time_col], names, "time_col")[0]
        if self.user_col is not None:
            user = chosen_columns([self.user_col], names, "user_col")[0]
        else:
            user = 1 if time == 0 else 0
        if user == time or user == len(names):
            raise ValueError(
                "user_col and time_col must be different columns of X. Received: "
                f"user_col={self.user_col!r}, time_col={self.time_col!r}, of columns "
                f"{names}."
            )
        ids = id_factor(frame.iloc[:, user], names[user])
        users = codes(Vocabulary.learn([ids], [None], 1), ids)
        column = None if time is None else frame.iloc[:, time].infer_objects()
        return Events(users, event_times(frame, time), column)


def by_user(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Sort rows.

    Parameters
    ----------
    events : Events
        Users and, if there are some, times.

    Returns
    -------
    order : ndarray of int of shape (n_rows,)
        The rows by user and time; those of one time in their order.
    n_events : ndarray of int of shape (n_rows,)
        Number of events of the user of each of them.
    """
    keys = [events.users]
    if events.times is not None:
        keys.insert(0, events.times)
    order = np.lexsort(keys)  # which is stable
    return order, np.bincount(events.users)[events.users[order]]
