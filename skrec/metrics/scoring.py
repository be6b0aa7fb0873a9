"""Recommenders scored by their lists: for scikit-learn's searches, and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import sem
from sklearn.utils import check_random_state

from skrec._sklearn import Interval, validate_params
from skrec.metrics._lists import read_lists, read_pairs
from skrec.metrics._measure import HeldOut, measure
from skrec.metrics._names import OF_LISTS, read_metrics
from skrec.metrics._values import PER_USER


@validate_params(
    {"metrics": [str, list, tuple], "exclude_seen": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def recommender_scorer(
    metrics: str | Sequence[str] = "ndcg@10", exclude_seen: bool = True
) -> Any:
    """Make a scorer of recommenders for `scoring` of scikit-learn's searches.

    It ranks the catalogue once for each user of X, as far down as the largest k, and
    computes all metrics from these lists: as :func:`evaluate` does.

    Parameters
    ----------
    metrics : str or list of str, default="ndcg@10"
        ``"ndcg@10"`` and the like: ndcg, recall, precision, hit_rate, map, mrr,
        coverage, novelty or diversity, each with the length of the lists; or ``"auc"``,
        for which all items are ranked, some users at a time.
    exclude_seen : bool, default=True
        Whether to leave out the items that a user had in training. Set it to False
        where users buy the same item again, and the events of X hold that.

    Returns
    -------
    callable
        ``scorer(estimator, X, y=None)``, of a fitted recommender, a pipeline that ends
        in one, or a search. It returns a number for one name, and a dict of str to
        float for a list of names; `refit` of a search is then one of them. All events
        of X count alike: y is not used.

    Raises
    ------
    ValueError
        If a name is no metric. By the scorer: if the recommender lacks what a metric
        needs, such as ``item_embeddings_`` for diversity.

    See Also
    --------
    evaluate : The same numbers with standard errors and counts.

    Examples
    --------
    >>> from skrec.metrics import recommender_scorer
    >>> recommender_scorer(["ndcg@10", "coverage@10"])
    recommender_scorer(['ndcg@10', 'coverage@10'])

    In a search, without a model that stands here::

        RandomizedSearchCV(
            model, {"dropout": [0.2, 0.4]}, cv=LeaveLastOut(time_col="time"),
            scoring=recommender_scorer(["ndcg@10", "coverage@10"]), refit="ndcg@10",
        )
    """
    read_metrics(metrics)
    names = metrics if isinstance(metrics, str) else tuple(metrics)
    return _RecommenderScorer(names, exclude_seen)


@dataclass(frozen=True)
class _RecommenderScorer:
    """A scorer, with one name or several."""

    metrics: str | tuple[str, ...]
    exclude_seen: bool

    def __call__(
        self, estimator: Any, X: Any, y: Any = None
    ) -> float | dict[str, float]:
        metrics = read_metrics(self.metrics)
        held_out = HeldOut.of(estimator, X)
        means = measure(held_out, metrics, self.exclude_seen).means()
        return means[self.metrics] if isinstance(self.metrics, str) else means

    def __repr__(self) -> str:
        names = self.metrics if isinstance(self.metrics, str) else list(self.metrics)
        return f"recommender_scorer({names!r}{self._seen})"

    @property
    def _seen(self) -> str:
        return "" if self.exclude_seen else ", exclude_seen=False"


@validate_params(
    {"metrics": [str, list, tuple], "exclude_seen": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def evaluate(
    model: Any,
    X_test: Any,
    metrics: str | Sequence[str] = ("ndcg@10", "recall@10", "hit_rate@10"),
    exclude_seen: bool = True,
) -> pd.DataFrame:
    """Measure a recommender on events that it did not see.

    All items are ranked for each user of `X_test`, and each of these users counts. What
    the model does not know counts against it: an event of an item that is not in
    ``items_`` is a miss. Users who are not in ``users_`` get what the model has for
    them, by its own parameter `unknown`.

    Parameters
    ----------
    model : recommender
        Fitted; or a fitted pipeline that ends in one, or a search.
    X_test : DataFrame or array-like of shape (n_events, n_columns)
        Events, with the columns of `fit`.
    metrics : str or list of str, default=("ndcg@10", "recall@10", "hit_rate@10")
        As :func:`recommender_scorer` takes them.
    exclude_seen : bool, default=True
        Whether to leave out the items that a user had in training.

    Returns
    -------
    DataFrame of shape (n_metrics, 6)
        A row for each metric. ``score`` is the mean over users and ``standard_error``
        the error of that mean, NaN for coverage, which has no value for a user. The
        counts are the same in all rows: ``n_users`` of `X_test`, ``n_cold_users`` of
        them whom the model does not know, ``n_cold_items``, the events whose item it
        does not know, and ``n_ties``, the users with a relevant item in their list
        whose score another item there has too, so that the order of ids decides. The
        list is that of the largest k, and all items with ``"auc"``.

    Raises
    ------
    ValueError
        If a name is no metric, or the recommender lacks what a metric needs.

    Examples
    --------
    What Ann bought next stands second in her list; what Eve bought, who is new, nobody
    had bought before.

    >>> import pandas as pd
    >>> from skrec.metrics import evaluate
    >>> from skrec.recommenders import PopularRecommender
    >>> events = pd.DataFrame(
    ...     {
    ...         "user": ["ann", "bob", "bob", "cem", "cem", "cem"],
    ...         "item": ["tea", "tea", "jam", "tea", "jam", "rye"],
    ...     }
    ... )
    >>> model = PopularRecommender().fit(events)
    >>> test = pd.DataFrame({"user": ["ann", "eve"], "item": ["rye", "oil"]})
    >>> evaluate(model, test, ["mrr@2", "coverage@2"]).round(3).T
    metric          mrr@2  coverage@2
    score            0.25         1.0
    standard_error   0.25         NaN
    n_users          2.00         2.0
    n_cold_users     1.00         1.0
    n_cold_items     1.00         1.0
    n_ties           0.00         0.0
    """
    wanted = read_metrics(metrics)
    held_out = HeldOut.of(model, X_test)
    measured = measure(held_out, wanted, exclude_seen)
    n_cold_users, n_cold_items = held_out.count_cold()
    errors = [
        sem(value) if isinstance(value, pd.Series) and len(value) > 1 else np.nan
        for value in measured.values.values()
    ]
    means = measured.means()
    return pd.DataFrame(
        {
            "score": list(means.values()),
            "standard_error": errors,
            "n_users": len(held_out.users),
            "n_cold_users": n_cold_users,
            "n_cold_items": n_cold_items,
            "n_ties": measured.n_ties,
        },
        index=pd.Index(list(means), name="metric"),
    )


@validate_params(
    {
        "metric": [str],
        "n_negatives": [Interval(Integral, 1, None, closed="left")],
        "exclude_seen": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sampled_metric(
    model: Any,
    X_test: Any,
    metric: str = "ndcg@10",
    n_negatives: int = 100,
    *,
    exclude_seen: bool = True,
    random_state: Any = None,
) -> float:
    """Measure a recommender among a few sampled items, as older papers did.

    Nothing in skrec calls it: it is here to compare with numbers that were published
    this way. Ranking relevant items among a sample instead of the catalogue does not
    estimate the metric, and the order in which it puts two models may be the wrong one:
    it depends on the number of samples, and for few of them all metrics become the AUC
    [1]_. Take :func:`evaluate`.

    Parameters
    ----------
    model : recommender
        Fitted; or a fitted pipeline that ends in one, or a search.
    X_test : DataFrame or array-like of shape (n_events, n_columns)
        Events, with the columns of `fit`.
    metric : str, default="ndcg@10"
        One of ndcg, recall, precision, hit_rate, map or mrr, with its k.
    n_negatives : int, default=100
        Number of other items beside the relevant ones of a user, drawn evenly from
        those that the model ranks; all of them where they are fewer.
    exclude_seen : bool, default=True
        Whether items that a user had in training are never drawn.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.

    Returns
    -------
    float
        Mean over the users of `X_test`.

    Raises
    ------
    ValueError
        If the name is no such metric.

    References
    ----------
    .. [1] Krichene, W. and Rendle, S. "On sampled metrics for item recommendation".
       KDD 2020.

    Examples
    --------
    A call, where `model` is fitted and `test` holds later events::

        sampled_metric(model, test, "ndcg@10", n_negatives=99, random_state=0)

    >>> from skrec.metrics import sampled_metric
    >>> sampled_metric(None, None, "coverage@10")
    Traceback (most recent call last):
    ...
    ValueError: metric must be one of ndcg, recall, ... Received: 'coverage@10'.
    """
    (wanted,) = read_metrics(metric)
    if wanted.kind in OF_LISTS or not wanted.k:
        raise ValueError(
            f"metric must be one of {', '.join(PER_USER)}, with its k. Received: "
            f"{metric!r}."
        )
    rng = check_random_state(random_state)
    held_out = HeldOut.of(model, X_test)
    values = []
    for some, lists in held_out.whole_lists(exclude_seen):
        sampled = _sample(some, lists, n_negatives, rng)
        hits = read_lists(sampled, some.relevant, **held_out.names)
        values.append(PER_USER[wanted.kind](hits, wanted.k))
    return float(np.concatenate(values).mean())


def _sample(
    held_out: HeldOut, lists: pd.DataFrame, n: int, rng: np.random.RandomState
) -> pd.DataFrame:
    """Keep the relevant items of each list and n others, with new ranks."""
    pairs = read_pairs(lists, held_out.relevant)
    user, kept = pairs.user[0], np.isin(*pairs.keys)
    others = np.flatnonzero(~kept)
    draws = pd.Series(rng.random_sample(len(others)))
    kept[others] = draws.groupby(user[others]).rank() <= n
    ranks = lists["rank"][kept].groupby(user[kept]).rank().astype(np.int64)
    return lists[kept].assign(rank=ranks)
