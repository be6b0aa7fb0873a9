"""The tasks of quality_ctr.py: tables, targets, and splits that all models share."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from _common import accuracy_error
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import KFold, RepeatedStratifiedKFold, ShuffleSplit
from sklearn.utils import Bunch

from skrec.datasets import fetch_movielens, fetch_scanner, load_criteo

INNER = 0.1  # part of the training rows on which candidates are compared
TINY_ROWS = 600


class Fold(NamedTuple):
    """Positions of rows: to train on, to choose candidates on, to judge on."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    @property
    def training_part(self) -> np.ndarray:
        """All rows that a model may see."""
        return np.concatenate([self.train, self.valid])


@dataclass
class Task:
    """A table, what to predict from it, and the rows of each fold."""

    name: str
    part: str  # of the benchmark
    X: pd.DataFrame
    y: np.ndarray
    folds: list[Fold]  # the same for every model
    protocol: str  # how it was split, for the reader
    groups: np.ndarray | None = None  # whose row it is, where rows come in groups

    @property
    def scoring(self) -> str:
        """Score that candidates are compared by."""
        return SCORING[self.part]

    def scores(self, rows: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        """Score predictions: ratings, or probabilities of the sorted classes."""
        y = self.y[rows]
        if self.part == "rating":
            predicted = np.clip(predicted, 1, 5)
            return {
                "rmse": root_mean_squared_error(y, predicted),
                "mae": mean_absolute_error(y, predicted),
            }
        classes = np.unique(self.y)
        found = {"log_loss": log_loss(y, predicted, labels=classes)}
        if self.part == "clicks":
            return {"auc": roc_auc_score(y, predicted[:, 1]), **found}
        correct = classes[predicted.argmax(axis=1)] == y
        error = accuracy_error(correct, self.groups[rows])
        return {"accuracy": correct.mean(), "accuracy_se": error, **found}


SCORING = {
    "rating": "neg_root_mean_squared_error",
    "clicks": "roc_auc",
    "choice": "neg_log_loss",
}
METRICS = {
    "rating": ["rmse", "mae"],
    "clicks": ["auc", "log_loss"],
    "choice": ["accuracy", "log_loss"],
}


def _inner(train: np.ndarray, test: np.ndarray, seed: int) -> Fold:
    """Hold rows of the training part out, at random, to compare candidates on."""
    order = np.random.default_rng(seed).permutation(train)
    n_valid = round(INNER * len(order))
    return Fold(np.sort(order[n_valid:]), np.sort(order[:n_valid]), np.sort(test))


def movielens_rating(n_folds: int, seed: int, tiny: bool) -> Task:
    """Ratings of MovieLens-100K in five folds; `n_folds` of them are used."""
    X, y = _table(fetch_movielens(task="rating"), tiny)
    splits = KFold(5, shuffle=True, random_state=seed).split(X)
    folds = [_inner(*split, seed=seed + k) for k, split in enumerate(splits)]
    return Task(
        "MovieLens-100K ratings",
        "rating",
        X,
        y,
        folds[:n_folds],
        "5-fold cross-validation over all 100,000 ratings, shuffled; a tenth of the "
        "training part compares candidates; predictions clipped to [1, 5]",
    )


def movielens_clicks(n_repeats: int, seed: int, tiny: bool) -> Task:
    """Clicks made of MovieLens-100K, 80/10/10 at random, again and again."""
    X, y = _table(fetch_movielens(task="click"), tiny)
    splits = ShuffleSplit(n_repeats, test_size=0.1, random_state=seed).split(X)
    folds = []
    for k, (train, test) in enumerate(splits):
        order = np.random.default_rng(seed + k).permutation(train)
        n_valid = len(test)
        folds.append(Fold(np.sort(order[n_valid:]), np.sort(order[:n_valid]), test))
    return Task(
        "MovieLens-100K clicks",
        "clicks",
        X,
        y,
        folds,
        "ratings of 3 dropped, 1-2 no click, 4-5 click; random 80/10/10; fields: user, "
        "movie, gender, occupation, age, year, genres",
    )


def criteo_clicks(path: Path, n_repeats: int, seed: int, tiny: bool) -> Task:
    """All rows of criteo-8k in repeated, stratified five folds."""
    bunch = load_criteo(path)
    X, y = bunch.data, np.asarray(bunch.target)
    if tiny:
        X, y = X[:TINY_ROWS], y[:TINY_ROWS]
    splitter = RepeatedStratifiedKFold(
        n_splits=5, n_repeats=n_repeats, random_state=seed
    )
    folds = [
        _inner(*split, seed=seed + k) for k, split in enumerate(splitter.split(X, y))
    ]
    return Task(
        "criteo-8k",
        "clicks",
        X,
        y,
        folds[:1] if tiny else folds,
        "stratified 5-fold cross-validation over all rows, with other folds in each of "
        f"{n_repeats} repetitions; a tenth of the training part compares candidates",
    )


def scanner_choice(name: str, n_repeats: int, seed: int, tiny: bool) -> Task:
    """Product choice: the last fifth of each household is held out."""
    bunch = fetch_scanner(name)
    groups = bunch.groups.to_numpy()
    rows, test = np.arange(len(groups)), bunch.test
    place = bunch.groups[~test].groupby(bunch.groups[~test])
    last = place.cumcount() >= place.transform("size") * 4 // 5
    train, valid = rows[~test][~last], rows[~test][last]
    return Task(
        f"{name.capitalize()} choice",
        "choice",
        bunch.data,
        bunch.target.to_numpy(),
        [Fold(train, valid, rows[test])] * n_repeats,
        "the last 20 % of each household (rounded up) are held out, the last 20 % of "
        "the rest compare candidates; repeats differ in the seeds of models and of "
        "searches; the standard error of the accuracy is that over households",
        groups,
    )


def _table(bunch: Bunch, tiny: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the fields and the target of MovieLens, or a few rows of them."""
    X, y = bunch.data.reset_index(drop=True), bunch.target.to_numpy()
    if tiny:
        rows = np.random.default_rng(0).choice(len(X), TINY_ROWS, replace=False)
        X, y = X.iloc[rows].reset_index(drop=True), y[rows]
    return X, y


def criteo_folder(given: Path | None) -> Path | None:
    """Return where criteo-8k lies, if anywhere: it is not downloaded."""
    mirror = os.environ.get("SKREC_DATA_MIRROR")
    folder = given or (Path(mirror, "criteo-8k") if mirror else None)
    return folder if folder is not None and folder.exists() else None


def save_folds(task: Task, out: Path) -> None:
    """Write the rows of each fold, for whoever wants to use the same ones."""
    name = task.name.lower().replace(" ", "_").replace("-", "_")
    rows = {
        f"{part}_{k}": getattr(fold, part)
        for k, fold in enumerate(task.folds)
        for part in fold._fields
    }
    np.savez_compressed(out / f"folds_{name}.npz", **rows)
