"""Results of searches that nobody has run: what a display shows is then known."""

from types import SimpleNamespace

import numpy as np


def cv_results(params, folds, metric="score", seconds=None):
    """Make ``cv_results_`` of parameters and of scores by fold."""
    folds = np.atleast_2d(np.asarray(folds, dtype=float))
    seconds = np.arange(1, len(params) + 1) if seconds is None else seconds
    results = {
        "params": params,
        "mean_fit_time": np.asarray(seconds, dtype=float),
        "mean_score_time": np.zeros(len(params)),
        f"mean_test_{metric}": folds.mean(axis=1),
    }
    for k, column in enumerate(folds.T):
        results[f"split{k}_test_{metric}"] = column
    return results


def search(params, folds, metric="score", **more):
    """Make what passes for a fitted search."""
    results = cv_results(params, folds, metric)
    settings = {"refit": True, "scoring": None, "estimator": None, **more}
    return SimpleNamespace(cv_results_=results, **settings)
