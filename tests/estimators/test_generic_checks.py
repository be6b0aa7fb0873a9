"""The generic estimators: outputs that fit the targets, build functions, subclasses."""

import functools

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

from skrec import KerasClassifier, KerasRegressor
from tests.estimators.generic_models import CROSS_ENTROPY, X, Y, build, classifier

ONE_HOT = np.eye(3, dtype=int)[Y]
BCE = "binary_crossentropy"


def head(units, activation=None, name="last"):
    layers = [keras.Input((4,)), keras.layers.Dense(units, activation, name=name)]
    return keras.Sequential(layers)


def fit(units, activation, loss, y, **params):
    params = {"optimizer__learning_rate": 0.05, "epochs": 20, **params}
    model = functools.partial(head, units, activation)
    return classifier(model=model, loss=loss, **params).fit(X, y)


class OwnModel(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.out = keras.layers.Dense(units, "softmax")

    def call(self, x):
        return self.out(x)


# ---- outputs and targets -------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "activation", "loss", "y", "message"),
    [
        (1, "sigmoid", BCE, Y, "has 1 output, but y has 3 classes.*3 units"),
        (1, "softmax", BCE, Y == 0, "puts out 1 whatever.*activation='sigmoid'"),
        (5, "softmax", CROSS_ENTROPY, Y, "has 5 outputs, but y has 3 classes"),
        (2, "softmax", CROSS_ENTROPY, Y, "has 2 outputs, but y has 3 classes"),
        (1, "sigmoid", CROSS_ENTROPY, Y == 0, "has 1 output.*binary_crossentropy"),
        (1, None, "categorical_crossentropy", Y == 0, "has 1 output, but y has 2"),
        (3, "softmax", CROSS_ENTROPY, ONE_HOT, "takes one label a row"),
        (2, "sigmoid", BCE, ONE_HOT | ONE_HOT[::-1], "2 outputs, but y has 3 labels"),
    ],
)
def test_outputs_that_do_not_fit_the_labels(units, activation, loss, y, message):
    with pytest.raises(ValueError, match=rf"layer 'last' (?s:.*{message})") as caught:
        fit(units, activation, loss, y)
    assert str(caught.value).count("\n") == 1


@pytest.mark.parametrize(
    ("units", "targets", "message"),
    [(1, 2, "has 1 output, but y has 2 targets"), (2, 1, "2 outputs, but y has 1 tar")],
)
def test_outputs_that_do_not_fit_the_numbers(units, targets, message):
    y = X[:, 0] if targets == 1 else X[:, :targets]
    model = functools.partial(head, units)
    with pytest.raises(ValueError, match=rf"layer 'last'.*{message}"):
        KerasRegressor(model, loss="mse", verbose=0).fit(X, y)
    # With a loss of one's own any outputs may be right, but no prediction is.
    own = KerasRegressor(model, loss=lambda y, p: keras.ops.mean(p**2, -1), verbose=0)
    with pytest.raises(ValueError, match="numbers a row"):
        own.fit(X, y).predict(X)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "n_classes"),
    [
        (2, "softmax", "categorical_crossentropy", 2),
        pytest.param(2, "sigmoid", BCE, 2, marks=pytest.mark.nightly),
        (3, "sigmoid", BCE, 3),
        pytest.param(3, "softmax", "mse", 3, marks=pytest.mark.nightly),
        (3, None, keras.losses.CategoricalCrossentropy(from_logits=True), 3),
        pytest.param(3, None, "categorical_hinge", 3, marks=pytest.mark.nightly),
        (3, None, "hinge", 3),
        (1, "tanh", "hinge", 2),
        pytest.param(1, None, "squared_hinge", 2, marks=pytest.mark.nightly),
        pytest.param(1, "sigmoid", "hinge", 2, marks=pytest.mark.nightly),
    ],
)
def test_losses_get_the_targets_that_they_take(units, activation, loss, n_classes):
    y = Y if n_classes == 3 else np.where(Y == 0, "seto", "other")
    clf = fit(units, activation, loss, y)
    assert clf.score(X, y) > 0.85
    proba = clf.predict_proba(X)
    assert proba.shape == (150, n_classes)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(axis=1)], clf.predict(X))


