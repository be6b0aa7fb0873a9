"""The Keras callbacks that a user passes, which run as copies."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import keras

from skrec._extras import import_extra


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
    ImportError
        If one needs TensorBoard, which is not installed.
    """
    if callbacks is None:
        return ()
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = (callbacks,)
    for position, callback in enumerate(callbacks):
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "callbacks must hold keras.callbacks.Callback objects. Received: "
                f"{callback!r} at position {position}."
            )
    require_tensorboard(callbacks)
    return callbacks


def require_tensorboard(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Import what Keras's TensorBoard writes by, which TensorFlow brings no more.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
        The callbacks of a fit.

    Raises
    ------
    ImportError
        If one of them is ``TensorBoard`` and that is not installed.
    """
    if any(isinstance(item, keras.callbacks.TensorBoard) for item in callbacks):
        import_extra("tensorboard", "tensorboard", "keras.callbacks.TensorBoard")


def flat(callbacks: list) -> list[keras.callbacks.Callback]:
    """Put callbacks that come as lists in a list into one.

    Parameters
    ----------
    callbacks : list of Keras callbacks and lists of them
        The callbacks.

    Returns
    -------
    list of keras.callbacks.Callback
        The callbacks in their order.
    """
    nested = [item if isinstance(item, list) else [item] for item in callbacks]
    return [callback for group in nested for callback in group]


def acts_in_prediction(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback has something to do when the model predicts.

    Parameters
    ----------
    callback : keras.callbacks.Callback
        The callback.

    Returns
    -------
    bool
        True if it overrides a method of prediction.
    """
    names = ("begin", "end", "batch_begin", "batch_end")
    base = keras.callbacks.Callback
    return any(
        getattr(type(callback), f"on_predict_{name}")
        is not getattr(base, f"on_predict_{name}")
        for name in names
    )


def same_objects(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Tell whether two sequences hold the very same objects.

    Parameters
    ----------
    one, other : sequence
        The sequences.

    Returns
    -------
    bool
        True if they do.
    """
    return len(one) == len(other) and all(map(operator.is_, one, other))


def saves_models(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback writes models that the user will load.

    Parameters
    ----------
    callback : keras.callbacks.Callback
        The callback.

    Returns
    -------
    bool
        True for ``ModelCheckpoint``.
    """
    return isinstance(callback, keras.callbacks.ModelCheckpoint)


class Deploying(keras.callbacks.Callback):
    """Gives callbacks that save models one that takes X as it is, with its weights.

    The network that is trained takes standardised inputs and returns logits, so that
    what it saves would predict nonsense without a word.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
        Those of the fit; it comes before them.
    deployable : callable
        Puts around the network what ``model_`` has around it.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        deployable: Callable[[keras.Model], keras.Model],
    ) -> None:
        super().__init__()
        self.callbacks = [item for item in callbacks if saves_models(item)]
        self.deployable = deployable

    def on_train_begin(self, logs: Any = None) -> None:
        """Build the model, around the network that is about to be trained."""
        model = self.deployable(self.model)
        for callback in self.callbacks:
            callback.set_model(model)
