"""Searches and splitters, beside those of scikit-learn."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.model_selection._ray import register_ray
from skrec.model_selection.bayes import BayesSearchCV
from skrec.model_selection.hyperband import HyperbandSearchCV
from skrec.model_selection.optuna_search import OptunaSearchCV
from skrec.model_selection.pareto import (
    CheapestWithin,
    pareto_front,
    with_costs,
)
from skrec.model_selection.pruning import MedianPruning
from skrec.model_selection.spaces import search_space
from skrec.model_selection.splitters import (
    LeaveLastOut,
    PerUserKFold,
    TimeSplit,
    UserGroupKFold,
)

__all__ = [
    "BayesSearchCV",
    "CheapestWithin",
    "HyperbandSearchCV",
    "LeaveLastOut",
    "MedianPruning",
    "OptunaSearchCV",
    "PerUserKFold",
    "TimeSplit",
    "UserGroupKFold",
    "pareto_front",
    "register_ray",
    "search_space",
    "with_costs",
]
