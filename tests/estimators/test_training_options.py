"""Optimizers, schedules, regularisation, early stopping, class weights, streams."""

import copy

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.utils.class_weight import compute_class_weight

from skrec import CNNClassifier, MLPClassifier, MLPRegressor, RNNClassifier
from skrec.estimators import _prepared
from tests.night import by_day
from tests.plain import PLAIN, STEPS

X, Y = load_iris(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(len(Y))
X, Y = X[ORDER], Y[ORDER]
SMALL = {"units": 8, "epochs": 5, "learning_rate": 0.01, "random_state": 0}
QUICK = {**PLAIN, **SMALL, "number_embedding": None}
# CNN and RNN have no linear part, and so no `linear_start`.
FAMILIES = {
    MLPClassifier: QUICK,
    CNNClassifier: {**STEPS, **SMALL, "filters": 4},
    RNNClassifier: {**STEPS, **SMALL},
}
# An optimizer object brings its own rate, and so the estimator's has to be the default.
UNSET = {"learning_rate": MLPClassifier().learning_rate}
OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "adagrad"]


def probabilities(**params):
    return MLPClassifier(**{**QUICK, **params}).fit(X, Y).predict_proba(X)


def kernel_norm(estimator):
    return sum(
        np.abs(weight).sum() for weight in estimator._state.weights if weight.ndim > 1
    )


# ---- optimizers ----------------------------------------------------------------------


# By day, tests/training/test_program.py compares an epoch of the others with Keras's.
@pytest.mark.parametrize("optimizer", by_day(OPTIMIZERS, "sgd", "adam"))
def test_every_named_optimizer_learns(optimizer):
    rate = {"sgd": 0.3, "adagrad": 0.3, "rmsprop": 0.02}.get(optimizer, 0.05)
    own = {"epochs": 15, "optimizer": optimizer, "learning_rate": rate}
    clf = MLPClassifier(8, **{**PLAIN, **own}, random_state=0).fit(X, Y)
    assert clf.score(X, Y) > 0.9
    assert clf.history_["loss"][-1] < 0.6 * clf.history_["loss"][0]


@pytest.mark.parametrize(
    ("optimizer", "parameter", "value"),
    [
        ("sgd", "momentum", 0.8),
        ("momentum", "momentum", 0.5),
        pytest.param("nesterov", "momentum", 0.5, marks=pytest.mark.nightly),
        pytest.param("rmsprop", "rho", 0.5, marks=pytest.mark.nightly),
        ("adam", "beta_1", 0.3),
        ("adam", "beta_2", 0.5),
        ("adam", "epsilon", 0.1),
        ("adamw", "weight_decay", 0.9),
        pytest.param(
            "adagrad", "initial_accumulator_value", 5.0, marks=pytest.mark.nightly
        ),
    ],
)
def test_parameters_of_the_optimizer_have_an_effect(optimizer, parameter, value):
    plain = probabilities(optimizer=optimizer)
    tuned = probabilities(optimizer=optimizer, optimizer_params={parameter: value})
    assert np.abs(plain - tuned).max() > 1e-4


def test_parameters_of_the_optimizer_are_parameters_of_the_estimator():
    params = {"beta_1": 0.5}
    clf = MLPClassifier(optimizer_params=params)
    assert clf.get_params()["optimizer__beta_1"] == 0.5
    assert "optimizer__beta_1" not in clf.get_params(deep=False)
    clf.set_params(optimizer__beta_1=0.7, optimizer__beta_2=0.9)
    assert clf.optimizer_params == {"beta_1": 0.7, "beta_2": 0.9}
    assert params == {"beta_1": 0.5}
    copied = clone(clf)
    assert copied.get_params() == clf.get_params()
    copied.set_params(optimizer__beta_1=0.1)
    assert clf.optimizer_params["beta_1"] == 0.7
    assert (
        clf.set_params(optimizer_params=None).get_params()["optimizer_params"] is None
    )


def test_parameters_of_the_optimizer_can_be_searched():
    params = {"nesterov": True}
    clf = MLPClassifier(**QUICK, optimizer="sgd", optimizer_params=params)
    grid = {"optimizer__momentum": [0.0, 0.5, 0.95]}
    search = GridSearchCV(clf, grid, cv=3, scoring="neg_log_loss").fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    best = search.best_estimator_.optimizer_params
    assert best == {
        "nesterov": True,
        "momentum": search.best_params_["optimizer__momentum"],
    }
    assert params == {"nesterov": True}


