"""What a search chose is what is marked, though another one has a better score."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.tree import DecisionTreeClassifier

from skrec.inspection import (
    ConvergenceDisplay,
    ParallelCoordinatesDisplay,
    ScoresDisplay,
    search_report,
)
from skrec.inspection._report_found import Found
from skrec.inspection._results import Results
from skrec.io._card import _best_rows
from tests.inspection import made
from tests.inspection.report_cases import Page, Quick, rows, small_search

RULE = "chosen by the search's rule"
LAST = "the best of the last round"
PARAMS = [{"a": k, "b": k % 2} for k in range(4)]
FOLDS = [[0.1], [0.9], [0.4], [0.2]]


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def halved():
    """Return a search by halving whose last round has lower scores than the first."""
    search = made.search([*PARAMS, *PARAMS[:2]], [*FOLDS, [0.3], [0.5]])
    search.cv_results_ |= {"iter": [0] * 4 + [1] * 2, "n_resources": [9] * 4 + [27] * 2}
    return search


def test_displays_mark_what_the_search_chose():
    search = made.search(PARAMS, FOLDS, best_index_=2, refit=lambda results: 2)

    lines = ParallelCoordinatesDisplay.from_search(search)
    curve = ConvergenceDisplay.from_search(search)
    scores = ScoresDisplay.from_search(search)

    assert lines.lines_.get_array()[-1] == 0.4
    assert lines.lines_.get_linewidths()[-1] == 3
    assert lines.ax_.get_title(loc="right") == f"thick: {RULE}"
    assert curve.chosen_[0].get_offsets().data.tolist() == [[3, 0.4]]
    assert RULE in legend_of(curve)
    assert scores.scores.index.tolist() == [2, 1, 3, 0]
    assert scores.labels == [f"a=2, b=0 ({RULE})", "a=1, b=1", "a=3, b=1", "a=0, b=0"]


def test_nothing_is_said_where_the_best_score_was_chosen():
    search = made.search(PARAMS, [*FOLDS[:2], [0.9], [0.2]], best_index_=2)

    lines = ParallelCoordinatesDisplay.from_search(search)
    curve = ConvergenceDisplay.from_search(search)

    assert lines.columns["a"].tolist()[2] == lines.lines_.get_paths()[-1].vertices[0, 1]
    assert lines.ax_.get_title(loc="right") == ""
    assert curve.chosen_[0].get_offsets().data.tolist() == [[3, 0.9]]
    assert legend_of(curve) == ["best so far"]


def test_results_alone_have_the_best_score_marked():
    results = made.cv_results(PARAMS, FOLDS)
    lines = ParallelCoordinatesDisplay.from_cv_results(results)
    assert lines.lines_.get_array()[-1] == 0.9
    assert ScoresDisplay.from_cv_results(results).scores.index[0] == 1


def test_halving_compares_within_the_last_round():
    search = halved()

    lines = ParallelCoordinatesDisplay.from_cv_results(search.cv_results_)
    scores = ScoresDisplay.from_search(search)

    assert lines.lines_.get_array()[-1] == 0.5
    assert lines.ax_.get_title(loc="right") == f"thick: {LAST}"
    # Each candidate once, as of its last round.
    assert scores.scores.index.tolist() == [5, 4, 2, 3]
    assert scores.labels[0] == f"a=1, b=1 ({LAST})"
    assert scores.labels[2] == "a=2, b=0 (round 0)"
    assert Results.of_search(search).order().tolist() == [5, 4, 1, 2, 3, 0]


def test_halving_searches_of_scikit_learn_have_their_own_choice_marked():
    X, y = load_iris(return_X_y=True)
    grid = {"max_depth": [1, 2, 3, 4], "min_samples_leaf": [1, 20]}
    model = DecisionTreeClassifier(random_state=0)
    search = HalvingGridSearchCV(model, grid, factor=2, cv=3, random_state=0).fit(X, y)

    lines = ParallelCoordinatesDisplay.from_search(search)

    mean = search.cv_results_["mean_test_score"]
    assert mean.max() > mean[search.best_index_]  # else nothing is asked here
    assert lines.lines_.get_array()[-1] == mean[search.best_index_]
    assert ScoresDisplay.from_search(search).scores.index[0] == search.best_index_


def test_a_search_that_refits_by_a_cost_has_chosen_by_it():
    search = made.search(PARAMS, FOLDS, refit="latency", best_index_=3)
    search.cv_results_["mean_test_latency"] = np.array([1.0, 2.0, 3.0, 4.0])

    scores = ScoresDisplay.from_search(search)

    assert scores.score_name == "score"
    assert scores.labels[0].endswith(f"({RULE})")


# ---- the report, and the card --------------------------------------------------------


def cheapest(results):
    return int(np.argmin(results["param_units"]))


def test_the_report_says_who_chose(tmp_path):
    grid = [{"rate": [0.01], "units": [8]}, {"rate": [0.1], "units": [4]}]
    search = small_search(grid, refit=cheapest)
    page = Page(
        search_report(search, tmp_path / "r.html", n_resamples=19).read_text("utf-8")
    )

    assert Found(search).best == search.best_index_ == 1
    assert f"The one {RULE} has score" in page.text
    assert "Chosen: score" in page.text and "Best score" not in page.text
    assert f"{RULE}: the rule refit=cheapest. Row 0 of the results has the best" in (
        page.text
    )
    assert f"the one that is {RULE} is thick" in page.text


def test_the_report_of_halving_says_that_rounds_differ(tmp_path):
    search = HalvingGridSearchCV(
        Falling(), {"units": [1, 2, 3, 4]}, factor=2, cv=3, random_state=0
    ).fit(*rows())
    page = Page(
        search_report(search, tmp_path / "r.html", n_resamples=19).read_text("utf-8")
    )

    assert "The best of the last round has score" in page.text
    assert "Better scores of earlier rounds do not count" in page.text
    assert "among those of the last round; the best was fitted again" in page.text


class Falling(Quick):
    """A classifier whose score is the lower the more rows there are."""

    def score(self, X, y):
        return self.units / len(X)


def test_a_cost_that_was_refitted_by_is_named(tmp_path):
    X, y = rows()
    scoring = {"accuracy": "accuracy", "latency": lambda e, X, y: e.units}
    search = GridSearchCV(Quick(), {"units": [2, 4]}, scoring=scoring, refit="latency")
    search.fit(X, y)
    page = Page(
        search_report(search, tmp_path / "r.html", n_resamples=19).read_text("utf-8")
    )
    assert "the greatest mean latency over the folds (refit='latency')" in page.text


def test_a_model_card_begins_with_what_the_search_chose():
    search = small_search({"rate": [0.1, 0.01]}, refit=lambda results: 0)
    assert _best_rows(search)["param_rate"].tolist() == [0.1, 0.01]
