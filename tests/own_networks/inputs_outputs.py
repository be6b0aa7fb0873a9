"""Networks with several inputs and outputs, in lists, tuples and dicts."""

import keras
import numpy as np

from tests.own_networks.bench import Networks
from tests.own_networks.layers import L, stack
from tests.own_networks.losses import ABSOLUTE

NETWORKS = Networks()
network = NETWORKS.add


def halves(X):
    return X[:, :2], X[:, 2:]


def two_inputs():
    left, right = keras.Input((2,), name="left"), keras.Input((4,), name="right")
    h = L.Concatenate()([L.Dense(3, "tanh")(left), L.Dense(3)(right)])
    return left, right, L.Dense(1)(L.Dropout(0.1, seed=1)(h))


# ---- inputs --------------------------------------------------------------------------


@network(inputs=lambda X: list(halves(X)), validation=True, nightly=True)
def inputs_in_a_list():
    left, right, out = two_inputs()
    return keras.Model([left, right], out)


@network(inputs=halves, nightly=True)
def inputs_in_a_tuple():
    left, right, out = two_inputs()
    return keras.Model((left, right), out)


@network(inputs=lambda X: dict(zip(("left", "right"), halves(X), strict=True)))
def inputs_in_a_dict():
    left, right, out = two_inputs()
    return keras.Model({"left": left, "right": right}, out)


@network(
    inputs=lambda X: dict(zip(("right", "left"), halves(X)[::-1], strict=True)),
    nightly=True,
)
def inputs_in_a_dict_by_name():
    """The model has a list, the rows are named in another order."""
    left, right, out = two_inputs()
    return keras.Model([left, right], out)


@network(
    inputs=lambda X: {"sides": list(halves(X)), "whole": X},
    nightly=True,
)
def nested_inputs():
    left, right, out = two_inputs()
    whole = keras.Input((6,), name="whole")
    out = L.Add()([out, L.Dense(1)(whole)])
    return keras.Model({"sides": [left, right], "whole": whole}, out)


@network(validation=True, nightly=True)
def one_input_in_a_list():
    x = keras.Input((6,))
    return keras.Model(inputs=[x], outputs=[L.Dense(1)(L.Dense(4, "tanh")(x))])


@network(inputs=lambda X: {"x": X}, nightly=True)
def one_input_in_a_dict():
    x = keras.Input((6,), name="x")
    return keras.Model({"x": x}, L.Dense(1)(x))


@network(
    x="ids",
    inputs=lambda X: [X[:, :1], X[:, 1:].astype("float32")],
    y="classes",
    nightly=True,
)
def inputs_of_two_dtypes():
    code, numbers = keras.Input((1,), dtype="int32"), keras.Input((4,))
    h = L.Concatenate()([L.Flatten()(L.Embedding(10, 3)(code)), numbers])
    return keras.Model([code, numbers], L.Dense(3, "softmax")(h))


@network(nightly=True)
def sequential_without_an_input():
    """Built by the first rows that it meets."""
    return keras.Sequential([L.Dense(4, "tanh"), L.Dropout(0.2, seed=1), L.Dense(1)])


# ---- outputs -------------------------------------------------------------------------


def columns(outputs):
    return np.column_stack([part.reshape(len(part), -1) for part in outputs])


LIST = (lambda y: [y[:, :1], y[:, 1:]], columns)
DICT = (
    lambda y: {"size": y[:, :1], "sign": y[:, 1:]},
    lambda outputs: columns([outputs["size"], outputs["sign"]]),
)


def two_outputs():
    x = keras.Input((6,))
    h = L.Dense(5, "tanh")(x)
    size, sign = L.Dense(1, name="size")(h), L.Dense(1, "sigmoid", name="sign")(h)
    return x, size, sign


@network(
    y="pair",
    outputs=LIST,
    validation=True,
    compile=lambda: {
        "loss": ["mse", "binary_crossentropy"],
        "loss_weights": [1.0, 0.3],
        "metrics": [[ABSOLUTE], ["accuracy", "mean_squared_error"]],
    },
    nightly=True,
)
def outputs_in_a_list():
    x, size, sign = two_outputs()
    return keras.Model(x, [size, sign])


@network(
    y="pair",
    outputs=DICT,
    validation=True,
    compile=lambda: {
        "loss": {"size": keras.losses.Huber(0.5), "sign": "binary_crossentropy"},
        "loss_weights": {"size": 0.2, "sign": 2.0},
        "metrics": {"size": [ABSOLUTE], "sign": [keras.metrics.AUC(9, name="auc")]},
    },
    nightly=True,
)
def outputs_in_a_dict():
    x, size, sign = two_outputs()
    return keras.Model(x, {"size": size, "sign": sign})


@network(
    y="pair",
    outputs=LIST,
    weights="sample",
    compile=lambda: {
        "loss": ["mse", "binary_crossentropy"],
        "weighted_metrics": [["mae"], ["accuracy"]],
    },
    nightly=True,
)
def outputs_with_weights():
    x, size, sign = two_outputs()
    return keras.Model(x, [size, sign])


@network(y="pair", outputs=LIST, compile=lambda: {"loss": ["mse", None]}, nightly=True)
def one_output_without_a_loss():
    x, size, sign = two_outputs()
    return keras.Model(x, [size, sign])


@network(y="pair", outputs=LIST, compile=lambda: {"loss": ["mse", "mae"]}, nightly=True)
def outputs_of_shared_layers():
    x = keras.Input((6,))
    shared = L.Dense(1, name="shared")  # losses are named after it
    return keras.Model(x, [shared(x), shared(keras.ops.tanh(x))])


@network(
    y="pair",
    outputs=DICT,
    inputs=lambda X: {"left": X[:, :2], "right": X[:, 2:]},
    compile=lambda: {"loss": {"size": "mse", "sign": "binary_crossentropy"}},
    nightly=True,
)
def inputs_and_outputs_in_dicts():
    left, right, size = two_inputs()
    sign = L.Dense(1, "sigmoid")(left)
    return keras.Model({"left": left, "right": right}, {"size": size, "sign": sign})


@network(y="pair", nightly=True)
def one_output_of_two_columns():
    return stack((6,), L.Dense(4, "tanh"), units=2)
