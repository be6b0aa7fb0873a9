"""What `fit` does with X and y before it trains: check, split, encode, scale."""

from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import joblib
import numpy as np

from skrec.estimators._budget import Budget
from skrec.estimators._held_out import split
from skrec.estimators._weights import row_weights
from skrec.training._seeds import draw_seed
from skrec.training.rows import Rows


class Given(NamedTuple):
    """What was passed to `fit` or `partial_fit`.

    Parameters
    ----------
    X, y, sample_weight, X_val, y_val : object
        Arguments of the method.
    classes : array-like or None
        All classes of a stream, if they were given.
    is_part : bool
        Whether these rows are a part of a stream.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    classes: Any = None
    is_part: bool = False

    @property
    def has_validation(self) -> bool:
        """Whether there are validation samples of the user's own."""
        return self.X_val is not None or self.y_val is not None


class Prepared(NamedTuple):
    """Rows to train on and to validate with, and for how long.

    Parameters
    ----------
    rows : Rows
        Rows to train on, not brought to the network's precision yet.
    validation : Rows or None
        Rows to score after each epoch.
    budget : Budget
        How long to train.
    """

    rows: Rows
    validation: Rows | None
    budget: Budget


def prepare(estimator: Any, given: Given, reset: bool) -> Prepared:
    """Check X and y, learn to encode them, and set rows aside for validation.

    Parameters
    ----------
    estimator : BaseNetwork
        The estimator, which gets `_target` and `_inputs` and, at a reset, `_seed`,
        `_input_shape`, `_encoded_by` and ``history_``.
    given : Given
        What `fit` got.
    reset : bool
        Whether to begin anew, or to go on from the last call.

    Returns
    -------
    Prepared
        What training takes.
    """
    by = {name: getattr(estimator, name) for name in estimator._of_inputs}
    if not reset:
        _require_same_encoding(estimator._encoded_by, by)
    X, y = estimator._checked(given.X, given.y, reset=reset)
    if reset:
        name = type(estimator).__name__
        estimator._target = estimator._new_target(y, given.classes, name)
        if estimator._target.has_classes:
            estimator.classes_ = estimator._target.classes
        estimator._seed = draw_seed(estimator.random_state)
        estimator.history_ = {}
        estimator._input_shape = X.shape[1:]
        estimator._encoded_by = deepcopy(by)
    elif given.classes is not None:
        _require_same_classes(estimator, given.classes)
    classes = getattr(estimator, "classes_", None)
    weight = row_weights(given.sample_weight, X, estimator.class_weight, y, classes)
    kept, held_out = None if weight.all() else np.flatnonzero(weight), None
    budget = budget_of(estimator, int(np.count_nonzero(weight)), given)
    if budget.early_stopping and not given.has_validation:
        kept, held_out = _split(estimator, y, kept)
    target = estimator._target.encode(y)
    if reset:
        estimator._inputs = estimator._new_inputs(X)
        encoded = estimator._inputs.learn(X, kept, weight)
    else:
        estimator._inputs, encoded = estimator._inputs.grown(X, kept)
    rows = Rows(encoded, target, weight, index=kept)
    validation = None
    if given.has_validation:
        validation = _given_rows(estimator, given)
    elif held_out is not None:
        validation = replace(rows, index=held_out)
    estimator._inputs.learn_scale(encoded, kept, weight)
    if estimator.standardize:
        which = slice(None) if kept is None else kept
        estimator._target = estimator._target.scaled_by(target[which], weight[which])
    return Prepared(rows, validation, budget)


def _require_same_encoding(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on after a change that would have no effect any more."""
    for name, value in now.items():
        if joblib.hash(value) != joblib.hash(before[name]):
            raise ValueError(
                f"{name} was changed since the first fit, but warm_start and "
                "partial_fit go on with the encoding of X that was learnt there: set "
                f"it back to {before[name]!r}, or begin anew, with warm_start=False or "
                f"a clone. Received: {name}={value!r}."
            )


def _require_same_classes(estimator: Any, classes: Any) -> None:
    """Refuse other classes than those with which a stream began."""
    if not np.array_equal(np.unique(classes), estimator.classes_):
        raise ValueError(
            "classes must be those of the first call of partial_fit, for which the "
            f"network has outputs: {estimator.classes_.tolist()}. "
            f"Received: {np.unique(classes).tolist()}."
        )


def budget_of(estimator: Any, n_rows: int, given: Given) -> Budget:
    """Decide how long to train on so many rows, or on a part of a stream.

    Parameters
    ----------
    estimator : BaseNetwork
        The estimator.
    n_rows : int
        Rows of a positive weight.
    given : Given
        What `fit` got.

    Returns
    -------
    Budget
        The budget.
    """
    epochs, stops = estimator.epochs, estimator.early_stopping
    if given.is_part:
        epochs, stops = 1, False
    elif stops == "auto" and given.has_validation:
        stops = True
    patience = estimator.n_iter_no_change
    return Budget.of(n_rows, estimator.batch_size, epochs, stops, patience)


def _split(
    estimator: Any, y: np.ndarray, kept: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Set rows aside for early stopping, stratified where there are classes."""
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    return split(
        y,
        kept,
        estimator.validation_fraction,
        estimator._seed,
        estimator._target.has_classes,
        estimator.early_stopping,
    )


def _given_rows(estimator: Any, given: Given) -> Rows:
    """Encode the validation samples that the user gave."""
    if given.X_val is None or given.y_val is None:
        missing = "y_val" if given.y_val is None else "X_val"
        raise ValueError(f"X_val and y_val go together. Missing: {missing}.")
    try:
        X, y = estimator._checked(given.X_val, given.y_val, reset=False)
        target = estimator._target.encode(y)
    except ValueError as error:  # which speaks of X and y
        raise ValueError(f"In the validation samples X_val, y_val: {error}") from None
    return Rows(estimator._inputs.encode(X), target, np.ones(len(target)))


def fed(estimator: Any, rows: Rows) -> Rows:
    """Bring rows to the scale and the precision of the network.

    Parameters
    ----------
    estimator : BaseNetwork
        The estimator, whose network is known.
    rows : Rows
        Encoded rows.

    Returns
    -------
    Rows
        What the loop takes.
    """
    dtype = estimator._float
    return replace(
        rows,
        y=estimator._target.prepare(rows.y, dtype),
        weight=rows.weight.astype(dtype),
        prepare=partial(estimator._inputs.prepare, dtype=dtype),
    )
