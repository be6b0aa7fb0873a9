"""search_report: what the page says, of which searches, and that it is safe to open."""

import re
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from skrec import MLPClassifier
from skrec.inspection import _report_plots, search_report
from skrec.metrics import recommender_scorer
from skrec.model_selection import (
    BayesSearchCV,
    HyperbandSearchCV,
    LeaveLastOut,
    OptunaSearchCV,
)
from skrec.recommenders import ItemKNNRecommender, PopularRecommender
from tests.inspection.report_cases import (
    Page,
    Quick,
    rows,
    small_search,
    wide_search,
)
from tests.night import by_day

HOSTILE = "<script>alert('x')</script>&\"$y_$"
report = partial(search_report, n_resamples=19)


def read(path):
    return Page(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return train_test_split(X, y, random_state=0)


@pytest.fixture(scope="module")
def iris_search(iris):
    X, _, y, _ = iris
    model = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {
        "logisticregression__C": [1e-3, 0.01, 0.1, 1, 10, 30],
        "standardscaler": [StandardScaler(), MinMaxScaler()],
    }
    scoring = ["accuracy", "neg_log_loss"]
    search = GridSearchCV(model, grid, cv=3, scoring=scoring, refit="neg_log_loss")
    return search.fit(X, y)


@pytest.fixture(scope="module")
def iris_file(iris, iris_search, tmp_path_factory):
    X, X_test, y, y_test = iris
    path = tmp_path_factory.mktemp("report") / "iris.html"
    return report(iris_search, path, X_test, y_test, X_train=X, y_train=y)


@pytest.fixture(scope="module")
def iris_page(iris_file):
    return read(iris_file)


# ---- what it says ------------------------------------------------------------------


def test_losses_are_positive_and_lower_is_better(iris_page, iris_search):
    best = -iris_search.best_score_
    assert (
        f"12 candidates were fitted on 3 folds. The best has log loss {best:.4g}"
        in (iris_page.text)
    )
    assert "lower is better" in iris_page.text
    assert "neg_log_loss" not in iris_page.text.split("How to repeat it")[0]


def test_scores_on_new_rows_stand_beside_baselines(iris_page, iris, iris_search):
    _, X_test, _, y_test = iris
    loss = -iris_search.score(X_test, y_test)
    accuracy = iris_search.best_estimator_.score(X_test, y_test)
    text = iris_page.text

    assert f"Best of the search {loss:.4g} {accuracy:.4g} all rows" in text
    constant = DummyClassifier().fit(iris[0], iris[2]).score(X_test, y_test)
    assert re.search(rf"Most frequent class 1\.\d+ {constant:.4g} shares of", text)
    assert "112 training rows; one-hot categories, scaled numbers" in text
    assert "On 38 rows kept apart it comes to" in text


def test_every_candidate_is_a_row_with_the_best_first(iris_page, iris_search):
    losses = np.sort(-iris_search.cv_results_["mean_test_neg_log_loss"])
    keys = [float(key) for key in iris_page.values("data-key")]
    assert [key for key in keys if key in losses] == losses.tolist()


def test_importance_is_said_in_words(iris_page):
    assert re.search(r"C matters \(\.\d\d, \.\d\d to (1\.00|\.\d\d)\)", iris_page.text)
    assert "Matters most C" in iris_page.text


def test_protocol_seeds_and_versions(iris_page):
    assert "Rows searched on 112 Rows kept apart 38" in iris_page.text
    assert "4: sepal length (cm), sepal width (cm)" in iris_page.text
    assert "3, by StratifiedKFold(n_splits=3, random_state=None" in iris_page.text
    assert "logisticregression__random_state none: numbers differ" in iris_page.text
    assert "scikit-learn 1.9" in iris_page.text


def test_the_program_makes_the_same_search(iris_page, iris, iris_search):
    X, _, y, _ = iris
    namespace = {"X": X, "y": y}
    exec(program(iris_page), namespace)
    assert (
        namespace["search"].best_params_["logisticregression__C"]
        == (iris_search.best_params_["logisticregression__C"])
    )
    np.testing.assert_array_equal(
        namespace["search"].cv_results_["mean_test_accuracy"],
        iris_search.cv_results_["mean_test_accuracy"],
    )


def program(page):
    (code,) = (text for text in page.texts if "search.fit(" in text)
    return code


# ---- the page as a page ------------------------------------------------------------


def assert_is_safe(path):
    source = path.read_text("utf-8")
    page = Page(source)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    known = set(ids)
    for name in ("aria-labelledby", "for"):
        assert set(page.values(name)) <= known
    targets = [href[1:] for href in page.values("href") if href.startswith("#")]
    assert set(targets) <= known
    used = re.findall(r"url\(#([^)]+)\)", source)
    assert set(used) <= known
    outside = [*page.values("href"), *page.values("src")]
    assert all(link.startswith(("#", "data:")) for link in outside)
    assert "http:" not in source and "https:" not in source
    assert len(page.all("script")) == 1
    assert not [
        name for _, attrs in page.elements for name in attrs if name[:2] == "on"
    ]
    assert " at 0x" not in source
    return page


def test_it_is_well_formed_fetches_nothing_and_names_nothing_twice(iris_file):
    page = assert_is_safe(iris_file)
    policy = page.all("meta")[-1]["content"]
    assert "default-src 'none'" in policy and "unsafe-inline'; script" in policy


def test_it_can_be_reached_by_keyboard_and_told_by_ear(iris_page):
    tags = [tag for tag, _ in iris_page.elements]
    assert {"header", "nav", "main", "footer"} <= set(tags)
    assert ("a", {"class": "skip", "href": "#main"}) in iris_page.elements
    sorts = [attrs for attrs in iris_page.all("th") if "aria-sort" in attrs]
    assert sorts and tags.count("button") == len(sorts)
    assert sorts[0]["aria-sort"] == "ascending"
    pictures = [own for own in iris_page.all("svg") if own.get("role") == "img"]
    assert all("aria-labelledby" in p or "aria-label" in p for p in pictures)
    scrolls = [a for a in iris_page.all("div") if a.get("class", "")[:6] == "scroll"]
    assert scrolls and all(own["tabindex"] == "0" for own in scrolls)


def test_the_same_search_gives_the_same_bytes(tmp_path):
    search = small_search()
    first, again = (
        report(search, tmp_path / name, *rows(), X_train=rows()[0], y_train=rows()[1])
        for name in ("first.html", "again.html")
    )
    assert undated(again) == undated(first)


def undated(path):
    return re.sub(rb"on \d{4}-\d\d-\d\d", b"", path.read_bytes())


def test_plots_are_in_the_colours_of_the_page(iris_file):
    source = iris_file.read_text("utf-8")
    pictures = source.split("<body>")[1]
    assert "currentColor" in pictures and "var(--surface)" in pictures
    assert "#010101" not in pictures and "#fdfdfe" not in pictures
    assert "mathdefault" not in pictures  # a logarithmic axis in plain numbers


def test_of_many_candidates_the_best_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(_report_plots, "MOST_LINES", 3)
    text = report(small_search(), tmp_path / "some.html").read_text()
    assert "The best 3 of 6 are drawn." in text


@pytest.mark.nightly
def test_five_hundred_candidates_take_less_than_two_megabytes(tmp_path):
    search = wide_search(500)
    path = report(search, tmp_path / "wide.html")
    page = assert_is_safe(path)
    assert len(page.all("tr")) > 500
    assert path.stat().st_size < 2_000_000


# ---- data that means harm, and odd values --------------------------------------------


def test_what_comes_of_data_is_text(tmp_path):
    X, y = rows()
    frame = pd.DataFrame(X, columns=[HOSTILE, "b", "c"])
    labels = np.array([HOSTILE, "two", "three"])[y]
    grid = {"kind": [HOSTILE, "日本\n語", "\x00\x1b[0m"], "units": [1, 2]}
    search = GridSearchCV(Quick(), grid, cv=3).fit(frame, labels)
    path = report(search, tmp_path / "r.html", frame, labels, title=HOSTILE)

    page = assert_is_safe(path)
    assert page.text.count(HOSTILE) >= 6  # title, column, class, best, candidates, code
    source = path.read_text("utf-8")
    assert "<script>alert" not in source


def build(units=1):
    return units


def test_values_may_be_functions_and_objects(tmp_path):
    class Local:
        pass

    grid = {"kind": [build, Local(), np.float64(2), StandardScaler(), lambda: 1, None]}
    path = report(small_search(grid), tmp_path / "r.html")
    page = assert_is_safe(path)
    assert "build" in page.text and "StandardScaler()" in page.text
    assert "# Stands as ... below: <lambda>" in program(page).replace(
        "test_values_may_be_functions_and_objects.<locals>.", ""
    )


def test_failed_candidates_are_told_and_come_last(tmp_path):
    with pytest.warns(UserWarning, match="fits failed|non-finite"):
        search = small_search({"fails": [True, False], "rate": [0.01, 0.1]})
    page = assert_is_safe(report(search, tmp_path / "r.html"))
    assert "2 failed" in page.text
    assert "2 candidates without a score" in page.text
    cells = page.text.split("All candidates The scores")[1].split("Data and protocol")[
        0
    ]
    assert cells.count("failed") == 2
    assert cells.rindex("±") < cells.index("failed")


def test_a_search_without_any_score_has_a_page(tmp_path):
    search = small_search()
    search.cv_results_ = {
        name: np.full(6, np.nan) if "test" in name else values
        for name, values in search.cv_results_.items()
    }
    del search.best_index_, search.best_estimator_
    page = assert_is_safe(report(search, tmp_path / "r.html"))
    assert "None of them has a score." in page.text
    assert "No candidate has a finite 'score'" in page.text


def test_without_a_last_fit_there_is_no_model(tmp_path):
    page = assert_is_safe(report(small_search(refit=False), tmp_path / "r.html"))
    assert "refit=False" in page.text
    assert "The best model" not in page.text
    assert "Best score" in page.text


def test_one_candidate_is_enough(tmp_path):
    search = small_search({"rate": [0.01]})
    page = assert_is_safe(report(search, tmp_path / "r.html"))
    assert "1 candidate was fitted on 3 folds" in page.text


def test_columns_and_labels_are_never_taken_for_mathematics(tmp_path):
    search = small_search({"kind": ["$a_$", "$\\frac$"], "units": [1, 2]})
    page = assert_is_safe(report(search, tmp_path / "r.html"))
    assert "$\\frac$" in page.text


# ---- every kind of search ------------------------------------------------------------


def searches():
    iris_X, iris_y = load_iris(return_X_y=True)
    logistic = LogisticRegression(max_iter=500)
    C = {"C": [0.01, 0.1, 1.0]}
    classifier = {
        "grid": GridSearchCV(logistic, C, cv=3, return_train_score=True),
        "random": RandomizedSearchCV(logistic, C, n_iter=2, cv=3, random_state=0),
        "halving": HalvingGridSearchCV(SVC(), C, cv=3, random_state=0),
        "bayes": BayesSearchCV(logistic, {"C": (0.01, 1.0)}, n_iter=3, cv=3),
        "optuna": OptunaSearchCV(logistic, {"C": (0.01, 1.0)}, n_trials=3, cv=3),
        "hyperband": HyperbandSearchCV(
            MLPClassifier(units=4, number_embedding=None),
            {"learning_rate": [0.001, 0.01]},
            max_epochs=2,
            factor=2,
            cv=2,
            random_state=0,
        ),
    }
    diabetes = load_diabetes(return_X_y=True)
    ridge = GridSearchCV(
        Ridge(), {"alpha": [0.1, 1]}, scoring="neg_root_mean_squared_error"
    )
    made = {name: (search, iris_X, iris_y) for name, search in classifier.items()}
    return {**made, "regressor": (ridge, *diabetes)}


@pytest.mark.parametrize(
    "name", by_day(searches(), "grid", "halving", "hyperband", "regressor")
)
def test_searches_of_every_kind(name, tmp_path):
    search, X, y = searches()[name]
    search.fit(X, y)
    path = report(search, tmp_path / "r.html", X, y, X_train=X, y_train=y)
    page = assert_is_safe(path)

    assert type(search).__name__ in page.text
    assert "Not drawn" not in page.text.replace("Not drawn: All candidates have", "")
    model = "Mean of the targets" if name == "regressor" else "Most frequent class"
    assert model in page.text
    if name == "halving":
        assert "enable_halving_search_cv" in program(page)
    if name == "hyperband":
        assert "The last fit, epoch by epoch" in page.text


def test_recommenders_are_compared_with_popular_items(tmp_path):
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {"user": rng.integers(0, 40, 900), "item": rng.integers(0, 30, 900)}
    ).drop_duplicates()
    train, test = (log.iloc[k] for k in next(LeaveLastOut("user").split(log)))
    search = GridSearchCV(
        ItemKNNRecommender(user_col="user", item_col="item"),
        {"n_neighbors": [2, 10]},
        scoring=recommender_scorer(["ndcg@5", "recall@5"]),
        refit="ndcg@5",
        cv=LeaveLastOut("user"),
    ).fit(train)
    page = assert_is_safe(report(search, tmp_path / "r.html", test))

    assert f"Most popular items {popular(train, test):.4g}" in page.text
    assert "Users 40 Items 30" in page.text
    assert "search.fit(X)" in program(page)
    assert "recommender_scorer" in program(page)


