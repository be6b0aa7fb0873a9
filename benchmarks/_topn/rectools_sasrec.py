"""RecTools' SASRec, in its environment: its epoch chosen on validation items."""

import logging
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

from _topn.peer_scores import Parts, ndcg

N = 10


def _quiet() -> None:
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def _dataset(events: np.ndarray) -> Dataset:
    """Date the events of a user a day apart, in their order."""
    frame = pd.DataFrame(events, columns=[Columns.User, Columns.Item])
    days = frame.groupby(Columns.User).cumcount()
    frame[Columns.Datetime] = pd.Timestamp("2000-01-01") + pd.to_timedelta(days, "D")
    return Dataset.construct(frame.assign(**{Columns.Weight: 1.0}))


def _rank(model: SASRecModel, seen: Dataset, n_users: int) -> np.ndarray:
    """Rank for all users, row by row; -1 where RecTools gives none or fewer."""
    options = {"k": N, "filter_viewed": True, "on_unsupported_targets": "ignore"}
    found = model.recommend(seen.user_id_map.external_ids, seen, **options)
    ranked = np.full((n_users, N), -1)
    ranked[found[Columns.User], found[Columns.Rank] - 1] = found[Columns.Item]
    return ranked


def _train(
    params: dict[str, Any], seed: int, parts: Parts, epochs: int, every: int
) -> dict[str, Any]:
    """Train until three checks in a row find nothing better."""
    lightning.seed_everything(seed, verbose=False)
    train, known = _dataset(parts["train"]), _dataset(parts["known"])
    model = SASRecModel(**params, recommend_torch_device="cpu")
    found: dict[str, Any] = {"score": -1.0, "curve": [], "params": params}
    seconds = 0.0
    for epoch in range(every, epochs + 1, every):
        start = time.perf_counter()
        model.fit_partial(train, min_epochs=every, max_epochs=every)
        score = ndcg(_rank(model, train, parts["shape"][0]), parts["valid"])
        seconds += time.perf_counter() - start
        found["curve"].append(score)
        if score > found["score"]:
            start = time.perf_counter()
            found["ranked"] = _rank(model, known, parts["shape"][0])
            found["rank_seconds"] = time.perf_counter() - start
            found |= {"score": score, "best_epoch": epoch}
        elif epoch - found["best_epoch"] >= 3 * every:
            break
    return {**found, "seconds": seconds, "every": every}


def search(
    name: str,
    candidates: list[dict[str, Any]],
    seed: int,
    parts: Parts,
    epochs: int = 200,
    every: int = 5,
) -> dict[str, Any]:
    """Return the candidate that ranks the validation items best."""
    _quiet()
    runs = [_train(params, seed, parts, epochs, every) for params in candidates]
    return max(runs, key=lambda run: run["score"])


def epoch(params: dict[str, Any], events: np.ndarray, n_more: int) -> dict[str, float]:
    """Time some epochs after a first one."""
    _quiet()
    dataset, model = _dataset(events), SASRecModel(**params)

    def seconds(epochs: int) -> float:
        start = time.perf_counter()
        model.fit_partial(dataset, min_epochs=epochs, max_epochs=epochs)
        return time.perf_counter() - start

    seconds(1)
    return {"seconds": (seconds(1 + n_more) - seconds(1)) / n_more}
