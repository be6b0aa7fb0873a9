"""The Keras callbacks that a user passes to a named model."""

from collections.abc import Sequence
from typing import Any

import keras


def checked_callbacks(callbacks: Any) -> Sequence[keras.callbacks.Callback]:
    """Return the callbacks as a sequence.

    Parameters
    ----------
    callbacks : Keras callback, sequence of Keras callbacks or None
        The parameter of an estimator.

    Returns
    -------
    sequence of keras.callbacks.Callback
        The callbacks.

    Raises
    ------
    ValueError
        If one of them is something else.
    """
    if callbacks is None:
        return ()
    if isinstance(callbacks, keras.callbacks.Callback):
        return (callbacks,)
    for position, callback in enumerate(callbacks):
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "callbacks must hold keras.callbacks.Callback objects. Received: "
                f"{callback!r} at position {position}."
            )
    return callbacks
