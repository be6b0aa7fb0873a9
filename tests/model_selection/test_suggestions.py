"""What BayesSearchCV tries next: the spaces it reads, and the points it chooses."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier
from skopt import Optimizer
from skopt.learning import GaussianProcessRegressor
from skopt.space import Categorical, Integer, Real

from skrec.model_selection import BayesSearchCV
from tests.model_selection.surface import (
    Surface,
    above_half,
    candidates,
    search_surface,
)
from tests.night import by_day

# ---- spaces ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "choices",
    [
        [(32,), (32, 64)],
        [None, 0.5],
        [None, (8, 8), "auto", 3],
        [True, 1, 1.0],
        [[4], [4, 4]],
        [np.float64(0.25), np.str_("text")],
        np.array([2, 4]),
        ("a", "b"),
        (16, 32, 64),
        range(2, 5),
        Categorical([(1, 2), None, "x"]),
        Categorical(np.array([1, 2])),
    ],
    ids=str,
)
def test_choices_of_any_type(choices):
    """Each choice comes once, as the object given or Python's own for NumPy's."""
    search = search_surface({"c": choices})

    given = getattr(choices, "categories", choices)
    expected = [v.item() if isinstance(v, np.generic) else v for v in given]
    found = [params["c"] for params in candidates(search)]
    assert len(found) == len(expected)
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_choices_may_be_functions_and_estimators():
    choices = [lambda: 1, lambda: 2, LogisticRegression(), DecisionTreeClassifier()]
    search = search_surface({"c": choices})

    found = [params["c"] for params in candidates(search)]
    assert {id(choice) for choice in found} == {id(choice) for choice in choices}


class NoEquality:
    """An object whose comparison is an error, as the truth of an array is."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        raise ValueError("the truth value is ambiguous")


NOT_COMPARABLE = {
    "arrays of unequal length": lambda: [np.zeros((4, 1)), np.zeros((7, 1))],
    "arrays of one shape": lambda: [np.zeros(3), np.ones(3), np.full(3, np.nan)],
    "arrays, None and a string": lambda: [None, np.ones(2), "auto", np.ones((2, 2))],
    "frames": lambda: [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2], "b": [3]})],
    "lists of arrays": lambda: [[np.zeros(2)], [np.zeros(2), np.ones(2)]],
    "dicts": lambda: [{"a": 1}, {"a": np.ones(2)}, {}],
    "missing numbers": lambda: [float("nan"), None, 1.0],
    "equal numbers": lambda: [True, 1, 1.0],
    "zeros": lambda: [0.0, -0.0, False],
    "dates": lambda: [np.datetime64("2026-01-01", "ns"), np.timedelta64(1, "s")],
    "estimators": lambda: [Ridge(), Ridge(2.0), LogisticRegression()],
    "objects": lambda: [NoEquality(1), NoEquality(2)],
    "functions": lambda: [lambda: 1, lambda: 2, len],
}


@pytest.mark.parametrize(
    "kind",
    by_day(
        NOT_COMPARABLE,
        "arrays of unequal length",
        "missing numbers",
        "equal numbers",
        "estimators",
        "functions",
    ),
)
def test_choices_are_never_compared(kind):
    """Each is tried once, and what was given is what is found, as in a grid search."""
    choices = NOT_COMPARABLE[kind]()
    search = search_surface(
        {"c": choices, "a": [0.1, 0.4]},
        n_iter=20,
        n_points=2,
        optimizer_kwargs={"n_initial_points": 2},
        refit=True,
    )

    found = [(id(params["c"]), params["a"]) for params in candidates(search)]
    assert sorted(found) == sorted((id(c), a) for c in choices for a in (0.1, 0.4))
    column = search.cv_results_["param_c"]
    if column.dtype == object:  # others hold numbers alone
        assert [id(c) for c in column] == [id(p["c"]) for p in candidates(search)]
    points = search.optimizer_results_[0].x_iters
    assert [id(c) for _, c in points] == [id(p["c"]) for p in candidates(search)]


def test_equal_choices_are_two_candidates_and_one_fit():
    Surface.n_fits = 0
    search = search_surface({"c": [np.ones(3), np.ones(3)]})

    assert len(candidates(search)) == 2
    assert Surface.n_fits == 1


