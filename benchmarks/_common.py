"""What the benchmark scripts share: options, samples, scores, searches and output."""

import argparse
import datetime
import importlib.metadata
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from skrec.inspection import search_report
from skrec.model_selection import BayesSearchCV

TEST_SIZE = 0.2
MIN_CLASS_ROWS = 10  # enough for the held-out part and five folds
PACKAGES = ["numpy", "pandas", "scikit-learn", "scikit-optimize", "tensorflow", "keras"]

# The dense network of the articles: layers alone, from a drawn start, in batches of 32.
PLAIN_MLP: dict[str, Any] = {
    "units": 128,
    "linear_start": False,
    "number_embedding": None,
    "dropout": 0.0,
    "learning_rate": 0.001,
    "batch_size": 32,
    "early_stopping": False,
}


# ---- command line ------------------------------------------------------------------


class Amount(NamedTuple):
    """How much of something each size takes; an option of a script sets it too."""

    full: int
    short: int
    tiny: int
    meaning: str


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every script has."""
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


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the common options and the sizes."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--full", action="store_true", help="the size of the article, or more"
    )
    either.add_argument(
        "--tiny",
        "--quick",
        action="store_true",
        help="seconds; the scores mean nothing",
    )
    return parser


def parse_options(
    parser: argparse.ArgumentParser, argv: list[str] | None, amounts: dict[str, Amount]
) -> argparse.Namespace:
    """Read the options; the size gives the amounts that are not set."""
    group = parser.add_argument_group(
        "size", "The default is a short search of a minute or two on two cores."
    )
    for name, amount in amounts.items():
        group.add_argument(
            "--" + name.replace("_", "-"),
            type=int,
            metavar="N",
            help=f"{amount.meaning} (default: {amount.short}; --full: {amount.full}; "
            f"--tiny: {amount.tiny})",
        )
    args = parser.parse_args(argv)
    args.mode = "full" if args.full else "tiny" if args.tiny else "short"
    for name, amount in amounts.items():
        value = getattr(args, name)
        if value is None:
            setattr(args, name, getattr(amount, args.mode))
        elif value < 1:
            option = name.replace("_", "-")
            parser.error(f"--{option} must be at least 1. Received: {value}.")
    if args.n_jobs == 0:
        parser.error("--n-jobs must be a number of processes, or -1. Received: 0.")
    return args


def run_script(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    load: Callable[[argparse.Namespace], Any],
    run: Callable[[argparse.Namespace, Any], None],
) -> None:
    """Load samples, of which the user may hear what is wrong, and run on them."""
    try:
        samples = load(args)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _, seconds = timed(run, args, samples)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


# ---- samples -----------------------------------------------------------------------


@dataclass
class Samples:
    """What models are trained on, and what they are judged on."""

    X_train: np.ndarray
    y_train: np.ndarray
    groups_train: np.ndarray  # users, or numbers of rows where there are no users
    X_test: np.ndarray
    y_test: np.ndarray
    groups_test: np.ndarray
    by_user: bool  # whether the groups are users, whom folds must not split
    facts: dict[str, str]  # where they are from, for the reader

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """Rows and classes by the names that :func:`search_report` gives them."""
        return {
            "X_train": self.X_train,
            "y_train": self.y_train,
            "X_test": self.X_test,
            "y_test": self.y_test,
        }

    @property
    def classes(self) -> np.ndarray:
        """All classes, sorted."""
        return np.unique(np.concatenate([self.y_train, self.y_test]))


def make_folds(
    samples: Samples, n_splits: int, seed: int
) -> StratifiedKFold | StratifiedGroupKFold:
    """Return folds that keep the shares of the classes, and users together."""
    splitter = StratifiedGroupKFold if samples.by_user else StratifiedKFold
    return splitter(n_splits, shuffle=True, random_state=seed)


# ---- scores ------------------------------------------------------------------------


def scores(
    model: Any, X: np.ndarray, y: np.ndarray, *, classes: np.ndarray
) -> dict[str, float]:
    """Score a fitted model; classes that it has never seen have probability zero."""
    proba = np.zeros((len(X), len(classes)))
    proba[:, np.searchsorted(classes, model.classes_)] = model.predict_proba(X)
    predicted = classes[proba.argmax(axis=1)]
    macro = {"labels": classes, "average": "macro", "zero_division": 0}
    return {
        "accuracy": accuracy_score(y, predicted),
        "macro_recall": recall_score(y, predicted, **macro),
        "macro_f1": f1_score(y, predicted, **macro),
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
        "macro_recall": found["macro_recall"],
        "macro_f1": found["macro_f1"],
        "log_loss": -found["neg_log_loss"],
    }


# ---- fitting -----------------------------------------------------------------------


def flatten(X: np.ndarray) -> np.ndarray:
    """Put all values of a sample side by side."""
    return X.reshape(len(X), -1).astype(float)


def baselines() -> dict[str, DummyClassifier | Pipeline]:
    """Return the models to beat."""
    logistic = make_pipeline(
        FunctionTransformer(flatten), StandardScaler(), LogisticRegression(max_iter=300)
    )
    majority = DummyClassifier(strategy="prior")
    return {"majority class": majority, "logistic regression": logistic}


def search_settings(
    args: argparse.Namespace, samples: Samples, cv: Any, refit: str = "accuracy"
) -> dict[str, Any]:
    """Return the arguments that all searches of a script share."""
    return {
        "scoring": partial(scores, classes=samples.classes),
        "refit": refit,
        "cv": cv,
        "n_jobs": args.n_jobs,
    }


def make_searches(
    family: str,
    model: Any,
    grid: dict[str, list],
    seed: int,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Return a grid search, and two others that fit a quarter as often."""
    n_iter = max(1, len(ParameterGrid(grid)) // 4)
    rates, sizes = grid["learning_rate"], grid["batch_size"]
    distributions = {
        **grid,
        "learning_rate": loguniform(min(rates), max(rates)),
        "batch_size": randint(min(sizes), max(sizes) + 1),
    }
    spaces = {
        **grid,
        "learning_rate": (min(rates), max(rates), "log-uniform"),
        "batch_size": (min(sizes), max(sizes)),
    }
    searches = [
        GridSearchCV(model, grid, **settings),
        RandomizedSearchCV(
            model, distributions, n_iter=n_iter, random_state=seed, **settings
        ),
        BayesSearchCV(
            model,
            spaces,
            n_iter=n_iter,
            n_points=2,  # two candidates keep several cores busy
            optimizer_kwargs={"n_initial_points": max(1, n_iter // 2)},
            random_state=seed,
            **settings,
        ),
    ]
    return {f"{family}, {type(search).__name__}": search for search in searches}


def fit_model(model: Any, samples: Samples) -> None:
    """Fit a model, or a search on folds that know the users."""
    knows_users = hasattr(model, "cv") and samples.by_user
    groups = {"groups": samples.groups_train} if knows_users else {}
    # OpenMP's threads spin while they wait: on a busy machine two of them took 20 s for
    # the gradient boosting that one does in 1.3 s.
    with threadpool_limits(1, user_api="openmp"):
        model.fit(samples.X_train, samples.y_train, **groups)


def judge(models: dict[str, Any], samples: Samples) -> pd.DataFrame:
    """Fit models and searches, which show their progress; score them on new rows."""
    rows = []
    for name, model in models.items():
        print(f"{name} ...", flush=True)
        if hasattr(model, "cv"):
            model.set_callbacks(ProgressBar(max_propagation_depth=0))
        _, seconds = timed(fit_model, model, samples)
        found = held_out_scores(model, samples)
        rows.append({"model": name, **found, "seconds": seconds})
    return pd.DataFrame(rows)


# ---- what a search found -----------------------------------------------------------


def show(value: Any) -> str:
    """Write the value of a parameter."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def show_parameters(params: dict[str, Any]) -> str:
    """Write parameters in the order of their names."""
    return ", ".join(f"{name}={show(params[name])}" for name in sorted(params))


def _fold_scores(search: Any) -> pd.DataFrame:
    """Return the mean scores of the candidates over the folds; losses are positive."""
    found = pd.DataFrame(search.cv_results_).filter(regex="^mean_test_")
    found.columns = found.columns.str.removeprefix("mean_test_")
    found = found.rename(columns={"score": search.scoring})  # where it is the only one
    for name in found.columns[found.columns.str.startswith("neg_")]:
        found[name] = -found[name]
    return found.rename(columns=lambda name: "fold_" + name.removeprefix("neg_"))


def searches_frame(searches: dict[str, Any], results: pd.DataFrame) -> pd.DataFrame:
    """Sum each search up in one row."""
    seconds = results.set_index("model")["seconds"]
    rows = []
    for name, search in searches.items():
        n_candidates = len(search.cv_results_["params"])
        rows.append(
            {
                "search": name,
                "candidates": n_candidates,
                "fits": n_candidates * search.n_splits_,
                "seconds": seconds[name],
                **_fold_scores(search).loc[search.best_index_],
                "best_parameters": show_parameters(search.best_params_),
            }
        )
    return pd.DataFrame(rows)


def candidates_frame(searches: dict[str, Any]) -> pd.DataFrame:
    """Return every candidate of every search, with its scores fold by fold."""
    frames = []
    for name, search in searches.items():
        frame = pd.DataFrame(search.cv_results_).drop(columns="params")
        frame.insert(0, "search", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _shown_values(search: Any, parameter: str) -> pd.Series:
    """Return the value of a parameter in each candidate that has one, as text."""
    params = enumerate(search.cv_results_["params"])
    return pd.Series({i: show(p[parameter]) for i, p in params if parameter in p})


def effects_frame(searches: dict[str, Any]) -> pd.DataFrame:
    """Explain searches: what the folds say of each value of each parameter."""
    frames = []
    for name, search in searches.items():
        accuracy = _fold_scores(search)["fold_accuracy"]
        for parameter in search.best_params_:
            values = _shown_values(search, parameter).rename("value")
            frame = accuracy[values.index].groupby(values, sort=False)
            frame = frame.agg(["size", "mean", "max"]).reset_index()
            frames.append(frame.assign(search=name, parameter=parameter))
    names = {"size": "candidates", "mean": "mean_accuracy", "max": "best_accuracy"}
    found = pd.concat(frames, ignore_index=True).rename(columns=names)
    return found[["search", "parameter", "value", *names.values()]]


def best_by(search: Any, parameter: str, samples: Samples) -> pd.DataFrame:
    """Fit the best candidate with each value of a parameter, and judge it."""
    accuracy = _fold_scores(search)["fold_accuracy"]
    params = search.cv_results_["params"]
    values = _shown_values(search, parameter)
    best = accuracy[values.index].groupby(values, sort=False).idxmax()
    models = {
        f"{parameter}={value}": clone(search.estimator).set_params(**params[index])
        for value, index in best.items()
    }
    judged = judge(models, samples).rename(columns={"model": parameter})
    judged[parameter] = best.index
    judged.insert(1, "candidates", values.value_counts()[best.index].to_numpy())
    judged.insert(2, "fold_accuracy", accuracy[best].to_numpy())
    judged["best_parameters"] = [show_parameters(params[index]) for index in best]
    return judged


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


def as_list(facts: dict[str, Any]) -> str:
    """Write facts in markdown, an item each."""
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def protocol(
    args: argparse.Namespace, samples: Samples, cv: Any, facts: dict[str, Any]
) -> str:
    """Say what is measured, on what and how, with the facts of one script."""
    n_train, n_test = len(samples.y_train), len(samples.y_test)
    n_groups = [len(np.unique(g)) for g in (samples.groups_train, samples.groups_test)]
    shares = pd.Series(samples.y_train).value_counts(normalize=True)
    of_all = {
        **samples.facts,
        "classes": ", ".join(f"{name} {share:.1%}" for name, share in shares.items()),
        "held out": f"{n_groups[1]} of {sum(n_groups)} "
        f"{'users' if samples.by_user else 'rows'}, {n_test} samples; {n_train} "
        "samples to train and search on",
        "folds": cv,
        **facts,
        "seconds": "of one fit, or of a whole search and the fit of its best",
        "run": f"{args.mode} size, n_jobs={args.n_jobs}, seed {args.seed}",
        "made with": environment(),
    }
    # A build function is called by its name: its address says nothing.
    one_line = {
        name: re.sub(r"<function (\w+) at 0x\w+>", r"\1", " ".join(str(fact).split()))
        for name, fact in of_all.items()
    }
    return as_list(one_line)


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

    The best of several searches has a page of its own, ``report.html``.
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

    def page(self, searches: dict[str, Any], **data: Any) -> None:
        """Write the page of the search whose score is best."""
        name = max(searches, key=lambda name: searches[name].best_score_)
        search_report(
            searches[name],
            self.out / "report.html",
            title=name,
            n_resamples=19,  # the fewest: seconds, whatever was searched
            **data,
        )
        self.write(f"{name}: report.html has all of this search, for a browser.")

    def searches(self, searches: dict[str, Any], results: pd.DataFrame) -> None:
        """Add what was found and by which searches; write each candidate."""
        self.table("results", "On the held-out part", results)
        self.table("searches", "The searches", searches_frame(searches, results))
        candidates_frame(searches).to_csv(self.out / "candidates.csv", index=False)
