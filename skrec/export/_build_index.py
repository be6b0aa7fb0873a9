"""Writes the vectors of a recommender's items, with an index of them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

import skrec
from skrec._extras import import_extra
from skrec.export._index import ABOUT, FORMAT, INDEX, ITEMS, VECTORS
from skrec.recommenders._histories import Histories
from skrec.recommenders._ranking import Products
from skrec.recommenders.base import BaseRecommender

# Up to so many items, comparing with all of them takes about a millisecond.
FEW_ITEMS = 20_000
# Users whose best items tell how much of them an index finds, and how much is enough:
# half of the hundredth that may be missing is left for other users.
ASKED, TOP, ENOUGH = 1000, 10, 0.995
NEIGHBOURS, CARE, WIDEST = 32, 200, 4096


def to_index(
    recommender: Any, path: str | os.PathLike, *, exact: bool | None = None
) -> None:
    """Write the vectors of items, their ids, and an index that finds the best ones.

    The index compares a user with a part of the items. How large a part is chosen, when
    it is made, by what it finds of the best ten items of up to 1,000 users of `fit`: at
    least 99.5 %. Where no part is enough, and for up to 20,000 items, it compares with
    all of them.

    Needs the extra ``ann``: ``pip install "skrec-keras[ann]"``.

    Parameters
    ----------
    recommender : recommender
        One whose scores are products of vectors: `ALSRecommender`, `BPRRecommender`,
        `TwoTowerRecommender` and those of sequences.
    path : str or path-like
        Folder to write, which is replaced.
    exact : bool, default=None
        Whether the index compares with all items; None for up to 20,000.

    Raises
    ------
    ImportError
        If the extra is not installed.
    TypeError
        If scores are no products.

    See Also
    --------
    load_index : Reads it, without TensorFlow.
    user_vectors : What it is asked by.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.export import load_index, to_index, user_vectors
    >>> from skrec.recommenders import ALSRecommender
    >>> events = pd.DataFrame(
    ...     {"user": [1, 1, 2, 2, 3], "item": ["tea", "jam", "tea", "jam", "tea"]}
    ... )
    >>> model = ALSRecommender(embedding_dim=2, random_state=0).fit(events)
    >>> to_index(model, "index")
    >>> items, scores = load_index("index").search(user_vectors(model, [3]), n=1)
    >>> items.tolist()
    [['tea']]
    """
    faiss = import_extra("faiss", "ann", "An index of items")
    users = _sample(recommender)
    products = _products(recommender, Histories.of(recommender._log, users))
    vectors = np.ascontiguousarray(products.by_item.numpy().T, dtype=np.float32)
    asked = np.ascontiguousarray(products.users, dtype=np.float32)
    if exact is None:
        exact = len(vectors) <= FEW_ITEMS
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    index, recall = flat, 1.0
    if not exact:
        index, recall = _nearly(faiss, vectors, asked, flat)
    _write(faiss, Path(path), index, vectors, recommender, recall)


def user_vectors(recommender: Any, users: Any = None, *, history: Any = None) -> Any:
    """Return what an index of items is asked by.

    Parameters
    ----------
    recommender : recommender
        One whose scores are products of vectors.
    users : array-like of shape (n_users,), default=None
        Ids; all of `history` or, without one, of `fit`, if None.
    history : DataFrame or array-like of shape (n_events, n_columns), default=None
        Events of these users, as `recommend` takes them.

    Returns
    -------
    DataFrame of shape (n_users, dim)
        Vectors, by the ids of users; zeros for those of whom nothing is known.

    Raises
    ------
    TypeError
        If scores are no products.

    See Also
    --------
    to_index : Makes the index.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.export import user_vectors
    >>> from skrec.recommenders import ALSRecommender
    >>> events = pd.DataFrame(
    ...     {"user": [1, 1, 2, 2, 3], "item": ["tea", "jam", "tea", "jam", "tea"]}
    ... )
    >>> model = ALSRecommender(embedding_dim=2, random_state=0).fit(events)
    >>> user_vectors(model, [2]).shape
    (1, 2)
    """
    _require_recommender(recommender)
    ids, histories = recommender._asked(users, history)
    products = _products(recommender, histories)
    known = recommender._is_known(histories)
    vectors = np.where(known[:, None], products.users, 0)
    return pd.DataFrame(vectors, index=pd.Index(ids, name=recommender.user_col_))


def _require_recommender(recommender: Any) -> None:
    if not isinstance(recommender, BaseRecommender):
        raise TypeError(
            "recommender must be one of skrec's. Received: "
            f"{type(recommender).__name__}."
        )
    check_is_fitted(recommender)


def _sample(recommender: Any) -> np.ndarray:
    """Choose users of `fit`, the same ones each time."""
    _require_recommender(recommender)
    n_users = recommender._log.n_users
    size = min(ASKED, n_users)
    return np.sort(np.random.default_rng(0).choice(n_users, size, replace=False))


def _products(recommender: Any, histories: Histories) -> Products:
    """Return the vectors whose products are the scores."""
    scorer = recommender._scorer(histories)
    if not isinstance(scorer, Products):
        raise TypeError(
            f"{type(recommender).__name__} does not score by products of vectors, "
            "which an index needs: take ALSRecommender, BPRRecommender, "
            "TwoTowerRecommender or one of sequences, or export this one with to_onnx. "
            f"Received: {recommender!r}."
        )
    return scorer


def _nearly(
    faiss: Any, vectors: np.ndarray, asked: np.ndarray, flat: Any
) -> tuple[Any, float]:
    """Make an index that compares with as few items as are enough."""
    n = min(TOP, len(vectors))
    best = flat.search(asked, n)[1]
    metric = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexHNSWFlat(vectors.shape[1], NEIGHBOURS, metric)
    index.hnsw.efConstruction = CARE
    index.add(vectors)
    width = 2 * TOP
    while width <= WIDEST:
        index.hnsw.efSearch = width
        recall = _shared(index.search(asked, n)[1], best)
        if recall >= ENOUGH:
            return index, recall
        width *= 2
    return flat, 1.0


def _shared(found: np.ndarray, best: np.ndarray) -> float:
    """Return the share of the best that has been found."""
    hits = (found[:, :, None] == best[:, None, :]).any(axis=1)
    return float(hits.mean())


def _write(
    faiss: Any,
    path: Path,
    index: Any,
    vectors: np.ndarray,
    recommender: Any,
    recall: float,
) -> None:
    """Replace a folder as a whole, so that nobody reads half of it."""
    ids = recommender.items_.tolist()
    own = path.with_name(f".{path.name}.{os.getpid()}")
    about = {
        "format": FORMAT,
        "skrec": skrec.__version__,
        "recommender": type(recommender).__name__,
        "item_col": recommender.item_col_,
        "strings": bool(ids) and isinstance(ids[0], str),
        "recall": recall,
    }
    try:
        own.mkdir(parents=True)
        faiss.write_index(index, str(own / INDEX))
        np.save(own / VECTORS, vectors)
        (own / ITEMS).write_text(json.dumps(ids), "utf-8")
        (own / ABOUT).write_text(json.dumps(about), "utf-8")
        if path.exists():
            shutil.rmtree(path)
        own.rename(path)
    finally:
        shutil.rmtree(own, ignore_errors=True)
