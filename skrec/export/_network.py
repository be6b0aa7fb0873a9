"""From TensorFlow functions to ONNX graphs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.export._graph import OPSET, onnx_package
from skrec.networks import Network
from skrec.training._global_generators import global_generators


def converted(
    model: keras.Model, function: Callable[..., Any], specs: dict[str, tf.TensorSpec]
) -> Any:
    """Convert a function that calls a model.

    Parameters
    ----------
    model : keras.Model
        What the function calls.
    function : callable
        From a dict of tensors to a list of tensors, with as many rows.
    specs : dict of str to TensorSpec
        What it takes.

    Returns
    -------
    ModelProto
        As from :func:`traced`.
    """
    with portable(model):
        return traced(_with_a_row(model, function), specs)


def traced(function: Callable[..., Any], specs: dict[str, tf.TensorSpec]) -> Any:
    """Convert a function of tensors.

    Parameters
    ----------
    function : callable
        Takes a dict of tensors, and returns a list of them.
    specs : dict of str to TensorSpec
        What it takes.

    Returns
    -------
    ModelProto
        Its inputs have the names of `specs`; its outputs are in order.
    """
    tf2onnx = onnx_package("tf2onnx")
    named = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in specs.items()
    }
    with tf.device("/CPU:0"):
        graph = tf.function(function, input_signature=[named], autograph=False)
        model, _ = tf2onnx.convert.from_function(
            graph,
            input_signature=[named],
            opset=OPSET,
            custom_op_handlers={name: (make, []) for name, make in HANDLERS.items()},
        )
        _fill_in(model, graph.get_concrete_function(), set(specs))
    return model


def _fill_in(model: Any, function: Any, names: set[str]) -> None:
    """Make constants of the tensors that a function has found around it."""
    around = {inner.name: outer for outer, inner in function.graph.captures}
    for one in [one for one in model.graph.input if one.name not in names]:
        value = onnx_package("onnx").numpy_helper.from_array(around[one.name].numpy())
        value.name = one.name
        model.graph.input.remove(one)
        model.graph.initializer.append(value)


def _einsum(context: Any, node: Any, name: str, args: Any) -> None:
    """Keep sums of products as they are: tf2onnx's own do not take 0 rows."""
    _replace(context, node, "Einsum", equation=node.get_attr_value("equation"))


def _where(context: Any, node: Any, name: str, args: Any) -> None:
    """Choose: tf2onnx multiplies by 0 and 1, which makes NaN of NaN and infinity."""
    _replace(context, node, "Where")


def _replace(context: Any, node: Any, operation: str, **attributes: Any) -> None:
    """Put an operator of ONNX in the place of a node, with the same inputs."""
    inputs, outputs = list(node.input), list(node.output)
    shapes, dtypes = node.output_shapes, node.output_dtypes
    context.remove_node(node.name)
    context.make_node(
        operation,
        inputs,
        attr=attributes,
        name=node.name,
        outputs=outputs,
        shapes=shapes,
        dtypes=dtypes,
    )


def _log1p(context: Any, node: Any, name: str, args: Any) -> None:
    """Make log(1 + x) of a logarithm, with the digits that 1 + x loses."""
    x, output = node.input[0], node.output[0]
    shapes, dtypes = node.output_shapes, node.output_dtypes
    number = context.get_dtype(x)
    one = context.make_const(
        f"{node.name}_one", np.ones(1, _numpy_dtype(number))
    ).output[0]
    context.remove_node(node.name)

    def make(operation: str, *inputs: str) -> str:
        return context.make_node(operation, list(inputs)).output[0]

    total = make("Add", x, one)
    ratio = make("Div", x, make("Sub", total, one))
    rough = make("Mul", make("Log", total), ratio)
    is_small = make("Equal", total, one)
    context.make_node(
        "Where",
        [is_small, x, rough],
        name=node.name,
        outputs=[output],
        shapes=shapes,
        dtypes=dtypes,
    )


HANDLERS = {"Einsum": _einsum, "Log1p": _log1p, "SelectV2": _where}


def _numpy_dtype(number: int) -> Any:
    """Return NumPy's dtype of ONNX's number of one."""
    return onnx_package("onnx").helper.tensor_dtype_to_np_dtype(number)


def _with_a_row(model: keras.Model, function: Callable[..., Any]) -> Any:
    """Let a function get a row where there is none, if its loops need one."""
    if not any(isinstance(one, keras.layers.RNN) for one in model._flatten_layers()):
        return function

    def run(fields: dict[str, Any]) -> Any:
        n_rows = tf.shape(next(iter(fields.values())))[0]
        missing = tf.maximum(1 - n_rows, 0)
        padded = {
            name: tf.pad(one, [[0, missing], *[[0, 0]] * (len(one.shape) - 1)])
            for name, one in fields.items()
        }
        return [one[:n_rows] for one in function(padded)]

    return run


def single_precision(network: Network, weights: list[np.ndarray]) -> keras.Model:
    """Build a network that computes in single precision, whatever it was trained in.

    Parameters
    ----------
    network : Network
        The architecture.
    weights : list of ndarray
        Its weights.

    Returns
    -------
    keras.Model
        A model.
    """
    options = {**dict(network.options), "dtype": "float32"}
    with global_generators(0), tf.device("/CPU:0"):
        model = Network.of(network.builder, **options).build()
        model.set_weights(weights)
    return model


@contextmanager
def portable(model: keras.Model) -> Iterator[None]:
    """Let layers do without what ONNX does not have, or does slowly.

    Parameters
    ----------
    model : keras.Model
        A model, which is as it was afterwards.
    """
    changed = [
        (layer, name, getattr(layer, name))
        for layer in model._flatten_layers()
        for name in ("use_cudnn", "packs")
        if hasattr(layer, name)
    ]
    for layer, name, _ in changed:
        setattr(layer, name, False)
    try:
        yield
    finally:
        for layer, name, value in changed:
            setattr(layer, name, value)
