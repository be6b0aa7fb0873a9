"""Compare optimizers, each at its best parameters, and find a width by halving.

First a grid for each of plain gradient descent, momentum, RMSprop and Adam over what
they have in common (learning rate, its decay) and what is their own (momentum, rho,
beta, epsilon). Then successive halving over the width and the learning rate: many
candidates get one epoch, the best third of them three times as many, and so on. --full
has larger grids, halves all 48 widths and rates, and takes more rows.

Without --csv the data are the ratings of MovieLens-100K: does a user like a film (four
stars or more), given who rates what, and how either was rated before? The users who are
judged by are in no search.

Written to --out: report.md (how and with what result), report.html (the best search,
for a browser), results.csv, searches.csv,
optimizers.csv (each at its best), rates.csv (each at each learning rate),
candidates.csv (each candidate, fold by fold).
"""

import argparse
from typing import Any

import _common as bench
import _tables as tables
import pandas as pd
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV

from skrec import MLPClassifier

N_FOLDS = 3
GRID, HALVING = "optimizers, GridSearchCV", "widths, HalvingRandomSearchCV"
COMMON = {"learning_rate": [0.01, 0.001, 0.0001], "lr_schedule": [None, "exponential"]}
# A search takes a list of grids, so that each optimizer has its own parameters.
OWN: dict[str, dict[str, dict[str, list]]] = {
    "full": {
        "sgd": {},
        "momentum": {"optimizer__momentum": [0.8, 0.9, 0.99]},
        "rmsprop": {
            "optimizer__rho": [0.9, 0.99],
            "optimizer__momentum": [0.0, 0.9],
            "optimizer__epsilon": [1e-7, 1e-3],
        },
        "adam": {
            "optimizer__beta_1": [0.8, 0.9],
            "optimizer__beta_2": [0.99, 0.999],
            "optimizer__epsilon": [1e-7, 1e-3],
        },
    },
    "short": {
        "sgd": {},
        "momentum": {"optimizer__momentum": [0.9, 0.99]},
        "rmsprop": {"optimizer__rho": [0.9, 0.99]},
        "adam": {"optimizer__beta_1": [0.8, 0.9], "optimizer__epsilon": [1e-7, 1e-3]},
    },
}
OWN["tiny"] = OWN["short"]
SPACE = {"units": list(range(32, 513, 32)), "learning_rate": COMMON["learning_rate"]}
AMOUNTS = {
    "rows": bench.Amount(
        10_000, 5_000, 500, "rows at most to train on, and to judge by"
    ),
    "epochs": bench.Amount(10, 10, 3, "epochs of each fit, at most for halving"),
    "n_candidates": bench.Amount(48, 27, 9, "candidates that halving starts with"),
}


def make_grid(size: str) -> list[dict[str, list]]:
    """Return a grid for each optimizer."""
    common = COMMON if size != "tiny" else {"learning_rate": [0.01, 0.0001]}
    return [
        {"optimizer": [optimizer], **common, **own}
        for optimizer, own in OWN[size].items()
    ]


def make_searches(
    model: Any, args: argparse.Namespace, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return the grid over optimizers and successive halving over widths."""
    halving = HalvingRandomSearchCV(
        model,
        SPACE,
        n_candidates=args.n_candidates,
        factor=3,
        resource="epochs",
        min_resources=1,
        max_resources=args.epochs,
        random_state=args.seed,
        **{**settings, "scoring": "accuracy", "refit": True},  # it takes one score
    )
    grid = GridSearchCV(model, make_grid(args.mode), **settings)
    return {GRID: grid, HALVING: halving}


def describe_halving(halving: HalvingRandomSearchCV) -> str:
    """Say how many candidates got how many epochs, and what that saved."""
    rounds = list(zip(halving.n_candidates_, halving.n_resources_, strict=True))
    spent = sum(n * epochs for n, epochs in rounds) * N_FOLDS
    full = halving.n_candidates_[0] * halving.n_resources_[-1] * N_FOLDS
    steps = ", ".join(f"{n} candidates for {epochs} epochs" for n, epochs in rounds)
    return (
        f"Successive halving trained {steps}: {spent} epochs over the {N_FOLDS} folds, "
        f"where all candidates at the most epochs would have been {full}."
    )


def rates_frame(search: GridSearchCV) -> pd.DataFrame:
    """Return the best accuracy of each optimizer at each learning rate."""
    found = pd.DataFrame(search.cv_results_).pivot_table(
        index="param_optimizer",
        columns="param_learning_rate",
        values="mean_test_accuracy",
        aggfunc="max",
        sort=False,
    )
    return found.rename_axis("optimizer").reset_index()


def run(args: argparse.Namespace, samples: tables.TableSamples) -> None:
    """Search, judge what was found, and write what comes out."""
    cv = bench.make_folds(samples, N_FOLDS, args.seed)
    model = MLPClassifier(**bench.PLAIN_MLP, epochs=args.epochs, random_state=args.seed)
    searches = make_searches(model, args, bench.search_settings(args, samples, cv))
    report = bench.Report(args.out, "Optimizers, each at its best")
    facts = {
        "searched model": model,
        "grids": f"{make_grid(args.mode)}; the best by accuracy",
        "halving": f"{args.n_candidates} of units 32 to 512 by steps of 32 x learning "
        f"rate {SPACE['learning_rate']}, from 1 epoch to {args.epochs}, factor 3",
    }
    report.write(bench.protocol(args, samples, cv, facts))

    models = {**bench.baselines(), "MLP, not tuned": model, **searches}
    report.searches(searches, bench.judge(models, samples))
    report.page(searches, **samples.parts)
    report.write(describe_halving(searches[HALVING]))
    optimizers = bench.best_by(searches[GRID], "optimizer", samples)
    report.table("optimizers", "Each optimizer at its best", optimizers)
    rates = rates_frame(searches[GRID])
    report.table("rates", "Best accuracy over the folds at each learning rate", rates)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    tables.run_on_table(__doc__, argv, AMOUNTS, tables.movielens_likes, run)


if __name__ == "__main__":
    main()
