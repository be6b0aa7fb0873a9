"""A compiled network: one graph for an epoch, one for scoring, one for predicting.

A program is traced once and then run with any weights, rows, batch size, learning rate
and dropout rate: all of these are inputs or variables of its graphs. Penalties and
clipping are inputs too, of further graphs that are traced for the first fit that has
them, since a condition in the first would cost every step a tenth of its time.
"""

import weakref
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _penalties, _seeds, _updates
from skrec.training._dropout import tuned_layers, with_tuned_dropout
from skrec.training._optimizer_items import has_schedule
from skrec.training._variables import (
    copy_variables,
    further_variables,
    has_embeddings,
    values_of,
)
from skrec.training.rows import Data, Stream, take_rows
from skrec.training.state import Rates, State

# Rows predicted at once: bounds memory, and large enough to keep a core busy.
PREDICT_ROWS = 4096
# Fewer rows are padded to this many, so that matrix products take one path through the
# kernels whatever the number of rows, and a row's prediction does not depend on others.
MIN_ROWS = 32

# The order of the rows, the batch size, and the sum of the losses so far.
_WALK_SPEC = (
    tf.TensorSpec([None], tf.int32),
    tf.TensorSpec([], tf.int32),
    tf.TensorSpec([], tf.float64),
)
_EPOCH_SPEC = (*_WALK_SPEC, tf.TensorSpec([None], tf.float32))


