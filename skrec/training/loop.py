"""The training loop: epochs, shuffling, schedules, early stopping, Keras callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np

from skrec.training import _seeds
from skrec.training._callback_notes import notes_of, take_notes
from skrec.training._graphs import plain
from skrec.training._optimizer_items import ensure_built
from skrec.training.memory import FitMemory
from skrec.training.program import Program
from skrec.training.rows import Data, Rows, Stream, on_device
from skrec.training.schedules import Schedule, learning_rates
from skrec.training.state import Best, Progress, Rates, State
from skrec.training.structure import compiled_parts

Logs = dict[str, float]
ReadWeights = Callable[[], list[np.ndarray]]
Scores = Callable[[np.ndarray, np.ndarray, np.ndarray, ReadWeights], Logs]


@dataclass
class Plan:
    """How one fit is to train; what to train on is given apart.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    epochs : int
        Number of epochs to train now.
    batch_size : int
        Rows a step.
    learning_rate : float or None
        Learning rate before the schedule; None where the optimizer has its own.
    rates : Rates
        Other continuous hyper-parameters.
    schedule : {None, "step", "exponential", "cosine"}, Keras schedule or callable
        Learning-rate schedule.
    total_epochs : int, default=None
        What a schedule takes as the whole training; `epochs` if None.
    shuffle : bool, default=True
        Whether to visit the rows in a new order in each epoch.
    patience : int, default=None
        Stop after this many epochs without a better validation score, and restore the
        weights of the best one; None never stops.
    evaluation_batch_size : int, default=None
        Rows a step of validation; `batch_size` if None.
    scores : callable, default=None
        Function of (outputs, targets, weights) of the validation rows, and of a
        function that returns the network's weights at this moment, that returns a dict
        of further scores, logged with ``val_`` in front.
    maximize : str, default=None
        Which of these scores says what epoch is best; None for the lowest loss.
    as_keras : bool, default=False
        Whether the states of random generators are the model's own affair, as they are
        in ``Model.fit``; otherwise each epoch draws from `seed`.
    averages : bool, default=False
        Whether the optimizer replaces the weights by their moving averages at the end.
    counts_start : bool, default=True
        Whether the start, which may be a linear model, may be better than all epochs.
    """

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float | None
    rates: Rates
    schedule: Schedule = None
    total_epochs: int | None = None
    shuffle: bool = True
    patience: int | None = None
    evaluation_batch_size: int | None = None
    scores: Scores | None = None
    maximize: str | None = None
    as_keras: bool = False
    averages: bool = False
    counts_start: bool = True


class Observer(Protocol):
    """Told of each epoch, by this loop and by ``Model.fit`` alike."""

    @property
    def needs_weights(self) -> bool:
        """Whether it asks for the weights after each epoch."""

    def epoch_begin(self) -> None:
        """Take note that an epoch begins."""

    def epoch_end(self, logs: Logs, weights: ReadWeights) -> bool:
        """Take note of an epoch's results and answer whether to stop.

        Parameters
        ----------
        logs : dict of str to float
            Loss and metrics.
        weights : callable
            Returns the weights at this moment.

        Returns
        -------
        bool
            True to stop training.
        """


@dataclass
class Watcher:
    """Keras callbacks and the private model on which they act.

    Parameters
    ----------
    model : keras.Model
        Compiled model with the architecture of the program, for the callbacks alone.
    callbacks : sequence of keras.callbacks.Callback
        The callbacks.
    """

    model: keras.Model
    callbacks: Sequence[keras.callbacks.Callback]
    _list: Any = field(default=None, init=False)

    def attach(self, epochs: int, steps: int) -> None:
        """Give the callbacks their model.

        Parameters
        ----------
        epochs, steps : int
            Number of epochs, and of steps an epoch, that the callbacks are told.
        """
        self._seen = _LastLogs()
        self._list = keras.callbacks.CallbackList(
            [*self.callbacks, self._seen],
            add_history=False,
            model=self.model,
            epochs=epochs,
            steps=steps,
            verbose=0,
        )

    def begin(self, program: Program, epochs: int, steps: int) -> None:
        """Copy the program's state to the model and start the callbacks.

        Parameters
        ----------
        program : Program
            The program that is to train.
        epochs, steps : int
            Number of epochs, and of steps an epoch, that the callbacks are told.
        """
        ensure_built(self.model.optimizer, self.model.trainable_variables)
        self.model.stop_training = False
        program.copy_to(self.model)
        self._parts, self._is_first = compiled_parts(self.model), True
        self.attach(epochs, steps)
        self._list.on_train_begin()

    def notes(self) -> list[dict[str, Any]]:
        """Return what the callbacks have noted, to be stored."""
        return [notes_of(callback) for callback in self.callbacks]

    def go_on(self, notes: list[dict[str, Any]]) -> None:
        """Let the callbacks go on from what was stored.

        Parameters
        ----------
        notes : list of dict
            From :meth:`notes`.
        """
        for callback, noted in zip(self.callbacks, notes, strict=True):
            take_notes(callback, noted)

    def epoch_begin(self, program: Program, epoch: int) -> None:
        """Run the callbacks before an epoch and take over what they changed.

        Parameters
        ----------
        program : Program
            The program that trains.
        epoch : int
            Number of the epoch, from 0.
        """
        self._list.on_epoch_begin(epoch)
        # Keras too compiles at the first step, and is deaf to what comes later.
        is_first, self._is_first = self._is_first, False
        if is_first and compiled_parts(self.model) != self._parts:
            raise ValueError(
                "A Keras callback has changed an attribute of a layer, such as "
                "`trainable`, or of the optimizer before the first step, which the "
                "compiled training cannot follow. Set it where the model is built, or "
                "give the callback an `on_train_batch_begin`, so that Model.fit trains "
                "the model."
            )
        program.copy_from(self.model)

    def epoch_end(self, program: Program, epoch: int, logs: Logs) -> None:
        """Run the callbacks after an epoch and take over what they changed.

        Parameters
        ----------
        program : Program
            The program that trains.
        epoch : int
            Number of the epoch, from 0.
        logs : dict of str to float
            Loss and metrics; the callbacks may add to it.
        """
        program.copy_to(self.model)
        self._list.on_epoch_end(epoch, logs)
        logs.update(self._seen.logs)
        program.copy_from(self.model)

    def end(self, program: Program, logs: Logs) -> None:
        """Run the callbacks after the last epoch and take over what they changed.

        Parameters
        ----------
        program : Program
            The program that trained.
        logs : dict of str to float
            Loss and metrics of the last epoch.
        """
        program.copy_to(self.model)
        self._list.on_train_end(logs)
        program.copy_from(self.model)

    @property
    def stop(self) -> bool:
        """Whether a callback asked to stop."""
        return bool(self.model.stop_training)


class _LastLogs(keras.callbacks.Callback):
    """Keeps what the callbacks before it added to the logs, as ``History`` does."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.logs = {name: plain(value) for name, value in (logs or {}).items()}


