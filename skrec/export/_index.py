"""An index of the vectors of items, asked by the vectors of users."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from skrec._extras import import_extra

FORMAT = 1
ABOUT, INDEX, ITEMS, VECTORS = "about.json", "index.faiss", "items.json", "vectors.npy"


class ItemIndex:
    """The items nearest to vectors, in an index of faiss.

    Parameters
    ----------
    index : faiss.Index
        Of the vectors, by inner products.
    items : ndarray of shape (n_items,)
        Ids, in the order of the vectors.
    vectors : ndarray of float32 of shape (n_items, dim)
        Vectors of the items.
    recall : float
        Share of the best ten items of users that the index finds, when it was made.

    See Also
    --------
    load_index : Reads one.

    Examples
    --------
    >>> import faiss
    >>> import numpy as np
    >>> from skrec.export import ItemIndex
    >>> vectors = np.eye(3, dtype="float32")
    >>> flat = faiss.IndexFlatIP(3)
    >>> flat.add(vectors)
    >>> index = ItemIndex(flat, np.array(["tea", "jam", "figs"]), vectors, 1.0)
    >>> items, scores = index.search([[0, 2.0, 1.0]], n=2)
    >>> items.tolist(), scores.tolist()
    ([['jam', 'figs']], [[2.0, 1.0]])
    """

    def __init__(
        self, index: Any, items: np.ndarray, vectors: np.ndarray, recall: float
    ) -> None:
        self.index, self.items, self.vectors = index, items, vectors
        self.recall = recall

    def search(self, vectors: Any, n: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Find the best items of users.

        Parameters
        ----------
        vectors : array-like of shape (n_users, dim)
            Vectors of users, as `user_vectors` returns them.
        n : int, default=10
            How many items.

        Returns
        -------
        items : ndarray of shape (n_users, min(n, n_items))
            Ids, the best first.
        scores : ndarray of float32 of shape (n_users, min(n, n_items))
            Their products with the user, as in `recommend`.

        Raises
        ------
        ValueError
            If the vectors are of another length.
        """
        own = np.ascontiguousarray(vectors, dtype=np.float32)
        dim = self.vectors.shape[1]
        if own.ndim != 2 or own.shape[1] != dim:
            raise ValueError(
                f"vectors must be of shape (n_users, {dim}), one row a user. Received: "
                f"shape {own.shape}."
            )
        if n < 1:
            raise ValueError(f"n must be at least 1. Received: {n}.")
        scores, places = self.index.search(own, min(n, len(self.items)))
        return self.items[places], scores


def load_index(path: str | os.PathLike) -> ItemIndex:
    """Read an index that ``to_index`` wrote; TensorFlow is not needed.

    Needs the extra ``ann``: ``pip install "skrec-keras[ann]"``.

    Parameters
    ----------
    path : str or path-like
        The folder.

    Returns
    -------
    ItemIndex
        What is asked by vectors of users.

    Raises
    ------
    ImportError
        If the extra is not installed.
    FileNotFoundError
        If there is no such folder.
    ValueError
        If a later release has written it, or its files do not fit together.

    See Also
    --------
    to_index : Writes it.

    Examples
    --------
    >>> from skrec.export import load_index
    >>> load_index("nothing")
    Traceback (most recent call last):
    FileNotFoundError: There is no index: ... Received: 'nothing'.
    """
    faiss = import_extra("faiss", "ann", "An index of items")
    folder = Path(path)
    if not (folder / ABOUT).is_file():
        raise FileNotFoundError(
            "There is no index: give a folder that skrec.export.to_index wrote. "
            f"Received: {str(path)!r}."
        )
    about = json.loads((folder / ABOUT).read_text("utf-8"))
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{str(path)!r} was written in another format than this release reads, "
            f"{FORMAT}: make the index anew. Received: format {about.get('format')!r}."
        )
    ids = json.loads((folder / ITEMS).read_text("utf-8"))
    items = np.array(ids, dtype=object if about["strings"] else None)
    vectors = np.load(folder / VECTORS, allow_pickle=False)
    index = faiss.read_index(str(folder / INDEX))
    if not len(items) == len(vectors) == index.ntotal:
        raise ValueError(
            f"The files of {str(path)!r} do not fit together: make the index anew. "
            f"Received: {len(items)} ids, {len(vectors)} vectors, {index.ntotal} in "
            "the index."
        )
    return ItemIndex(index, items, vectors, about["recall"])
