"""What the benchmark scripts share: tables of samples, scores, timing and output."""

import argparse
import datetime
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.multiclass import type_of_target

from skrec.preprocessing import make_windows

TEST_SIZE = 0.2
N_STEPS = 10  # earlier events in a window
MIN_CLASS_ROWS = 10  # enough for the held-out part and three folds
MAX_CLASSES = 100
MIN_USERS = 10
MAX_CATEGORIES = 20  # one-hot columns of one text column; the rest share the last
PACKAGES = ["numpy", "pandas", "scikit-learn", "scikit-optimize", "tensorflow", "keras"]


# ---- tables ------------------------------------------------------------------------


@dataclass
class Table:
    """A table with a column to predict; an event log if it has users and times.

    Parameters
    ----------
    frame : DataFrame
        One row per sample or event.
    target : str
        Name of the column of classes.
    user, time : str, default=None
        Names of the columns that say whose event it is and when it happened.
    ids : sequence of str, default=()
        Columns that tell rows apart, and are no features.
    notes : list of str
        What has been done to the table, for the reader of the results.
    """

    frame: pd.DataFrame
    target: str
    user: str | None = None
    time: str | None = None
    ids: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Columns that are no features."""
        return [name for name in (self.target, self.user, self.time) if name]

    @property
    def features(self) -> list[str]:
        """The other columns."""
        others = {*self.keys, *self.ids}
        return [name for name in self.frame.columns if name not in others]


def read_csv_table(
    path: str, target: str, user: str | None = None, time: str | None = None
) -> Table:
    """Read a user's own table; text in the time column becomes dates."""
    frame = pd.read_csv(path, low_memory=False)
    for option, name in (("target", target), ("user-col", user), ("time-col", time)):
        if name and name not in frame.columns:
            raise ValueError(
                f"{path} has no column {name!r}: name one of its columns with "
                f"--{option}. Received: columns {frame.columns.tolist()}."
            )
    if time and frame[time].dtype.kind not in "iuf":
        try:
            frame[time] = pd.to_datetime(frame[time])
        except ValueError as error:
            raise ValueError(
                f"the column {time!r} must hold numbers or dates. Received: {error}"
            ) from None
    return Table(frame, target, user, time)


def clean(table: Table) -> Table:
    """Drop what nothing can be learnt from, and note how much that was."""
    frame, notes = table.frame, list(table.notes)
    for name in table.keys:
        missing = frame[name].isna()
        if missing.any():
            notes.append(f"dropped {missing.sum()} rows without {name!r}")
            frame = frame[~missing]
    numbers = frame.select_dtypes("number").columns
    infinite = np.isinf(frame[numbers]).sum().sum()
    if infinite:
        notes.append(f"took {infinite} infinite values as missing")
        frame = frame.replace([np.inf, -np.inf], np.nan)
    doubled = frame.duplicated()
    if doubled.any():
        notes.append(f"dropped {doubled.sum()} duplicate rows")
        frame = frame[~doubled]
    cleaned = replace(table, frame=frame.reset_index(drop=True), notes=notes)
    _drop_columns(cleaned, notes)
    _check_classes(cleaned, notes)
    if cleaned.user is None and not cleaned.features:
        raise ValueError(
            "no column is left to predict from. Done so far: " + "; ".join(notes) + "."
        )
    return cleaned


def _drop_columns(table: Table, notes: list[str]) -> None:
    """Drop columns that are constant, or that only number or name the rows."""
    for name in table.features:
        column, n_rows = table.frame[name], len(table.frame)
        n_values = column.nunique(dropna=False)
        is_text = not pd.api.types.is_numeric_dtype(column)
        is_counter = column.dtype.kind in "iu" and column.is_monotonic_increasing
        reason = None
        if n_values <= 1:
            reason = "is constant"
        elif is_text and n_values > n_rows / 2:
            reason = f"is text with {n_values} different values in {n_rows} rows"
        elif is_counter and n_values == n_rows:
            reason = "numbers the rows"
        if reason:
            notes.append(f"dropped column {name!r}, which {reason}")
            table.frame = table.frame.drop(columns=name)
        elif is_text:
            # One type a column, or the encoder cannot sort its categories.
            table.frame[name] = column.map(str, na_action="ignore").astype(object)


def _check_classes(table: Table, notes: list[str]) -> None:
    """Drop classes too small to split, and raise if the rest cannot be classified."""
    y = table.frame[table.target]
    if not pd.api.types.is_numeric_dtype(y):
        table.frame[table.target] = y = y.map(str).astype(object)
    counts = y.value_counts()
    if type_of_target(y.to_numpy()) == "continuous" or len(counts) > MAX_CLASSES:
        raise ValueError(
            f"the target {table.target!r} must hold classes, at most {MAX_CLASSES}: "
            f"name another column, or group its values. Received: {len(counts)} "
            f"different values, such as {counts.index[:3].tolist()}."
        )
    rare = counts[counts < MIN_CLASS_ROWS]
    if len(rare):
        notes.append(
            f"dropped {rare.sum()} rows of {len(rare)} classes with fewer than "
            f"{MIN_CLASS_ROWS} rows: {rare.index[:10].tolist()}"
        )
        table.frame = table.frame[~y.isin(rare.index)].reset_index(drop=True)
    if len(counts) - len(rare) < 2:
        raise ValueError(
            f"the target {table.target!r} needs at least two classes with "
            f"{MIN_CLASS_ROWS} rows each. Received: {counts.to_dict()}."
        )


