"""Tune a recommender on what users did, and recommend to each what is next.

Without --csv the data are the ratings of MovieLens-100K, each an event: who rated which
film, and when. A convolutional network over the last films (Caser) is tuned by a grid,
a random and a Bayesian search, and compared with models that are solved or counted and
with SASRec, on the last film of each user. --full makes all 81 fits of the grid.

Written to --out: report.md (how and with what result), report.html (the best search,
for a browser), results.csv, searches.csv,
candidates.csv (each candidate), recommended.csv (ten items for one user),
tune_recommender.png, and the best model of the searches as best_model.joblib.
"""

import argparse
from dataclasses import dataclass, field
from typing import Any

import _common as bench
import _tables as tables
import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.callback import ProgressBar
from tune_cnn import GRIDS as OF_THE_ARTICLES

from skrec.datasets import fetch_movielens
from skrec.metrics import evaluate, recommender_scorer
from skrec.model_selection import LeaveLastOut
from skrec.recommenders import (
    CaserRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularRecommender,
    SASRecRecommender,
)

METRICS = ["ndcg@10", "hit_rate@10"]
MIN_USERS = 10
GRIDS: dict[str, dict[str, list]] = {
    **OF_THE_ARTICLES,
    "short": {  # of what learns something in a few epochs
        "learning_rate": [0.001, 0.01],
        "batch_size": [512, 1024],
        "filters": [4, 8],
        "units": [32, 64],
    },
}
# Its defaults are for fifty epochs and more.
SASREC = {"num_blocks": 1, "dropout": 0.2, "batch_size": 32, "learning_rate": 0.002}
AMOUNTS = {
    "users": bench.Amount(10**9, 2_000, 100, "users at most, drawn at random"),
    "epochs": bench.Amount(50, 3, 2, "epochs of each fit at most, which stops early"),
}


# ---- events ------------------------------------------------------------------------


