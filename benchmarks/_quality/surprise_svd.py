"""scikit-surprise's SVD and SVD++, tuned on a validation part, in their environment."""

import time
from typing import Any

import numpy as np
import pandas as pd
import surprise

MODELS = {"SVD": surprise.SVD, "SVD++": surprise.SVDpp}


def _fit(name: str, params: dict[str, Any], rows: np.ndarray, seed: int) -> Any:
    reader = surprise.Reader(rating_scale=(1, 5))
    table = pd.DataFrame(rows, columns=["user", "item", "rating"])
    ratings = surprise.Dataset.load_from_df(table, reader).build_full_trainset()
    return MODELS[name](random_state=seed, **params).fit(ratings)


def _predict(model: Any, rows: np.ndarray) -> np.ndarray:
    return np.array([model.predict(user, item).est for user, item, _ in rows.tolist()])


def search(
    name: str, candidates: list[dict[str, Any]], seed: int, parts: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Choose a candidate on the validation rows, refit on both parts, predict.

    `parts` are the rows "train", "valid" and "test": user, item and rating.
    """
    train, valid = parts["train"], parts["valid"]
    losses = [0.0]
    if len(candidates) > 1:
        predicted = [
            _predict(_fit(name, params, train, seed), valid) for params in candidates
        ]
        losses = [np.mean((one - valid[:, 2]) ** 2) for one in predicted]
    params = candidates[int(np.argmin(losses))]
    start = time.perf_counter()
    model = _fit(name, params, np.concatenate([train, valid]), seed)
    seconds = time.perf_counter() - start
    predicted = _predict(model, parts["test"])
    return {"params": params, "seconds": seconds, "predicted": predicted}
