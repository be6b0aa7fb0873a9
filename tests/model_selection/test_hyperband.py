"""Hyperband: brackets, who goes on, what is chosen, and what is trained."""

import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.externals.loky.backend import resource_tracker
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skrec import KerasClassifier, MLPClassifier
from skrec.model_selection import HyperbandSearchCV
from skrec.model_selection.hyperband import make_brackets
from skrec.training.program import Program
from tests.estimators.generic_models import CROSS_ENTROPY, build
from tests.night import by_day
from tests.plain import PLAIN

X, Y = load_iris(return_X_y=True)
NETWORK = MLPClassifier(units=4, **PLAIN, random_state=0)
RATES = {"learning_rate": loguniform(1e-3, 1e-1)}


class Learner(ClassifierMixin, BaseEstimator):
    """Scores its talent, less what it has not learnt or has over-learnt."""

    def __init__(
        self, talent=0.5, patience=0.0, epochs=1, fails=False, nan=False, burnout=np.inf
    ):
        self.talent = talent
        self.patience = patience
        self.epochs = epochs
        self.fails = fails
        self.nan = nan
        self.burnout = burnout

    def fit(self, X, y):
        if self.fails:
            raise ValueError("no talent at all")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def score(self, X, y):
        gives_up = self.nan or self.epochs >= self.burnout
        return np.nan if gives_up else self.talent - self.patience / self.epochs


