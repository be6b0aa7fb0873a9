"""Costs beside scores, the Pareto front, and the choice from it."""

import pickle
import time
from functools import partial

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skrec import KerasClassifier, MLPClassifier, MLPRegressor, RNNClassifier
from skrec.datasets import make_sessions
from skrec.model_selection import (
    BayesSearchCV,
    CheapestWithin,
    HyperbandSearchCV,
    OptunaSearchCV,
    pareto_front,
    with_costs,
)

X, Y = load_iris(return_X_y=True)
NETWORK = MLPClassifier(units=4, number_embedding=None, epochs=2, random_state=0)
F1 = get_scorer("f1")
# Beside the layers stands a linear model: 4 columns, 3 classes.
N_WEIGHTS = {units: 4 * units + units + 3 * units + 3 + 4 * 3 for units in (4, 8)}


def build(meta, units=4):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3, "softmax"),
        ]
    )


def results_of(scores, costs, folds=None, name="accuracy"):
    """Return the part of ``cv_results_`` that matters."""
    results = {
        "params": [{"candidate": i} for i in range(len(scores))],
        f"mean_test_{name}": np.array(scores, dtype=float),
        "mean_test_n_parameters": np.array(costs, dtype=float),
    }
    for i, fold in enumerate(folds or []):
        results[f"split{i}_test_{name}"] = np.array(fold, dtype=float)
    return results


def searched(results, refit=False):
    """Return a search that found these results."""
    search = GridSearchCV(DummyClassifier(), {}, refit=refit)
    search.cv_results_ = results
    return search


# ---- costs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "grid"),
    [
        pytest.param(NETWORK, {"units": [4, 8]}, marks=pytest.mark.nightly),
        (make_pipeline(StandardScaler(), NETWORK), {"mlpclassifier__units": [4, 8]}),
    ],
)
def test_grid_search_measures_three_costs(model, grid):
    search = GridSearchCV(
        model, grid, scoring=with_costs(["accuracy", "f1_macro"]), refit="f1_macro"
    ).fit(X, Y)

    results = search.cv_results_
    counts = list(N_WEIGHTS.values())
    assert results["mean_test_n_parameters"].tolist() == counts
    assert (results["std_test_n_parameters"] == 0).all()
    assert (results["mean_test_latency"] > 0).all()
    assert (results["mean_fit_time"] > 0).all()
    assert np.isfinite(results["mean_test_accuracy"]).all()


def test_generic_estimators_count_weights_that_are_not_trained_too():
    model = KerasClassifier(build, loss="sparse_categorical_crossentropy", verbose=0)

    costs = cross_validate(model.fit(X, Y), X, Y, cv=2, scoring=with_costs())

    # 4 x 4 + 4 and 4 x 3 + 3 of the dense layers, 4 x 4 of the normalisation
    assert costs["test_n_parameters"].tolist() == [51, 51]
    assert set(costs) >= {"test_score", "test_latency", "fit_time"}


# By day, those of an MLP are counted above.
@pytest.mark.nightly
def test_other_families_count_as_keras_does():
    sessions, y = make_sessions(n_samples=40, n_steps=4, random_state=0)
    rnn = RNNClassifier(units=3, epochs=1, random_state=0).fit(sessions, y)
    regressor = MLPRegressor(
        units=3, number_embedding=None, batch_norm=True, epochs=1
    ).fit(X, Y)
    count = with_costs()["n_parameters"]

    assert count(rnn, sessions) == rnn._keras_model().count_params()
    assert not hasattr(rnn, "_model")  # none is handed out to count
    assert count(regressor, X) == regressor._keras_model().count_params() == 35


def test_a_search_counts_for_its_best_estimator():
    search = GridSearchCV(NETWORK, {"units": [4]}, cv=2).fit(X, Y)

    assert with_costs()["n_parameters"](search, X) == N_WEIGHTS[4]


def test_latency_is_the_least_seconds_a_row_without_the_first_call(monkeypatch):
    clock = [0.0]
    seconds = [0.01, 3.0, 2.0, 4.0]

    class Model:
        def predict(self, X):
            clock[0] += seconds.pop(0)

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    assert with_costs()["latency"](Model(), X[:10]) == pytest.approx(0.2)
    assert seconds == []


