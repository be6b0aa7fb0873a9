"""The private names of scikit-learn that skrec uses: no other module imports one.

Each stands here because no public name does the same, under a name without an
underscore. ``tests/test_private_names.py`` says which of them a new release has
changed.
"""

import copy
from typing import Any

# Validates parameters and ends callbacks, as the `fit` of every estimator there does.
from sklearn.base import _fit_context as fit_context

# How a callback in a worker process tells that of the search, as `ScoringMonitor` does.
from sklearn.callback._transport import close_listener, open_listener, send

# Every `_MultimetricScorer` is one of several scorers by name: `named_scorers`.
from sklearn.metrics._scorer import _MultimetricScorer

# What a search is: prediction with the best estimator, routing, tags, `cv_results_`.
from sklearn.model_selection._search import BaseSearchCV

# A fit and its scores on one fold, which the public functions do for one candidate at a
# time, without callbacks; and what is said of fits that failed.
from sklearn.model_selection._validation import (
    _fit_and_score as fit_and_score,
)
from sklearn.model_selection._validation import (
    _insert_error_scores as insert_error_scores,
)
from sklearn.model_selection._validation import (
    _warn_or_raise_about_fit_failures as warn_or_raise_about_fit_failures,
)

# Rows of a table of any kind, by position.
from sklearn.utils import _safe_indexing as safe_indexing

# `_parameter_constraints` and the errors that every estimator of scikit-learn gives.
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_params,
)

# Makes what goes along with the rows, such as weights, ready to be split like them.
from sklearn.utils.validation import _check_method_params as check_method_params

# Checks of targets and weights that no public function makes alone.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _check_y as check_y

# The number of rows of whatever `fit` takes, a sparse matrix and a list included.
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "callbacks_of",
    "check_method_params",
    "check_sample_weight",
    "check_y",
    "close_listener",
    "fit_and_score",
    "fit_context",
    "insert_error_scores",
    "named_scorers",
    "num_samples",
    "open_listener",
    "requested_metadata",
    "safe_indexing",
    "send",
    "validate_params",
    "warn_or_raise_about_fit_failures",
    "without_callbacks",
]


def named_scorers(scorers: Any) -> Any:
    """Return several scorers as a dict, which is what ``scorer_`` holds, and one as is.

    Parameters
    ----------
    scorers : callable
        What ``BaseSearchCV._get_scorers`` returns.

    Returns
    -------
    dict of str to callable, or callable
        The scorers.
    """
    return scorers._scorers if isinstance(scorers, _MultimetricScorer) else scorers


def requested_metadata(estimator: Any) -> Any:
    """Return what metadata an estimator was told to ask for, but not its defaults.

    Parameters
    ----------
    estimator : estimator
        Any estimator. Its ``get_metadata_routing`` returns defaults too, those of a
        meta-estimator's parts with them.

    Returns
    -------
    MetadataRequest or None
        What its ``set_fit_request`` and the like have set; None without a call of them.
    """
    return getattr(estimator, "_metadata_request", None)


def callbacks_of(estimator: Any) -> Any:
    """Return the callbacks of scikit-learn's that an estimator has.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    sequence
        What its ``set_callbacks`` was given, and what came down from a search.
    """
    return getattr(estimator, "_skl_callbacks", ())


def without_callbacks(estimator: Any) -> Any:
    """Return a copy of an estimator whose fit is about to end, as it will be after it.

    Parameters
    ----------
    estimator : estimator
        One that has told callbacks of the end of its fit.

    Returns
    -------
    estimator
        A shallow copy without callbacks, and without the tasks that they were told of.
    """
    copied = copy.copy(estimator)
    for name in ("_skl_callbacks", "_callback_fit_ctx", "_skl_callbacks_to_teardown"):
        vars(copied).pop(name, None)
    return copied
