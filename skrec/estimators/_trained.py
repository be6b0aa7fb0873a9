"""From prepared rows to a trained state: what each fit is told, beside its rows."""

from dataclasses import replace
from typing import Any

import keras

from skrec._warn import warn_user
from skrec.estimators._callbacks import (
    Deploying,
    checked_callbacks,
    same_objects,
    saves_models,
)
from skrec.estimators._epochs import EpochReporter
from skrec.estimators._optimizer_params import fit_optimizer, make_arguments
from skrec.estimators._prepared import Given, Prepared, budget_of, fed
from skrec.estimators._start import at_base_rate
from skrec.training import resolve_device
from skrec.training._optimizer_items import uses_averages
from skrec.training._updates import base_learning_rate, graph_key
from skrec.training.copies import fresh
from skrec.training.fit import Fit, run
from skrec.training.loop import Plan, needs_model_fit
from skrec.training.predictor import rows_at_once
from skrec.training.program import Program
from skrec.training.state import Rates, State

OPTIMIZER_LEFT_OUT = (
    "This estimator was saved without the state of its optimizer, which starts anew: "
    "to go on as if it had never been saved, save it by skrec.io.dump(..., "
    "optimizer=True), or pickle it."
)


def trained(
    estimator: Any,
    prepared: Prepared,
    given: Given,
    reset: bool,
    remember: bool,
    reporter: EpochReporter,
) -> State:
    """Train an estimator's network.

    Parameters
    ----------
    estimator : BaseNetwork
        The estimator, whose network is known.
    prepared : Prepared
        Rows, and how long to train.
    given : Given
        What `fit` got.
    reset : bool
        Whether to begin anew, or to go on from the last call.
    remember : bool
        Whether to look in `memory`, and to store there.
    reporter : EpochReporter
        Told of each epoch.

    Returns
    -------
    State
        The state to keep.
    """
    validation = prepared.validation
    rows = fed(estimator, prepared.rows)
    last_key = vars(estimator).get("_optimizer_key")
    optimizer = fit_optimizer(estimator)
    estimator._optimizer_key = graph_key(optimizer)
    estimator._optimizer_made = make_arguments(estimator)
    estimator.auto_params_ = estimator._auto_params(prepared.budget, given.is_part)
    estimator._rates_made = estimator._rates()
    estimator._lazy_from = estimator._lazy_rows(optimizer)
    callbacks: list[Any] = [*_copied_callbacks(estimator, reset)]
    by_keras = needs_model_fit(callbacks)
    if by_keras and any(map(saves_models, callbacks)):
        callbacks = [Deploying(callbacks, estimator._deployable), *callbacks]

    def start(program: Program) -> tuple[State, Plan]:
        estimator._was_lazy = program.is_lazy
        plan = _plan(estimator, prepared, given, program, optimizer)
        if by_keras:
            estimator._check_without_graph(program)
        if not reset:
            same = estimator._optimizer_key == last_key
            return _state_to_go_on(estimator, program, same), plan
        state = program.initial_state(estimator._seed)
        state = at_base_rate(state, program, rows)
        if not given.is_part:
            state = estimator._start(state, program, rows)
        return state, plan

    return run(
        Fit(
            lease=estimator._lease,
            start=start,
            rows=rows,
            validation=None if validation is None else fed(estimator, validation),
            callbacks=callbacks,
            keras_model=estimator._keras_model,
            observer=reporter,
            device=resolve_device(estimator.device),
            by_keras=by_keras,
            memory=estimator.memory if remember else None,
            about=lambda _: estimator._fit_items(optimizer),
        )
    )


def _plan(
    estimator: Any,
    prepared: Prepared,
    given: Given,
    program: Program,
    optimizer: keras.optimizers.Optimizer,
) -> Plan:
    """Say how to train."""
    budget, n_rows = prepared.budget, len(prepared.rows)
    whole = budget
    if given.is_part:
        whole = budget_of(estimator, n_rows, given._replace(is_part=False))
    stops = budget.early_stopping and prepared.validation is not None
    named = isinstance(estimator.lr_schedule, str)
    return Plan(
        seed=estimator._seed,
        epochs=budget.epochs,
        batch_size=min(budget.batch_size, n_rows),
        learning_rate=base_learning_rate(optimizer),
        rates=Rates.of(optimizer, estimator._tuned(), program.tuned),
        schedule=str(estimator.lr_schedule) if named else estimator.lr_schedule,
        total_epochs=whole.epochs,
        patience=budget.n_iter_no_change if stops else None,
        evaluation_batch_size=rows_at_once(program.model),
        scores=estimator._validation_scores(),
        maximize=estimator._monitored,
        averages=uses_averages(optimizer),
        counts_start=estimator._counts_start,
    )


def _copied_callbacks(estimator: Any, reset: bool) -> list[keras.callbacks.Callback]:
    """Copy the callbacks; a fit that goes on keeps the copies of the last one."""
    given = checked_callbacks(estimator.callbacks)
    # Copies that have been through pickle are without: they may hold open files.
    last = vars(estimator).get("_given_callbacks")
    if reset or last is None or not same_objects(given, last):
        estimator._fit_callbacks, estimator._given_callbacks = fresh(list(given)), given
    return estimator._fit_callbacks


def _state_to_go_on(estimator: Any, program: Program, same_optimizer: bool) -> State:
    """Return what training goes on from; another optimizer starts anew."""
    state = estimator._current_state()
    if not state.optimizer:  # every optimizer counts its steps
        warn_user(OPTIMIZER_LEFT_OUT)
    elif same_optimizer:
        return estimator._laid_out(state, program)
    state = estimator._laid_out(replace(state, optimizer=[]), program)
    return replace(state, optimizer=program.untrained_optimizer)
