"""A compiled network: one graph for an epoch, one for scoring, one for predicting.

A program is traced once and then run with any weights, rows, batch size, learning rate,
dropout rate and penalty: all of these are inputs or variables of its graphs.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _seeds, _updates
from skrec.training._dropout import tuned_layers, with_tuned_dropout
from skrec.training.state import Data, Rates, State

# Rows predicted at once: bounds memory, and large enough to keep a core busy.
PREDICT_ROWS = 4096
# Fewer rows are padded to this many, so that matrix products take one path through the
# kernels whatever the number of rows, and a row's prediction does not depend on others.
MIN_ROWS = 32

_ORDER_SPEC = (tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32))
_EPOCH_SPEC = (*_ORDER_SPEC, tf.TensorSpec([None], tf.float32))


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
    """

    def __init__(
        self, model: keras.Model, compile_kwargs: dict[str, Any], device: str
    ) -> None:
        self.device = device
        with tf.device(device):
            self.model = with_tuned_dropout(model)
            self.model.compile(**compile_kwargs, jit_compile=False)
            self.optimizer.build(self.model.trainable_variables)
            self._dropout = tuned_layers(self.model)
            self._generators = [
                variable
                for variable in self.model.variables
                if variable.name == "seed_generator_state"
            ]
        self.untrained_weights = self.model.get_weights()
        self._untrained_optimizer = self._optimizer_values()
        self.n_traces = 0
        self._graphs: dict[Hashable, Callable[..., Any]] = {}

    @property
    def optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer of the model."""
        return self.model.optimizer

    def _optimizer_values(self) -> list[np.ndarray]:
        return [variable.value.numpy() for variable in self.optimizer.variables]

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
        self.model.set_weights(state.weights)
        for variable, value in zip(
            self.optimizer.variables, state.optimizer, strict=True
        ):
            variable.assign(value)

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
        return State(self.model.get_weights(), self._optimizer_values(), epoch)

    def train_epoch(
        self,
        data: Data,
        order: np.ndarray,
        batch_size: int,
        learning_rates: np.ndarray,
        rates: Rates,
        seeds: Sequence[np.ndarray],
    ) -> dict[str, float]:
        """Train on every row once.

        Parameters
        ----------
        data : Data
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
        for layer, rate in zip(self._dropout, rates.dropout, strict=True):
            layer.tuned_rate.assign(rate)
        for generator, seed in zip(self._generators, seeds, strict=True):
            generator.assign(seed)
        inputs = self._inputs(rates)
        run = self._graph(self._train_graph, data, _EPOCH_SPEC, inputs)
        self._reset_metrics()
        loss = run(
            data.x,
            data.y,
            data.weight,
            tf.constant(order, tf.int32),
            tf.constant(batch_size, tf.int32),
            tf.constant(learning_rates, tf.float32),
            *inputs,
        )
        return {"loss": float(loss), **self._metrics()}

    @property
    def n_dropout(self) -> int:
        """Number of dropout layers in the model."""
        return len(self._dropout)

    @property
    def n_seeds(self) -> int:
        """Number of seed generators in the model."""
        return len(self._generators)

    def evaluate(
        self, data: Data, batch_size: int, rates: Rates | None = None
    ) -> dict[str, float]:
        """Compute the loss and the metrics without training.

        Parameters
        ----------
        data : Data
            The rows.
        batch_size : int
            Rows a step.
        rates : Rates, default=None
            Penalties to add to the loss, as ``Model.evaluate`` does.

        Returns
        -------
        dict of str to float
            ``loss``, the mean over the rows, and the compiled metrics.
        """
        penalties = self._inputs(rates or Rates())[:2]
        run = self._graph(self._evaluate_graph, data, _ORDER_SPEC, penalties)
        self._reset_metrics()
        order = tf.range(data.n_rows, dtype=tf.int32)
        size = tf.constant(batch_size, tf.int32)
        loss = run(data.x, data.y, data.weight, order, size, *penalties)
        return {"loss": float(loss), **self._metrics()}

    def predict(self, x: Any) -> Any:
        """Compute the model's outputs, block by block.

        Parameters
        ----------
        x : ndarray or nested structure of ndarray
            Inputs.

        Returns
        -------
        ndarray or nested structure of ndarray
            Outputs of the model, one row for each row of `x`.
        """
        n_rows = len(tf.nest.flatten(x)[0])
        blocks = []
        with tf.device(self.device):
            for start in range(0, n_rows, PREDICT_ROWS):
                stop = min(start + PREDICT_ROWS, n_rows)
                blocks.append(self._predict_block(x, start, stop))
        return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *blocks)

    def _predict_block(self, x: Any, start: int, stop: int) -> Any:
        n_rows = stop - start
        padded = max(MIN_ROWS, 1 << (n_rows - 1).bit_length())

        def pad(array: Any) -> tf.Tensor:
            missing = [(0, padded - n_rows)] + [(0, 0)] * (array.ndim - 1)
            return tf.constant(np.pad(array[start:stop], missing))

        outputs = self._predict(tf.nest.map_structure(pad, x))
        return tf.nest.map_structure(lambda part: part.numpy()[:n_rows], outputs)

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
        key = (function.__name__, str(rows))
        if key in self._graphs:
            return self._graphs[key]
        with tf.device(self.device):  # what Keras creates lazily cannot be traced
            row = tf.nest.map_structure(lambda a: a[:1], (data.x, data.y, data.weight))
            outputs = self.model(row[0], training=False)
            self.model.compute_loss(row[0], row[1], outputs, row[2], training=False)
            self.model.compute_metrics(row[0], row[1], outputs, row[2])
        signature = (*rows, *spec, *tf.nest.map_structure(exact, inputs))
        self._graphs[key] = _concrete(function, *signature)
        return self._graphs[key]

    def _inputs(self, rates: Rates) -> tuple[Any, ...]:
        clipnorm = np.inf if rates.clipnorm is None else rates.clipnorm
        penalties = (rates.l1, rates.l2, clipnorm)
        hyper = {
            name: tf.constant(value, tf.float32)
            for name, value in rates.optimizer.items()
        }
        return (*(tf.constant(value, tf.float32) for value in penalties), hyper)

    def _train_graph(
        self,
        x: Any,
        y: Any,
        weight: Any,
        order: Any,
        batch_size: Any,
        learning_rates: Any,
        l1: Any,
        l2: Any,
        clipnorm: Any,
        hyper: Any,
    ) -> Any:
        """Walk the rows in `order`, a batch at a time, and update the weights."""
        self.n_traces += 1  # this line runs when the graph is traced, and only then
        fused = _updates.is_fused(self.optimizer)

        def train_step(batch: Any, step: Any) -> Any:
            with tf.GradientTape() as tape:
                outputs = self.model(batch[0], training=True)
                loss = self.model.compute_loss(
                    batch[0], batch[1], outputs, batch[2], training=True
                )
                objective = loss if fused else self.optimizer.scale_loss(loss)
            variables = self.model.trainable_variables
            gradients = tape.gradient(objective, [v.value for v in variables])
            gradients, extra = self._penalise(gradients, l1, l2, clipnorm, fused)
            rate = learning_rates[step]
            if fused:
                _updates.apply_fused(self.optimizer, gradients, variables, rate, hyper)
            else:
                if not _updates.has_schedule(self.optimizer):
                    self.optimizer.learning_rate.assign(rate)
                self.optimizer.apply(gradients, variables)
            self.model.compute_metrics(batch[0], batch[1], outputs, batch[2])
            return loss + tf.cast(extra, loss.dtype)

        return self._walk(train_step, x, y, weight, order, batch_size)

    def _evaluate_graph(
        self, x: Any, y: Any, weight: Any, order: Any, batch_size: Any, l1: Any, l2: Any
    ) -> Any:
        """Walk the rows and sum the loss."""

        def test_step(batch: Any, step: Any) -> Any:
            outputs = self.model(batch[0], training=False)
            self.model.compute_metrics(batch[0], batch[1], outputs, batch[2])
            return self.model.compute_loss(
                batch[0], batch[1], outputs, batch[2], training=False
            )

        loss = self._walk(test_step, x, y, weight, order, batch_size)
        kernels = [v for v in self.model.trainable_variables if v.name == "kernel"]
        penalties = [_penalty(kernel.value, l1, l2) for kernel in kernels]
        return loss + tf.cast(tf.add_n([0.0, *penalties]), loss.dtype)

    @staticmethod
    def _walk(
        run_step: Callable[..., Any], x: Any, y: Any, weight: Any, order: Any, size: Any
    ) -> Any:
        """Return the mean over the rows of the loss of each batch."""
        n_rows = tf.shape(order)[0]
        n_steps = (n_rows + size - 1) // size

        def body(step: Any, total: Any) -> tuple[Any, Any]:
            rows = order[step * size : (step + 1) * size]
            batch = tf.nest.map_structure(
                lambda array: tf.gather(array, rows), (x, y, weight)
            )
            loss = tf.cast(run_step(batch, step), total.dtype)
            return step + 1, total + loss * tf.cast(tf.shape(rows)[0], total.dtype)

        start = (tf.constant(0), tf.constant(0.0, tf.float64))
        total = tf.while_loop(lambda step, _: step < n_steps, body, start)[1]
        return total / tf.cast(n_rows, total.dtype)

    def _penalise(
        self, gradients: list[Any], l1: Any, l2: Any, clipnorm: Any, fused: bool
    ) -> tuple[list[Any], Any]:
        """Add the penalties' gradients, then clip; also return the penalty itself.

        One condition skips all of it in the common case that nothing is asked for.
        """
        dense = [g if g is None else tf.convert_to_tensor(g) for g in gradients]
        present = [index for index, g in enumerate(dense) if g is not None]
        variables = self.model.trainable_variables

        def change() -> tuple[list[Any], Any]:
            changed: list[Any] = []
            total = tf.constant(0.0)
            for index in present:
                g: Any = dense[index]
                w = variables[index].value
                if variables[index].name == "kernel":
                    a, b = tf.cast(l1, w.dtype), tf.cast(l2, w.dtype)
                    g = g + a * tf.sign(w) + 2 * b * w
                    total += _penalty(w, l1, l2)
                if fused:  # an optimizer of the user's own clips for itself
                    norm = tf.maximum(tf.norm(g), tf.cast(1e-30, g.dtype))
                    g = g * tf.minimum(tf.cast(clipnorm, g.dtype) / norm, 1)
                changed.append(g)
            return changed, total

        wanted = (l1 + l2 > 0) | (clipnorm < np.inf)
        kept = [dense[index] for index in present]
        new, total = tf.cond(wanted, change, lambda: (kept, tf.constant(0.0)))
        for index, g in zip(present, new, strict=True):
            dense[index] = g
        return dense, total

    @cached_property
    def _predict(self) -> Callable[[Any], Any]:
        inputs = tf.nest.map_structure(
            lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype),
            input_structure(self.model),
        )
        return _concrete(lambda x: self.model(x, training=False), inputs)

    def _reset_metrics(self) -> None:
        for metric in self.model.metrics:
            metric.reset_state()

    def _metrics(self) -> dict[str, float]:
        results = self.model.get_metrics_result()
        return {name: float(value) for name, value in results.items() if name != "loss"}


def _penalty(kernel: Any, l1: Any, l2: Any) -> Any:
    """Return the penalty on one kernel, in single precision."""
    w = tf.cast(kernel, tf.float32)
    return l1 * tf.reduce_sum(tf.abs(w)) + l2 * tf.reduce_sum(tf.square(w))


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