pytestmark = pytest.mark.filterwarnings("ignore:The total space:UserWarning")


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path_factory):
    """The folder for temporary files, which nothing may be left in."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def search_of(estimator=None, space=None, **options):
    options = {"max_epochs": 9, "cv": 2, "random_state": 0, **options}
    space = space or {"talent": np.linspace(0, 1, 1000).tolist()}
    return HyperbandSearchCV(
        Learner() if estimator is None else estimator, space, **options
    )


def frame_of(search):
    return pd.DataFrame(search.cv_results_)


# ---- brackets ----------------------------------------------------------------------


def test_brackets_are_those_of_the_paper():
    # Li et al. (2018), the table of n_i and r_i for R = 81 and eta = 3.
    assert make_brackets(81, 3) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


@pytest.mark.parametrize(
    ("max_epochs", "factor", "brackets"),
    [
        (1, 3, [[(1, 1)]]),
        (2, 3, [[(1, 2)]]),
        (4, 2, [[(4, 1), (2, 2), (1, 4)], [(3, 2), (1, 4)], [(3, 4)]]),
        (10, 3, [[(9, 1), (3, 3), (1, 10)], [(5, 3), (1, 10)], [(3, 10)]]),
    ],
)
def test_brackets_of_few_resources(max_epochs, factor, brackets):
    assert make_brackets(max_epochs, factor) == brackets


@given(st.integers(1, 300), st.integers(2, 6))
def test_every_bracket_ends_in_full_and_costs_as_much(max_epochs, factor):
    brackets = make_brackets(max_epochs, factor)

    for bracket in brackets:
        numbers, resources = map(list, zip(*bracket, strict=True))
        assert resources[-1] == max_epochs
        assert resources[0] >= 1
        assert numbers[-1] >= 1
        assert all(fewer < more for fewer, more in pairwise(resources))
        assert all(fewer == more // factor for more, fewer in pairwise(numbers))
        # One candidate is at most what rounding up adds to each rung.
        cost = sum(n * r for n, r in bracket)
        assert cost <= (len(brackets) + len(bracket)) * max_epochs
    assert len(brackets[0]) == len(brackets)


@pytest.mark.parametrize(
    ("max_epochs", "share"), [(27, 357 / 1323), (81, 1581 / 11583)]
)
def test_fits_that_go_on_cost_less_than_a_third_of_full_training(max_epochs, share):
    brackets = make_brackets(max_epochs, 3)

    cost = sum(
        n * (r - before)
        for bracket in brackets
        for (n, r), (_, before) in zip(bracket, [(0, 0), *bracket], strict=False)
    )

    full = sum(bracket[0].n_candidates for bracket in brackets) * max_epochs
    assert cost / full == share < 1 / 3


# ---- who goes on -------------------------------------------------------------------


def test_the_best_of_each_round_go_on():
    search = search_of().fit(X, Y)

    frame = frame_of(search)
    assert search.n_candidates_ == [[9, 3, 1], [5, 1], [3]]
    assert search.n_resources_ == [[1, 3, 9], [3, 9], [9]]
    sizes = frame.groupby(["bracket", "iter", "n_resources"]).size()
    assert sizes.to_dict() == {
        (0, 0, 1): 9,
        (0, 1, 3): 3,
        (0, 2, 9): 1,
        (1, 0, 3): 5,
        (1, 1, 9): 1,
        (2, 0, 9): 3,
    }
    for _, bracket in frame.groupby("bracket"):
        for i in range(bracket["iter"].max()):
            talents = bracket[bracket["iter"] == i]["param_talent"]
            went_on = bracket[bracket["iter"] == i + 1]["param_talent"]
            expected = sorted(talents, reverse=True)[: len(went_on)]
            assert went_on.tolist() == expected
    assert (frame["param_epochs"] == frame["n_resources"]).all()


def test_a_forest_is_trained_anew_in_each_round():
    search = search_of(
        RandomForestClassifier(random_state=0),
        {"ccp_alpha": loguniform(1e-4, 1e-1)},
        resource="n_estimators",
    ).fit(X, Y)

    assert search.trained_resources_ == (9 + 9 + 9) + (15 + 9) + 27
    assert search.full_resources_ == (9 + 5 + 3) * 9
    best = search.best_params_["n_estimators"]
    assert search.best_estimator_.n_estimators == best


def test_equal_candidates_are_trained_once():
    search = search_of(space={"talent": [0.1, 0.2]}).fit(X, Y)

    assert search.n_candidates_ == [[2, 2, 1], [2, 1], [2]]
    assert search.trained_resources_ == 2 + 6 + 9 + 9
    assert search.full_resources_ == 2 * 9


def test_lists_of_spaces_and_some_brackets_alone():
    space = [{"talent": [0.1, 0.2, 0.3]}, {"patience": loguniform(0.1, 1)}]
    search = search_of(space=space, n_brackets=1).fit(X, Y)

    assert search.n_candidates_ == [[9, 3, 1]]
    assert {"param_talent", "param_patience"} <= set(search.cv_results_)


@pytest.mark.parametrize("how", ["fails", "nan"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_candidates_without_a_score_are_dropped_first(how):
    space = {"talent": np.linspace(0, 1, 1000).tolist(), how: [True, True, False]}
    with pytest.warns(UserWarning, match="non-finite"):
        search = search_of(space=space).fit(X, Y)

    frame = frame_of(search)
    assert (frame[f"param_{how}"] & (frame["iter"] == 0)).any()
    assert not frame[f"param_{how}"][frame["iter"] > 0].any()
    assert np.isfinite(search.best_score_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:.*non-finite:UserWarning")
def test_a_bracket_without_scores_ends():
    space = [{"fails": [True]}] * 40 + [{"talent": [0.5]}] * 10
    search = search_of(space=space, random_state=4).fit(X, Y)

    failed = frame_of(search).groupby("bracket")["mean_test_score"].max().isna()
    assert failed.tolist() == [False, True, False]
    assert search.n_candidates_ == [[9, 2, 1], [5], [3]]
    assert search.best_params_ == {"talent": 0.5, "epochs": 9}
    with pytest.raises(ValueError, match="no talent at all"):
        search_of(space={"fails": [True]}).fit(X, Y)


# ---- what is chosen ----------------------------------------------------------------


def test_best_is_the_best_row_with_its_number_of_epochs():
    search = search_of(Learner(patience=-1.0)).fit(X, Y)  # which unlearns

    scores, epochs = frame_of(search)[["mean_test_score", "n_resources"]].values.T
    assert search.best_index_ == scores.argmax()
    assert epochs[search.best_index_] == 1
    assert search.best_params_["epochs"] == search.best_estimator_.epochs == 1


@pytest.mark.filterwarnings("ignore:.*non-finite:UserWarning")
def test_where_the_longest_fits_have_no_score_shorter_ones_are_compared():
    search = search_of(Learner(burnout=9)).fit(X, Y)

    scores, epochs = frame_of(search)[["mean_test_score", "n_resources"]].values.T
    assert search.best_params_["epochs"] == 3
    assert search.best_score_ == np.nanmax(scores[epochs == 3])


def talent(estimator, X, y):
    return estimator.talent


def modesty(estimator, X, y):
    return -estimator.talent


@pytest.mark.parametrize("refit", ["modesty", "talent"])
def test_the_score_that_refit_names_guides(refit):
    scoring = {"talent": talent, "modesty": modesty}
    search = search_of(scoring=scoring, refit=refit).fit(X, Y)

    frame = frame_of(search)
    first, second = (
        frame[(frame["bracket"] == 0) & (frame["iter"] == i)] for i in (0, 1)
    )
    column = f"mean_test_{refit}"
    assert second[column].tolist() == sorted(first[column])[:-4:-1]
    assert search.best_score_ == frame[frame["n_resources"] == 9][column].max()


def test_a_callable_chooses_among_all_rows():
    search = search_of(
        scoring={"talent": talent, "modesty": modesty},
        refit=lambda results: int(np.argmax(results["mean_test_modesty"])),
    ).fit(X, Y)

    frame = frame_of(search)
    assert search.best_index_ == frame["mean_test_modesty"].argmax()
    assert frame["n_resources"][search.best_index_] == 1
    first, second = (
        frame[(frame["bracket"] == 0) & (frame["iter"] == i)] for i in (0, 1)
    )
    column = "mean_test_talent"  # the first one
    assert second[column].tolist() == sorted(first[column])[:-4:-1]


def test_without_refit_there_are_results_alone():
    search = search_of(scoring=["accuracy", "f1_macro"], refit=False).fit(X, Y)

    assert not hasattr(search, "best_index_")
    assert len(frame_of(search)) == 22


@pytest.mark.parametrize(
    ("budget", "n_candidates"),
    [({"max_seconds": 1e-9}, [[9]]), ({"patience": 9}, [[9, 3]])],
)
def test_a_search_that_runs_out_returns_what_it_has(budget, n_candidates):
    # The first one is as good as any: after two rounds, 11 rows have not been better.
    search = search_of(space={"talent": [0.5] * 9}, **budget).fit(X, Y)

    epochs = frame_of(search)["n_resources"]
    assert search.n_candidates_ == n_candidates
    assert len(epochs) == sum(sum(bracket) for bracket in n_candidates)
    assert search.best_params_["epochs"] == max(epochs)


def test_seeds_decide():
    params = [
        search_of(random_state=s).fit(X, Y).cv_results_["params"] for s in (0, 0, 1)
    ]

    assert params[0] == params[1] != params[2]


# ---- continuation ------------------------------------------------------------------

WITH_CONTINUATION = (9 + 6 + 6) + (15 + 6) + 27
WITHOUT = 9 + 9 + 9 + 15 + 9 + 27


GENERIC = KerasClassifier(
    build, loss=CROSS_ENTROPY, optimizer="adam", verbose=0, random_state=0
)


def piped(network):
    return Pipeline([("scale", StandardScaler()), ("clf", network)])


@pytest.mark.parametrize(
    ("estimator", "step"),
    [
        (NETWORK, ""),
        pytest.param(MLPClassifier(units=4), "", marks=pytest.mark.nightly),
        pytest.param(GENERIC, "", marks=pytest.mark.nightly),
        pytest.param(piped(NETWORK), "clf__", marks=pytest.mark.nightly),
        pytest.param(piped(MLPClassifier(units=4)), "clf__", marks=pytest.mark.nightly),
    ],
    ids=["named", "unseeded", "generic", "pipeline", "unseeded in a pipeline"],
)
def test_candidates_go_on_from_their_shorter_fit(estimator, step, trained):
    rate = "optimizer__learning_rate" if "Keras" in str(estimator) else "learning_rate"
    before = str(estimator.get_params())
    search = search_of(
        estimator,
        {step + rate: RATES["learning_rate"]},
        resource=f"{step}epochs",
        refit=False,
    ).fit(X, Y)

    assert len(trained) == 2 * WITH_CONTINUATION
    assert search.trained_resources_ == WITH_CONTINUATION
    assert search.full_resources_ == (9 + 5 + 3) * 9
    assert str(search.estimator.get_params()) == before
    assert search.estimator is estimator
    for params in search.cv_results_["params"]:
        assert set(params) == {step + rate, f"{step}epochs"}


def test_scores_are_those_of_fits_from_scratch():
    search = search_of(NETWORK, RATES).fit(X, Y)

    for i in (0, 9, 12, search.best_index_):
        fresh = clone(NETWORK).set_params(**search.cv_results_["params"][i])
        scores = cross_val_score(fresh, X, Y, cv=2)
        assert [search.cv_results_[f"split{k}_test_score"][i] for k in (0, 1)] == (
            scores.tolist()
        )


@pytest.mark.parametrize(
    ("random_state", "seed"),
    [(None, None), pytest.param(3, 3, marks=pytest.mark.nightly)],
)
def test_the_best_estimator_shows_nothing_of_it(random_state, seed):
    network = MLPClassifier(units=4, **PLAIN, random_state=random_state)
    search = search_of(network, RATES, max_epochs=3).fit(X, Y)

    best = search.best_estimator_
    assert (best.memory, best.random_state, best.epochs) == (None, seed, 3)
    assert set(search.best_params_) == {"learning_rate", "epochs"}


@pytest.mark.nightly
def test_an_unseeded_network_is_seeded_by_the_search():
    network = MLPClassifier(units=4)
    scores = [
        search_of(network, RATES, max_epochs=3, random_state=s)
        .fit(X, Y)
        .cv_results_["mean_test_score"]
        .tolist()
        for s in (0, 0, 1)
    ]

    assert scores[0] == scores[1] != scores[2]


@pytest.mark.nightly
def test_a_memory_of_the_users_own_stays_and_is_used_again(tmp_path, trained):
    network = clone(NETWORK).set_params(memory=str(tmp_path))
    first, again = (search_of(network, RATES, refit=False).fit(X, Y) for _ in range(2))

    assert len(trained) == 2 * WITH_CONTINUATION
    assert first.trained_resources_ == WITH_CONTINUATION
    assert again.trained_resources_ == 0
    np.testing.assert_array_equal(
        first.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"]
    )
    assert search_of(network, RATES).fit(X, Y).best_estimator_.memory == str(tmp_path)


# What depends on the number of epochs, and what no memory keeps.
#
# By day, those that go on are counted, above.
@pytest.mark.nightly
@pytest.mark.parametrize("option", [{"lr_schedule": "cosine"}, {"warm_start": True}])
def test_fits_that_cannot_go_on_are_counted_in_full(option, trained):
    network = clone(NETWORK).set_params(**option)
    search = search_of(network, RATES, refit=False).fit(X, Y)

    assert len(trained) == 2 * WITHOUT
    assert search.trained_resources_ == WITHOUT


def test_epochs_that_early_stopping_saves_are_not_counted(trained):
    network = clone(NETWORK).set_params(early_stopping=True, n_iter_no_change=1)
    search = search_of(network, {"learning_rate": [0.5, 1.0, 2.0, 3.0]}, refit=False)
    search.fit(X, Y)

    assert len(trained) == 2 * search.trained_resources_ < 2 * search.full_resources_


@pytest.mark.parametrize(
    "error", by_day([ValueError, KeyboardInterrupt], "KeyboardInterrupt")
)
def test_an_interrupted_search_leaves_no_folder(error, monkeypatch):  # see `temporary`
    calls = []
    train_epoch = Program.train_epoch

    def interrupted(program, *args, **kwargs):
        calls.append(program)
        if len(calls) > 20:
            raise error
        return train_epoch(program, *args, **kwargs)

    monkeypatch.setattr(Program, "train_epoch", interrupted)

    with pytest.raises(error):
        search_of(NETWORK, RATES, error_score="raise").fit(X, Y)


def test_joblib_looks_after_the_folder_while_the_search_lasts(monkeypatch):
    calls = []
    for name in ("register", "unregister"):
        recorded = partial(lambda *call: calls.append(call), name)
        monkeypatch.setattr(resource_tracker, name, recorded)

    search_of(NETWORK, RATES, max_epochs=1).fit(X, Y)

    folder = calls[0][1]
    assert Path(folder).parent == Path(tempfile.gettempdir())
    assert calls == [("register", folder, "folder"), ("unregister", folder, "folder")]


def test_folders_whose_names_joblib_cannot_tell_are_left_to_the_search(
    temporary, monkeypatch
):
    odd = temporary / "Zürich"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))

    search_of(NETWORK, RATES, max_epochs=1).fit(X, Y)

    assert not list(odd.iterdir())
    odd.rmdir()


def test_halving_of_scikit_learn_goes_on_too(tmp_path, trained):
    grid = {"learning_rate": np.geomspace(1e-3, 1e-1, 9).tolist()}
    options = {"resource": "epochs", "max_resources": 9, "factor": 3, "cv": 2}
    network = clone(NETWORK).set_params(memory=str(tmp_path))

    search = HalvingGridSearchCV(network, grid, **options, refit=False).fit(X, Y)

    assert search.n_resources_ == [1, 3, 9]
    assert len(trained) == 2 * (9 * 1 + 3 * 2 + 1 * 6)
    del trained[:]
    fresh = HalvingGridSearchCV(NETWORK, grid, **options, refit=False).fit(X, Y)
    assert len(trained) == 2 * (9 * 1 + 3 * 3 + 1 * 9)
    np.testing.assert_array_equal(
        fresh.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


@pytest.mark.nightly
def test_workers_share_the_folder():
    one, two = (
        search_of(NETWORK, RATES, refit=False, n_jobs=n).fit(X, Y) for n in (1, 2)
    )

    assert two.trained_resources_ == one.trained_resources_ == WITH_CONTINUATION
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


# ---- errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resource": "rounds"}, "resource must be a parameter of Learner.*'rounds'"),
        ({"space": {"epochs": [1, 2]}}, "leave it out of param_distributions"),
        ({"space": [{"talent": [1]}, {"epochs": [1]}]}, "sets 'epochs'.*Received: "),
        ({"factor": 1}, "'factor' parameter"),
        ({"max_epochs": 0}, "'max_epochs' parameter"),
        ({"n_brackets": 0}, "'n_brackets' parameter"),
        ({"space": "talent"}, "'param_distributions' parameter"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        search_of(**options).fit(X, Y)
