"""OptunaSearchCV: spaces, failures, and what every search of scikit-learn's does."""

import sys
import warnings

import joblib
import numpy as np
import optuna
import pytest
import sklearn
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit

from skrec import MLPClassifier
from skrec.model_selection import OptunaSearchCV
from tests.night import by_day

X, Y = make_classification(60, 5, random_state=0)
SPACE = {"C": (1e-3, 1e3, "log-uniform"), "class_weight": [None, "balanced"]}
N_SPLITS = 3


def make_search(space=None, **kwargs):
    kwargs = {"n_trials": 14, "random_state": 0, "cv": N_SPLITS, **kwargs}
    return OptunaSearchCV(LogisticRegression(), space or SPACE, **kwargs)


def assert_same_rows(results, others, n_splits=N_SPLITS):
    assert results["params"] == others["params"]
    for key in (f"split{i}_test_score" for i in range(n_splits)):
        np.testing.assert_array_equal(results[key], others[key])


# ---- spaces ------------------------------------------------------------------------


class Recorder(ClassifierMixin, BaseEstimator):
    """Takes anything and scores what it is told."""

    def __init__(self, a=None, b=None, c=None, d=None):
        self.a, self.b, self.c, self.d = a, b, c, d

    def fit(self, X, y):
        if self.a == "fails":
            raise RuntimeError("this choice fails")
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return np.nan if self.a == "nan" else len(str(self.a))


def search_anything(space, **kwargs):
    kwargs = {"n_trials": 25, "random_state": 0, "cv": 2, **kwargs}
    return OptunaSearchCV(Recorder(), space, **kwargs).fit(X, Y)


@pytest.mark.parametrize("stored", [False, True])
def test_choices_may_be_anything(tmp_path, stored):
    choices = {
        "a": [(8,), (8, 16), None, [1], {"x": 1}],
        "b": [True, 1, 1.0],
        "c": [np.float64(0.5), max, LogisticRegression()],
        "d": CategoricalDistribution(["p", "q"]),
    }
    storage = tmp_path / "search.journal" if stored else None
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            search = search_anything(choices, storage=storage)
        rows = search.cv_results_["params"]
        for name in "abc":
            seen = {repr(params[name]) for params in rows}
            assert seen == {repr(choice) for choice in choices[name]}
        assert {params["d"] for params in rows} == {"p", "q"}


def test_ranges():
    space = {
        "a": (1, 3),
        "b": (0.5, 2),
        "c": (1, 1000, "log-uniform"),
        "d": FloatDistribution(0, 1, step=0.25),
    }
    rows = search_anything(space).cv_results_["params"]
    assert {params["a"] for params in rows} == {1, 2, 3}
    assert all(
        type(params["b"]) is float and 0.5 <= params["b"] <= 2 for params in rows
    )
    assert all(type(params["c"]) is int for params in rows)
    assert 5 <= np.median([params["c"] for params in rows]) <= 200
    assert {params["d"] for params in rows} <= {0, 0.25, 0.5, 0.75, 1}
    rows = search_anything({"a": IntDistribution(2, 8, step=3)}).cv_results_["params"]
    assert {params["a"] for params in rows} == {2, 5, 8}


@pytest.mark.parametrize(
    "values",
    [
        (3, 1),
        (1,),
        (1, 2, 3),
        (0, 1, "log-uniform"),
        (1, 2, "normal"),
        (1, 2, "uniform", 1),
        ("a", "b"),
        (True, False),
        [],
        3,
        "abc",
    ],
)
def test_what_is_no_space_is_refused(values):
    with pytest.raises(ValueError, match=r"param_distributions\['a'\] .* Received: "):
        search_anything({"a": values})


def conditional(trial):
    params = {"a": trial.suggest_categorical("kind", ["mlp", "rnn"])}
    if params["a"] == "mlp":
        n_layers = trial.suggest_int("n_layers", 1, 3)
        params["b"] = tuple(
            trial.suggest_int(f"units_{layer}", 4, 8) for layer in range(n_layers)
        )
    else:
        params["c"] = trial.suggest_float("dropout", 0, 0.5)
    return params


def test_conditional_space(tmp_path):
    path = tmp_path / "search.journal"
    search_anything(conditional, storage=path, n_trials=9, n_points=2)
    resumed = search_anything(conditional, storage=path, n_points=2)
    straight = search_anything(conditional, n_points=2)
    assert_same_rows(resumed.cv_results_, straight.cv_results_, 2)
    rows = straight.cv_results_["params"]
    assert {frozenset(params) for params in rows} == {
        frozenset({"a", "b"}),
        frozenset({"a", "c"}),
    }
    assert {len(params["b"]) for params in rows if "b" in params} == {1, 2, 3}
    assert straight.cv_results_["param_c"].mask.any()


