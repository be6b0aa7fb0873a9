"""Recommenders of what comes next, after the sequence of what a user had."""

from functools import partial
from typing import Any

import keras
import numpy as np

from skrec._sklearn import StrOptions
from skrec.estimators._declared import COUNT, param, with_parameters
from skrec.networks._items import LOSSES, NOT_SAMPLED
from skrec.preprocessing._interactions import Log
from skrec.recommenders._histories import PADDING, Histories
from skrec.recommenders._ranking import Scorer, product_scorer
from skrec.recommenders.network import HowScored, NetworkRecommender, weight_places
from skrec.training.rows import Rows

ops = keras.ops


@with_parameters
class SequenceRecommender(NetworkRecommender):
    """Base of the recommenders that read sequences; one adds `_network`."""

    max_len: int = param(
        default=50,
        legal=[COUNT],
        doc="""int
            Items of a sequence that are read: the latest. Of longer ones, each stretch
            of that length is a training row.""",
    )
    loss: str = param(
        default="softmax",
        legal=[StrOptions(set(LOSSES))],
        doc="""{"softmax", "sampled_softmax", "bce", "gbce", "bpr_max"}
            Cross-entropy over all items; over `n_negatives` that each step draws, for
            catalogues of a million; binary cross-entropy with as many drawn for each
            target, of which the papers take 1, or calibrated for few; or pairwise.""",
    )
    n_negatives: int = param(
        default=256,
        legal=[COUNT],
        doc="""int
            Items that are drawn; not for ``loss="softmax"``.""",
    )

    _has_many_targets = True  # one at each step of a row, or one after its last

    @property
    def _reads_some_items(self) -> bool:
        return self.loss not in NOT_SAMPLED

    # ---- rows ----------------------------------------------------------------------

    def _sizes_for(self, log: Log, reset: bool) -> None:
        super()._sizes_for(log, reset)
        if reset:  # and no step more, for which nothing would have been learnt
            longest = int(np.diff(log.starts).max()) - 1
            self._length = max(1, min(self.max_len, longest))

    def _training_rows(self, log: Log) -> Rows:
        starts = log.starts
        place = np.arange(len(log)) - np.repeat(starts[:-1], np.diff(starts))
        is_target = (log.weights > 0) & (place > 0)
        if not is_target.any():  # nobody has two events: what do users begin with?
            is_target = log.weights > 0
        targets = np.flatnonzero(is_target)
        if not self._has_many_targets:
            return self._rows(log, targets[:, None], targets)
        # From the end of each sequence backwards, stretch by stretch.
        last = starts[1:][log.users[targets]] - 1
        stretch, step = np.divmod(last - targets, self._length)
        ends, row = np.unique(last - stretch * self._length, return_inverse=True)
        slots = np.full((len(ends), self._length), PADDING, dtype=np.int64)
        slots[row, self._length - 1 - step] = targets
        return self._rows(log, slots, ends)

    def _last_rows(self, log: Log, last: np.ndarray) -> Rows:
        width = self._length if self._has_many_targets else 1
        slots = np.full((len(last), width), PADDING, dtype=np.int64)
        slots[:, -1] = last
        return self._rows(log, slots, last)

    def _rows(self, log: Log, targets: np.ndarray, ends: np.ndarray) -> Rows:
        """Make rows of events: the targets, and before each step what came before.

        Parameters
        ----------
        log : Log
            Events.
        targets : ndarray of int of shape (n_rows, n_targets)
            Positions of events of one user that follow each other; -1 for none.
        ends : ndarray of int of shape (n_rows,)
            Position of the event in the last slot, be it a target or not.
        """
        before = ends[:, None] - np.arange(self._length, 0, -1)
        missing = before < log.starts[log.users[ends]][:, None]
        history = np.where(missing, PADDING, log.items[np.maximum(before, 0)])
        none = targets < 0
        weights = np.where(none, 0, log.weights[targets])
        mean = weights.sum() / max(1, np.count_nonzero(~none))
        x = {
            "history": history.astype(np.int32),
            "target": np.where(none, PADDING, log.items[targets]).astype(np.int32),
            "weight": (weights / (mean or 1)).astype(np.float32),
        }
        n_rows = len(targets)
        return Rows(x, np.zeros((n_rows, 1), np.float32), np.ones(n_rows))

    def _asked_rows(self, histories: Histories) -> Any:
        nothing = np.full((len(histories), 1), PADDING, dtype=np.int32)
        return {
            "history": histories.last(self._length),
            "target": nothing,
            "weight": np.zeros(nothing.shape, np.float32),
        }

    @property
    def model_(self) -> keras.Model:
        """A private Keras model from the codes of a history to a vector.

        It takes the last items of a user, as positions in ``items_``, with -1 in front
        of fewer, and returns what the rows of ``item_embeddings_`` are compared with.
        It is built when first asked for. From then on its weights are those of the
        recommender: training it further changes what is recommended.
        """
        return super().model_

    def _deployable(self, core: keras.Model) -> keras.Model:
        history = keras.Input((self._length,), dtype="int32", name="history")
        nothing = ops.full_like(history[:, :1], PADDING)
        weight = ops.cast(ops.zeros_like(nothing), self._float)
        read = {"history": history, "target": nothing, "weight": weight}
        return keras.Model(history, core(read)[:, 1:])

    # ---- scores --------------------------------------------------------------------

    def _how_scored(self, histories: Histories) -> HowScored:
        places = weight_places(self._network(0))
        table = places["items/embeddings"], places.get("items/item_bias")
        return partial(_scored, *table, self._log.n_items)

    def _table_options(self) -> dict[str, Any]:
        """Return what a network is told of the table of items and its loss."""
        return {
            "n_rows": self._n_rows,
            "length": self._length,
            "loss": self.loss,
            "n_negatives": int(self.n_negatives) if self.loss != "softmax" else 0,
            "dtype": self.precision,
        }


def _scored(
    table: int, bias: int | None, n_items: int, outputs: Any, weights: Any
) -> Scorer:
    """Score by products of the last state and the vectors of items."""
    own = None if bias is None else weights[bias][:n_items]
    return product_scorer(outputs[:, 1:], weights[table][:n_items], own)
