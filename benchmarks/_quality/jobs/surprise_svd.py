"""scikit-surprise's SVD and SVD++: tuned on a validation part of the training rows."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import surprise

Arrays = dict[str, np.ndarray]
MODELS = {"SVD": surprise.SVD, "SVD++": surprise.SVDpp}


def _fit(name: str, params: dict[str, Any], rows: Arrays, seed: int) -> Any:
    reader = surprise.Reader(rating_scale=(1, 5))
    table = pd.DataFrame({key: rows[key] for key in ("user", "item", "rating")})
    ratings = surprise.Dataset.load_from_df(table, reader).build_full_trainset()
    return MODELS[name](random_state=seed, **params).fit(ratings)


def _predict(model: Any, rows: Arrays) -> np.ndarray:
    pairs = zip(rows["user"].tolist(), rows["item"].tolist(), strict=True)
    return np.array([model.predict(user, item).est for user, item in pairs])


def _rows(arrays: Arrays, rows: np.ndarray) -> Arrays:
    return {name: arrays[name][rows] for name in ("user", "item", "rating")}


def search(
    job: dict[str, Any], arrays: Arrays, folder: Path
) -> tuple[dict[str, Any], Arrays]:
    """Choose a candidate on the validation rows, refit on both parts, predict."""
    candidates = job["candidates"]
    train, valid = _rows(arrays, arrays["train"]), _rows(arrays, arrays["valid"])
    losses = [0.0]
    if len(candidates) > 1:
        losses = [
            np.mean(
                (
                    _predict(_fit(job["model"], params, train, job["seed"]), valid)
                    - valid["rating"]
                )
                ** 2
            )
            for params in candidates
        ]
    params = candidates[int(np.argmin(losses))]
    start = time.perf_counter()
    both = _rows(arrays, np.concatenate([arrays["train"], arrays["valid"]]))
    model = _fit(job["model"], params, both, job["seed"])
    seconds = time.perf_counter() - start
    predicted = _predict(model, _rows(arrays, arrays["test"]))
    return {"params": params, "seconds": seconds}, {"predicted": predicted}
