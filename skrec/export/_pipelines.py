"""Pipelines as graphs: steps of scikit-learn by skl2onnx, and the estimator behind."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from skrec.export._graph import OPSET, Graph, onnx_package
from skrec.export._schema import Column

MakeGraph = Callable[[Any], tuple[Graph, dict[str, Any]]]
TYPES = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}


def pipeline_graph(
    pipeline: Pipeline, X: Any, make: MakeGraph
) -> tuple[Graph, dict[str, Any]]:
    """Make the graph of a pipeline.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, with an estimator of this package at its end.
    X : DataFrame or array-like of shape (n_rows, n_columns)
        Rows, which tell the types of the columns.
    make : callable
        Makes the graph of the last step.

    Returns
    -------
    graph : Graph
        From X to predictions.
    schema : dict
        What goes in and comes out.
    """
    steps = [step for step in pipeline[:-1] if step not in (None, "passthrough")]
    if not steps:
        return make(pipeline[-1])
    if X is None:
        raise ValueError(
            "to_onnx needs rows of X to tell the types of a pipeline's columns: pass "
            "some as verify. Received: verify=None."
        )
    graph, last = Graph(), make(pipeline[-1])
    columns = _columns(X)
    is_array = columns[0].kind == "array"
    graph.add_inputs(columns)
    before, precision = _converted(pipeline[:-1], columns)
    given = {}
    for own in columns:
        given[own.name] = own.name
        if own.dtype == "float64" and precision == "FLOAT":
            single = graph.onnx.TensorProto.FLOAT
            given[own.name] = graph.add("Cast", own.name, to=single)
    found = graph.embed(before, given)
    matrix = graph.add("Cast", found[0], to=graph.onnx.TensorProto.DOUBLE)
    inner, about = last
    inputs = _inputs_of(graph, about["columns"], matrix)
    outputs = {one.name: one for one in inner.outputs}
    values = graph.embed(inner.model({}), inputs)
    for name, value in zip(outputs, values, strict=True):
        graph.pass_on(name, value, outputs[name])
    kind = "array" if is_array else "table"
    return graph, {**about, "input": kind, "columns": columns}


def _columns(X: Any) -> list[Column]:
    """Describe the columns of X by their values."""
    if not hasattr(X, "columns"):
        X = np.asarray(X)
        if X.dtype.kind in "biuf":
            return [Column("X", "array", "float64", X.shape[1:])]
    frame = pd.DataFrame(X)
    columns = []
    for k, name in enumerate(frame.columns):
        values = frame.iloc[:, k]
        is_number = pd.api.types.is_numeric_dtype(values)
        dtype = TYPES[values.dtype.kind] if is_number else "string"
        dtype = "int64" if dtype == "bool" else dtype
        called = str(name) if isinstance(name, str) else f"x{k}"
        kind = "number" if dtype == "float64" else "id"
        columns.append(Column(called, kind, dtype, position=k))
    return columns


def _converted(steps: Pipeline, columns: list[Column]) -> tuple[Any, str]:
    """Convert the steps before the last, in double precision where they have it."""
    skl2onnx, onnxruntime = (
        onnx_package("skl2onnx"),
        onnx_package("onnxruntime"),
    )
    types = onnx_package("skl2onnx.common.data_types")
    kinds = {
        "string": types.StringTensorType,
        "int64": types.Int64TensorType,
        "float64": types.DoubleTensorType,
    }
    for precision in ("DOUBLE", "FLOAT"):
        initial = [(own.name, kinds[own.dtype]([None, *own.shape])) for own in columns]
        model = skl2onnx.convert_sklearn(
            steps, initial_types=initial, target_opset={"": OPSET, "ai.onnx.ml": 3}
        )
        kinds["float64"] = types.FloatTensorType
        try:
            onnxruntime.InferenceSession(model.SerializeToString())
        except Exception as error:  # onnxruntime has a class for each of its codes
            if precision == "FLOAT":
                raise ValueError(
                    "onnxruntime cannot run what skl2onnx makes of the steps before "
                    f"the last: leave some out. Received: {error}"
                ) from error
        else:
            break
    return model, precision


def _inputs_of(graph: Graph, columns: list[Column], matrix: str) -> dict[str, str]:
    """Give the last step what the others have made, column by column where it asks."""
    if columns[0].name == "X" and columns[0].kind == "array":
        return {"X": matrix}
    found = {}
    for own in columns:
        if own.kind not in ("number", "id") or own.dtype == "string":
            raise TypeError(
                f"to_onnx writes pipelines whose last step gets numbers: give column "
                f"{own.name!r} to the estimator itself, which reads ids and lists. "
                f"Received: {own.kind} of dtype {own.dtype}."
            )
        place = graph.constant(np.array([own.position]))
        value = graph.add("Gather", matrix, place, axis=1)
        if own.dtype == "int64":
            value = graph.add("Cast", value, to=graph.onnx.TensorProto.INT64)
        found[own.name] = value
    return found
