"""Tune a model inside the training part of a fold, train it, and judge it."""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _measure import Records
from sklearn.base import clone
from sklearn.model_selection import RandomizedSearchCV
from threadpoolctl import threadpool_limits

from _quality.baselines import Model
from _quality.data import METRICS, Fold, Task


def evaluate(
    task: Task,
    name: str,
    judge: Callable[[Fold, int], dict[str, Any]],
    records: Records,
    seed: int,
) -> None:
    """Judge a model on every fold that is not in the records, each with its seed."""
    for k, fold in enumerate(task.folds):
        if (task.name, name, k) in records.done:
            continue
        found = judge(fold, seed + k)
        row = {"part": task.part, "task": task.name, "model": name, "fold": k}
        records.add({**row, "seed": seed + k, **found})
        shown = ", ".join(f"{m} {found[m]:.4f}" for m in METRICS[task.part])
        print(f"  {name}, fold {k}: {shown}", flush=True)


def tune_and_judge(
    fold: Fold, seed: int, *, task: Task, model: Model, n_candidates: int, n_jobs: int
) -> dict[str, Any]:
    """Return the scores of the best candidate, trained on the whole training part."""
    estimator = _seeded(model.estimator, seed)
    rows = fold.training_part
    X, y = task.X.iloc[rows], task.y[rows]
    params: dict[str, Any] = {}
    start = time.perf_counter()
    if model.space and n_candidates > 1:
        n_train = len(fold.train)
        inner = [(np.arange(n_train), np.arange(n_train, len(rows)))]
        search = RandomizedSearchCV(
            estimator,
            model.space,
            n_iter=n_candidates,
            scoring=task.scoring,
            cv=inner,
            refit=False,
            n_jobs=n_jobs,
            random_state=seed,
            error_score="raise",
        )
        with threadpool_limits(1, user_api="openmp"):
            params = search.fit(X, y).best_params_
    search_seconds = time.perf_counter() - start
    best = clone(estimator).set_params(**params)
    best.set_params(**dict.fromkeys(_parameters(best, "memory"), None))
    start = time.perf_counter()
    with threadpool_limits(1, user_api="openmp"):
        best.fit(X, y)
    seconds = time.perf_counter() - start
    test = task.X.iloc[fold.test]
    predict = best.predict if task.part == "rating" else best.predict_proba
    return {
        **task.scores(fold.test, predict(test)),
        "seconds": seconds,
        "search_seconds": search_seconds,
        "candidates": n_candidates if model.space else 1,
        "parameters": json.dumps(params, default=_plain),
    }


def _parameters(estimator: Any, name: str) -> list[str]:
    """Return the parameters of this name, also those of the steps of a pipeline."""
    deep = estimator.get_params(deep=True)
    return [key for key in deep if key == name or key.endswith(f"__{name}")]


def _seeded(estimator: Any, seed: int) -> Any:
    """Return a copy whose random states are this seed."""
    states = dict.fromkeys(_parameters(estimator, "random_state"), seed)
    return clone(estimator).set_params(**states)


def _plain(value: Any) -> Any:
    """Make a number of NumPy one that JSON can hold."""
    return value.item()
