"""The generic estimators: what a scikeras user expects of them, on the engine."""

import copy
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from skrec import KerasClassifier
from skrec.training import cache_clear, cache_info
from tests.estimators.generic_models import (
    CROSS_ENTROPY,
    X,
    Y,
    build,
    classifier,
)


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(X, Y)


@keras.saving.register_keras_serializable("skrec_tests")
class Own(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(8, "relu")
        self.out = keras.layers.Dense(3, "softmax")

    def call(self, x, training=False):
        return self.out(self.hidden(x))


def build_own():
    return Own()


# ---- parameters ----------------------------------------------------------------------


def test_build_function_gets_what_its_signature_asks_for():
    seen = {}

    def greedy(meta, compile_kwargs, params, units=3):
        seen.update(meta=meta, compile_kwargs=compile_kwargs, params=params)
        model = build(meta, units)
        model.compile(**compile_kwargs)
        return model

    classifier(model=greedy, units=5, metrics=["accuracy"], epochs=1).fit(X, Y)
    assert seen["meta"]["n_features_in_"] == 4
    assert seen["meta"]["target_type_"] == "multiclass"
    assert seen["meta"]["X_shape_"] == (150, 4)
    assert seen["compile_kwargs"]["loss"] is not None
    assert isinstance(seen["compile_kwargs"]["optimizer"], keras.optimizers.Adam)
    assert seen["params"]["units"] == 5


def test_routed_parameters_arrive():
    estimator = classifier(
        model__units=6,
        optimizer="sgd",
        optimizer__learning_rate=0.5,
        optimizer__momentum=0.25,
        loss=keras.losses.SparseCategoricalCrossentropy,
        loss__from_logits=False,
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy],
        metrics__0__k=2,
        fit__batch_size=50,
        epochs=3,
        fit__epochs=2,
    ).fit(X, Y)
    model = estimator.model_
    assert model.layers[0].units == 6
    assert model.optimizer.momentum == 0.25
    assert float(model.optimizer.learning_rate) == 0.5
    assert set(estimator.history_) == {"loss", "sparse_top_k_categorical_accuracy"}
    assert len(estimator.history_["loss"]) == 2  # fit__epochs goes before epochs
    assert estimator.history_["sparse_top_k_categorical_accuracy"][-1] > 0.5


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"optimizer__learning_rat": 0.1}, "learning_rate"),
        ({"model__unit": 3}, "units"),
        ({"unit": 3}, "units"),
        ({"fit__batchsize": 3}, "batch_size"),
    ],
)
def test_unknown_parameters_are_named_before_training(wrong, hint):
    name = next(iter(wrong))
    estimator = classifier(**wrong)
    with pytest.raises(ValueError, match=rf"(?s){name}.*Did you mean '{hint}'"):
        estimator.fit(X, Y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_set_params_knows_the_build_functions_arguments():
    estimator = classifier()
    estimator.set_params(units=4, rate=0.5, callbacks__patience=2)
    assert estimator.get_params()["units"] == 4
    assert clone(estimator).get_params()["callbacks__patience"] == 2
    with pytest.raises(ValueError, match="Did you mean 'units'") as error:
        estimator.set_params(unit=4)
    assert str(error.value).count("'units'") == 2  # the hint, and once in the list


def test_what_a_build_function_is_offered_is_no_parameter():
    def build(meta, units=4):
        raise AssertionError

    estimator = KerasClassifier(build, loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="Invalid parameter 'meta'") as error:
        estimator.set_params(meta=1)
    assert str(error.value).count("'meta'") == 1
    with pytest.raises(ValueError, match="nor its build function takes it"):
        KerasClassifier(build, loss="sparse_categorical_crossentropy", meta=1).fit(X, Y)


@pytest.mark.parametrize(
    ("params", "name"),
    [({"epochs": 0}, "epochs"), ({"batch_size": 0}, "batch_size")],
)
def test_parameters_out_of_range_are_named(params, name):
    with pytest.raises(ValueError, match=rf"'{name}' parameter .* must be"):
        classifier(**params).fit(X, Y)


def test_build_function_without_return():
    def forgetful(meta):
        build(meta)

    with pytest.raises(ValueError, match=r"return a keras.Model.*forgetful.*None"):
        classifier(model=forgetful).fit(X, Y)


# ---- training ------------------------------------------------------------------------


def test_a_model_whose_build_builds_no_layer_is_trained():
    def build_in_advance():
        model = Own()
        with pytest.warns(UserWarning, match="unbuilt state"):
            model.build((None, 4))
        return model

    metrics = {"metrics": ["mse", keras.metrics.AUC(20, name="auc")]}
    params = {"loss": "categorical_crossentropy", "epochs": 1, **metrics}
    early = classifier(model=build_in_advance, **params).fit(X, Y)
    late = classifier(model=build_own, **params).fit(X, Y)
    assert early.history_ == late.history_
    assert set(late.history_) == {"loss", "mean_squared_error", "auc"}
    np.testing.assert_array_equal(early.predict_proba(X), late.predict_proba(X))


def test_one_epoch_equals_model_fit():
    # Without shuffling Model.fit walks the same batches, the last of them partial.
    model = build({"n_features_in_": 4, "n_classes_": 3})
    estimator = classifier(
        model=model, epochs=2, shuffle=False, batch_size=40, metrics=["accuracy"]
    )
    estimator.set_params(optimizer__learning_rate=0.001).fit(X, Y)
    model.compile(keras.optimizers.Adam(0.001), CROSS_ENTROPY, metrics=["accuracy"])
    history = model.fit(X, Y, epochs=2, shuffle=False, batch_size=40, verbose=0)
    for ours, keras_own in zip(
        estimator.model_.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, keras_own, atol=1e-6)
    for name, values in history.history.items():
        np.testing.assert_allclose(estimator.history_[name], values, rtol=1e-5)


def test_subclassed_models_train_right_without_sharing():
    cache_clear()
    estimator = classifier(model=build_own, epochs=20).fit(X, Y)
    assert cache_info().misses == 0
    assert estimator.score(X, Y) > 0.9
    again = classifier(model=build_own, epochs=20).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    reloaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(reloaded.predict_proba(X), again.predict_proba(X))


def test_layers_of_the_users_own_are_traced_for_each_fit():
    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    def network(meta, factor):
        inputs = keras.Input((4,))
        x = keras.layers.Lambda(lambda t: t + 1.0)(Scale(factor)(inputs))
        return keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))

    cache_clear()
    model = classifier(model=network, epochs=30)
    for factor in (1.0, 1.0, 0.0):
        model.set_params(factor=factor).fit(X, Y)
        assert (model.score(X, Y) > 0.8) == bool(factor)
    # Their configuration may forget something, so that no program serves two.
    assert (cache_info().traces, cache_info().misses) == (3, 0)


