"""SASRec: self-attention over what a user had; BSARec: with a filter beside it."""

from numbers import Real
from typing import Any

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval
from skrec.estimators._declared import COUNT, param, with_parameters
from skrec.networks import Network, build_sasrec
from skrec.recommenders.sequences import SequenceRecommender


@with_parameters
class _SelfAttentive(SequenceRecommender):
    """Self-attention, alone or beside a filter."""

    units: int = param(
        default=64,
        legal=[COUNT],
        doc="""int
            Length of the vectors of items, and width of the blocks.""",
    )
    num_blocks: int = param(
        default=2,
        legal=[COUNT],
        doc="""int
            Blocks of attention and two dense layers.""",
    )
    num_heads: int = param(
        default=1,
        legal=[COUNT],
        doc="""int
            Heads of attention in each block; `units` is a multiple of it.""",
    )
    dropout: float = param(
        default=0.5,
        doc="""float
            Fraction dropped in training, of vectors, attention and dense layers, in
            [0, 1).""",
    )

    def _options(self) -> dict[str, Any]:
        if self.units % self.num_heads:
            raise ValueError(
                "units must be a multiple of num_heads. Received: "
                f"units={self.units}, num_heads={self.num_heads}."
            )
        return {
            **self._table_options(),
            "units": int(self.units),
            "num_blocks": int(self.num_blocks),
            "num_heads": int(self.num_heads),
        }

    def _network(self, n_outputs: int) -> Network:
        return Network.of(build_sasrec, **self._options())


@with_fitted_docs
@with_parameters
class SASRecRecommender(_SelfAttentive):
    """Self-attention over what a user had, to recommend what comes next.

    Each step of a sequence looks back at those before it and predicts the next item;
    all steps are trained at once [1]_, by default on the cross-entropy over all items,
    which makes more of a difference than any change of the network [2]_.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, units)
        Vectors of the items.
    %(log_trained)s

    References
    ----------
    .. [1] W.-C. Kang and J. McAuley, "Self-attentive sequential recommendation", ICDM
       2018.
    .. [2] A. Klenitskiy and A. Vasilev, "Turning dross into gold loss: is BERT4Rec
       really better than SASRec?", RecSys 2023.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import SASRecRecommender
    >>> events = pd.DataFrame({"user": [u for u in range(9) for _ in range(5)]})
    >>> events["item"] = [(u + k) % 9 for u in range(9) for k in range(5)]
    >>> model = SASRecRecommender(
    ...     units=16, dropout=0.1, epochs=40, learning_rate=0.01, random_state=0
    ... ).fit(events)
    >>> model.recommend([0], n=1)["item"].tolist()
    [5]
    """


@with_fitted_docs
@with_parameters
class BSARecRecommender(_SelfAttentive):
    """SASRec with a filter of slow and fast waves beside attention.

    Attention alone smooths sequences. Here a share of each block keeps what changes
    slowly and scales what changes fast [1]_.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, units)
        Vectors of the items.
    %(log_trained)s

    Notes
    -----
    The filter reads a whole sequence at once, so that its steps cannot be trained
    together as those of SASRec are: each event is the one target of a row of its own,
    after what came before it, and an epoch takes several times as long.

    References
    ----------
    .. [1] Y. Shin, J. Choi, H. Wi and N. Park, "An attentive inductive bias for
       sequential recommendation beyond the self-attention", AAAI 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import BSARecRecommender
    >>> events = pd.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": list("abcabc")})
    >>> model = BSARecRecommender(units=8, epochs=2, random_state=0).fit(events)
    >>> model.recommend([1, 2], n=1, exclude_seen=False).shape
    (2, 4)
    """

    alpha: float = param(
        default=0.7,
        legal=[Interval(Real, 0, 1, closed="neither")],
        doc="""float
            Share of the filter in each block, in (0, 1).""",
    )
    cutoff: int = param(
        default=5,
        legal=[COUNT],
        doc="""int
            Number of low frequencies, that of the mean among them, that pass as they
            are.""",
    )

    _has_many_targets = False

    def _options(self) -> dict[str, Any]:
        return {
            **super()._options(),
            "alpha": float(self.alpha),
            "cutoff": int(self.cutoff),
        }
