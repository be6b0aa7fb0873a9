"""Builds ONNX graphs, node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skrec._extras import import_extra
from skrec.export._schema import Column

OPSET, OPSET_ML, IR_VERSION = 18, 4, 9
PREFIX = "skrec."  # of all names but those of inputs and outputs
BATCH = "batch"
MOST_BYTES = 2**31 - 2**20  # of one file


def onnx_package(name: str) -> Any:
    """Import a package of the extra ``onnx``, or a module of one.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    module
        The module.
    """
    return import_extra(name, "onnx", "to_onnx")


class Graph:
    """Nodes, constants, inputs and outputs of a graph to be."""

    def __init__(self) -> None:
        self.onnx = onnx_package("onnx")
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

    def add_inputs(self, columns: Sequence[Column]) -> None:
        """Add an input for each column.

        Parameters
        ----------
        columns : sequence of Column
            What a model takes.
        """
        for own in columns:
            shape = [
                f"{own.name}_length" if size is None else size for size in own.shape
            ]
            self.input(own.name, own.dtype, [BATCH, *shape])

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

    def pass_on(self, name: str, value: str, like: Any) -> None:
        """Add an output of the type of another graph's.

        Parameters
        ----------
        name : str
            Its name.
        value : str
            What it is.
        like : ValueInfoProto
            The other one.
        """
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        info = self.onnx.ValueInfoProto()
        info.CopyFrom(like)
        info.name = name
        self.outputs.append(info)

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
            # NumPy, and make_tensor with it, cuts the NULs at the end of strings.
            texts = np.asarray(values, dtype=object)
            kind = self.onnx.TensorProto.STRING
            tensor = self.onnx.TensorProto(name=name, data_type=kind, dims=texts.shape)
            tensor.string_data.extend(_utf8(str(one)) for one in texts.ravel())
            return tensor
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

    def side_by_side(self, parts: list[str]) -> str:
        """Concatenate columns, if there is more than one.

        Parameters
        ----------
        parts : list of str
            Tensors of shape (batch, n).

        Returns
        -------
        str
            One of shape (batch, sum of n).
        """
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

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

    def _require_writable(self) -> None:
        """Refuse names that ONNX would take for something else, and too much data."""
        outputs = {one.name for one in self.outputs}
        for name in (one.name for one in self.inputs):
            if name in outputs or not name or name.startswith(PREFIX):
                raise ValueError(
                    "The inputs of a graph have the names of columns, and the outputs "
                    f"are called {sorted(outputs)}: rename the column and fit again. "
                    f"Received: a column named {name!r}."
                )
        n_bytes = sum(one.ByteSize() for one in (*self.constants, *self.nodes))
        if n_bytes > MOST_BYTES:
            raise ValueError(
                "An ONNX file holds at most 2 GB: leave out rare ids, or make their "
                f"vectors shorter. Received: {n_bytes / 2**30:.1f} GB."
            )

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
        self._require_writable()
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


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            "ONNX holds ids and labels as UTF-8, which has no half of a character: "
            f"repair the text and fit again. Received: {text!r}."
        ) from None
