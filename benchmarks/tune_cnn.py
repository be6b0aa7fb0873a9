"""Tune a convolutional network on what users did, to predict what they do next.

Without --csv the data are the ratings of MovieLens-100K: from the films that a user has
rated so far, in order, and how, predict the genre of the next one.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from typing import Any

import joblib
import numpy as np
import pandas as pd
from _common import (
    Report,
    Samples,
    Table,
    add_common_options,
    clean,
    environment,
    held_out_scores,
    make_samples,
    read_csv_table,
    save_model,
    scores,
    timed,
)
from matplotlib.figure import Figure
from scipy.stats import loguniform, randint
from sklearn.callback import ProgressBar
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skopt import BayesSearchCV
from skopt.space import Categorical, Integer, Real
from threadpoolctl import threadpool_limits

from skrec import CNNClassifier
from skrec.datasets import fetch_movielens

N_FOLDS = 3
N_GENRES = 3  # the most frequent ones; the rest together are one class more
# The random and the Bayesian search take any learning rate and batch size between the
# least and the greatest of these, and one of the filters and units.
GRIDS: dict[str, dict[str, list]] = {
    "full": {
        "learning_rate": [0.0001, 0.001, 0.01],
        "batch_size": [32, 64, 128],
        "filters": [16, 32, 64],
        "units": [64, 128, 256],
    },
    "short": {
        "learning_rate": [0.0001, 0.001, 0.01],
        "batch_size": [32, 128],
        "filters": [16, 64],
        "units": [64, 256],
    },
    "tiny": {
        "learning_rate": [0.001, 0.01],
        "batch_size": [32, 64],
        "filters": [4, 8],
        "units": [8],
    },
}
ROWS = {"full": 30_000, "short": 12_000, "tiny": 400}
EPOCHS = {"full": 30, "short": 20, "tiny": 2}


# ---- data --------------------------------------------------------------------------


def movielens_table() -> Table:
    """Return the ratings as events, with each film's genre to predict.

    A film may have several genres; the first one that MovieLens lists for it is taken.
    """
    movielens = fetch_movielens("100k")
    genres = [name for name in movielens.genres if name != "unknown"]
    movies = movielens.movies.set_index("item_id")[["year", *genres]]
    movies = movies[movies[genres].any(axis=1)]
    events = movielens.ratings.join(movies, on="item_id", how="inner")
    first = events[genres].idxmax(axis=1)
    frequent = first.value_counts().index[:N_GENRES]
    events["genre"] = first.where(first.isin(frequent), "other")
    notes = [
        "class of a film: the first genre that MovieLens lists for it, if among the "
        f"{N_GENRES} most frequent, else 'other'",
        f"dropped {len(movielens.ratings) - len(events)} ratings of films of no genre",
    ]
    return Table(events, "genre", "user_id", "timestamp", ["item_id"], notes)


def load_samples(args: argparse.Namespace) -> tuple[Table, Samples]:
    """Read, clean, split and encode what the options ask for."""
    if args.csv is None:
        table = movielens_table()
    else:
        table = read_csv_table(args.csv, args.target, args.user_col, args.time_col)
    table = clean(table)
    return table, make_samples(table, args.rows, args.seed)


# ---- models ------------------------------------------------------------------------


def flatten(X: np.ndarray) -> np.ndarray:
    """Put the steps of a window side by side."""
    return X.reshape(len(X), -1)


def baselines(seed: int, search_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the models to beat; logistic regression is tuned on the same folds."""
    logistic = make_pipeline(
        FunctionTransformer(flatten),
        StandardScaler(),
        LogisticRegression(max_iter=300),
    )
    grid = {"logisticregression__C": [0.0001, 0.001, 0.01, 0.1]}
    boosting = HistGradientBoostingClassifier(early_stopping=True, random_state=seed)
    return {
        "majority class": DummyClassifier(strategy="prior"),
        "logistic regression, C tuned": GridSearchCV(logistic, grid, **search_kwargs),
        "gradient boosting": make_pipeline(FunctionTransformer(flatten), boosting),
    }


def start_model(args: argparse.Namespace) -> CNNClassifier:
    """Return what the searches start from.

    The grid has nothing against over-fitting, so this has: without it the best of the
    grid is whatever learns least in its epochs.
    """
    return CNNClassifier(
        dropout=0.5,
        early_stopping=True,
        n_iter_no_change=3,
        epochs=args.epochs,
        random_state=args.seed,
    )