def train(
    program: Program,
    state: State,
    rows: Rows,
    plan: Plan,
    observer: Observer,
    validation: Rows | None = None,
    watcher: Watcher | None = None,
    memory: FitMemory | None = None,
) -> State:
    """Train a program and return the state to keep.

    Parameters
    ----------
    program : Program
        A leased program.
    state : State
        Where to start from.
    rows : Rows
        Training rows.
    plan : Plan
        How to train.
    observer : Observer
        Told of each epoch, those found in the memory included; may stop training.
    validation : Rows, default=None
        Rows to score after each epoch; their results are logged as ``val_loss`` etc.
    watcher : Watcher, default=None
        Keras callbacks.
    memory : FitMemory, default=None
        Where the training may have been stored, and will be.

    Returns
    -------
    State
        The last state or, with `patience`, that of the best epoch.

    Raises
    ------
    FloatingPointError
        If the loss is no longer a finite number.
    """
    progress, end, n_told = Progress(state), state.epoch + plan.epochs, 0
    last, n_steps = end, -(-len(rows) // plan.batch_size)
    if memory is not None:
        progress, end, n_told = _recall(memory, progress, end, observer)
        if progress.stopped or progress.state.epoch == end:
            if watcher is not None:
                watcher.attach(plan.epochs, n_steps)
                watcher.go_on(progress.callbacks)
            return progress.kept
    data: Data | Stream | None = None
    val_data = None if validation is None else on_device(validation, program.device)
    program.load(progress.state)
    history, best = progress.history, progress.best
    base = plan.learning_rate
    if base is not None and not progress.callbacks:  # which may have changed it
        program.optimizer.learning_rate = base
    if watcher is not None:
        watcher.begin(program, plan.epochs, n_steps)
        if progress.callbacks:
            watcher.go_on(progress.callbacks)
    looks = plan.patience is not None and plan.counts_start and not history
    if looks and val_data is not None:
        # A start at a linear model may be better than all that comes of it; patience
        # is with the epochs alone, since untrained networks are good by accident.
        logs = _validate(program, val_data, plan)
        _look_for_best(best, logs, progress.state.kept_epoch, plan, program)
    stop = patience_is_over = False
    for epoch in range(progress.state.epoch, end):
        is_new = epoch >= n_told
        if is_new:
            observer.epoch_begin()
        if watcher is not None:
            watcher.epoch_begin(program, epoch)
            if base is not None:  # a callback may have changed it
                base = float(program.optimizer.learning_rate)
        if data is None or rows.renew is not None:
            data = on_device(rows.in_epoch(epoch), program.device)
        logs = _run_epoch(program, data, plan, epoch, base)
        if val_data is not None:
            logs |= _validate(program, val_data, plan)
        require_finite(logs, [], epoch)
        if watcher is not None:
            watcher.epoch_end(program, epoch, logs)
        history.append(logs)
        if plan.patience is not None:
            _look_for_best(best, logs, epoch + 1, plan, program)
            losses = [_loss_of(past, plan) for past in history]
            n_waited = len(losses) - 1 - int(np.argmin(losses))
            patience_is_over = n_waited >= plan.patience
        stop = is_new and observer.epoch_end(logs, program.get_weights)
        if stop or patience_is_over or (watcher is not None and watcher.stop):
            break
        if memory is not None and epoch + 1 < end and memory.is_checkpoint_due:
            notes = [] if watcher is None else watcher.notes()
            state = program.dump(epoch + 1)
            memory.save_checkpoint(Progress(state, history, best, callbacks=notes))
    if best.weights is None:
        program.finalize()
    is_end = patience_is_over or (memory is not None and not memory.continues)
    progress = Progress(program.dump(epoch + 1), history, best, is_end)
    if watcher is not None:
        program.set_weights(progress.kept.weights)
        watcher.end(program, logs)
        notes = [] if memory is None else watcher.notes()
        state = program.dump(epoch + 1)
        best = Best(best.loss, best.epoch)  # its weights are the state's
        progress = Progress(state, history, best, stopped=True, callbacks=notes)
    require_finite(logs, progress.kept.weights, epoch)
    if memory is not None and (memory.continues or (not stop and end == last)):
        memory.save(progress)
    return progress.kept


def _recall(
    memory: FitMemory, untrained: Progress, end: int, observer: Observer
) -> tuple[Progress, int, int]:
    """Find what is stored of a training and tell the observer of its epochs.

    Returns the progress, the number of epochs at which to end, and how many of them the
    observer has been told of.
    """
    found = memory.recall(end, like=untrained.state)
    if found is None:
        return untrained, end, 0
    history, weights = found.history, found.state.weights
    for n_told, logs in enumerate(history, 1):
        observer.epoch_begin()
        if observer.epoch_end(dict(logs), lambda: weights):
            goes_on = not (memory.continues or found.stopped)
            if n_told < len(history) or goes_on:
                found = memory.recall(n_told, like=untrained.state) or untrained
            return found, n_told, n_told
    return found, end, len(history)


def _validate(program: Program, val_data: Data | Stream, plan: Plan) -> Logs:
    """Score the validation rows.

    Without penalties: vectors of ids grow from next to nothing, and so would the loss,
    long after the predictions have begun to get better.
    """
    size = plan.evaluation_batch_size or plan.batch_size
    scores = program.evaluate(val_data, size)
    if plan.scores is not None:
        scores |= plan.scores(*program.outputs(val_data), program.get_weights)
    return {f"val_{name}": value for name, value in scores.items()}


def _look_for_best(
    best: Best, logs: Logs, epoch: int, plan: Plan, program: Program
) -> None:
    """Take note of what validation rows lost, and of the weights if least."""
    loss = _loss_of(logs, plan)
    if loss < best.loss:
        best.loss, best.epoch, best.weights = loss, epoch, program.get_weights()


def _loss_of(logs: Logs, plan: Plan) -> float:
    """Return what the best epoch has least of."""
    if plan.maximize is None:
        return logs["val_loss"]
    return -logs[f"val_{plan.maximize}"]


def _run_epoch(
    program: Program, data: Data | Stream, plan: Plan, epoch: int, base: float | None
) -> Logs:
    """Train one epoch at the rates of the schedule, leaving the base rate in place."""
    n_rows = len(data)
    n_steps = -(-n_rows // plan.batch_size)
    rates = np.zeros(n_steps)
    if base is not None:
        total = plan.total_epochs or plan.epochs
        rates = learning_rates(plan.schedule, base, epoch, n_steps, total)
    order = np.arange(n_rows)
    if plan.shuffle:
        order = _seeds.permutation(plan.seed, epoch, n_rows)
    seeds = _seeds.layer_seeds(plan.seed, epoch, program.n_seeds)
    logs = program.train_epoch(data, order, plan.batch_size, rates, plan.rates, seeds)
    if base is not None and not program.fused:
        program.optimizer.learning_rate = base  # the graph set that of each step
    return logs


def require_finite(logs: Logs, weights: list[np.ndarray], epoch: int) -> None:
    """Raise if training has diverged.

    Parameters
    ----------
    logs : dict of str to float
        Loss and metrics of the epoch.
    weights : list of ndarray
        Weights after the epoch; the loss is that from before its last step.
    epoch : int
        Number of the epoch, from 0.

    Raises
    ------
    FloatingPointError
        If a loss or a weight is not finite.
    """
    wrong = [
        name for name in ("loss", "val_loss") if not np.isfinite(logs.get(name, 0))
    ]
    if not wrong and not all(np.isfinite(weight).all() for weight in weights):
        wrong = ["a weight"]
    if wrong:
        value = logs.get(wrong[0], "infinite")
        raise FloatingPointError(
            f"{wrong[0]} became {value} in epoch {epoch + 1}, so the weights are "
            "useless. Lower learning_rate, set clipnorm=1.0, or check X and y for "
            "extreme values."
        )


def needs_model_fit(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Tell whether a callback acts between batches, which the graph cannot do.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
        The callbacks.

    Returns
    -------
    bool
        True if one of them overrides a batch-level method.
    """
    names = (
        "on_batch_begin",
        "on_batch_end",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_test_batch_begin",
        "on_test_batch_end",
    )
    base = keras.callbacks.Callback

    def overrides(callback: Any, name: str) -> bool:
        # LambdaCallback sets its functions on the instance.
        method = getattr(getattr(callback, name), "__func__", None)
        return method is not getattr(base, name)

    return any(overrides(callback, name) for callback in callbacks for name in names)
