"""Tune learning rate, its schedule, batch size, normalisation and regularisation.

First a grid over learning rate, batch size, schedule (none, by steps, exponential,
cosine) and batch normalisation of a dense network; then a second one over early
stopping, dropout, L1 and L2 around the best of the first. --full makes the 72 x 3 and
54 x 3 fits of the whole grids, on more rows.

Without --csv the data are the ratings of MovieLens-100K: does a user like a film (four
stars or more), given who rates what, and how either was rated before? The users who are
judged by are in no search.

Written to --out: report.md (how and with what result), report.html (the best search,
for a browser), results.csv, searches.csv,
lr_schedule.csv and batch_norm.csv (the best with each), effects.csv (mean score by each
value of each parameter), candidates.csv (each candidate, fold by fold).
"""

import argparse

import _common as bench
import _tables as tables
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrec import MLPClassifier

N_FOLDS = 3
SCHEDULES = [None, "step", "exponential", "cosine"]
# How it is trained, and what against over-fitting is then tried on the best of it.
TRAINING: dict[str, dict[str, list]] = {
    "full": {
        "learning_rate": [0.001, 0.01, 0.1],
        "batch_size": [32, 64, 128],
        "lr_schedule": SCHEDULES,
        "batch_norm": [False, True],
    },
    "short": {
        "learning_rate": [0.001, 0.01, 0.1],
        "batch_size": [32, 128],
        "lr_schedule": SCHEDULES,
        "batch_norm": [False, True],
    },
    "tiny": {
        "learning_rate": [0.01],
        "batch_size": [64],
        "lr_schedule": SCHEDULES,
        "batch_norm": [False, True],
    },
}
AGAINST_OVERFITTING: dict[str, dict[str, list]] = {
    "full": {
        "dropout": [0.0, 0.25, 0.5],
        "l1": [0.0, 0.0001, 0.001],
        "l2": [0.0, 0.0001, 0.001],
        "early_stopping": [False, True],
    },
    "short": {
        "dropout": [0.0, 0.5],
        "l1": [0.0, 0.001],
        "l2": [0.0, 0.001],
        "early_stopping": [False, True],
    },
    "tiny": {"dropout": [0.0, 0.5], "early_stopping": [False, True]},
}
AMOUNTS = {
    "rows": bench.Amount(
        10_000, 5_000, 500, "rows at most to train on, and to judge by"
    ),
    "epochs": bench.Amount(20, 20, 3, "epochs of each fit"),
}


def run(args: argparse.Namespace, samples: tables.TableSamples) -> None:
    """Search twice, judge what was found, and write what comes out."""
    cv = bench.make_folds(samples, N_FOLDS, args.seed)
    settings = bench.search_settings(args, samples, cv)
    training, against = TRAINING[args.mode], AGAINST_OVERFITTING[args.mode]
    model = MLPClassifier(
        **bench.PLAIN_MLP,
        epochs=args.epochs,
        n_iter_no_change=3,
        random_state=args.seed,
    )
    report = bench.Report(
        args.out, "Schedules, normalisation and regularisation, tuned"
    )
    facts = {
        "searched model": model,
        "schedules": "'step' halves the rate every 10 epochs, 'exponential' takes a "
        "tenth (in the exponent) an epoch, 'cosine' takes it to 0 over the epochs",
        "grid": f"{training}; then on the best of it {against}; the best by accuracy",
    }
    report.write(bench.protocol(args, samples, cv, facts))

    first = GridSearchCV(model, training, **settings)
    models = {**bench.baselines(), "MLP, not tuned": model, "MLP, tuned": first}
    results = bench.judge(models, samples)
    start = clone(model).set_params(**first.best_params_)
    second = GridSearchCV(start, against, **settings)
    regularised = bench.judge({"MLP, tuned and regularised": second}, samples)
    searches = {"MLP, tuned": first, "MLP, tuned and regularised": second}

    report.searches(searches, pd.concat([results, regularised], ignore_index=True))
    report.page(searches, **samples.parts)
    for parameter, title in (
        ("lr_schedule", "The best with each schedule"),
        ("batch_norm", "The best with and without batch normalisation"),
    ):
        report.table(parameter, title, bench.best_by(first, parameter, samples))
    effects = bench.effects_frame(searches)
    report.table("effects", "What each parameter does, over the folds", effects)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    tables.run_on_table(__doc__, argv, AMOUNTS, tables.movielens_likes, run)


if __name__ == "__main__":
    main()
