"""What scikeras 0.13.0 gets wrong with scikit-learn 1.9: each test fails on it.

To see that, replace the import of the two estimators by ``from scikeras.wrappers import
KerasClassifier, KerasRegressor``.
"""

import random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_estimator_sparse_tag,
    check_estimator_tags_renamed,
    check_mixin_order,
    check_n_features_in_after_fitting,
    check_no_attributes_set_in_init,
    check_requires_y_none,
    check_sample_weight_equivalence_on_dense_data,
    check_supervised_y_2d,
)

from skrec import KerasClassifier, KerasRegressor
from tests.fresh import run_fresh

X, Y = load_iris(return_X_y=True)


def build(meta, units=8, rate=0.0, dtype="float32"):
    n_classes = meta["n_classes_"]
    multi = meta["target_type_"] == "multiclass"
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],), dtype=dtype),
            keras.layers.Dense(units, "relu", dtype=dtype),
            keras.layers.Dropout(rate, dtype=dtype),
            keras.layers.Dense(n_classes if multi else 1, dtype=dtype),
            keras.layers.Activation("softmax" if multi else "sigmoid", dtype=dtype),
        ]
    )


def build_compiled(meta, compile_kwargs):
    model = build(meta, dtype="float64")
    multi = meta["target_type_"] == "multiclass"
    losses = keras.losses
    loss = losses.SparseCategoricalCrossentropy if multi else losses.BinaryCrossentropy
    model.compile(optimizer=compile_kwargs["optimizer"], loss=loss(dtype="float64"))
    return model


def build_linear(meta):
    return keras.Sequential(
        [keras.Input((meta["n_features_in_"],)), keras.layers.Dense(meta["n_outputs_"])]
    )


def classifier(**params):
    defaults = {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": "adam",
        "optimizer__learning_rate": 0.05,
        "epochs": 20,
        "verbose": 0,
        "random_state": 0,
    }
    return KerasClassifier(**{"model": build, **defaults, **params})


def exact_classifier():
    return KerasClassifier(
        build_compiled,
        optimizer=keras.optimizers.SGD,
        optimizer__learning_rate=0.1,
        optimizer__momentum=0.9,
        batch_size=-1,
        epochs=50,
        verbose=0,
        random_state=0,
    )


def regressor():
    return KerasRegressor(build_linear, loss="mse", verbose=0, random_state=0)


def test_integer_cv_is_stratified():
    # iris is sorted by class: unstratified folds would hold one unseen class each.
    assert is_classifier(classifier())
    assert is_regressor(regressor())
    assert cross_val_score(classifier(), X, Y, cv=3).min() > 0.8


def test_tags_describe_the_estimator():
    tags = get_tags(classifier())
    assert tags.estimator_type == "classifier"
    assert tags.classifier_tags.multi_label
    assert not tags.classifier_tags.poor_score
    assert not tags.non_deterministic
    assert tags.input_tags.two_d_array
    check_estimator_tags_renamed("KerasClassifier", classifier())
    check_mixin_order("KerasClassifier", classifier())


def test_init_sets_only_parameters():
    check_no_attributes_set_in_init("KerasClassifier", classifier(units=4))
    assert classifier(units=4).units == 4


def test_sparse_tag_is_true_of_fit():
    check_estimator_sparse_tag("KerasClassifier", exact_classifier())


def test_messages_on_features():
    check_n_features_in_after_fitting("KerasClassifier", exact_classifier())


def test_weights_are_worth_repetitions():
    check_sample_weight_equivalence_on_dense_data("KerasClassifier", exact_classifier())


def test_y_of_one_column():
    check_supervised_y_2d("KerasClassifier", exact_classifier())
    with pytest.warns(DataConversionWarning):
        fitted = classifier(epochs=1).fit(X, Y[:, None])
    assert fitted.predict(X).shape == (150,)


def test_y_is_required():
    check_requires_y_none("KerasClassifier", classifier())
    with pytest.raises(ValueError, match="requires y to be passed"):
        regressor().fit(X, None)


def test_class_weight_leaves_the_callers_weights_alone():
    weight = np.ones(len(Y))
    classifier(class_weight={0: 5.0, 1: 1.0, 2: 1.0}, epochs=1).fit(X, Y, weight)
    np.testing.assert_array_equal(weight, 1.0)


def test_import_leaves_keras_unpatched():
    code = """
import keras
before = [dict(vars(kind)) for kind in (
    keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)]
import {package}
after = [dict(vars(kind)) for kind in (
    keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)]
print([sorted(set(a) ^ set(b)) for a, b in zip(before, after)])
"""
    package = KerasClassifier.__module__.split(".")[0]
    code = code.format(package=package)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[[], [], [], []]"


def test_global_generators_are_not_touched():
    def build_random(meta, rate):
        np.random.rand()  # noqa: NPY002  (a build function may well do this)
        random.random()
        return build(meta, rate=rate)

    def draw():
        return random.random(), np.random.rand(), float(tf.random.uniform([]))  # noqa: NPY002

    keras.utils.set_random_seed(7)
    draw()
    expected = draw()
    keras.utils.set_random_seed(7)
    draw()
    fitted = classifier(model=build_random, epochs=1, rate=0.5).fit(X, Y)
    fitted.predict(X)
    after = draw()
    assert after == expected


WHOLE_GRID = {
    "optimizer__learning_rate": [0.001, 0.01],
    "batch_size": [16, 64],
    "rate": [0.0, 0.3],
    "units": [4, 6],
}
PARTS_OF_IT = [
    {"units": [4, 6], "optimizer__learning_rate": [0.001, 0.01]},
    {"units": [4, 6], "batch_size": [16, 64], "rate": [0.3]},
]


@pytest.mark.parametrize(
    ("grid", "n_candidates", "cv"),
    [(PARTS_OF_IT, 8, 2), pytest.param(WHOLE_GRID, 16, 3, marks=pytest.mark.nightly)],
)
def test_a_search_traces_each_architecture_once(grid, n_candidates, cv):
    from skrec.training import cache_clear, cache_info

    cache_clear()
    search = GridSearchCV(classifier(epochs=1), grid, cv=cv).fit(X, Y)
    assert len(search.cv_results_["params"]) == n_candidates
    assert cache_info().traces == 2
    assert cache_info().misses == 2


def test_memory_does_not_grow():
    code = """
import resource, sys
sys.path.insert(0, {tests!r})
import test_scikeras_defects as t
from sklearn.base import clone
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
estimator = t.classifier(epochs=2)
for _ in range(3):
    clone(estimator).fit(t.X, t.Y)
before = rss()
for step in range(1, 31):
    clone(estimator).set_params(optimizer__learning_rate=0.001 * step).fit(t.X, t.Y)
print(rss() - before)
"""
    code = code.format(tests=__file__.rsplit("/", 1)[0])
    assert float(run_fresh(code)) < 50


def test_fit_never_trains_a_model_that_is_a_parameter():
    model = build({"n_features_in_": 4, "n_classes_": 3, "target_type_": "multiclass"})
    before = [weight.copy() for weight in model.get_weights()]
    estimator = classifier(model=model, epochs=1)
    estimator.fit(X, Y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert clone(estimator).fit(X, Y).score(X, Y) == estimator.score(X, Y)
