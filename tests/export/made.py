"""A small ONNX file with the schema of skrec's, made by hand, whose answers are known.

Its score is 1 for the id "tea", or .5 without one, 10 for the number 2**60 + 1, 100
times the price, or -1 without one, 1,000 for each 7 in the
history and 10,000 for each tag "hot".
"""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BIG = 2**60 + 1
NO_TEXT, NO_NUMBER, UNKNOWN = "<missing>", -(2**63), -(2**63) + 1
NEW_TEXT = "<unknown>"
COLUMNS = [
    {
        "name": "item",
        "kind": "id",
        "dtype": "string",
        "shape": [1],
        "missing": NO_TEXT,
        "unknown": NEW_TEXT,
    },
    {
        "name": "user id",
        "kind": "id",
        "dtype": "int64",
        "shape": [1],
        "missing": NO_NUMBER,
        "unknown": UNKNOWN,
    },
    {"name": "price", "kind": "number", "dtype": "float64", "shape": [1]},
    {
        "name": "history",
        "kind": "list",
        "dtype": "int64",
        "shape": [None],
        "missing": NO_NUMBER,
        "unknown": UNKNOWN,
        "padding": UNKNOWN + 1,
        "required": False,
    },
    {
        "name": "tags",
        "kind": "list",
        "dtype": "string",
        "shape": [None],
        "missing": NO_TEXT,
        "unknown": NEW_TEXT,
        "padding": "<padding>",
        "separator": "|",
        "required": False,
    },
    {"name": "image", "kind": "array", "dtype": "float64", "shape": [2, 2]},
]
for position, column in enumerate(COLUMNS):
    column["position"] = position
SCHEMA = {
    "format": 1,
    "skrec": "0.1.0",
    "estimator": "MadeClassifier",
    "task": "classifier",
    "input": "table",
    "columns": COLUMNS,
    "classes": ["no", "yes"],
    "outputs": ["label", "probabilities", "score"],
}
TYPES = {
    "string": TensorProto.STRING,
    "int64": TensorProto.INT64,
    "float64": TensorProto.DOUBLE,
}


def constant(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def lookup(column, output, keys, values):
    kind = "strings" if isinstance(keys[0], str) else "int64s"
    keys = {f"keys_{kind}": keys, "values_floats": values}
    return helper.make_node(
        "LabelEncoder",
        [column],
        [output],
        domain="ai.onnx.ml",
        default_float=0.0,
        **keys,
    )


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs.split("|"), [output], **attributes)


NODES = [
    lookup("item", "tea", ["tea", NO_TEXT], [1.0, 0.5]),
    lookup("user id", "big", [BIG], [10.0]),
    node("IsNaN", "price", "gone"),
    node("Mul", "price|hundred", "dear"),
    node("Where", "gone|minus|dear", "exact"),
    node("Cast", "exact", "cost", to=TensorProto.FLOAT),
    lookup("history", "sevens", [7], [1000.0]),
    node("ReduceSum", "sevens|last", "seven", keepdims=1),
    lookup("tags", "hots", ["hot"], [10000.0]),
    node("ReduceSum", "hots|last", "hot", keepdims=1),
    node("Sum", "tea|big|cost|seven|hot", "score"),
    node("Sigmoid", "score", "p"),
    node("Sub", "one|p", "q"),
    node("Concat", "q|p", "probabilities", axis=1),
    node("Greater", "p|half", "above"),
    node("Cast", "above", "code", to=TensorProto.INT64),
    helper.make_node(
        "LabelEncoder",
        ["code"],
        ["labels"],
        domain="ai.onnx.ml",
        keys_int64s=[0, 1],
        values_strings=["no", "yes"],
    ),
    node("Squeeze", "labels|last", "label"),
]
CONSTANTS = {
    "hundred": np.float64(100),
    "minus": np.float64(-1),
    "one": np.float32(1),
    "half": np.float32(0.5),
    "last": np.array([1], np.int64),
}


def write(path, **changes):
    """Write the file; `changes` are made to what it says of itself."""
    schema = {**SCHEMA, **changes}
    inputs = [
        helper.make_tensor_value_info(
            c["name"],
            TYPES[c["dtype"]],
            ["batch", *(size or f"{c['name']}_length" for size in c["shape"])],
        )
        for c in COLUMNS
    ]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.STRING, ["batch"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1]),
    ]
    constants = [constant(name, value) for name, value in CONSTANTS.items()]
    graph = helper.make_graph(NODES, "made", inputs, outputs, constants)
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 4)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=9)
    if schema["format"] is not None:
        text = {"skrec.schema": json.dumps(schema)}
        helper.set_model_props(model, text)
    onnx.save(model, path)
    return path
