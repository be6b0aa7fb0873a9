"""The loop of searches in rounds: folds, rows, failures, budgets, progress."""

import pickle
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.tree import DecisionTreeClassifier

from skrec.model_selection._sequential import SequentialSearchMixin

# Scikit-learn warns of NaN once a search is over, and of estimators without callbacks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:One or more of the t"),
    pytest.mark.filterwarnings(
        "ignore:The estimator Scored does not support callbacks"
    ),
]

X, y = load_iris(return_X_y=True)
TWO_FOLDS = [(np.arange(100), np.arange(100, 150)), (np.arange(50, 150), np.arange(50))]


class InRounds(SequentialSearchMixin):
    """Evaluate given rounds of candidates, and remember the scores of each."""

    def __init__(
        self,
        estimator,
        rounds,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        error_score=np.nan,
        return_train_score=False,
        max_seconds=None,
        patience=None,
    ):
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.rounds = rounds
        self.max_seconds = max_seconds
        self.patience = patience

    @property
    def _max_rounds(self):
        return len(self.rounds)

    def _propose(self):
        seen = []
        try:
            for candidates in self.rounds:
                scores = yield candidates
                seen.append(scores.tolist())
        finally:
            self.seen_ = seen


class Watched(InRounds):
    """Remembers what there was of it at the end of the search."""

    def _propose(self):
        yield from super()._propose()
        self.n_bytes_ = len(pickle.dumps(self))
        self.folds_ = self._rows.folds


class Scored(ClassifierMixin, BaseEstimator):
    """Scores its parameter, fails where it is negative, and counts fits."""

    n_fits = 0

    def __init__(self, value=0, seconds=0.0):
        self.value = value
        self.seconds = seconds

    def fit(self, X, y):
        type(self).n_fits += 1
        time.sleep(self.seconds)
        if self.value < 0:
            raise FloatingPointError(f"value {self.value} is negative")
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return np.nan if self.value > 1000 else float(self.value)


@pytest.fixture(autouse=True)
def count():
    """Count the fits of a `Scored`."""
    Scored.n_fits = 0
    return lambda: Scored.n_fits


def rounds_of(*rounds):
    return [[{"value": value} for value in values] for values in rounds]


def run(*rounds, **settings):
    settings = {"cv": TWO_FOLDS, **settings}
    return InRounds(Scored(), rounds_of(*rounds), **settings).fit(X, y)


def frame_of(search):
    """Return the results without times, as lists, NaN as a word."""
    return {
        name: ["nan" if value != value else value for value in np.asarray(values)]
        for name, values in search.cv_results_.items()
        if "time" not in name and name != "params"
    }


# ---- rows --------------------------------------------------------------------------


def test_results_are_those_of_a_grid_search():
    tree = DecisionTreeClassifier(random_state=0)
    settings = {"cv": 3, "return_train_score": True}
    grid = GridSearchCV(tree, {"max_depth": [1, 2, 3, 4]}, **settings).fit(X, y)
    rounds = [[{"max_depth": 1}], [{"max_depth": 2}, {"max_depth": 3}]]
    search = InRounds(tree, [*rounds, [{"max_depth": 4}]], **settings).fit(X, y)

    assert frame_of(search) == frame_of(grid)
    assert set(search.cv_results_) == set(grid.cv_results_)
    assert search.best_params_ == grid.best_params_
    assert search.best_score_ == grid.best_score_
    assert np.array_equal(search.predict(X), grid.predict(X))
    means = grid.cv_results_["mean_test_score"].tolist()
    assert search.seen_ == [means[:1], means[1:3], means[3:]]


def test_repeated_candidates_are_trained_once(count):
    search = run([1, 2, 1], [2, 3], [3, 3], refit=False)

    assert count() == 3 * len(TWO_FOLDS)
    assert search.cv_results_["mean_test_score"].tolist() == [1, 2, 1, 2, 3, 3, 3]
    assert search.seen_ == [[1, 2, 1], [2, 3], [3, 3]]


def test_values_that_are_equal_but_differ_in_type_are_both_trained(count):
    run([1, True, 1.0], refit=False)

    assert count() == 3 * len(TWO_FOLDS)


def test_folds_are_drawn_once_and_the_splitter_stays():
    cv = ShuffleSplit(2, test_size=0.3)
    rounds = [[{"ccp_alpha": i * 1e-12}] for i in range(5)]
    search = InRounds(DecisionTreeClassifier(random_state=0), rounds, cv=cv).fit(X, y)

    for fold in range(2):
        assert len(set(search.cv_results_[f"split{fold}_test_score"])) == 1
    assert search._checked_cv_orig is cv
    assert not hasattr(search, "_rows")


# ---- failures ----------------------------------------------------------------------


