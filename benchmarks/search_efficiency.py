"""What six searches find for their fits, epochs and seconds, on two tasks.

A convolutional network that predicts the genre of the film that a user rates next
(MovieLens-100K, folds by user), and a dense network on the 1,797 digits of
scikit-learn. Each search gets the same ranges and, but for Hyperband, which chooses
its own, the same number of candidates; halving and Hyperband go on from shorter fits
through `memory=`. Every repetition has its own seed for folds, networks and searches,
which all searches share. Hyperband is also compared with the full training of its own
candidates.

Written to --out: report.md (how and with what result), searches.csv (each search of
each repetition), summary.csv, hyperband.csv.
"""

import argparse
import tempfile
from typing import Any, NamedTuple

import _common as bench
import _tables as tables
import numpy as np
import pandas as pd
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)
from threadpoolctl import threadpool_limits
from tune_cnn import movielens_table
from tune_mlp import digits_table

from skrec import CNNClassifier, MLPClassifier
from skrec.model_selection import BayesSearchCV, HyperbandSearchCV, OptunaSearchCV
from skrec.training import memory_info

N_FOLDS = 3
FACTOR = 3
RATES = (1e-4, 3e-2)
SIZES = [32, 64, 128]
AMOUNTS = {
    "repetitions": bench.Amount(10, 5, 2, "seeds, with each of which all searches run"),
    "rows": bench.Amount(12_000, 4_000, 300, "windows, or digits, at most"),
    "n_iter": bench.Amount(27, 27, 8, "candidates of a search, 8 or 27 for a grid"),
    "epochs": bench.Amount(27, 27, 3, "epochs of a whole fit; a power of 3"),
}


class Task(NamedTuple):
    """A network, its samples, and the choices beside the learning rate."""

    samples: bench.Samples
    model: Any
    choices: dict[str, list]


def make_tasks(args: argparse.Namespace) -> dict[str, Task]:
    """Return the two tasks."""
    windows = tables.make_samples(movielens_table(), args.rows, args.seed)
    digits = tables.make_samples(digits_table(), args.rows, args.seed)
    params = {"epochs": args.epochs, "dropout": 0.5}
    return {
        "CNN, next genre": Task(
            windows,
            CNNClassifier(**params),
            {"batch_size": SIZES, "units": [64, 128, 256], "filters": [16, 32, 64]},
        ),
        "MLP, digits": Task(
            digits,
            MLPClassifier(**params),
            {
                "batch_size": SIZES,
                "units": [32, 128, 512],
                "activation": ["relu", "tanh"],
            },
        ),
    }


def grid_of(choices: dict[str, list], n_candidates: int) -> dict[str, list]:
    """Return a grid over the learning rate and the first two choices."""
    n_values = round(n_candidates ** (1 / 3))
    first_two = dict(list(choices.items())[:2])
    return {
        "learning_rate": np.geomspace(*RATES, n_values + 2)[1:-1].tolist(),
        **{name: values[:n_values] for name, values in first_two.items()},
    }


def make_searches(
    task: Task, model: Any, cv: Any, seed: int, args: Any
) -> dict[str, Any]:
    """Return the searches, each over the same ranges."""
    shared = {"scoring": "accuracy", "cv": cv, "n_jobs": args.n_jobs}
    seeded = {**shared, "random_state": seed}
    n_points = abs(args.n_jobs)  # so that no process waits for a suggestion
    grid = grid_of(task.choices, args.n_iter)
    drawn = {"learning_rate": loguniform(*RATES), **task.choices}
    ranges = {"learning_rate": (*RATES, "log-uniform"), **task.choices}
    return {
        "grid": GridSearchCV(model, grid, **shared),
        "random": RandomizedSearchCV(model, drawn, n_iter=args.n_iter, **seeded),
        "halving": HalvingGridSearchCV(
            model,
            grid,
            resource="epochs",
            min_resources=1,
            max_resources=args.epochs,
            factor=FACTOR,
            **seeded,
        ),
        "Hyperband": HyperbandSearchCV(
            model, drawn, max_epochs=args.epochs, factor=FACTOR, **seeded
        ),
        "Bayes": BayesSearchCV(
            model, ranges, n_iter=args.n_iter, n_points=n_points, **seeded
        ),
        "Optuna": OptunaSearchCV(
            model, ranges, n_trials=args.n_iter, n_points=n_points, **seeded
        ),
    }


# ---- one search ----------------------------------------------------------------------


