"""How far up the last event of each user stands, after each epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer, hide, in_blocks

K = 10


@dataclass
class RankOfLast:
    """Scores of held-out events, for a training loop.

    Parameters
    ----------
    targets : ndarray of int of shape (n_users,)
        The item of each user's last event.
    seen : csr_matrix of shape (n_users, n_items)
        What users had before.
    counts : ndarray of bool of shape (n_users,)
        Whose rank counts: that of an item which is new to its user, as all that is
        recommended by default. What was trained on would be found by heart.
    how_scored : callable
        From outputs and weights of the network to what scores all items.
    """

    targets: np.ndarray
    seen: sparse.csr_matrix
    counts: np.ndarray
    how_scored: Callable[[Any, list[np.ndarray]], Scorer]

    @classmethod
    def of(
        cls,
        histories: Histories,
        targets: np.ndarray,
        weights: np.ndarray,
        how_scored: Any,
    ) -> "RankOfLast":
        """Prepare to rank.

        Parameters
        ----------
        histories : Histories
            What users did before.
        targets : ndarray of int of shape (n_users,)
            What they did then.
        weights : ndarray of shape (n_users,)
            Weights of these events; those of 0 do not count.
        how_scored : callable
            From outputs and weights of the network to what scores all items.

        Returns
        -------
        RankOfLast
            Function of outputs, targets, weights and of what reads the network's
            weights.
        """
        seen, users = histories.matrix, np.arange(len(targets))
        is_new = ~np.asarray(seen[users, targets], dtype=bool).ravel()
        return cls(targets.astype(np.int64), seen, is_new & (weights > 0), how_scored)

    def __call__(
        self, outputs: np.ndarray, y: Any, weight: Any, read_weights: Any
    ) -> dict[str, float]:
        """Compute NDCG@10 of one relevant item a user.

        Parameters
        ----------
        outputs : ndarray of shape (n_users, ...)
            Outputs of the network.
        y, weight : ndarray
            Not used: targets are known, and count alike.
        read_weights : callable
            Returns the network's weights.

        Returns
        -------
        dict of str to float
            ``ndcg@10``.
        """
        ranks = self.ranks(self.how_scored(outputs, read_weights()))
        gains = np.where(ranks <= K, 1 / np.log2(ranks + 1), 0)
        return {f"ndcg@{K}": float(gains[self.counts].mean())}

    def ranks(self, scorer: Scorer) -> np.ndarray:
        """Rank each target among the items that its user has not seen.

        Parameters
        ----------
        scorer : callable
            What scores all items.

        Returns
        -------
        ndarray of int of shape (n_users,)
            From 1 on; of items of one score, the one of the smaller code is first.
        """
        found = np.empty(len(self.targets), dtype=np.int64)
        n_users, n_items = self.seen.shape

        def fill(rows: slice) -> None:
            scores, own = scorer(rows), self.targets[rows, None]
            score = np.take_along_axis(scores, own, axis=1)
            hide(scores, self.seen, rows)
            better = np.count_nonzero(scores > score, axis=1)
            equal = (scores == score) & (np.arange(n_items) < own)
            found[rows] = 1 + better + np.count_nonzero(equal, axis=1)

        in_blocks(fill, n_users)
        return found
