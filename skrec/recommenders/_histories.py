"""What is known of the users who are asked about: their codes, and what they did."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skrec.preprocessing._interactions import Log

PADDING = -1  # code of no item


@dataclass
class Histories:
    """Users and their events, in any order of users.

    Parameters
    ----------
    users : ndarray of int32 of shape (n_users,)
        Codes of the users; -1 for those that were not seen in training.
    items : ndarray of int32 of shape (n_events,)
        Codes of their items: user by user, each in the order of time.
    weights : ndarray of shape (n_events,)
        How much each event counts.
    starts : ndarray of int of shape (n_users + 1,)
        Where each user's events start, and the last one's end.
    n_items : int
        Number of known items.
    ids : ndarray of shape (n_users,), or None
        Ids of the users, where they have been asked for by these.
    """

    users: np.ndarray
    items: np.ndarray
    weights: np.ndarray
    starts: np.ndarray
    n_items: int
    ids: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(cls, log: Log, users: np.ndarray) -> "Histories":
        """Look up what is in a log.

        Parameters
        ----------
        log : Log
            Events.
        users : ndarray of int of shape (n_users,)
            Codes of the users; -1 has no events.

        Returns
        -------
        Histories
            Theirs.
        """
        bounds = np.append(log.starts, len(log))  # -1 finds an empty one at the end
        first = np.where(users < 0, len(log), bounds[users])
        n_events = np.where(users < 0, 0, bounds[users + 1] - first)
        starts = np.concatenate([[0], np.cumsum(n_events)])
        places = np.repeat(first - starts[:-1], n_events) + np.arange(starts[-1])
        taken = log.items[places], log.weights[places]
        return cls(users.astype(np.int32), *taken, starts, log.n_items)

    def filled_from(self, other: "Histories") -> "Histories":
        """Give users without events those that they have in another list.

        Parameters
        ----------
        other : Histories
            Of the same users, with no events for those who have some here.

        Returns
        -------
        Histories
            The events of both.
        """
        n_users = len(self)
        rows = [np.repeat(np.arange(n_users), one.lengths) for one in (self, other)]
        order = np.argsort(np.concatenate(rows), kind="stable")
        items = np.concatenate([self.items, other.items])[order]
        weights = np.concatenate([self.weights, other.weights])[order]
        starts = self.starts + other.starts
        return Histories(self.users, items, weights, starts, self.n_items, self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Number of events of each user."""
        return np.diff(self.starts)

    def select(self, rows: slice) -> "Histories":
        """Return some of the users.

        Parameters
        ----------
        rows : slice
            Positions, without a step.

        Returns
        -------
        Histories
            Theirs.
        """
        first, last = rows.indices(len(self))[:2]
        starts = self.starts[first : last + 1]
        events = slice(starts[0], starts[-1])
        taken = self.items[events], self.weights[events], starts - starts[0]
        return Histories(self.users[first:last], *taken, self.n_items)

    @property
    def matrix(self) -> sparse.csr_matrix:
        """Users by items: the largest weight of a user's events with an item."""
        rows = np.repeat(np.arange(len(self)), self.lengths)
        return largest_weights(rows, self.items, self.weights, len(self), self.n_items)

    def last(self, n: int) -> np.ndarray:
        """Return the last items of each user.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        ndarray of int32 of shape (n_users, n)
            Codes, the last event last; `PADDING` in front of fewer.
        """
        places = self.starts[1:, None] - np.arange(n, 0, -1)
        missing = places < self.starts[:-1, None]
        if not len(self.items):
            return np.full(missing.shape, PADDING, dtype=np.int32)
        found = self.items[np.where(missing, 0, places)]
        return np.where(missing, PADDING, found).astype(np.int32)


def largest_weights(
    rows: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
    n_rows: int,
    n_columns: int,
) -> sparse.csr_matrix:
    """Make a matrix of events, in which what was done twice counts once.

    Parameters
    ----------
    rows, columns : ndarray of int of shape (n_events,)
        Where each event stands.
    weights : ndarray of shape (n_events,)
        How much each counts.
    n_rows, n_columns : int
        Shape.

    Returns
    -------
    csr_matrix of shape (n_rows, n_columns)
        The largest weight at each place.
    """
    order = np.lexsort((weights, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    last = np.ones(len(rows), dtype=bool)
    last[:-1] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    place = rows[last], columns[last]
    return sparse.csr_matrix((weights[last], place), shape=(n_rows, n_columns))
