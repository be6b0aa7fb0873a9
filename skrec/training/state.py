"""What goes into a program and what comes out: rows, rates and weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrec.training import _updates


@dataclass
class State:
    """Everything that training changes, as numpy arrays.

    Parameters
    ----------
    weights : list of ndarray
        Weights in the order of ``model.weights``.
    optimizer : list of ndarray
        Optimizer variables (step count and slots).
    epoch : int, default=0
        Number of epochs trained.
    """

    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    epoch: int = 0


@dataclass
class Rates:
    """The continuous hyper-parameters of one fit.

    Parameters
    ----------
    dropout : sequence of float
        Rate of each dropout layer, in the model's order.
    l1, l2 : float, default=0.0
        Penalties on the kernels that the model itself does not know of.
    clipnorm : float, default=None
        Largest norm of each weight's gradient.
    optimizer : dict of str to float
        Inputs of the fused update, such as ``beta_1``.
    """

    dropout: Sequence[float] = ()
    l1: float = 0.0
    l2: float = 0.0
    clipnorm: float | None = None
    optimizer: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        optimizer: keras.optimizers.Optimizer,
        dropout: Sequence[float],
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> "Rates":
        """Gather the hyper-parameters, with those that the optimizer has.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer
            An optimizer that shapes the program's graph, with the values to use.
        dropout : sequence of float
            Rate of each dropout layer.
        l1, l2 : float, default=0.0
            Penalties on the kernels.

        Returns
        -------
        Rates
            What :meth:`Program.train_epoch` takes.
        """
        if not _updates.is_fused(optimizer):
            return cls(dropout, l1, l2)
        values = _updates.input_values(optimizer)
        return cls(dropout, l1, l2, optimizer.clipnorm, values)


@dataclass
class Data:
    """Rows on the device: inputs, targets and weights, each with one first dimension.

    Parameters
    ----------
    x, y : tensor or nested structure of tensors
        Inputs and targets.
    weight : tensor of shape (n_rows,)
        Sample weights.
    """

    x: Any
    y: Any
    weight: Any

    @classmethod
    def of(cls, x: Any, y: Any, weight: np.ndarray, device: str) -> "Data":
        """Copy arrays to a device.

        Parameters
        ----------
        x, y : ndarray or nested structure of ndarray
            Inputs and targets.
        weight : ndarray of shape (n_rows,)
            Sample weights.
        device : str
            TensorFlow device name.

        Returns
        -------
        Data
            The same rows as tensors.
        """
        with tf.device(device):
            return cls(*tf.nest.map_structure(tf.convert_to_tensor, (x, y, weight)))

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.weight.shape[0])