def test_foreign_estimators_have_no_parameters_to_count():
    with pytest.raises(TypeError, match=r"weights of a skrec estimator.*Received: "):
        with_costs()["n_parameters"](LogisticRegression().fit(X, Y), X)


@pytest.mark.parametrize(
    ("scoring", "scores"),
    [
        (None, {"score": None}),
        ("accuracy", {"accuracy": "accuracy"}),
        (("accuracy", "f1"), {"accuracy": "accuracy", "f1": "f1"}),
        ({"mine": "f1"}, {"mine": "f1"}),
        (F1, {"score": F1}),
    ],
)
def test_scores_keep_their_names(scoring, scores):
    measured = with_costs(scoring)

    assert list(measured) == [*scores, "n_parameters", "latency"]
    assert {name: measured[name] for name in scores} == scores


@pytest.mark.filterwarnings("error:.*does not support sample_weight")
@pytest.mark.parametrize("routing", [False, True])
def test_sample_weights_reach_the_scores_alone(routing):
    weight = np.where(Y == 0, 1.0, 2.0)
    with config_context(enable_metadata_routing=routing):
        network = clone(NETWORK)
        accuracy = get_scorer("accuracy")
        if routing:
            network = network.set_fit_request(sample_weight=True)
            accuracy = accuracy.set_score_request(sample_weight=True)
        search = GridSearchCV(
            network, {"units": [4]}, scoring=with_costs(accuracy), refit="score", cv=2
        ).fit(X, Y, sample_weight=weight)

    assert search.cv_results_["mean_test_n_parameters"] == [N_WEIGHTS[4]]
    assert np.isfinite(search.best_score_)


def test_failed_fits_have_no_costs():
    search = GridSearchCV(
        NETWORK,
        {"units": [4, "four"]},
        scoring=with_costs("accuracy"),
        refit=CheapestWithin("accuracy"),
        cv=2,
    )
    with pytest.warns(UserWarning, match="non-finite"):
        search.fit(X, Y)

    assert np.isnan(search.cv_results_["mean_test_n_parameters"][1])
    assert search.best_params_ == {"units": 4}
    assert pareto_front(search).index.tolist() == [0]


# ---- the choice --------------------------------------------------------------------


def test_one_standard_error_is_that_of_the_best_mean():
    # The folds of the best score 0.7, 0.8, 0.9: a standard error of 0.1 / sqrt(3).
    error = 0.1 / np.sqrt(3)
    scores = [0.8, 0.8 - error + 1e-9, 0.8 - error - 1e-9]
    folds = [[0.7, 0, 0], [0.8, 0, 0], [0.9, 0, 0]]
    results = results_of(scores, [30, 20, 10], folds)

    assert CheapestWithin("accuracy")(results) == 1


@pytest.mark.parametrize(
    ("tolerance", "chosen"), [(0, 0), (0.05, 0), (0.11, 1), (0.25, 2), (1, 2)]
)
def test_tolerance_is_a_difference_of_scores(tolerance, chosen):
    results = results_of([0.9, 0.8, 0.7, 0.5], [30, 20, 10, 10])

    assert CheapestWithin("accuracy", tolerance=tolerance)(results) == chosen


def test_one_fold_takes_the_best():
    results = results_of([0.9, 0.89], [30, 20], folds=[[0.9, 0.89]])

    assert CheapestWithin("accuracy")(results) == 0


def test_rows_that_are_not_finite_are_left_out_of_the_choice():
    nan, inf = np.nan, np.inf
    results = results_of([nan, 0.9, 0.8, inf, 0.85], [1, nan, 20, inf, 30])

    assert CheapestWithin("accuracy", tolerance=0.1)(results) == 2
    with pytest.raises(ValueError, match=r"No candidate has a finite.*Received: "):
        CheapestWithin("accuracy")(results_of([nan, 1], [1, nan]))