@dataclass
class Log:
    """Events, one a row, with what their columns are called."""

    events: pd.DataFrame
    user: str
    item: str
    time: str | None
    source: str
    titles: dict[Any, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what was done, for the reader

    @property
    def last_out(self) -> LeaveLastOut:
        """What holds the last event of each user out."""
        return LeaveLastOut(user_col=self.user, time_col=self.time)

    @property
    def columns(self) -> dict[str, str | None]:
        """Return what every recommender is told."""
        return {"user_col": self.user, "item_col": self.item, "time_col": self.time}


def load(args: argparse.Namespace) -> Log:
    """Read and clean the log that the options ask for."""
    if args.csv is None:
        movielens = fetch_movielens()
        titles = movielens.movies.set_index("item_id")["title"].to_dict()
        names = ("user_id", "item_id", "timestamp")
        log = Log(movielens.ratings, *names, tables.MOVIELENS, titles)
    else:
        names = (args.user_col, args.item_col, args.time_col)
        options = dict(zip(("user-col", "item-col", "time-col"), names, strict=True))
        log = Log(tables.read_csv(args.csv, options), *names, args.csv)
    return clean(log, args.users, args.seed)


def clean(log: Log, n_users: int, seed: int) -> Log:
    """Keep the first event of each user with each item, of so many users at most."""
    keys = [name for name in (log.user, log.item, log.time) if name]
    events = log.events[keys].dropna()
    if dropped := len(log.events) - len(events):
        log.notes.append(f"dropped {dropped} rows without one of {', '.join(keys)}")
    for name in (log.user, log.item):  # numbers, where a gap in the file made floats
        if events[name].dtype.kind == "f" and (events[name] % 1 == 0).all():
            events[name] = events[name].astype(int)
    if log.time:
        events = events.sort_values(log.time, kind="stable")
    again = events.duplicated([log.user, log.item])
    if again.any():
        log.notes.append(
            f"dropped {again.sum()} events of an item that the user had before: what "
            "is recommended is new to the user"
        )
    events = events[~again]
    users = np.sort(events[log.user].unique())
    if len(users) > n_users:
        users = np.random.default_rng(seed).choice(users, n_users, replace=False)
        log.notes.append(f"drew {n_users} users")
        events = events[events[log.user].isin(users)]
    n_judged = (events[log.user].value_counts() > 1).sum()
    if n_judged < MIN_USERS:
        raise ValueError(
            f"there must be at least {MIN_USERS} users with two different items. "
            f"Received: {n_judged} in {log.source}."
        )
    log.events = events.reset_index(drop=True)
    return log


# ---- models ------------------------------------------------------------------------


def models_to_beat(log: Log, args: argparse.Namespace) -> dict[str, Any]:
    """Return models that are not tuned, the one that the searches start from last."""
    network = {**log.columns, "epochs": args.epochs, "random_state": args.seed}
    ids = {"user_col": log.user, "item_col": log.item}
    return {
        "Popular": PopularRecommender(**ids),
        "ItemKNN": ItemKNNRecommender(**ids),
        "EASE": EASERecommender(**ids),
        "SASRec, not tuned": SASRecRecommender(**network, **SASREC),
        "Caser, not tuned": CaserRecommender(**network),
    }


def judge(
    models: dict[str, Any], train: pd.DataFrame, test: pd.DataFrame
) -> pd.DataFrame:
    """Fit models and searches, which show their progress; score them on last events."""
    rows = []
    for name, model in models.items():
        print(f"{name} ...", flush=True)
        if hasattr(model, "cv"):
            model.set_callbacks(ProgressBar(max_propagation_depth=0))
        _, seconds = bench.timed(model.fit, train)
        fitted = getattr(model, "best_estimator_", model)
        found = evaluate(fitted, test, METRICS)
        row: dict[str, Any] = {"model": name}
        for metric in METRICS:
            row[metric] = found.loc[metric, "score"]
            row[f"{metric} se"] = found.loc[metric, "standard_error"]
        rows.append({**row, "seconds": seconds})
    return pd.DataFrame(rows)


# ---- results -----------------------------------------------------------------------


def protocol(args: argparse.Namespace, log: Log, test: pd.DataFrame, start: Any) -> str:
    """Say what is measured, on what and how."""
    events = log.events
    facts = {
        "events": f"{log.source}: {len(events)} of {events[log.user].nunique()} users "
        f"and {events[log.item].nunique()} items",
        "done": "; ".join(log.notes) or "nothing",
        "held out": f"the last event of each of {len(test)} users with several; "
        f"{_n_ties(log)} of them have another event at the same time, and of these the "
        "one further down in the log counts as the last",
        "searches": f"by {METRICS[0]} of the last event but one ({log.last_out}); of "
        "the events before it each fit holds one a user out itself, to stop early",
        "ranking": "all items, but those that the user had before",
        "searched model": start,
        "SASRec": SASREC,
        "grid": GRIDS[args.mode],
        "seconds": "of one fit, or of a whole search and the fit of its best",
        "run": f"{args.mode} size, n_jobs={args.n_jobs}, seed {args.seed}",
        "made with": bench.environment(),
    }
    one_line = {name: " ".join(str(fact).split()) for name, fact in facts.items()}
    return bench.as_list(one_line)


def _n_ties(log: Log) -> int:
    """Count the users whose last event has the time of another one of theirs."""
    if log.time is None:
        return 0
    times = log.events.groupby(log.user)[log.time]
    is_last = log.events[log.time] == times.transform("max")
    return int((is_last.groupby(log.events[log.user]).sum() > 1).sum())


def recommended_frame(log: Log, model: Any, test: pd.DataFrame) -> pd.DataFrame:
    """Recommend ten items to the first user, and say which one was next in fact."""
    row = test.sort_values(log.user, kind="stable").iloc[0]
    user, last = row[log.user], row[log.item]
    found = model.recommend([user], n=10)
    if log.titles:
        found.insert(2, "title", found[log.item].map(log.titles))
    found["was next"] = np.where(found[log.item] == last, "yes", "")
    return found


def draw(results: pd.DataFrame, searches: dict[str, Any], report: bench.Report) -> None:
    """Draw the score of each model, and of each candidate by its learning rate."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    metric = METRICS[0]
    left.barh(results["model"], results[metric], xerr=results[f"{metric} se"])
    left.invert_yaxis()
    left.set(xlabel=f"{metric} on the last events, with standard error")
    for name, search in searches.items():
        found = search.cv_results_
        rates = np.asarray(found["param_learning_rate"], dtype=float)
        right.scatter(rates, found[f"mean_test_{metric}"], label=name, alpha=0.6)
    right.set(xscale="log", xlabel="learning rate", ylabel=f"{metric} in the search")
    right.legend()
    figure.savefig(report.out / "tune_recommender.png", dpi=120)


def save_best(name: str, search: Any, report: bench.Report) -> None:
    """Save the best model, and check what was saved."""
    best, file = search.best_estimator_, report.out / "best_model.joblib"
    joblib.dump(best, file)
    users = best.users_[:100]
    if not joblib.load(file).recommend(users).equals(best.recommend(users)):
        raise RuntimeError(
            "the saved model does not recommend what the fitted one does"
        )
    found = bench.show_parameters(search.best_params_)
    report.write(
        f"Best in the searches: {name}, {found}. Saved as best_model.joblib; loaded "
        "again, it recommends the same."
    )


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Read the options; the size gives those that are not set."""
    parser = bench.make_parser(__doc__)
    own = parser.add_argument_group(
        "your own log", "One row an event: a purchase, a click, a film."
    )
    own.add_argument("--csv", metavar="FILE", help="table with a header and commas")
    own.add_argument("--user-col", metavar="COLUMN", help="who did it")
    own.add_argument("--item-col", metavar="COLUMN", help="what it was done with")
    own.add_argument(
        "--time-col",
        metavar="COLUMN",
        help="when; numbers or dates (default: rows are in the order of time)",
    )
    args = bench.parse_options(parser, argv, AMOUNTS)
    given = [args.csv, args.user_col, args.item_col]
    if any(given) and not all(given):
        parser.error("--csv, --user-col and --item-col go together: give all or none.")
    if args.time_col is not None and args.csv is None:
        parser.error("--time-col needs --csv.")
    return parser, args


def run(args: argparse.Namespace, log: Log) -> None:
    """Fit all models and searches, and write what comes out."""
    train, test = (log.events.iloc[k] for k in next(log.last_out.split(log.events)))
    models = models_to_beat(log, args)
    start = models["Caser, not tuned"]
    report = bench.Report(args.out, "A recommender, tuned")
    report.write(protocol(args, log, test, start))
    settings = {
        "scoring": recommender_scorer(METRICS),
        "refit": METRICS[0],
        "cv": log.last_out,
        "n_jobs": args.n_jobs,
    }
    searches = bench.make_searches(
        "Caser", start, GRIDS[args.mode], args.seed, settings
    )
    results = judge(models | searches, train, test)
    report.searches(searches, results)
    report.page(searches, X_test=test, X_train=train)
    name = max(searches, key=lambda name: searches[name].best_score_)
    shown = recommended_frame(log, searches[name].best_estimator_, test)
    user = shown[log.user].iloc[0]
    report.table("recommended", f"Ten for user {user}, by {name}", shown)
    draw(results, searches, report)
    save_best(name, searches[name], report)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser, args = parse(argv)
    bench.run_script(parser, args, load, run)


if __name__ == "__main__":
    main()