@pytest.mark.parametrize(
    ("by_name", "other"),
    [
        ({"optimizer": "adam"}, {"optimizer": keras.optimizers.Adam}),
        ({"optimizer": "adam"}, {"optimizer": keras.optimizers.Adam(0.01)}),
        (
            {"optimizer": "momentum"},
            {"optimizer": keras.optimizers.SGD, "optimizer_params": {"momentum": 0.9}},
        ),
    ],
)
def test_a_class_or_an_object_is_the_same_optimizer(by_name, other):
    if isinstance(other["optimizer"], keras.optimizers.Optimizer):
        other = {**other, **UNSET}
        before = other["optimizer"].get_config()
    np.testing.assert_array_equal(probabilities(**by_name), probabilities(**other))
    if isinstance(other["optimizer"], keras.optimizers.Optimizer):
        assert other["optimizer"].get_config() == before
        assert not other["optimizer"].built


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Lion,
        pytest.param(
            keras.optimizers.Adam(0.01, amsgrad=True), marks=pytest.mark.nightly
        ),
    ],
)
def test_optimizers_without_a_fused_update_learn(optimizer):
    rate = {"learning_rate": 0.01} if isinstance(optimizer, type) else UNSET
    clf = MLPClassifier(**{**QUICK, "epochs": 20, "optimizer": optimizer, **rate})
    clf.fit(X, Y)
    assert clf.score(X, Y) > 0.9


def test_moving_averages_of_the_weights_take_their_place_at_the_end():
    def fit(**params):
        adam = keras.optimizers.Adam(0.05, **params)
        own = {**QUICK, **UNSET, "epochs": 4, "optimizer": adam}
        return MLPClassifier(**own).fit(X, Y)

    plain, averaged = fit(), fit(use_ema=True, ema_momentum=0.9)
    # The averages are not trained on, and do not change the losses.
    assert plain.history_["loss"] == pytest.approx(averaged.history_["loss"], rel=1e-4)
    iterations, _, *rest = averaged._state.optimizer
    n_weights = len(averaged._state.weights)
    for weight, average in zip(averaged._state.weights, rest[:n_weights], strict=True):
        np.testing.assert_array_equal(weight, average)
    assert iterations == 4 * 5
    difference = averaged.predict_proba(X) - plain.predict_proba(X)
    assert np.abs(difference).max() > 0.01


def test_moving_averages_are_found_in_a_memory_for_the_same_epochs(tmp_path):
    def fit(epochs, **params):
        adam = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9)
        own = {**QUICK, **UNSET, "epochs": epochs, "optimizer": adam}
        return MLPClassifier(**own, **params).fit(X, Y).predict_proba(X)

    fit(2, memory=tmp_path)
    np.testing.assert_array_equal(fit(4, memory=tmp_path), fit(4))
    np.testing.assert_array_equal(fit(2, memory=tmp_path), fit(2))


def test_what_is_excluded_from_weight_decay_does_not_decay():
    def norm(names):
        adamw = keras.optimizers.AdamW(0.01, weight_decay=20.0)
        adamw.exclude_from_weight_decay(var_names=names)
        own = {**QUICK, **UNSET, "epochs": 3, "optimizer": adamw}
        return kernel_norm(MLPClassifier(**own).fit(X, Y))

    assert norm(["kernel"]) > 3 * norm(["bias"])


def test_a_schedule_inside_an_optimizer_object_is_followed():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    inside = probabilities(optimizer=keras.optimizers.Adam(schedule), **UNSET)
    beside = probabilities(lr_schedule=schedule)
    np.testing.assert_allclose(inside, beside, atol=1e-5)
    assert np.abs(inside - probabilities()).max() > 1e-3


def test_two_schedules_are_one_too_many():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    clf = MLPClassifier(optimizer=keras.optimizers.Adam(schedule), lr_schedule="cosine")
    with pytest.raises(ValueError, match="lr_schedule"):
        clf.fit(X, Y)


