"""What a ranker trains on: held-out events, and proposed or drawn items beside them."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from skrec.preprocessing import sample_negatives
from skrec.preprocessing._interactions import Log, codes, id_factor
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import unseen_ranks, values_at
from skrec.recommenders.base import BaseRecommender


class Pairs(NamedTuple):
    """Users and items, and what a retriever says of them.

    Parameters
    ----------
    users, items : ndarray of shape (n_pairs,)
        Ids.
    scores : ndarray of float64 of shape (n_pairs,)
        Scores by the retriever.
    ranks : ndarray of int of shape (n_pairs,)
        Ranks by the retriever among all items that the user has not seen.
    """

    users: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray

    def select(self, which: np.ndarray) -> "Pairs":
        """Return some of them.

        Parameters
        ----------
        which : ndarray of bool or int
            Which ones.

        Returns
        -------
        Pairs
            Those.
        """
        return Pairs(*(values[which] for values in self))


def new_pairs(before: Log, last: Log) -> pd.DataFrame:
    """Return the held-out events with what users had not had before.

    Parameters
    ----------
    before, last : Log
        Events, of the same codes.

    Returns
    -------
    DataFrame of shape (n_pairs, 2)
        Codes of users and items, each pair once.
    """
    pairs = pd.DataFrame({"user": last.users, "item": last.items}).drop_duplicates()
    had = pd.MultiIndex.from_arrays([before.users, before.items])
    return pairs[~pd.MultiIndex.from_frame(pairs).isin(had)]


def proposed_examples(
    retriever: BaseRecommender,
    users: np.ndarray,
    items: np.ndarray,
    n_candidates: int,
    n_negatives: int,
    rng: np.random.RandomState,
) -> tuple[Pairs, np.ndarray]:
    """Label what a retriever proposes: what was taken, and some of the rest.

    Parameters
    ----------
    retriever : BaseRecommender
        Fitted on what came before.
    users, items : ndarray of shape (n_events,)
        Ids of what came then.
    n_candidates : int
        Number of proposals.
    n_negatives : int
        Number of others for each that was taken.
    rng : RandomState
        Draws them.

    Returns
    -------
    pairs : Pairs
        Proposals.
    y : ndarray of int
        1 for what was taken.
    """
    ids, histories = retriever._asked(pd.unique(users), None)
    allowed = retriever._candidates(None)
    scorer = retriever._ranking_scorer(histories, allowed, True)
    found, n_found = retriever._best(scorer, len(ids), allowed, n_candidates)
    owner, ranks = np.repeat(ids, n_found), found["rank"]
    pairs = Pairs(owner, np.asarray(found["item"]), found["score"], ranks)
    taken = pd.MultiIndex.from_arrays(pairs[:2]).isin(
        pd.MultiIndex.from_arrays([users, items])
    )
    n_wanted = n_negatives * pd.Series(taken).groupby(owner).transform("sum")
    drawn = pd.Series(np.where(taken, -1.0, rng.random_sample(len(taken))))
    place = drawn.groupby([owner, taken]).rank(method="first")
    kept = taken | (place <= n_wanted).to_numpy()
    return pairs.select(kept), taken[kept].astype(np.int64)


def drawn_examples(
    retriever: BaseRecommender,
    users: np.ndarray,
    items: np.ndarray,
    known: pd.DataFrame,
    n_negatives: int,
    rng: np.random.RandomState,
) -> tuple[Pairs, np.ndarray]:
    """Draw items from the catalogue beside what was taken.

    Parameters
    ----------
    retriever : BaseRecommender
        Fitted on what came before.
    users, items : ndarray of shape (n_events,)
        Ids of what came then.
    known : DataFrame of shape (n_events, 2)
        Ids of what came before.
    n_negatives : int
        Number of drawn items for each that was taken.
    rng : RandomState
        Draws them.

    Returns
    -------
    pairs : Pairs
        Pairs of items that the retriever knows.
    y : ndarray of int
        1 for what was taken.
    """
    held_out = pd.DataFrame({"user": users, "item": items})
    table, y = sample_negatives(held_out, n=n_negatives, known=known, random_state=rng)
    own = codes(retriever._interactions.items, id_factor(table["item"], "item"))
    table, y, own = table[own >= 0], y[own >= 0], own[own >= 0]
    ids, histories = retriever._asked(pd.unique(table["user"]), None)
    place = pd.Index(ids).get_indexer(table["user"])
    values = retrieved_at(retriever, histories, place, own)
    pairs = table["user"].to_numpy(), table["item"].to_numpy()
    return Pairs(*pairs, values[:, 0], values[:, 1].astype(np.int64)), y


def retrieved_at(
    retriever: BaseRecommender,
    histories: Histories,
    users: np.ndarray,
    items: np.ndarray,
) -> np.ndarray:
    """Look up what a retriever says of pairs.

    Parameters
    ----------
    retriever : BaseRecommender
        The retriever.
    histories : Histories
        Users.
    users : ndarray of int of shape (n_pairs,)
        Positions among these.
    items : ndarray of int of shape (n_pairs,)
        Codes of items.

    Returns
    -------
    ndarray of float64 of shape (n_pairs, 3)
        Score, rank among what the user has not seen, and the score below that of the
        best of these.
    """
    scorer, seen = retriever._known_scorer(histories), histories.matrix

    def values(rows: slice) -> np.ndarray:
        scores = scorer(rows).astype(np.float64)
        unseen = scores.copy()
        unseen[seen[rows].nonzero()] = -np.inf
        ranks = unseen_ranks(scores, seen[rows])
        return np.stack([scores, ranks, below_best(scores, unseen)], axis=2)

    return values_at(values, len(histories), histories.n_items, users, items)


def below_best(scores: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Shift the scores of each row so that the best is -1: below all probabilities.

    Parameters
    ----------
    scores : ndarray of float64 of shape (n_rows, n_items)
        Scores, which may be -inf.
    of : ndarray of shape (n_rows, n_items)
        Those of which the best is taken.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_items)
        Scores in the same order.
    """
    best = of.max(axis=1, keepdims=True)
    return scores - np.where(np.isfinite(best), best, 0) - 1
