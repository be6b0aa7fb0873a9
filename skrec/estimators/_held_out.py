"""Rows set aside for early stopping."""

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from skrec.training._seeds import SPLIT, derive


def split(
    y: np.ndarray,
    kept: np.ndarray | None,
    fraction: float,
    seed: int,
    stratified: bool,
    early_stopping: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Set rows aside for early stopping.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets as the user gave them.
    kept : ndarray of int or None
        Rows of a positive weight; None for all.
    fraction : float
        Part to set aside, the parameter `validation_fraction`.
    seed : int
        Seed of the fit.
    stratified : bool
        Whether to keep the shares of the classes.
    early_stopping : bool or "auto"
        The parameter. Where ``"auto"`` has decided, nothing that nobody has asked for
        may fail: a class of one row stays among the rows to train on, and where classes
        cannot be stratified at all, rows are drawn without regard to them.

    Returns
    -------
    tuple of ndarray of int
        Rows to train on, and rows set aside.

    Raises
    ------
    ValueError
        If there are too few rows.
    """
    kept = np.arange(len(y)) if kept is None else kept
    classes = y[kept] if stratified and y.ndim == 1 else None
    options: dict[str, Any] = {
        "test_size": fraction,
        "random_state": derive(seed, SPLIT) % 2**32,
    }
    try:
        if early_stopping == "auto" and classes is not None:
            train, held_out = _stratified_as_far_as_possible(kept, classes, options)
        else:
            train, held_out = train_test_split(kept, stratify=classes, **options)
    except ValueError as error:
        raise ValueError(
            f"early_stopping={early_stopping!r} cannot set aside validation_fraction="
            f"{fraction} of {len(kept)} samples: {error} Give more samples, another "
            "validation_fraction, X_val and y_val, or early_stopping=False."
        ) from None
    return train, held_out


def _stratified_as_far_as_possible(
    kept: np.ndarray, classes: np.ndarray, options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows, whatever their classes; without rare ones as scikit-learn would."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    lonely = counts[codes] == 1
    several, classes = kept[~lonely], classes[~lonely]
    try:
        train, held_out = train_test_split(several, stratify=classes, **options)
    except ValueError:  # for example more classes than rows to set aside
        if len(several) < 2:
            return train_test_split(kept, **options)
        train, held_out = train_test_split(several, **options)
    if lonely.any():
        train = np.concatenate([train, kept[lonely]])
    return train, held_out