def test_an_activation_of_the_users_own_trains_without_sharing():
    def bent(x):
        return keras.ops.maximum(x, 0.1 * x)

    def network(meta):
        layers = [keras.layers.Dense(8, bent), keras.layers.Dense(3, "softmax")]
        return keras.Sequential([keras.Input((4,)), *layers])

    cache_clear()
    assert classifier(model=network, epochs=20).fit(X, Y).score(X, Y) > 0.9
    assert cache_info().misses == 0


def test_several_inputs_by_a_feature_encoder_of_the_users_own():
    class Halves(KerasClassifier):
        @property
        def feature_encoder(self):
            return FunctionTransformer(lambda X: {"a": X[:, :2], "b": X[:, 2:]})

    def network(meta):
        halves = [keras.Input((2,), name=name) for name in "ab"]
        both = keras.layers.Concatenate()(halves)
        return keras.Model(halves, keras.layers.Dense(3, "softmax")(both))

    params = {**classifier().get_params(), "model": network, "epochs": 30}
    assert Halves(**params).fit(X, Y).score(X, Y) > 0.9


@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_a_feature_encoder_may_return_a_frame(fraction):
    class Framed(KerasClassifier):
        @property
        def feature_encoder(self):
            return FunctionTransformer(pd.DataFrame)

    weight = np.ones(len(X))
    weight[::7] = 0  # rows are picked out by position
    params = classifier(epochs=2, validation_split=fraction).get_params()
    framed = Framed(**params).fit(X, Y, sample_weight=weight)
    plain = KerasClassifier(**params).fit(X, Y, sample_weight=weight)
    np.testing.assert_array_equal(framed.predict_proba(X), plain.predict_proba(X))


def test_sequential_without_input_is_built_on_the_data():
    def deferred(meta):
        return keras.Sequential([keras.layers.Dense(meta["n_classes_"], "softmax")])

    assert classifier(model=deferred, epochs=30).fit(X, Y).score(X, Y) > 0.9


def test_batch_level_callback_changes_nothing_but_is_called():
    class Counter(keras.callbacks.Callback):
        n_batches = 0

        def on_train_batch_end(self, batch, logs=None):
            Counter.n_batches += 1

    params = {"rate": 0.3, "epochs": 3, "optimizer__learning_rate": 0.001}
    plain = classifier(**params).fit(X, Y)
    counted = classifier(**params, callbacks=[Counter]).fit(X, Y)
    assert Counter.n_batches == 3 * 5
    np.testing.assert_allclose(
        counted.predict_proba(X), plain.predict_proba(X), atol=1e-6
    )


@pytest.mark.parametrize("kind", ["instance", "class", "dict", "nested"])
def test_callbacks_in_every_form(kind):
    stop = keras.callbacks.EarlyStopping
    forms = {
        "instance": {"callbacks": stop("loss", min_delta=100, patience=1)},
        "class": {
            "callbacks": stop,
            "callbacks__monitor": "loss",
            "callbacks__min_delta": 100,
            "callbacks__patience": 1,
        },
        "dict": {
            "callbacks": {"stop": stop},
            "callbacks__stop__monitor": "loss",
            "callbacks__stop__min_delta": 100,
            "callbacks__stop__patience": 1,
        },
        "nested": {"callbacks": [[stop("loss", min_delta=100, patience=1)]]},
    }
    estimator = classifier(**forms[kind]).fit(X, Y)
    assert len(estimator.history_["loss"]) == 2


