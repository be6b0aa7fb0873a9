"""Predictions: a graph that is given the weights too, and so serves any thread.

A program's variables belong to one fit at a time. To predict, nothing has to be written
anywhere: threads that predict with one estimator read one set of weights, and those of
estimators that differ in their weights alone run one graph.
"""

import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from skrec.training._global_generators import global_generators
from skrec.training._graphs import concrete, input_structure
from skrec.training.rows import Data, Stream, take_rows
from skrec.training.state import State

# Rows are predicted in blocks of so many, times a power of two, filled up with zeros.
# Matrix products treat the rows that are left over in another way, with other last
# bits, where their number is no multiple of 6, 8, 24 or 32, depending on the processor:
# so a row's prediction does not depend on how many others there are.
MIN_ROWS = 96
# At most so many, enough to keep a core busy, and so many bytes of their inputs and of
# the largest output of a layer, which bounds memory.
PREDICT_ROWS = 32 * MIN_ROWS
PREDICT_BYTES = 2**25

Weights = Sequence[Any]


class Predictor:
    """What a Keras model computes outside of training, apart from its weights.

    Parameters
    ----------
    model : keras.Model
        Built functional or Sequential model; it is read and not kept.
    device : str
        TensorFlow device to run on, such as ``"/CPU:0"``.
    """

    def __init__(self, model: keras.Model, device: str) -> None:
        self.device = device
        self._size = rows_at_once(model)
        variables = list(model.weights)

        def run(weights: Any, x: Any) -> Any:
            pairs = list(zip(variables, weights, strict=True))
            with keras.StatelessScope(state_mapping=pairs):
                return model(x, training=False)

        self._inputs = inputs = tf.nest.map_structure(
            lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype),
            input_structure(model),
        )
        with tf.device(device):
            specs = [tf.TensorSpec(v.shape, v.dtype) for v in variables]
            self._run = concrete(run, specs, inputs)

    def predict(
        self, weights: Weights, x: Any, prepare: Callable[[Any], Any] | None = None
    ) -> Any:
        """Compute outputs, block by block.

        Parameters
        ----------
        weights : sequence of tensor, variable or ndarray
            In the order of ``model.weights``.
        x : array, sparse matrix, or nested structure of them
            Inputs.
        prepare : callable, default=None
            Turns rows of `x` into inputs; None leaves them as they are.

        Returns
        -------
        ndarray or nested structure of ndarray
            Outputs of the model, one row for each row of `x`.
        """
        n_rows = tf.nest.flatten(x)[0].shape[0]
        outputs = None
        with tf.device(self.device):
            weights = [tf.convert_to_tensor(weight) for weight in weights]
            for start in range(0, max(1, n_rows), self._size):  # shapes, if no rows
                rows = slice(start, min(start + self._size, n_rows))
                block = tf.nest.map_structure(
                    lambda array, rows=rows: take_rows(array, rows), x
                )
                block = self._padded(weights, prepare(block) if prepare else block)
                if outputs is None:
                    outputs = tf.nest.map_structure(
                        lambda part: np.empty((n_rows, *part.shape[1:]), part.dtype),
                        block,
                    )
                for whole, part in zip(
                    tf.nest.flatten(outputs), tf.nest.flatten(block), strict=True
                ):
                    whole[rows] = part
        return outputs

    def _padded(self, weights: Weights, x: Any) -> Any:
        n_rows = len(tf.nest.flatten(x)[0])
        n_blocks = max(1, -(-n_rows // MIN_ROWS))
        padded = MIN_ROWS << (n_blocks - 1).bit_length()

        def pad(array: Any) -> tf.Tensor:
            if padded > n_rows:
                whole = np.zeros((padded, *array.shape[1:]), array.dtype)
                whole[:n_rows] = array
                array = whole
            return tf.constant(array)

        x = tf.nest.map_structure(pad, x)
        outputs = self._run(weights, _with_sequences_of(self._inputs, x))
        return tf.nest.map_structure(lambda part: part.numpy()[:n_rows], outputs)

    def outputs(
        self, weights: Weights, data: Data | Stream
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute outputs for rows that are on the device already.

        Parameters
        ----------
        weights : sequence of tensor, variable or ndarray
            In the order of ``model.weights``.
        data : Data or Stream
            The rows.

        Returns
        -------
        tuple of ndarray
            Outputs, targets and weights of the rows, in their order.
        """
        parts = []
        weights = [tf.convert_to_tensor(weight) for weight in weights]
        for block, rows, _ in data.blocks(np.arange(len(data)), self._size):
            for start in range(0, len(rows), self._size):
                some = slice(start, start + self._size)
                x, y, weight = tf.nest.map_structure(
                    lambda array, some=some: array[some],
                    (block.x, block.y, block.weight),
                )
                found = self._run(weights, x)
                parts.append((found.numpy(), y.numpy(), weight.numpy()))
        outputs, targets, of_rows = zip(*parts, strict=True)
        return np.concatenate(outputs), np.concatenate(targets), np.concatenate(of_rows)


def _with_sequences_of(structure: Any, x: Any) -> Any:
    """Make lists of tuples, or tuples: models that differ in these share a graph."""
    sequences = isinstance(structure, list | tuple) and isinstance(x, list | tuple)
    if sequences and len(structure) == len(x):
        kind = tuple if isinstance(structure, tuple) else list
        return kind(map(_with_sequences_of, structure, x))
    if isinstance(structure, dict) and isinstance(x, dict):
        return {k: _with_sequences_of(structure.get(k), v) for k, v in x.items()}
    return x


def rows_at_once(model: keras.Model) -> int:
    """Return how many rows to predict or score at once, so that memory stays bounded.

    Parameters
    ----------
    model : keras.Model
        The model.

    Returns
    -------
    int
        `MIN_ROWS` times a power of two: fewer where each row, or what a layer makes of
        it, is large.
    """
    inputs = sum(_size_of(tensor) for tensor in getattr(model, "inputs", None) or [])
    largest = max((_size_of(tensor) for tensor in _outputs_in(model)), default=0)
    n_blocks = PREDICT_BYTES // max(1, 8 * (inputs + largest)) // MIN_ROWS
    return min(PREDICT_ROWS, MIN_ROWS << max(0, n_blocks.bit_length() - 1))


def _size_of(tensor: Any) -> int:
    return math.prod(size or 1 for size in tensor.shape[1:])


def _outputs_in(model: Any) -> list[Any]:
    """List the symbolic outputs of the layers and operations in a model."""
    found: list[Any] = []
    if isinstance(model, keras.Sequential):
        model = model._functional
    for operation in getattr(model, "operations", ()):
        for node in operation._inbound_nodes:
            found += [] if node.is_input else node.output_tensors
        found += _outputs_in(operation)
    return found


# ---- what is kept of the last predictions ------------------------------------------


class _Held(NamedTuple):
    state: Callable[[], State | None]
    tensors: list[Any]
    n_bytes: int


class PredictorCache:
    """Predictors by what shapes their graph, and the weights of states as tensors.

    Parameters
    ----------
    maxsize : int, default=32
        Number of predictors to keep; the least recently used goes first.
    max_bytes : int, default=2**28
        Bytes of weights to keep. Those of the last state are always kept, and none
        longer than the state itself lives.
    """

    def __init__(self, maxsize: int = 32, max_bytes: int = 2**28) -> None:
        self.maxsize, self.max_bytes = maxsize, max_bytes
        self._predictors: OrderedDict[Hashable, Predictor] = OrderedDict()
        self._held: OrderedDict[tuple[int, str], _Held] = OrderedDict()
        self._lock = threading.RLock()  # a state may die while it is held
        self._making = threading.RLock()  # one thread at a time

    def get(self, key: Hashable, build: Callable[[], Predictor]) -> Predictor:
        """Return the predictor of `key`, built if there is none.

        Parameters
        ----------
        key : hashable
            What shapes the graph.
        build : callable
            Function that makes the predictor.

        Returns
        -------
        Predictor
            For any number of threads at once.
        """
        found = self._found(key)
        if found is None:
            with self._making, global_generators(0):
                found = self._found(key)  # another thread may have been faster
                if found is None:
                    found = build()
                    with self._lock:
                        self._predictors[key] = found
                        while len(self._predictors) > self.maxsize:
                            self._predictors.popitem(last=False)
        return found

    def _found(self, key: Hashable) -> Predictor | None:
        with self._lock:
            if key in self._predictors:
                self._predictors.move_to_end(key)
            return self._predictors.get(key)

    def weights(self, state: State, device: str) -> list[Any]:
        """Return the weights of a state as tensors.

        On a CPU the state's arrays become views of the tensors, so that the weights are
        in memory once.

        Parameters
        ----------
        state : State
            The state.
        device : str
            TensorFlow device.

        Returns
        -------
        list of tensor
            In the order of ``state.weights``.
        """
        key = id(state), device
        with self._lock:
            held = self._held.get(key)
            if held is None or held.state() is not state:
                with tf.device(device):
                    tensors = [tf.constant(weight) for weight in state.weights]
                if "CPU" in device:
                    state.weights = [np.asarray(tensor) for tensor in tensors]
                n_bytes = sum(weight.nbytes for weight in state.weights)
                forget = weakref.ref(state, lambda _: self._forget(key))
                held = self._held[key] = _Held(forget, tensors, n_bytes)
            self._held.move_to_end(key)
            self._make_room()
            return held.tensors

    def _make_room(self) -> None:
        n_bytes = sum(held.n_bytes for held in self._held.values())
        while n_bytes > self.max_bytes and len(self._held) > 1:
            n_bytes -= self._held.popitem(last=False)[1].n_bytes

    def _forget(self, key: tuple[int, str]) -> None:
        with self._lock:
            held = self._held.get(key)
            if held is not None and held.state() is None:  # not another of the same id
                del self._held[key]

    def limit(self, max_bytes: int) -> None:
        """Change how many bytes of weights are kept.

        Parameters
        ----------
        max_bytes : int
            The new limit.
        """
        with self._lock:
            self.max_bytes = max_bytes
            self._make_room()

    def clear(self) -> None:
        """Drop all predictors and weights."""
        with self._lock:
            self._predictors.clear()
            self._held.clear()


PREDICTORS = PredictorCache()