def test_a_changed_function_is_refused(tmp_path):
    path = tmp_path / "search.journal"

    def make(name):
        return lambda trial: {"a": trial.suggest_int(name, 1, 3)}

    search_anything(make("a"), storage=path, n_trials=2)
    with pytest.raises(ValueError, match=r"other param_distributions\. Pass another"):
        search_anything(make("b"), storage=path)


def test_a_function_must_return_a_dict():
    with pytest.raises(TypeError, match=r"must return a dict.*Received: 3\."):
        search_anything(lambda trial: 3)


# ---- failures ----------------------------------------------------------------------


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("n_points", [1, 3])
def test_failing_candidates(tmp_path, n_points, stored):
    storage = tmp_path / "search.journal" if stored else None
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FitFailedWarning)
            warnings.filterwarnings("ignore", ".*scores are non-finite")
            search = search_anything(
                {"a": ["x", "fails", "nan", "yyy"]}, n_points=n_points, storage=storage
            )
        results = search.cv_results_
        choices = np.array([params["a"] for params in results["params"]])
        assert set(choices) == {"x", "fails", "nan", "yyy"}
        wrong = np.isin(choices, ["fails", "nan"])
        assert np.isnan(results["mean_test_score"][wrong]).all()
        assert not np.isnan(results["mean_test_score"][~wrong]).any()
        assert search.best_params_ == {"a": "yyy"}
        states = [trial.state for trial in search.study_.trials]
        assert [state == TrialState.FAIL for state in states] == wrong.tolist()


def test_a_numeric_error_score_is_told():
    with pytest.warns(FitFailedWarning):
        search = search_anything({"a": ["x", "fails"]}, error_score=-1.0)
    scores = search.cv_results_["mean_test_score"]
    assert {*scores} == {-1.0, 1.0}
    assert [trial.value for trial in search.study_.trials] == scores.tolist()


def test_a_search_that_fails_throughout_says_why():
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(ValueError, match="this choice fails"),
    ):
        search_anything({"a": ["fails"]}, n_trials=2)


def test_missing_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "skrec-keras\[optuna\]"'):
        make_search().fit(X, Y)


# ---- what scikit-learn's searches do -----------------------------------------------


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.nightly)]
)
def test_jobs_change_nothing(backend):
    alone = make_search(n_points=2, n_trials=6).fit(X, Y)
    with joblib.parallel_config(backend=backend):
        together = make_search(n_points=2, n_trials=6, n_jobs=2).fit(X, Y)
    assert_same_rows(together.cv_results_, alone.cv_results_)


def test_unseeded_folds_are_drawn_once():
    space = {"C": [1.0, 1.00001]}
    search = make_search(space, cv=ShuffleSplit(2, test_size=0.3)).fit(X, Y)
    for split in ("split0_test_score", "split1_test_score"):
        assert len(set(search.cv_results_[split])) == 1


def test_a_candidate_that_comes_again_is_not_trained_again():
    trained = []

    def score(estimator, X, y):
        trained.append(estimator.C)
        return estimator.score(X, y)

    search = make_search({"C": [1.0, 2.0]}, scoring=score).fit(X, Y)
    assert len(search.cv_results_["params"]) == 14
    assert sorted(trained) == [1.0] * N_SPLITS + [2.0] * N_SPLITS


def fastest(results):
    return int(np.argmin(results["mean_fit_time"]))


@pytest.mark.parametrize(
    "refit", by_day(["f1", "accuracy", fastest, False], "f1", "fastest")
)
def test_several_metrics(tmp_path, refit):
    path = tmp_path / "search.journal"
    for n_trials in (3, 6):
        search = make_search(
            scoring=["accuracy", "f1"], refit=refit, n_trials=n_trials, storage=path
        ).fit(X, Y)
    results = search.cv_results_
    guide = "f1" if refit == "f1" else "accuracy"
    told = [trial.value for trial in search.study_.trials]
    np.testing.assert_array_equal(results[f"mean_test_{guide}"], told)
    assert not np.array_equal(results["mean_test_f1"], results["mean_test_accuracy"])
    if callable(refit):
        assert search.best_index_ == fastest(results)
    elif refit:
        assert search.best_score_ == results[f"mean_test_{refit}"].max()
        assert search.best_params_["C"] == search.best_estimator_.C


def two_scores(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "c": estimator.C}


