"""Metrics of relevance: how far up in their lists users find what they wanted."""

from typing import Any

import numpy as np
import pandas as pd

from skrec._docs import with_fitted_docs
from skrec._sklearn import validate_params
from skrec.metrics._lists import (
    AT_K,
    read_lists,
    read_numbers,
    read_pairs,
    require_distinct,
)
from skrec.metrics._values import PER_USER
from skrec.preprocessing._frames import named_columns

_checked = validate_params(AT_K, prefer_skip_nested_validation=True)


def _at_k(
    name: str,
    recommended: Any,
    relevant: Any,
    k: int,
    user_col: str,
    item_col: str,
    average: bool,
) -> float | pd.Series:
    lists = read_lists(recommended, relevant, user_col, item_col)
    values = PER_USER[name](lists, k)
    if average:
        return float(values.mean())
    return pd.Series(values, lists.users, name=f"{name}@{k}")


@_checked
@with_fitted_docs
def ndcg_at_k(
    recommended: Any,
    relevant: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute NDCG@k: hits count less the further down they stand.

    A hit at rank r counts ``1 / log2(r + 1)``, so 1 at the top. The sum is divided by
    what the best list has, ``min(k, n_relevant)`` hits in front [1]_. An item is
    relevant or not, without degrees.

    Parameters
    ----------
    %(ranked)s
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        Between 0 and 1; a Series is by user, in the order of
        `relevant`.

    Raises
    ------
    %(ranked_raises)s

    References
    ----------
    .. [1] Järvelin, K. and Kekäläinen, J. "Cumulated gain-based evaluation of IR
       techniques". ACM Transactions on Information Systems 20(4), 2002.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import ndcg_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob", "cid"], "item": [2, 1, 3]})
    >>> ndcg_at_k(recommended, relevant, k=2, average=False)
    user
    ann    0.63093
    bob    1.00000
    cid    0.00000
    Name: ndcg@2, dtype: float64
    """
    return _at_k("ndcg", recommended, relevant, k, user_col, item_col, average)


@_checked
@with_fitted_docs
def recall_at_k(
    recommended: Any,
    relevant: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute recall@k: the share of what is relevant that stands in the list.

    It is divided by all that is relevant, also where that is more than `k`.

    Parameters
    ----------
    %(ranked)s
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        Between 0 and 1; a Series is by user, in the order of
        `relevant`.

    Raises
    ------
    %(ranked_raises)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import recall_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob", "cid"], "item": [2, 1, 3]})
    >>> recall_at_k(recommended, relevant, k=2, average=False)
    user
    ann    1.0
    bob    1.0
    cid    0.0
    Name: recall@2, dtype: float64
    """
    return _at_k("recall", recommended, relevant, k, user_col, item_col, average)


