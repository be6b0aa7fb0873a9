"""Epochs as seen from scikit-learn: history, printed lines, callback tasks."""

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from skrec._sklearn import callbacks_of


class EpochReporter:
    """Observer of a training loop on behalf of an estimator.

    Parameters
    ----------
    estimator : estimator
        Whose fit it is; its ``history_`` grows by each epoch.
    context : sklearn.callback.CallbackContext
        The task of the fit, under which each epoch is a subtask.
    X, y : array-like
        What was fitted, for the callbacks.
    metadata : dict or None
        Such as the sample weights, for the callbacks.
    epochs : int
        Number of epochs of this fit.
    """

    def __init__(
        self, estimator: Any, context: Any, X: Any, y: Any, metadata: Any, epochs: int
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.epochs = epochs
        self.n_done = 0
        # Of its own, so that a failed fit leaves the history of the last one alone.
        estimator.history_ = {k: list(v) for k, v in estimator.history_.items()}

    @property
    def needs_weights(self) -> bool:
        """Whether a callback wants the estimator as it is after each epoch."""
        return any(
            "fitted_estimator" in inspect.signature(callback.on_fit_task_end).parameters
            for callback in callbacks_of(self.estimator)
        )

    def epoch_begin(self) -> None:
        """Open the epoch's task."""
        self._task = self.context.subcontext(task_name="epoch")
        self._task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def epoch_end(
        self, logs: dict[str, float], weights: Callable[[], list[np.ndarray]]
    ) -> bool:
        """Record the epoch and close its task.

        Parameters
        ----------
        logs : dict of str to float
            Loss and metrics.
        weights : callable
            Returns the weights at this moment.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        self.n_done += 1
        for name, value in logs.items():
            self.estimator.history_.setdefault(name, []).append(value)
        if self.estimator.verbose:
            # A metric may have a value for each class.
            figures = " - ".join(
                f"{name}: " + ", ".join(f"{figure:.4f}" for figure in np.ravel(value))
                for name, value in logs.items()
            )
            print(f"Epoch {self.n_done}/{self.epochs} - {figures}", flush=True)
        return self._task.call_on_fit_task_end(
            estimator=self.estimator,
            **self.data,
            reconstruction_attributes=lambda: self.estimator._snapshot(
                weights(), self.n_done
            ),
        )


def with_long_names(
    history: dict[str, list[float]], long_name: Callable[[str], str]
) -> dict[str, list[float]]:
    """Name metrics as scikeras does: ``"mean_absolute_error"`` for ``"mae"``.

    Parameters
    ----------
    history : dict of str to list of float
        Values by the names of Keras.
    long_name : callable
        Returns a metric's full name, and raises ValueError for one of the user's own.

    Returns
    -------
    dict of str to list of float
        The same values; those recorded under the full name come first.
    """
    renamed: dict[str, list[float]] = {}
    for name, values in history.items():
        if name != "loss" and not name.startswith("val_"):
            with contextlib.suppress(ValueError):
                long = long_name(name)
                # "auc" is no abbreviation of "a_u_c", its class's name in snake case.
                name = name if long.replace("_", "") == name else long
        renamed[name] = [*renamed.get(name, []), *values]
    return renamed
