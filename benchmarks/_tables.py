"""Tables of a user's own, and MovieLens, as samples to train on and to judge by."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from _common import (
    MIN_CLASS_ROWS,
    TEST_SIZE,
    Amount,
    Samples,
    make_parser,
    parse_options,
    run_script,
)
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.multiclass import type_of_target

from skrec.datasets import fetch_movielens
from skrec.preprocessing import make_windows

N_STEPS = 10  # earlier events in a window
MAX_CLASSES = 100
MIN_USERS = 10
MAX_CATEGORIES = 20  # one-hot columns of one text column; the rest share the last
NAMES = ("training part", "held-out part")
MOVIELENS = "MovieLens-100K (Harper and Konstan, 2015)"


# ---- tables ------------------------------------------------------------------------


@dataclass
class Table:
    """A table with a column to predict; an event log if it has users and times."""

    frame: pd.DataFrame
    target: str  # column of classes
    user: str | None = None  # columns that say whose row it is, and when it happened
    time: str | None = None
    ids: Sequence[str] = ()  # columns that tell rows apart, and are no features
    source: str = ""
    notes: list[str] = field(default_factory=list)  # what was done, for the reader

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
    options = {"target": target, "user-col": user, "time-col": time}
    return Table(read_csv(path, options), target, user, time, source=path)


def read_csv(path: str, columns: dict[str, str | None]) -> pd.DataFrame:
    """Read a table that must have the columns, named by options; parse the time."""
    frame = pd.read_csv(path, low_memory=False)
    for option, name in columns.items():
        if name and name not in frame.columns:
            raise ValueError(
                f"{path} has no column {name!r}: name one of its columns with "
                f"--{option}. Received: columns {frame.columns.tolist()}."
            )
    time = columns.get("time-col")
    if time and frame[time].dtype.kind not in "iuf":
        try:
            frame[time] = pd.to_datetime(frame[time])
        except ValueError as error:
            raise ValueError(
                f"the column {time!r} must hold numbers or dates. Received: {error}"
            ) from None
    return frame


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
    if cleaned.time is None and not cleaned.features:
        raise ValueError(
            "no column is left to predict from. Done so far: " + "; ".join(notes) + "."
        )
    return cleaned


def _drop_columns(table: Table, notes: list[str]) -> None:
    """Drop columns that are constant, or that only number or name the rows."""
    dropped: dict[str, list[str]] = {}
    for name in table.features:
        column, n_rows = table.frame[name], len(table.frame)
        n_values = column.nunique(dropna=False)
        is_text = not pd.api.types.is_numeric_dtype(column)
        is_counter = column.dtype.kind in "iu" and column.is_monotonic_increasing
        if n_values <= 1:
            dropped.setdefault("constant", []).append(name)
        elif is_text and n_values > n_rows / 2:
            reason = f"text with {n_values} different values in {n_rows} rows"
            dropped.setdefault(reason, []).append(name)
        elif is_counter and n_values == n_rows:
            dropped.setdefault("numbers of the rows", []).append(name)
        elif is_text:
            # One type a column, or the encoder cannot sort its categories.
            table.frame[name] = column.map(str, na_action="ignore").astype(object)
    for reason, names in dropped.items():
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        columns = ", ".join(map(str, names[:5]))
        notes.append(f"dropped columns, as {reason}: {columns}{more}")
        table.frame = table.frame.drop(columns=names)


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
class TableSamples(Samples):
    """Samples of a table, and what made them."""

    encoder: ColumnTransformer  # fitted on the training part
    channels: list[str]  # names of the features of X
    table: Table


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


def make_samples(table: Table, n_rows: int, seed: int) -> TableSamples:
    """Split a clean table, without splitting users, and turn both parts into samples.

    Without a time each row is a sample, at most `n_rows` in each part; else each event
    with what came before it, about `n_rows` in all.
    """
    build = _row_samples if table.time is None else _window_samples
    samples = build(table, n_rows, seed)
    if len(np.unique(samples.y_train)) < 2:
        raise ValueError(
            "the training part needs at least two classes: give more rows. Received: "
            f"{np.unique(samples.y_train).tolist()}."
        )
    return samples


def _split(frame: pd.DataFrame, table: Table, seed: int) -> list[np.ndarray]:
    """Return the positions of the training and the held-out rows."""
    if table.user is None:
        y = frame[table.target]
        stratify = y if y.value_counts().min() > 1 else None
        positions = np.arange(len(frame))
        return train_test_split(
            positions, test_size=TEST_SIZE, stratify=stratify, random_state=seed
        )
    users = frame[table.user]
    if users.nunique() < MIN_USERS:
        raise ValueError(
            f"the column {table.user!r} must name at least {MIN_USERS} users, some of "
            f"whom are held out. Received: {users.nunique()}."
        )
    split = GroupShuffleSplit(1, test_size=TEST_SIZE, random_state=seed)
    return list(next(split.split(frame, groups=users)))


def _facts(table: Table, notes: Sequence[str]) -> dict[str, str]:
    return {
        "data": table.source,
        "cleaning": "; ".join(table.notes) or "there was nothing to clean",
        "samples": "; ".join(notes),
    }


def _row_samples(table: Table, n_rows: int, seed: int) -> TableSamples:
    """Take each row for one sample."""
    frame = table.frame
    notes = [f"each row is one sample of {len(table.features)} columns"]
    halves = [frame.iloc[rows] for rows in _split(frame, table, seed)]
    for place, part in enumerate(halves):
        if n_rows < len(part):
            notes.append(f"{n_rows} of {len(part)} rows drawn in the {NAMES[place]}")
            halves[place] = part.sample(n_rows, random_state=seed)
    encoder = make_encoder(frame, table.features).fit(halves[0])
    parts = []
    for part in halves:
        X, y = encoder.transform(part).to_numpy(float), part[table.target].to_numpy()
        groups = part.index if table.user is None else part[table.user]
        parts += [X, y, groups.to_numpy()]
    return TableSamples(
        *parts,
        by_user=table.user is not None,
        facts=_facts(table, notes),
        encoder=encoder,
        channels=encoder.get_feature_names_out().tolist(),
        table=table,
    )


def _window_samples(table: Table, n_rows: int, seed: int) -> TableSamples:
    """Predict the class of each event from the earlier events of its user."""
    events = _describe_events(table)
    train, test = _split(events, table, seed)
    encoder = make_encoder(events, replace(table, frame=events).features).fit(
        events.iloc[train]
    )
    encoded = encoder.transform(events)
    channels = encoded.columns.tolist()
    encoded[table.keys] = events[table.keys]

    n_windows = len(events) - events[table.user].nunique()
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
    return TableSamples(
        *parts,
        by_user=True,
        facts=_facts(table, notes),
        encoder=encoder,
        channels=channels,
        table=table,
    )


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


# ---- MovieLens ---------------------------------------------------------------------


def movielens_likes() -> Table:
    """Return the ratings as rows: does this user give this film four stars or more?

    A row has what was known before the rating: the user, the film, and how often and
    how well either was rated so far.
    """
    movielens = fetch_movielens("100k")
    events = movielens.ratings.sort_values("timestamp", kind="stable")
    events["liked"] = np.where(events["rating"] >= 4, "yes", "no")
    for who, name in (("user_id", "user"), ("item_id", "film")):
        past = _rated_so_far(events, who)
        events[f"log ratings of the {name}"] = np.log1p(past["n"])
        events[f"mean rating of the {name}"] = past["mean"]
    events = events.merge(movielens.users.drop(columns="zip_code"), on="user_id")
    films = movielens.movies.drop(columns="title").astype({"year": float})
    events = events.merge(films, on="item_id").drop(columns=["rating", "timestamp"])
    notes = ["a mean rating of 3.5 stands for two ratings before the first"]
    return Table(events, "liked", "user_id", None, ["item_id"], MOVIELENS, notes)


def _rated_so_far(events: pd.DataFrame, who: str) -> pd.DataFrame:
    """Count and average the earlier ratings of each user, or of each film."""
    grouped = events.groupby(who)["rating"]
    n = grouped.cumcount()
    mean = (grouped.cumsum() - events["rating"] + 2 * 3.5) / (n + 2)
    past = pd.DataFrame({"n": n, "mean": mean})
    # Ratings of one second may have come in any order: none of them is earlier.
    return past.groupby([events[who], events["timestamp"]]).transform("first")


# ---- command line ------------------------------------------------------------------


def add_table_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options for a user's own table."""
    own = parser.add_argument_group(
        "your own table",
        "With --csv and --target each row is one sample; with --user-col as well the "
        "rows of a user stay together, in the part to train on or in the held-out one.",
    )
    own.add_argument("--csv", metavar="FILE", help="table with a header and commas")
    own.add_argument("--target", metavar="COLUMN", help="classes to predict")
    own.add_argument("--user-col", metavar="COLUMN", help="whose row it is")
    return own


def check_table_options(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> None:
    """Stop at options of a table that do not go together."""
    if (args.csv is None) != (args.target is None):
        parser.error("--csv and --target go together: give both or none.")
    if args.user_col is not None and args.csv is None:
        parser.error("--user-col needs --csv.")


def load_samples(
    args: argparse.Namespace, builtin: Callable[[], Table]
) -> TableSamples:
    """Read, clean, split and encode what the options ask for."""
    if args.csv is None:
        table = builtin()
    else:
        time = getattr(args, "time_col", None)
        table = read_csv_table(args.csv, args.target, args.user_col, time)
    return make_samples(clean(table), args.rows, args.seed)


def run_on_table(
    doc: str | None,
    argv: list[str] | None,
    amounts: dict[str, Amount],
    builtin: Callable[[], Table],
    run: Callable[[argparse.Namespace, Any], None],
) -> None:
    """Run a script on a user's own table, or else on the built-in one."""
    parser = make_parser(doc)
    add_table_options(parser)
    args = parse_options(parser, argv, amounts)
    check_table_options(parser, args)
    run_script(parser, args, partial(load_samples, builtin=builtin), run)