def test_a_loss_in_the_build_function_counts_too():
    def network():
        model = head(3, "softmax")
        model.compile(keras.optimizers.Adam(0.05), "categorical_crossentropy")
        return model

    clf = KerasClassifier(network, epochs=20, verbose=0, random_state=0)
    assert clf.fit(X, Y).score(X, Y) > 0.9


def test_several_labels_although_each_training_row_has_one():
    flowers = np.vstack([X, X[:50] + X[100:]])
    clf = fit(3, "sigmoid", BCE, ONE_HOT, epochs=200)
    assert clf.predict(flowers).sum(axis=1).max() > 1
    exclusive = fit(3, "softmax", "categorical_crossentropy", ONE_HOT)
    np.testing.assert_array_equal(exclusive.predict(flowers).sum(axis=1), 1)


def test_a_model_that_does_not_know_its_outputs_is_checked_too():
    with pytest.raises(ValueError, match=r"model '\w+' has 2 outputs, but y has 3"):
        classifier(model=OwnModel, model__units=2).fit(X, Y)


def test_outputs_of_sequences_are_not_refused():
    def network():
        inputs = keras.Input((4,))
        x = keras.layers.Reshape((4, 1))(inputs)
        return keras.Model(inputs, keras.layers.Dense(1)(x))

    reg = KerasRegressor(network, loss="mse", verbose=0).fit(X, X)
    assert reg.predict(X).shape == X.shape


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_targets_meet_a_metric_in_single_precision(kind):
    def rmse(y_true, y_pred):
        return keras.ops.sqrt(keras.ops.mean((y_true - y_pred) ** 2))

    features, target = load_diabetes(return_X_y=True)
    target = (target / 100).astype(kind)

    def network(n_targets):
        layers = [keras.Input((10,)), keras.layers.Dense(n_targets)]
        return keras.Sequential(layers)

    for y in (target, np.column_stack([target, -target])):
        reg = KerasRegressor(
            network, n_targets=y[:1].size, loss="mse", metrics=[rmse], epochs=2
        )
        history = reg.set_params(verbose=0).fit(features, y).history_
        assert history["rmse"][-1] == pytest.approx(
            np.sqrt(history["loss"][-1]), rel=0.1
        )


# ---- build functions -----------------------------------------------------------------


class Factory:
    def __call__(self, meta, units=8):
        return build(meta, units)

    def make(self, meta, units=8):
        return build(meta, units)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Factory(), marks=pytest.mark.nightly),
        Factory().make,
        functools.partial(build, rate=0.1),
        OwnModel,
    ],
    ids=["object", "bound method", "partial", "class"],
)
def test_any_callable_is_a_build_function(model):
    clf = classifier(model=model, epochs=20)
    assert clf.fit(X, Y).score(X, Y) > 0.8
    assert clone(clf).set_params(units=3).fit(X, Y).get_params()["units"] == 3
    with pytest.raises(ValueError, match="Did you mean 'units'"):
        clone(clf).set_params(unit=3)


# ---- subclasses ----------------------------------------------------------------------


class Layered(KerasClassifier):
    """Scikeras's documented way: parameters of its own, the others passed on."""

    def __init__(self, hidden=(8,), optimizer="adam", epochs=5, verbose=0, **kwargs):
        super().__init__(optimizer=optimizer, epochs=epochs, verbose=verbose, **kwargs)
        self.hidden = hidden

    def _keras_build_fn(self, compile_kwargs):
        layers = [keras.layers.Dense(units, "relu") for units in self.hidden]
        model = keras.Sequential(
            [
                keras.Input((self.n_features_in_,)),
                *layers,
                keras.layers.Dense(self.n_classes_, "softmax"),
            ]
        )
        model.compile(loss=CROSS_ENTROPY, optimizer=compile_kwargs["optimizer"])
        return model