def searches(
    model: Any, grid: dict[str, list], seed: int, search_kwargs: dict[str, Any]
) -> Iterator[Any]:
    """Yield a grid search, and two others that fit a quarter as often."""
    n_iter = max(1, len(ParameterGrid(grid)) // 4)
    rates, sizes = grid["learning_rate"], grid["batch_size"]
    yield GridSearchCV(model, grid, **search_kwargs)
    distributions = {
        **grid,
        "learning_rate": loguniform(min(rates), max(rates)),
        "batch_size": randint(min(sizes), max(sizes) + 1),
    }
    yield RandomizedSearchCV(
        model, distributions, n_iter=n_iter, random_state=seed, **search_kwargs
    )
    spaces = {
        "learning_rate": Real(min(rates), max(rates), prior="log-uniform"),
        "batch_size": Integer(min(sizes), max(sizes)),
        "filters": Categorical(grid["filters"]),
        "units": Categorical(grid["units"]),
    }
    yield BayesSearchCV(
        model,
        spaces,
        n_iter=n_iter,
        n_points=2,  # two candidates are six fits, which keep several cores busy
        optimizer_kwargs={"n_initial_points": max(1, n_iter // 2)},
        random_state=seed,
        **search_kwargs,
    )


def fit_model(model: Any, samples: Samples) -> None:
    """Fit a model, or a search on folds that know the users."""
    groups = {"groups": samples.fold_groups} if hasattr(model, "cv") else {}
    # OpenMP's threads spin while they wait: on a busy machine two of them took 20 s for
    # the gradient boosting that one does in 1.3 s.
    with threadpool_limits(1, user_api="openmp"):
        model.fit(samples.X_train, samples.y_train, **groups)


def fit_search(search: Any, samples: Samples) -> None:
    """Fit a search and show how far it is."""
    arrays = samples.X_train, samples.y_train
    print(f"{search_name(search)} ...", flush=True)
    if not isinstance(search, BayesSearchCV):
        search.set_callbacks(ProgressBar(max_propagation_depth=0))
        search.fit(*arrays, groups=samples.fold_groups)
        return

    # It asks for candidates bit by bit, so a progress bar cannot know how many come.
    def show(result: Any) -> None:
        done = f"{len(result.func_vals)} of {search.n_iter} candidates"
        print(f"  {done}, best {search.refit}: {-result.fun:.4f}", flush=True)

    search.fit(*arrays, groups=samples.fold_groups, callback=show)


# ---- results -----------------------------------------------------------------------


def search_name(search: Any) -> str:
    """Name the model that a search finds."""
    return f"CNN, {type(search).__name__}"


def best_parameters(search: Any) -> str:
    """Write the best parameters in the order of their names."""
    values = {name: np.asarray(v).item() for name, v in search.best_params_.items()}
    return ", ".join(f"{name}={values[name]:.3g}" for name in sorted(values))


def search_row(search: Any, seconds: float) -> dict[str, Any]:
    """Sum a search up in one row."""
    found, best = search.cv_results_, search.best_index_
    return {
        "search": type(search).__name__,
        "candidates": len(found["params"]),
        "fits": len(found["params"]) * N_FOLDS,
        "seconds": seconds,
        "fold_accuracy": found["mean_test_accuracy"][best],
        "fold_macro_f1": found["mean_test_macro_f1"][best],
        "fold_log_loss": -found["mean_test_neg_log_loss"][best],
        "best_parameters": best_parameters(search),
    }


def candidates_frame(done: list[Any]) -> pd.DataFrame:
    """Return every candidate of every search, with its scores fold by fold."""
    frames = []
    for search in done:
        frame = pd.DataFrame(search.cv_results_).drop(columns="params")
        frame.insert(0, "search", type(search).__name__)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def leak_frame(
    models: dict[str, Any],
    results: pd.DataFrame,
    samples: Samples,
    search_kwargs: dict[str, Any],
) -> pd.DataFrame:
    """Compare folds that share users with folds that do not, and with new users."""
    rows = []
    for name, model in models.items():
        for folds, cv, groups in (
            (f"cv={N_FOLDS}, users in several folds", N_FOLDS, None),
            ("folds by user", search_kwargs["cv"], samples.fold_groups),
        ):
            found = cross_validate(
                model,
                samples.X_train,
                samples.y_train,
                groups=groups,
                cv=cv,
                scoring=search_kwargs["scoring"],
                n_jobs=search_kwargs["n_jobs"],
            )
            loss = -found["test_neg_log_loss"].mean()
            rows.append((name, folds, found["test_accuracy"].mean(), loss))
        held_out = results.set_index("model").loc[name]
        rows.append(
            (name, "users held out", held_out["accuracy"], held_out["log_loss"])
        )
    return pd.DataFrame(rows, columns=["model", "measured on", "accuracy", "log_loss"])


def draw(results: pd.DataFrame, candidates: pd.DataFrame, report: Report) -> None:
    """Draw accuracy on the held-out part, and what the learning rate does."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.barh(results["model"], results["accuracy"], xerr=results["accuracy_se"])
    left.axvline(results["accuracy"].iloc[0], color="black", linestyle=":")
    left.invert_yaxis()
    left.set(xlabel="accuracy on the held-out part, with standard error")
    for name, found in candidates.groupby("search", sort=False):
        rates = found["param_learning_rate"].astype(float)
        right.scatter(rates, -found["mean_test_neg_log_loss"], label=name, alpha=0.6)
    right.set(xscale="log", xlabel="learning rate", ylabel="log-loss over the folds")
    right.legend()
    figure.savefig(report.out / "tune_cnn.png", dpi=120)


def save_best(search: Any, samples: Samples, report: Report) -> None:
    """Save the best model with what makes its input, and check what was saved."""
    best = search.best_estimator_
    joblib.dump(samples.encoder, report.out / "encoder.joblib")
    difference = save_model(best, samples.X_test, report.out)
    if difference > 1e-4:
        raise RuntimeError(
            "the saved model does not predict what the fitted one does. Received: "
            f"probabilities that differ by {difference}."
        )
    predictions = {
        "user" if samples.by_user else "row": samples.groups_test,
        "true": samples.y_test,
        "predicted": best.predict(samples.X_test),
    }
    pd.DataFrame(predictions).to_csv(report.out / "predictions.csv", index=False)
    report.write(
        f"Best over the folds: {search_name(search)}, {best_parameters(search)}. Saved "
        "as best_model.joblib and best_model.keras; loaded again, both predict the "
        f"same (greatest difference of a probability: {difference:.0e})."
    )


def protocol(args: argparse.Namespace, table: Table, samples: Samples) -> str:
    """Say what is measured, on what and how."""
    kept_apart = "users" if samples.by_user else "rows"
    n_train, n_test = len(samples.y_train), len(samples.y_test)
    n_groups = [len(np.unique(g)) for g in (samples.groups_train, samples.groups_test)]
    shares = pd.Series(samples.y_train).value_counts(normalize=True)
    grid = ", ".join(f"{name} {values}" for name, values in args.grid.items())
    folds = "StratifiedGroupKFold" if samples.by_user else "StratifiedKFold"
    facts = {
        "data": "MovieLens-100K (Harper and Konstan, 2015)"
        if args.csv is None
        else args.csv,
        "cleaning": "; ".join(table.notes) or "there was nothing to clean",
        "samples": "; ".join(samples.notes),
        "classes": ", ".join(f"{name} {share:.1%}" for name, share in shares.items()),
        "held out": f"{n_groups[1]} of {sum(n_groups)} {kept_apart}, {n_test} samples; "
        f"{n_train} samples to train and search on",
        "scaling": "on the training part of each fit alone; CNNClassifier does it "
        "itself (standardize=True)",
        "folds": f"{folds}({N_FOLDS}, shuffle=True, random_state={args.seed})",
        "searched model": " ".join(str(start_model(args)).split()),
        "grid": f"{grid}; the best by {args.scoring}",
        "run": f"{args.size} size, n_jobs={args.n_jobs}, seed {args.seed}",
        "made with": environment(),
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Read the options; the size gives those that are not set."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Written to --out: report.md (how and with what result), results.csv, "
        "searches.csv, candidates.csv (each candidate, fold by fold), leak.csv, "
        "predictions.csv, tune_cnn.png; the best model as best_model.joblib and "
        "best_model.keras, and encoder.joblib, which makes its numbers.",
    )
    add_common_options(parser)
    own = parser.add_argument_group(
        "your own table",
        "With --csv and --target each row is one sample. With a user and a time column "
        "as well the table is an event log: the target of each event is predicted from "
        "the earlier events of its user, for users that were held out.",
    )
    own.add_argument("--csv", metavar="FILE", help="table with a header and commas")
    own.add_argument("--target", metavar="COLUMN", help="classes to predict")
    own.add_argument("--user-col", metavar="COLUMN", help="whose event it is")
    own.add_argument("--time-col", metavar="COLUMN", help="when; numbers or dates")
    size = parser.add_argument_group(
        "size", "The default is a short search of some minutes on two cores."
    )
    either = size.add_mutually_exclusive_group()
    either.add_argument(
        "--full",
        action="store_true",
        help="more samples, and all 81 x 3 fits of a grid",
    )
    either.add_argument(
        "--tiny", action="store_true", help="seconds; the scores mean nothing"
    )
    size.add_argument(
        "--rows",
        type=int,
        help="about so many samples, though at least one a user (default: "
        f"{ROWS['short']}; --full: {ROWS['full']}; --tiny: {ROWS['tiny']})",
    )
    size.add_argument(
        "--epochs",
        type=int,
        help="at most so many epochs for each fit of a search, which stops early "
        f"(default: {EPOCHS['short']}; --full: {EPOCHS['full']}; --tiny: "
        f"{EPOCHS['tiny']})",
    )
    size.add_argument(
        "--scoring",
        choices=["accuracy", "macro_f1", "neg_log_loss"],
        default="neg_log_loss",
        help="what the searches choose the best by (default: neg_log_loss)",
    )
    args = parser.parse_args(argv)
    check_options(parser, args)
    args.size = "full" if args.full else "tiny" if args.tiny else "short"
    args.grid = GRIDS[args.size]
    args.rows = ROWS[args.size] if args.rows is None else args.rows
    args.epochs = EPOCHS[args.size] if args.epochs is None else args.epochs
    return parser, args


def check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Stop at options that are out of range or do not go together."""
    if (args.csv is None) != (args.target is None):
        parser.error("--csv and --target go together: give both or none.")
    if (args.user_col is None) != (args.time_col is None):
        parser.error("--user-col and --time-col go together: give both or none.")
    if args.user_col is not None and args.csv is None:
        parser.error("--user-col and --time-col need --csv.")
    for name in ("rows", "epochs"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be at least 1. Received: {value}.")


def run(args: argparse.Namespace, table: Table, samples: Samples) -> None:
    """Fit all models and searches, and write what comes out."""
    report = Report(args.out, "A convolutional network, tuned")
    report.write(protocol(args, table, samples))
    folds = StratifiedGroupKFold if samples.by_user else StratifiedKFold
    search_kwargs = {
        "scoring": partial(scores, classes=samples.classes),
        "refit": args.scoring,
        "cv": folds(N_FOLDS, shuffle=True, random_state=args.seed),
        "n_jobs": args.n_jobs,
    }
    default, start = CNNClassifier(random_state=args.seed), start_model(args)
    models = baselines(args.seed, search_kwargs)
    models["CNN, defaults"] = default
    models["CNN, not tuned"] = start

    rows = []
    for name, model in models.items():
        print(f"{name} ...", flush=True)
        _, seconds = timed(fit_model, model, samples)
        rows.append({"model": name, **held_out_scores(model, samples)})
        rows[-1]["seconds"] = seconds
    done, summaries = [], []
    for search in searches(start, args.grid, args.seed, search_kwargs):
        _, seconds = timed(fit_search, search, samples)
        rows.append({"model": search_name(search), **held_out_scores(search, samples)})
        rows[-1]["seconds"] = seconds
        summaries.append(search_row(search, seconds))
        done.append(search)

    results, candidates = pd.DataFrame(rows), candidates_frame(done)
    candidates.to_csv(report.out / "candidates.csv", index=False)
    report.table("results", "On the held-out part", results)
    report.table("searches", "The searches", pd.DataFrame(summaries))
    best = max(done, key=lambda search: search.best_score_)
    if samples.by_user:
        tested = {"CNN, defaults": default, search_name(best): best.best_estimator_}
        leak = leak_frame(tested, results, samples, search_kwargs)
        report.table("leak", "Folds that share users, folds by user, new users", leak)
    draw(results, candidates, report)
    save_best(best, samples, report)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser, args = parse(argv)
    try:
        table, samples = load_samples(args)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _, seconds = timed(run, args, table, samples)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


if __name__ == "__main__":
    main()
