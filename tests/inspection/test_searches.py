"""Displays of searches: what they show, in which direction, and what they leave out."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skrec import MLPClassifier
from skrec.inspection import (
    ConvergenceDisplay,
    ParallelCoordinatesDisplay,
    ParamEffectDisplay,
    ParetoDisplay,
    ScoresDisplay,
)
from skrec.model_selection import (
    BayesSearchCV,
    HyperbandSearchCV,
    OptunaSearchCV,
    pareto_front,
    with_costs,
)
from tests.inspection import made
from tests.night import by_day

C = {"C": [0.001, 0.01, 0.1]}
TWO = {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"}


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def searches():
    model, drawn = LogisticRegression(), {"C": loguniform(1e-3, 1e3)}
    return [
        GridSearchCV(model, C),
        RandomizedSearchCV(model, drawn, n_iter=4, random_state=0),
        HalvingGridSearchCV(model, C, random_state=0),
        BayesSearchCV(model, {"C": (1e-3, 1e3, "log-uniform")}, n_iter=4),
        OptunaSearchCV(model, drawn, n_trials=4, random_state=0),
        HyperbandSearchCV(model, drawn, max_epochs=4, resource="max_iter"),
    ]


@pytest.mark.parametrize(
    "search",
    by_day(
        [pytest.param(one, id=type(one).__name__) for one in searches()],
        "GridSearchCV",
        "HalvingGridSearchCV",
    ),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_search_is_shown_on_axes_that_are_given(search, iris):
    search.set_params(cv=2).fit(*iris)
    _, axes = plt.subplots(1, 5)

    shown = [
        ConvergenceDisplay.from_search(search, ax=axes[0]),
        ScoresDisplay.from_search(search, ax=axes[1]),
        ParallelCoordinatesDisplay.from_search(search, ax=axes[2]),
        ParamEffectDisplay.from_search(search, "C", ax=axes[3]),
        ParetoDisplay.from_search(search, ax=axes[4]),
    ]

    assert [one.ax_ for one in shown] == list(axes)
    assert {one.figure_ for one in shown} == {axes[0].figure}
    best = search.cv_results_["mean_test_score"][search.best_index_]
    assert shown[0].curves["best"].iloc[-1] == best
    assert shown[1].scores.index[0] == search.best_index_


def test_a_fit_counts_for_each_fold_and_a_copy_for_nothing():
    params = [{"a": 1}, {"a": 2}, {"a": 1}]
    results = made.cv_results(params, [[1, 3], [0, 0], [1, 3]], seconds=[5, 1, 5])

    fits = ConvergenceDisplay.from_cv_results(results)
    seconds = ConvergenceDisplay.from_cv_results(results, x="seconds")

    assert fits.curves["spent"].tolist() == [2, 4, 4]
    assert seconds.curves["spent"].tolist() == [10, 12, 12]
    assert fits.curves["best"].tolist() == [2, 2, 2]


def test_the_best_so_far_rises_and_that_of_a_cost_falls():
    params = [{"a": k} for k in range(4)]
    folds = [[2.0], [1.0], [3.0], [2.5]]
    score = ConvergenceDisplay.from_search(made.search(params, folds))
    cost = ConvergenceDisplay.from_search(
        made.search(params, folds, "latency"), metric="latency"
    )

    assert score.curves["best"].tolist() == [2, 2, 3, 3]
    assert cost.curves["best"].tolist() == [2, 1, 1, 1]


def test_losses_turn_their_sign_as_scikit_learn_s_displays_do():
    search = made.search([{"a": 1}, {"a": 2}], [[-3.0], [-2.0]], scoring="neg_log_loss")

    as_is = ConvergenceDisplay.from_search(search)
    turned = ConvergenceDisplay.from_search(search, negate_score=True)

    assert as_is.lines_[0].get_ydata().tolist() == [-3, -2]
    assert as_is.ax_.get_ylabel() == "Negative log loss"
    assert turned.lines_[0].get_ydata().tolist() == [3, 2]
    assert turned.ax_.get_ylabel() == "Log loss"
    best_last = ParallelCoordinatesDisplay.from_search(search, negate_score=True)
    assert best_last.lines_.get_array().tolist() == [3, 2]
    assert best_last.lines_.get_linewidths()[-1] > best_last.lines_.get_linewidths()[0]


def test_several_searches_stand_in_one_figure(iris):
    grid = GridSearchCV(LogisticRegression(), C, cv=2).fit(*iris)
    display = ConvergenceDisplay.from_searches({"grid": grid, "again": grid})
    more = ConvergenceDisplay.from_search(grid, name="third", ax=display.ax_)

    assert len(display.lines_) == 2
    assert more.ax_ is display.ax_
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["grid", "again", "third"]


def test_epochs_of_hyperband_are_those_that_were_trained():
    X, y = make_classification(80, random_state=0)
    model = MLPClassifier(4, early_stopping=False, random_state=0)
    search = HyperbandSearchCV(
        model, {"learning_rate": loguniform(1e-3, 1e-1)}, max_epochs=4, factor=2, cv=2
    ).fit(X, y)

    display = ConvergenceDisplay.from_search(search, x="epochs")

    assert display.curves["spent"].iloc[-1] == 2 * search.trained_resources_


def test_epochs_come_from_the_candidates_or_from_the_estimator():
    params = [{"clf__epochs": 3}, {"clf__epochs": 5}]
    found = ConvergenceDisplay.from_search(
        made.search(params, [[1, 1], [2, 2]]), x="epochs"
    )
    model = MLPClassifier(epochs=7)
    fixed = made.search([{"l1": 0}, {"l1": 1}], [[1], [2]], estimator=model)

    assert found.curves["spent"].tolist() == [6, 16]
    of_model = ConvergenceDisplay.from_search(fixed, x="epochs")
    assert of_model.curves["spent"].tolist() == [7, 14]
    model.set_params(epochs="auto")
    with pytest.raises(ValueError, match="Received: epochs='auto'"):
        ConvergenceDisplay.from_search(fixed, x="epochs")
    with pytest.raises(ValueError, match=r"x must be one of .*Received: 'hours'"):
        ConvergenceDisplay.from_search(fixed, x="hours")


def test_failed_candidates_are_left_out_and_counted(iris):
    grid = {"kernel": ["rbf", "no such kernel"], "C": [1, 10]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(SVC(), grid, cv=2).fit(*iris)

    curves = ConvergenceDisplay.from_search(search)
    scores = ScoresDisplay.from_search(search)
    lines = ParallelCoordinatesDisplay.from_search(search)
    effect = ParamEffectDisplay.from_search(search, "kernel")
    pareto = ParetoDisplay.from_search(search)

    assert curves.curves["spent"].iloc[-1] == 8  # they had been paid for
    assert "2 failed candidates left out" in legend_of(curves)
    assert "2 failed candidates left out" in legend_of(scores)
    assert "2 failed candidates left out" in lines.ax_.get_title(loc="right")
    assert "2 failed candidates left out" in legend_of(effect)
    assert "2 without a value left out" in legend_of(pareto)
    assert len(scores.scores) == len(lines.columns) == len(effect.scores) == 2
    assert [text for _, text in lines.ticks["kernel"]] == ["rbf"]


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_a_search_without_any_score_says_so():
    search = made.search([{"a": 1}], [[np.nan]])
    with pytest.raises(ValueError, match=r"No candidate has a finite 'score'"):
        ScoresDisplay.from_search(search)


def test_metrics_are_those_of_refit_or_named(iris):
    search = GridSearchCV(LogisticRegression(), C, cv=2, **TWO).fit(*iris)

    assert ScoresDisplay.from_search(search).score_name == "neg_log_loss"
    named = ScoresDisplay.from_search(search, metric="accuracy")
    assert named.ax_.get_xlabel() == "Accuracy"
    with pytest.raises(
        ValueError, match=r"one of \['accuracy', 'neg_log_loss'\].*Received: 'auc'"
    ):
        ScoresDisplay.from_search(search, metric="auc")
    with pytest.raises(ValueError, match=r"Received: None"):
        ScoresDisplay.from_cv_results(search.cv_results_)


def test_what_is_no_search_is_refused():
    with pytest.raises(NotFittedError):
        ScoresDisplay.from_search(GridSearchCV(SVC(), C))
    with pytest.raises(TypeError, match=r"Received: SVC"):
        ScoresDisplay.from_search(SVC())
    with pytest.raises(TypeError, match=r"Received: list"):
        ScoresDisplay.from_cv_results([])


def test_scores_are_those_of_the_best_with_the_names_of_what_differs():
    params = [{"clf__a": a, "clf__b": 0, "clf__kind": str} for a in (1e-5, 2, 3)]
    display = ScoresDisplay.from_search(
        made.search(params, [[1, 2], [5, 6], [3, 4]]), k=2
    )

    assert display.scores.to_numpy().tolist() == [[5, 6], [3, 4]]
    assert display.labels == ["a=2", "a=3"]
    points = display.points_.get_offsets().data.tolist()
    assert points == [[5, 0], [6, 0], [3, 1], [4, 1]]
    assert display.means_.get_offsets().data.tolist() == [[5.5, 0], [3.5, 1]]


def test_parameters_of_all_kinds_have_an_axis():
    params = [
        {"rate": 1e-4, "units": "64", "depth": None, "bias": True, "gamma": 1},
        {"rate": 1e-2, "units": "64-32", "depth": 3, "bias": False},
        {"rate": 1.0, "units": "64", "depth": 10, "bias": True, "gamma": 2},
    ]
    display = ParallelCoordinatesDisplay.from_search(
        made.search(params, [[1.0], [2.0], [3.0]])
    )

    columns = display.columns
    assert np.allclose(columns["rate"], [0, 0.5, 1])  # as its logarithm
    assert columns["depth"].tolist() == [1, 0, 0.5]
    assert [text for _, text in display.ticks["depth"]] == ["3", "10", "None"]
    assert columns["bias"].tolist() == [1, 0, 1]
    assert columns["gamma"].isna().tolist() == [False, True, False]
    drawn = [text.get_text() for text in display.ax_.texts]
    assert "not set" in drawn
    assert display.lines_.get_array().tolist() == [1, 2, 3]  # the best one on top


def test_nothing_to_compare_is_an_error():
    search = made.search([{"a": 1}, {"a": 1}], [[1], [2]])
    with pytest.raises(ValueError, match=r"the same parameters.*Received: 2"):
        ParallelCoordinatesDisplay.from_search(search)


def test_one_bad_candidate_does_not_take_all_colours():
    params = [{"a": k} for k in range(9)]
    folds = [[-1e6], *([0.9 + k / 100] for k in range(8))]
    display = ParallelCoordinatesDisplay.from_search(made.search(params, folds))

    assert display.lines_.norm.vmin > 0.8
    assert display.colorbar_.extend == "min"


def test_the_effect_of_a_number_is_drawn_on_the_axis_that_suits_it():
    params = [{"a": a, "b": b} for a in (1e-4, 1e-2) for b in (1, 2)]
    search = made.search(params, [[1.0], [2.0], [3.0], [4.0]])

    a = ParamEffectDisplay.from_search(search, "a")
    b = ParamEffectDisplay.from_search(search, "b")

    assert (a.ax_.get_xscale(), b.ax_.get_xscale()) == ("log", "linear")
    assert a.line_.get_ydata().tolist() == [1.5, 3.5]
    assert b.line_.get_ydata().tolist() == [2, 3]
    with pytest.raises(ValueError, match=r"one of \['a', 'b'\]. Received: 'c'"):
        ParamEffectDisplay.from_search(search, "c")
    with pytest.raises(ValueError, match=r"two different ones. Received: \['a', 'a'\]"):
        ParamEffectDisplay.from_search(search, ["a", "a"])


def test_categories_stand_apart_and_candidates_without_them_are_counted():
    params = [{"kind": "x"}, {"kind": "x"}, {"kind": "y"}, {"other": 1}]
    display = ParamEffectDisplay.from_search(
        made.search(params, [[1.0], [3.0], [5.0], [7.0]]), "kind"
    )

    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks == ["x", "y"]
    assert display.line_.get_ydata().tolist() == [2, 5]
    assert "1 without kind" in legend_of(display)


def test_two_parameters_of_a_grid_make_a_map_and_others_points():
    grid = [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y", "z")]
    folds = [[float(k)] for k in range(6)]
    drawn = [{"a": a, "b": b} for a, b in zip(range(20), range(20), strict=True)]

    mapped = ParamEffectDisplay.from_search(made.search(grid, folds), ["a", "b"])
    points = ParamEffectDisplay.from_search(
        made.search(drawn, [[float(k)] for k in range(20)]), ("a", "b")
    )

    assert mapped.points_ is None
    assert mapped.mesh_.get_array().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert [t.get_text() for t in mapped.ax_.get_yticklabels()] == ["x", "y", "z"]
    assert points.mesh_ is None
    assert points.points_.get_array().tolist() == list(range(20))


def test_the_front_is_that_of_pareto_front(iris):
    model = make_pipeline(StandardScaler(), MLPClassifier(epochs=3, random_state=0))
    search = GridSearchCV(
        model,
        {"mlpclassifier__units": [2, 1024]},
        scoring=with_costs("accuracy"),
        refit="accuracy",
        cv=2,
    ).fit(*iris)
    names = ["accuracy", "n_parameters"]

    display = ParetoDisplay.from_search(search)

    assert list(display.points) == names
    assert display.front.equals(pareto_front(search, names)[names])
    assert display.ax_.get_xscale() == "log"
    assert display.line_.get_drawstyle() == "steps-post"
    with pytest.raises(ValueError, match=r"two different names. Received: \['latency'"):
        ParetoDisplay.from_search(search, ["latency"])
