"""pytabkit's RealMLP and TabM with their defaults, in their environment: one fit."""

import tempfile
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytabkit
import torch

Rows = tuple[np.ndarray, np.ndarray]  # numbers, and codes of categories


def _frame(rows: Rows) -> pd.DataFrame:
    """Put numbers and categories side by side."""
    numbers, codes = (pd.DataFrame(array) for array in rows)
    codes = codes.add_prefix("category ").astype(str).astype("category")
    return pd.concat([numbers.add_prefix("number "), codes], axis=1)


def fit(
    name: str, train: Rows, y: np.ndarray, test: Rows, seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """Train one model; return seconds and predicted numbers or probabilities."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    X = _frame(train)
    categories = X.columns[X.columns.str.startswith("category")].tolist()
    settings: dict[str, Any] = {"device": "cpu", "n_threads": 1, "random_state": seed}
    with tempfile.TemporaryDirectory() as folder:
        model = getattr(pytabkit, name)(**settings, tmp_folder=folder)
        start, start_cpu = time.perf_counter(), time.process_time()
        model.fit(X, y, cat_col_names=categories)
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        predict = model.predict_proba if "Classifier" in name else model.predict
        predicted = np.asarray(predict(_frame(test)))
    return {"seconds": seconds, "cpu_seconds": cpu}, predicted