def test_list_of_two_is_choices_and_tuple_of_two_a_range():
    """[16, 32] are two choices, (16, 32) the whole numbers from 16 to 32."""
    choices = search_surface({"a": [16, 32]}, n_iter=30)
    whole = search_surface({"a": (16, 32)}, n_iter=30)
    real = search_surface({"a": (0.0, 32)}, n_iter=12)

    assert sorted(params["a"] for params in candidates(choices)) == [16, 32]
    assert sorted(params["a"] for params in candidates(whole)) == list(range(16, 33))
    assert {type(params["a"]) for params in candidates(real)} == {float}


def test_tuple_with_prior():
    space = {"a": (1e-6, 1.0, "log-uniform"), "b": (1, 1024, "log-uniform", 2)}
    settings = {"n_initial_points": 60}
    search = search_surface(space, n_iter=60, optimizer_kwargs=settings)

    logs = np.log10([params["a"] for params in candidates(search)])
    assert -6 <= logs.min() < -5
    assert np.mean(logs) == pytest.approx(-3, abs=0.7)
    b = [params["b"] for params in candidates(search)]
    assert {type(value) for value in b} == {int}
    assert np.median(b) < 200


def test_dimensions_of_skopt_are_not_changed():
    space = {
        "a": Real(1e-3, 1.0, prior="log-uniform", dtype=np.float32),
        "b": Integer(1, 9),
        "c": Categorical(["x", "y"], prior=[0.9, 0.1]),
    }
    before = pickle.dumps(space)
    settings = {"n_initial_points": 40}
    search = search_surface(space, n_iter=40, optimizer_kwargs=settings)

    assert pickle.dumps(space) == before
    kinds = {tuple(map(type, params.values())) for params in candidates(search)}
    assert kinds == {(float, int, str)}
    assert sum(params["c"] == "x" for params in candidates(search)) > 25


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"a": (0.1, 1.0, "log")}, r"search_spaces\['a'\] is no range.*prior.*'log'"),
        ({"a": (3, 1)}, r"search_spaces\['a'\] is no range.*Received: \(3, 1\)"),
        ({"a": []}, r"search_spaces\['a'\] must hold at least one.*Received: \[\]"),
        ({"a": "text"}, r"search_spaces\['a'\] must be a list.*Received: 'text'"),
        ({"a": 3}, r"search_spaces\['a'\] must be a list.*Received: 3"),
        ({}, r"search_spaces must be a dict that is not empty.*Received: \{\}"),
        ([{"a": [1]}, {}], r"search_spaces must be a dict that is not empty"),
        ([({"a": [1]}, -1)], r"search_spaces must be .*Received: \[\(\{'a'"),
        ([], r"No candidate was evaluated"),
    ],
)
def test_spaces_that_are_refused(space, message):
    with pytest.raises(ValueError, match=message):
        search_surface(space)


def test_spaces_one_after_the_other():
    spaces = [({"a": (0.0, 0.2)}, 4), {"a": (0.8, 1.0), "b": [0.7, 0.6]}]
    search = search_surface(spaces, n_iter=3)

    assert search.total_iterations == 7
    assert (
        BayesSearchCV(Surface(), {"a": [1], "b": [2]}, n_iter=5).total_iterations == 5
    )
    assert [len(params) for params in candidates(search)] == [1] * 4 + [2] * 3
    assert [len(r.func_vals) for r in search.optimizer_results_] == [4, 3]
    assert all(isinstance(o, Optimizer) for o in search.optimizers_)
    assert len(search.optimizers_) == 2
    second = search.optimizer_results_[1]
    assert [list(p.values()) for p in candidates(search)[4:]] == second.x_iters
    assert second.fun == second.func_vals.min()
    assert search.best_score_ == -min(r.fun for r in search.optimizer_results_)


# ---- suggestions -------------------------------------------------------------------


