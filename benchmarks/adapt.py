"""What it costs to keep a model as it is while its customers change, and two repairs.

The ratings of MovieLens-100K in the order of time: does this user like this film (four
stars or more; those of three are left out)? A factorization machine is tuned on the
first months. Then each month asks five models that have seen nothing of it: the one
that stays as it was; the same after `partial_fit` on each month that has ended; the
same parameters fitted anew on all events so far; the best of the search, run again on
all events so far, whose `memory=` knows the folds of before; and what a model without
features says, the mean of all clicks so far. `drift_report` compares the events of each
month with those of the first ones.

Written to --out: report.md (how and with what result), months.csv (each month),
results.csv (each way).
"""

import argparse
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import _common as bench
import _tables as tables
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV

from skrec import FMClassifier
from skrec.datasets import fetch_movielens
from skrec.drift import drift_report, drifted_columns
from skrec.training import memory_info

STRINGS = ["user_id", "item_id", "gender", "occupation"]
N_START = 2  # months before the first that is judged
N_FOLDS = 2  # months that a search is scored on, the last ones
STILL, PARTIAL, ANEW, SEARCH, PRIOR = WAYS = [
    "stay still",
    "partial_fit",
    "fit anew",
    "search again",
    "mean of clicks",
]
GRIDS: dict[str, dict[str, list]] = {
    "full": {"epochs": [3, 6, 12], "embedding_l2": [1e-4, 1e-3]},
    "short": {"epochs": [3, 6], "embedding_l2": [1e-4, 1e-3]},
    "tiny": {"epochs": [1, 2]},
}
AMOUNTS = {
    "users": bench.Amount(10**9, 400, 60, "users at most, drawn at random"),
    "months": bench.Amount(8, 8, 5, f"months; the first {N_START} are the start"),
}


# ---- events ------------------------------------------------------------------------


class Log(NamedTuple):
    """Clicks in the order of time, and the month of each, counted from 0."""

    X: pd.DataFrame
    y: pd.Series
    months: np.ndarray
    names: list[str]


def load(args: argparse.Namespace) -> Log:
    """Read MovieLens, with ids as the strings that a shop has."""
    if args.months < N_START + 2:
        raise ValueError(
            f"--months must be at least {N_START + 2}, the last of which shows a "
            f"difference. Received: {args.months}."
        )
    movielens = fetch_movielens(task="click")
    X = movielens.data.astype(dict.fromkeys(STRINGS, str))
    users = np.sort(X["user_id"].unique())
    if len(users) > args.users:
        users = np.random.default_rng(args.seed).choice(users, args.users, False)
        X = X[X["user_id"].isin(users)]
    time = movielens.ratings.loc[X.index, "timestamp"].sort_values(kind="stable")
    when = pd.to_datetime(time, unit="s").dt.strftime("%Y-%m")
    months, names = pd.factorize(when)
    kept = months < args.months
    months, names = months[kept], list(names[: args.months])
    X, y = X.loc[time.index[kept]], movielens.target[time.index[kept]]
    for month, name in enumerate(names):
        if y[months == month].nunique() < 2:
            raise ValueError(
                "Every month needs clicks and others: draw more --users. Received: "
                f"{args.users}, of whom {name} has one kind of events alone."
            )
    return Log(X, y, months, names)


