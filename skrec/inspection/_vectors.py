"""Ids whose vectors lie near each other."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from skrec._inside import innermost
from skrec._sklearn import Interval, validate_params


def embedding_vectors(estimator: Any, column: Any) -> pd.DataFrame:
    """Return the vector that a model has learnt for each id of a column.

    Parameters
    ----------
    estimator : estimator
        A fitted model on tables, or a recommender with vectors; a pipeline that ends in
        one, or a search.
    column : str or int
        Name of a column of ids or of lists of ids; of a recommender that of the items.

    Returns
    -------
    DataFrame of shape (n_ids, n_dimensions)
        A row for each id.

    Raises
    ------
    TypeError
        If the estimator has no vectors of ids.
    ValueError
        If the column has none.

    See Also
    --------
    nearest_ids : Ids whose vectors are alike.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DeepFMClassifier
    >>> from skrec.inspection import embedding_vectors
    >>> X = pd.DataFrame({"city": ["Bonn", "Ulm", "Kiel"] * 10})
    >>> model = DeepFMClassifier(embedding_dim=4, epochs=1).fit(X, [0, 1, 1] * 10)
    >>> embedding_vectors(model, "city").shape
    (3, 4)
    """
    (model,) = innermost(estimator)
    if hasattr(type(model), "embeddings_"):
        return model.embeddings_(column)
    if not hasattr(type(model), "item_embeddings_"):
        raise TypeError(
            "estimator must be a model on tables or a recommender that has learnt "
            f"vectors of ids. Received: {type(model).__name__}."
        )
    if column != model.item_col_:
        raise ValueError(
            f"column must be {model.item_col_!r}, that of the items, of which "
            f"{type(model).__name__} has vectors. Received: {column!r}."
        )
    return model.item_embeddings_


@validate_params(
    {"n": [Interval(Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def nearest_ids(estimator: Any, column: Any, ids: Any, n: int = 10) -> pd.DataFrame:
    """Rank the ids of a column by how alike their vectors are to those of some.

    It is what `similar_items` of a recommender is to its items, for any column of a
    model on tables: DIN, NeuMF, DeepFM and the others. Two ids are near each other
    where the model treats them alike.

    Parameters
    ----------
    estimator : estimator
        As :func:`embedding_vectors` takes it.
    column : str or int
        Name of the column.
    ids : array-like of shape (n_ids,), or an id
        Ids to find others for.
    n : int, default=10
        Number of others for each.

    Returns
    -------
    DataFrame of shape (n_rows, 4)
        The id, in a column of the column's name; ``"similar"``, another one;
        ``"score"``, the cosine between their vectors; and ``"rank"``, from 1 on.

    Raises
    ------
    ValueError
        If an id has no vector, or there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import FMRegressor
    >>> from skrec.inspection import nearest_ids
    >>> X = pd.DataFrame({"city": ["Bonn", "Ulm", "Kiel"] * 20, "n": range(60)})
    >>> model = FMRegressor(epochs=2, random_state=0).fit(X, [1.0, 5.0, 5.0] * 20)
    >>> nearest_ids(model, "city", ["Ulm"], n=2)[["city", "rank"]].values.tolist()
    [['Ulm', 1], ['Ulm', 2]]
    """
    vectors = embedding_vectors(estimator, column)
    wanted = [ids] if isinstance(ids, str) or not np.ndim(ids) else list(ids)
    if not wanted:
        raise ValueError("ids must hold at least one id. Received: an empty list.")
    places = vectors.index.get_indexer(wanted)
    unknown = [one for one, place in zip(wanted, places, strict=True) if place < 0]
    if unknown:
        raise ValueError(
            f"ids must be ids of the column {column!r} that were there often enough in "
            f"training. Received: {unknown[0]!r}, and {len(unknown) - 1} more."
        )
    n_found = min(n + 1, len(vectors))
    finder = NearestNeighbors(n_neighbors=n_found, metric="cosine", algorithm="brute")
    distances, found = finder.fit(vectors.to_numpy()).kneighbors(
        vectors.to_numpy()[places]
    )
    parts = []
    for one, place, far, near in zip(wanted, places, distances, found, strict=True):
        others = near != place
        if others.all():  # some have the same vector, and all stand before it
            others[-1] = False
        similar = vectors.index[near[others]]
        parts.append(
            pd.DataFrame(
                {
                    column: [one] * len(similar),
                    "similar": similar,
                    "score": 1 - far[others],
                    "rank": np.arange(1, len(similar) + 1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