# ---- schedules -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule",
    [
        "step",
        "exponential",
        "cosine",
        keras.optimizers.schedules.CosineDecay(0.02, 100),
        lambda epoch, rate: rate / (1 + epoch),
    ],
    ids=["step", "exponential", "cosine", "keras", "callable"],
)
def test_every_schedule_trains_and_differs_from_a_constant_rate(schedule):
    params = {"epochs": 12, "learning_rate": 0.02}
    clf = MLPClassifier(**{**QUICK, **params}, lr_schedule=schedule).fit(X, Y)
    assert clf.history_["loss"][-1] < 0.7 * clf.history_["loss"][0]
    constant = probabilities(**params)
    assert np.abs(clf.predict_proba(X) - constant).max() > 1e-3


def test_cosine_ends_at_rest_and_a_further_fit_moves_again():
    clf = MLPClassifier(**QUICK, lr_schedule="cosine", warm_start=True).fit(X, Y)
    before = [weight.copy() for weight in clf._state.weights]
    clf.fit(X, Y)
    moved = max(
        np.abs(a - b).max() for a, b in zip(before, clf._state.weights, strict=True)
    )
    assert moved > 1e-4


# ---- regularisation ------------------------------------------------------------------


@pytest.mark.parametrize("cls", by_day(FAMILIES, "MLPClassifier", "CNNClassifier"))
def test_dropout_acts_in_training_and_not_in_prediction(cls):
    plain = cls(**FAMILIES[cls]).fit(X, Y)
    dropped = cls(**{**FAMILIES[cls], "dropout": 0.5}).fit(X, Y)
    assert dropped.history_["loss"][-1] > plain.history_["loss"][-1]
    assert np.abs(plain.predict_proba(X) - dropped.predict_proba(X)).max() > 0.01
    np.testing.assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))


def test_clipping_bounds_each_step():
    # One full batch: no weight array may move further than rate * clipnorm.
    params = {"optimizer": "sgd", "learning_rate": 1.0, "batch_size": None, "epochs": 1}
    free = MLPClassifier(**{**QUICK, **params}).fit(X, Y)
    clipped = MLPClassifier(**{**QUICK, **params}, clipnorm=0.01).fit(X, Y)
    still = MLPClassifier(**{**QUICK, **params, "learning_rate": 1e-30}).fit(X, Y)
    moved_free, moved_clipped = (
        [
            np.linalg.norm(after - before)
            for after, before in zip(
                model._state.weights, still._state.weights, strict=True
            )
        ]
        for model in (free, clipped)
    )
    assert max(moved_free) > 0.05
    np.testing.assert_allclose(moved_clipped, 0.01, rtol=1e-3)


# By day, an epoch with them is that of Keras in tests/training/test_program.py.
@pytest.mark.nightly
def test_batch_norm_learns_moving_averages():
    clf = MLPClassifier(**{**QUICK, "epochs": 20}, batch_norm=True).fit(X, Y)
    assert clf.score(X, Y) > 0.9
    names = [weight.path.rpartition("/")[2] for weight in clf.model_.weights]
    assert names.count("moving_mean") == names.count("moving_variance") == 1
    variance = clf.model_.weights[names.index("moving_variance")].numpy()
    assert np.abs(variance - 1).min() > 0.1


# ---- early stopping ------------------------------------------------------------------


def test_early_stopping_keeps_the_best_epoch_of_an_inner_split():
    params = {**QUICK, "epochs": 200, "learning_rate": 0.1, "units": 32}
    stop = {"early_stopping": True, "n_iter_no_change": 4}
    clf = MLPClassifier(**{**params, **stop}).fit(X, Y)
    losses = clf.history_["val_loss"]
    assert clf.n_iter_ == len(losses) == len(clf.history_["loss"]) < 200
    assert np.argmin(losses) == len(losses) - 1 - 4


def test_the_final_model_has_the_lowest_validation_loss():
    X_train, X_val, y_train, y_val = train_test_split(X, Y, random_state=0)
    params = {**QUICK, "epochs": 200, "learning_rate": 0.1}
    params |= {"early_stopping": True, "n_iter_no_change": 3}
    clf = MLPClassifier(**params)
    clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    loss = log_loss(y_val, clf.predict_proba(X_val))
    assert loss == pytest.approx(min(clf.history_["val_loss"]), abs=1e-5)
    assert clf.n_iter_ < 200
    watched = MLPClassifier(
        **params,
        callbacks=keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ).fit(X_train, y_train, X_val=X_val, y_val=y_val)
    np.testing.assert_array_equal(watched.predict_proba(X), clf.predict_proba(X))


