"""A compiled network: one graph for an epoch and one for scoring.

A program is traced once and then run with any weights, rows, batch size, learning rate
and dropout rate: all of these are inputs or variables of its graphs. Penalties and
clipping are inputs too, of further graphs that are traced for the first fit that has
them, since a condition in the first would cost every step a tenth of its time.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _seeds, _updates
from skrec.training._graphs import (
    EPOCH_SPEC,
    WALK_SPEC,
    Graphs,
)
from skrec.training._optimizer_items import ensure_built
from skrec.training._pace import Pace
from skrec.training._stand_ins import program_copy, tuned_variables
from skrec.training._variables import (
    copy_variables,
    further_variables,
    has_embeddings,
    values_of,
    without_repeats,
)
from skrec.training.predictor import Predictor
from skrec.training.rows import Data, Stream
from skrec.training.state import Rates, State

P = ParamSpec("P")
R = TypeVar("R")


def _on_its_device(
    method: Callable[Concatenate["Program", P], R],
) -> Callable[Concatenate["Program", P], R]:
    """Run a method with the program's device as the default one.

    Variables and rows lie there in any case, but whatever a graph computes runs on
    TensorFlow's own default device otherwise: on the first GPU where there is one.
    """

    @wraps(method)
    def placed(self: "Program", *args: P.args, **kwargs: P.kwargs) -> R:
        with tf.device(self.device):
            return method(self, *args, **kwargs)

    return placed


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
    lazy_from : int, default=None
        Tables of at least so many rows are updated lazily, at each step only in the
        rows of ids that are in the batch; None for no table. It takes an optimizer that
        is fused, and a network of skrec's own.
    """

    def __init__(
        self,
        model: keras.Model,
        compile_kwargs: dict[str, Any],
        device: str,
        as_keras: bool = False,
        lazy_from: int | None = None,
    ) -> None:
        with tf.device(device):
            copy = program_copy(model, as_keras)
            copy.compile(**compile_kwargs, jit_compile=False)
        self._adopt(copy, device, as_keras, as_keras and has_embeddings(model))
        self.lazy_from = lazy_from
        self.untrained_optimizer = list(map(without_repeats, self._slots))
        drawn = _seeds.drawn_weights(copy)
        self.untrained_weights = [
            without_repeats(np.zeros(w.shape, w.dtype) if k in drawn else w.value)
            for k, w in enumerate([] if as_keras else copy.weights)
        ]

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
        self.lazy_from = None
        with tf.device(device):
            ensure_built(self.optimizer, self.model.trainable_variables)
        self.has_pieces = has_pieces
        self.fused = _updates.is_fused(self.optimizer, has_pieces)
        # What a fit sets before each epoch, by the name of the hyper-parameter.
        self.tuned = tuned_variables(self.model, as_keras)
        # TensorFlow's own variables: Keras's take five times as long to set.
        self._weights = [v.value for v in self._variables_of(model) if v is not None]
        self._generators = [
            variable.value
            for variable in self.model.variables
            if variable.name == "seed_generator_state" and not as_keras
        ]
        self._slots = [variable.value for variable in self.optimizer.variables]
        self._has_metrics = True
        self.n_traces = 0
        self._graphs: dict[Hashable, Callable[..., Any]] = {}
        self._pace = Pace()

    @property
    def n_bytes(self) -> int:
        """Bytes that the weights and the optimizer take."""
        variables = [*self._weights, *self._slots]
        kept = [*self.untrained_weights, *self.untrained_optimizer]
        return sum(v.dtype.size * math.prod(v.shape) for v in variables) + sum(
            array.nbytes for array in kept if any(array.strides)
        )

    def release(self) -> None:
        """Give the memory of the variables back, after the last use of the program.

        A model is a web of references that only the garbage collector finds, some day.
        """
        with tf.device(self.device):
            for variable in [*self._weights, *self._slots]:
                nothing = tf.zeros([0], variable.dtype)
                tf.raw_ops.AssignVariableOp(resource=variable.handle, value=nothing)

    @_on_its_device
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
        return State(weights, list(self.untrained_optimizer))

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

    def dump(self, epoch: int) -> State:
        """Return the present state as numpy arrays.

        Parameters
        ----------
        epoch : int
            Number of epochs trained so far.

        Returns
        -------
        State
            The weights and the optimizer's variables, read-only.
        """
        return State(self.get_weights(), list(map(_value, self._slots)), epoch)

    def get_weights(self) -> list[np.ndarray]:
        """Return the weights at this moment, read-only."""
        return list(map(_value, self._weights))

    @_on_its_device
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
        for name, variables in self.tuned.items():
            for variable in variables:
                variable.assign(rates.tuned[name])
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
            rates_of_steps = learning_rates[steps]
            for some, these in self._calls(run, rows, batch_size):
                total = run(
                    block.x,
                    block.y,
                    block.weight,
                    tf.constant(these, tf.int32),
                    size,
                    total,
                    tf.constant(rates_of_steps[some], tf.float32),
                    *inputs,
                )
                total.numpy()  # waits for a GPU
        return {"loss": float(total) / len(data), **self._metric_results()}

    def _calls(
        self, run: Callable[..., Any], rows: np.ndarray, batch_size: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the steps of each call of a graph, and their rows."""
        for steps in self._pace.calls((run, batch_size), -(-len(rows) // batch_size)):
            yield steps, rows[steps.start * batch_size : steps.stop * batch_size]

    @property
    def is_lazy(self) -> bool:
        """Whether a table is updated only in the rows that a batch has read."""
        return any(map(self._is_lazy, self.model.trainable_variables))

    @property
    def n_seeds(self) -> int:
        """Number of seed generators in the model."""
        return len(self._generators)

    @_on_its_device
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
            for _, these in self._calls(run, rows, batch_size):
                order = tf.constant(these, tf.int32)
                total = run(block.x, block.y, block.weight, order, size, total)
                total.numpy()  # waits for a GPU
        return {"loss": float(total) / len(data), **self._metric_results()}

    @_on_its_device
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
        return self.predictor.outputs(self.model.weights, data)

    @cached_property
    def predictor(self) -> Predictor:
        """What predicts with weights of models like this one."""
        return Predictor(self.model, self.device)


def _value(variable: tf.Variable) -> np.ndarray:
    """Return what a variable holds, without a second copy of it.

    It stays as it is: TensorFlow copies what somebody has read before it is changed.
    """
    return np.asarray(variable.read_value())
