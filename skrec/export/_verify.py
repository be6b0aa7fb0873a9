"""Compares what an exported graph says with what the estimator says."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skrec.export._columns import tensors_of_rows
from skrec.export._schema import Schema
from skrec.preprocessing._frames import as_frame, as_table


def compared(schema: Schema, X: Any, estimator: Any) -> dict[str, np.ndarray]:
    """Return what a graph takes for the rows to compare.

    Parameters
    ----------
    schema : Schema
        What the graph says of itself.
    X : DataFrame or array-like of shape (n_rows, ...)
        The rows.
    estimator : estimator
        What it was made of.

    Returns
    -------
    dict of str to ndarray
        A tensor for each column.
    """
    rows = X if schema.takes_arrays else as_frame(as_table(X, estimator))
    return tensors_of_rows(schema, rows, "verify")


def require_equal(
    found: dict[str, np.ndarray], estimator: Any, X: Any, tol: float
) -> None:
    """Compare predictions for some rows.

    Parameters
    ----------
    found : dict of str to ndarray
        Outputs of the graph.
    estimator : estimator
        What it was made of.
    X : DataFrame or array-like of shape (n_rows, ...)
        The rows.
    tol : float
        Largest difference; of numbers beyond 1, relative to their size.

    Raises
    ------
    ValueError
        If a difference is larger, with the largest of all and its row.
    """
    if not is_classifier(estimator):
        require_close("prediction", found["prediction"], estimator.predict(X), tol)
        return
    labels = np.asarray(estimator.predict(X))
    if "probabilities" not in found or not hasattr(estimator, "predict_proba"):
        return require_labels(found["label"], labels, np.ones(len(labels), bool))
    p = np.asarray(estimator.predict_proba(X))
    require_close("probabilities", found["probabilities"], p, tol)
    if labels.ndim == 2:
        clear = np.asarray((np.abs(p - 0.5) > 2 * tol).all(axis=1))
    else:
        top = np.sort(p, axis=1)
        clear = np.asarray(top[:, -1] - top[:, -2] > 2 * tol)
    require_labels(found["label"], labels, clear)


def require_close(what: str, found: Any, wanted: Any, tol: float) -> None:
    """Raise where numbers differ by more than the tolerance.

    Parameters
    ----------
    what : str
        Name of the output.
    found, wanted : ndarray of shape (n_rows, ...)
        Numbers of the graph and of the estimator.
    tol : float
        Largest difference; of numbers beyond 1, relative to their size.

    Raises
    ------
    ValueError
        Naming the row with the largest difference.
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        raise ValueError(
            f"The exported graph's {what} have another shape than the estimator's. "
            f"Received: {found.shape}, not {wanted.shape}."
        )
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        apart = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
    apart = np.where(same, 0, np.where(np.isnan(apart), np.inf, apart))
    apart = apart.reshape(len(apart), -1).max(axis=1, initial=0)
    if apart.max(initial=0) > tol:
        row = int(apart.argmax())
        raise ValueError(
            f"The exported graph's {what} differ from the estimator's by up to "
            f"{apart[row]:.3g}, in row {row} of verify, which is more than tol={tol:g}:"
            " nothing was written. Raise tol if that is near enough. Received: "
            f"{found[row].tolist()} instead of {wanted[row].tolist()}."
        )


def require_labels(found: np.ndarray, wanted: np.ndarray, clear: np.ndarray) -> None:
    """Raise where labels differ that no rounding could change.

    Parameters
    ----------
    found, wanted : ndarray of shape (n_rows,) or (n_rows, n_labels)
        Labels of the graph and of the estimator.
    clear : ndarray of bool of shape (n_rows,)
        Whether one label is more probable than the others by far enough.

    Raises
    ------
    ValueError
        Naming the first row.
    """
    same = np.asarray(found == wanted)
    wrong = clear & ~same.reshape(len(wanted), -1).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"The exported graph's labels differ from the estimator's in {wrong.sum()} "
            f"rows of verify: nothing was written. Received: {found[row]!r} instead of "
            f"{wanted[row]!r} in row {row}."
        )
