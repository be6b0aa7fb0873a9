"""skrec's DeepFM and DCN, timed in a fresh process: the first fit, and a second one."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from _quality.data import movielens_clicks
from sklearn.metrics import roc_auc_score

import skrec

Arrays = dict[str, np.ndarray]
FAMILIES = {"DeepFM": skrec.DeepFMClassifier, "DCNv2": skrec.DCNClassifier}


def timing(
    job: dict[str, Any], arrays: Arrays, folder: Path
) -> tuple[dict[str, Any], Arrays]:
    """Time a training of so many epochs, without validation."""
    task = movielens_clicks(1, job["seed"], job["tiny"])
    rows = task.folds[0].train
    X, y = task.X.iloc[rows], task.y[rows]
    params = dict(job["candidates"][0])
    # FuxiCTR's penalty is half the square.
    params["embedding_l2"] = params.pop("embedding_regularizer") / 2
    params["l2"] = params.pop("net_regularizer") / 2
    if job["model"] == "DCNv2":
        params["structure"] = "parallel"
    else:
        del params["cross_layers"]
    fixed = {"epochs": job["epochs"], "early_stopping": False}
    model = FAMILIES[job["model"]](**params, **fixed, random_state=job["seed"])
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        model.fit(X, y)
        seconds.append(time.perf_counter() - start)
    auc = roc_auc_score(y, model.predict_proba(X)[:, 1])
    return {"cold": seconds[0], "seconds": seconds[1], "auc": auc}, {}
