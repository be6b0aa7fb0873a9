"""A network trained by skrec and by ``Model.fit``, side by side.

The reference is compiled with ``jit_compile=False``, as the engine compiles.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import wraps
from itertools import combinations
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import expit, softmax
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from skrec import KerasClassifier, KerasRegressor
from tests.own_networks import rows

BATCH, EPOCHS = 16, 3
LOSSES = {
    "classes": "sparse_categorical_crossentropy",
    "binary": "binary_crossentropy",
    "labels": "binary_crossentropy",
}
OWN_PARAMETERS = {"loss", "optimizer", "metrics", "run_eagerly"}


@dataclass(frozen=True)
class Network:
    """A build function and what it needs.

    Parameters
    ----------
    build : callable
        Returns the model, the same at every call.
    x, y : str
        Kinds of rows and targets.
    compile : callable
        Returns new arguments of ``Model.compile``.
    compiled : bool
        Whether the build function compiles.
    inputs : callable
        Brings X to what the model takes: a feature encoder of the user's own.
    outputs : tuple of two callables
        Targets to what the loss takes, and the model's outputs to targets.
    weights : {"sample", "class"} or None
        Which weights the rows get.
    validation : bool
        Whether there are validation rows.
    n_rows : int
        Training rows.
    same_output : bool
        Whether two predictions are equal.
    prebuilt : bool
        Whether the estimator gets the model instead of the build function.
    tolerance : float
        Of losses and weights, relative and absolute.
    nightly : bool
        Whether it is too slow for each push.
    parameter, values : str, callable
        What a search varies: an argument of the build function or a parameter of the
        estimator, and three new values of it.
    """

    build: Callable[..., keras.Model]
    x: str = "table"
    y: str = "number"
    compile: Callable[[], dict[str, Any]] = dict
    compiled: bool = False
    inputs: Callable[[np.ndarray], Any] | None = None
    outputs: tuple[Callable[..., Any], Callable[..., Any]] | None = None
    weights: str | None = None
    validation: bool = False
    n_rows: int = rows.N_TRAIN
    same_output: bool = True
    prebuilt: bool = False
    tolerance: float = 1e-5
    nightly: bool = False
    parameter: str = "value"
    values: Callable[[], list[Any]] | None = None
    fixed: dict[str, Any] = field(default_factory=dict)

    def __str__(self):
        return self.build.__name__

    @property
    def is_classifier(self):
        return self.y in LOSSES

    @property
    def class_weight(self):
        weights = (1.0, 3.0, 0.5) if self.y == "classes" else (1.0, 3.0)
        return dict(enumerate(weights))

    @property
    def compile_arguments(self):
        if self.compiled:
            return {}
        default = {
            "loss": LOSSES.get(self.y, "mse"),
            "optimizer": keras.optimizers.Adam(0.01),
        }
        return {**default, **self.compile()}

    def data(self):
        X = rows.features(self.x)
        y = rows.targets(self.y, X)
        return X[: self.n_rows], y[: self.n_rows]

    def validation_data(self):
        X = rows.features(self.x)
        y = rows.targets(self.y, X)
        return X[rows.N_TRAIN :], y[rows.N_TRAIN :]

    def given(self, value):
        """Return the network with one value of its search."""
        if self.parameter in OWN_PARAMETERS:
            given = {**self.compile(), self.parameter: value}
            return replace(self, compile=lambda: given)
        return replace(self, fixed={self.parameter: value})

    # ---- skrec ---------------------------------------------------------------------

    def estimator(self):
        kind = KerasClassifier if self.is_classifier else KerasRegressor
        encoders = {}
        if self.inputs:
            encode = FunctionTransformer(self.inputs)
            encoders["feature_encoder"] = property(lambda estimator: encode)
        if self.outputs:
            split, join = self.outputs
            target = FunctionTransformer(split, join, check_inverse=False)
            encoders["target_encoder"] = property(lambda estimator: target)
        if encoders:
            kind = type(kind.__name__, (kind,), encoders)
        params = {
            name if name in OWN_PARAMETERS else f"compile__{name}": value
            for name, value in self.compile_arguments.items()
        }
        if self.weights == "class":
            params["class_weight"] = self.class_weight
        return kind(
            self.build(**self.fixed) if self.prebuilt else self.build,
            epochs=EPOCHS,
            batch_size=BATCH,
            shuffle=False,
            verbose=0,
            random_state=0,
            **({} if self.prebuilt else self.fixed),
            **params,
        )

    def fitted(self):
        """Return the estimator, fitted on the training rows."""
        fit = {}
        if self.weights == "sample":
            fit["sample_weight"] = self.row_weights()
        if self.validation:
            fit["X_val"], fit["y_val"] = self.validation_data()
        return self.estimator().fit(*self.data(), **fit)

    def row_weights(self):
        """Return weights of mean 1, to which skrec scales them."""
        if self.weights is None:
            return None
        if self.weights == "class":
            weight = np.array([self.class_weight[label] for label in self.data()[1]])
        else:
            weight = np.random.default_rng(2).uniform(0.2, 2, self.n_rows)
        return weight / weight.mean()

    # ---- Keras ---------------------------------------------------------------------

    def model_inputs(self, X):
        X = tf.constant(X) if X.dtype == object else X  # Keras takes no other strings
        return self.inputs(X) if self.inputs else X

    def model_targets(self, y):
        """Do what the target encoders of scikeras do, by hand."""
        if self.outputs:
            return self.outputs[0](y)
        if self.is_classifier and y.ndim == 1:
            loss = self.compile_arguments.get("loss")
            one_hot = "categorical_crossentropy" in (loss, getattr(loss, "name", None))
            y = np.eye(3)[y] if one_hot else y[:, None]
            return y.astype("float32")
        return y

    def fitted_by_keras(self, jit_compile=False, chosen=slice(None)):
        """Return the model and its history."""
        model = self.build(**self.fixed)
        if self.prebuilt:  # in a copy, Keras lets generators of layers start anew
            model = deepcopy(model)
        if not self.compiled:
            model.compile(**{"jit_compile": jit_compile, **self.compile_arguments})
        X, y = self.data()
        validation = None
        if self.validation:
            X_val, y_val = self.validation_data()
            validation = self.model_inputs(X_val), self.model_targets(y_val)
        history = model.fit(
            self.model_inputs(X[chosen]),
            self.model_targets(y[chosen]),
            sample_weight=self.row_weights(),
            batch_size=BATCH,
            epochs=EPOCHS,
            shuffle=False,
            validation_data=validation,
            verbose=0,
        )
        return model, history.history

    @property
    def full_batches(self):
        return self.n_rows % BATCH == 0

    def keras_outputs(self, model, X):
        reset_states(model)
        size = BATCH if self.full_batches else len(X)
        return model.predict(self.model_inputs(X), batch_size=size, verbose=0)

    def called(self, model, X):
        """Return the outputs without a graph of their own, which takes a second."""
        if self.full_batches:
            return self.keras_outputs(model, X)
        outputs = model(self.model_inputs(X), training=False)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    def as_predicted(self, model, raw):
        """Turn the outputs of a model into what the estimator's methods promise."""
        if self.outputs:
            return self.outputs[1](raw)
        if not self.is_classifier:
            return raw[:, 0] if raw.shape[1] == 1 else raw
        raw = raw.astype("float64")
        if getattr(model.loss, "_fn_kwargs", {}).get("from_logits", False):
            raw = softmax(raw, axis=1) if raw.shape[1] == 3 else expit(raw)
        if raw.shape[1] == 1:
            return np.column_stack([1 - raw, raw])
        return raw if self.y == "labels" else raw / raw.sum(axis=1, keepdims=True)

    def predicted(self, estimator, X):
        reset_states(estimator.model_)
        size = {"batch_size": BATCH} if self.full_batches else {}
        if self.is_classifier:
            return estimator.predict_proba(X, **size)
        return estimator.predict(X, **size)