def test_learning_rate_callback_reaches_the_program():
    frozen = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0)
    estimator = classifier(callbacks=[frozen], epochs=3).fit(X, Y)
    np.testing.assert_allclose(
        estimator.predict_proba(X), classifier().initialize(X, Y).predict_proba(X)
    )


def test_validation_split_takes_the_last_rows():
    estimator = classifier(validation_split=0.2, epochs=2).fit(X, Y)
    outside = classifier(epochs=2).fit(X[:120], Y[:120], X_val=X[120:], y_val=Y[120:])
    assert estimator.history_["val_loss"] == outside.history_["val_loss"]
    assert estimator.history_["val_loss"] != estimator.history_["loss"]


def test_fit_arguments_of_one_call():
    estimator = classifier()
    estimator.fit(X, Y, epochs=3, validation_data=(X, Y), batch_size=10)
    assert len(estimator.history_["val_loss"]) == 3
    with pytest.raises(TypeError, match="Did you mean 'epochs'"):
        estimator.fit(X, Y, epoch=3)


def test_balanced_class_weight_is_a_sample_weight():
    rows = np.r_[:50, 50:60, 100:150]
    counts = np.bincount(Y[rows])
    weight = len(rows) / (3 * counts[Y[rows]])
    balanced = classifier(class_weight="balanced").fit(X[rows], Y[rows])
    weighted = classifier().fit(X[rows], Y[rows], sample_weight=weight)
    plain = classifier().fit(X[rows], Y[rows])
    np.testing.assert_array_equal(balanced.predict_proba(X), weighted.predict_proba(X))
    assert np.abs(balanced.predict_proba(X) - plain.predict_proba(X)).max() > 0.01


def test_partial_fit_continues_and_knows_all_classes():
    estimator = classifier()
    estimator.partial_fit(X[:100], Y[:100], classes=[0, 1, 2])
    assert estimator.predict_proba(X).shape == (150, 3)
    for _ in range(30):
        estimator.partial_fit(X, Y)
    assert len(estimator.history_["loss"]) == 31
    assert estimator.score(X, Y) > 0.9
    with pytest.raises(TypeError, match="epochs"):
        estimator.partial_fit(X, Y, epochs=2)


def test_partial_fit_is_fit_in_pieces():
    whole = classifier(epochs=3).fit(X, Y)
    pieces = classifier()
    for _ in range(3):
        pieces.partial_fit(X, Y)
    np.testing.assert_array_equal(pieces.predict_proba(X), whole.predict_proba(X))


def test_warm_start_goes_on():
    estimator = classifier(warm_start=True, epochs=3).fit(X, Y)
    first = estimator.history_["loss"][0]
    estimator.fit(X, Y)
    assert len(estimator.history_["loss"]) == 3
    assert estimator.history_["loss"][0] < first


def test_initialize_predicts_without_training():
    model = build({"n_features_in_": 4, "n_classes_": 3})
    estimator = classifier(model=model).initialize(X, Y)
    np.testing.assert_allclose(
        estimator.predict_proba(X), model.predict(X, verbose=0), atol=1e-6
    )


def test_nan_loss_raises_and_a_search_records_it():
    grid = {"optimizer__learning_rate": [0.01, 1e30]}
    estimator = classifier(optimizer="sgd", epochs=4)
    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        estimator.set_params(optimizer__learning_rate=1e30).fit(X, Y)
    with pytest.warns(FitFailedWarning, match="Lower learning_rate"):
        search = GridSearchCV(estimator, grid, cv=2, error_score=-1.0).fit(X, Y)
    assert search.cv_results_["mean_test_score"][1] == -1.0
    assert search.best_params_ == {"optimizer__learning_rate": 0.01}


def test_a_failed_fit_leaves_the_estimator_as_it_was(fitted):
    estimator = copy.deepcopy(fitted)
    before = estimator.predict_proba(X)
    bad = X.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"row 3, column 2"):
        estimator.fit(bad, Y)
    estimator.set_params(optimizer="sgd", optimizer__learning_rate=1e30)
    with pytest.raises(FloatingPointError):
        estimator.fit(X, Y)
    np.testing.assert_array_equal(estimator.predict_proba(X), before)


def test_verbose_prints_a_line_an_epoch(capsys):
    classifier(verbose=1, epochs=2, metrics=["accuracy"]).fit(X, Y).predict(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2/2 - loss: ")
    assert "accuracy: " in lines[1]


# By day, tests/training/test_global_generators.py asks this of two threads.
@pytest.mark.nightly
def test_a_fit_does_not_depend_on_global_generators():
    keras.utils.set_random_seed(1)
    one = classifier(epochs=2, rate=0.3).fit(X, Y).predict_proba(X)
    keras.utils.set_random_seed(2)
    two = classifier(epochs=2, rate=0.3).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(one, two)
