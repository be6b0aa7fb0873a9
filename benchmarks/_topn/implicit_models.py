"""implicit's models, in their environment: tuned on validation items, then judged."""

import time
from typing import Any

import numpy as np
from _speed.readings import peak_mb, reset_peak, resident_mb
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from _topn.peer_scores import Parts, RankSizes, draw_events, draw_factors, ndcg

MODELS = {
    "implicit ALS": AlternatingLeastSquares,
    "implicit BPR": BayesianPersonalizedRanking,
    "implicit ItemKNN": CosineRecommender,
}
N = 10


def _matrix(events: np.ndarray, shape: tuple[int, int]) -> csr_matrix:
    """Count the events of each user and item."""
    users, items = events.T
    return csr_matrix((np.ones(len(events), np.float32), (users, items)), shape)


def _fit(name: str, params: dict[str, Any], seen: csr_matrix, seed: int) -> Any:
    drawn = {} if name == "implicit ItemKNN" else {"random_state": seed}
    model = MODELS[name](**params, **drawn)
    with threadpool_limits(1, user_api="blas"):  # as implicit asks for
        model.fit(seen, show_progress=False)
    return model


def _rank(name: str, model: Any, seen: csr_matrix) -> np.ndarray:
    """Rank for all users; -1 where there are fewer items.

    ALS solves for the vectors of users again, since they may have done more since.
    """
    more = {"recalculate_user": True} if name == "implicit ALS" else {}
    found, _ = model.recommend(np.arange(seen.shape[0]), seen, N, **more)
    return np.asarray(found)


def search(
    name: str, candidates: list[dict[str, Any]], seed: int, parts: Parts
) -> dict[str, Any]:
    """Return the candidate that ranks the validation items best, its score and seconds.

    Its model then ranks for every user, who has got the validation items by then.
    """
    shape = parts["shape"]
    train, known = (_matrix(parts[part], shape) for part in ("train", "known"))
    found: dict[str, Any] = {"score": -1.0}
    for params in candidates:
        start = time.perf_counter()
        model = _fit(name, params, train, seed)
        seconds = time.perf_counter() - start
        score = ndcg(_rank(name, model, train), parts["valid"])
        if score > found["score"]:
            found = {"score": score, "params": params, "seconds": seconds}
            start = time.perf_counter()
            ranked = _rank(name, model, known)
            found |= {"rank_seconds": time.perf_counter() - start, "ranked": ranked}
    return found


def rank(sizes: RankSizes, n: int, seed: int) -> dict[str, Any]:
    """Time the ranking for all users, and its memory above that of the factors.

    BLAS has one thread, as implicit advises, or all: the faster counts.
    """
    model = AlternatingLeastSquares()  # any model of factors
    model.user_factors, model.item_factors = draw_factors(sizes, seed)
    seen = _matrix(draw_events(sizes, seed), (sizes.n_users, sizes.n_items))
    users, found = np.arange(sizes.n_users), []
    model.recommend(users[:100], seen[:100], n)
    for limit in (1, None):
        before = resident_mb()
        reset_peak()
        start = time.perf_counter()
        with threadpool_limits(limit, user_api="blas"):
            ranked, _ = model.recommend(users, seen, n)
        seconds = time.perf_counter() - start
        row = {"seconds": seconds, "MB above": peak_mb() - before, "ranked": ranked}
        found.append(row)
    return min(found, key=lambda row: row["seconds"])
