"""Vectors of users who have none of their own: made of what they did."""

import numpy as np

from skrec.recommenders._histories import Histories


def with_means(
    users: np.ndarray, items: np.ndarray, histories: Histories, length: float
) -> np.ndarray:
    """Give users whom nobody knows the mean of the vectors of their items.

    Means are shorter than what they are of, and what is added to products would then
    weigh more.

    Parameters
    ----------
    users : ndarray of shape (n_users, dim)
        Vectors of users; those of unknown ones, whose code is -1, are replaced.
    items : ndarray of shape (n_items, dim)
        Vectors of the items.
    histories : Histories
        The users.
    length : float
        Length to which means are scaled.

    Returns
    -------
    ndarray of shape (n_users, dim)
        Vectors; zeros for those of whom nothing is known.
    """
    new = np.flatnonzero(histories.users < 0)
    if not len(new):
        return users
    means = histories.matrix[new].sign().astype(items.dtype) @ items
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    users = users.copy()
    users[new] = means * (length / np.maximum(lengths, np.finfo(means.dtype).tiny))
    return users
