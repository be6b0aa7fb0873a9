"""What Keras's callbacks that steer a training note, so that they can go on from it."""

from typing import Any

import keras
import numpy as np

# What each notes in training. Others act between batches (TerminateOnNaN), write files,
# or are the user's own.
_NOTED: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: (
        "wait",
        "stopped_epoch",
        "best",
        "best_epoch",
        "best_weights",
    ),
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}
STEERING = tuple(_NOTED)


def notes_of(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Return what a callback has noted so far.

    Parameters
    ----------
    callback : keras.callbacks.Callback
        One whose class is in `STEERING`.

    Returns
    -------
    dict of str to float, int, list of ndarray or None
        Its attributes by name; ``best_weights`` alone holds arrays.
    """
    notes = {name: getattr(callback, name) for name in _NOTED[type(callback)]}
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in notes.items()}


def take_notes(callback: keras.callbacks.Callback, notes: dict[str, Any]) -> None:
    """Give a callback what another one had noted.

    Parameters
    ----------
    callback : keras.callbacks.Callback
        A callback of the same class and arguments, which knows its model.
    notes : dict
        From :func:`notes_of`.
    """
    for name in _NOTED[type(callback)]:
        setattr(callback, name, notes[name])
    # Which values are better, it finds out at the end of its first epoch.
    if hasattr(callback, "monitor_op") and callback.monitor_op is None:
        callback._set_monitor_op()
