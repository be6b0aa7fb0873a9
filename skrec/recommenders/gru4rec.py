"""GRU4Rec: a recurrent network over what a user had."""

from typing import Any

from skrec._docs import with_fitted_docs
from skrec._sklearn import StrOptions
from skrec.estimators._declared import COUNT, SIZES, param, with_parameters
from skrec.networks import Network, as_sizes, build_gru4rec
from skrec.recommenders.sequences import SequenceRecommender


@with_fitted_docs
@with_parameters
class GRU4RecRecommender(SequenceRecommender):
    """A recurrent network over what a user had, to recommend what comes next.

    The state after each item is compared with the vectors of all items, or of some
    [1]_.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, embedding_dim)
        Vectors of the items.
    %(log_trained)s

    Notes
    -----
    The states are compared with the vectors that are read: one table does both, as in
    the authors' later version [2]_, whose loss is ``"bpr_max"``.

    References
    ----------
    .. [1] B. Hidasi, A. Karatzoglou, L. Baltrunas and D. Tikk, "Session-based
       recommendations with recurrent neural networks", ICLR 2016.
    .. [2] B. Hidasi and A. Karatzoglou, "Recurrent neural networks with top-k gains for
       session-based recommendations", CIKM 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import GRU4RecRecommender
    >>> events = pd.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": list("abcabc")})
    >>> model = GRU4RecRecommender(units=8, epochs=2, random_state=0).fit(events)
    >>> model.recommend([1, 2], n=1, exclude_seen=False).shape
    (2, 4)
    """

    cell: str = param(
        default="gru",
        legal=[StrOptions({"gru", "lstm"})],
        doc="""{"gru", "lstm"}
            Kind of recurrent layer.""",
    )
    units: Any = param(
        default=64,
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the recurrent layers, as 64, ``"64-64"`` or ``(64, 64)``.""",
    )
    embedding_dim: int = param(
        default=64,
        legal=[COUNT],
        doc="""int
            Length of the vectors of items.""",
    )
    dropout: float = param(
        default=0.5,
        doc="""float
            Fraction of the vectors, and of the states, dropped in training, in
            [0, 1).""",
    )
    # By validation on Beauty and LastFM: fewer epochs than with 0.001, and no worse.
    learning_rate: float = 0.003

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_gru4rec,
            **self._table_options(),
            cell=self.cell,
            units=as_sizes(self.units, "units"),
            embedding_dim=int(self.embedding_dim),
        )