def test_round_in_which_every_fit_fails():
    with pytest.warns(FitFailedWarning):
        search = run([-1, -2], [3, -4], [5], return_train_score=True)

    assert np.isnan(search.seen_[0]).all()
    assert search.seen_[1][0] == 3
    assert np.isnan(search.seen_[1][1])
    assert search.cv_results_["rank_test_score"].tolist() == [3, 3, 2, 3, 1]
    assert search.best_params_ == {"value": 5}
    assert len(search.cv_results_["mean_train_score"]) == 5


def test_every_round_fails():
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(ValueError, match="value -2 is negative"),
    ):
        run([-1], [-2])


def test_what_is_said_where_every_fit_failed_counts_each_fit_once():
    failed = r"(?s)All the 4 fits failed.*2 fits.*value -1.*2 fits.*value -2"
    with pytest.warns(FitFailedWarning), pytest.raises(ValueError, match=failed):
        run([-1], [-2, -1], [-2])


def test_failed_fits_have_their_own_error_and_time():
    rounds = [[{"value": -1, "seconds": 0.1}, {"value": -2}], [{"value": 1}]]
    with pytest.warns(FitFailedWarning):
        slow, fast, _ = Watched(Scored(), rounds, cv=TWO_FOLDS).fit(X, y).folds_
    for folds, value in ((slow, -1), (fast, -2)):
        errors = {fold["fit_error"].splitlines()[-1] for fold in folds}
        assert errors == {f"FloatingPointError: value {value} is negative"}
    times = [[fold["fit_time"] for fold in folds] for folds in (slow, fast)]
    assert min(times[0]) > max(times[1])


def test_no_fold_at_all():
    with pytest.raises(ValueError, match=r"at least one fold. Received: \[\]"):
        run([1], cv=[])


def test_nothing_to_evaluate():
    with pytest.raises(ValueError, match="No candidate was evaluated"):
        run()


def test_error_score():
    with pytest.warns(FitFailedWarning):
        search = run([-1], [3], error_score=-9.5)
    assert search.cv_results_["mean_test_score"].tolist() == [-9.5, 3]

    with pytest.raises(FloatingPointError, match="value -1 is negative"):
        run([2], [-1], error_score="raise")


def test_scores_that_are_nan_are_warned_of_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = run([2000], [1], [3000], [2])

    assert [str(w.message) for w in caught if "non-finite" in str(w.message)] == [
        "One or more of the test scores are non-finite: [nan  1. nan  2.]"
    ]
    assert np.isnan(search.seen_[0] + search.seen_[2]).all()
    assert search.best_score_ == 2


# ---- metrics -----------------------------------------------------------------------


def both_ways(estimator, X, y):
    return {"up": estimator.value, "down": -estimator.value}


SCORING = {
    "callable": both_ways,
    "dict": {
        "up": lambda estimator, X, y: estimator.value,
        "down": lambda estimator, X, y: -estimator.value,
    },
}


@pytest.mark.parametrize("scoring", SCORING.values(), ids=SCORING)
@pytest.mark.parametrize(
    ("refit", "guide"),
    [
        ("up", 1),
        ("down", -1),
        (False, 1),
        (lambda results: int(results["rank_test_down"].argmin()), 1),
    ],
    ids=["up", "down", "False", "callable"],
)
def test_metric_that_guides(scoring, refit, guide):
    """Before any fit succeeds, a callable does not tell what it returns."""
    with pytest.warns(FitFailedWarning):
        search = run([-1], [3, 1], [-2, 2], scoring=scoring, refit=refit)

    assert np.isnan(search.seen_[0]).all()
    assert search.seen_[1] == [3 * guide, guide]
    assert search.seen_[2][1] == 2 * guide
    results = search.cv_results_
    for sign, name in ((1, "up"), (-1, "down")):
        assert np.isnan(results[f"mean_test_{name}"][[0, 3]]).all()
        scored = results[f"mean_test_{name}"][[1, 2, 4]]
        assert scored.tolist() == [sign * 3, sign, sign * 2]
    if refit == "up":
        assert search.best_estimator_.value == 3
    elif refit:
        assert search.best_estimator_.value == 1
    else:
        assert not hasattr(search, "best_estimator_")


def test_several_metrics_need_a_choice():
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        run([1], scoring=SCORING["dict"])
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        run([1], scoring=both_ways)


# ---- budgets -----------------------------------------------------------------------


def test_max_seconds_ends_after_the_round():
    rounds = [[{"value": value, "seconds": 0.05}] for value in range(50)]
    search = InRounds(Scored(), rounds, cv=TWO_FOLDS, max_seconds=0.15).fit(X, y)

    n_rounds = len(search.cv_results_["params"])
    assert 1 <= n_rounds <= 3
    assert search.seen_ == [[value] for value in range(n_rounds)]
    assert search.best_estimator_.value == n_rounds - 1


