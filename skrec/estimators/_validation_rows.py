"""Which rows a fit of a generic estimator is validated on, and their weights."""

from typing import Any, NamedTuple

import numpy as np

from skrec._sklearn import check_sample_weight


class ValidationRows(NamedTuple):
    """Rows as they were given."""

    X: Any
    y: Any
    sample_weight: Any = None

    def weight(self, n_rows: int) -> np.ndarray:
        """Return the weight of each row, as it is: ``Model.fit`` scales none.

        Parameters
        ----------
        n_rows : int
            Number of rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            Weights, 1 where none were given.

        Raises
        ------
        ValueError
            If a weight is negative, not finite or missing.
        """
        if self.sample_weight is None:
            return np.ones(n_rows)
        return check_sample_weight(
            self.sample_weight,
            np.empty((n_rows, 0)),
            dtype=np.float64,
            ensure_non_negative=True,
        )


def given_rows(X_val: Any, y_val: Any, validation_data: Any) -> ValidationRows | None:
    """Gather the validation rows from the arguments that may bring them.

    Parameters
    ----------
    X_val, y_val : array-like or None
        Arguments of ``fit``.
    validation_data : tuple or None
        ``(X, y)`` or ``(X, y, sample_weight)``.

    Returns
    -------
    ValidationRows or None
        The rows, None where there are none.

    Raises
    ------
    ValueError
        If one of `X_val` and `y_val` is missing, or `validation_data` is no tuple.
    """
    if (X_val is None) != (y_val is None):
        missing = "y_val" if y_val is None else "X_val"
        raise ValueError(f"X_val and y_val go together. Missing: {missing}.")
    if X_val is not None:
        return ValidationRows(X_val, y_val)
    if validation_data is None:
        return None
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (
        2,
        3,
    ):
        raise ValueError(
            "validation_data must be (X, y) or (X, y, sample_weight). Received: "
            f"{type(validation_data).__name__}."
        )
    return ValidationRows(*validation_data)
