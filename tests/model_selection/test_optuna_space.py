"""Spaces of OptunaSearchCV that RandomizedSearchCV takes, and exhaustive samplers."""

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BruteForceSampler, GridSampler
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from skrec import MLPClassifier
from skrec.model_selection import OptunaSearchCV, search_space
from skrec.model_selection._optuna_space import suggester

X, Y = load_iris(return_X_y=True)


def draw(values, n_draws=60, seed=0):
    """Return what is drawn of a parameter, and as what Optuna knows it."""
    sampler = optuna.samplers.RandomSampler(seed)
    study = optuna.create_study(sampler=sampler)
    suggest = suggester({"a": values})
    trials = [study.ask() for _ in range(n_draws)]
    drawn = [suggest(trial)["a"] for trial in trials]
    frozen = study.get_trials()
    assert repr([suggest(trial)["a"] for trial in frozen]) == repr(drawn)
    return drawn, frozen[0].distributions


@pytest.mark.parametrize(
    ("values", "distribution"),
    [
        (stats.uniform(1, 2), FloatDistribution(1.0, 3.0)),
        (stats.uniform(loc=1, scale=2), FloatDistribution(1.0, 3.0)),
        (stats.loguniform(0.01, 10), FloatDistribution(0.01, 10.0, log=True)),
        (stats.reciprocal(1, 2, scale=3), FloatDistribution(3.0, 6.0, log=True)),
        (stats.randint(2, 5), IntDistribution(2, 4)),
        (stats.randint(2, 5, loc=1), IntDistribution(3, 5)),
        (range(2, 9, 3), IntDistribution(2, 8, step=3)),
        (range(8, 0, -3), IntDistribution(2, 8, step=3)),
        (range(5, 6), IntDistribution(5, 5)),
        (np.array([0.5, 2.0]), CategoricalDistribution((0.5, 2.0))),
        (np.array(["a", "b"]), CategoricalDistribution(("a", "b"))),
        (pd.Series([3, 4], index=[7, 8]), CategoricalDistribution((3, 4))),
    ],
)
def test_exact_counterparts(values, distribution):
    drawn, known = draw(values)
    assert known == {"a": distribution}
    kinds = {bool, int, float, str}
    assert {type(value) for value in drawn} <= kinds


@pytest.mark.parametrize(
    "values",
    [
        stats.norm(3, 2),
        stats.loguniform(0.5, 1, 2),  # shifted: no range of logarithms
        stats.rv_histogram(np.histogram([1, 2, 2, 3], bins=3)),
        stats.poisson(4),
        stats.rv_discrete(values=([1, 5, 9], [0.2, 0.3, 0.5])),
    ],
)
def test_other_distributions_go_by_their_quantiles(values):
    drawn, known = draw(values, 400)
    assert list(known) == ["a (quantile)"]
    assert draw(values, 400)[0] == drawn != draw(values, 400, seed=1)[0]
    expected = values.rvs(size=4000, random_state=0)
    spread = expected.std()
    assert abs(np.mean(drawn) - expected.mean()) < 0.2 * spread
    assert 0.8 < np.std(drawn) / spread < 1.2
    assert all(isinstance(v, int) == (expected.dtype.kind == "i") for v in drawn)


class WholeLogarithm:
    def rvs(self, size=None, random_state=None):
        return 2 ** random_state.randint(4)


def test_what_can_only_be_drawn_is_drawn_by_a_seed():
    drawn, known = draw(WholeLogarithm())
    assert list(known) == ["a (seed)"]
    assert set(drawn) == {1, 2, 4, 8}


def test_choices_may_be_arrays():
    knots = [np.linspace(0, 1, n)[:, None] ** k for n, k in ((4, 1), (7, 2), (4, 2))]
    x = np.linspace(0, 1, 40)[:, None]
    model = make_pipeline(SplineTransformer(), Ridge())
    space = {"splinetransformer__knots": knots}
    search = OptunaSearchCV(model, space, n_trials=12, cv=2, random_state=0)
    rows = search.fit(x, np.sin(9 * x[:, 0])).cv_results_["params"]
    seen = {params["splinetransformer__knots"].tobytes() for params in rows}
    assert seen == {array.tobytes() for array in knots}


def test_long_choices_have_short_names():
    choices = [list(range(1000)), list(range(1001))]
    drawn, known = draw(choices)
    assert {len(value) for value in drawn} == {1000, 1001}
    assert max(map(len, known["a"].choices)) < 150


@pytest.mark.parametrize(
    "values",
    [
        range(0),
        np.array([]),
        np.array(3),
        {1, 2},
        stats.uniform(0, 0),
        stats.loguniform,
        stats.norm([0, 1], 1),
        (0.0, np.inf),
    ],
)
def test_what_is_no_space_is_refused(values):
    with pytest.raises(ValueError, match=r"param_distributions\['a'\] .* Received: "):
        suggester({"a": values})


def test_the_ready_distributions_of_a_random_search_are_taken():
    space = search_space(MLPClassifier)
    trial = optuna.create_study().ask()
    assert suggester(space)(trial).keys() == space.keys()


# ---- samplers that come to an end --------------------------------------------------

GRID = {"C": [0.1, 1.0, 10.0], "fit_intercept": [True, False]}


def brute_force():
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        return BruteForceSampler(seed=0)


SAMPLERS = [lambda: GridSampler(GRID), brute_force]


def exhaust(sampler, n_trials, **kwargs):
    model = LogisticRegression(max_iter=500)
    kwargs = {"cv": 2, "n_trials": n_trials, **kwargs}
    return OptunaSearchCV(model, GRID, sampler=sampler(), **kwargs).fit(X, Y)


def points(search):
    return [tuple(params.values()) for params in search.cv_results_["params"]]


@pytest.mark.nightly
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("n_points", "n_trials"), [(1, 5), (1, 6), (4, 6), (4, 20)])
def test_a_search_ends_where_its_sampler_does(sampler, n_points, n_trials):
    search = exhaust(sampler, n_trials, n_points=n_points)
    assert len(points(search)) == len(set(points(search))) == min(n_trials, 6)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_exhausted_search_is_resumed(tmp_path, sampler):
    path = tmp_path / "search.journal"
    first = exhaust(sampler, 4, storage=path)
    for _ in range(2):
        search = exhaust(sampler, 20, storage=path)
        assert len(points(search)) == len(set(points(search))) == 6
        assert points(search)[:4] == points(first)


@pytest.mark.nightly
@pytest.mark.parametrize("n_asked", [3, 5])
def test_a_point_that_was_put_back_is_tried(tmp_path, n_asked):
    """A search is killed while it evaluates a point of the grid, the last one too."""
    path = tmp_path / "search.journal"
    exhaust(SAMPLERS[0], n_asked, storage=path)
    lines = path.read_text().splitlines(keepends=True)
    while '"skrec:outcome"' not in lines.pop():
        pass
    path.write_text("".join(lines).replace('"pid":', '"pid":9'))
    search = exhaust(SAMPLERS[0], 20, storage=path)
    assert len(points(search)) == len(set(points(search))) == 6


class StopsAfterThree(optuna.samplers.RandomSampler):
    def after_trial(self, study, trial, state, values):
        if trial.number == 2:
            study.stop()


def test_any_sampler_may_stop_the_search():
    search = exhaust(StopsAfterThree, 9, n_points=2)
    assert len(points(search)) == 4  # the round is finished