def test_patience_counts_candidates_without_a_better_score():
    with pytest.warns(FitFailedWarning):
        search = run([1], [5], [2], [5], [-1], [9], patience=3)
    assert search.cv_results_["param_value"].tolist() == [1, 5, 2, 5, -1]

    search = run([1, 5], [2, 6], [3, 4], [7], patience=2)
    assert search.cv_results_["param_value"].tolist() == [1, 5, 2, 6, 3, 4]
    assert search.seen_ == [[1, 5], [2, 6], [3, 4]]


@pytest.mark.parametrize("name", ["max_seconds", "patience"])
def test_budgets_are_checked(name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of InRounds"):
        run([1], **{name: -1})


# ---- progress ----------------------------------------------------------------------


class Recorder:
    """Remembers the tasks that begin and end in its own process."""

    def __init__(self):
        self.begun, self.ended = [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((self.path(context), context.max_subtasks))

    def on_fit_task_end(self, estimator, context):
        self.ended.append(self.path(context))

    def path(self, context):
        names = []
        while context is not None:
            names.insert(0, (context.task_name, context.task_id))
            context = context.parent
        return tuple(names)


def test_callbacks_see_rounds_candidates_and_folds():
    recorder = Recorder()
    search = InRounds(Scored(), rounds_of([1, 2], [1], [3, 1]), cv=TWO_FOLDS)
    search.set_callbacks(recorder)
    search.fit(X, y)

    assert sorted(path for path, _ in recorder.begun) == sorted(recorder.ended)
    assert len(set(recorder.ended)) == len(recorder.ended)
    names = [path[-1][0] for path, _ in recorder.begun]
    # The second round repeats what is known; so does one of two in the third.
    assert names.count("search") == 1
    assert names.count("round") == 2
    assert names.count("candidate-split-evaluation") == 3 * len(TWO_FOLDS)
    assert names.count("refit-with-best-params") == 1
    n_subtasks = [n for path, n in recorder.begun if path[-1][0] == "round"]
    assert n_subtasks == [4, 2]
    assert [n for path, n in recorder.begun if path[-1][0] == "search"] == [3]


def test_progress_bar(capsys):
    search = InRounds(Scored(), rounds_of([1, 2], [-3], [4]), cv=TWO_FOLDS)
    search.set_callbacks(ProgressBar())
    before = set(threading.enumerate())
    with pytest.warns(FitFailedWarning):
        search.fit(X, y)

    shown = capsys.readouterr().out
    assert "InRounds - search" in shown
    assert "100%" in shown
    left = set(threading.enumerate()) - before
    assert not any("Monitor" in type(thread).__name__ for thread in left)


# ---- metadata and processes --------------------------------------------------------


@pytest.mark.parametrize("routing", [True, False])
def test_weights_reach_fits_and_scores_and_groups_the_splitter(routing):
    weight = np.random.default_rng(0).uniform(0.1, 5, len(y))
    groups = np.arange(len(y)) % 7
    values = [0.01, 1.0]
    with config_context(enable_metadata_routing=routing):
        model, cv = LogisticRegression(max_iter=500), GroupKFold(3)
        if routing:
            model.set_fit_request(sample_weight=True)
            model.set_score_request(sample_weight=True)
            cv.set_split_request(groups=True)
        grid = GridSearchCV(model, {"C": values}, cv=cv)
        search = InRounds(model, [[{"C": value}] for value in values], cv=cv)
        for each in (grid, search):
            each.fit(X, y, sample_weight=weight, groups=groups)

    assert frame_of(search) == frame_of(grid)
    unweighted = GridSearchCV(model, {"C": values}, cv=GroupKFold(3))
    unweighted.fit(X, y, groups=groups)
    assert frame_of(search) != frame_of(unweighted)


def test_a_search_that_is_sent_along_with_each_fit_takes_no_rows_with_it():
    rows = np.zeros((2000, 500))
    search = Watched(Scored(), rounds_of([1]), cv=ShuffleSplit(3), refit=False)
    search.fit(rows, np.arange(2000) % 2)

    assert search.n_bytes_ < 10_000


@pytest.mark.nightly
def test_two_processes():
    rounds = [[{"C": 0.1}, {"C": 1.0}], [{"C": 1.0}, {"C": -1.0}], [{"C": 10.0}]]
    model = LogisticRegression(max_iter=300)
    with pytest.warns(FitFailedWarning):
        one, two = (
            InRounds(model, rounds, cv=3, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)
        )

    assert frame_of(one) == frame_of(two)
    assert np.array_equal(one.best_estimator_.coef_, two.best_estimator_.coef_)