def test_it_is_a_value_that_a_search_can_clone_and_a_worker_unpickle():
    refit = CheapestWithin("accuracy", "fit_time", tolerance=0.01)
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1]}, refit=refit)

    assert clone(search).refit == refit
    assert pickle.loads(pickle.dumps(refit)) == refit
    assert repr(refit) == (
        "CheapestWithin(score='accuracy', cost='fit_time', tolerance=0.01)"
    )
    with pytest.raises(ValueError, match=r"tolerance must be .*Received: -1"):
        CheapestWithin(tolerance=-1)


def test_any_search_can_refit_on_it():
    cv = ShuffleSplit(3, random_state=0)
    for cost in ("fit_time", "score_time", "mean_fit_time", "param_max_depth"):
        search = RandomizedSearchCV(
            DecisionTreeClassifier(random_state=0),
            {"max_depth": [1, 2, 3, 4, 5]},
            refit=CheapestWithin(cost=cost, tolerance=0.02),
            n_iter=5,
            cv=cv,
        ).fit(X, Y)
        scores = search.cv_results_["mean_test_score"]
        assert scores[search.best_index_] >= scores.max() - 0.02
    assert search.best_params_ == {"max_depth": 3}


TREE = DecisionTreeClassifier(random_state=0)
DEPTHS = {"max_depth": [1, 2, 3]}
LEAVES = {"min_samples_leaf": [1, 20, 40]}
SEARCHES = {
    "grid": partial(GridSearchCV, TREE, DEPTHS),
    "random": partial(RandomizedSearchCV, TREE, DEPTHS, n_iter=3, random_state=0),
    "bayes": partial(BayesSearchCV, TREE, DEPTHS, n_iter=3, random_state=0),
    "optuna": partial(OptunaSearchCV, TREE, DEPTHS, n_trials=4, random_state=0),
    "hyperband": partial(
        HyperbandSearchCV,
        TREE,
        LEAVES,
        resource="max_depth",
        max_epochs=3,
        random_state=0,
    ),
}


def both(estimator, X, y):
    """Score by several metrics, as a callable."""
    names = ("f1_macro", "accuracy")
    return {name: get_scorer(name)(estimator, X, y) for name in names}


@pytest.mark.parametrize(
    "scoring",
    [pytest.param(["f1_macro", "accuracy"], marks=pytest.mark.nightly), both],
    ids=["list", "f"],
)
@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_scores_by_the_metric_that_it_chose_by(kind, scoring):
    refit = CheapestWithin("accuracy", "param_max_depth", tolerance=0.05)
    search = SEARCHES[kind](scoring=scoring, refit=refit, cv=3)
    halves = StratifiedKFold(2)
    by_hand = []
    for train, test in halves.split(X, Y):
        best = clone(search).fit(X[train], Y[train]).best_estimator_
        by_hand.append((best.predict(X[test]) == Y[test]).mean())

    assert cross_val_score(search, X, Y, cv=halves).tolist() == by_hand
    search = pickle.loads(pickle.dumps(search.fit(X, Y)))
    accuracy = (search.predict(X) == Y).mean()
    assert search.score(X, Y) == accuracy != get_scorer("f1_macro")(search, X, Y)
    assert not hasattr(search, "best_score_")


def test_a_choice_finds_its_metric_and_equals_its_like():
    one, other = CheapestWithin("f1", "latency"), CheapestWithin("f1", "fit_time")
    metrics = {"accuracy": 1, "f1": 2}

    assert metrics[one] == metrics[other] == 2
    assert metrics[CheapestWithin("mean_test_f1")] == 2  # a column says the same
    assert CheapestWithin("auc") not in metrics
    assert len({one, other, CheapestWithin("f1", "latency")}) == 2


def test_the_score_of_the_choice_guides_a_search_of_skrec():
    search = SEARCHES["bayes"](
        scoring=["f1_macro", "accuracy"],
        refit=CheapestWithin("accuracy", "param_max_depth"),
    ).fit(X, Y)

    losses = search.optimizer_results_[0].func_vals
    assert (-losses == search.cv_results_["mean_test_accuracy"]).all()
    assert not (-losses == search.cv_results_["mean_test_f1_macro"]).all()


