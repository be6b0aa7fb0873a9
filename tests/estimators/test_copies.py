"""A parameter is never trained or changed by fit."""

import copy
import inspect
import pickle
import threading

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from skrec import KerasClassifier, KerasRegressor, MLPClassifier
from skrec.training.copies import fresh
from tests.estimators.generic_models import CROSS_ENTROPY, X, Y, build
from tests.night import by_day

OPTIMIZERS = [
    kind
    for name, kind in sorted(vars(keras.optimizers).items())
    if isinstance(kind, type)
    and issubclass(kind, keras.optimizers.Optimizer)
    and "optimizer_map" not in inspect.signature(kind).parameters
    and kind not in (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
]


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Known to nobody: neither registered nor with a configuration."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate / (1.0 + keras.ops.cast(step, "float32"))


class OwnLoss(keras.losses.Loss):
    def __init__(self, factor=1.0):
        super().__init__(name="own")
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.losses.sparse_categorical_crossentropy(
            y_true, y_pred
        )


class OwnMetric(keras.metrics.Metric):
    def __init__(self, name="rows", **kwargs):
        super().__init__(name=name, **kwargs)
        self.rows = self.add_variable((), "zeros", name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.rows.assign_add(keras.ops.cast(keras.ops.shape(y_pred)[0], "float32"))

    def result(self):
        return self.rows


def through_pickle(optimizer):
    estimator = KerasClassifier(build, optimizer=optimizer)
    return pickle.loads(pickle.dumps(estimator)).optimizer


def path_of(optimizer):
    """Where three steps lead, whose gradients are the values themselves."""
    variables = [keras.Variable(np.full((2, 3), 0.5), dtype="float32", name="kernel")]
    optimizer.build(variables)
    for _ in range(3):
        optimizer.apply([keras.ops.copy(variable) for variable in variables])
    return np.asarray(variables[0])


# ---- optimizers ----------------------------------------------------------------------


@pytest.mark.parametrize("copied", [fresh, through_pickle], ids=["fresh", "pickle"])
@pytest.mark.parametrize(
    "make",
    [
        *OPTIMIZERS,
        lambda: keras.optimizers.SGD(OwnSchedule(0.5), momentum=0.9),
        lambda: keras.optimizers.AdamW(use_ema=True, gradient_accumulation_steps=2),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Nadam(0.1)),
    ],
)
def test_copies_of_an_optimizer_train_as_it_would(make, copied):
    optimizer = make()
    copies = [copied(optimizer), copied(optimizer)]
    expected = path_of(optimizer)
    assert np.abs(expected - 0.5).max() > 0
    if copied is fresh:
        copies.append(copied(optimizer))  # by now it has been trained
    for other in copies:
        assert type(other) is type(optimizer)
        assert not other.built
        np.testing.assert_allclose(path_of(other), expected, rtol=1e-6)
        assert len(other.variables) == len(optimizer.variables)


def test_copies_keep_what_a_configuration_forgets():
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    optimizer.note = {"mine": [1]}
    copied = fresh(optimizer)
    assert copied._exclude_from_weight_decay_pattern.pattern == "kernel"
    assert copied.note == {"mine": [1]}
    assert copied.note is not optimizer.note
    assert not hasattr(
        keras.optimizers.AdamW.from_config(optimizer.get_config()), "note"
    )


@pytest.mark.parametrize("compiled", by_day([False, True], "True"))
def test_an_optimizer_object_is_never_trained(compiled):
    shared = keras.optimizers.Adam(0.02)

    def network(meta):
        model = build(meta)
        if compiled:
            model.compile(shared, CROSS_ENTROPY)
        return model

    slower = keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, min_delta=10)
    slower.patience = 1
    params = {} if compiled else {"optimizer": shared, "loss": CROSS_ENTROPY}
    clf = KerasClassifier(
        network, **params, callbacks=[slower], epochs=4, verbose=0, random_state=0
    )
    before = cross_val_score(clf, X, Y, cv=3)
    first, second = (clf.fit(X, Y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(cross_val_score(clf, X, Y, cv=3), before)
    assert int(shared.iterations) == 0
    assert not shared.built
    assert float(shared.learning_rate) == pytest.approx(0.02)
    assert float(clf.model_.optimizer.learning_rate) < 0.01


def test_a_prebuilt_models_own_optimizer_goes_on():
    model = build({"n_features_in_": 4, "n_classes_": 3})
    model.compile(keras.optimizers.Adam(0.01), CROSS_ENTROPY)
    model.fit(X, Y, epochs=1, verbose=0)
    clf = KerasClassifier(lambda: model, epochs=1, verbose=0).fit(X, Y)
    assert clf.model_ is model
    assert int(model.optimizer.iterations) == 10


# ---- losses and metrics --------------------------------------------------------------


@pytest.mark.nightly
def test_losses_and_metrics_of_the_users_own_are_cloned_pickled_and_copied():
    loss, metric = OwnLoss(2.0), OwnMetric()
    clf = KerasClassifier(
        build, loss=loss, metrics=[metric], epochs=1, verbose=0, random_state=0
    )
    for other in (clone(clf), pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
        assert type(other.loss) is OwnLoss
        assert other.loss is not loss
        assert other.loss.factor == 2.0
        assert type(other.metrics[0]) is OwnMetric
        assert other.metrics[0] is not metric
    clf.fit(X, Y)
    assert clf.history_["rows"][-1] == len(X)
    assert float(metric.result()) == 0.0
    again = pickle.loads(pickle.dumps(clf)).partial_fit(X, Y)
    assert again.history_["rows"] == [len(X), len(X)]
    # The scorer takes the fitted estimator along.
    assert cross_val_score(clf, X, Y, cv=3, n_jobs=2).shape == (3,)


@pytest.mark.parametrize(
    "metric",
    [
        keras.metrics.AUC(),
        keras.metrics.F1Score(),
        keras.metrics.MeanIoU(2),
        keras.metrics.Precision(),
        keras.metrics.MeanMetricWrapper(keras.losses.hinge, name="mine"),
    ],
    ids=lambda metric: metric.name,
)
def test_copies_of_a_metric_measure_the_same_and_nothing_together(metric):
    y_true = np.array([[0.0], [1.0], [1.0]])
    y_pred = np.array([[0.2], [0.7], [0.4]])
    copied = fresh(metric)
    copied.update_state(y_true, y_pred)
    metric.update_state(y_true, y_pred)
    np.testing.assert_allclose(copied.result(), metric.result())
    copied.reset_state()
    assert sum(float(np.sum(v)) for v in copied.variables) == 0.0
    assert sum(float(np.sum(v)) for v in metric.variables) > 0.0


# ---- callbacks -----------------------------------------------------------------------


def generic(callbacks):
    return KerasClassifier(
        build, loss=CROSS_ENTROPY, callbacks=callbacks, epochs=3, verbose=0
    )


def named(callbacks):
    return MLPClassifier(4, epochs=3, callbacks=callbacks, random_state=0)


@pytest.mark.parametrize("make", [generic, named])
def test_callbacks_are_copied_for_each_fit(make, tmp_path):
    stop = keras.callbacks.EarlyStopping("loss", restore_best_weights=True)
    clf = make([stop])
    size = len(pickle.dumps(clone(clf)))
    clf.fit(X, Y)
    assert len(pickle.dumps(clone(clf))) == size
    assert stop.model is None
    (ran,) = clf.callbacks_
    assert ran is not stop
    assert ran.best_epoch == 2

    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    clf = make([log]).fit(X, Y)
    assert (tmp_path / "log.csv").read_text().count("\n") == 4
    assert pickle.loads(pickle.dumps(clf)).predict(X).shape == Y.shape
    assert cross_val_score(clf, X, Y, cv=2).shape == (2,)


@pytest.mark.nightly
@pytest.mark.parametrize("make", [generic, named])
def test_a_fit_that_goes_on_keeps_its_callbacks(make, tmp_path):
    path = str(tmp_path / "{epoch}.weights.h5")
    best = keras.callbacks.ModelCheckpoint(
        path, "loss", save_weights_only=True, save_best_only=True
    )
    clf = make([best]).fit(X, Y)
    (ran,) = clf.callbacks_
    assert clf.partial_fit(X, Y).callbacks_ == [ran]
    assert clf.fit(X, Y).callbacks_ != [ran]


def test_what_cannot_be_copied_is_shared():
    class Locked(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.lock, self.epochs = threading.Lock(), []
            self.note = self.append

        def append(self, epoch):
            self.epochs.append(epoch)

        def on_epoch_end(self, epoch, logs=None):
            with self.lock:
                self.note(epoch)

    callback = Locked()
    clf = generic([callback, callback]).fit(X, Y)
    assert callback.epochs == []
    one, two = clf.callbacks_
    assert one is two
    assert one.lock is callback.lock
    assert one.epochs == [0, 0, 1, 1, 2, 2]


@pytest.mark.nightly
def test_a_checkpoint_of_a_named_model_is_what_model_is(tmp_path):
    path = str(tmp_path / "best.keras")
    save = keras.callbacks.ModelCheckpoint(path, "loss", save_best_only=True)
    shifted = X * 3 + 5
    own = {"epochs": 3, "early_stopping": False, "random_state": 0}
    clf = MLPClassifier(8, callbacks=[save], **own).fit(shifted, Y)
    saved = keras.models.load_model(path)
    np.testing.assert_allclose(
        saved.predict(shifted, verbose=0), clf.predict_proba(shifted), atol=1e-5
    )
    plain = MLPClassifier(8, **own).fit(shifted, Y)
    np.testing.assert_allclose(
        clf.predict_proba(shifted), plain.predict_proba(shifted), atol=1e-5
    )


def pickled(estimator):
    return pickle.loads(pickle.dumps(estimator))


@pytest.mark.parametrize("how", [copy.deepcopy, pickled, clone])
@pytest.mark.parametrize("what", ["loss", "optimizer", "metric"])
def test_what_keras_forgets_of_a_compiled_model_is_copied(what, how):
    def compiled():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        for variable in model.weights:
            variable.assign(keras.ops.full_like(variable, 0.5))
        optimizer = keras.optimizers.SGD(0.01, weight_decay=0.5)
        loss = keras.losses.Huber(delta=0.1 if what == "loss" else 1.0)
        if what == "optimizer":
            optimizer.exclude_from_weight_decay(var_names=["kernel"])
        forgetful = OwnMetric()
        forgetful.unit = "rows"
        model.compile(optimizer, loss, metrics=[forgetful] * (what == "metric"))
        return model

    target, settings = X[:, 0], {"epochs": 2, "batch_size": 50, "verbose": 0}
    expected = compiled().fit(X, target, shuffle=False, **settings).history
    reg = KerasRegressor(compiled(), random_state=0, shuffle=False, **settings)
    reg = how(reg).fit(X, target)
    for name, values in expected.items():
        np.testing.assert_allclose(reg.history_[name], values, rtol=1e-5)
    on = reg.partial_fit(X, target).history_["loss"][-1]
    copied = copy.deepcopy(
        KerasRegressor(compiled(), shuffle=False, **settings).fit(X, target)
    )
    assert copied.partial_fit(X, target).history_["loss"][-1] == pytest.approx(on, 1e-5)


class Own(keras.Model):
    """Keras knows it from nowhere but from its arguments."""

    def __init__(self, units=1, **kwargs):
        super().__init__(**kwargs)
        self.units, self.last = units, keras.layers.Dense(units)

    def call(self, x):
        return self.last(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Forgetful(Own):
    def __init__(self, units):
        super().__init__(units)

    def get_config(self):
        raise NotImplementedError("override get_config()")


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickled, clone])
@pytest.mark.parametrize("kind", ["waiting for data", "own class"])
def test_a_prebuilt_model_is_trained_as_a_copy_of_it(kind, how):
    if kind == "own class":
        model = Own()
        model(X[:1])
    else:
        model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones")])
    settings = {"loss": "mse", "optimizer": "sgd", "verbose": 0, "shuffle": False}
    before = [np.asarray(weight) for weight in model.weights]
    reg = how(KerasRegressor(model, random_state=0, batch_size=50, **settings))
    losses = reg.fit(X, X[:, 0]).history_["loss"]
    assert losses == clone(reg).fit(X, X[:, 0]).history_["loss"]
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    if before:  # then plain Keras starts from the same
        model.compile("sgd", "mse")
        expected = model.fit(X, X[:, 0], batch_size=50, shuffle=False, verbose=0)
        assert losses == pytest.approx(expected.history["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("model", "message"), [(Own(), "Call it on some rows"), (Forgetful(1), "function")]
)
def test_a_prebuilt_model_that_no_copy_can_be_compared_with(model, message):
    reg = KerasRegressor(model, loss="mse", verbose=0)
    with pytest.raises(ValueError, match=message):
        reg.fit(X, X[:, 0])
