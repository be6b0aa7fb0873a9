"""FuxiCTR's and scikit-surprise's models on the same folds, in their environment."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _measure import run_task
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterSampler

from _quality.data import Fold, Task
from skrec.preprocessing import FieldEncoder

PACKAGES = ["torch==2.13.0", "fuxictr==2.3.10", "scikit-surprise==1.1.5"]
EMBEDDING_DIM = 10
EPOCHS = 50  # at most: training stops early, as FuxiCTR does it
RARE = 5  # ids of criteo-8k that occur less often are one, as benchmarks of it do
SVD_SPACE = {
    "n_factors": randint(20, 200),
    "n_epochs": randint(20, 60),
    "lr_all": loguniform(0.003, 0.01),
    "reg_all": loguniform(0.02, 0.15),
}
FUXI_SPACE = {
    "units": ["64", "64-32", "128-64", "256-128-64"],
    "dropout": uniform(0, 0.5),
    "embedding_regularizer": loguniform(1e-6, 1e-2),
    "net_regularizer": loguniform(1e-7, 1e-3),
    "learning_rate": loguniform(5e-4, 5e-3),
    "batch_size": [256, 1024],
    "embedding_dim": [EMBEDDING_DIM],
    "cross_layers": [1, 2, 3],
}


def candidates(
    space: dict[str, Any], n_candidates: int, seed: int
) -> list[dict[str, Any]]:
    """Draw candidates, in plain numbers."""
    drawn = ParameterSampler(space, n_candidates, random_state=seed)
    return [
        {name: getattr(value, "item", lambda v=value: v)() for name, value in p.items()}
        for p in drawn
    ]


# ---- FuxiCTR -----------------------------------------------------------------------


def fuxi_encoder(task: Task) -> FieldEncoder:
    """Return what encodes the fields: with logarithms, and no rare ids, on Criteo's."""
    if task.name == "criteo-8k":
        return FieldEncoder(numbers="log", min_count=RARE)
    return FieldEncoder()


def fuxi_fields(encoder: FieldEncoder) -> dict[str, dict[str, Any]]:
    """Describe the fields of an encoder in FuxiCTR's words."""
    spec, fields = encoder.spec_, {}
    for k, table in enumerate(spec.ids):
        fields[f"id_{k}"] = {"type": "categorical", "vocab_size": spec.tables[table]}
    for k in range(spec.n_numbers):
        fields[f"number_{k}"] = {"type": "numeric"}
    for k, sequence in enumerate(spec.sequences):
        fields[f"sequence_{k}"] = {
            "type": "sequence",
            "max_len": sequence.length,
            "vocab_size": spec.tables[sequence.table],
            "padding_idx": 0,
        }
    return fields


def fuxi_arrays(
    encoder: FieldEncoder, task: Task, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Encode rows, a column to an array."""
    encoded = encoder.transform(task.X.iloc[rows])
    arrays = {"label": task.y[rows].astype(np.float32)}
    for kind, name, dtype in (
        ("ids", "id", np.int64),
        ("numbers", "number", np.float32),
    ):
        for k, column in enumerate(encoded.get(kind, np.empty((0, 0))).T):
            arrays[f"{name}_{k}"] = column.astype(dtype)
    for k in range(len(encoder.spec_.sequences)):
        arrays[f"sequence_{k}"] = encoded[f"sequence_{k}"].astype(np.int64)
    return arrays


def fuxi_search(
    fold: Fold,
    seed: int,
    *,
    task: Task,
    name: str,
    python: Path,
    n_candidates: int,
) -> dict[str, Any]:
    """Tune and train one of FuxiCTR's models, and judge it."""
    encoder = fuxi_encoder(task).fit(task.X.iloc[fold.train])
    parts = {
        part: fuxi_arrays(encoder, task, rows) for part, rows in fold._asdict().items()
    }
    drawn = candidates(FUXI_SPACE, n_candidates, seed)
    search = partial(run_task, "_quality.fuxi:search", python=python)
    start = time.perf_counter()
    found = search(name, fuxi_fields(encoder), drawn, EPOCHS, seed, parts)
    seconds = time.perf_counter() - start
    p = found["predicted"]
    found["predicted"] = np.column_stack([1 - p, p])
    return _row(task, fold, found, seconds, n_candidates)


# ---- scikit-surprise ---------------------------------------------------------------


def svd_search(
    fold: Fold, seed: int, *, task: Task, name: str, python: Path, n_candidates: int
) -> dict[str, Any]:
    """Train SVD or SVD++ with its defaults and, where there are more, candidates."""
    drawn = candidates(SVD_SPACE, n_candidates - 1, seed) if n_candidates > 1 else []
    ratings = np.column_stack([task.X["user_id"], task.X["item_id"], task.y])
    parts = {part: ratings[rows] for part, rows in fold._asdict().items()}
    search = partial(run_task, "_quality.surprise_svd:search", python=python)
    start = time.perf_counter()
    found = search(name, [{}, *drawn], seed, parts)
    seconds = time.perf_counter() - start
    return _row(task, fold, found, seconds, n_candidates)


def _row(
    task: Task, fold: Fold, found: dict[str, Any], seconds: float, n_candidates: int
) -> dict[str, Any]:
    return {
        **task.scores(fold.test, found["predicted"]),
        "seconds": found["seconds"],
        "search_seconds": seconds - found["seconds"],
        "candidates": n_candidates,
        "parameters": json.dumps(found["params"]),
    }
