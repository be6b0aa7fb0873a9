"""Names and values that nobody thinks of: dollars, huge numbers, no ids, no times."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from skrec.inspection import (
    ConvergenceDisplay,
    CoverageDisplay,
    HistoryDisplay,
    ParallelCoordinatesDisplay,
    ParamEffectDisplay,
    ParamImportances,
    ParetoDisplay,
    RankingCurveDisplay,
    ScoresDisplay,
    feature_effects,
    nearest_ids,
)
from skrec.inspection._results import Results, Values, label
from skrec.recommenders import (
    BPRRecommender,
    PopularRecommender,
)
from tests.inspection import made

HARMFUL = "$\\frac$ $a_$"  # no mathematics that Matplotlib could read


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


@pytest.fixture
def events():
    rows = {"user": [k % 8 for k in range(64)], "item": [k * k % 13 for k in range(64)]}
    return pd.DataFrame(rows)


# ---- dollars -------------------------------------------------------------------------


def drawn_searches():
    params = [{"a$_": k, HARMFUL: f"{HARMFUL}{k % 2}", "b": "x"} for k in range(4)]
    params.append({"a$_": 9, "b": "$"})
    search = made.search(params, [[k] for k in range(5)], metric=HARMFUL)
    metric = {"metric": HARMFUL}
    return {
        "convergence": lambda: ConvergenceDisplay.from_searches(
            {HARMFUL: search}, **metric
        ),
        "scores": lambda: ScoresDisplay.from_search(search, **metric),
        "parallel": lambda: ParallelCoordinatesDisplay.from_search(search, **metric),
        "effect": lambda: ParamEffectDisplay.from_search(search, HARMFUL, **metric),
        "effects": lambda: ParamEffectDisplay.from_search(
            search, [HARMFUL, "a$_"], **metric
        ),
    }


def drawn_models():
    pair = pd.DataFrame({HARMFUL: [1.0, 2.0], "a$_$": [2.0, 1.0]})
    log = pd.DataFrame({"user": [1, 1, 2, 2, 3], "item": list("abaca")})
    fitted = PopularRecommender().fit(log)
    named = {HARMFUL: fitted, "other": fitted}
    frame = pd.DataFrame(
        {"parameter": [HARMFUL], "importance": 0.5, "low": 0.4, "high": 0.6}
    ).assign(verdict="matters", why="")
    return {
        "pareto": lambda: ParetoDisplay(points=pair, front=pair).plot(),
        "coverage": lambda: CoverageDisplay.from_estimators(named, k=1),
        "ranking": lambda: RankingCurveDisplay.from_estimators(named, log, ks=[1, 2]),
        "history": lambda: HistoryDisplay(
            history={HARMFUL: [1.0, 2.0]}, name=HARMFUL
        ).plot(),
        "importances": lambda: ParamImportances(frame, HARMFUL, 20).plot(),
    }


@pytest.mark.parametrize("name", [*drawn_searches(), *drawn_models()])
@pytest.mark.filterwarnings("ignore::UserWarning")  # what was had is not found again
def test_dollars_are_drawn_as_they_are(name):
    display = {**drawn_searches(), **drawn_models()}[name]()
    display.figure_.canvas.draw()  # which reads mathematics, and raises
    texts = [text.get_text() for text in display.figure_.findobj(Text)]
    names = (HARMFUL, HARMFUL.replace("_", " "))  # a score's name on an axis
    assert any(name in text.replace(r"\$", "$") for text in texts for name in names)


def test_a_label_of_the_user_s_own_may_be_mathematics():
    search = made.search([{"a": 1}, {"a": 2}], [[1.0], [2.0]])
    display = ScoresDisplay.from_search(search, score_name="$R^2$")
    assert display.ax_.get_xlabel() == "$R^2$"


# ---- numbers -------------------------------------------------------------------------


def test_a_number_beyond_floats_is_a_category():
    values = Values.of("n", [10**400, 3, 10**400, 1])
    assert values.numbers.tolist() == [2, 1, 2, 0]
    search = made.search([{"n": 10**400}, {"n": 3}], [[1.0], [2.0]])
    assert ParallelCoordinatesDisplay.from_search(search).ticks["n"][0][1] == "3"


def test_thousands_are_written_out():
    assert [label(v) for v in (3030.3, -123456.0, 1e6, 0.00012)] == [
        "3030",
        "-123000",
        "1e+06",
        "0.00012",
    ]


# ---- results without times -----------------------------------------------------------


def test_without_times_nothing_is_a_copy():
    results = made.cv_results([{"a": 1}, {"a": 1}, {"a": 2}], [[1.0], [3.0], [2.0]])
    without = {k: v for k, v in results.items() if not k.endswith("_time")}

    assert not Results.of(without).is_copy.any()
    shown = ScoresDisplay.from_cv_results(without)
    curve = ConvergenceDisplay.from_cv_results(without)
    assert shown.scores.index.tolist() == [1, 2, 0]
    assert curve.curves["spent"].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"x='seconds' needs .*Received: 3 candidates"):
        ConvergenceDisplay.from_cv_results(without, x="seconds")


# ---- drawn again, and named for what it is -------------------------------------------


def test_plotting_again_leaves_one_colour_bar():
    grid = [{"a": a, "b": b} for a in (1, 2) for b in (1, 2)]
    search = made.search(grid, [[float(k)] for k in range(4)])
    for display in (
        ParallelCoordinatesDisplay.from_search(search),
        ParamEffectDisplay.from_search(search, ["a", "b"]),
    ):
        others = display.ax_.scatter([0, 1], [0, 1], c=[0.0, 1.0])
        own = display.figure_.colorbar(others, ax=display.ax_)
        display.plot(display.ax_)
        display.plot(display.ax_)
        bars = [ax for ax in display.figure_.axes if ax is not display.ax_]
        assert set(bars) == {own.ax, display.colorbar_.ax}
        display.figure_.canvas.draw()


def test_a_loss_that_was_negated_is_called_so():
    X, y = load_iris(return_X_y=True)
    model = DecisionTreeClassifier(random_state=0)
    grid = {"max_depth": [1, 2]}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=2).fit(X, y)
    display = ParetoDisplay.from_search(search, ["score", "fit_time"])
    assert display.ax_.get_ylabel() == "Negative log loss"
    column = ParetoDisplay.from_search(search, ["mean_test_score", "fit_time"])
    assert column.ax_.get_ylabel() == "Negative log loss"


# ---- nothing asked for ---------------------------------------------------------------


@pytest.mark.parametrize("nothing", [[], np.array([]), pd.Series([], dtype=int)])
def test_neighbours_need_an_id(nothing, events):
    model = BPRRecommender(embedding_dim=2, epochs=1, random_state=0).fit(events)
    with pytest.raises(ValueError, match=r"ids must hold at least one id. Received"):
        nearest_ids(model, "item", nothing)


# ---- missing values of pandas's own --------------------------------------------------


class OfColumn(LinearRegression):
    """A regressor that predicts a column, and -1 where it is missing."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return X["x"].astype("Float64").fillna(-1).to_numpy(dtype=float)


@pytest.mark.parametrize(
    ("dtype", "given", "values"),
    [
        ("Int64", [1, 2, None, 2], [1, 2]),
        ("Float64", [0.5, 1.5, None, 1.5], [0.5, 1.5]),
        ("boolean", [False, True, None, True], [False, True]),
    ],
)
def test_effects_of_columns_with_missing_values_of_pandas(dtype, given, values):
    X = pd.DataFrame({"x": pd.array(given, dtype=dtype), "z": range(4)})
    found = feature_effects(OfColumn().fit(X), X, "x")

    rows = zip(found["value"], found["effect"], found["count"], strict=True)
    by_value = {"missing" if pd.isna(v) else v: own for v, *own in rows}
    expected = {v: [float(v), given.count(v)] for v in values}
    assert by_value == {**expected, "missing": [-1.0, 1]}
    many = pd.DataFrame({"x": pd.array([None, *range(50)], dtype="Int64")})
    assert len(feature_effects(OfColumn().fit(many), many, "x", n_values=5)) == 5
