"""Code of the user's own: what a stored fit, or a shared program, knows it by."""

import collections
import copy
import enum
import os
import pathlib
import pickle
import sys
import types
from typing import NamedTuple

import keras
import numpy as np
import pytest

from skrec import KerasRegressor, MLPClassifier
from skrec.training import cache_clear, cache_info, memory, memory_info
from tests.night import by_day

ops, L = keras.ops, keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = X[:, 0]


@pytest.fixture(autouse=True)
def warnings_come_again(monkeypatch):
    monkeypatch.setattr(memory, "_warned", set())


@pytest.fixture
def own():
    """A module of the user's own, whose variables are changed between fits."""
    module = types.ModuleType("own_settings")
    sys.modules["own_settings"] = module
    module.RATE = 1.0
    yield module
    del sys.modules["own_settings"]


def network():
    return keras.Sequential([keras.Input((4,)), L.Dense(1)])


def losses(folder=None, model=network, **params):
    """Return the losses of a fit, whose model starts from the same weights."""
    defaults = {"loss": "mse", "optimizer": "sgd", "epochs": 2, "verbose": 0}
    reg = KerasRegressor(model, random_state=0, memory=folder, **{**defaults, **params})
    return reg.fit(X, Y).history_["loss"]


class Scaled(keras.losses.Loss):
    """Its configuration forgets the scale."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def call(self, y, p):
        return self.scale * ops.mean(ops.square(y - p), -1)


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    """It has no configuration at all."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate / (1.0 + ops.cast(step, "float32"))


class Twice(L.Layer):
    """Its configuration forgets the factor."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return super().get_config()


def doubled(factor):
    return keras.Sequential([keras.Input((4,)), Twice(factor), L.Dense(1)])


CASES = {
    "attribute of a module": lambda own, v: {"loss": _loss_of_module(own, v)},
    "object without configuration": lambda own, v: {"loss": Scaled(v)},
    "closure": lambda own, v: {"loss": _loss_of_closure(v)},
    "schedule without configuration": lambda own, v: {
        "optimizer": keras.optimizers.SGD(Falling(v / 50))
    },
    "layer": lambda own, v: {"model": lambda: doubled(v)},
}


def _loss_of_module(own, value):
    own.RATE = value
    names = {"ops": ops, "own_settings": own}
    exec("def loss(y, p): return own_settings.RATE * ops.mean((y - p) ** 2, -1)", names)
    return names["loss"]


def _loss_of_closure(value):
    def loss(y, p, *, power=2):
        return value * ops.mean(ops.abs(y - p) ** power, -1)

    return loss


@pytest.mark.parametrize(
    "name", by_day(CASES, "attribute of a module", "closure", "layer")
)
def test_a_stored_fit_is_that_of_the_same_code(name, tmp_path, own):
    make = CASES[name]
    first = losses(tmp_path, **make(own, 1.0))
    other = losses(tmp_path, **make(own, 3.0))
    assert memory_info(tmp_path).n_fits == 2
    assert other == losses(**make(own, 3.0)) != first
    cache_clear()
    assert losses(tmp_path, **make(own, 1.0)) == first
    assert cache_info().traces == 0
    assert memory_info(tmp_path).n_fits == 2


@pytest.mark.parametrize(
    "line",
    [
        "float(os.environ['OWN_SCALE'])",
        "float(os.getenv('OWN_SCALE'))",
        "getattr(own_settings, 'RA' + 'TE')",
        "float(open(own_settings.PATH).read())",
        "np.random.rand()",
        "(time.time() > 0)",
    ],
)
def test_what_reads_the_world_is_not_stored_and_that_is_said_once(
    line, tmp_path, own, monkeypatch
):
    import time

    monkeypatch.setenv("OWN_SCALE", "2")
    own.PATH = tmp_path / "scale"
    own.PATH.write_text("2")
    names = {"ops": ops, "own_settings": own, "os": os, "np": np, "time": time}
    exec(f"def loss(y, p): return {line} * ops.mean((y - p) ** 2, -1)", names)
    with pytest.warns(UserWarning, match="not stored") as seen:
        losses(tmp_path / "fits", loss=names["loss"])
        losses(tmp_path / "fits", loss=names["loss"])
    assert len([w for w in seen if "not stored" in str(w.message)]) == 1
    assert memory_info(tmp_path / "fits").n_fits == 0


def test_a_program_is_dropped_where_a_function_that_it_traced_has_changed():
    names = {"ops": ops, "SCALE": 1.0}
    exec("def loss(y, p): return SCALE * ops.mean((y - p) ** 2, -1)", names)
    cache_clear()
    one = losses(loss=names["loss"])
    assert losses(loss=names["loss"]) == one
    assert cache_info().traces == 1
    names["SCALE"] = 2.0
    np.testing.assert_allclose(losses(loss=names["loss"])[0] / one[0], 2, atol=0.3)
    assert cache_info().traces == 2


class Subclass(MLPClassifier):
    """One of the user's own."""

    def predict(self, X):
        return super().predict(X)


