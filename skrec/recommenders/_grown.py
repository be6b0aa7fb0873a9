"""A state laid out anew for tables that have grown."""

from dataclasses import replace

import numpy as np

from skrec.training.program import Program
from skrec.training.state import State


def grown_state(state: State, program: Program, seed: int) -> State:
    """Give each table the rows that the program's has more.

    Parameters
    ----------
    state : State
        Weights and slots of smaller tables, or of the same; there may be no slots.
    program : Program
        The program that is to go on.
    seed : int
        Seed of the fit, by which new rows are drawn.

    Returns
    -------
    State
        The state; the optimizer knows nothing of the new rows yet.
    """
    fresh = program.initial_state(seed)
    weights = list(map(_continued, state.weights, fresh.weights))
    slots = list(map(_continued, state.optimizer, fresh.optimizer))
    return replace(state, weights=weights, optimizer=slots)


def _continued(value: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Put what was there in front of new rows."""
    if value.shape == fresh.shape:
        return value
    grown = np.array(fresh)
    grown[: len(value)] = value
    return grown
