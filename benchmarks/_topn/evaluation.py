"""One model on one set: tuned on the validation events, fitted, judged on the test."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _measure import run_task
from _quality.peers import candidates
from sklearn.base import BaseEstimator
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV

from _topn.data import Task
from _topn.models import MODELS
from _topn.peer_scores import Parts
from skrec.metrics import (
    hit_rate_at_k,
    ndcg_at_k,
    recall_at_k,
    recommender_scorer,
)

K = 10
METRICS: dict[str, Callable[..., pd.Series]] = {
    "hit rate": hit_rate_at_k,
    "NDCG": ndcg_at_k,
    "recall": recall_at_k,
}
PEERS = {"implicit": ["implicit==0.7.3"]}
PEERS["RecTools"] = ["rectools[torch]==0.19.0", "torch==2.13.0"]


def scores(task: Task, recommended: pd.DataFrame) -> dict[str, float]:
    """Return each metric, a mean over the users of the test, and its standard error."""
    found: dict[str, float] = {}
    for name, metric in METRICS.items():
        of_user = metric(recommended, task.test, k=K, average=False)
        found |= {name: of_user.mean(), f"{name} se": of_user.sem()}
    return found


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


# ---- skrec -------------------------------------------------------------------------


def make(name: str, params: dict[str, Any], seed: int) -> BaseEstimator:
    """Return a model with its defaults, but for some parameters."""
    create = MODELS[name].make
    assert create is not None
    model = create(user_col="user", item_col="item").set_params(**params)
    possible = {"time_col": "time", "random_state": seed}
    own = model.get_params()
    return model.set_params(**{k: v for k, v in possible.items() if k in own})


def is_network(model: BaseEstimator) -> bool:
    """Tell whether the model chooses its epoch by an event that it holds out itself."""
    return "early_stopping" in model.get_params()


def judge(task: Task, name: str, params: dict[str, Any], seed: int) -> dict[str, Any]:
    """Fit a model without the test events, and score what it recommends for them.

    A network gets the events that validate as well, where they are the last of their
    users: they are what it holds out. Others never train on them.
    """
    model = make(name, params, seed)
    holds_out = is_network(model) and task.by_time
    _, seconds = _timed(lambda: model.fit(task.history if holds_out else task.train))
    history = {} if holds_out else {"history": task.history}
    users = task.test["user"].unique()
    ranked, rank_seconds = _timed(lambda: model.recommend(users, n=K, **history))
    row = scores(task, ranked) | {
        "parameters": plain(params),
        "seconds": seconds,
        "rank_seconds": rank_seconds,
    }
    return row | _learning_curve(model)


def _learning_curve(model: BaseEstimator) -> dict[str, Any]:
    """Return what a network scored on the events that it held out, epoch by epoch."""
    history = getattr(model, "history_", {})
    held_out = [key for key in history if "ndcg" in key]
    if not held_out:
        return {}
    curve = [float(value) for value in history[held_out[0]]]
    return {"curve": curve, "best_epoch": int(np.argmax(curve)) + 1}


def search(
    task: Task,
    name: str,
    params: dict[str, Any],
    n_candidates: int,
    seed: int,
    **settings: Any,
) -> dict[str, Any]:
    """Return the parameters that rank the validation events best.

    The test events are not in sight: a network chooses its epoch by the last of the
    training events of each user.
    """
    model = make(name, params, seed)
    events = task.history
    is_valid = events.index.isin(task.valid.index)
    found = RandomizedSearchCV(
        model,
        MODELS[name].space,
        n_iter=n_candidates,
        scoring=recommender_scorer(f"ndcg@{K}"),
        cv=PredefinedSplit(np.where(is_valid, 0, -1)),
        refit=False,
        random_state=seed,
        error_score="raise",
        **settings,
    ).fit(events)
    return {"score": found.best_score_, "parameters": plain(found.best_params_)}


# ---- peers -------------------------------------------------------------------------


def parts_of(task: Task) -> tuple[Parts, np.ndarray, np.ndarray]:
    """Return the events as codes, and the users and the items that these stand for."""
    events = pd.concat([task.history, task.test])
    users, items = (pd.Index(events[name].unique()) for name in ("user", "item"))
    named = {"train": task.train, "valid": task.valid, "known": task.history}
    parts: Parts = {
        part: np.column_stack(
            [users.get_indexer(own["user"]), items.get_indexer(own["item"])]
        )
        for part, own in named.items()
    }
    return {**parts, "shape": (len(users), len(items))}, users, items


def frame_of(ranked: np.ndarray, users: pd.Index, items: pd.Index) -> pd.DataFrame:
    """Return a peer's ranking as skrec's models give it; -1 stands for no item."""
    row, place = np.nonzero(ranked >= 0)
    chosen = {"user": users[row], "item": items[ranked[row, place]], "rank": place + 1}
    return pd.DataFrame(chosen)


def ask_peer(
    task: Task,
    name: str,
    drawn: list[dict[str, Any]],
    seed: int,
    python: Path,
    limits: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Let a peer choose among candidates, in its environment, and judge the chosen."""
    module = "rectools_sasrec" if name.startswith("RecTools") else "implicit_models"
    parts, users, items = parts_of(task)
    ask = partial(run_task, f"_topn.{module}:search", threads=None, python=python)
    found = ask(name, drawn, seed, parts, *limits)
    found["parameters"] = plain(found.pop("params"))
    return found | scores(task, frame_of(found.pop("ranked"), users, items))


def draw(name: str, n_candidates: int, seed: int) -> list[dict[str, Any]]:
    """Draw candidates from the space of a peer."""
    return candidates(MODELS[name].space, n_candidates, seed)


def plain(params: dict[str, Any]) -> str:
    """Write parameters in JSON, with plain numbers."""
    return json.dumps(params, default=lambda value: value.item(), sort_keys=True)