@_checked
@with_fitted_docs
def precision_at_k(
    recommended: Any,
    relevant: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute precision@k: the share of the list that is relevant.

    It is divided by `k`, also where a list is shorter.

    Parameters
    ----------
    %(ranked)s
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        Between 0 and 1; a Series is by user, in the order of
        `relevant`.

    Raises
    ------
    %(ranked_raises)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import precision_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob", "cid"], "item": [2, 1, 3]})
    >>> precision_at_k(recommended, relevant, k=2, average=False)
    user
    ann    0.5
    bob    0.5
    cid    0.0
    Name: precision@2, dtype: float64
    """
    return _at_k("precision", recommended, relevant, k, user_col, item_col, average)


@_checked
@with_fitted_docs
def hit_rate_at_k(
    recommended: Any,
    relevant: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute the hit rate@k: whether the list holds something relevant.

    With one relevant item for each user, as after leaving out the last event, it is the
    recall.

    Parameters
    ----------
    %(ranked)s
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        0 or 1 for a user; a Series is by user, in the order of
        `relevant`.

    Raises
    ------
    %(ranked_raises)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import hit_rate_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob", "cid"], "item": [2, 1, 3]})
    >>> hit_rate_at_k(recommended, relevant, k=2, average=False)
    user
    ann    1.0
    bob    1.0
    cid    0.0
    Name: hit_rate@2, dtype: float64
    """
    return _at_k("hit_rate", recommended, relevant, k, user_col, item_col, average)


@_checked
@with_fitted_docs
def map_at_k(
    recommended: Any,
    relevant: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute MAP@k: the average precision of the list at its hits.

    The precision at each hit among the first `k`, added up and divided by the number
    of relevant items, as in TREC's evaluations. Some divide by ``min(k, n_relevant)``,
    which gives more where a user has more than `k` relevant items.

    Parameters
    ----------
    %(ranked)s
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        Between 0 and 1; a Series is by user, in the order of
        `relevant`.

    Raises
    ------
    %(ranked_raises)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import map_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob", "cid"], "item": [2, 1, 3]})
    >>> map_at_k(recommended, relevant, k=2, average=False)
    user
    ann    0.5
    bob    1.0
    cid    0.0
    Name: map@2, dtype: float64
    """
    return _at_k("map", recommended, relevant, k, user_col, item_col, average)


@_checked
@with_fitted_docs
def mrr_at_k(
    recommended: Any,
    relevant: Any,
    k: int = 10,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute MRR@k: one over the rank of the first hit.

    It is 0 where there is none among the first `k`.

    Parameters
    ----------
    %(ranked)s
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        Between 0 and 1; a Series is by user, in the order of
        `relevant`.

    Raises
    ------
    %(ranked_raises)s

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import mrr_at_k
    >>> recommended = pd.DataFrame(
    ...     {"user": ["ann", "ann", "bob"], "item": [1, 2, 1], "rank": [1, 2, 1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob", "cid"], "item": [2, 1, 3]})
    >>> mrr_at_k(recommended, relevant, k=2, average=False)
    user
    ann    0.5
    bob    1.0
    cid    0.0
    Name: mrr@2, dtype: float64
    """
    return _at_k("mrr", recommended, relevant, k, user_col, item_col, average)


@validate_params(
    {
        "user_col": [str],
        "item_col": [str],
        "average": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
@with_fitted_docs
def auc_per_user(
    scored: Any,
    relevant: Any,
    *,
    user_col: str = "user",
    item_col: str = "item",
    average: bool = True,
) -> float | pd.Series:
    """Compute each user's AUC: how often a relevant item has the higher score.

    Of all pairs of a relevant and another item of one user, the share in which the
    relevant one has the higher score; equal scores count one half. A relevant item
    without a score loses against all.

    Parameters
    ----------
    scored : DataFrame
        Scores of all items that a user could have been recommended, not of the best
        alone: a column of users, one of items, and ``"score"``.
    relevant : DataFrame
        What the users went on to have: a column of users and one of items. A pair that
        is there twice counts once. Each of these users counts; one without scores
        has 0. Scores of other users are not read.
    %(ranked_names)s

    Returns
    -------
    float, or Series of float
        Between 0 and 1; a Series is by user, in the order of `relevant`. Where all
        items with a score are relevant there is nothing to compare: 0.5.

    Raises
    ------
    ValueError
        If a column is missing, an id or a score is, an item is there twice for one
        user, or `relevant` has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.metrics import auc_per_user
    >>> scored = pd.DataFrame(
    ...     {"user": ["ann"] * 3, "item": [1, 2, 3], "score": [0.9, 0.5, 0.1]}
    ... )
    >>> relevant = pd.DataFrame({"user": ["ann", "bob"], "item": [2, 1]})
    >>> auc_per_user(scored, relevant, average=False)
    user
    ann    0.5
    bob    0.0
    Name: auc, dtype: float64
    """
    table = named_columns(scored, [user_col, item_col, "score"], "scored")
    wanted = named_columns(relevant, [user_col, item_col], "relevant")
    pairs = read_pairs(table, wanted, "scored")
    require_distinct(table, pairs.keys[0], "scored")
    n_users = len(pairs.users)
    keys = np.unique(pairs.keys[1])
    n_relevant = np.bincount(keys // pairs.n_items, minlength=n_users)
    ours = pairs.user[0] < n_users
    user, hit = pairs.user[0][ours], np.isin(pairs.keys[0][ours], keys)
    # Ranks from the worst on, the mean of those that tie.
    scores = pd.Series(read_numbers(table["score"], "scored")[ours])
    ranks = scores.groupby(user).rank().to_numpy()
    n_hits = np.bincount(user[hit], minlength=n_users)
    n_others = np.bincount(user[~hit], minlength=n_users)
    rank_sums = np.bincount(user[hit], ranks[hit], minlength=n_users)
    won = rank_sums - n_hits * (n_hits + 1) / 2
    nothing_else = np.where(n_hits > 0, 0.5, 0.0)
    n_pairs = np.maximum(n_relevant * n_others, 1)
    values = np.where(n_others > 0, won / n_pairs, nothing_else)
    if average:
        return float(values.mean())
    return pd.Series(values, pairs.users, name="auc")
