"""Pipelines, searches and other estimators around skrec's, saved and loaded."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import tensorflow as tf
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrec import KerasClassifier, MLPClassifier, MLPRegressor
from skrec.estimators._kept_models import KeptArchitecture
from skrec.io import UnusableFileError, dump, info, load, model_card
from skrec.model_selection import (
    BayesSearchCV,
    HyperbandSearchCV,
    OptunaSearchCV,
    with_costs,
)
from tests.io import shop
from tests.night import by_day

X, Y = load_iris(return_X_y=True)
SMALL = {"units": 4, "epochs": 1, "early_stopping": False, "random_state": 0}
RATES = {"learning_rate": [0.01, 0.1]}
TREE = "sklearn.tree._tree.Tree"


def small(**params):
    """Return a network that is trained in no time."""
    return MLPClassifier(**{**SMALL, **params})


def kept(model, folder, trusted=()):
    """Save and load."""
    dump(model, folder / "model.skrec")
    return load(folder / "model.skrec", trusted)


AROUND = {
    "pipeline": (make_pipeline(StandardScaler(), small()), ()),
    "a function of one's own": (
        make_pipeline(FunctionTransformer(shop.doubled), small()),
        [shop.doubled],
    ),
    "voting": (
        VotingClassifier(
            [("a", small()), ("b", RandomForestClassifier(2, random_state=0))]
        ),
        [TREE],
    ),
    "calibration": (CalibratedClassifierCV(small(), cv=2), ()),
    "stacking": (StackingClassifier([("a", small())], LogisticRegression(), cv=2), ()),
    "bagging": (BaggingClassifier(small(), 2, random_state=0), ()),
    "one against the rest": (OneVsRestClassifier(small()), ()),
    "several outputs": (MultiOutputClassifier(small()), ()),
    "a target": (
        TransformedTargetRegressor(
            MLPRegressor(**SMALL), func=np.log1p, inverse_func=np.expm1
        ),
        (),
    ),
}


@pytest.mark.parametrize(
    "name", by_day(AROUND, "pipeline", "a function of one's own", "voting", "a target")
)
def test_what_is_around_a_model_is_kept_too(name, tmp_path):
    model, trusted = AROUND[name]
    y = np.column_stack([Y > 0, Y == 1]).astype(int) if name == "several outputs" else Y
    model.fit(X, y)
    loaded = kept(model, tmp_path, trusted)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    if trusted:
        names = [getattr(one, "__name__", one) for one in trusted]
        with pytest.raises(UnusableFileError, match=names[0].rpartition(".")[2]):
            load(tmp_path / "model.skrec")


SEARCHES = {
    "grid": GridSearchCV(small(), RATES, cv=2, scoring=with_costs(), refit="score"),
    "random": RandomizedSearchCV(
        small(),
        {"learning_rate": scipy.stats.loguniform(0.01, 0.1)},
        n_iter=2,
        cv=StratifiedKFold(2),
        random_state=0,
    ),
    "bayes": BayesSearchCV(
        small(), {"learning_rate": (0.01, 0.1)}, n_iter=2, cv=2, random_state=0
    ),
    "optuna": OptunaSearchCV(small(), RATES, n_trials=2, cv=2, random_state=0),
    "hyperband": HyperbandSearchCV(small(), RATES, cv=2, max_epochs=3),
}


@pytest.mark.parametrize("name", by_day(SEARCHES, "grid", "bayes"))
def test_a_search_keeps_its_results_and_its_best_model(name, tmp_path):
    search = SEARCHES[name]
    if name == "optuna":
        search.set_params(storage=str(tmp_path / "trials.journal"))
    search.fit(X, Y)
    loaded = kept(search, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
    pd.testing.assert_frame_equal(
        pd.DataFrame(loaded.cv_results_), pd.DataFrame(search.cv_results_)
    )
    assert loaded.best_params_ == search.best_params_
    assert loaded.score(X, Y) == search.score(X, Y)
    left_out = {"random": ["param_distributions"], "optuna": ["storage"]}
    assert info(tmp_path / "model.skrec")["left_out"] == left_out.get(name, [])


def test_what_watches_and_stores_fits_stops_no_save(tmp_path):
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    log.file = open(tmp_path / "open.txt", "w")  # noqa: SIM115
    model = small(callbacks=[log], memory=tmp_path / "fits")
    steps = Pipeline(
        [("scale", StandardScaler()), ("net", model)], memory=str(tmp_path)
    )
    search = GridSearchCV(steps, {"net__epochs": [1]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X, Y)
    loaded = kept(search, tmp_path)
    log.file.close()
    np.testing.assert_array_equal(loaded.predict(X), search.predict(X))
    assert loaded.best_estimator_["net"].callbacks is None
    assert loaded.estimator.memory is None
    assert info(tmp_path / "model.skrec")["left_out"] == ["callbacks", "memory"]
    assert search.best_estimator_["net"].callbacks  # the one saved is as it was


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": keras.optimizers.AdamW(0.01)},
        {"optimizer": keras.optimizers.Lion},
        {"lr_schedule": keras.optimizers.schedules.CosineDecay(0.01, 50)},
        {"random_state": np.random.RandomState(3)},
        {"class_weight": {False: 1.0, True: 3.0}},
        {"class_weight": {np.int64(0): 1.0, 1: 3.0}},
    ],
    ids=lambda params: next(iter(params)),
)
def test_parameters_are_kept_and_fit_again_to_the_same(params, tmp_path):
    model = small(**params)  # which is not fitted
    y = Y == 1 if False in params.get("class_weight", {}) else (Y == 1).astype(int)
    loaded = kept(model, tmp_path)
    found = loaded.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(found, model.fit(X, y).predict_proba(X))
    if "class_weight" in params:
        assert loaded.class_weight == params["class_weight"]
        assert [*map(type, loaded.class_weight)] == [*map(type, params["class_weight"])]


def test_a_device_that_is_not_here_is_no_obstacle(tmp_path):
    model = small().fit(X, Y)
    expected = model.predict_proba(X)
    model.set_params(device="/GPU:7")
    with pytest.warns(UserWarning, match=r"device='/GPU:7', which is not here"):
        loaded = kept(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def test_a_prebuilt_model_is_kept_by_its_layers(tmp_path):
    layers = [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")]
    built = keras.Sequential(layers)
    loss = "sparse_categorical_crossentropy"
    model = KerasClassifier(built, loss=loss, verbose=0, random_state=0).fit(X, Y)
    loaded = kept(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    for one, other in zip(loaded.model.weights, built.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def of_five(size, waits=False):
    """Return layers, the first of any size."""
    layers = [keras.layers.Dense(size), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential(layers if waits else [keras.Input((4,)), *layers])


@pytest.mark.parametrize(
    ("other", "message"),
    [(of_five(6), r"one more of shape \(4, 6\)"), (of_five(6, True), "waits for data")],
    ids=["built", "waiting for data"],
)
def test_a_prebuilt_model_is_not_built_larger_than_its_weights(
    other, message, tmp_path, monkeypatch
):
    loss = "sparse_categorical_crossentropy"
    model = KerasClassifier(of_five(5), loss=loss, verbose=0, random_state=0).fit(X, Y)
    loaded = kept(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    real, made = KeptArchitecture.__init__, []

    def another(self, model):
        real(self, model)
        self.config = other.to_json()
        self.values = self.values if other.built else []

    monkeypatch.setattr(KeptArchitecture, "__init__", another)
    dump(model, tmp_path / "model.skrec")
    draw = keras.initializers.GlorotUniform.__call__

    def noted(self, shape, dtype=None, **more):
        made.extend([shape] if tf.executing_eagerly() else [])
        return draw(self, shape, dtype, **more)

    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", noted)
    with pytest.raises(UnusableFileError, match=message):
        load(tmp_path / "model.skrec")
    assert made == []


def test_a_prebuilt_model_that_is_compiled_is_kept(tmp_path):
    built = of_five(5)
    built.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model = KerasClassifier(built, verbose=0, random_state=0).fit(X, Y)
    loaded = kept(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_row_of_a_file_is_not_made_at_any_size(tmp_path):
    loss = "sparse_categorical_crossentropy"
    model = KerasClassifier(of_five(5), loss=loss, verbose=0).fit(X, Y)
    model.X_shape_ = (150, 10**10)
    dump(model, tmp_path / "model.skrec")
    with pytest.raises(
        UnusableFileError, match=r"row of X has the shape \(10000000000"
    ):
        load(tmp_path / "model.skrec")


def test_a_prebuilt_model_with_code_in_it_is_refused(tmp_path):
    layers = [
        keras.Input((4,)),
        keras.layers.Lambda(lambda x: x),
        keras.layers.Dense(1),
    ]
    model = KerasClassifier(keras.Sequential(layers), loss="binary_crossentropy")
    dump(model, tmp_path / "model.skrec")
    with pytest.raises(UnusableFileError, match=r"Lambda|lambda"):
        load(tmp_path / "model.skrec")


def test_a_build_function_that_has_changed_is_told_apart(tmp_path, monkeypatch):
    loss = "sparse_categorical_crossentropy"
    model = KerasClassifier(shop.build_softmax, loss=loss, verbose=0).fit(X, Y)
    dump(model, tmp_path / "model.skrec")
    monkeypatch.setattr(shop.build_softmax, "__defaults__", (6,))
    with pytest.raises(UnusableFileError, match="other weights than the file"):
        load(tmp_path / "model.skrec", [shop.build_softmax])


def test_a_card_tells_what_is_known_and_asks_for_the_rest(tmp_path):
    search = SEARCHES["grid"].fit(X, Y)
    model_card(search, tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text()
    assert "`MLPClassifier` in `GridSearchCV`" in text
    for title in ("## Intended uses", "### Search", "### Training", "# Versions"):
        assert title in text
    assert "param_learning_rate" in text
    assert "[More Information Needed]" in text
    model_card(small(), tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text()
    assert "units" in text
    assert "### Search" not in text


def test_a_missing_skops_is_named(tmp_path, monkeypatch):
    for name in ("skops.io", "skops.card"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (
        lambda: dump(small(), tmp_path / "model.skrec"),
        lambda: load(tmp_path / "model.skrec"),
        lambda: model_card(small(), tmp_path / "README.md"),
    ):
        with pytest.raises(ImportError, match=r'pip install "skrec-keras\[io\]"'):
            call()
