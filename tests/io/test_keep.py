"""What is loaded is what was saved: every estimator, every recommender, bit for bit."""

import os
import pickle
import zipfile

import joblib
import numpy as np
import pytest
import sklearn.base

import skrec.estimators
import skrec.recommenders
from skrec.io import UnusableFileError, dump, info, load
from tests.fresh import run_fresh
from tests.io.cases import CASES, answers, go_on
from tests.night import by_day

DAY = ["MLPClassifier", "DeepFMRegressor", "arrays", "CNNClassifier"]
DAY += ["KerasClassifier", "KerasRegressor", "TwoTowerRecommender"]
DAY += ["PopularRecommender", "ItemKNNRecommender", "EASERecommender"]
DAY += ["ALSRecommender", "TwoStageRecommender"]


def same(found, expected):
    """Assert that answers are equal bit for bit."""
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_no_estimator_is_left_out():
    every = {*skrec.estimators.__all__, *skrec.recommenders.__all__}
    assert every <= {*CASES, "NeuMFRecommender"}


@pytest.mark.parametrize("case", by_day(CASES, *DAY))
def test_what_is_loaded_answers_the_same_bits(case, tmp_path):
    model, X, _, trusted = CASES[case]()
    before = joblib.hash(model) if case in DAY[:4] else None
    dump(model, tmp_path / "model.skrec")
    loaded = load(tmp_path / "model.skrec", trusted)
    expected = answers(model, X)
    same(answers(loaded, X), expected)
    assert type(loaded) is type(model)
    shown = {name: repr(value) for name, value in model.get_params().items()}
    if case != "TwoStageRecommender":  # whose estimators are others of their kind
        assert {n: repr(v) for n, v in loaded.get_params().items()} == shown
    assert vars(loaded).keys() >= vars(model).keys() - {
        "_fit_callbacks",
        "_given_callbacks",
        "_predict_callbacks",
    }
    if before is not None:
        assert joblib.hash(model) == before, "saving has changed the estimator"
    same(answers(pickle.loads(pickle.dumps(model)), X), expected)
    if trusted:
        with pytest.raises(UnusableFileError, match="pass trusted="):
            load(tmp_path / "model.skrec")
    assert info(tmp_path / "model.skrec")["class"].endswith(type(model).__name__)


GOES_ON = [name for name in CASES if hasattr(skrec.estimators, name)]
GOES_ON += ["arrays", "SASRecRecommender", "TwoTowerRecommender", "BPRRecommender"]
IN_DAY = ["arrays", "KerasClassifier", "TwoTowerRecommender"]
FRESH = """
    import sys, joblib, warnings
    import numpy as np
    from tests.io.cases import answers, go_on
    from skrec.io import load
    warnings.simplefilter("error", UserWarning)
    for path, X, y, trusted, before, after in joblib.load(sys.argv[1]):
        model = load(path, trusted)
        for found, expected in zip(answers(model, X), before, strict=True):
            np.testing.assert_array_equal(found, expected)
        found = answers(go_on(model, X, y), X)
        for one, other in zip(found, after, strict=True):
            np.testing.assert_array_equal(one, other)
"""


@pytest.mark.parametrize(
    "names", [IN_DAY, pytest.param(GOES_ON, marks=pytest.mark.nightly)], ids=len
)
def test_training_goes_on_bit_for_bit_in_a_fresh_process(names, tmp_path):
    told = []
    for name in names:
        model, X, y, trusted = CASES[name]()
        path = str(tmp_path / f"{name}.skrec")
        dump(model, path, optimizer=True)
        trusted = [getattr(one, "__qualname__", one) for one in trusted]
        trusted = ["tests.io.shop." + one.rpartition(".")[2] for one in trusted]
        before = answers(model, X)
        told.append((path, X, y, trusted, before, answers(go_on(model, X, y), X)))
    joblib.dump(told, tmp_path / "told.joblib")
    run_fresh(FRESH, tmp_path / "told.joblib")


@pytest.mark.parametrize("case", ["arrays", "KerasClassifier"])
def test_without_its_optimizer_it_starts_anew_and_says_so(case, tmp_path):
    model, X, y, trusted = CASES[case]()
    dump(model, tmp_path / "model.skrec")
    loaded = load(tmp_path / "model.skrec", trusted)
    with pytest.warns(UserWarning, match="optimizer=True"):
        loaded.partial_fit(X, y)
    loaded.partial_fit(X, y)  # which has a state now: no warning is an error
    with skrec.io.without_optimizer():
        pickled = pickle.loads(pickle.dumps(model))
    same(answers(pickled, X), answers(model, X))
    with pytest.warns(UserWarning, match="optimizer=True"):
        pickled.partial_fit(X, y)


def test_warm_start_goes_on_from_a_file(tmp_path):
    model = CASES["arrays"]()[0].set_params(warm_start=True)
    _, X, y, _ = CASES["arrays"]()
    dump(model, tmp_path / "model.skrec", optimizer=True)
    loaded = load(tmp_path / "model.skrec")
    same(answers(loaded.fit(X, y), X), answers(model.fit(X, y), X))


def test_a_file_that_is_there_is_replaced_or_left(tmp_path, monkeypatch):
    path = tmp_path / "model.skrec"
    dump(skrec.MLPClassifier(units=3), path)
    content = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *paths: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            dump(skrec.MLPClassifier(units=4), path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["model.skrec"]
    dump(skrec.MLPClassifier(units=4), path)
    assert load(path).units == 4
    assert sklearn.base.clone(load(path)).units == 4


def test_skops_can_read_it_too(tmp_path):
    skops_io = pytest.importorskip("skops.io")
    dump(skrec.MLPClassifier(units=3), tmp_path / "model.skrec")
    names = ["skrec.estimators.mlp.MLPClassifier"]
    assert skops_io.get_untrusted_types(file=tmp_path / "model.skrec") == names
    assert skops_io.load(tmp_path / "model.skrec", trusted=names).units == 3
    assert zipfile.is_zipfile(tmp_path / "model.skrec")