def test_a_score_that_is_not_measured_is_refused_after_one_candidate():
    search = SEARCHES["bayes"](
        scoring=["f1_macro", "accuracy"], refit=CheapestWithin("acuracy", "fit_time")
    )
    with pytest.raises(ValueError, match="'acuracy', which `scoring` does not have"):
        search.fit(X, Y)


# ---- the front ---------------------------------------------------------------------

values = st.integers(0, 4) | st.sampled_from([np.nan, np.inf])
rows = st.lists(st.tuples(values, values, values), min_size=1, max_size=12)


def dominates(one, other):
    """Score up, both costs down; no worse in each and better in one."""
    no_worse = one[0] >= other[0] and one[1] <= other[1] and one[2] <= other[2]
    return no_worse and one != other


@given(rows)
def test_front_is_what_nothing_dominates(rows):
    scores, counts, seconds = zip(*rows, strict=True)
    results = results_of(scores, counts) | {"mean_fit_time": np.array(seconds)}
    finite = {i: row for i, row in enumerate(rows) if np.isfinite(row).all()}
    expected = {
        i
        for i, row in finite.items()
        if not any(dominates(other, row) for other in finite.values())
    }

    objectives = ["accuracy", "n_parameters", "fit_time"]
    front = pareto_front(searched(results), objectives)

    assert set(front.index) == expected
    assert front["accuracy"].is_monotonic_decreasing
    assert [rows[i] for i in front.index] == [
        tuple(v) for v in front[objectives].values
    ]
    assert list(front.get("candidate", [])) == list(front.index)


@given(rows, st.floats(0, 3))
def test_choice_is_on_the_front(rows, tolerance):
    scores, costs, _ = zip(*rows, strict=True)
    results = results_of(scores, costs)
    front = pareto_front(searched(results))
    if front.empty:
        return

    chosen = CheapestWithin("accuracy", tolerance=tolerance)(results)

    near = front[front["accuracy"] >= front["accuracy"].max() - tolerance]
    assert chosen in near.index
    assert front["n_parameters"][chosen] == near["n_parameters"].min()


def test_default_objectives_are_the_guiding_score_and_the_costs_measured():
    grid = {"max_depth": [1, 2, 3]}
    search = GridSearchCV(DecisionTreeClassifier(), grid, cv=2).fit(X, Y)
    results = results_of([1, 0.5], [2, 1]) | results_of([0, 0], [2, 1], name="f1")

    assert list(pareto_front(search)) == ["score", "fit_time", "max_depth"]
    for refit in ("f1", CheapestWithin("f1")):
        front = pareto_front(searched(results, refit))
        assert list(front) == ["f1", "n_parameters", "candidate"]
        assert front.index.tolist() == [1]
    assert next(iter(pareto_front(searched(results)))) == "accuracy"


def test_of_equal_scores_the_cheapest_comes_first():
    results = results_of([1, 1, 2], [20, 10, 30])
    results["mean_fit_time"] = np.array([1.0, 2.0, 3.0])

    front = pareto_front(searched(results), ["accuracy", "n_parameters", "fit_time"])

    assert front.index.tolist() == [2, 1, 0]


def test_parameters_of_some_candidates_alone_are_missing_from_the_others():
    results = results_of([3, 2], [3, 2])
    results["params"] = [{"kernel": "rbf", "gamma": 1}, {"kernel": "linear"}]

    front = pareto_front(searched(results))

    assert front["kernel"].tolist() == ["rbf", "linear"]
    assert front["gamma"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("recall", r"no objective 'recall'. It must be one of \['score', 'n_param"),
        ("latency", "with_costs measures it"),
        ("params", "no objective 'params'"),
    ],
)
def test_unknown_objectives_are_refused(name, message):
    results = results_of([1], [1], name="score")

    with pytest.raises(ValueError, match=message):
        pareto_front(searched(results), ["score", name])
    with pytest.raises(ValueError, match=f"{message}.*Received: '{name}'"):
        CheapestWithin("score", name)(results)
