"""Vectors of users who have none of their own: made of what they did."""

import numpy as np

from skrec.recommenders._histories import Histories


def with_means(
    users: np.ndarray, items: np.ndarray, histories: Histories
) -> np.ndarray:
    """Return users' vectors: their own, or else the mean of those of their items.

    Means are shorter than what they are of, and so are scaled to the mean length of
    the vectors of all users, which scores of other terms are weighed against.

    Parameters
    ----------
    users : ndarray of shape (n_known, dim)
        Vectors of the known users.
    items : ndarray of shape (n_items, dim)
        Vectors of the items.
    histories : Histories
        Users who are asked about.

    Returns
    -------
    ndarray of shape (n_users, dim)
        Theirs; zeros for those of whom nothing is known.
    """
    own = users[np.maximum(histories.users, 0)]
    new = np.flatnonzero(histories.users < 0)
    if not len(new):
        return own
    means = histories.matrix[new].sign().astype(items.dtype) @ items
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    length = np.linalg.norm(users, axis=1).mean()
    own[new] = means * (length / np.maximum(lengths, np.finfo(means.dtype).tiny))
    return own