def popular(train, test):
    model = PopularRecommender(user_col="user", item_col="item").fit(train)
    return recommender_scorer("ndcg@5")(model, test)


def test_pipelines_of_mixed_columns_have_a_linear_model_beside(tmp_path):
    X, y = load_iris(return_X_y=True, as_frame=True)
    X["kind"] = [None, "a", "b"] * 50
    steps = make_column_transformer(
        (OneHotEncoder(), ["kind"]), (MinMaxScaler(), list(X.columns[:4]))
    )
    pipe = make_pipeline(steps, LogisticRegression(max_iter=500))
    search = GridSearchCV(pipe, {"logisticregression__C": [0.1, 1]}, cv=3)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    search.fit(X, y)
    path = report(search, tmp_path / "r.html", X_test, y_test, X_train=X, y_train=y)
    page = assert_is_safe(path)
    assert re.search(r"Logistic regression 0\.9\d* 112 training rows", page.text)
    assert "ColumnTransformer" in page.text


def test_a_baseline_that_cannot_be_scored_says_why(tmp_path, iris):
    X, X_test, y, y_test = iris

    def margin(estimator, X, y):
        return float(estimator.decision_function(X).max())

    search = GridSearchCV(LogisticRegression(), {"C": [1]}, scoring=margin, cv=3)
    search.fit(X, y)
    page = assert_is_safe(report(search, tmp_path / "r.html", X_test, y_test))
    assert "No score: AttributeError:" in page.text


