"""What is on its way out works as before, and warns at the user's line."""

import inspect
import pickle
import re
import warnings
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skrec
from skrec._deprecation import deprecated, deprecated_parameters
from skrec.estimators._declared import param, with_parameters
from skrec.recommenders import PopularRecommender

VERSION = ".".join(skrec.__version__.split(".")[:2])
END = "{}.{}".format(VERSION.split(".")[0], int(VERSION.split(".")[1]) + 2)


@deprecated_parameters(
    VERSION, renamed={"length": "dim"}, removed={"rows": "All rows are read."}
)
@with_parameters
class Model(BaseEstimator):
    """A model.

    Parameters
    ----------
    %(parameters)s
    """

    dim: int = param(default=4, legal=[int], doc="int", kw_only=False)
    rows: int = param(default=1000, legal=[int], doc="int", kw_only=False)

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def score(self, X, y=None):
        return float(self.dim)


@with_parameters
class Heir(Model):
    more: int = param(default=1, legal=[int], doc="int")
    dim: int = 8


# ---- parameters --------------------------------------------------------------------


def warned(recorded):
    """Return the text of the only warning, which must come from this file."""
    (only,) = recorded
    assert only.category is FutureWarning
    assert only.filename == __file__
    line = Path(__file__).read_text().splitlines()[only.lineno - 1]
    assert "# here" in line
    return str(only.message)


@pytest.mark.parametrize("cls", [Model, Heir])
def test_an_old_name_works_in_the_constructor_and_warns_there(cls):
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        model = cls(length=3)  # here

    assert model.dim == 3
    text = warned(recorded)
    assert text == (
        f"'length' of {cls.__name__} is renamed since skrec {VERSION}, gone in {END}. "
        "Pass 'dim'."
    )


@pytest.mark.parametrize("cls", [Model, Heir])
def test_an_old_name_works_in_set_params_and_warns_there(cls):
    pipe = make_pipeline(StandardScaler(), cls())
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        pipe.set_params(**{f"{cls.__name__.lower()}__length": 3})  # here

    assert pipe[-1].dim == 3
    assert warned(recorded).endswith("Pass 'dim'.")


def test_an_old_name_is_no_parameter_any_more():
    assert set(Model().get_params()) == {"dim", "rows"}
    assert list(inspect.signature(Heir).parameters) == ["dim", "rows", "more"]
    assert "length" not in Model.__doc__
    with pytest.raises(ValueError, match="Invalid parameter 'lenght'"):
        Model().set_params(lenght=3)


@pytest.mark.parametrize("both", [{"length": 3, "dim": 4}])
def test_both_names_are_an_error(both):
    for call in (Model, Model().set_params):
        with pytest.raises(TypeError, match=r"pass 'dim' alone. Received: both\.$"):
            call(**both)
    with pytest.raises(TypeError, match=r"Received: both\.$"):
        Model(4, length=3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("cls", [Model, Heir])
def test_who_uses_neither_hears_nothing(cls):
    model = cls(5).set_params(dim=2)
    copied = pickle.loads(pickle.dumps(clone(model)))

    # Integers above 256 are other objects after pickling; clone passes all of them.
    assert clone(copied).get_params() == model.get_params()
    assert cross_val_score(clone(copied), [[0.0]] * 6, cv=2).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("given", ["Model(rows=3)", "Model(4, 3)"])
def test_a_parameter_that_goes_works_and_warns_at_other_values(given):
    code = compile(f"model = {given}  # here", __file__, "exec")
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        exec(code, {**globals()}, found := {})

    assert found["model"].rows == 3
    (only,) = recorded
    assert only.filename == __file__
    assert str(only.message) == (
        f"'rows' of Model is deprecated since skrec {VERSION}, gone in {END}. "
        "All rows are read."
    )


def test_a_parameter_that_goes_warns_in_set_params():
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        Model().set_params(rows=3)  # here
    assert "'rows' of Model" in warned(recorded)


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.nightly)])
def test_searches_over_an_old_name_find_the_best_and_warn_at_fit(n_jobs):
    search = GridSearchCV(Model(), {"length": [1, 7, 3]}, cv=2, n_jobs=n_jobs)
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        search.fit([[0.0]] * 6)  # here

    assert search.best_params_ == {"length": 7}
    assert search.best_estimator_.dim == 7
    found = {(w.filename, w.lineno) for w in recorded}
    assert [file for file, _ in found] == [__file__]


def test_a_recommender_and_a_network_take_old_names():
    @deprecated_parameters(VERSION, renamed={"users": "user_col"})
    @with_parameters
    class Popular(PopularRecommender):
        pass

    @deprecated_parameters(VERSION, renamed={"width": "units"})
    @with_parameters
    class Network(skrec.MLPClassifier):
        pass

    with pytest.warns(FutureWarning, match="'users' of Popular"):
        assert Popular(users="u").user_col == "u"
    X, y = make_classification(100, random_state=0)
    network = Network(epochs=1, batch_size=50, random_state=0)
    grid = {"width": [2], "optimizer__weight_decay": [0.1], "optimizer": ["adamw"]}
    with pytest.warns(FutureWarning, match="'width' of Network"):
        search = GridSearchCV(network, grid, cv=2).fit(X, y)
    assert search.best_estimator_.units == 2


def test_a_function_takes_an_old_name():
    @deprecated_parameters(VERSION, renamed={"n": "k"}, removed={"seed": "Pass none."})
    def first(values, k=1, seed=None):
        return values[:k]

    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        assert first([1, 2, 3], n=2) == [1, 2]  # here
    assert warned(recorded).startswith("'n' of first is renamed")
    with pytest.warns(FutureWarning, match="'seed' of first is deprecated"):
        first([1], 1, 0)
    assert list(inspect.signature(first).parameters) == ["values", "k", "seed"]


# ---- functions and classes ---------------------------------------------------------


@deprecated(VERSION, "Call `sum`.")
def total(values):
    """Add numbers.

    Parameters
    ----------
    values : sequence
        Numbers.
    """
    return sum(values)


@deprecated(VERSION, "Use `Model`.")
@with_parameters
class Old(Model):
    """A model of before."""


def test_a_function_works_and_warns_at_the_line_of_its_call():
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        assert total([1, 2]) == 3  # here

    assert warned(recorded) == (
        f"total is deprecated since skrec {VERSION}, gone in {END}. Call `sum`."
    )
    summary, note, section = total.__doc__.split("\n\n")
    assert summary == "Add numbers."
    assert note == f".. deprecated:: {VERSION}\n    Call `sum`."
    assert section.startswith("Parameters\n---")


def test_a_class_works_and_warns_where_one_is_made():
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        model = Old(dim=2)  # here
    assert warned(recorded).startswith("Old is deprecated")
    assert ".. deprecated::" in Old.__doc__

    with pytest.warns(FutureWarning, match="Old is deprecated"):
        copied = clone(model)
    assert type(copied) is Old
    assert copied.get_params() == model.get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(model)).dim == 2  # a file of before loads


# ---- the policy --------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.4.0", "0.5.1", "1.0.0", "0.4.0.dev1"])
def test_nothing_is_kept_longer_than_two_releases(monkeypatch, version):
    monkeypatch.setattr(skrec, "__version__", "0.3.9")
    deprecated("0.2", "Nothing.")
    monkeypatch.setattr(skrec, "__version__", version)

    for helper in (
        lambda: deprecated("0.2", "."),
        lambda: deprecated_parameters("0.2"),
    ):
        with pytest.raises(RuntimeError, match=re.escape(f"version {version}.")):
            helper()
