"""What rank_speed.py times of skrec: ranking for all users, and an epoch of SASRec."""

import time
from typing import Any

import numpy as np
import pandas as pd
from _speed.readings import peak_mb, reset_peak, resident_mb

from _topn.peer_scores import RankSizes, draw_events, draw_factors
from skrec.preprocessing._interactions import Log
from skrec.recommenders import SASRecRecommender
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Scorer, product_scorer
from skrec.recommenders.base import ClosedFormRecommender


class Factors(ClosedFormRecommender):
    """A recommender whose vectors are drawn; its ranking is timed."""

    def draw(self, sizes: RankSizes, seed: int) -> "Factors":
        """Draw what would be learnt, and events that say what users had."""
        self.vectors = draw_factors(sizes, seed)
        events = draw_events(sizes, seed)
        return self.fit(pd.DataFrame(events, columns=["user", "item"]))

    def _fit_log(self, log: Log) -> None:
        """Nothing is learnt."""

    def _scorer(self, histories: Histories) -> Scorer:
        users, items = self.vectors
        return product_scorer(users[histories.users], items)


def rank(sizes: RankSizes, n: int, seed: int) -> dict[str, Any]:
    """Time the ranking for all users, and its memory above that of the model."""
    model = Factors().draw(sizes, seed)
    model.recommend(model.users_[:100], n=n)
    before = resident_mb()
    reset_peak()
    start = time.perf_counter()
    found = model.recommend(model.users_, n=n)
    seconds = time.perf_counter() - start
    above = peak_mb() - before
    ranked = found["item"].to_numpy().reshape(sizes.n_users, n)
    return {"seconds": seconds, "MB above": above, "ranked": ranked}


def epoch(params: dict[str, Any], events: np.ndarray, n_more: int) -> dict[str, float]:
    """Time some epochs after a first one, of a network that has been traced."""
    frame = pd.DataFrame(events, columns=["user", "item"])

    def seconds(epochs: int) -> float:
        model = SASRecRecommender(epochs=epochs, early_stopping=False, **params)
        start = time.perf_counter()
        model.fit(frame)
        return time.perf_counter() - start

    seconds(1)
    return {"seconds": (seconds(1 + n_more) - seconds(1)) / n_more}