def test_a_callable_with_several_metrics(tmp_path):
    path = tmp_path / "search.journal"
    space = {"C": [1.0, 2.0, -1.0]}
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FitFailedWarning)
            warnings.filterwarnings("ignore", ".*scores are non-finite")
            search = make_search(space, scoring=two_scores, refit="c", storage=path)
            search.fit(X, Y)
        assert search.best_params_ == {"C": 2.0}
        failed = np.array([params["C"] < 0 for params in search.cv_results_["params"]])
        assert failed.any()
        for name in ("accuracy", "c"):
            scores = search.cv_results_[f"mean_test_{name}"]
            np.testing.assert_array_equal(np.isnan(scores), failed)


def test_metadata_is_routed():
    weight = np.where(Y == 1, 5.0, 0.1)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search = make_search(n_trials=2).set_params(estimator=estimator)
        weighted = search.fit(X, Y, sample_weight=weight)
    by_hand = LogisticRegression(**weighted.best_params_).fit(X, Y, weight)
    np.testing.assert_array_equal(weighted.best_estimator_.coef_, by_hand.coef_)
    plain = make_search(n_trials=2).fit(X, Y)
    assert not np.array_equal(
        plain.cv_results_["mean_test_score"], weighted.cv_results_["mean_test_score"]
    )


def test_progress_bar(capsys):
    search = OptunaSearchCV(
        MLPClassifier(units=4, epochs=2, random_state=0),
        {"dropout": (0.0, 0.5)},
        n_trials=2,
        n_points=2,
        cv=2,
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    shown = capsys.readouterr().out
    assert shown.count("MLPClassifier") >= 5  # a bar for each fold, and the refit
    assert "round" in shown


def test_patience_counts_stored_rows(tmp_path):
    path = tmp_path / "search.journal"
    straight = make_search(patience=4, n_trials=60).fit(X, Y)
    n_rows = len(straight.cv_results_["params"])
    assert 4 < n_rows < 60
    scores = straight.cv_results_["mean_test_score"]
    assert n_rows - 1 - np.argmax(scores) == 4
    make_search(patience=4, storage=path, n_trials=n_rows - 2).fit(X, Y)
    resumed = make_search(patience=4, storage=path, n_trials=60).fit(X, Y)
    assert_same_rows(resumed.cv_results_, straight.cv_results_)
    assert {trial.state for trial in resumed.study_.trials} == {TrialState.COMPLETE}
    again = make_search(patience=4, storage=path, n_trials=60).fit(X, Y)
    assert len(again.cv_results_["params"]) == n_rows


def test_max_seconds_ends_the_search():
    search = make_search(max_seconds=1e-9, n_points=2).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2
    assert {trial.state for trial in search.study_.trials} == {TrialState.COMPLETE}


def test_a_sampler_of_the_user_is_copied():
    sampler = RandomSampler(seed=3)
    searches = [make_search(sampler=sampler, n_trials=4).fit(X, Y) for _ in range(2)]
    assert_same_rows(searches[0].cv_results_, searches[1].cv_results_)
    assert type(searches[0].study_.sampler) is RandomSampler
    default = make_search(n_trials=4).fit(X, Y)
    assert default.best_params_ != searches[0].best_params_


def test_random_state():
    rows = [
        make_search(n_trials=3, random_state=seed).fit(X, Y).cv_results_["params"]
        for seed in (0, 0, 1, np.random.RandomState(0), np.random.RandomState(0))
    ]
    assert rows[0] == rows[1] == rows[3] == rows[4]
    assert rows[0] != rows[2]


def test_optuna_is_silent_unless_verbose(caplog):
    level = optuna.logging.get_verbosity()
    make_search(n_trials=1).fit(X, Y)
    assert caplog.text == ""
    make_search(n_trials=1, verbose=1).fit(X, Y)
    assert "A new study created" in caplog.text
    assert optuna.logging.get_verbosity() == level


@pytest.mark.parametrize("n_seeds", [4, pytest.param(10, marks=pytest.mark.nightly)])
def test_the_sampler_learns(n_seeds):
    """Against random search with as many trials, on a bowl, over some seeds."""
    space = {"a": (-5.0, 5.0), "b": (-5.0, 5.0)}

    def bowl(estimator, X, y):
        return -((estimator.a - 1) ** 2) - (estimator.b + 2) ** 2

    def regret(sampler_of):
        return np.median(
            [
                -search_anything(
                    space,
                    scoring=bowl,
                    n_trials=40,
                    random_state=seed,
                    sampler=sampler_of(seed),
                ).best_score_
                for seed in range(n_seeds)
            ]
        )

    assert regret(lambda seed: None) < regret(lambda seed: RandomSampler(seed)) / 3
