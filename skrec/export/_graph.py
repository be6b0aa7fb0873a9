"""Builds ONNX graphs, node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skrec.export._packages import onnx_packages

OPSET, OPSET_ML, IR_VERSION = 18, 4, 9
PREFIX = "skrec."  # of all names but those of inputs and outputs
BATCH = "batch"


class Graph:
    """Nodes, constants, inputs and outputs of a graph to be."""

    def __init__(self) -> None:
        self.onnx = onnx_packages().onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self._n_names = 0

    def _name(self, what: str) -> str:
        self._n_names += 1
        return f"{PREFIX}{what}.{self._n_names}"

    def input(self, name: str, dtype: str, shape: Sequence[Any]) -> str:
        """Add an input.

        Parameters
        ----------
        name : str
            Its name.
        dtype : str
            Such as ``"string"``.
        shape : sequence of (int or str)
            Its shape, with names where it is open.

        Returns
        -------
        str
            The name.
        """
        self.inputs.append(self._value(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: str, shape: Sequence[Any]) -> None:
        """Add an output.

        Parameters
        ----------
        name : str
            Its name.
        value : str
            What it is.
        dtype : str
            Such as ``"string"``.
        shape : sequence of (int or str)
            Its shape, with names where it is open.
        """
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._value(name, dtype, shape))

    def _value(self, name: str, dtype: str, shape: Sequence[Any]) -> Any:
        kind = self._kind(dtype)
        return self.onnx.helper.make_tensor_value_info(name, kind, list(shape))

    def _kind(self, dtype: str) -> int:
        names = {"string": "STRING", "float64": "DOUBLE", "float32": "FLOAT"}
        return getattr(self.onnx.TensorProto, names.get(dtype, dtype.upper()))

    def constant(self, values: Any, what: str = "constant") -> str:
        """Add a constant.

        Parameters
        ----------
        values : array-like
            Numbers, or strings.
        what : str, default="constant"
            A part of its name.

        Returns
        -------
        str
            Its name.
        """
        name = self._name(what)
        self.constants.append(self.tensor(values, name))
        return name

    def tensor(self, values: Any, name: str = "tensor") -> Any:
        """Make a tensor, of strings or of numbers."""
        array = np.asarray(values)
        if array.dtype.kind in "OUT":
            texts = [str(value).encode("utf-8") for value in array.ravel()]
            kind = self.onnx.TensorProto.STRING
            return self.onnx.helper.make_tensor(name, kind, array.shape, texts)
        return self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)

    def add(
        self, operation: str, *inputs: str, domain: str = "", **attributes: Any
    ) -> str:
        """Add a node with one output.

        Parameters
        ----------
        operation : str
            Name of the operator.
        *inputs : str
            What it reads.
        domain : str, default=""
            Of the operator.
        **attributes : object
            Of the node.

        Returns
        -------
        str
            Name of the output.
        """
        return self.add_several(1, operation, *inputs, domain=domain, **attributes)[0]

    def add_several(
        self,
        n: int,
        operation: str,
        *inputs: str,
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Add a node with several outputs, and return their names."""
        outputs = [self._name(operation) for _ in range(n)]
        node = self.onnx.helper.make_node(
            operation,
            list(inputs),
            outputs,
            name=outputs[0],
            domain=domain,
            **attributes,
        )
        self.nodes.append(node)
        return outputs

    def look_up(self, value: str, keys: Any, values: Any, default: Any) -> str:
        """Map values to others.

        Parameters
        ----------
        value : str
            What to look up.
        keys, values : array-like of shape (n_keys,)
            What is known, and what becomes of it.
        default : object
            What becomes of all else.

        Returns
        -------
        str
            The result.
        """
        return self.add(
            "LabelEncoder",
            value,
            domain="ai.onnx.ml",
            keys_tensor=self.tensor(keys, "keys"),
            values_tensor=self.tensor(values, "values"),
            default_tensor=self.tensor([default], "default"),
        )

    def embed(self, model: Any, inputs: dict[str, str]) -> list[str]:
        """Put another model's graph into this one.

        Parameters
        ----------
        model : ModelProto
            The model, which is changed.
        inputs : dict of str to str
            What its inputs are here.

        Returns
        -------
        list of str
            Its outputs.
        """
        prefix = self._name("network") + "."
        graph = self.onnx.compose.add_prefix(model, prefix, inplace=True).graph
        for one in graph.input:
            value = inputs[one.name.removeprefix(prefix)]
            node = self.onnx.helper.make_node("Identity", [value], [one.name])
            self.nodes.append(node)
        self.nodes += graph.node
        self.constants += graph.initializer
        return [one.name for one in graph.output]

    def model(self, metadata: dict[str, str]) -> Any:
        """Return the model.

        Parameters
        ----------
        metadata : dict of str to str
            What it says of itself.

        Returns
        -------
        ModelProto
            Checked.
        """
        helper = self.onnx.helper
        graph = helper.make_graph(
            self.nodes, "skrec", self.inputs, self.outputs, self.constants
        )
        opsets = [
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", OPSET_ML),
        ]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="skrec"
        )
        helper.set_model_props(model, metadata)
        self.onnx.checker.check_model(model)
        return model