def test_validation_arrays_are_used_in_place_of_a_split():
    X_train, X_val, y_train, y_val = train_test_split(X, Y, random_state=0)
    plain = MLPClassifier(**QUICK).fit(X_train, y_train)
    scored = MLPClassifier(**QUICK).fit(X_train, y_train, X_val=X_val, y_val=y_val)
    assert "val_loss" not in plain.history_
    assert len(scored.history_["val_loss"]) == 5
    np.testing.assert_array_equal(scored.predict_proba(X), plain.predict_proba(X))
    assert scored.history_["val_loss"][-1] == pytest.approx(
        log_loss(y_val, scored.predict_proba(X_val)), abs=1e-5
    )


def test_the_validation_loss_is_the_log_loss_without_penalties():
    X_train, X_val, y_train, y_val = train_test_split(X, Y, random_state=0)
    model = MLPClassifier(**QUICK, l2=0.3, l1=0.1)
    model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    expected = log_loss(y_val, model.predict_proba(X_val))
    assert model.history_["val_loss"][-1] == pytest.approx(expected, abs=1e-5)
    assert model.history_["loss"][-1] > expected + 0.5


def test_the_inner_split_is_stratified(monkeypatch):
    y = np.where(np.arange(len(Y)) < 10, "rare", "common")
    seen, split = [], _prepared.split

    def spying(y, *args):
        train, held_out = split(y, *args)
        seen.append((y[held_out] == "rare").mean())
        return train, held_out

    monkeypatch.setattr(_prepared, "split", spying)
    own = {**QUICK, "early_stopping": True, "validation_fraction": 0.2}
    MLPClassifier(**own).fit(X, y)
    assert seen == [pytest.approx(2 / 30)]


@pytest.mark.nightly
def test_early_stopping_of_a_regressor():
    diabetes_X, diabetes_y = load_diabetes(return_X_y=True)
    own = {"units": 32, "epochs": 200, "learning_rate": 0.02, "early_stopping": True}
    model = MLPRegressor(**{**QUICK, **own}, n_iter_no_change=3)
    model.fit(diabetes_X, diabetes_y)
    assert model.n_iter_ < 200
    assert model.score(diabetes_X, diabetes_y) > 0.4


# ---- class weights -------------------------------------------------------------------


@pytest.mark.parametrize("labels", [np.array([0, 1, 2]), np.array(["a", "b", "c"])])
@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 2, 60)])
def test_class_weights_are_sample_weights(labels, sample_weight):
    kept = np.concatenate(
        [np.flatnonzero(k == Y)[:n] for k, n in enumerate((40, 15, 5))]
    )
    X_kept, y = X[kept], labels[Y[kept]]
    as_dict = dict(zip(labels.tolist(), (0.5, 1.0, 4.0), strict=True))
    outputs = {}
    for name, class_weight in [
        ("none", None),
        ("balanced", "balanced"),
        ("dict", as_dict),
    ]:
        clf = MLPClassifier(**QUICK, class_weight=class_weight)
        outputs[name] = clf.fit(X_kept, y, sample_weight).predict_proba(X)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        if class_weight is not None:
            classes, codes = np.unique(y, return_inverse=True)
            weight = (
                weight
                * compute_class_weight(
                    class_weight, classes=classes, y=y, sample_weight=weight
                )[codes]
            )
        same = MLPClassifier(**QUICK).fit(X_kept, y, weight).predict_proba(X)
        np.testing.assert_allclose(outputs[name], same, atol=1e-6)
    assert np.abs(outputs["none"] - outputs["balanced"]).max() > 0.01
    assert np.abs(outputs["none"] - outputs["dict"]).max() > 0.01


def test_rows_of_weight_zero_balance_nothing():
    weight = np.random.default_rng(0).integers(0, 2, len(Y)).astype(float)
    weight[Y == 1] = np.arange((Y == 1).sum()) < 5
    clf = MLPClassifier(**QUICK, class_weight="balanced")
    weighted = clf.fit(X, Y, weight).predict_proba(X)
    kept = clf.fit(X[weight > 0], Y[weight > 0]).predict_proba(X)
    np.testing.assert_array_equal(weighted, kept)


def test_a_class_of_weight_zero_is_not_learnt_but_known():
    clf = MLPClassifier(**{**QUICK, "epochs": 30}, class_weight={0: 0.0})
    clf.fit(X, Y)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert 0 not in clf.predict(X[Y > 0])


# ---- streams and warm starts ---------------------------------------------------------


