"""What a stored study is compared by: other data or another model is another search."""

import functools
import os
import pathlib
import random
import sys
import types

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse, stats
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrec.model_selection import OptunaSearchCV
from skrec.model_selection._search_digest import SearchDigester
from skrec.model_selection._study_settings import SETTINGS
from tests.fresh import run_fresh
from tests.night import by_day

X, Y = make_classification(60, 5, random_state=0)
FRAME = pd.DataFrame(X, columns=list("abcde"))
WEIGHT = np.where(Y, 1.0, 1e-3)


def make_model(columns="abcde", **kwargs):
    keep = ColumnTransformer([("keep", "passthrough", list(columns))])
    return Pipeline([("columns", keep), ("clf", LogisticRegression(**kwargs))])


def search(storage, model=None, X=FRAME, y=Y, fit=None, **kwargs):
    space = {"clf__C": (0.01, 10.0, "log-uniform")}
    kwargs = {"n_trials": 2, "cv": KFold(3), "random_state": 0, **kwargs}
    model = model or make_model()
    return OptunaSearchCV(
        model, kwargs.pop("space", space), storage=storage, **kwargs
    ).fit(X, y, **(fit or {}))


def scorer(value):
    return lambda model, X, y: value


OTHERS = {
    "estimator (columns__transformers)": {"model": make_model("a")},
    "estimator (clf__fit_intercept)": {"model": make_model(fit_intercept=False)},
    "estimator": {"model": LogisticRegression(), "space": {"C": [1.0]}},
    "X": {"X": FRAME + 1e-9},
    "y": {"y": np.roll(Y, 5)},
    "fit parameters": {"fit": {"clf__sample_weight": WEIGHT}},
    "scoring": {"scoring": scorer(1.0)},
    "metric that guides the search": {
        "scoring": ["accuracy", "f1"],
        "refit": "f1",
    },
    "folds": {"cv": KFold(4)},
    "return_train_score": {"return_train_score": True},
    "error_score": {"error_score": 0.0},
    "param_distributions": {"space": {"clf__C": [1.0, 2.0]}},
}
FIRST = {
    "scoring": {"scoring": scorer(0.0)},
    "metric that guides the search": {"scoring": ["accuracy", "f1"], "refit": False},
}


@pytest.mark.parametrize(
    "name",
    by_day(
        OTHERS,
        "estimator (columns__transformers)",
        "X",
        "fit parameters",
        "scoring",
        "folds",
        "param_distributions",
    ),
)
def test_another_search_is_refused_by_name(tmp_path, name):
    path = tmp_path / "search.journal"
    first = search(path, **FIRST.get(name, {}))
    content = path.read_bytes()
    with pytest.raises(ValueError) as error:
        search(path, **OTHERS[name])
    told = str(error.value).partition("other ")[2].partition(". Pass another")[0]
    assert told.split(", ")[-1] == name
    assert path.read_bytes() == content
    again = search(path, **FIRST.get(name, {}))
    for key, values in first.cv_results_.items():
        np.testing.assert_array_equal(again.cv_results_[key], values)


def test_weights_that_scorers_ask_for_are_compared(tmp_path):
    def fit(weight):
        with sklearn.config_context(enable_metadata_routing=True):
            model = LogisticRegression().set_score_request(sample_weight=True)
            model.set_fit_request(sample_weight=False)
            return search(
                tmp_path / "search.journal",
                model,
                space={"C": [1.0]},
                fit={"sample_weight": weight},
            )

    fit(WEIGHT)
    with pytest.raises(ValueError, match=r"other score parameters\. Pass"):
        fit(1 / WEIGHT)
    fit(WEIGHT.copy())


def test_studies_of_the_last_release_are_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = search(url).study_
    old = {"estimator": {"": "Pipeline"}, "shape of X": [60, 5], "number of folds": 3}
    import optuna

    optuna.load_study(study_name=study.study_name, storage=url).set_user_attr(
        SETTINGS, old
    )
    with pytest.raises(ValueError, match=r"another release.* Pass another study_name"):
        search(url)


def reads_a_file(model, X, y):
    with open(os.devnull) as file:
        return float(len(file.read()))


def test_what_cannot_be_compared_is_said_once(tmp_path):
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"scoring \(what .* by open\)") as caught:
            search(tmp_path / "search.journal", scoring=reads_a_file)
        assert sum("OptunaSearchCV stores" in str(w.message) for w in caught) == 1


# ---- the digest --------------------------------------------------------------------


def known_by(value):
    digester = SearchDigester()
    result = digester.of(value)
    assert digester.unknown == []
    return result


CONSTANT = 1


def reads_a_constant(model, X, y):
    return CONSTANT