class Program:
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
            self.optimizer.build(self.model.trainable_variables)
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

    def is_current(self) -> bool:
        """Tell whether the program still does what its key says.

        Returns
        -------
        bool
            False where a function of the user's own has changed; overwritten there.
        """
        return True

    @property
    def optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer of the model."""
        return self.model.optimizer

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
            run = self._graph(self._train_graph, block, _EPOCH_SPEC, inputs)
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
            run = self._graph(self._evaluate_graph, block, _WALK_SPEC)
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
        for block, rows, _ in data.blocks(np.arange(len(data)), PREDICT_ROWS):
            for start in range(0, len(rows), PREDICT_ROWS):
                some = slice(start, start + PREDICT_ROWS)
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
        outputs = None
        with tf.device(self.device):
            for start in range(0, n_rows, PREDICT_ROWS):
                rows = slice(start, min(start + PREDICT_ROWS, n_rows))
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

    # ---- the graphs ----------------------------------------------------------------

    def _graph(
        self,
        function: Callable[..., Any],
        data: Data,
        spec: Sequence[tf.TensorSpec],
        inputs: Any = (),
    ) -> Callable[..., Any]:
        """Return the graph of a function for data of this kind, traced if need be.

        The signature leaves the number of rows open, so that there is one trace.
        """

        def open_rows(tensor: Any) -> tf.TensorSpec:
            return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)

        def exact(tensor: Any) -> tf.TensorSpec:
            return tf.TensorSpec(tensor.shape, tensor.dtype)

        rows = tf.nest.map_structure(open_rows, (data.x, data.y, data.weight))
        kinds = str(rows), str(tf.nest.map_structure(exact, inputs))
        key = (function.__name__, data.weighted, *kinds)
        if key in self._graphs:
            return self._graphs[key]
        with tf.device(self.device):  # what Keras creates lazily cannot be traced
            row = tf.nest.map_structure(lambda a: a[:1], (data.x, data.y, data.weight))
            self._create_lazily(*row)
        # One is Keras's own mean of the loss, which the graph returns by itself.
        self._has_metrics = len(self.model.metrics) > 1
        self._reset_metrics()
        signature = (*rows, *spec, *tf.nest.map_structure(exact, inputs))
        run = partial(function, data.weighted)
        self._graphs[key] = _concrete(run, *signature)
        return self._graphs[key]

    def _create_lazily(self, x: Any, y: Any, weight: Any) -> None:
        """Let Keras create the variables of losses and metrics."""
        if self.as_keras:  # by shapes alone, since a call may change a layer's state
            self.model._symbolic_build(data_batch=(x, y, weight))
            return
        outputs = self.model(x, training=False)
        self.model.compute_loss(x, y, outputs, weight, training=False)
        self._update_metrics((x, y, weight), outputs)

    def _train_graph(
        self,
        weighted: bool,
        x: Any,
        y: Any,
        weight: Any,
        order: Any,
        batch_size: Any,
        total: Any,
        learning_rates: Any,
        hyper: Any,
        penalties: Any,
    ) -> Any:
        """Walk the rows in `order`, a batch at a time, and update the weights."""
        self.n_traces += 1  # this line runs when the graph is traced, and only then
        fused = self.fused

        def train_step(batch: Any, step: Any) -> Any:
            with tf.GradientTape() as tape:
                outputs = self.model(batch[0], training=True)
                loss = self.model.compute_loss(
                    batch[0],
                    batch[1],
                    outputs,
                    batch[2] if weighted else None,
                    training=True,
                )
                objective = loss if fused else self.optimizer.scale_loss(loss)
            variables = self.model.trainable_variables
            gradients = tape.gradient(objective, [v.value for v in variables])
            if not self.as_keras or fused:
                gradients = [_penalties.as_dense(gradient) for gradient in gradients]
            if penalties:
                extra = _penalties.value(variables, penalties)
                loss += tf.cast(extra, loss.dtype)
                gradients = _penalties.add(gradients, variables, penalties)
                if fused:  # an optimizer of the user's own clips for itself
                    gradients = _penalties.clip(gradients, penalties)
            rate = learning_rates[step]
            if fused:
                _updates.apply_fused(self.optimizer, gradients, variables, rate, hyper)
            else:
                if not has_schedule(self.optimizer):
                    self.optimizer.learning_rate.assign(rate)
                self.optimizer.apply(gradients, variables)
            self._update_metrics(batch, outputs, weighted)
            return loss

        return self._walk(train_step, x, y, weight, order, batch_size, total)

    def _evaluate_graph(
        self,
        weighted: bool,
        x: Any,
        y: Any,
        weight: Any,
        order: Any,
        batch_size: Any,
        total: Any,
    ) -> Any:
        """Walk the rows and sum the loss."""

        def test_step(batch: Any, step: Any) -> Any:
            outputs = self.model(batch[0], training=False)
            self._update_metrics(batch, outputs, weighted)
            return self.model.compute_loss(
                batch[0],
                batch[1],
                outputs,
                batch[2] if weighted else None,
                training=False,
            )

        return self._walk(test_step, x, y, weight, order, batch_size, total)

    def _update_metrics(self, batch: Any, outputs: Any, weighted: bool = True) -> None:
        if self._has_metrics:
            weight = batch[2] if weighted else None
            self.model.compute_metrics(batch[0], batch[1], outputs, weight)

    @staticmethod
    def _walk(
        run_step: Callable[..., Any],
        x: Any,
        y: Any,
        weight: Any,
        order: Any,
        size: Any,
        total: Any,
    ) -> Any:
        """Add each batch's loss, times its rows, to the total of the blocks before."""
        n_steps = (tf.shape(order)[0] + size - 1) // size

        def body(step: Any, total: Any) -> tuple[Any, Any]:
            rows = order[step * size : (step + 1) * size]
            batch = tf.nest.map_structure(
                lambda array: tf.gather(array, rows), (x, y, weight)
            )
            # A loss that is not reduced has a value a row.
            loss = tf.reduce_mean(tf.cast(run_step(batch, step), total.dtype))
            return step + 1, total + loss * tf.cast(tf.shape(rows)[0], total.dtype)

        start = (tf.constant(0), total)
        return tf.while_loop(lambda step, _: step < n_steps, body, start)[1]

    @cached_property
    def _predict(self) -> Callable[[Any], Any]:
        inputs = tf.nest.map_structure(
            lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype),
            input_structure(self.model),
        )
        return _concrete(lambda x: self.model(x, training=False), inputs)

    def _reset_metrics(self) -> None:
        if self._has_metrics:
            self.model.reset_metrics()

    def _metric_results(self) -> dict[str, float]:
        if not self._has_metrics:
            return {}
        results = self.model.get_metrics_result()
        return {name: float(value) for name, value in results.items() if name != "loss"}


def input_structure(model: keras.Model) -> Any:
    """Return the symbolic inputs of a model, nested as the model takes them.

    Parameters
    ----------
    model : keras.Model
        Built functional or Sequential model.

    Returns
    -------
    KerasTensor, or list or dict of them
        A Sequential model that was never called has no ``input``, but one of `inputs`.
    """
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _concrete(function: Callable[..., Any], *signature: Any) -> Callable[..., Any]:
    """Trace a function for one signature, once and for all.

    TensorFlow counts calls of a traced Python function and warns of "retracing" where
    several programs, each with a good reason for a trace, share its source line.
    """
    return tf.function(function, autograph=False).get_concrete_function(*signature)
