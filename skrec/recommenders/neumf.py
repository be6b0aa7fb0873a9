"""NeuMF: the vectors of a user and an item, multiplied and through a tower."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from skrec._docs import with_fitted_docs
from skrec.estimators._declared import COUNT, SIZES, param, with_parameters
from skrec.networks import Network, as_sizes, build_ncf
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer, padded, product
from skrec.recommenders.network import HowScored, weight_places
from skrec.recommenders.pairs import DrawingRecommender

# Bytes of what the first layer makes of some users and items at a time.
TOWER_BYTES = 2**22


@with_fitted_docs
@with_parameters
class NeuMFRecommender(DrawingRecommender):
    """The vectors of a user and an item, multiplied and through a tower.

    Each event is a 1, and `n_negatives` items that its user has not had are 0 [1]_.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, num_factors + units[0] // 2)
        Vectors of the items: those that are multiplied, then those of the tower.
    %(log_trained)s

    Notes
    -----
    Only users of `fit` have vectors: to others, with or without a `history`, `unknown`
    applies. A score takes a pass through the tower, some hundred times as long as a
    product: where users times items are more than 33 million, the best epoch is told
    by the ranks of fewer users, evenly taken from those with an event held out.

    References
    ----------
    .. [1] X. He, L. Liao, H. Zhang, L. Nie, X. Hu and T.-S. Chua, "Neural
       collaborative filtering", WWW 2017.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import NeuMFRecommender
    >>> events = pd.DataFrame(
    ...     [(u, i) for u in range(20) for i in range(u % 2, 20, 2) if u != i],
    ...     columns=["user", "item"],
    ... )
    >>> model = NeuMFRecommender(
    ...     epochs=60, learning_rate=0.01, early_stopping=False, random_state=0
    ... ).fit(events)
    >>> model.recommend([0, 3], n=1)["item"].tolist()
    [0, 3]
    """

    num_factors: int = param(
        default=8,
        legal=[COUNT],
        doc="""int
            Length of the vectors that are multiplied.""",
    )
    units: Any = param(
        default="64-32-16-8",
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the tower's layers, as 64, ``"64-32"`` or ``(64, 32)``. The two
            vectors that enter it have half the first width each.""",
    )
    n_negatives: int = 4

    _what_helps: ClassVar[str] = ""
    # Some seconds after an epoch, where all pairs would take many times as long as it.
    _most_ranked: ClassVar[int | None] = 2**25

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_ncf,
            n_rows=self._n_rows,
            n_user_rows=self._n_user_rows,
            num_factors=int(self.num_factors),
            units=as_sizes(self.units, "units"),
            n_negatives=int(self.n_negatives),
            dtype=self.precision,
        )

    def _rates(self) -> dict[str, float]:
        rates = super()._rates()
        return {name: rates[name] for name in ("dropout", "l1", "l2")}

    def _how_scored(self, histories: Histories) -> HowScored:
        places = weight_places(self._network(0))
        tables = places["users/embeddings"], places["items/embeddings"]
        layers = [place for place in places.values() if place not in tables]
        about = tables, layers, int(self.num_factors)
        return partial(_scored, *about, histories.users, self._log.n_items)


def _scored(
    tables: tuple[int, int],
    layers: list[int],
    num_factors: int,
    codes: np.ndarray,
    n_items: int,
    outputs: Any,
    weights: Any,
) -> Scorer:
    """Score by the network's arithmetic, for some users and some items at a time.

    What the first layer makes of a user and an item is the sum of what it makes of
    each, which is computed once.
    """
    users, items = weights[tables[0]], weights[tables[1]][:n_items]
    parts = [weights[place] for place in layers]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    (kernel, bias), *hidden, (last, last_bias) = pairs
    dim = users.shape[1] - num_factors
    of_items = items[:, num_factors:] @ kernel[dim:]
    factors = (items[:, :num_factors] * last[:num_factors, 0]).T

    def scores(rows: slice) -> np.ndarray:
        own = users[np.maximum(codes[rows], 0)]
        some = padded(own)
        of_users = product(some[:, num_factors:], kernel[:dim]) + bias
        found = product(some[:, :num_factors], factors) + last_bias
        size = max(1, TOWER_BYTES // of_users.nbytes)
        with tf.device("/CPU:0"):
            for start in range(0, n_items, size):
                these = slice(start, start + size)
                said = _through(of_users, of_items[these], hidden, last[num_factors:])
                found[:, these] += said.numpy()
        return found[: len(own)]

    return scores


# A graph, in which TensorFlow makes a layer of the tower in one go.
@tf.function(autograph=False, reduce_retracing=True)
def _through(of_users: Any, of_items: Any, hidden: Any, last: Any) -> Any:
    """Return what a tower says of each user and each item."""
    x = tf.nn.relu(of_users[:, None] + of_items)
    x = tf.reshape(x, [-1, tf.shape(of_users)[1]])  # the width, which others differ in
    for kernel, bias in hidden:
        x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, kernel), bias))
    return tf.reshape(tf.matmul(x, last), [tf.shape(of_users)[0], -1])
