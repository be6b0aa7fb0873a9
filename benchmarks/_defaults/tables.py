"""The tables of defaults.py: rows, targets, and the same five splits for everybody."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

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
from sklearn.utils import Bunch
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
    """A table of the benchmark."""

    half: str  # "choosing": defaults were chosen on it; or "held out"
    is_numbers: bool  # the target, instead of classes
    split: Callable[[int, bool], Split]  # by number; of few rows if the second is true
    arrays: str | None = None  # "sequences" or "images", if the rows are such
    pair: tuple[str, ...] = ()  # columns of user and item
    past: tuple[str, ...] = ()  # columns of past purchases, as a list, and of the last
    linear_columns: tuple[str, ...] = ()  # all the linear model reads; () for every one


# ---- rows --------------------------------------------------------------------------


def _of_bunch(bunch: Bunch) -> Part:
    images = bunch.images[..., np.newaxis] if "images" in bunch else None
    return Part(bunch.data.reset_index(drop=True), np.asarray(bunch.target), images)


def _few(rows: Part, n_rows: int) -> Part:
    """Draw at most so many rows."""
    if len(rows.y) <= n_rows:
        return rows
    rng = np.random.default_rng(0)
    return rows.take(rng.choice(len(rows.y), n_rows, replace=False))


def _criteo() -> Bunch:
    folder = criteo_folder(None)
    if folder is None:
        raise FileNotFoundError(
            "criteo-8k is not downloaded: set SKREC_DATA_MIRROR to a folder that has it"
        )
    return load_criteo(folder)


def _diamonds() -> Part:
    return _few(_of_bunch(fetch_table("diamonds")), DIAMONDS)


def _sessions() -> Part:
    return _of_arrays(*make_sessions(n_samples=SESSIONS, random_state=0))


def _of_arrays(arrays: np.ndarray, y: np.ndarray) -> Part:
    """Put all numbers of a sequence side by side, for models of tables."""
    flat = pd.DataFrame(arrays.reshape(len(arrays), -1))
    return Part(flat.rename(columns="number {}".format), y, arrays)


# ---- splits ------------------------------------------------------------------------


@cache
def _rows_of(read: Callable[[], Bunch | Part]) -> Part:
    found = read()
    return found if isinstance(found, Part) else _of_bunch(found)


def _table(half: str, is_numbers: bool, read: Callable, **more: Any) -> Table:
    """Return a table that is split at random, by class, or between whole groups."""
    group = more.pop("group", None)

    def split(number: int, tiny: bool) -> Split:
        rows = _rows_of(read)
        rows = _few(rows, TINY_ROWS) if tiny else rows
        kind = ShuffleSplit if is_numbers else StratifiedShuffleSplit
        splitter = GroupShuffleSplit if group else kind
        splits = splitter(N_SPLITS, test_size=TEST_SIZE, random_state=0).split(
            rows.X, rows.y, rows.X[group] if group else None
        )
        train, test = list(splits)[number]
        return Split(rows.take(train), rows.take(test))

    return Table(half, is_numbers, split, **more)


def _window_split(number: int, tiny: bool) -> Split:
    """Return windows of users to train on, and of other users to judge on."""
    n_rows = TINY_ROWS if tiny else WINDOWS
    samples = windows.make_samples(windows.clean(movielens_table()), n_rows, number)
    return Split(
        _of_arrays(samples.X_train, samples.y_train),
        _of_arrays(samples.X_test, samples.y_test),
    )


CHOOSING, HELD_OUT = HALVES = ("choosing", "held out")
_USER, _ITEM = _PAIR = ("user_id", "item_id")
_MOVIELENS = partial(fetch_movielens, task="rating")
_RATINGS = {"pair": _PAIR, "linear_columns": _PAIR}
_PAST = {"past": ("history", "last_choice")}
# Small ones first, in each half.
TABLES = {
    "iris": _table(CHOOSING, False, partial(load_iris, as_frame=True)),
    "Hitters": _table(CHOOSING, True, partial(fetch_table, "Hitters")),
    "diabetes": _table(CHOOSING, True, partial(load_diabetes, as_frame=True)),
    "concrete": _table(CHOOSING, True, partial(fetch_table, "concrete")),
    "CreditCard": _table(CHOOSING, False, partial(fetch_table, "CreditCard")),
    "Caravan": _table(CHOOSING, False, partial(fetch_table, "Caravan")),
    "diamonds": _table(CHOOSING, True, _diamonds),
    "Yogurt": _table(CHOOSING, False, partial(fetch_scanner, "yogurt"), **_PAST),
    "criteo-8k": _table(CHOOSING, False, _criteo),
    "MovieLens clicks": _table(
        CHOOSING, False, partial(fetch_movielens, task="click"), pair=_PAIR
    ),
    "wine": _table(HELD_OUT, False, partial(load_wine, as_frame=True)),
    "attrition": _table(HELD_OUT, False, partial(fetch_table, "attrition")),
    "digits": _table(
        HELD_OUT, False, partial(load_digits, as_frame=True), arrays="images"
    ),
    "ames": _table(HELD_OUT, True, partial(fetch_table, "ames")),
    "spam7": _table(HELD_OUT, False, partial(fetch_table, "spam7")),
    "Computers": _table(HELD_OUT, True, partial(fetch_table, "Computers")),
    "sessions": _table(HELD_OUT, False, _sessions, arrays="sequences"),
    "Catsup": _table(HELD_OUT, False, partial(fetch_scanner, "catsup"), **_PAST),
    "genre windows": Table(HELD_OUT, False, _window_split, "sequences"),
    "MovieLens ratings": _table(HELD_OUT, True, _MOVIELENS, **_RATINGS),
    "ratings, new users": _table(HELD_OUT, True, _MOVIELENS, group=_USER, **_RATINGS),
    "ratings, new items": _table(HELD_OUT, True, _MOVIELENS, group=_ITEM, **_RATINGS),
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
