"""Searches, fits and models to look at, and what they have to say of themselves."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.inspection._attention import attention_weights
from skrec.inspection._convergence import ConvergenceDisplay
from skrec.inspection._coverage import CoverageDisplay
from skrec.inspection._effects import ParamEffectDisplay
from skrec.inspection._feature_effects import feature_effects
from skrec.inspection._history import HistoryDisplay
from skrec.inspection._importances import ParamImportances, param_importances
from skrec.inspection._parallel import ParallelCoordinatesDisplay
from skrec.inspection._pareto import ParetoDisplay
from skrec.inspection._ranking import RankingCurveDisplay
from skrec.inspection._scores import ScoresDisplay
from skrec.inspection._vectors import embedding_vectors, nearest_ids

__all__ = [
    "ConvergenceDisplay",
    "CoverageDisplay",
    "HistoryDisplay",
    "ParallelCoordinatesDisplay",
    "ParamEffectDisplay",
    "ParamImportances",
    "ParetoDisplay",
    "RankingCurveDisplay",
    "ScoresDisplay",
    "attention_weights",
    "embedding_vectors",
    "feature_effects",
    "nearest_ids",
    "param_importances",
]
