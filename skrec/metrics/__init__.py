"""Metrics of ranked lists, and recommenders scored by them."""

from skrec.metrics.beyond import coverage_at_k, diversity_at_k, novelty_at_k
from skrec.metrics.relevance import (
    auc_per_user,
    hit_rate_at_k,
    map_at_k,
    mrr_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
)
from skrec.metrics.scoring import evaluate, recommender_scorer, sampled_metric

__all__ = [
    "auc_per_user",
    "coverage_at_k",
    "diversity_at_k",
    "evaluate",
    "hit_rate_at_k",
    "map_at_k",
    "mrr_at_k",
    "ndcg_at_k",
    "novelty_at_k",
    "precision_at_k",
    "recall_at_k",
    "recommender_scorer",
    "sampled_metric",
]
