"""Items that users have not had, drawn at random."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# After so many draws, what is left is of users who have nearly everything.
N_DRAWS = 20


@dataclass
class Unseen:
    """What users have had, to draw what they have not.

    Parameters
    ----------
    had : ndarray of int64
        ``user * n_items + item`` of all that users have had, sorted, each once.
    n_items : int
        Number of items.
    logs : ndarray of shape (n_items,), or None
        Logarithms of how often each item is drawn beside others; None for evenly.
    """

    had: np.ndarray
    n_items: int
    logs: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        user: np.ndarray,
        item: np.ndarray,
        n_items: int,
        popularity: float = 0.0,
    ) -> "Unseen":
        """Take note of events.

        Parameters
        ----------
        user, item : ndarray of int of shape (n_events,)
            Codes.
        n_items : int
            Number of items.
        popularity : float, default=0.0
            Items are drawn in proportion to this power of their number of events, of
            which each must then have one; 0 is evenly.

        Returns
        -------
        Unseen
            What draws.
        """
        had = np.unique(user.astype(np.int64) * n_items + item)
        logs = None
        if popularity:
            logs = popularity * np.log(np.bincount(item, minlength=n_items))
        return cls(had, int(n_items), logs)

    def has_all(self, n_users: int) -> np.ndarray:
        """Tell which users have had every item.

        Parameters
        ----------
        n_users : int
            Number of users.

        Returns
        -------
        ndarray of bool of shape (n_users,)
            True for those for whom nothing can be drawn.
        """
        counts = np.bincount(self.had // self.n_items, minlength=n_users)
        return counts == self.n_items

    def draw(self, users: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        """Draw an item for each user, none that the user has had.

        What a user has had is drawn again; for users who have nearly everything, the
        draw is from the few items that are left.

        Parameters
        ----------
        users : ndarray of int of shape (n_draws,)
            Users, none of whom has all items.
        random : RandomState
            What draws.

        Returns
        -------
        ndarray of int64 of shape (n_draws,)
            Items.
        """
        cumulated = None if self.logs is None else np.cumsum(_shares(self.logs))
        drawn = np.empty(len(users), dtype=np.int64)
        missing = np.arange(len(users))
        for _ in range(N_DRAWS):
            at = random.random_sample(len(missing))
            if cumulated is None:
                new = (at * self.n_items).astype(np.int64)
            else:
                new = np.searchsorted(cumulated, at * cumulated[-1], side="right")
            drawn[missing] = new = np.minimum(new, self.n_items - 1)
            keys = users[missing].astype(np.int64) * self.n_items + new
            place = np.minimum(np.searchsorted(self.had, keys), len(self.had) - 1)
            missing = missing[self.had[place] == keys]
        for one, places in pd.Series(missing).groupby(users[missing]):
            drawn[places] = self._from_the_rest(int(one), len(places), random)
        return drawn

    def _from_the_rest(
        self, user: int, n: int, random: np.random.RandomState
    ) -> np.ndarray:
        """Draw from the items that a user has not had, which are listed."""
        first = user * self.n_items
        bounds = np.searchsorted(self.had, [first, first + self.n_items])
        left = np.setdiff1d(np.arange(self.n_items), self.had[slice(*bounds)] - first)
        shares = np.ones(len(left)) if self.logs is None else _shares(self.logs[left])
        return random.choice(left, n, p=shares / shares.sum())


def _shares(logs: np.ndarray) -> np.ndarray:
    """Return numbers in proportion to what the logarithms are of."""
    return np.exp(logs - logs.max())
