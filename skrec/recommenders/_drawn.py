"""Items that a network compares those of a user with, drawn anew for each epoch."""

from dataclasses import dataclass

import numpy as np

from skrec.preprocessing._unseen import Unseen
from skrec.training._seeds import NEGATIVES, derive


@dataclass
class DrawnNegatives:
    """Draws items that users have not had, the same for one epoch in every process.

    Parameters
    ----------
    unseen : Unseen
        What users have had.
    users : ndarray of int of shape (n_rows,)
        The user of each row.
    full : ndarray of bool of shape (n_rows,)
        Rows of users who have had everything, for whom item 0 stands.
    n : int
        How many for each row.
    seed : int
        Seed of the fit.
    """

    unseen: Unseen
    users: np.ndarray
    full: np.ndarray
    n: int
    seed: int

    def __call__(self, epoch: int) -> dict[str, np.ndarray]:
        """Draw for one epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.

        Returns
        -------
        dict of str to ndarray
            ``negative``, of shape (n_rows, n).
        """
        random = np.random.RandomState(derive(self.seed, NEGATIVES, epoch))
        drawn = np.zeros((len(self.users), self.n), dtype=np.int32)
        users = np.repeat(self.users[~self.full], self.n)
        drawn[~self.full] = self.unseen.draw(users, random).reshape(-1, self.n)
        return {"negative": drawn}
