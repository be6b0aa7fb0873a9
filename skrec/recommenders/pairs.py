"""Recommenders that learn from pairs of a user and an item, each event by itself."""

import numpy as np

from skrec.estimators._declared import COUNT, param, with_parameters
from skrec.preprocessing._interactions import Log
from skrec.preprocessing._unseen import Unseen
from skrec.recommenders._drawn import DrawnNegatives
from skrec.recommenders._histories import Histories
from skrec.recommenders.network import NetworkRecommender
from skrec.training._seeds import HELD_OUT_NEGATIVES, derive
from skrec.training.rows import Rows


@with_parameters
class PairRecommender(NetworkRecommender):
    """Base of the recommenders on pairs; one adds `_network` and how it scores."""

    _reads_some_items = True

    def _training_rows(self, log: Log) -> Rows:
        return self._event_rows(log, np.flatnonzero(log.weights > 0))

    def _last_rows(self, log: Log, last: np.ndarray) -> Rows:
        return self._event_rows(log, last)

    def _event_rows(self, log: Log, which: np.ndarray) -> Rows:
        """Make a row of each of some events."""
        users, items = log.users[which], log.items[which]
        x = {"user": users[:, None], "item": items[:, None]}
        weights = log.weights[which]
        n_rows = len(which)
        mean = weights.mean() or 1  # of events that are held out, 0 if all are
        return Rows(x, np.zeros((n_rows, 1), np.float32), weights / mean)

    def _is_known(self, histories: Histories) -> np.ndarray:
        return histories.users >= 0


@with_parameters
class DrawingRecommender(PairRecommender):
    """Base of those that compare an item of a user with others that are drawn."""

    n_negatives: int = param(
        default=1,
        legal=[COUNT],
        doc="""int
            Items that are drawn for each event, anew in each epoch and evenly, among
            those that the user had in no event that is trained on.""",
    )

    def _training_rows(self, log: Log) -> Rows:
        rows = super()._training_rows(log)
        return self._with_negatives(rows, log, self._seed)

    def _last_rows(self, log: Log, last: np.ndarray) -> Rows:
        rows = super()._last_rows(log, last)
        seed = derive(self._seed, HELD_OUT_NEGATIVES)
        return self._with_negatives(rows, log, seed).in_epoch(0)

    def _with_negatives(self, rows: Rows, log: Log, seed: int) -> Rows:
        """Let rows have items beside them that their users have not had in a log.

        Those who have had everything teach nothing.
        """
        unseen, users = Unseen.of(log.users, log.items, log.n_items), rows.x["user"]
        full = unseen.has_all(log.n_users)[users[:, 0]]
        n = int(self.n_negatives)
        rows.renew = DrawnNegatives(unseen, users[:, 0], full, n, seed)
        rows.weight = np.where(full, 0, rows.weight)
        return rows
