"""Training by ``Model.fit``, for what the in-graph loop cannot do.

It feeds Keras the same batches in the same order at the same learning rates, so that a
callback between batches changes nothing but the speed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _seeds
from skrec.training._graphs import plain
from skrec.training._optimizer_items import ensure_built
from skrec.training._penalties import summed
from skrec.training._variables import values_of
from skrec.training.loop import Logs, Observer, Plan, require_finite
from skrec.training.rows import Rows
from skrec.training.schedules import learning_rates
from skrec.training.state import State


def train_with_keras(
    model: keras.Model,
    state: State,
    rows: Rows,
    plan: Plan,
    observer: Observer,
    validation: Rows | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> State:
    """Train a private, compiled Keras model and return the state to keep.

    Parameters
    ----------
    model : keras.Model
        Compiled model, with its own dropout rates and penalties; it is trained.
    state : State
        Where to start from; empty lists keep what the model has.
    rows : Rows
        Training rows.
    plan : Plan
        How to train; its `rates` are the model's own affair here.
    observer : Observer
        Told of each epoch; may stop training.
    validation : Rows, default=None
        Rows to score after each epoch.
    callbacks : sequence of keras.callbacks.Callback, default=()
        The user's callbacks.
    **options : dict
        Further arguments of ``Model.fit``.

    Returns
    -------
    State
        The last state or, with `patience`, that of the best epoch.
    """
    if not plan.as_keras:
        ensure_built(model.optimizer, model.trainable_variables)
        # Keras sums the loss in single precision and fails at penalties in double.
        model._aggregate_additional_loss = _in_single_precision
        _sum_pieces(model.optimizer)
    if state.weights:
        model.set_weights(state.weights)
    if state.optimizer:
        slots = model.optimizer.variables
        for variable, value in zip(slots, state.optimizer, strict=True):
            variable.assign(value)
    feed = _Feed(rows, plan)
    val_data = None if validation is None else _as_given(validation, slice(None))
    own: list[keras.callbacks.Callback] = [feed]
    if val_data is not None:
        own.append(_Validation(plan, val_data))
    own.append(_Report(observer))
    best: _BestEpoch | None = None
    if plan.patience is not None:
        best = _BestEpoch(
            val_data,
            plan,
            state.kept_epoch,
            monitor=f"val_{plan.maximize or 'loss'}",
            mode="max" if plan.maximize else "min",
            patience=plan.patience,
            restore_best_weights=True,
        )
        own.append(best)
    history = model.fit(
        feed.dataset(),
        epochs=state.epoch + plan.epochs,
        initial_epoch=state.epoch,
        verbose=0,
        shuffle=False,
        callbacks=[*own, *callbacks],
        validation_data=val_data,
        validation_batch_size=plan.evaluation_batch_size or plan.batch_size,
        **options,
    )
    slots = getattr(model.optimizer, "variables", ())
    optimizer = values_of(slots)
    kept = None if best is None else best.kept_epoch
    return State(model.get_weights(), optimizer, history.epoch[-1] + 1, kept)


def _as_given(rows: Rows, which: np.ndarray | slice) -> tuple[Any, ...]:
    """Take rows, with weights only where there are any: a `train_step` may not care."""
    x, y, weight = rows.take(which)
    return (x, y, weight) if rows.weighted else (x, y)


def _sum_pieces(optimizer: Any) -> None:
    """Let an optimizer sum the pieces of an embedding's gradient, as the graph does."""
    apply = optimizer.apply

    def apply_summed(gradients: Any, variables: Any = None) -> Any:
        return apply([summed(gradient) for gradient in gradients], variables)

    optimizer.apply = apply_summed


def _in_single_precision(loss: Any) -> Any:
    return keras.ops.cast(keras.ops.sum(loss), keras.config.floatx())


