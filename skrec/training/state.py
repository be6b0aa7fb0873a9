"""What goes into a training beside the rows, and comes out: rates and weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from skrec._left_out import is_left_out
from skrec.training import _updates

PENALTIES = ("l1", "l2", "embedding_l2")


@dataclass
class State:
    """Everything that training changes, as numpy arrays.

    Parameters
    ----------
    weights : list of ndarray
        Weights in the order of ``model.weights``.
    optimizer : list of ndarray
        Optimizer variables (step count and slots); none where they were left out of a
        copy, so that an optimizer starts anew.
    epoch : int, default=0
        Number of epochs trained.
    best_epoch : int, default=None
        Epoch, counted from 1, that the weights are of; 0 for those before the first.
        None where they are of the last.
    """

    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    epoch: int = 0
    best_epoch: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        optimizer = [] if is_left_out("optimizer") else self.optimizer
        return {**vars(self), "optimizer": optimizer}

    @property
    def kept_epoch(self) -> int:
        """The epoch, counted from 1, that the weights are of; 0 before the first."""
        return self.epoch if self.best_epoch is None else self.best_epoch


@dataclass
class Best:
    """The epoch, or the start, with the lowest validation loss or highest score.

    Parameters
    ----------
    loss : float, default=inf
        Its validation loss, or the score with its sign changed.
    epoch : int, default=None
        Its number, counted from 1; None where none is looked for.
    weights : list of ndarray, default=None
        Weights at that time; None where none is looked for.
    """

    loss: float = np.inf
    epoch: int | None = None
    weights: list[np.ndarray] | None = None


@dataclass
class Progress:
    """A training as far as it got, from which it can go on as if never interrupted.

    Parameters
    ----------
    state : State
        State after the last epoch.
    history : list of dict of str to float
        Loss and metrics of each epoch.
    best : Best
        The best epoch so far.
    stopped : bool, default=False
        Whether training came to its end, so that more epochs change nothing.
    callbacks : list of dict
        What each Keras callback has noted, see
        :mod:`skrec.training._callback_notes`.
    """

    state: State
    history: list[dict[str, float]] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    stopped: bool = False
    callbacks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kept(self) -> State:
        """The state to keep: that of the best epoch, if one was looked for."""
        weights = self.best.weights
        if weights is None:  # Keras callbacks have acted on them since
            weights = self.state.weights
        return replace(self.state, weights=weights, best_epoch=self.best.epoch)


@dataclass
class Rates:
    """The continuous hyper-parameters of one fit.

    Parameters
    ----------
    tuned : dict of str to float
        Values of `Program.tuned`, such as the rates of dropout.
    l1, l2 : float, default=0.0
        Penalties on the kernels that the model itself does not know of.
    clipnorm : float, default=None
        Largest norm of each weight's gradient.
    optimizer : dict of str to float
        Inputs of the fused update, such as ``beta_1``.
    embedding_l2 : float, default=0.0
        Penalty on the squares of embedding tables that the model does not know of.
    """

    tuned: dict[str, float] = field(default_factory=dict)
    l1: float = 0.0
    l2: float = 0.0
    clipnorm: float | None = None
    optimizer: dict[str, float] = field(default_factory=dict)
    embedding_l2: float = 0.0

    @property
    def penalties(self) -> dict[str, float]:
        """What changes gradients before the update; empty if nothing does.

        Kernel penalties and clipping come together, so that a search over them needs
        one more graph and not one for each combination.
        """
        found: dict[str, float] = {}
        if self.l1 or self.l2 or self.clipnorm is not None:
            clipnorm = np.inf if self.clipnorm is None else self.clipnorm
            found |= {"l1": self.l1, "l2": self.l2, "clipnorm": clipnorm}
        if self.embedding_l2:
            found["embedding_l2"] = self.embedding_l2
        return found

    @classmethod
    def of(
        cls,
        optimizer: keras.optimizers.Optimizer,
        values: Mapping[str, float],
        tuned: Iterable[str],
        has_pieces: bool = False,
    ) -> "Rates":
        """Gather the hyper-parameters, with those that the optimizer has.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer
            An optimizer that shapes the program's graph, with the values to use.
        values : mapping of str to float
            Hyper-parameters by name; a penalty that is left out is 0.
        tuned : iterable of str
            Names of the program's tuned variables, all of which must have a value.
        has_pieces : bool, default=False
            See :func:`skrec.training._updates.is_fused`.

        Returns
        -------
        Rates
            What :meth:`Program.train_epoch` takes.
        """
        rates = cls({name: float(values[name]) for name in tuned})
        for name in PENALTIES:
            setattr(rates, name, float(values.get(name, 0)))
        if _updates.is_fused(optimizer, has_pieces):
            if optimizer.clipnorm is not None:
                rates.clipnorm = float(optimizer.clipnorm)
            rates.optimizer = _updates.input_values(optimizer)
        return rates
