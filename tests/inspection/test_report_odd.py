"""The report of what is out of the ordinary: own scores, seeds, groups, places."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrec import KerasClassifier, MLPClassifier, MLPRegressor
from skrec.inspection import search_report
from skrec.inspection._report_code import Program, fit_parameters
from skrec.inspection._report_found import Found
from skrec.inspection._report_words import number, printable, text
from skrec.inspection._score_method import standard_score
from skrec.io import model_card
from skrec.model_selection import LeaveLastOut, with_costs
from skrec.recommenders import PopularRecommender
from tests.inspection.report_cases import Page, Quick, rows, small_search


def page_of(search, folder, *test, **options):
    path = search_report(search, folder / "r.html", *test, n_resamples=19, **options)
    return Page(path.read_text("utf-8"))


def program(page):
    (code,) = (text for text in page.texts if "search.fit(" in text)
    return code


# ---- a score of one's own ------------------------------------------------------------


class Profit(LogisticRegression):
    """A classifier that is scored by what it earns."""

    def score(self, X, y, sample_weight=None):
        return 100.0 * float((self.predict(X) == y).sum())


def test_a_score_method_of_one_s_own_is_compared_with_nothing(tmp_path):
    X, y = rows()
    page = page_of(small_search(), tmp_path, X, y, X_train=X, y_train=y)

    assert "accuracy" not in page.text
    assert "Best score" in page.text and "Test score" in page.text
    assert "Most frequent class" not in page.text
    assert "Logistic regression" not in page.text
    assert "is no score of other models" in page.text


def test_metrics_that_others_have_are_compared_still(tmp_path):
    settings = {"scoring": {"own": None, "hits": "accuracy"}, "refit": "hits"}
    page = page_of(small_search(**settings), tmp_path, *rows())
    assert re.search(r"Most frequent class 0\.3333 none shares of", page.text)
    assert "What the estimator itself computes (own) is no score" in page.text


@pytest.mark.parametrize(
    ("estimator", "is_standard"),
    [
        (LogisticRegression(), True),
        (Ridge(), True),
        (KNeighborsClassifier(), True),
        (make_pipeline(StandardScaler(), LogisticRegression()), True),
        (GridSearchCV(LogisticRegression(), {}), True),
        (MLPClassifier(), True),
        (MLPRegressor(), True),
        (KerasClassifier(lambda: None), True),
        (Profit(), False),
        (make_pipeline(StandardScaler(), Profit()), False),
        (GridSearchCV(LogisticRegression(), {}, scoring="roc_auc"), False),
        (PopularRecommender(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whose_score_it_is(estimator, is_standard):
    assert standard_score(estimator) == is_standard


def test_the_own_score_among_costs_is_called_what_it_is():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        MLPClassifier(epochs=1, number_embedding=None, random_state=0),
        {"units": [2]}, scoring=with_costs(), refit="score", cv=2,
    ).fit(X, y)  # fmt: skip
    assert Found(search).metrics[0].label == "accuracy"


# ---- the program that repeats the search ---------------------------------------------


class Weighted(Quick):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y)

    def score(self, X, y, sample_weight=None):
        return super().score(X, y)


@pytest.mark.parametrize("cv", [GroupKFold(2), StratifiedGroupKFold(2)])
def test_a_splitter_of_groups_needs_them(cv, tmp_path):
    X, y = rows()
    search = GridSearchCV(Quick(), {"units": [1, 2]}, cv=cv)
    search.fit(X, y, groups=np.arange(len(y)) % 5)
    page = page_of(search, tmp_path)
    assert "search.fit(X, y, groups=groups)" in program(page)
    assert "With X, y and groups of the search" in page.text


def test_metadata_that_was_asked_for_is_named():
    with sklearn.config_context(enable_metadata_routing=True):
        model = Weighted().set_fit_request(sample_weight="price")
        piped = make_pipeline(StandardScaler(), model)
        search = GridSearchCV(piped, {}, cv=GroupKFold(2))
    assert fit_parameters(search) == ["price", "groups"]


@pytest.mark.parametrize("cv", [None, 3, KFold(2), LeaveLastOut(), [([0], [1])]])
def test_other_splitters_need_nothing(cv):
    assert fit_parameters(GridSearchCV(Weighted(), {}, cv=cv)) == []


def test_what_else_was_given_to_fit_is_not_recorded(tmp_path):
    X, y = rows()
    search = GridSearchCV(Weighted(), {"units": [1, 2]}, cv=3)
    search.fit(X, y, sample_weight=np.ones(len(y)))
    page = page_of(search, tmp_path)
    assert "search.fit(X, y)" in program(page)
    assert "does not record what else was given to fit, such as sample_weight" in (
        page.text
    )


@pytest.mark.parametrize(
    "generator",
    [np.random.RandomState(0), np.random.default_rng(0), np.random.PCG64(0), np.random],
    ids=["RandomState", "Generator", "PCG64", "module"],
)
def test_a_generator_is_no_seed(generator):
    code = Program().code(StratifiedKFold(2, shuffle=True, random_state=generator))
    assert code == "StratifiedKFold(n_splits=2, shuffle=True, random_state=...)"


def test_a_search_that_drew_from_a_generator_is_not_called_repeatable(tmp_path):
    X, y = rows()
    search = RandomizedSearchCV(
        Quick(), {"units": [1, 2, 3]}, n_iter=2, random_state=np.random.RandomState(0),
        cv=KFold(2, shuffle=True, random_state=np.random.RandomState(1)),
    ).fit(X, y)  # fmt: skip
    page = page_of(search, tmp_path)

    assert "makes a search like it, but not the same" in page.text
    assert "is not kept (cv.random_state and random_state)" in page.text
    assert program(page).count("random_state=...") == 2
    assert "below: a RandomState, what it would draw next is not kept" in page.text
    assert "random_state a RandomState, which is not kept: numbers cannot" in page.text


# ---- the table of candidates ---------------------------------------------------------


def test_mixed_columns_have_numbers_to_sort_by(tmp_path):
    class Mixed(ClassifierMixin, BaseEstimator):
        def __init__(self, size=1):
            self.size = size

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    values = [10, "auto", None, 9.5, "10", True, 1e-7, ""]
    search = GridSearchCV(Mixed(), {"size": values}, cv=2).fit(*rows())

    (column,) = (own for own in Found(search).columns() if own.label == "size")

    assert not column.is_number
    keys = dict(zip(values, column.cells, strict=True))
    assert [keys[v].key for v in values] == ["10.0", "", "", "9.5", "", "", "1e-07", ""]
    page = page_of(search, tmp_path)
    shown = [attrs["data-key"] for tag, attrs in page.elements if "data-key" in attrs]
    assert {"10.0", "9.5", "1e-07"} <= set(shown)


# ---- words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (3033.3, 3, "3,030"),
        (3033.3, 4, "3,033"),
        (123456.78, 4, "123,500"),
        (1234567.0, 4, "1,235,000"),
        (-98765.4, 2, "\u221299,000"),
        (123.4, 2, "120"),
        (9999.96, 4, "10,000"),
        (1e20, 4, "1e+20"),
        (0.00001234, 4, "1.234e-05"),
        (999.96, 3, "1,000"),
    ],
)
def test_figures_are_written_out(value, digits, shown):
    assert number(value, digits) == shown


def test_a_number_beyond_floats_has_a_page(tmp_path):
    page = page_of(small_search({"units": [1, 10**400]}), tmp_path)
    assert "1000000000" in page.text
    assert text(10**400).startswith("10000") and len(text(10**400)) == 200


def test_control_characters_are_written_out(tmp_path):
    hostile = "a\x00b\x1b[0m\x85c\u202ed"
    search = small_search({"kind": [hostile, "b"], "units": [1, 2]})
    path = search_report(search, tmp_path / "r.html", title=hostile, n_resamples=19)
    source = path.read_text("utf-8")

    assert not set("\x00\x1b\x85\u202e") & set(source)
    assert "<h1>a\\x00b\\x1b[0m\\x85c\\u202ed</h1>" in source
    assert printable("tab\t and end\n, é 日本") == "tab\t and end\n, é 日本"


def test_a_network_that_kept_its_start_is_said_to(tmp_path, monkeypatch):
    X, y = make_classification(200, n_informative=2, flip_y=1.0, random_state=0)
    model = MLPClassifier(
        4, epochs=2, early_stopping=True, learning_rate=10.0, random_state=0
    )
    search = GridSearchCV(model, {"dropout": [0.0]}, cv=2).fit(X, y)
    assert search.best_estimator_.best_epoch_ == 0
    said = page_of(search, tmp_path).text
    assert "kept the linear model with which training starts (best_epoch_ is 0)" in said
    monkeypatch.setattr(MLPClassifier, "best_epoch_", 2)
    assert "best_epoch_ is 0" not in page_of(search, tmp_path).text


# ---- places --------------------------------------------------------------------------


@pytest.mark.parametrize("path", [b"report.html", None, 3, ["r.html"]])
@pytest.mark.parametrize("write", [search_report, model_card])
def test_a_place_is_named_by_text(write, path):
    with pytest.raises(TypeError, match=r"path must be the name of a file.*Received"):
        write(small_search(), path)


def test_a_link_leads_to_what_is_written(tmp_path):
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    link.symlink_to(target)  # which is not there as yet
    search = small_search()
    assert search_report(search, link, n_resamples=19) == link
    target.write_text("old")
    search_report(search, link, n_resamples=19)

    assert link.is_symlink()
    assert Page(target.read_text("utf-8")).text.startswith("Quick")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        search_report(small_search(), pipe, n_resamples=19)
        assert read.result(30).startswith(b"<!doctype html>")
    assert pipe.is_fifo()