def test_a_subclass_of_a_named_model_is_stored(tmp_path):
    params = {"units": 4, "epochs": 2, "random_state": 0, "memory": tmp_path}
    first = Subclass(**params).fit(X, Y > 0).history_["loss"]
    cache_clear()
    assert Subclass(**params).fit(X, Y > 0).history_["loss"] == first
    assert cache_info().traces == 0
    MLPClassifier(**params).fit(X, Y > 0)
    assert memory_info(tmp_path).n_fits == 2


def test_a_schedule_of_a_named_model_counts_by_what_it_reads(tmp_path, own):
    exec("def schedule(epoch, rate): return rate * own_settings.RATE", vars(own))
    vars(own)["own_settings"] = own

    def fit(rate, **params):
        own.RATE = rate
        defaults = {"units": 4, "epochs": 2, "random_state": 0}
        clf = MLPClassifier(**defaults, lr_schedule=own.schedule, **params)
        return clf.fit(X, Y > 0).history_["loss"]

    assert fit(1.0, memory=tmp_path) != fit(9.0, memory=tmp_path) == fit(9.0)
    assert memory_info(tmp_path).n_fits == 2


def test_an_optimizer_of_the_users_own_without_configuration(tmp_path):
    class Slow(keras.optimizers.SGD):
        def __init__(self, factor):
            super().__init__(0.1)
            self.factor = factor

        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate * self.factor)

        def get_config(self):
            return {}

    named = [
        MLPClassifier(
            4, epochs=2, random_state=0, optimizer=Slow(factor), memory=folder
        )
        for factor in (0.1, 1.0)
        for folder in (None, tmp_path)
    ]
    found = [clf.fit(X, Y > 0).history_["loss"][-1] for clf in named]
    assert found[0] == found[1] != found[2] == found[3]
    assert memory_info(tmp_path).n_fits == 2


# ---- what hides a value --------------------------------------------------------------


class Weights(NamedTuple):
    weight: float = 1.0

    def of(self, loss):
        return self.weight * loss


class Heavy(NamedTuple):
    weight: float = 1.0

    def of(self, loss):
        return 3 * self.weight * loss


class Light(enum.StrEnum):
    KIND = "kind"

    @property
    def scale(self):
        return 1.0


class Strong(enum.StrEnum):
    KIND = "kind"

    @property
    def scale(self):
        return 3.0


class Number(float):
    """A number with an attribute."""


def numbered(scale):
    number = Number(1.0)
    number.scale = scale
    return number


def squared(y, p):
    return ops.mean(ops.square(y - p), -1)


def loss_of(holder, read):
    def loss(y, p):
        return read(holder, squared(y, p))

    return loss


def loss_of_default(own, value):
    own.RATE = value

    def loss(y, p, settings=own):
        return settings.RATE * squared(y, p)

    return loss


HIDDEN = {
    "module as a default": loss_of_default,
    "named tuple": lambda own, v: loss_of(
        (Weights if v == 1 else Heavy)(), lambda held, loss: held.of(loss)
    ),
    "enumeration": lambda own, v: loss_of(
        (Light if v == 1 else Strong).KIND, lambda held, loss: held.scale * loss
    ),
    "number with an attribute": lambda own, v: loss_of(
        numbered(v), lambda held, loss: held.scale * loss
    ),
    "order of a dict": lambda own, v: loss_of(
        {"a": 1.0, "b": 3.0} if v == 1 else {"b": 3.0, "a": 1.0},
        lambda held, loss: next(iter(held.values())) * loss,
    ),
    "default of a dict": lambda own, v: loss_of(
        collections.defaultdict(lambda: v), lambda held, loss: held["x"] * loss
    ),
    "mask of an array": lambda own, v: loss_of(
        np.ma.array([1.0, 3.0], mask=[v != 1, v == 1]),
        lambda held, loss: float(held.sum()) * loss,
    ),
    "class of a class": lambda own, v: loss_of(
        type("Meta", (type,), {"scale": v})("Own", (), {}),
        lambda held, loss: held.scale * loss,
    ),
}


@pytest.mark.parametrize(
    "name", by_day(HIDDEN, "class of a class", "mask of an array", "named tuple")
)
@pytest.mark.filterwarnings("ignore:This fit is not stored")
def test_two_losses_are_two_however_well_the_difference_hides(name, own, tmp_path):
    cache_clear()
    one, three = (
        losses(tmp_path, loss=HIDDEN[name](own, value))[0] for value in (1.0, 3.0)
    )
    np.testing.assert_allclose(three / one, 3, atol=0.4)


def test_a_file_that_a_loss_reads_is_read_again(tmp_path):
    path = tmp_path / "scale"

    def loss(y, p):
        return float(pathlib.Path(path).read_text()) * squared(y, p)

    found = []
    for value in ("1", "3"):
        path.write_text(value)
        found.append(losses(loss=loss)[0])
    np.testing.assert_allclose(found[1] / found[0], 3, atol=0.4)


