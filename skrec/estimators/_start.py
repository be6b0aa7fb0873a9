"""Where training starts: the output layer at the base rate of the target."""

import numpy as np

from skrec.training.program import Program
from skrec.training.rows import Rows
from skrec.training.state import State

BIAS = "logits/bias"  # of the output layer, in every network of this package


def at_base_rate(state: State, program: Program, rows: Rows) -> State:
    """Start the output layer's bias at what the targets say without X.

    Ids would otherwise take up the base rate, each a part, and a new id predict far
    from it.

    Parameters
    ----------
    state : State
        Untrained state.
    program : Program
        The program that it belongs to.
    rows : Rows
        Rows to train on, with the targets that the loss takes.

    Returns
    -------
    State
        The state with another bias.
    """
    kept = slice(None) if rows.index is None else rows.index
    target, weight = rows.y[kept], rows.weight[kept].astype(np.float64)
    weights = list(state.weights)
    for index, variable in enumerate(program.model.weights):
        if variable.path.endswith(BIAS):
            loss = program.model.loss
            bias = base_rate(target, weight, weights[index].shape[0], loss.name)
            weights[index] = bias.astype(weights[index].dtype)
    return State(weights, state.optimizer, state.epoch)


def base_rate(
    target: np.ndarray, weight: np.ndarray, n_outputs: int, loss: str
) -> np.ndarray:
    """Compute the constant outputs of the lowest loss.

    Parameters
    ----------
    target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Codes of classes, or 0 and 1 of labels, or numbers.
    weight : ndarray of shape (n_rows,)
        Weights of mean 1. A class without rows counts as half a row, so that one that
        a stream brings later can still be learnt.
    n_outputs : int
        Number of outputs.
    loss : str
        Name of the loss: log-odds for labels, logarithms of the frequencies for codes
        of classes, else means.

    Returns
    -------
    ndarray of float64 of shape (n_outputs,)
        Log-odds, log-frequencies or means.
    """
    if target.ndim == 1:
        counts = np.bincount(target, weight, minlength=n_outputs)
        counts = np.where(counts > 0, counts, 0.5)
        return np.log(counts / counts.sum())
    if "crossentropy" not in loss:
        return weight @ target / weight.sum()
    yes, no = weight @ target, weight @ (1 - target)
    return np.log(np.where(yes > 0, yes, 0.5) / np.where(no > 0, no, 0.5))
