"""BayesSearchCV: what scikit-optimize's class of this name can do, and cannot."""

import pickle
import warnings

import numpy as np
import pytest
import skopt
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.tree import DecisionTreeClassifier

from skrec import MLPClassifier
from skrec.model_selection import BayesSearchCV
from tests.model_selection.surface import (
    ONE_FOLD,
    Surface,
    X,
    above_half,
    always,
    candidates,
    search_surface,
    y,
)


@pytest.fixture
def count():
    """Count the fits of a `Surface`."""
    Surface.n_fits = 0
    return lambda: Surface.n_fits


# ---- failures ----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test")
@pytest.mark.parametrize("n_points", [1, 4])
@pytest.mark.parametrize("how", ["fails", "nan"])
def test_candidates_that_fail_count_as_the_worst(how, n_points):
    """A failing fit and a NaN score leave NaN, and the optimizer is told the worst."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        search = search_surface(
            {"a": (0.0, 1.0)}, Surface(**{how: above_half}), n_points=n_points
        )

    a = search.cv_results_["param_a"].data.astype(float)
    scores = search.cv_results_["mean_test_score"]
    assert 0 < (a > 0.5).sum() < 15
    assert np.array_equal(np.isnan(scores), a > 0.5)
    assert search.best_params_["a"] == pytest.approx(0.3, abs=0.05)
    losses = search.optimizer_results_[0].func_vals
    assert len(losses) == 15
    assert np.isfinite(losses).all()
    failed = np.isnan(scores)
    round_ends = np.minimum((np.arange(15) // n_points + 1) * n_points, 15) - 1
    worst_so_far = np.fmax.accumulate(-scores)[round_ends]
    first = np.flatnonzero(~failed)[0]
    # What failed before there was any score is told with the first scores.
    later = failed & (np.arange(15) >= first + n_points)
    assert later.any()
    assert losses[later] == pytest.approx(worst_so_far[later])


def test_error_score_is_told_as_it_is():
    with pytest.warns(FitFailedWarning):
        search = search_surface(
            {"a": (0.0, 1.0)}, Surface(fails=above_half), error_score=-7.0
        )

    failed = search.cv_results_["param_a"].data.astype(float) > 0.5
    assert set(search.optimizer_results_[0].func_vals[failed]) == {7.0}


def test_error_score_raise_ends_the_search():
    with pytest.raises(FloatingPointError, match="no longer finite"):
        search_surface({"a": (0.0, 1.0)}, Surface(fails=always), error_score="raise")


def test_every_candidate_fails():
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(ValueError, match="no longer finite"),
    ):
        search_surface({"a": (0.0, 1.0)}, Surface(fails=always), n_iter=3)


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_no_candidate_has_a_score():
    settings = {"n_iter": 13, "optimizer_kwargs": {"initial_point_generator": "sobol"}}
    search = search_surface({"a": (0.0, 1.0)}, Surface(nan=always), **settings)

    assert len({params["a"] for params in candidates(search)}) == 13
    scored = search_surface({"a": (0.0, 1.0)}, **settings)
    assert candidates(search)[:10] == candidates(scored)[:10]
    assert np.isnan(search.optimizer_results_[0].func_vals).all()


# ---- metadata ----------------------------------------------------------------------


class Weighed(LogisticRegression):
    """Remembers the sum of the weights it was fitted with."""

    sums = []

    def fit(self, X, y, sample_weight=None):
        self.sums.append(None if sample_weight is None else float(sample_weight.sum()))
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("routing", [True, False])
def test_weights_and_groups_as_in_a_grid_search(routing):
    """Weights reach fits and scores, and groups the splitter, routed or not."""
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    groups = np.arange(len(y)) % 5
    with config_context(enable_metadata_routing=routing):
        model, cv = Weighed(max_iter=300), GroupKFold(3)
        if routing:
            model.set_fit_request(sample_weight=True)
            model.set_score_request(sample_weight=True)
            cv.set_split_request(groups=True)
        found = []
        for search in (
            GridSearchCV(model, {"C": [0.5]}, cv=cv),
            BayesSearchCV(model, {"C": [0.5]}, cv=cv),
        ):
            Weighed.sums.clear()
            search.fit(X, y, sample_weight=weight, groups=groups)
            found.append((search.best_score_, [*Weighed.sums]))

    assert found[0] == found[1]
    assert found[1][1][-1] == pytest.approx(weight.sum())
    assert len(found[1][1]) == 4


def test_metadata_that_nobody_asked_for_are_refused():
    with (
        config_context(enable_metadata_routing=True),
        pytest.raises(Exception, match="not explicitly set as requested or not"),
    ):
        BayesSearchCV(LogisticRegression(), {"C": [0.5]}).fit(
            X, y, sample_weight=np.ones(len(y))
        )


def test_fit_params_of_the_constructor():
    Weighed.sums.clear()
    search = BayesSearchCV(
        Weighed(max_iter=300),
        {"C": [0.5]},
        fit_params={"sample_weight": np.full(len(y), 2.0)},
        cv=2,
    )
    search.fit(X, y)
    assert Weighed.sums == [150.0, 150.0, 300.0]

    Weighed.sums.clear()
    search.fit(X, y, sample_weight=np.ones(len(y)))
    assert Weighed.sums == [75.0, 75.0, 150.0]


# ---- what is trained ---------------------------------------------------------------


def test_unseeded_folds_are_drawn_once():
    """Equal candidates get equal scores where a splitter shuffles without a seed."""
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"min_samples_leaf": [1], "splitter": ["best"], "ccp_alpha": (0.0, 1e-9)},
        n_iter=6,
        cv=ShuffleSplit(3, test_size=0.2),
        random_state=0,
    ).fit(X, y)

    scores = [search.cv_results_[f"split{i}_test_score"] for i in range(3)]
    assert [len(set(fold)) for fold in scores] == [1, 1, 1]


def test_finite_space_ends_the_search(count):
    """Each point of a finite space is trained once, and then the search ends."""
    search = search_surface({"a": (1, 3), "c": ["x", None]}, n_iter=50, n_points=4)

    assert count() == 6
    assert len({tuple(params.values()) for params in candidates(search)}) == 6
    assert len(candidates(search)) == 6


def test_repeated_points_are_not_trained_again(count):
    settings = {"avoid_duplicates": False}
    search = search_surface({"a": [0.1, 0.3, 0.9]}, optimizer_kwargs=settings)

    assert len(candidates(search)) == 15
    assert count() == 3
    scores = search.cv_results_["mean_test_score"]
    assert set(scores) == {-((a - 0.3) ** 2) for a in (0.1, 0.3, 0.9)}


class SmallRates(Surface):
    """Scores best at 1e-11."""

    def score(self, X, y):
        return -((np.log10(self.a) + 11) ** 2)


def test_small_rates_are_different_points():
    """Numbers that differ by less than 1e-8 are suggested, not drawn at random."""
    space = {"a": (1e-14, 1e-9, "log-uniform")}
    settings = {"optimizer_kwargs": {"acq_func": "EI"}}
    search = search_surface(space, SmallRates(), **settings)

    logs = np.log10([params["a"] for params in candidates(search)])
    assert len(set(logs)) == 15
    assert np.sort(np.abs(logs[10:] + 11))[:3].max() < 0.3


# ---- the rest of the contract ------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Dimension .* was inferred")
def test_all_that_scikit_optimizes_class_has_is_here():
    args = DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2]}
    theirs, ours = (
        kind(*args, n_iter=2, cv=2, random_state=0).fit(X, y)
        for kind in (skopt.BayesSearchCV, BayesSearchCV)
    )

    public = {name for name in dir(theirs) if not name.startswith("_")}
    # A copy of a parameter, and a request for `groups`, which go to the splitter.
    assert public - set(dir(ours)) == {"optimizer_kwargs_", "set_fit_request"}
    assert theirs.get_params().keys() < ours.get_params().keys()
    assert sorted(theirs.cv_results_) == sorted(ours.cv_results_)
    for name in ("optimizers_", "optimizer_results_"):
        assert [*map(type, getattr(ours, name))] == [*map(type, getattr(theirs, name))]


def test_callback_of_scikit_optimize_stops():
    seen = []

    def stop_at_four(result):
        seen.append(len(result.func_vals))
        return len(result.func_vals) == 4

    search = BayesSearchCV(Surface(), {"a": (0.0, 1.0)}, cv=ONE_FOLD, refit=False)
    search.fit(X, y, callback=stop_at_four)

    assert seen == [1, 2, 3, 4]
    assert len(candidates(search)) == 4
    with pytest.raises(ValueError, match="callback should be"):
        search.fit(X, y, callback=3)


def two_scores(estimator, X, y):
    return {"near": -abs(estimator.a - 0.3), "far": abs(estimator.a - 0.3)}


def least(results):
    return int(np.argmin(results["param_a"]))


@pytest.mark.parametrize(
    ("refit", "guide"), [("near", 0.3), ("far", 1.0), (False, 0.3), (least, 0.3)]
)
def test_metric_that_guides(refit, guide):
    """The metric named by refit guides, else the first; a callable picks the best."""
    space = {"a": (0.0, 1.0)}
    search = search_surface(space, scoring=two_scores, refit=refit, n_iter=16)

    last = [params["a"] for params in candidates(search)[-4:]]
    assert min(abs(a - guide) for a in last) < 0.05
    if refit is least:
        assert search.best_params_["a"] == min(p["a"] for p in candidates(search))
        assert search.best_estimator_.a == search.best_params_["a"]


def test_train_scores_are_ranked():
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 5]},
        scoring=["accuracy", "neg_log_loss"],
        refit="accuracy",
        return_train_score=True,
        random_state=0,
    ).fit(X, y)

    depth = search.cv_results_["param_max_depth"].data.astype(int)
    for name in ("accuracy", "neg_log_loss"):
        rank = search.cv_results_[f"rank_train_{name}"]
        assert rank.dtype.kind == "i"
        assert rank[depth.argsort()].tolist() == [3, 2, 1]


def test_constructor_keeps_the_places_of_scikit_optimize():
    given = [{"a": [1]}, {"acq_func": "EI"}, 7, "accuracy", None, 2, 3, "deprecated"]
    given += [False, 4, 5, 6, 8, "raise", True]
    names = "search_spaces optimizer_kwargs n_iter scoring fit_params n_jobs n_points"
    names += " iid refit cv verbose pre_dispatch random_state error_score"
    names += " return_train_score"
    search = clone(BayesSearchCV(Surface(), *given))

    assert [getattr(search, name) for name in names.split()] == given
    with pytest.warns(FutureWarning, match="iid is not used.*Received: iid=True"):
        search_surface({"a": [0.1]}, iid=True)


@pytest.mark.parametrize(
    "settings", [{"n_iter": 0}, {"n_points": 0}, {"max_seconds": 0}, {"patience": 0}]
)
def test_bad_parameters(settings):
    with pytest.raises(ValueError, match=f"The '{next(iter(settings))}' parameter"):
        search_surface({"a": [0.1]}, **settings)


def test_progress_of_candidates_and_folds(capsys):
    search = BayesSearchCV(Surface(), {"a": [0.1, 0.2]}, n_points=2, cv=2)
    search.set_callbacks(ProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `Surface` has no callbacks
        search.fit(X, y)

    shown = capsys.readouterr().out
    assert "BayesSearchCV - search" in shown
    assert "round" in shown
    assert "100%" in shown


def test_fitted_search_is_pickled():
    search = search_surface({"a": (0.0, 1.0), "c": [(1,), None]}, n_iter=12)
    copy = pickle.loads(pickle.dumps(search))

    assert candidates(copy) == candidates(search)
    assert copy.optimizers_[0].Xi == search.optimizers_[0].Xi


def test_nothing_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search_surface({"a": [16, 32], "b": (0, 3), "c": ["x", "y"]}, n_iter=16)
        search_surface({"a": (0.3, 0.31)}, n_iter=14, n_points=2)


def test_search_over_a_network():
    search = BayesSearchCV(
        MLPClassifier(units=4, epochs=2, random_state=0),
        {"units": [4, (4, 4)], "learning_rate": (1e-3, 1e-1, "log-uniform")},
        n_iter=3,
        cv=2,
        random_state=0,
    ).fit(X[::3], y[::3])

    assert len(candidates(search)) == 3
    assert search.predict(X[::3]).shape == (50,)