def run_search(name: str, search: Any, samples: bench.Samples) -> dict[str, Any]:
    """Run one search and return its row."""
    with tempfile.TemporaryDirectory() as folder:
        search.set_params(estimator__memory=folder)
        _, seconds = bench.timed(bench.fit_model, search, samples)
        # All epochs that were trained, but for those of the last fit on all rows.
        trained = memory_info(folder).n_epochs - search.best_estimator_.n_iter_
        more = full_training(search, samples) if name == "Hyperband" else {}
    held_out = bench.held_out_scores(search.best_estimator_, samples)
    n_rows = len(search.cv_results_["params"])
    return {
        "search": name,
        "rows": n_rows,
        "fits": n_rows * N_FOLDS,
        "epochs": trained,
        "seconds": seconds,
        "best_score": search.best_score_,
        "held_out": held_out["accuracy"],
        **more,
    }


def full_training(search: HyperbandSearchCV, samples: bench.Samples) -> dict[str, Any]:
    """Train every candidate of a Hyperband search to its end, and compare."""
    params = [dict(params) for params in search.cv_results_["params"]]
    for candidate in params:
        del candidate["epochs"]
    candidates = list({str(candidate): candidate for candidate in params}.values())
    whole = GridSearchCV(
        search.estimator,
        [{name: [value] for name, value in one.items()} for one in candidates],
        scoring=search.scoring,
        cv=search.cv,
        n_jobs=search.n_jobs,
        refit=False,
    )
    bench.fit_model(whole, samples)
    best = whole.best_index_
    return {
        "full_score": whole.best_score_,
        "full_se": whole.cv_results_["std_test_score"][best] / np.sqrt(N_FOLDS - 1),
        "full_epochs": len(candidates) * N_FOLDS * search.estimator.epochs,
    }


# ---- all of them ---------------------------------------------------------------------


def run_task(name: str, task: Task, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every search with every seed."""
    rows = []
    for repetition in range(args.repetitions):
        seed = args.seed + repetition
        cv = bench.make_folds(task.samples, N_FOLDS, seed)
        model = task.model.set_params(random_state=seed)
        searches = make_searches(task, model, cv, seed, args)
        for search_name, search in searches.items():
            print(f"{name}, seed {seed}, {search_name} ...", flush=True)
            about = {"task": name, "repetition": repetition}
            rows.append(about | run_search(search_name, search, task.samples))
    return rows


def summarise(searches: pd.DataFrame) -> pd.DataFrame:
    """Sum up each search over the repetitions, beside the random one."""
    rows = []
    for task, of_task in searches.groupby("task", sort=False):
        scores = of_task.pivot(
            index="repetition", columns="search", values="best_score"
        )
        for name, found in of_task.groupby("search", sort=False):
            gain = scores[name] - scores["random"]
            rows.append(
                {
                    "task": task,
                    "search": name,
                    **found[["rows", "fits", "epochs"]].mean().round().astype(int),
                    "seconds": found["seconds"].median(),
                    "best_score": found["best_score"].mean(),
                    "held_out": found["held_out"].mean(),
                    "held_out_se": found["held_out"].sem(),
                    "score_minus_random": gain.mean(),
                    "its_se": gain.sem(),
                }
            )
    return pd.DataFrame(rows)


def compare_hyperband(searches: pd.DataFrame) -> pd.DataFrame:
    """Say what Hyperband saved, and what it missed, of training all it looked at."""
    found = searches[searches["search"] == "Hyperband"]
    limit = found["full_score"] - found["full_se"]
    return found[["task", "repetition", "rows"]].assign(
        share_of_epochs=found["epochs"] / found["full_epochs"],
        best_score=found["best_score"],
        best_of_full_training=found["full_score"],
        its_se=found["full_se"],
        within_one_se=found["best_score"] >= limit,
    )


def run(args: argparse.Namespace, tasks: dict[str, Task]) -> None:
    """Run all searches on all tasks and write what comes out."""
    report = bench.Report(args.out, "Six searches: what they find for what they cost")
    for name, task in tasks.items():
        cv = bench.make_folds(task.samples, N_FOLDS, args.seed)
        facts = {
            "network": task.model,
            "ranges": f"learning rate {RATES[0]} to {RATES[1]} by its logarithm, "
            f"{task.choices}",
            "grid": f"{grid_of(task.choices, args.n_iter)}, which halving starts from",
            "repetitions": f"{args.repetitions}, one seed each",
        }
        report.write(f"## {name}\n\n{bench.protocol(args, task.samples, cv, facts)}")
    with threadpool_limits(1, user_api="openmp"):
        rows = [row for name in tasks for row in run_task(name, tasks[name], args)]
    searches = pd.DataFrame(rows)
    searches.to_csv(report.out / "searches.csv", index=False)
    title = "Means over the repetitions (seconds: median of whole searches)"
    report.table("summary", title, summarise(searches))
    title = "Hyperband beside the full training of its candidates"
    report.table("hyperband", title, compare_hyperband(searches))


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.make_parser(__doc__)
    args = bench.parse_options(parser, argv, AMOUNTS)
    bench.run_script(parser, args, make_tasks, run)


if __name__ == "__main__":
    main()