def test_a_model_that_beats_nothing_is_not_praised(tmp_path):
    X, y = rows()
    search = GridSearchCV(Quick(), {"units": [1]}, scoring="accuracy", cv=3).fit(X, y)
    page = read(report(search, tmp_path / "r.html", X, y))
    assert "which is no better than" in page.text


# ---- errors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_test": 1}, r"X_test needs y_test.*Received: y_test=None"),
        ({"y_test": 1}, r"y_test needs X_test.*Received: X_test=None"),
        ({"X_train": 1}, r"X_train needs y_train"),
        ({"y_train": 1}, r"y_train needs X_train"),
    ],
)
def test_rows_and_targets_go_together(arguments, message, tmp_path):
    X, y = rows()
    given = {name: X if name[0] == "X" else y for name in arguments}
    with pytest.raises(ValueError, match=message):
        search_report(small_search(), tmp_path / "r.html", **given)


def test_as_many_rows_as_targets(tmp_path):
    X, y = rows()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        search_report(small_search(), tmp_path / "r.html", X, y[:-1])


def test_new_rows_need_a_last_fit(tmp_path):
    with pytest.raises(ValueError, match=r"Received: refit=False"):
        search_report(small_search(refit=False), tmp_path / "r.html", *rows())


def test_a_search_that_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        search_report(GridSearchCV(Quick(), {}), tmp_path / "r.html")
    with pytest.raises(TypeError, match="Received: LogisticRegression"):
        search_report(LogisticRegression(), tmp_path / "r.html")


def test_a_place_must_be_a_file_in_a_folder(tmp_path, monkeypatch):
    search = small_search()
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        search_report(search, tmp_path / "no" / "r.html")
    with pytest.raises(IsADirectoryError, match="must name a file"):
        search_report(search, tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.html").write_text("old")
    with pytest.raises(ValueError, match="n_resamples"):
        search_report(small_search(), "r.html", n_resamples=1)
    assert (tmp_path / "r.html").read_text() == "old"  # and nothing half written
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)  # as if it were not there
    with pytest.raises(ImportError, match=r'pip install "skrec-keras\[inspection\]"'):
        search_report(small_search(), tmp_path / "r.html")


@pytest.mark.nightly
def test_the_templates_are_in_the_wheel(tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*command, str(root)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist()}
    shipped = {p.name for p in (root / "skrec/inspection/templates").iterdir()}
    assert shipped <= names and len(shipped) == 3