# ---- samples -----------------------------------------------------------------------


@dataclass
class Samples:
    """What models are trained on, and what they are judged on.

    Parameters
    ----------
    X_train, X_test : ndarray of shape (n_samples, n_features) or (n_samples, n_steps, \
            n_channels)
        Samples.
    y_train, y_test : ndarray of shape (n_samples,)
        Their classes.
    groups_train, groups_test : ndarray of shape (n_samples,)
        Their users, or their row numbers where there are no users.
    encoder : ColumnTransformer
        What made numbers of the columns, fitted on the training part.
    channels : list of str
        Names of the features of X.
    by_user : bool
        Whether the groups are users, whom folds must not split.
    notes : list of str
        How the samples were made.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    groups_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    groups_test: np.ndarray
    encoder: ColumnTransformer
    channels: list[str]
    by_user: bool
    notes: list[str]

    @property
    def fold_groups(self) -> np.ndarray | None:
        """Groups for a splitter, if there are any."""
        return self.groups_train if self.by_user else None

    @property
    def classes(self) -> np.ndarray:
        """All classes, sorted."""
        return np.unique(np.concatenate([self.y_train, self.y_test]))


def make_encoder(frame: pd.DataFrame, features: Sequence[str]) -> ColumnTransformer:
    """Impute numbers by their median, with an indicator, and one-hot encode text."""
    is_number = [pd.api.types.is_numeric_dtype(frame[name]) for name in features]
    numbers = [name for name, number in zip(features, is_number, strict=True) if number]
    categories = [name for name in features if name not in numbers]
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
    )
    return ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median", add_indicator=True), numbers),
            ("categories", one_hot, categories),
        ]
    ).set_output(transform="pandas")


def make_samples(table: Table, n_rows: int, seed: int) -> Samples:
    """Split a clean table and turn both parts into at most about `n_rows` samples."""
    build = _row_samples if table.user is None else _window_samples
    samples = build(table, n_rows, seed)
    if len(np.unique(samples.y_train)) < 2:
        raise ValueError(
            "the training part needs at least two classes: give more rows. Received: "
            f"{np.unique(samples.y_train).tolist()}."
        )
    return samples


def _row_samples(table: Table, n_rows: int, seed: int) -> Samples:
    """Take each row for one sample."""
    frame = table.frame
    notes = ["each row is one sample"]
    if n_rows < len(frame):
        notes.append(f"{n_rows} of {len(frame)} rows, drawn at random")
        frame = frame.sample(n_rows, random_state=seed)
    y = frame[table.target]
    stratify = y if y.value_counts().min() > 1 else None
    train, test = train_test_split(
        frame, test_size=TEST_SIZE, stratify=stratify, random_state=seed
    )
    encoder = make_encoder(train, table.features).fit(train)
    parts = []
    for part in (train, test):
        X, y = encoder.transform(part).to_numpy(float), part[table.target].to_numpy()
        parts += [X, y, part.index.to_numpy()]
    return Samples(
        *parts, encoder, encoder.get_feature_names_out().tolist(), False, notes
    )


def _window_samples(table: Table, n_rows: int, seed: int) -> Samples:
    """Predict the class of each event from the earlier events of its user."""
    events = _describe_events(table)
    users = events[table.user]
    if users.nunique() < MIN_USERS:
        raise ValueError(
            f"the column {table.user!r} must name at least {MIN_USERS} users, some of "
            f"whom are held out. Received: {users.nunique()}."
        )
    split = GroupShuffleSplit(1, test_size=TEST_SIZE, random_state=seed)
    train, test = next(split.split(events, groups=users))
    encoder = make_encoder(events, replace(table, frame=events).features).fit(
        events.iloc[train]
    )
    encoded = encoder.transform(events)
    channels = encoded.columns.tolist()
    encoded[table.keys] = events[table.keys]

    n_windows = len(events) - users.nunique()
    stride = max(1, -(-n_windows // n_rows))
    parts: list[np.ndarray] = []
    for part in (train, test):
        parts += make_windows(
            encoded.iloc[part],
            features=channels,
            target=table.target,
            user=table.user,
            time=table.time,
            n_steps=N_STEPS,
            stride=stride,
        )
    # Else rows lie together by user, and an unshuffled cv=3 would hide its leak.
    order = np.random.default_rng(seed).permutation(len(parts[0]))
    parts[:3] = [array[order] for array in parts[:3]]
    notes = [
        f"a sample is a window of up to {N_STEPS} earlier events of a user, with "
        f"{len(channels)} numbers an event",
        f"stride {stride}: one in {stride} of the events with a history is predicted",
    ]
    return Samples(*parts, encoder, channels, True, notes)


def _describe_events(table: Table) -> pd.DataFrame:
    """Sort events by time and add what only their order tells."""
    events = table.frame.sort_values(table.time, kind="stable", ignore_index=True)
    gap = events.groupby(table.user)[table.time].diff()
    if gap.dtype.kind == "m":
        gap = gap.dt.total_seconds()
    events["log time since the last event"] = np.log1p(gap.fillna(0))
    events["is an event"] = 1.0  # and not padding
    events[f"its {table.target}"] = events[table.target].map(str).astype(object)
    return events


# ---- scores ------------------------------------------------------------------------


def scores(
    model: Any, X: np.ndarray, y: np.ndarray, *, classes: np.ndarray
) -> dict[str, float]:
    """Score a fitted model; classes that it has never seen have probability zero."""
    proba = np.zeros((len(X), len(classes)))
    proba[:, np.searchsorted(classes, model.classes_)] = model.predict_proba(X)
    predicted = classes[proba.argmax(axis=1)]
    return {
        "accuracy": accuracy_score(y, predicted),
        "macro_f1": f1_score(
            y, predicted, labels=classes, average="macro", zero_division=0
        ),
        "neg_log_loss": -log_loss(y, proba, labels=classes),
    }


def accuracy_error(correct: np.ndarray, groups: np.ndarray) -> float:
    """Return the standard error of an accuracy on samples that come in groups."""
    residuals = pd.Series(correct - correct.mean()).groupby(groups).sum()
    return float(np.sqrt((residuals**2).sum()) / len(correct))


def held_out_scores(model: Any, samples: Samples) -> dict[str, float]:
    """Score a fitted model on the held-out part."""
    X, y = samples.X_test, samples.y_test
    found = scores(model, X, y, classes=samples.classes)
    return {
        "accuracy": found["accuracy"],
        "accuracy_se": accuracy_error(model.predict(X) == y, samples.groups_test),
        "macro_f1": found["macro_f1"],
        "log_loss": -found["neg_log_loss"],
    }


# ---- timing and output -------------------------------------------------------------


def timed(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, float]:
    """Call a function and return its result and the seconds it took."""
    start = time.perf_counter()
    result = call(*args, **kwargs)
    return result, time.perf_counter() - start


def environment() -> str:
    """Name the machine, the date and the versions in one line."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return ", ".join(
        [
            datetime.date.today().isoformat(),
            f"{platform.system()} {platform.machine()}",
            f"{joblib.cpu_count()} cores",
            f"Python {platform.python_version()}",
            *versions,
        ]
    )


