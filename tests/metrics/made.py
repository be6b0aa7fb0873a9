"""A recommender with fixed scores, and random lists, for the tests of metrics."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator


class FixedRecommender(BaseEstimator):
    """Score items by how often they were bought, times a parameter."""

    def __init__(self, strength=1.0):
        self.strength = strength

    def fit(self, X, y=None):
        X = pd.DataFrame(X)
        self.user_col_, self.item_col_ = X.columns[:2]
        users, items = self._pairs(X)
        self.users_ = np.unique(users)
        self.items_, self._item_counts_ = np.unique(items, return_counts=True)
        angles = np.arange(len(self.items_))
        self.item_embeddings_ = np.column_stack([np.cos(angles), np.sin(angles)])
        self.seen_ = pd.Series(items).groupby(users).agg(set).to_dict()
        self.asked_ = []  # what n each call of `recommend` asked for
        return self

    def _pairs(self, X):
        return tuple(X[name].to_numpy() for name in (self.user_col_, self.item_col_))

    def recommend(self, users, n=10, *, exclude_seen=True):
        self.asked_.append(n)
        order = np.lexsort((self.items_, -self.strength * self._item_counts_))
        rows = []
        for user in users:
            seen = self.seen_.get(user, ()) if exclude_seen else ()
            left = [place for place in order if self.items_[place] not in seen][:n]
            for rank, place in enumerate(left, 1):
                score = self.strength * self._item_counts_[place]
                rows.append((user, self.items_[place], score, rank))
        columns = [self.user_col_, self.item_col_, "score", "rank"]
        return pd.DataFrame(rows, columns=columns)


def make_lists(seed, n_users=12, n_items=15):
    """Return recommended, with ties in score, and relevant; some users lack either.

    Where scores tie, the ranks are those of trec_eval: the higher id is first.
    """
    rng = np.random.default_rng(seed)
    lists, wanted = [], []
    for user in range(n_users):
        n_listed = 0 if user % 5 == 1 else int(rng.integers(0, n_items))
        listed = rng.permutation(n_items)[:n_listed]
        scores = rng.integers(0, 4, size=n_listed).astype(float)
        order = sorted(range(n_listed), key=lambda i: (-scores[i], -listed[i]))
        for rank, place in enumerate(order, 1):
            lists.append((f"u{user}", listed[place], scores[place], rank))
        if user % 4 != 3:
            chosen = rng.integers(0, n_items, size=int(rng.integers(1, 9)))
            wanted += [(f"u{user}", item) for item in chosen]
    recommended = pd.DataFrame(lists, columns=["user", "item", "score", "rank"])
    relevant = pd.DataFrame(wanted, columns=["user", "item"])
    return tuple(
        frame.assign(item=frame["item"].map("i{:02d}".format))
        .sample(frac=1, random_state=seed)
        .reset_index(drop=True)
        for frame in (recommended, relevant)
    )
