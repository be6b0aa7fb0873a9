"""Small searches of every kind, for tests that kill a process and run it again.

Usage: python -m tests.model_selection.searches FOLDER N_JOBS KIND...
"""

import sys

import joblib
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
)

from skrec import MLPClassifier
from skrec.model_selection import BayesSearchCV, HyperbandSearchCV, OptunaSearchCV

X, Y = load_iris(return_X_y=True)
GRID = {"units": [3, 6], "learning_rate": [0.003, 0.01, 0.03]}
ONE_NETWORK = {"units": [3], "learning_rate": [0.003, 0.01, 0.02, 0.03]}
RANDOM = {"units": [3, 6], "learning_rate": loguniform(0.001, 0.1)}
RANGES = {"units": [3, 6], "learning_rate": (0.001, 0.1, "log-uniform")}


def make(kind, memory, n_jobs=1):
    """Return a search of the kind, over fits that take about a tenth of a second."""
    estimator = MLPClassifier(
        epochs=120, batch_size=8, early_stopping=True, random_state=0, memory=memory
    )
    shared = {"cv": 2, "n_jobs": n_jobs}
    seeded = {**shared, "random_state": 0}
    short = {**seeded, "n_points": 2}
    makers = {
        "grid": lambda: GridSearchCV(estimator, ONE_NETWORK, **shared),
        "random": lambda: RandomizedSearchCV(estimator, RANDOM, n_iter=6, **seeded),
        "halving": lambda: HalvingGridSearchCV(
            estimator,
            GRID,
            resource="epochs",
            min_resources=20,
            max_resources=80,
            factor=2,
            **seeded,
        ),
        "hyperband": lambda: HyperbandSearchCV(
            estimator, RANDOM, max_epochs=60, factor=4, **seeded
        ),
        "bayes": lambda: BayesSearchCV(estimator, RANGES, n_iter=6, **short),
        "optuna": lambda: OptunaSearchCV(estimator, RANGES, n_trials=6, **short),
        "nested": lambda: GridSearchCV(estimator, {"units": [3, 6]}, **shared),
    }
    return makers[kind]()


def run(kind, memory, n_jobs=1):
    """Return what a search finds, as numbers that can be compared bit for bit."""
    search = make(kind, memory, n_jobs)
    if kind == "nested":
        results = cross_validate(search, X, Y, cv=2, return_estimator=True)
        scores = {"test_score": results["test_score"]}
        best = results["estimator"][-1].best_estimator_
    else:
        scores = search.fit(X, Y).cv_results_
        best = search.best_estimator_
    return (
        {
            name: [repr(value) for value in values]
            for name, values in scores.items()
            if "time" not in name
        },
        [weight.tobytes() for weight in best._state.weights],
    )


if __name__ == "__main__":
    memory, n_jobs, *kinds = sys.argv[1:]
    for kind in kinds:
        try:
            # Workers share the rows by way of a file, as joblib does for larger ones.
            with joblib.parallel_config(backend="loky", max_nbytes=1):
                run(kind, memory or None, int(n_jobs))
            print(kind, "finished", flush=True)
        except KeyboardInterrupt:
            print(kind, "interrupted", flush=True)