class Networks(list):
    """The networks of a module, in their order."""

    def add(self, **needs):
        """Decorate a build function: seed it, and say what it needs."""

        def register(build):
            @wraps(build)
            def seeded(*args, **kwargs):
                keras.utils.set_random_seed(7)
                return build(*args, **kwargs)

            self.append(Network(seeded, **needs))
            return seeded

        return register


def reset_states(model):
    """Forget what a stateful layer remembers of the batch before."""
    for layer in model._flatten_layers(include_self=False):
        if getattr(layer, "stateful", False):
            layer.reset_state()


# ---- assertions ----------------------------------------------------------------------


def assert_trains_as_keras(network):
    """Compare losses, weights, states, the optimizer and predictions with Keras's."""
    X, _ = network.data()
    estimator = network.fitted()
    model, history = network.fitted_by_keras()
    close = {"rtol": network.tolerance, "atol": network.tolerance}

    assert set(estimator.history_) == set(history)
    for name, values in history.items():
        assert np.isfinite(values).all()
        np.testing.assert_allclose(
            estimator.history_[name], values, **close, err_msg=name
        )
    trained = estimator.model_
    _assert_same_variables(trained.weights, model.weights, close)
    # The seed generators and all other state go on where Keras's do.
    _assert_same_variables(trained.variables, model.variables, close)
    # Slots hold squares, and outputs are sums over weights, of what may differ so much.
    loose = {"rtol": 10 * network.tolerance, "atol": 10 * network.tolerance}
    optimizers = trained.optimizer.variables, model.optimizer.variables
    _assert_same_variables(*optimizers, loose)

    if network.prebuilt:  # a parameter is never trained
        _assert_same_variables(
            estimator.model.weights, network.build().weights, {"rtol": 0}
        )
    if network.same_output:
        raw = network.keras_outputs(trained, X)
        predicted = network.predicted(estimator, X)
        assert np.isfinite(predicted).all()
        np.testing.assert_allclose(
            predicted, network.as_predicted(trained, raw), rtol=1e-6, atol=1e-6
        )
        wanted = network.as_predicted(model, network.called(model, X))
        np.testing.assert_allclose(predicted, wanted, **loose)


