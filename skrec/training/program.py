"""A compiled network: one graph for an epoch, one for scoring, one for predicting.

A program is traced once and then run with any weights, rows, batch size, learning rate
and dropout rate: all of these are inputs or variables of its graphs. Penalties and
clipping are inputs too, of further graphs that are traced for the first fit that has
them, since a condition in the first would cost every step a tenth of its time.
"""

import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _seeds, _updates
from skrec.training._dropout import tuned_layers, with_tuned_dropout
from skrec.training._graphs import (
    EPOCH_SPEC,
    MIN_ROWS,
    WALK_SPEC,
    Graphs,
    rows_at_once,
)
from skrec.training._optimizer_items import ensure_built
from skrec.training._variables import (
    copy_variables,
    further_variables,
    has_embeddings,
    values_of,
)
from skrec.training.rows import Data, Stream, take_rows
from skrec.training.state import Rates, State


class Program(Graphs):
    """A compiled Keras model and its graphs.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential model, which is copied.
    compile_kwargs : dict
        Arguments of ``Model.compile``; the optimizer and the metrics in it become the
        program's own.
    device : str
        TensorFlow device to run on, such as ``"/CPU:0"``.
    as_keras : bool, default=False
        Whether to do what ``Model.fit`` does with a user's own network where skrec does
        otherwise with its own: the states of random generators go on from what they
        are, instead of being set before each epoch, and the pieces of an embedding's
        gradient are not summed before they are squared.
    """

    def __init__(
        self,
        model: keras.Model,
        compile_kwargs: dict[str, Any],
        device: str,
        as_keras: bool = False,
    ) -> None:
        with tf.device(device):
            copy = with_tuned_dropout(model)
            copy.compile(**compile_kwargs, jit_compile=False)
        self._adopt(copy, device, as_keras, as_keras and has_embeddings(model))

    @classmethod
    def around(cls, model: keras.Model, device: str) -> "Program":
        """Make a program that trains a compiled model itself, as Keras would.

        Parameters
        ----------
        model : keras.Model
            Functional or Sequential model of the user's own.
        device : str
            TensorFlow device to run on.

        Returns
        -------
        Program
            Its weights are those of the model, and its optimizer is the model's.
        """
        program = cls.__new__(cls)
        program._adopt(model, device, as_keras=True, has_pieces=True)
        return program

    def _adopt(
        self, model: keras.Model, device: str, as_keras: bool, has_pieces: bool
    ) -> None:
        self.model, self.device, self.as_keras = model, device, as_keras
        with tf.device(device):
            ensure_built(self.optimizer, self.model.trainable_variables)
        self.has_pieces = has_pieces
        self.fused = _updates.is_fused(self.optimizer, has_pieces)
        self._dropout = tuned_layers(self.model)
        # TensorFlow's own variables: Keras's take five times as long to set.
        self._weights = [v.value for v in self._variables_of(model) if v is not None]
        self._generators = [
            variable.value
            for variable in self.model.variables
            if variable.name == "seed_generator_state" and not as_keras
        ]
        self._slots = [variable.value for variable in self.optimizer.variables]
        self.untrained_weights = self.model.get_weights()
        self._untrained_optimizer = self._optimizer_values()
        self._has_metrics = True
        self.n_traces = 0
        self._loaded: Callable[[], State | None] = lambda: None
        self._graphs: dict[Hashable, Callable[..., Any]] = {}

    def _optimizer_values(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self._slots]

    def initial_state(self, seed: int) -> State:
        """Draw an untrained state.

        Parameters
        ----------
        seed : int
            Seed of the fit.

        Returns
        -------
        State
            New weights and a new optimizer state.
        """
        weights = _seeds.initial_weights(self.model, self.untrained_weights, seed)
        return State(weights, self.untrained_optimizer)

    @property
    def untrained_optimizer(self) -> list[np.ndarray]:
        """The optimizer's variables before the first step."""
        return list(self._untrained_optimizer)

    def load(self, state: State) -> None:
        """Take over a state.

        Parameters
        ----------
        state : State
            Weights and optimizer variables; the arrays are copied.
        """
        self.set_weights(state.weights)
        for variable, value in zip(self._slots, state.optimizer, strict=True):
            variable.assign(value)

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Copy weights into the program.

        Parameters
        ----------
        weights : sequence of ndarray
            In the order of ``model.weights``.
        """
        self._loaded = lambda: None
        for variable, value in zip(self._weights, weights, strict=True):
            variable.assign(value)

    def copy_to(self, model: keras.Model) -> None:
        """Write weights and optimizer slots into another model of the same kind.

        Parameters
        ----------
        model : keras.Model
            A compiled model, whose optimizer is built.
        """
        if model is not self.model:
            for variable, value in zip(
                self._variables_of(model), self.get_weights(), strict=True
            ):
                if variable is not None:
                    variable.assign(value)
            copy_variables(self.optimizer, model.optimizer)

    def copy_from(self, model: keras.Model) -> None:
        """Take weights and optimizer slots over from another model of the same kind.

        Parameters
        ----------
        model : keras.Model
            A compiled model, whose optimizer is built.
        """
        if model is not self.model:
            self.set_weights(self.weights_of(model))
            copy_variables(model.optimizer, self.optimizer)
        self._loaded = lambda: None

    def weights_of(self, model: keras.Model) -> list[np.ndarray]:
        """Return the weights of another model of the same kind.

        Parameters
        ----------
        model : keras.Model
            The model.

        Returns
        -------
        list of ndarray
            What :meth:`set_weights` takes.
        """
        return values_of(self._variables_of(model))

    def _variables_of(self, model: keras.Model) -> list[keras.Variable | None]:
        """Return what training changes in a model, in one order for all that are alike.

        None stands for what the program has and the model has not.
        """
        if not self.as_keras:
            return model.weights
        # What a layer counts or draws goes on from epoch to epoch.
        further = further_variables(model)
        if model is self.model:
            further = [variable for variable in further if variable is not None]
        return [*model.weights, *further]

    def finalize(self) -> None:
        """Put the moving averages of the weights in place, if the optimizer has any."""
        self.optimizer.finalize_variable_values(self.model.trainable_variables)
        self._loaded = lambda: None

    def dump(self, epoch: int) -> State:
        """Return the present state as numpy arrays.

        Parameters
        ----------
        epoch : int
            Number of epochs trained so far.

        Returns
        -------
        State
            Copies of the weights and the optimizer's variables.
        """
        return State(self.get_weights(), self._optimizer_values(), epoch)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights at this moment."""
        return [variable.numpy() for variable in self._weights]

    def train_epoch(
        self,
        data: Data | Stream,
        order: np.ndarray,
        batch_size: int,
        learning_rates: np.ndarray,
        rates: Rates,
        seeds: Sequence[np.ndarray],
    ) -> dict[str, float]:
        """Train on every row once.

        Parameters
        ----------
        data : Data or Stream
            The rows.
        order : ndarray of shape (n_rows,)
            The order in which to visit them.
        batch_size : int
            Rows a step.
        learning_rates : ndarray of shape (n_steps,)
            Learning rate of each step.
        rates : Rates
            Continuous hyper-parameters.
        seeds : sequence of ndarray
            State of each seed generator of the model.

        Returns
        -------
        dict of str to float
            ``loss``, the mean over the rows, and the compiled metrics.
        """
        self._loaded = lambda: None
        for layer, rate in zip(self._dropout, rates.dropout, strict=True):
            layer.tuned_rate.assign(rate)
        for generator, seed in zip(self._generators, seeds, strict=True):
            generator.assign(seed)
        inputs = tf.nest.map_structure(
            lambda value: tf.constant(value, tf.float32),
            (rates.optimizer, rates.penalties),
        )
        size = tf.constant(batch_size, tf.int32)
        total = tf.constant(0.0, tf.float64)
        self._reset_metrics()
        for block, rows, steps in data.blocks(order, batch_size):
            run = self._graph(self._train_graph, block, EPOCH_SPEC, inputs)
            total = run(
                block.x,
                block.y,
                block.weight,
                tf.constant(rows, tf.int32),
                size,
                total,
                tf.constant(learning_rates[steps], tf.float32),
                *inputs,
            )
        return {"loss": float(total) / len(data), **self._metric_results()}

    @property
    def dropout_names(self) -> list[str]:
        """Names of the dropout layers, in the model's order."""
        return [layer.name for layer in self._dropout]

    @property
    def n_seeds(self) -> int:
        """Number of seed generators in the model."""
        return len(self._generators)

    def evaluate(self, data: Data | Stream, batch_size: int) -> dict[str, float]:
        """Compute the loss, without the penalties of a fit, and the metrics.

        Parameters
        ----------
        data : Data or Stream
            The rows.
        batch_size : int
            Rows a step.

        Returns
        -------
        dict of str to float
            ``loss``, the mean over the rows, and the compiled metrics.
        """
        size = tf.constant(batch_size, tf.int32)
        total = tf.constant(0.0, tf.float64)
        self._reset_metrics()
        for block, rows, _ in data.blocks(np.arange(len(data)), batch_size):
            run = self._graph(self._evaluate_graph, block, WALK_SPEC)
            order = tf.constant(rows, tf.int32)
            total = run(block.x, block.y, block.weight, order, size, total)
        return {"loss": float(total) / len(data), **self._metric_results()}

    def outputs(self, data: Data | Stream) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute the outputs for rows that are on the device already.

        Parameters
        ----------
        data : Data or Stream
            The rows.

        Returns
        -------
        tuple of ndarray
            Outputs, targets and weights of the rows, in their order.
        """
        parts = []
        size = rows_at_once(self.model)
        for block, rows, _ in data.blocks(np.arange(len(data)), size):
            for start in range(0, len(rows), size):
                some = slice(start, start + size)
                x, y, weight = tf.nest.map_structure(
                    lambda array, some=some: array[some],
                    (block.x, block.y, block.weight),
                )
                parts.append((self._predict(x).numpy(), y.numpy(), weight.numpy()))
        outputs, targets, weights = zip(*parts, strict=True)
        return np.concatenate(outputs), np.concatenate(targets), np.concatenate(weights)

    def predict(self, x: Any, prepare: Callable[[Any], Any] | None = None) -> Any:
        """Compute the model's outputs, block by block.

        Parameters
        ----------
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
        outputs, size = None, rows_at_once(self.model)
        with tf.device(self.device):
            for start in range(0, n_rows, size):
                rows = slice(start, min(start + size, n_rows))
                block = tf.nest.map_structure(
                    lambda array, rows=rows: take_rows(array, rows), x
                )
                block = self._predict_block(prepare(block) if prepare else block)
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

    def _predict_block(self, x: Any) -> Any:
        n_rows = len(tf.nest.flatten(x)[0])
        padded = max(MIN_ROWS, 1 << (n_rows - 1).bit_length())

        def pad(array: Any) -> tf.Tensor:
            if padded > n_rows:
                whole = np.zeros((padded, *array.shape[1:]), array.dtype)
                whole[:n_rows] = array
                array = whole
            return tf.constant(array)

        outputs = self._predict(tf.nest.map_structure(pad, x))
        return tf.nest.map_structure(lambda part: part.numpy()[:n_rows], outputs)

    def predict_with(
        self, state: State, x: Any, prepare: Callable[[Any], Any] | None = None
    ) -> Any:
        """Compute the model's outputs with the weights of a state.

        Parameters
        ----------
        state : State
            Where the weights are; they are copied only if the program does not hold
            them already, so that single rows are predicted in no time.
        x : array, sparse matrix, or nested structure of them
            Inputs.
        prepare : callable, default=None
            Turns rows of `x` into inputs; None leaves them as they are.

        Returns
        -------
        ndarray or nested structure of ndarray
            Outputs of the model.
        """
        if self._loaded() is not state:
            self.set_weights(state.weights)
            self._loaded = weakref.ref(state)
        return self.predict(x, prepare)