class _Feed(keras.callbacks.Callback):
    """Gives Keras the loop's batches, seeds and learning rates."""

    def __init__(self, rows: Rows, plan: Plan) -> None:
        super().__init__()
        self.given, self.plan = rows, plan
        self.rows = rows.in_epoch(0)  # which tells what batches look like
        self.n_rows = len(rows)
        self.n_steps = -(-self.n_rows // plan.batch_size)
        self.order = np.arange(self.n_rows)
        self.base: float | None = plan.learning_rate

    def dataset(self) -> tf.data.Dataset:
        """Return a dataset that reads the order anew each time it is walked."""
        signature = tf.nest.map_structure(
            lambda a: tf.TensorSpec([None, *a.shape[1:]], a.dtype),
            _as_given(self.rows, slice(1)),
        )
        options = tf.data.Options()
        options.deterministic = True
        dataset = tf.data.Dataset.from_generator(
            self._batches, output_signature=signature
        ).with_options(options)
        return dataset.apply(tf.data.experimental.assert_cardinality(self.n_steps))

    def _batches(self) -> Iterator[Any]:
        for start in range(0, self.n_rows, self.plan.batch_size):
            which = self.order[start : start + self.plan.batch_size]
            yield _as_given(self.rows, which)

    def on_train_begin(self, logs: Any = None) -> None:
        if self.plan.learning_rate is not None:
            self.model.optimizer.learning_rate = self.plan.learning_rate

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        plan = self.plan
        if self.given.renew is not None:
            self.rows = self.given.in_epoch(epoch)
        if plan.shuffle:
            self.order = _seeds.permutation(plan.seed, epoch, self.n_rows)
        self.epoch = epoch
        if plan.as_keras:
            return
        states = [v for v in self.model.variables if v.name == "seed_generator_state"]
        seeds = _seeds.layer_seeds(plan.seed, epoch, len(states))
        for variable, seed in zip(states, seeds, strict=True):
            variable.assign(seed)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        plan = self.plan
        if plan.learning_rate is None or plan.schedule is None:
            return
        if batch == 0:  # by now the user's callbacks have set the epoch's own rate
            self.base = float(self.model.optimizer.learning_rate)
            total = plan.total_epochs or plan.epochs
            self.rates = learning_rates(
                plan.schedule, self.base, self.epoch, self.n_steps, total
            )
        self.model.optimizer.learning_rate = self.rates[batch]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.plan.learning_rate is not None and self.plan.schedule is not None:
            self.model.optimizer.learning_rate = self.base


class _Validation(keras.callbacks.Callback):
    """Makes the validation logs of each epoch those of the loop in the graph."""

    def __init__(self, plan: Plan, val_data: Any) -> None:
        super().__init__()
        self.plan, self.val_data = plan, val_data

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        assert logs is not None
        if self.plan.rates.penalties:  # which the model has been given
            logs["val_loss"] -= float(sum(self.model.losses))
        if self.plan.scores is not None:
            x, y, weight = self.val_data  # a named model's, always with weights
            outputs = self.model.predict(x, verbose=0)
            scores = self.plan.scores(outputs, y, weight, self.model.get_weights)
            logs |= {f"val_{name}": value for name, value in scores.items()}


class _BestEpoch(keras.callbacks.EarlyStopping):
    """Keeps what the loop keeps: the start, where no epoch was better."""

    def __init__(
        self, val_data: Any, plan: Plan, start_epoch: int, **options: Any
    ) -> None:
        super().__init__(**options)
        self.val_data, self.plan, self.kept_epoch = val_data, plan, start_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        if not self.plan.counts_start:
            return
        x, y, weight = self.val_data
        outputs = self.model.predict(x, verbose=0)
        if self.plan.maximize:
            assert self.plan.scores is not None
            self.start = self.plan.scores(outputs, y, weight, self.model.get_weights)[
                self.plan.maximize
            ]
        else:
            self.start = float(self.model.loss(y, outputs, sample_weight=weight))
        self.start_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        if self.plan.counts_start and not self._is_improvement(self.best, self.start):
            self.best_weights = self.start_weights
        else:
            self.kept_epoch = self.best_epoch + 1
        super().on_train_end(logs)


class _Report(keras.callbacks.Callback):
    """Passes each epoch on to the observer."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.observer.epoch_begin()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {name: plain(value) for name, value in (logs or {}).items()}
        require_finite(logs, self.model.get_weights(), epoch)
        if self.observer.epoch_end(logs, self.model.get_weights):
            self.model.stop_training = True
