"""The generic wrappers as graphs: numbers in, and what the user's own model says."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.estimators import KerasClassifier
from skrec.estimators._labels import LabelEncoder, link
from skrec.estimators._scikeras import RegressorTargetEncoder
from skrec.estimators.wrappers import KerasEstimator
from skrec.export._described import array_columns
from skrec.export._estimators import add_labels
from skrec.export._graph import BATCH, Graph
from skrec.export._network import converted

ops = keras.ops
KINDS = ("binary", "multiclass", "multilabel-indicator")


def generic_graph(estimator: KerasEstimator) -> tuple[Graph, dict[str, Any]]:
    """Make the graph of a KerasClassifier or KerasRegressor.

    Parameters
    ----------
    estimator : KerasEstimator
        Fitted.

    Returns
    -------
    graph : Graph
        From X to predictions.
    schema : dict
        What goes in and comes out.
    """
    _require_simple(estimator)
    graph, names = Graph(), getattr(estimator, "feature_names_in_", None)
    shape = estimator.X_shape_[1:]
    kind, columns = array_columns(shape, names)
    graph.add_inputs(columns)
    x = graph.side_by_side([one.name for one in columns])
    model = estimator._model
    specs = {"X": tf.TensorSpec([None, *shape], tf.float64)}
    found = graph.embed(converted(model, _function(estimator), specs), {"X": x})
    about = {"input": kind, "columns": columns}
    if isinstance(estimator, KerasClassifier):
        several = estimator.target_type_ == "multilabel-indicator"
        classes = np.asarray(estimator.classes_)
        classes = np.arange(len(classes)) if several else classes
        return graph, {**about, **add_labels(graph, classes, found, several)}
    targets = [estimator.n_outputs_] if estimator.y_ndim_ == 2 else []
    graph.output("prediction", found[0], "float64", [BATCH, *targets])
    more = {"task": "regressor", "classes": None, "outputs": ["prediction"]}
    return graph, {**about, **more}


def _require_simple(estimator: KerasEstimator) -> None:
    """Refuse what only Python can do."""
    name = type(estimator).__name__
    if type(estimator).feature_encoder is not KerasEstimator.feature_encoder:
        what = "a feature_encoder of its own"
    elif estimator.X_dtype_.kind not in "biuf":
        what = f"X of dtype {estimator.X_dtype_}"
    elif len(getattr(estimator._model, "outputs", None) or [None]) > 1:
        what = "a model with several outputs"
    elif type(estimator.target_encoder_) not in (LabelEncoder, RegressorTargetEncoder):
        what = "a target_encoder of its own"
    elif isinstance(estimator, KerasClassifier) and estimator.target_type_ not in KINDS:
        what = f"targets of type {estimator.target_type_}"
    else:
        return
    raise TypeError(
        f"to_onnx writes generic estimators on plain arrays of numbers, with one "
        f"output: save {name}.model_ instead. Received: {what}."
    )


def _function(estimator: KerasEstimator) -> Any:
    """Return what computes predictions."""
    model = estimator._model
    inputs = getattr(model, "inputs", None)
    dtype = inputs[0].dtype if inputs else keras.config.floatx()

    def run(given: dict[str, Any]) -> Any:
        outputs = model(ops.cast(given["X"], dtype), training=False)
        if not isinstance(estimator, KerasClassifier):
            shape = (-1, estimator.n_outputs_)[: estimator.y_ndim_]
            return [ops.cast(ops.reshape(outputs, shape), "float64")]
        return _labelled(estimator, outputs)

    return run


def _labelled(estimator: KerasClassifier, outputs: Any) -> list[Any]:
    """Make codes of labels, and probabilities."""
    one_label = estimator.target_type_ in ("binary", "multiclass")
    how = link(outputs, estimator._model, one_label)
    p = ops.cast(outputs, "float64")
    p = ops.reshape(p, (-1, int(np.prod(outputs.shape[1:]))))
    if how == "halves":
        p = (1 + ops.clip(p, -1, 1)) / 2
    elif how is not None:
        p = ops.softmax(p, axis=-1) if how == "softmax" else ops.sigmoid(p)
    if not one_label:
        return [ops.cast(p > 0.5, "int64"), p]
    if p.shape[1] == 1:
        p = ops.concatenate([1 - p, p], axis=1)
    else:
        p = p / ops.sum(p, axis=1, keepdims=True)
    return [tf.argmax(p, axis=1), p]