def test_the_small_number_of_keras_is_part_of_what_is_shared(tmp_path):
    before = keras.config.epsilon()
    named = MLPClassifier(4, epochs=2, random_state=0, memory=tmp_path)
    found = []
    try:
        for epsilon in (before, 0.3):
            keras.config.set_epsilon(epsilon)
            of_named = named.fit(X, Y > 0).history_["loss"]
            found.append((losses(tmp_path, loss="mape"), of_named))
    finally:
        keras.config.set_epsilon(before)
    assert found[0][0][0] > 2 * found[1][0][0]
    assert memory_info(tmp_path).n_fits == 4


def test_an_ellipsis_is_a_constant_like_any_other():
    cache_clear()
    for _ in range(2):
        losses(loss=lambda y, p: squared(y[..., 0:1], p[..., 0:1]))
    assert cache_info().traces == 1


# ---- objects of Keras's own ----------------------------------------------------------


@pytest.mark.parametrize("how", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_an_optimizer_that_scales_the_loss_goes_on(how):
    adam = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.05))
    params = {"loss": "mse", "optimizer": adam, "verbose": 0, "random_state": 0}
    reg = KerasRegressor(network, **params).partial_fit(X, Y)
    reg = how(reg).partial_fit(X, Y)
    twice = KerasRegressor(network, epochs=2, **params).fit(X, Y)
    np.testing.assert_allclose(reg.predict(X), twice.predict(X), atol=1e-6)


@pytest.mark.parametrize("kind", ["recurrent", "discretized"])
def test_prebuilt_models_that_have_been_used_are_copied(kind):
    steps = np.repeat(X[:, :, None], 2, axis=2)
    if kind == "recurrent":
        layers = [keras.Input((4, 2)), L.GRU(3), L.Dense(1)]
    else:
        bins = L.Discretization(num_bins=4)
        bins.adapt(steps)
        layers = [keras.Input((4, 2)), bins, L.Rescaling(1.0), L.Flatten(), L.Dense(1)]
    model = keras.Sequential(layers)
    expected = model.predict(steps, verbose=0)[:, 0]
    reg = KerasRegressor(model, loss="mse", verbose=0).initialize(steps, Y)
    np.testing.assert_allclose(reg.predict(steps), expected, atol=1e-6)
    assert np.isfinite(reg.fit(steps, Y).predict(steps)).all()


def test_a_callback_that_freezes_a_layer_is_no_silent_failure():
    class Freeze(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.layers[0].trainable = False

    with pytest.raises(ValueError, match=r"trainable.*on_train_batch_begin"):
        losses(callbacks=[Freeze()])


def test_a_callback_that_freezes_a_layer_later_has_no_effect_as_in_keras():
    class Freeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[0].trainable = epoch < 1

    assert losses(epochs=3, callbacks=[Freeze()]) == losses(epochs=3)


@pytest.mark.parametrize("what", ["rate", "decay"])
def test_a_callback_that_changes_what_is_compiled_is_no_silent_failure(what):
    class Change(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if what == "rate":
                self.model.layers[0].rate = 0.5 if epoch else 0.0
            else:
                self.model.optimizer.weight_decay = 9.0 * epoch

    def dropping():
        return keras.Sequential([keras.Input((4,)), L.Dropout(0.5), L.Dense(1)])

    with pytest.raises(ValueError, match=r"attribute.*on_train_batch_begin"):
        losses(
            model=dropping,
            optimizer=keras.optimizers.AdamW(0.1, weight_decay=0.3),
            callbacks=[Change()],
        )


class Named(L.Layer):
    """It does what its name says."""

    def call(self, x):
        return x * (3.0 if self.name == "named_77" else 1.0)


class NamedInside(L.Layer):
    """It asks for its name where a decorator has wrapped it."""

    @staticmethod
    def factor(layer):
        return 3.0 if layer.name == "named_inside_77" else 1.0

    def call(self, x):
        return x * self.factor(self)


class OddlyNamed(L.Layer):
    """It keeps its factor where TensorFlow keeps its own notes."""

    def __init__(self, factor):
        super().__init__()
        self._self_factor = factor

    def call(self, x):
        return x * self._self_factor


@pytest.mark.parametrize(
    "make",
    [
        lambda k: Named(name=f"named_{k}"),
        lambda k: NamedInside(name=f"named_inside_{k}"),
        lambda k: OddlyNamed(k - 75),
    ],
)
def test_a_layers_odd_attributes_are_another_fit(make, tmp_path):
    def network_of(k):
        return lambda: keras.Sequential([keras.Input((4,)), make(k), L.Dense(1)])

    fresh, stored = (
        [losses(folder, network_of(k)) for k in (76, 77)] for folder in (None, tmp_path)
    )
    assert stored == fresh
    assert stored[0] != stored[1]


class Unsaved(L.Layer):
    """It can be trained, but Keras cannot build it from a configuration."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x


def unsaved():
    return keras.Sequential([keras.Input((4,)), Unsaved(2.0), L.Dense(1)])


def test_a_model_that_could_not_be_read_again_is_not_written():
    reg = KerasRegressor(unsaved, loss="mse", verbose=0).fit(X, Y)
    with pytest.raises(pickle.PicklingError, match=r"Unsaved.*get_config"):
        pickle.dumps(reg)