class Slow(Layered):
    def __init__(self, rate=0.001, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def _keras_build_fn(self, compile_kwargs):
        optimizer = keras.optimizers.SGD(self.rate)
        return super()._keras_build_fn({**compile_kwargs, "optimizer": optimizer})


class Fixed(KerasClassifier):
    """Takes no parameters at all."""

    def __init__(self):
        super().__init__(loss=CROSS_ENTROPY, epochs=2, verbose=0)

    def _keras_build_fn(self):
        return head(3, "softmax")


def test_subclasses_have_the_parameters_of_all_their_constructors():
    net = Layered(hidden=(16, 8), batch_size=16, random_state=0)
    names = set(KerasClassifier(model=None).get_params()) | {"hidden"}
    assert set(net.get_params()) == names
    again = clone(net)
    assert again.hidden == (16, 8)
    assert (again.batch_size, again.random_state) == (16, 0)
    net.set_params(epochs=30, optimizer__learning_rate=0.02).fit(X, Y)
    assert net.score(X, Y) > 0.9
    assert [layer.units for layer in net.model_.layers] == [16, 8, 3]
    search = GridSearchCV(Layered(random_state=0), {"hidden": [(2,), (3, 3)]}, cv=2)
    assert len(search.fit(X, Y).best_estimator_.hidden) in (1, 2)


def test_subclasses_of_subclasses_and_without_parameters():
    slow = clone(Slow(rate=0.5, hidden=(4,)))
    assert (slow.rate, slow.hidden) == (0.5, (4,))
    assert float(slow.fit(X, Y).model_.optimizer.learning_rate) == pytest.approx(0.5)
    fixed = clone(Fixed())
    assert fixed.get_params() == {}
    assert len(fixed.fit(X, Y).history_["loss"]) == 2
    assert fixed.predict(X).shape == Y.shape


# ---- validation rows -----------------------------------------------------------------


def test_validation_losses_are_those_of_keras_with_weights():
    weight = np.linspace(0, 2, len(X))
    held = (X, Y, weight)
    clf = classifier(model=lambda: head(3, "softmax"), epochs=2, batch_size=40)
    history = clf.fit(X, Y, validation_data=held).history_
    model = clf.model_
    for values in (held, (X, Y)):
        expected = model.evaluate(*values[:2], 40, 0, *values[2:], return_dict=True)
        clf = clf.fit(X, Y, validation_data=values)
        assert clf.history_["val_loss"][-1] == pytest.approx(expected["loss"], rel=1e-5)
    assert history["val_loss"] != clf.history_["val_loss"]


def test_validation_rows_by_a_routed_parameter():
    direct = classifier(epochs=2).fit(X, Y, validation_data=(X[:9], Y[:9]))
    routed = classifier(epochs=2, fit__validation_data=(X[:9], Y[:9]))
    assert clone(routed).fit(X, Y).history_ == direct.history_


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_val": X}, "Missing: y_val"),
        ({"y_val": Y}, "Missing: X_val"),
        ({"validation_data": pd.DataFrame(X)}, "validation_data must be"),
        ({"validation_data": (X, Y, -Y)}, "(?i)negative"),
    ],
)
def test_half_given_validation_rows(arguments, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, Y, **arguments)


def test_arguments_of_the_constructor_are_no_arguments_of_fit():
    with pytest.raises(TypeError, match=r"'callbacks'.*set_params\(callbacks=\.\.\.\)"):
        classifier().fit(X, Y, callbacks=[])


class Forgets(keras.layers.Layer):
    """Its configuration leaves the factor out."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return super().get_config()


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_prebuilt_model_that_cannot_be_copied_is_refused(factor):
    keras.saving.register_keras_serializable("skrec_tests")(Forgets)
    model = keras.Sequential(
        [keras.Input((4,)), Forgets(factor), keras.layers.Dense(3, "softmax")]
    )
    if factor == 1.0:  # which is what it forgets
        assert classifier(model=model).initialize(X, Y).predict(X).shape == (150,)
    else:
        with pytest.raises(ValueError, match=r"cannot be copied.*Give a function"):
            classifier(model=model).fit(X, Y)
