"""Sample and class weights, as one array that training can use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight


def row_weights(
    sample_weight: Any, X: Any, class_weight: Mapping | str | None = None, y: Any = None
) -> np.ndarray:
    """Return the weight of each row; rows of weight 0 are to be left out.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), number or None
        Weights that the user gave.
    X : array-like of shape (n_samples, ...)
        The rows.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied with that of the row.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The classes.

    Returns
    -------
    ndarray of shape (n_samples,)
        Weights whose positive entries have mean 1, so that a learning rate means the
        same whatever the unit of the weights.

    Raises
    ------
    ValueError
        If a weight is negative, or all of them are zero.
    """
    weight = np.array(
        _check_sample_weight(
            sample_weight,
            X,
            dtype=np.float64,
            ensure_non_negative=True,
            ensure_same_device=False,
        )
    )
    if class_weight is not None:
        weight = weight * compute_sample_weight(class_weight, y)
    total = weight.sum()
    if not total > 0:
        raise ValueError(
            "sample_weight is zero for every row, so that there is nothing to train "
            "on. Give at least one row a positive weight."
        )
    return weight * (np.count_nonzero(weight) / total)
