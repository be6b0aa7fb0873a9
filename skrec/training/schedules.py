"""Learning-rate schedules as data: the rate of every step of an epoch, as numbers."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

# Halving every ten epochs and a tenth less (in the exponent) an epoch are what Keras's
# own LearningRateScheduler guide and most tutorials use.
STEP_EPOCHS = 10
STEP_FACTOR = 0.5
EXPONENTIAL_RATE = 0.1

Schedule = None | str | Callable[..., Any]


def learning_rates(
    schedule: Schedule, learning_rate: float, epoch: int, n_steps: int, epochs: int
) -> np.ndarray:
    """Return the learning rate of each step of one epoch.

    Parameters
    ----------
    schedule : {None, "step", "exponential", "cosine"}, Keras schedule or callable
        None keeps the rate; ``"step"`` halves it every 10 epochs; ``"exponential"``
        multiplies it by exp(-0.1) an epoch, step by step; ``"cosine"`` takes it to zero
        over `epochs`, and starts anew after that. A Keras schedule is called with the
        step counted from the start of training and replaces the rate. Any other
        callable is called as ``schedule(epoch, learning_rate)``.
    learning_rate : float
        The rate at the start of training.
    epoch : int
        Number of the epoch, from 0.
    n_steps : int
        Number of steps in the epoch.
    epochs : int
        Number of epochs of the whole training, for ``"cosine"``.

    Returns
    -------
    ndarray of shape (n_steps,)
        Learning rates.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", ICLR 2017, for the cosine.

    Examples
    --------
    >>> from skrec.training import learning_rates
    >>> learning_rates("step", 0.1, epoch=10, n_steps=2, epochs=30)
    array([0.05, 0.05])
    """
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        steps = range(epoch * n_steps, (epoch + 1) * n_steps)
        return np.array([float(schedule(step)) for step in steps])
    progress = epoch + np.arange(n_steps) / n_steps
    if schedule is None:
        factors = np.ones(n_steps)
    elif schedule == "step":
        factors = np.full(n_steps, STEP_FACTOR ** (epoch // STEP_EPOCHS))
    elif schedule == "exponential":
        factors = np.exp(-EXPONENTIAL_RATE * progress)
    elif schedule == "cosine":
        factors = 0.5 * (1 + np.cos(math.pi * (progress / epochs % 1)))
    elif callable(schedule):
        return np.full(n_steps, float(schedule(epoch, learning_rate)))
    else:
        raise ValueError(
            "lr_schedule must be None, 'step', 'exponential', 'cosine', a Keras "
            f"schedule or a callable. Received: {schedule!r}."
        )
    return learning_rate * factors
