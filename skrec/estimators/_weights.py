"""Sample and class weights, as one array that training can use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skrec._sklearn import check_sample_weight


def row_weights(
    sample_weight: Any,
    X: Any,
    class_weight: Mapping | str | None = None,
    y: Any = None,
    classes: Any = None,
) -> np.ndarray:
    """Return the weight of each row; rows of weight 0 are to be left out.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), number or None
        Weights that the user gave.
    X : array-like of shape (n_samples, ...)
        The rows.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied with that of the row. "balanced" counts rows
        by their weights, so that a weight of 2 is a row given twice.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The classes of the rows.
    classes : array-like of shape (n_classes,), default=None
        All classes, of which a part of a stream may lack some.

    Returns
    -------
    ndarray of shape (n_samples,)
        Weights whose positive entries have mean 1, so that a learning rate means the
        same whatever the unit of the weights.

    Raises
    ------
    ValueError
        If a weight is negative, all of them are zero, or a class is unknown.
    """
    weight = np.array(
        check_sample_weight(
            sample_weight,
            X,
            dtype=np.float64,
            ensure_non_negative=True,
            ensure_same_device=False,
        )
    )
    if class_weight is not None:
        weight = weight * _class_weights(class_weight, y, classes, weight)
    total = weight.sum()
    if not total > 0:
        raise ValueError(
            "sample_weight is zero for every row, so that there is nothing to train "
            "on. Give at least one row a positive weight."
        )
    return weight * (np.count_nonzero(weight) / total)


def _class_weights(
    class_weight: Mapping | str, y: Any, classes: Any, weight: np.ndarray
) -> np.ndarray:
    """Return the weight of each row's class; classes that are not named weigh 1."""
    if isinstance(class_weight, str):
        return _balanced(np.asarray(y), weight)
    if not isinstance(class_weight, Mapping) or np.ndim(y) != 1 or classes is None:
        return compute_sample_weight(class_weight, y)
    unknown = set(class_weight) - set(np.asarray(classes).tolist())
    if unknown:
        raise ValueError(
            "class_weight names classes that are not in y: "
            f"{sorted(unknown, key=str)}. The classes are: "
            f"{np.asarray(classes).tolist()}."
        )
    labels = np.asarray(y).ravel().tolist()
    return np.array([class_weight.get(label, 1.0) for label in labels])


def _balanced(y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Multiply the balancing weights of each output; rows of weight 0 count nowhere."""
    kept, found = weight > 0, np.ones(len(weight))
    for column in y[kept].reshape(np.count_nonzero(kept), -1).T:
        classes, codes = np.unique(column, return_inverse=True)
        found[kept] *= compute_class_weight(
            "balanced", classes=classes, y=column, sample_weight=weight[kept]
        )[codes]
    return found
