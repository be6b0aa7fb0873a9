"""The graphs of a program: an epoch and scoring, traced when first run."""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _penalties, _updates
from skrec.training._optimizer_items import has_schedule
from skrec.training.rows import Data

# The order of the rows, the batch size, and the sum of the losses so far.
WALK_SPEC = (
    tf.TensorSpec([None], tf.int32),
    tf.TensorSpec([], tf.int32),
    tf.TensorSpec([], tf.float64),
)
# Weights of which a step may read a few rows: a vector, or a number, of each id.
TABLES = "embeddings", "item_bias"
EPOCH_SPEC = (*WALK_SPEC, tf.TensorSpec([None], tf.float32))


class Graphs:
    """Traces and runs the graphs of one compiled model, which a program sets."""

    model: keras.Model
    device: str
    as_keras: bool
    fused: bool
    lazy_from: int | None
    n_traces: int
    _has_metrics: bool
    _graphs: dict[Hashable, Callable[..., Any]]

    @property
    def optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer of the model."""
        return self.model.optimizer

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
        self._graphs[key] = concrete(run, *signature)
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
                gradients = [
                    _penalties.summed(gradient, self._is_lazy(variable))
                    for gradient, variable in zip(gradients, variables, strict=True)
                ]
            if penalties:
                extra = _penalties.value(gradients, variables, penalties)
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

    def _is_lazy(self, variable: keras.Variable) -> bool:
        """Tell whether a step updates only those rows of a table that it has read."""
        return (
            self.fused
            and self.lazy_from is not None
            and variable.name in TABLES
            and variable.shape[0] >= self.lazy_from
        )

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

    def _reset_metrics(self) -> None:
        if self._has_metrics:
            self.model.reset_metrics()

    def _metric_results(self) -> dict[str, Any]:
        if not self._has_metrics:
            return {}
        results = self.model.get_metrics_result()
        return {name: plain(value) for name, value in results.items() if name != "loss"}


def plain(value: Any) -> Any:
    """Return a loss or metric as a number, or as a list where it has several.

    Parameters
    ----------
    value : number, tensor or array
        The value, of which some metrics have one a class.

    Returns
    -------
    float or list of float
        What a file can hold.
    """
    array = np.asarray(value)
    return array.tolist() if array.ndim else float(array)


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


def concrete(function: Callable[..., Any], *signature: Any) -> Callable[..., Any]:
    """Trace a function for one signature, once and for all.

    TensorFlow counts calls of a traced Python function and warns of "retracing" where
    several programs, each with a good reason for a trace, share its source line.

    Parameters
    ----------
    function : callable
        Function of tensors.
    *signature : TensorSpec or nested structure of them
        Its arguments.

    Returns
    -------
    callable
        The graph.
    """
    return tf.function(function, autograph=False).get_concrete_function(*signature)
