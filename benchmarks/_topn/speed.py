"""What rank_speed.py times of skrec: ranking for all users, and an epoch of SASRec."""

import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from _speed.readings import peak_mb, reset_peak, resident_mb
from skrec.recommenders import BPRRecommender, SASRecRecommender

from _topn.peer_scores import RankSizes, draw_events


def fit_factors(file: Path, sizes: RankSizes, seed: int) -> None:
    """Save a model of factors that knows all users and items; its ranking is timed."""
    events = draw_events(sizes, seed)
    model = BPRRecommender(
        embedding_dim=sizes.n_factors,
        epochs=1,
        batch_size=16_384,
        early_stopping=False,
        random_state=seed,
    )
    joblib.dump(model.fit(pd.DataFrame(events, columns=["user", "item"])), file)


def rank(file: Path, n: int) -> dict[str, float]:
    """Time the ranking for all users, and its memory above that of the model."""
    model = joblib.load(file)
    model.recommend(model.users_[:100], n=n)  # traces what is traced
    before = resident_mb()
    reset_peak()
    start = time.perf_counter()
    found = model.recommend(model.users_, n=n)
    seconds = time.perf_counter() - start
    if len(found) != n * len(model.users_):
        raise ValueError(f"each user must get {n} items. Received: {len(found)} rows.")
    return {"seconds": seconds, "MB above": peak_mb() - before}


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