def to_markdown(frame: pd.DataFrame) -> str:
    """Write a table in markdown: numbers to three digits, nothing for missing."""

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.3f}"
        return str(value).replace("|", "\\|")

    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1]]
    rows += [[cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


class Report:
    """What a benchmark says: printed at once, and kept in ``report.md``.

    Parameters
    ----------
    out : path-like
        Folder of the results; made if it is not there.
    title : str
        First line of the report.
    """

    def __init__(self, out: str | os.PathLike, title: str) -> None:
        self.out = Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self._parts: list[str] = []
        self.write(f"# {title}")

    def write(self, text: str) -> None:
        """Add a paragraph."""
        print(text, flush=True)
        self._parts.append(text)
        (self.out / "report.md").write_text("\n\n".join(self._parts) + "\n", "utf-8")

    def table(self, name: str, title: str, frame: pd.DataFrame) -> None:
        """Add a table, and write it to ``<name>.csv``."""
        frame.to_csv(self.out / f"{name}.csv", index=False)
        self.write(f"## {title}\n\n{to_markdown(frame)}")


def save_model(model: Any, X: np.ndarray, out: Path) -> float:
    """Save a fitted model twice, load both and return how far they are from it.

    ``best_model.joblib`` is the estimator and ``best_model.keras`` the Keras model,
    which takes the same X and returns the same probabilities.
    """
    import keras  # not before skrec, which starts TensorFlow without its chatter

    joblib.dump(model, out / "best_model.joblib")
    model.model_.save(out / "best_model.keras")
    expected = model.predict_proba(X)
    estimator = joblib.load(out / "best_model.joblib")
    network = keras.models.load_model(out / "best_model.keras", compile=False)
    found = np.asarray(network.predict(X, verbose=0))
    if found.shape[1] == 1:  # of two classes Keras gives the second
        found = np.column_stack([1 - found, found])
    differences = np.abs(expected - [estimator.predict_proba(X), found])
    return float(differences.max())


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every benchmark script has."""
    parser.add_argument(
        "--out", default="results", help="folder for the results (default: results)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of splits and models (default: 0)"
    )
    parser.add_argument(
        "--n-jobs",
        type=int,
        default=-1,
        help="processes that fit at the same time; -1 for one a core (default: -1)",
    )