def folds(months: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each of the last months, the rows before it and its own.

    A month later all of them but the newest are those of the search before.
    """
    last = range(months.max(), 0, -1)[:N_FOLDS]
    return [
        (np.flatnonzero(months < month), np.flatnonzero(months == month))
        for month in reversed(last)
    ]


# ---- ways --------------------------------------------------------------------------


class Fits(NamedTuple):
    """The models at a moment, and what the last step of each took."""

    models: dict[str, Any]
    seconds: dict[str, float]
    about: dict[str, Any]  # the search: its epochs, asked for and trained, and its best


def search(args: argparse.Namespace, log: Log, past: np.ndarray, memory: str) -> Any:
    """Search on the events so far."""
    model = FMClassifier(
        batch_size=256, early_stopping=False, memory=memory, random_state=args.seed
    )
    return GridSearchCV(
        model,
        GRIDS[args.mode],
        scoring="roc_auc",
        cv=folds(log.months[past]),
        n_jobs=args.n_jobs,
    ).fit(log.X[past], log.y[past])


def searched(
    args: argparse.Namespace, log: Log, past: np.ndarray, memory: str
) -> tuple[GridSearchCV, float, dict[str, Any]]:
    """Search, and count the epochs that had to be trained for it."""
    before = memory_info(memory).n_epochs
    found, seconds = bench.timed(search, args, log, past, memory)
    epochs = sum(params["epochs"] for params in found.cv_results_["params"])
    asked = epochs * found.n_splits_ + found.best_params_["epochs"]
    trained = memory_info(memory).n_epochs - before
    best = bench.show_parameters(found.best_params_)
    about = {"epochs asked": asked, "epochs trained": trained, "best": best}
    return found, seconds, about


def followed(args: argparse.Namespace, log: Log, memory: str) -> Iterator[Fits]:
    """Yield the models before each month that they are judged on."""
    first = log.months < N_START
    found, seconds, about = searched(args, log, first, memory)
    still = found.best_estimator_
    fresh = clone(still).set_params(memory=None)
    partial = clone(still).fit(log.X[first], log.y[first])  # found in memory
    models = {STILL: still, PARTIAL: partial, ANEW: still, SEARCH: still}
    took = {STILL: 0.0, PARTIAL: 0.0, ANEW: 0.0, SEARCH: seconds}
    models[PRIOR], took[PRIOR] = bench.timed(
        DummyClassifier().fit, log.X[first], log.y[first]
    )
    yield Fits(models, took, about)
    for month in range(N_START, log.months.max()):
        past, new = log.months <= month, log.months == month
        X, y = log.X[past], log.y[past]
        took = {STILL: 0.0}
        _, took[PARTIAL] = bench.timed(partial.partial_fit, log.X[new], log.y[new])
        anew, took[ANEW] = bench.timed(clone(fresh).fit, X, y)
        found, took[SEARCH], about = searched(args, log, past, memory)
        prior, took[PRIOR] = bench.timed(DummyClassifier().fit, X, y)
        best = found.best_estimator_
        models = {ANEW: anew, SEARCH: best, PRIOR: prior}
        yield Fits({STILL: still, PARTIAL: partial, **models}, took, about)


def judged(args: argparse.Namespace, log: Log, memory: str) -> pd.DataFrame:
    """Judge each way in each month: a row for both."""
    rows, first = [], log.months < N_START
    for month, fits in enumerate(followed(args, log, memory), N_START):
        now = log.months == month
        X, y = log.X[now], log.y[now]
        report = drift_report(fits.models[STILL], X, X_reference=log.X[first])
        drift = {
            "unknown users": report.loc["user_id", "unknown"],
            "unknown films": report.loc["item_id", "unknown"],
            "drifted": ", ".join(drifted_columns(report)) or "none",
        }
        for way in WAYS:
            p = fits.models[way].predict_proba(X)[:, 1]
            row = {"month": log.names[month], "clicks": len(y), **drift, "way": way}
            row |= {"auc": roc_auc_score(y, p), "log_loss": log_loss(y, p)}
            about = fits.about if way == SEARCH else {}
            rows.append({**row, "seconds": fits.seconds[way], **about})
        print(f"{log.names[month]} done", flush=True)
    return pd.DataFrame(rows)


# ---- results -----------------------------------------------------------------------


def drift_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what `drift_report` says of each month."""
    columns = ["month", "clicks", "unknown users", "unknown films", "drifted"]
    return rows[columns].drop_duplicates(ignore_index=True)


def months_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the AUC of each way in each month."""
    wide = rows.pivot(index="month", columns="way", values="auc")[WAYS]
    return wide.reset_index().rename_axis(columns=None)


def results_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum each way up over the months, beside the one that stays still.

    In the first month all but the mean are one model, so that it is left out.
    """
    later = rows[rows["month"] != rows["month"].min()]
    by_way = later.groupby("way", sort=False)
    auc = later.pivot(index="month", columns="way", values="auc")[WAYS]
    gain = auc.sub(auc[STILL], axis=0)
    found = by_way[["auc", "log_loss"]].mean()
    found["auc gain"] = gain.mean()
    found["gain se"] = gain.std() / np.sqrt(len(gain))
    found["months better"] = (gain > 0).sum().map(f"{{}} of {len(gain)}".format)
    found["seconds a month"] = by_way["seconds"].mean()
    return found.reset_index()


def search_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what each search took and chose."""
    counts = ["epochs asked", "epochs trained"]
    columns = ["month", *counts, "seconds", "best"]
    return rows.loc[rows["way"] == SEARCH, columns].astype(dict.fromkeys(counts, int))


def protocol(args: argparse.Namespace, log: Log) -> str:
    """Say what is measured, on what and how."""
    start = ", ".join(log.names[:N_START])
    facts = {
        "clicks": f"{tables.MOVIELENS}: ratings of 4 and 5 are clicks, 1 and 2 are "
        f"none, 3 are left out; {len(log.y)} of {log.X['user_id'].nunique()} users",
        "columns": ", ".join(log.X),
        "start": f"all ways start with the best of a search on {start}",
        "each month": "is judged by models that have seen all months before and none "
        "of itself; results are means over the months but the first one judged, in "
        "which all are one model",
        "gain se": "standard error of the mean gain over so many months",
        PARTIAL: "one epoch on the events of each month",
        ANEW: "the parameters of the start, all events so far, no memory",
        "epochs trained": "what memory= left to do of the epochs that a search asked "
        "for; a longer fit goes on from a shorter one, and two processes may train the "
        "same",
        SEARCH: f"by AUC on the last {N_FOLDS} months, each after a fit on all before "
        f"it; grid {GRIDS[args.mode]}; one folder of memory for all months",
        "model": "FMClassifier(batch_size=256, early_stopping=False)",
        "seconds": "of what a way does once a month; of a search with all its fits",
        "run": f"{args.mode} size, n_jobs={args.n_jobs}, seed {args.seed}",
        "made with": bench.environment(),
    }
    return bench.as_list(facts)


# ---- command line ------------------------------------------------------------------


def run(args: argparse.Namespace, log: Log) -> None:
    """Follow the months, and write what comes out."""
    report = bench.Report(args.out, "What staying still costs")
    report.write(protocol(args, log))
    with tempfile.TemporaryDirectory() as memory:
        rows = judged(args, log, memory)
    rows.to_csv(report.out / "months.csv", index=False)
    report.write(f"## What drift_report says\n\n{bench.to_markdown(drift_frame(rows))}")
    report.write(f"## AUC\n\n{bench.to_markdown(months_frame(rows))}")
    report.write(f"## The searches\n\n{bench.to_markdown(search_frame(rows))}")
    report.table("results", "On average", results_frame(rows))


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.make_parser(__doc__)
    args = bench.parse_options(parser, argv, AMOUNTS)
    bench.run_script(parser, args, load, run)


if __name__ == "__main__":
    main()
