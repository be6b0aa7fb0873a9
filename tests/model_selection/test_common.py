"""scikit-learn's common checks over every search, as clean as a grid search."""

import functools

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from skrec.model_selection import BayesSearchCV, HyperbandSearchCV, OptunaSearchCV

SEARCHES = {
    "bayes": lambda estimator, space: BayesSearchCV(
        estimator, space, n_iter=2, cv=2, random_state=0
    ),
    "hyperband": lambda estimator, space: HyperbandSearchCV(
        estimator,
        space,
        resource="max_iter",
        max_epochs=90,
        factor=90,
        n_brackets=1,
        cv=2,
    ),
    "optuna": lambda estimator, space: OptunaSearchCV(
        estimator, space, n_trials=2, cv=2, random_state=0
    ),
}
TUNED = {
    "classifier": (LogisticRegression(), {"C": [0.1, 1.0]}),
    "regressor": (Ridge(), {"alpha": [0.1, 1.0]}),
}


def passed(search):
    """Return the names of the checks that a search passes, with how often."""
    with threadpool_limits(1):  # on a few rows, more threads wait for each other
        results = check_estimator(search, on_fail=None, on_skip=None)
    names = [r["check_name"] for r in results if r["status"] == "passed"]
    return {name: names.count(name) for name in names}


@functools.cache
def passed_by_grid_search(kind):
    estimator, grid = TUNED[kind]
    return passed(GridSearchCV(estimator, grid, cv=2))


# By day, one of the loops that all share.
BY_DAY = [("bayes", "classifier")]
PAIRS = [
    pytest.param(
        name,
        kind,
        marks=[pytest.mark.nightly] if (name, kind) not in BY_DAY else [],
    )
    for name in SEARCHES
    for kind in TUNED
]


@pytest.mark.filterwarnings("ignore:Scoring failed")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_passes_what_a_grid_search_passes(name, kind):
    expected = passed_by_grid_search(kind)
    assert sum(expected.values()) > 45

    found = passed(SEARCHES[name](*TUNED[kind]))

    fewer = {check for check, n in expected.items() if found.get(check, 0) < n}
    assert fewer == set()