def _assert_same_variables(got, wanted, close):
    assert [tuple(v.shape) for v in got] == [tuple(v.shape) for v in wanted]
    for variable, want in zip(got, wanted, strict=True):
        np.testing.assert_allclose(
            _numbers(variable), _numbers(want), **close, err_msg=want.path
        )


def _numbers(variable):
    return keras.ops.convert_to_numpy(variable).astype("float64")


def assert_searches_as_keras(network):
    """Compare a search of three values with Keras's results for each of them."""
    X, y = network.data()
    train, test = np.arange(network.n_rows - 22), np.arange(len(X) - 22, len(X))
    search = GridSearchCV(
        network.given(network.values()[0]).estimator(),
        {network.parameter: network.values()},
        cv=[(train, test)],
        scoring=lambda estimator, X, y: _summary(
            estimator.history_,
            estimator.model_,
            network.predicted(estimator, X) if network.same_output else np.zeros(1),
        ),
        refit=False,
        error_score="raise",
    ).fit(X, y)
    wanted = []
    for value in network.values():
        one = network.given(value)
        model, history = one.fitted_by_keras(chosen=train)
        outputs = np.zeros(1)
        if network.same_output:
            outputs = one.as_predicted(model, one.called(model, X[test]))
        wanted.append(_summary(history, model, outputs))
    got = [
        {name: search.cv_results_[f"mean_test_{name}"][index] for name in want}
        for index, want in enumerate(wanted)
    ]
    apart = [not _alike(a, b, 1e-4) for a, b in combinations(wanted, 2)]
    assert any(apart), "the search varies nothing in Keras"
    assert [not _alike(a, b, 1e-4) for a, b in combinations(got, 2)] == apart
    for mine, want in zip(got, wanted, strict=True):
        np.testing.assert_allclose(
            list(mine.values()),
            list(want.values()),
            rtol=network.tolerance,
            atol=network.tolerance,
            err_msg=str(list(want)),
        )


def _summary(history, model, outputs):
    """Return numbers that tell two fits apart."""
    values = {
        f"{name}_{epoch}": value
        for name, epochs in history.items()
        for epoch, value in enumerate(epochs)
    }
    weights = np.concatenate([_numbers(w).ravel() for w in model.weights] or [[0]])
    return {
        **values,
        "weights": np.abs(weights).mean(),
        "outputs": np.abs(outputs).mean(),
    }


def _alike(one, other, tolerance):
    return np.allclose(
        list(one.values()), list(other.values()), rtol=tolerance, atol=tolerance
    )
