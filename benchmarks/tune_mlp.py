"""Tune the width and the learning rate of a dense network on images of digits.

A random search over 16 widths (16 to 496 hidden units) and 20 learning rates (1e-5 to
1, evenly spaced by their logarithm); the best of them is trained again on all of the
training part and judged on images that the search has never seen. --full makes the
100 x 5 fits of the article.

Without --csv the data are the 1,797 handwritten digits of 8 x 8 pixels that come with
scikit-learn. A table with a column a pixel, such as MNIST as csv, is read with --csv
and --target.

Written to --out: report.md (how and with what result), report.html (the best search,
for a browser), results.csv, searches.csv,
candidates.csv (each candidate, fold by fold), tune_mlp.png (accuracy by width and by
learning rate).
"""

import argparse

import _common as bench
import _tables as tables
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import RandomizedSearchCV

from skrec import MLPClassifier

N_FOLDS = 5
SEARCH = "MLP, RandomizedSearchCV"
SPACE = {
    "units": list(range(16, 497, 32)),
    "learning_rate": np.logspace(-5, 0, 20).tolist(),
}
AMOUNTS = {
    "rows": bench.Amount(
        70_000, 5_000, 400, "images at most to train on, and to judge by"
    ),
    "n_iter": bench.Amount(100, 30, 4, "candidates drawn; each is fitted once a fold"),
    "epochs": bench.Amount(10, 10, 3, "epochs of each fit, the last one too"),
}


def digits_table() -> tables.Table:
    """Return the digits of scikit-learn, a column a pixel."""
    source = (
        "handwritten digits of scikit-learn (Alpaydin and Kaynak, 1998), 8 x 8 pixels, "
        "since the 28 x 28 ones of the article cannot be had offline"
    )
    return tables.Table(load_digits(as_frame=True).frame, "target", source=source)


def draw(search: RandomizedSearchCV, report: bench.Report) -> None:
    """Draw what the folds say of each width and learning rate."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    points = axes.scatter(
        search.cv_results_["param_learning_rate"].astype(float),
        search.cv_results_["param_units"].astype(int),
        c=search.cv_results_["mean_test_accuracy"],
    )
    axes.set(xscale="log", xlabel="learning rate", ylabel="hidden units")
    figure.colorbar(points, label="accuracy over the folds")
    figure.savefig(report.out / "tune_mlp.png", dpi=120)


def run(args: argparse.Namespace, samples: tables.TableSamples) -> None:
    """Search, judge beside models that were not tuned, and write what comes out."""
    cv = bench.make_folds(samples, N_FOLDS, args.seed)
    model = MLPClassifier(**bench.PLAIN_MLP, epochs=args.epochs, random_state=args.seed)
    search = RandomizedSearchCV(
        model,
        SPACE,
        n_iter=args.n_iter,
        random_state=args.seed,
        **bench.search_settings(args, samples, cv),
    )
    report = bench.Report(args.out, "A dense network on images of digits, tuned")
    facts = {
        "searched model": model,
        "space": "units 16 to 496 by steps of 32, 20 learning rates from 1e-5 to 1; "
        f"{args.n_iter} drawn without replacement, the best by accuracy",
        "refit": f"the best, on all of the training part, {args.epochs} epochs",
    }
    report.write(bench.protocol(args, samples, cv, facts))

    models = {
        **bench.baselines(),
        "MLP, defaults": MLPClassifier(random_state=args.seed),
        f"MLP, plain, epochs={args.epochs}": model,
        SEARCH: search,
    }
    report.searches({SEARCH: search}, bench.judge(models, samples))
    report.page({SEARCH: search}, **samples.parts)
    draw(search, report)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    tables.run_on_table(__doc__, argv, AMOUNTS, digits_table, run)


if __name__ == "__main__":
    main()
