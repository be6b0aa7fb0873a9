"""From TensorFlow functions to ONNX graphs."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.export._graph import OPSET
from skrec.export._packages import onnx_packages
from skrec.networks import Network
from skrec.training._global_generators import global_generators


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
    tf2onnx = onnx_packages().tf2onnx
    named = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in specs.items()
    }
    with tf.device("/CPU:0"):
        graph = tf.function(function, input_signature=[named], autograph=False)
        model, _ = tf2onnx.convert.from_function(
            graph, input_signature=[named], opset=OPSET
        )
    return model


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
        For the CPU.
    """
    options = {**dict(network.options), "dtype": "float32"}
    with global_generators(0), tf.device("/CPU:0"):
        model = Network.of(network.builder, **options).build()
        model.set_weights(weights)
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):  # whose kernels ONNX does not have
            layer.use_cudnn = False
    return model