def test_a_function_counts_by_what_it_reads(monkeypatch):
    one = known_by(reads_a_constant)
    monkeypatch.setitem(globals(), "CONSTANT", 2)
    two = known_by(reads_a_constant)
    monkeypatch.setitem(globals(), "CONSTANT", 1)
    assert one == known_by(reads_a_constant) != two


def test_ones_own_code_in_a_package_with_installed_parts_counts(monkeypatch):
    package, module = types.ModuleType("shop"), types.ModuleType("shop.scoring")
    package.__path__ = ["/python/site-packages/shop", "/home/me/shop"]
    module.__file__ = "/home/me/shop/scoring.py"
    monkeypatch.setitem(sys.modules, "shop", package)
    monkeypatch.setitem(sys.modules, "shop.scoring", module)
    exec("def score(y): return y", vars(module))
    one = known_by(module.score)
    exec("def score(y): return y + 1", vars(module))
    assert one != known_by(module.score)


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return "Slotted()"


def table(last):
    return pd.DataFrame(
        {
            "text": ["a", None, last],
            "category": pd.Categorical(["u", "v", "u"]),
            "day": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
            "zone": pd.to_datetime(["2020", "2021", "2022"]).tz_localize("UTC"),
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "lists": [[1], [2, 3], []],
        }
    )


def fitted(y, frozen=True):
    model = LogisticRegression().fit(X, y)
    return FrozenEstimator(model) if frozen else model


MAKERS = {
    "array": lambda i: X + i,
    "order": lambda i: [X, X.reshape(5, 60)][i],
    "dtype": lambda i: [X, X.astype("f4")][i],
    "tokens": lambda i: [[["a", "b"], ["c"]], [["a"], ["b", "c"]]][i],
    "text": lambda i: [["ab", "c"], ["a", "bc"]][i],
    "numbers": lambda i: [[1, 2], [1, 3]][i],
    "large numbers": lambda i: [2**70, 2**70 + i],
    "dicts": lambda i: [{"a": 1}, {"a": 2 + i}],
    "frame": lambda i: table("bc"[i]),
    "column": lambda i: FRAME.rename(columns={"e": "ef"[i]}),
    "series": lambda i: pd.Series([0, i]),
    "polars": lambda i: pl.DataFrame({"a": [1, None], "b": [["x"], ["yz"[i]]]}),
    "sparse": lambda i: sparse.coo_array(X + i),
    "masked": lambda i: np.ma.masked_array([1, 2], [False, bool(i)]),
    "objects": lambda i: np.array([1, "a", None, [i]], dtype=object),
    "lambda": lambda i: [lambda x: x + 1, lambda x: x + 2][i],
    "closure": scorer,
    "partial": lambda i: functools.partial(scorer, i),
    "slots": Slotted,
    "path": lambda i: pathlib.Path("ab"[i]),
    "generator": np.random.default_rng,
    "random": random.Random,
    "RandomState": np.random.RandomState,
    "distribution": lambda i: stats.norm(0, 1 + i),
    "histogram": lambda i: stats.rv_histogram(np.histogram([1, 2, 3], bins=2 + i)),
    "scorer": lambda i: make_scorer(fbeta_score, beta=1 + i),
    "transformer": lambda i: FunctionTransformer(functools.partial(np.add, i)),
    "list of estimators": lambda i: VotingClassifier(
        [("a", Ridge()), ("b", Ridge(alpha=1 + i))]
    ),
    "frozen": lambda i: fitted([Y, 1 - Y][i]),
    "method": lambda i: FunctionTransformer(fitted([Y, 1 - Y][i], False).predict),
    "dict of estimators": lambda i: {"a": fitted([Y, 1 - Y][i], False)},
}


@pytest.mark.parametrize("name", MAKERS)
def test_equal_values_are_known_and_others_told_apart(name):
    make = MAKERS[name]
    assert known_by(make(0)) == known_by(make(0)) != known_by(make(1))


def test_an_array_on_disk_is_that_in_memory(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert known_by(np.load(tmp_path / "x.npy", mmap_mode="r")) == known_by(X)


def test_what_no_score_depends_on_is_left_out():
    def model(n_jobs, fitted_on=None):
        model = make_pipeline(StandardScaler(), LogisticRegression(n_jobs=n_jobs))
        model = VotingClassifier([("a", model)], n_jobs=n_jobs, verbose=bool(n_jobs))
        return model if fitted_on is None else model.fit(X, fitted_on)

    assert known_by(model(None)) == known_by(model(2)) == known_by(model(2, Y))


@pytest.mark.nightly
def test_the_digest_is_the_same_in_another_process():
    names = ["frame", "closure", "list of estimators", "scorer", "histogram", "slots"]
    code = (
        f"import runpy; known = runpy.run_path({__file__!r}); "
        f"print(*(known['known_by'](known['MAKERS'][name](0)) for name in {names}))"
    )
    found = run_fresh(code).split()
    assert found == [known_by(MAKERS[name](0)) for name in names]
