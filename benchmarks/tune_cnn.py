"""Tune a convolutional network on what users did, to predict what they do next.

Without --csv the data are the ratings of MovieLens-100K: from the films that a user has
rated so far, in order, and how, predict the genre of the next one. --full makes all
81 x 3 fits of the grid, on more samples.

Written to --out: report.md (how and with what result), report.html (the best search,
for a browser), results.csv, searches.csv,
candidates.csv (each candidate, fold by fold), leak.csv, predictions.csv, tune_cnn.png;
the best model as best_model.joblib and best_model.keras, and encoder.joblib, which
makes its numbers.
"""

import argparse
from pathlib import Path
from typing import Any

import _common as bench
import _tables as tables
import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

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
AMOUNTS = {
    "rows": bench.Amount(
        30_000, 12_000, 400, "windows, about; or rows in each part, at most"
    ),
    "epochs": bench.Amount(30, 20, 2, "epochs of each fit at most, which stops early"),
}


# ---- data --------------------------------------------------------------------------


def movielens_table() -> tables.Table:
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
    return tables.Table(
        events, "genre", "user_id", "timestamp", ["item_id"], tables.MOVIELENS, notes
    )


def load(args: argparse.Namespace) -> tables.TableSamples:
    """Read, clean, split and encode what the options ask for."""
    return tables.load_samples(args, movielens_table)


# ---- models ------------------------------------------------------------------------


def models_to_beat(seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the models to beat; logistic regression is tuned on the same folds."""
    models = bench.baselines()
    logistic = models.pop("logistic regression")
    grid = {"logisticregression__C": [0.0001, 0.001, 0.01, 0.1]}
    boosting = HistGradientBoostingClassifier(early_stopping=True, random_state=seed)
    return {
        **models,
        "logistic regression, C tuned": GridSearchCV(logistic, grid, **settings),
        "gradient boosting": make_pipeline(
            FunctionTransformer(bench.flatten), boosting
        ),
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


# ---- results -----------------------------------------------------------------------


def leak_frame(
    models: dict[str, Any],
    results: pd.DataFrame,
    samples: tables.TableSamples,
    settings: dict[str, Any],
) -> pd.DataFrame:
    """Compare folds that share users with folds that do not, and with new users."""
    rows = []
    for name, model in models.items():
        for folds, cv, groups in (
            (f"cv={N_FOLDS}, users in several folds", N_FOLDS, None),
            ("folds by user", settings["cv"], samples.groups_train),
        ):
            found = cross_validate(
                model,
                samples.X_train,
                samples.y_train,
                groups=groups,
                cv=cv,
                scoring=settings["scoring"],
                n_jobs=settings["n_jobs"],
            )
            loss = -found["test_neg_log_loss"].mean()
            rows.append((name, folds, found["test_accuracy"].mean(), loss))
        held_out = results.set_index("model").loc[name]
        rows.append(
            (name, "users held out", held_out["accuracy"], held_out["log_loss"])
        )
    return pd.DataFrame(rows, columns=["model", "measured on", "accuracy", "log_loss"])


def draw(results: pd.DataFrame, candidates: pd.DataFrame, report: bench.Report) -> None:
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


def save_model(model: Any, X: np.ndarray, out: Path) -> float:
    """Save a fitted model twice, load both and return how far they are from it.

    ``best_model.joblib`` is the estimator and ``best_model.keras`` the Keras model,
    which takes the same X and returns the same probabilities.
    """
    import keras  # not before skrec, which starts TensorFlow without its chatter

    joblib.dump(model, out / "best_model.joblib")
    model.model_.save(out / "best_model.keras")
    expected = model.predict_proba(X)
    estimator = joblib.load(out / "best_model.joblib")
    network = keras.models.load_model(out / "best_model.keras", compile=False)
    found = np.asarray(network.predict(X, verbose=0))
    if found.shape[1] == 1:  # of two classes Keras gives the second
        found = np.column_stack([1 - found, found])
    differences = np.abs(expected - [estimator.predict_proba(X), found])
    return float(differences.max())


def save_best(
    name: str, search: Any, samples: tables.TableSamples, report: bench.Report
) -> None:
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
    found = bench.show_parameters(search.best_params_)
    report.write(
        f"Best over the folds: {name}, {found}. Saved as best_model.joblib and "
        "best_model.keras; loaded again, both predict the same (greatest difference "
        f"of a probability: {difference:.0e})."
    )


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Read the options; the size gives those that are not set."""
    parser = bench.make_parser(__doc__)
    own = tables.add_table_options(parser)
    own.add_argument(
        "--time-col",
        metavar="COLUMN",
        help="when; numbers or dates. Goes with --user-col: the table is an event log, "
        "and the target of each event is predicted from its user's earlier ones",
    )
    parser.add_argument(
        "--scoring",
        choices=["accuracy", "macro_f1", "neg_log_loss"],
        default="neg_log_loss",
        help="what the searches choose the best by (default: neg_log_loss)",
    )
    args = bench.parse_options(parser, argv, AMOUNTS)
    tables.check_table_options(parser, args)
    if args.time_col is not None and args.user_col is None:
        parser.error("--time-col needs --user-col.")
    return parser, args


def run(args: argparse.Namespace, samples: tables.TableSamples) -> None:
    """Fit all models and searches, and write what comes out."""
    cv = bench.make_folds(samples, N_FOLDS, args.seed)
    settings = bench.search_settings(args, samples, cv, refit=args.scoring)
    default, start = CNNClassifier(random_state=args.seed), start_model(args)
    grid = GRIDS[args.mode]
    facts = {
        "scaling": "on the training part of each fit alone; CNNClassifier does it "
        "itself (standardize=True)",
        "searched model": start,
        "grid": f"{grid}; the best by {args.scoring}",
    }
    report = bench.Report(args.out, "A convolutional network, tuned")
    report.write(bench.protocol(args, samples, cv, facts))

    models = models_to_beat(args.seed, settings)
    models |= {"CNN, defaults": default, "CNN, not tuned": start}
    searches = bench.make_searches("CNN", start, grid, args.seed, settings)
    results = bench.judge(models | searches, samples)
    report.searches(searches, results)
    report.page(searches, **samples.parts)
    best = max(searches, key=lambda name: searches[name].best_score_)
    if samples.by_user:
        tested = {"CNN, defaults": default, best: searches[best].best_estimator_}
        leak = leak_frame(tested, results, samples, settings)
        report.table("leak", "Folds that share users, folds by user, new users", leak)
    draw(results, bench.candidates_frame(searches), report)
    save_best(best, searches[best], samples, report)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser, args = parse(argv)
    bench.run_script(parser, args, load, run)


if __name__ == "__main__":
    main()