def test_a_stream_of_parts_is_learnt():
    clf = MLPClassifier(**{**QUICK, "learning_rate": 0.02})
    for _ in range(10):
        for start in range(0, 150, 30):
            rows = slice(start, start + 30)
            clf.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert clf.n_iter_ == len(clf.history_["loss"]) == 50
    assert clf.score(X, Y) > 0.9


def test_classes_may_come_later_if_they_were_announced():
    first, later = Y < 2, Y == 2
    clf = MLPClassifier(8, random_state=0).partial_fit(
        X[first], Y[first], classes=[0, 1, 2]
    )
    assert clf.predict_proba(X).shape == (150, 3)
    clf.partial_fit(X[later], Y[later])
    unannounced = MLPClassifier(8).partial_fit(X[first], Y[first])
    with pytest.raises(ValueError, match=r"classes \[2\] that were not given before"):
        unannounced.partial_fit(X[later], Y[later])
    with pytest.raises(ValueError, match=r"first call.*\[0, 1\].*\[0, 1, 2\]"):
        unannounced.partial_fit(X[later], Y[later], classes=[0, 1, 2])


def test_a_part_of_a_stream_may_lack_a_weighted_class():
    clf = MLPClassifier(8, class_weight={0: 2.0}, random_state=0)
    clf.partial_fit(X[Y > 0], Y[Y > 0], classes=[0, 1, 2])
    assert clf.n_iter_ == 1


