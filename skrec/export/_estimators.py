"""Named estimators as graphs: from the columns of X to predictions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.estimators._deploy_numbers import (
    prepared,
    prepared_array,
    prepared_arrays,
)
from skrec.estimators._targets import Labels, Numbers
from skrec.estimators.base import BaseNetwork
from skrec.export._described import Described, described
from skrec.export._graph import BATCH, Graph
from skrec.export._network import converted, single_precision
from skrec.export._tables import table_inputs
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._network_inputs import TableInputs

ops = keras.ops


def named_graph(estimator: BaseNetwork) -> tuple[Graph, dict[str, Any]]:
    """Make the graph of a named classifier or regressor.

    Parameters
    ----------
    estimator : BaseNetwork
        Fitted.

    Returns
    -------
    graph : Graph
        From X to predictions.
    schema : dict
        What goes in and comes out.
    """
    graph = Graph()
    network = single_precision(estimator._spec, estimator._current_state().weights)
    own = described(estimator)
    graph.add_inputs(own.columns)
    if own.encoder is None:
        fields = {"numbers": graph.side_by_side([one.name for one in own.columns])}
    else:
        fields = table_inputs(graph, own.encoder, own)
    model = converted(network, predicting(network, estimator), _specs(fields, own))
    about = add_outputs(graph, estimator._target, graph.embed(model, fields))
    return graph, {"input": own.input, "columns": own.columns, **about}


def _specs(fields: dict[str, str], own: Described) -> dict[str, tf.TensorSpec]:
    """Say what the converted part takes."""
    count = Counter(column.kind for column in own.columns)
    shapes: dict[str, Sequence[int | None]] = {"ids": [count["id"]]}
    shapes["numbers"] = [count["number"]]
    if own.encoder is None and not count["number"]:
        shapes["numbers"] = own.columns[0].shape
    elif own.encoder is not None:
        shapes |= {f"array_{k}": shape for k, shape in enumerate(own.encoder._shapes)}
    specs = {}
    for name in fields:
        dtype = tf.float64 if name.startswith(("numbers", "array")) else tf.int64
        specs[name] = tf.TensorSpec([None, *shapes.get(name, [None])], dtype)
    return specs


def predicting(network: keras.Model, estimator: BaseNetwork) -> Any:
    """Return what computes predictions of codes and raw numbers.

    Parameters
    ----------
    network : Model
        The estimator's, in single precision.
    estimator : BaseNetwork
        Fitted.

    Returns
    -------
    callable
        From a dict of tensors to codes of labels and probabilities, or predictions.
    """
    inputs: Any = estimator._inputs

    def run(fields: dict[str, Any]) -> Any:
        if isinstance(inputs, TableInputs):
            x = _prepared_fields(inputs.encoder, fields)
        else:
            x = {"numbers": prepared_arrays(fields["numbers"], inputs)}
        x = {
            name: ops.cast(part, "float32" if part.dtype.is_floating else "int32")
            for name, part in x.items()
        }
        alone = not isinstance(network.input, dict)
        outputs = network(x["numbers"] if alone else x, training=False)
        return _decoded(estimator._target, ops.cast(outputs, "float64"))

    return run


def _prepared_fields(encoder: FieldEncoder, fields: dict[str, Any]) -> dict[str, Any]:
    x = dict(fields)
    if "numbers" in x:
        x["numbers"] = prepared(x["numbers"], encoder._numbers)
    for k, scaler in enumerate(encoder._array_scalers):
        x[f"array_{k}"] = prepared_array(x[f"array_{k}"], scaler)
    return x


def _decoded(target: Labels | Numbers, outputs: Any) -> list[Any]:
    """Do what the target does to the network's outputs, in its graph."""
    if isinstance(target, Numbers):
        if target.scaler.is_fitted:
            outputs = outputs * target.scaler.scale + target.scaler.centre
        return [ops.reshape(outputs, (-1, *target.shape))]
    if target.are_exclusive:
        codes, p = tf.argmax(outputs, axis=1), ops.softmax(outputs, axis=1)
    else:
        codes, p = outputs > 0, ops.sigmoid(outputs)
    if target.is_binary:
        codes = codes[:, 0]
        p = ops.concatenate([ops.sigmoid(-outputs), p], axis=1)
    return [ops.cast(codes, "int64"), p]


def add_outputs(
    graph: Graph, target: Labels | Numbers, values: list[str]
) -> dict[str, Any]:
    """Add outputs, and describe them.

    Parameters
    ----------
    graph : Graph
        Where to.
    target : Labels or Numbers
        What is predicted.
    values : list of str
        Codes of labels and probabilities, or predictions.

    Returns
    -------
    dict
        Of the schema.
    """
    if isinstance(target, Numbers):
        graph.output("prediction", values[0], "float64", [BATCH, *target.shape])
        return {"task": "regressor", "classes": None, "outputs": ["prediction"]}
    return add_labels(graph, target.classes, values, target.multilabel)


def add_labels(
    graph: Graph, classes: np.ndarray, values: list[str], multilabel: bool = False
) -> dict[str, Any]:
    """Add the outputs of a classifier, and describe them.

    Parameters
    ----------
    graph : Graph
        Where to.
    classes : ndarray of shape (n_classes,)
        Labels.
    values : list of str
        Codes of labels, and probabilities.
    multilabel : bool, default=False
        Whether there is a 0 or 1 for each label, instead of one label.

    Returns
    -------
    dict
        Of the schema.
    """
    n_classes = len(classes)
    kinds = {"i": "int64", "u": "int64", "b": "bool", "f": "float64", "U": "string"}
    dtype = kinds.get(classes.dtype.kind)
    if dtype is None and all(isinstance(one, str) for one in classes):
        dtype = "string"
    if dtype is None:
        raise ValueError(
            "Labels must be strings, numbers or booleans, for ONNX has no others: "
            f"convert y and fit again. Received: {classes[0]!r}, of type "
            f"{type(classes[0]).__name__}."
        )
    label, shape = values[0], list[int | str]([BATCH])
    if multilabel:
        shape = [BATCH, n_classes]
    else:
        own = classes if dtype == "string" else classes.astype(dtype)
        label = graph.add("Gather", graph.constant(own, "classes"), label, axis=0)
    graph.output("label", label, dtype, shape)
    graph.output("probabilities", values[1], "float64", [BATCH, n_classes])
    return {
        "task": "classifier",
        "classes": classes.tolist(),
        "outputs": ["label", "probabilities"],
    }
