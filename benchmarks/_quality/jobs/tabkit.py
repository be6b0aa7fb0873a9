"""pytabkit's RealMLP and TabM with their defaults: one fit."""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytabkit
import torch

Arrays = dict[str, np.ndarray]


def _frame(arrays: Arrays, part: str) -> tuple[pd.DataFrame, list[str]]:
    """Put numbers and categories side by side, and name the categories."""
    numbers = pd.DataFrame(arrays[f"{part}.numbers"]).add_prefix("number ")
    codes = pd.DataFrame(arrays[f"{part}.categories"]).add_prefix("category ")
    names = codes.columns.tolist()
    return pd.concat([numbers, codes.astype(str).astype("category")], axis=1), names


def fit(
    job: dict[str, Any], arrays: Arrays, folder: Path
) -> tuple[dict[str, Any], Arrays]:
    """Train one model and predict: numbers, or probabilities of the classes."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    X, categories = _frame(arrays, "train")
    settings = {"device": "cpu", "n_threads": 1, "random_state": job["seed"]}
    model = getattr(pytabkit, job["model"])(**settings, tmp_folder=str(folder / "tmp"))
    start, start_cpu = time.perf_counter(), time.process_time()
    model.fit(X, arrays["train.y"], cat_col_names=categories)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    predict = model.predict if job["is_numbers"] else model.predict_proba
    predicted = np.asarray(predict(_frame(arrays, "test")[0]))
    return {"seconds": seconds, "cpu_seconds": cpu}, {"predicted": predicted}
