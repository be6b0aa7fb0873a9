"""The area under the ROC curve of validation rows, and a warning where it is chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from skrec._warn import warn_user

LARGEST_ERROR = 0.06  # with which an AUC tells chance from more; that of about 94 rows


def auc_scores(
    logits: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    read_weights: Any = None,
    *,
    required: bool,
) -> dict[str, float]:
    """Compute the area under the ROC curve; the mean over classes where there are more.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_outputs)
        Outputs of a network.
    target : ndarray of shape (n_rows, 1), (n_rows, n_outputs) or (n_rows,)
        0 and 1, or codes of classes.
    weight : ndarray of shape (n_rows,)
        Weights of the rows.
    read_weights : callable, default=None
        Not used: outputs say all.
    required : bool
        Whether a curve that is not defined is an error, or left out.

    Returns
    -------
    dict of str to float
        ``auc``, or nothing.

    Raises
    ------
    ValueError
        If `required`, and a class is missing.
    """
    several = target.ndim == 1
    n_classes = logits.shape[1] if several else 2
    columns = target.reshape(len(target), -1).T
    present = min(len(np.unique(column)) for column in columns)
    if present < n_classes:
        if not required:
            return {}
        raise ValueError(
            "scoring='roc_auc' needs every class among the validation samples: give "
            "more samples, a larger validation_fraction, or X_val and y_val with all "
            f"classes. Received: {present} of {n_classes} classes."
        )
    if several:
        scores = softmax(logits, axis=1)
        auc = roc_auc_score(target, scores, sample_weight=weight, multi_class="ovr")
    elif logits.shape[1] == 1:
        auc = _binary_auc(logits[:, 0], target[:, 0], weight)
    else:
        auc = roc_auc_score(target, logits, sample_weight=weight)
    return {"auc": float(auc)}


def _binary_auc(scores: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    """Compute what ``roc_auc_score`` does, without its checks.

    They take longer than an epoch of a small table, after each of which this is asked.
    """
    order = np.argsort(scores)
    positive = np.where(target[order] > 0, weight[order], 0.0)
    negative = weight[order] - positive
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    positive = np.add.reduceat(positive.astype(np.float64), starts)
    negative = np.add.reduceat(negative.astype(np.float64), starts)
    below = np.cumsum(negative) - negative / 2  # of equal scores, half count
    return positive @ below / (positive.sum() * negative.sum())


def warn_if_auc_is_chance(history: Sequence[float], target: np.ndarray) -> None:
    """Warn if the validation AUC of no epoch says that the network has learnt.

    Parameters
    ----------
    history : sequence of float
        Validation AUC of each epoch.
    target : ndarray of shape (n_rows, 1)
        0 and 1 of the validation rows.
    """
    n_positive = np.count_nonzero(target)
    n_negative = len(target) - n_positive
    if not history or not n_positive or not n_negative:
        return
    # That of the Mann-Whitney statistic where scores tell nothing.
    error = np.sqrt((len(target) + 1) / (12 * n_positive * n_negative))
    if error < LARGEST_ERROR and max(history) < 0.5 + 2 * error:
        warn_user(
            f"The validation AUC stayed at chance, .5: {max(history):.3f} was the best "
            f"of {len(history)} epochs, with a standard error of {error:.3f}. Usual "
            "reasons: numbers that are not scaled (standardize=False), a learning_rate "
            "that is too high or too low, columns of ids that are read as numbers (see "
            "categorical_features), ids that the validation samples do not share with "
            "the training samples, penalties that are too strong, or a target that X "
            "says nothing about."
        )
