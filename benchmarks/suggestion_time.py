"""What a suggestion of a Bayesian search costs, and what it is worth.

scikit-optimize's BayesSearchCV and skrec's look for the minimum of functions that
cost nothing, with the same seeds: what takes time is choosing the next candidate. A
search at random shows what choosing is worth. --full takes 20 seeds of 100 candidates.

Written to --out: report.md (how and with what result), results.csv (medians over the
seeds), searches.csv (each search).
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import _common as bench
import numpy as np
import pandas as pd
import skopt
from sklearn.base import BaseEstimator
from skopt.benchmarks import hart6

from skrec.model_selection import BayesSearchCV

AMOUNTS = {
    "seeds": bench.Amount(20, 5, 2, "searches of each kind, each with its seed"),
    "points": bench.Amount(100, 50, 12, "candidates of a search"),
}
SKOPT, SKREC, AT_RANDOM = "skopt.BayesSearchCV", "skrec's BayesSearchCV", "at random"


def like_a_network(params: dict[str, Any]) -> float:
    """Return a loss with a minimum of 0 over parameters as a network has them."""
    return float(
        (np.log10(params["learning_rate"]) + 2.5) ** 2
        + 4 * (params["dropout"] - 0.2) ** 2
        + 0.3 * (np.log2(params["units"]) - 5) ** 2
        + {"relu": 0.0, "elu": 0.3, "tanh": 0.6}[params["activation"]]
        + 0.1 * (np.log10(params["l2"]) + 4) ** 2
    )


def hartmann(params: dict[str, Any]) -> float:
    """Return Hartmann's function of six numbers, with a minimum of -3.322."""
    return float(hart6([params[f"x{i}"] for i in range(6)]))


def ackley(params: dict[str, Any]) -> float:
    """Return Ackley's function of five numbers: a minimum of 0 among many others."""
    x = np.array([params[f"x{i}"] for i in range(5)])
    bowl = 20 * np.exp(-0.2 * np.sqrt(np.mean(x**2)))
    waves = np.exp(np.mean(np.cos(2 * np.pi * x)))
    return float(20 + np.e - bowl - waves)


class Problem(NamedTuple):
    """A function and where its minimum is looked for."""

    loss: Callable[[dict[str, Any]], float]
    space: dict[str, Any]


PROBLEMS = {
    "like a network, 5 parameters": Problem(
        like_a_network,
        {
            "learning_rate": (1e-4, 1e-1, "log-uniform"),
            "dropout": (0.0, 0.5),
            "units": (8, 128, "log-uniform"),
            "activation": ["relu", "elu", "tanh"],
            "l2": (1e-6, 1e-1, "log-uniform"),
        },
    ),
    "Hartmann, 6 parameters": Problem(
        hartmann, {f"x{i}": (0.0, 1.0) for i in range(6)}
    ),
    "Ackley, 5 parameters": Problem(ackley, {f"x{i}": (-3.0, 5.0) for i in range(5)}),
}


class Function(BaseEstimator):
    """An estimator that learns nothing, and whose score is a function of parameters."""

    def __init__(
        self,
        loss: Callable[[dict[str, Any]], float] | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.loss = loss
        self.params = params

    def set_params(self, **params: Any) -> "Function":
        self.params = {**(self.params or {}), **params}
        return self

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Function":
        return self

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        return -self.loss(self.params)


def search_once(
    kind: type, problem: Problem, n_points: int, seed: int, **settings: Any
) -> dict[str, float]:
    """Search once; return what a candidate took and the lowest value found."""
    search = kind(
        Function(problem.loss),
        problem.space,
        n_iter=n_points,
        cv=[([0], [1])],
        refit=False,
        random_state=seed,
        **settings,
    )
    cpu_start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-optimize's, on lists of choices
        _, seconds = bench.timed(search.fit, np.zeros((2, 1)), np.zeros(2))
    cpu_seconds = time.process_time() - cpu_start
    return {
        "seconds": seconds / n_points,
        "cpu_seconds": cpu_seconds / n_points,
        "best": -search.best_score_,
    }


def run(args: argparse.Namespace, problems: dict[str, Problem]) -> None:
    """Run all searches and write what comes out."""
    report = bench.Report(args.out, "What a suggestion costs and is worth")
    protocol = {
        "seconds": "of a whole search, divided by its candidates; scoring takes none; "
        "on a busy machine the seconds of the processor tell more",
        "best": "the lowest value that a search found; lower is better",
        "figures": f"median of {args.seeds} seeds from {args.seed} on, "
        f"{args.points} candidates a search, one after the other; quartiles of best",
        "settings": "the defaults of each class; 'at random' never learns",
        "made with": bench.environment(),
    }
    report.write("\n".join(f"- {name}: {fact}" for name, fact in protocol.items()))
    always_random = {"n_initial_points": args.points + 1}
    kinds: dict[str, tuple[type, dict[str, Any]]] = {
        AT_RANDOM: (BayesSearchCV, {"optimizer_kwargs": always_random}),
        SKOPT: (skopt.BayesSearchCV, {}),
        SKREC: (BayesSearchCV, {}),
    }
    rows = []
    for name, problem in problems.items():
        for title, (kind, settings) in kinds.items():
            print(f"{name}: {title} ...", flush=True)
            for seed in range(args.seed, args.seed + args.seeds):
                found = search_once(kind, problem, args.points, seed, **settings)
                rows.append({"function": name, "search": title, "seed": seed, **found})
    searches = pd.DataFrame(rows)
    searches.to_csv(report.out / "searches.csv", index=False)
    report.table(
        "results", "Seconds a candidate, and what was found", medians(searches)
    )


def medians(searches: pd.DataFrame) -> pd.DataFrame:
    """Sum the seeds up in a row for each function and kind of search."""
    groups = searches.groupby(["function", "search"], sort=False)
    return groups.agg(
        seconds=("seconds", "median"),
        cpu_seconds=("cpu_seconds", "median"),
        best=("best", "median"),
        best_25=("best", lambda best: best.quantile(0.25)),
        best_75=("best", lambda best: best.quantile(0.75)),
    ).reset_index()


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.make_parser(__doc__)
    args = bench.parse_options(parser, argv, AMOUNTS)
    bench.run_script(parser, args, lambda args: PROBLEMS, run)


if __name__ == "__main__":
    main()