@pytest.mark.parametrize("n_points", [pytest.param(1, marks=pytest.mark.nightly), 3])
def test_suggestions_are_a_function_of_seed_and_scores(n_points):
    space = {"a": (0.0, 1.0), "b": (0.0, 1.0), "c": ["x", "y"]}
    first, again, other, instance = (
        candidates(search_surface(space, random_state=seed, n_points=n_points))
        for seed in (0, 0, 1, np.random.RandomState(0))
    )
    assert first == again == instance
    assert first != other

    shifted = Surface(fails=above_half)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others = candidates(search_surface(space, shifted, n_points=n_points))
    n_same = sum(a == b for a, b in zip(first, others, strict=True))
    assert others[:9] == first[:9]
    assert n_same < 15


def test_search_that_is_run_again_goes_on_from_stored_scores():
    space = {"a": (0.0, 1.0), "b": (0.0, 1.0)}
    short = search_surface(space, n_iter=13)
    longer = search_surface(space, n_iter=16)

    assert candidates(longer)[:13] == candidates(short)


@pytest.mark.parametrize(
    ("n_points", "n_seeds"),
    [
        (4, 1),
        pytest.param(1, 3, marks=pytest.mark.nightly),
        pytest.param(4, 3, marks=pytest.mark.nightly),
    ],
)
def test_suggestions_beat_random_points(n_points, n_seeds):
    space = {"a": (0.0, 1.0), "b": (0.0, 1.0)}
    at_random = {"n_initial_points": 25}
    best, best_random = (
        [
            search_surface(
                space, n_iter=24, n_points=n_points, random_state=seed, **settings
            ).best_score_
            for seed in range(n_seeds)
        ]
        for settings in ({}, {"optimizer_kwargs": at_random})
    )
    assert max(best_random) < -1e-3
    assert min(best) > -1e-3


def test_surrogate_is_fitted_once_a_round(monkeypatch):
    """A batch costs one search for hyper-parameters, and a fit for each other point."""
    fit, searched = GaussianProcessRegressor.fit, []

    def counting_fit(self, X, y):
        searched.append(self.optimizer is not None)
        return fit(self, X, y)

    monkeypatch.setattr(GaussianProcessRegressor, "fit", counting_fit)
    search_surface({"a": (0.0, 1.0)}, n_iter=15)
    assert searched == [True] * 6

    searched.clear()
    search_surface({"a": (0.0, 1.0)}, n_iter=15, n_points=5)
    # Nothing is chosen by the surrogate in the first two rounds of five.
    assert sum(searched) == 2
    assert len(searched) == 2 + 4


@pytest.mark.parametrize("kind", ["RF", "ET"])
def test_other_surrogates(kind):
    settings = {"base_estimator": kind, "n_initial_points": 5, "acq_func": "EI"}
    search = search_surface(
        {"a": (0.0, 1.0)}, n_iter=8, n_points=2, optimizer_kwargs=settings
    )

    assert search.optimizers_[0].acq_func == "EI"
    assert type(search.optimizers_[0].models[-1]).__name__ != "GaussianProcessRegressor"
    assert len(candidates(search)) == 8


def test_optimizer_kwargs_of_the_user_win():
    kwargs = {
        "initial_point_generator": "sobol",
        "n_initial_points": 4,
        "acq_func": "LCB",
        "acq_optimizer_kwargs": {"n_points": 50},
        "model_queue_size": 3,
        "space_constraint": lambda point: point[0] + point[1] < 1,
    }
    space = {"a": (0.0, 1.0), "b": (0.0, 1.0)}
    search = search_surface(space, optimizer_kwargs=kwargs, n_iter=8)

    optimizer = search.optimizers_[0]
    assert (optimizer.acq_func, optimizer.n_points) == ("LCB", 50)
    assert optimizer.n_restarts_optimizer == 2
    assert len(optimizer.models) == 3
    assert all(sum(params.values()) < 1 for params in candidates(search))
    assert len(kwargs) == 6


@pytest.mark.nightly
def test_space_of_choices_alone():
    """Of 49 points none comes twice, and the best is among the first 25 tried."""
    tenths = [i / 10 for i in range(1, 8)]
    search = search_surface({"a": tenths, "b": tenths}, n_iter=25)

    assert len({tuple(params.values()) for params in candidates(search)}) == 25
    assert search.best_params_ == {"a": 0.3, "b": 0.7}
