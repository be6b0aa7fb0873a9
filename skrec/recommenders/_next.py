"""What recommenders train on, in the places of X and y of the other models."""

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("skrec")
class LossOfNetwork(keras.losses.Loss):
    """Takes the loss that a network has computed itself: its first output."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return it, a value a row."""
        return y_pred[:, 0]


class NextItems:
    """Targets that are a part of the rows: the items that came next."""

    has_classes = False
    n_outputs = 0

    def prepare(self, encoded: np.ndarray, dtype: str) -> np.ndarray:
        """Leave what takes the place of y as it is.

        Parameters
        ----------
        encoded : ndarray of shape (n_rows, 1)
            Zeros.
        dtype : str
            That of the network's outputs.

        Returns
        -------
        ndarray of shape (n_rows, 1)
            Zeros.
        """
        return encoded.astype(dtype, copy=False)

    def loss(self, dtype: str) -> keras.losses.Loss:
        """Return the loss on the network's outputs.

        Parameters
        ----------
        dtype : str
            In which to compute it.

        Returns
        -------
        keras.losses.Loss
            What the network says.
        """
        return LossOfNetwork(name="loss_of_network", dtype=dtype)


class EventInputs:
    """Rows of codes and weights, in the network's precision."""

    def prepare(self, encoded: dict[str, np.ndarray], dtype: str) -> Any:
        """Bring weights to the precision of the network.

        Parameters
        ----------
        encoded : dict of str to ndarray
            Codes and weights.
        dtype : str
            That of the network's inputs.

        Returns
        -------
        dict of str to ndarray
            What the network takes.
        """
        return {
            name: part.astype(dtype, copy=False) if part.dtype.kind == "f" else part
            for name, part in encoded.items()
        }