def test_balanced_weights_are_refused_for_streams():
    with pytest.raises(ValueError, match="'balanced' is not defined for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y)


# By day, `test_a_stream_of_parts_is_learnt` learns from one.
@pytest.mark.nightly
def test_a_regressor_follows_a_stream_that_drifts():
    model = MLPRegressor(**{**QUICK, "units": 16, "learning_rate": 0.02})
    rng = np.random.default_rng(0)
    for shift in np.linspace(0, 50, 60):
        part = rng.normal(loc=shift, size=(64, 3))
        model.partial_fit(part, 10 * part.sum(axis=1))
    test = rng.normal(loc=50, size=(200, 3))
    assert model.score(test, 10 * test.sum(axis=1)) > 0.0
    error = np.abs(model.predict(test) - 10 * test.sum(axis=1)).mean()
    assert error < 0.05 * 1500


def test_partial_fit_continues_a_fit():
    whole = MLPClassifier(**{**QUICK, "epochs": 3}).fit(X, Y)
    parts = MLPClassifier(**{**QUICK, "epochs": 2}).fit(X, Y).partial_fit(X, Y)
    assert parts.n_iter_ == whole.n_iter_ == 3
    np.testing.assert_allclose(
        parts.predict_proba(X), whole.predict_proba(X), atol=1e-6
    )
    assert parts.history_["loss"] == pytest.approx(whole.history_["loss"], abs=1e-6)


def test_warm_start_continues_and_a_cold_start_begins_again():
    whole = MLPClassifier(**{**QUICK, "epochs": 6}).fit(X, Y)
    warm = MLPClassifier(**{**QUICK, "epochs": 3}, warm_start=True).fit(X, Y).fit(X, Y)
    cold = MLPClassifier(**{**QUICK, "epochs": 3}).fit(X, Y)
    once = cold.predict_proba(X)
    np.testing.assert_allclose(warm.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    assert warm.n_iter_ == 6
    np.testing.assert_array_equal(cold.fit(X, Y).predict_proba(X), once)
    assert cold.n_iter_ == len(cold.history_["loss"]) == 3


@pytest.mark.parametrize(
    "change", [{"optimizer": "momentum"}, {"dropout": 0.3}], ids=str
)
def test_a_warm_start_may_change_how_it_trains(change):
    clf = MLPClassifier(**QUICK, warm_start=True).fit(X, Y)
    loss = clf.history_["loss"][-1]
    clf.set_params(**change).fit(X, Y)
    assert clf.n_iter_ == 10
    assert clf.history_["loss"][-1] < 1.2 * loss


def test_a_warm_start_with_other_sizes_says_what_to_do():
    clf = MLPClassifier(**QUICK, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="warm_start"):
        clf.set_params(units=9).fit(X, Y)


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_what_was_learnt_of_x_cannot_change_on_the_way(way):
    clf = MLPClassifier(**{**QUICK, "epochs": 1}, warm_start=True).fit(X, Y)
    before = clf.predict_proba(X)
    clf.set_params(standardize="standard")
    with pytest.raises(ValueError, match=r"back to True.*standardize='standard'"):
        getattr(clf, way)(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    assert clf.set_params(standardize=True).fit(X, Y).n_iter_ == 2
    clf.set_params(warm_start=False, standardize="standard").fit(X, Y)
    assert not np.allclose(clf.predict_proba(X), before)


# ---- callbacks and output ------------------------------------------------------------


def test_callbacks_of_keras_act_on_the_estimator():
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10.0, patience=2)
    clf = MLPClassifier(**{**QUICK, "epochs": 50}, callbacks=[stop]).fit(X, Y)
    assert clf.n_iter_ == 3
    frozen = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.0)
    clf = MLPClassifier(**QUICK, callbacks=frozen).fit(X, Y)
    assert np.ptp(clf.history_["loss"]) < 1e-6


# By day, test_loop.py compares both ways with dropout.
@pytest.mark.nightly
def test_a_callback_between_batches_gives_the_same_with_dropout():
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    params = {"dropout": 0.3, "lr_schedule": "cosine", "clipnorm": 0.5, "l2": 0.01}
    params = {**QUICK, **params}
    batchwise = MLPClassifier(**params, callbacks=[Count()]).fit(X, Y)
    assert len(seen) == 5 * 5
    plain = MLPClassifier(**params).fit(X, Y)
    np.testing.assert_allclose(
        batchwise.predict_proba(X), plain.predict_proba(X), atol=1e-5
    )
    assert batchwise.history_["loss"] == pytest.approx(plain.history_["loss"], abs=1e-5)


def test_verbose_prints_a_line_an_epoch(capfd):
    clf = MLPClassifier(**QUICK, verbose=1).fit(X, Y)
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[4] == f"Epoch 5/5 - loss: {clf.history_['loss'][4]:.4f}"
    MLPClassifier(**QUICK).fit(X, Y).predict(X)
    silent = capfd.readouterr()
    assert (silent.out, silent.err) == ("", "")


@pytest.mark.parametrize(
    "precision",
    by_day(["float64", "mixed_float16", "mixed_bfloat16"], "float64", "mixed_float16"),
)
@pytest.mark.parametrize("cls", by_day(FAMILIES, "MLPClassifier"))
def test_every_precision_learns(cls, precision):
    own = {"epochs": 20, "learning_rate": 0.03, "precision": precision}
    clf = cls(**{**FAMILIES[cls], **own})
    assert clf.fit(X, Y).score(X, Y) > 0.9


def test_a_full_batch_is_one_step_and_larger_batches_are_full():
    full = probabilities(batch_size=None)
    np.testing.assert_array_equal(probabilities(batch_size=150), full)
    np.testing.assert_array_equal(probabilities(batch_size=10_000), full)
    assert np.abs(probabilities(batch_size=50) - full).max() > 1e-3


def test_fitting_does_not_change_the_parameters():
    params = {
        "optimizer_params": {"beta_1": 0.8},
        "class_weight": {0: 2.0},
        "units": [8, 4],
    }
    before = copy.deepcopy(params)
    clf = MLPClassifier(**{**QUICK, **params}).fit(X, Y)
    assert params == before
    assert {name: clf.get_params()[name] for name in params} == before


def test_targets_keep_the_scale_of_the_first_fit():
    numbers = 200 * X[:, 0] + 500
    own = {**QUICK, "standardize": False, "epochs": 30}
    reg = MLPRegressor(**own).fit(X, numbers)
    before = reg.predict(X)
    reg.set_params(standardize=True, learning_rate=1e-9)
    with pytest.raises(ValueError, match="back to False"):
        reg.partial_fit(X, numbers)
    np.testing.assert_allclose(reg.predict(X), before, rtol=1e-3)
    reg.set_params(standardize=False).partial_fit(X, numbers)
    np.testing.assert_allclose(reg.predict(X), before, rtol=1e-3)


def test_a_subclass_may_take_fewer_parameters():
    class Fewer(MLPClassifier):
        def __init__(self, units=8, epochs=2):
            super().__init__(units, epochs=epochs)

    search = GridSearchCV(Fewer(), {"units": [4, 8]}, cv=2, error_score="raise")
    search.fit(X, Y)
    assert search.best_estimator_.get_params() == {
        "units": search.best_params_["units"],
        "epochs": 2,
    }
