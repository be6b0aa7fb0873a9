"""Several objectives: costs beside scores, and what is best for both."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import sem
from sklearn.utils.validation import check_is_fitted

from skrec._inside import innermost
from skrec._sklearn import num_samples
from skrec.model_selection._sequential import guiding_metric

# Objectives of which less is better.
COSTS = ("n_parameters", "latency", "fit_time", "score_time")
N_TIMINGS = 3


def with_costs(scoring: Any = None) -> dict[str, Any]:
    """Add the costs of a candidate to what a search measures.

    The result goes into the parameter `scoring` of any search that takes several
    metrics, and of :func:`~sklearn.model_selection.cross_validate`. ``cv_results_``
    then has, in ``mean_test_n_parameters``, the number of weights of the fitted
    network, those that are not trained included, and, in ``mean_test_latency``, the
    seconds that ``predict`` takes for a row of the test fold: the least of three
    timings, after one call that is not counted. The seconds that training takes are in
    ``mean_fit_time`` anyway.

    Parameters
    ----------
    scoring : str, callable, list, tuple, dict or None, default=None
        Scores, as the search takes them. One name or several keep theirs; None, which
        stands for the estimator's own ``score``, and a callable become ``"score"``. A
        callable must return a number.

    Returns
    -------
    dict of str to str, callable or None
        Scoring for several metrics, with ``"n_parameters"`` and ``"latency"``. A search
        then needs `refit`: the name of a score, :class:`CheapestWithin` or False.

    Notes
    -----
    Costs are positive, unlike scikit-learn's scores of errors, and the columns
    ``rank_test_n_parameters`` and ``rank_test_latency`` rank the greatest first, as
    they do for any score. So do not refit on them. Leave `error_score` at NaN, since
    any other value would pass for a cost.

    The network is the estimator itself, or the last step of a pipeline. Latency and fit
    time are those of the machine at that moment: with `n_jobs` above 1 the workers
    compete, and a fit that `memory` finds again takes next to no time.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec import MLPClassifier
    >>> from skrec.model_selection import with_costs
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     MLPClassifier(epochs=5, number_embedding=None, random_state=0),
    ...     {"units": [4, 8]},
    ...     scoring=with_costs("accuracy"), refit="accuracy", cv=3,
    ... )
    >>> search.fit(X, y).cv_results_["mean_test_n_parameters"].tolist()
    [47.0, 79.0]
    """
    if scoring is None or callable(scoring):
        scores = {"score": scoring}
    elif isinstance(scoring, str):
        scores = {scoring: scoring}
    elif isinstance(scoring, Mapping):
        scores = dict(scoring)
    else:
        scores = {name: name for name in scoring}
    # A latency that is measured last finds the graphs of `predict` traced.
    return {**scores, "n_parameters": _NumberOfParameters(), "latency": _Latency()}


class _CostScorer:
    """What scikit-learn asks of a scorer beside the call.

    It takes weights, which change no cost, so that scikit-learn does not warn of them.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__.removeprefix('_')}()"

    def _accept_sample_weight(self) -> bool:
        return True


class _NumberOfParameters(_CostScorer):
    """Number of weights of a fitted network."""

    def __call__(
        self, estimator: Any, X: Any, y: Any = None, sample_weight: Any = None
    ) -> int:
        (estimator,) = innermost(estimator)
        if not hasattr(estimator, "n_parameters_"):
            raise TypeError(
                "n_parameters counts the weights of a skrec estimator, alone or as the "
                f"last step of a pipeline. Received: {estimator!r}."
            )
        return estimator.n_parameters_


class _Latency(_CostScorer):
    """Seconds that prediction takes for a row."""

    def __call__(
        self, estimator: Any, X: Any, y: Any = None, sample_weight: Any = None
    ) -> float:
        seconds = []
        for _ in range(1 + N_TIMINGS):  # of which the first may trace graphs
            started = time.perf_counter()
            estimator.predict(X)
            seconds.append(time.perf_counter() - started)
        return min(seconds[1:]) / num_samples(X)


@dataclass(frozen=True, eq=False)
class CheapestWithin:
    """Choose the cheapest candidate whose score is nearly the best.

    For the parameter `refit` of a search. Of all candidates whose mean score is at most
    one standard error below the best one, it takes the one of the least mean cost, and
    of those with equal costs the one with the best score; no other candidate is better
    in one of the two and no worse in the other. Candidates whose score or cost is not
    finite are left out.

    The search's own ``score`` is `score`, as if `refit` had named it, and so is what
    guides a search of skrec that chooses candidates from the scores so far.

    Parameters
    ----------
    score : str, default="score"
        Name of the score, as in `scoring`; greater is better.
    cost : str, default="n_parameters"
        Name of the cost: ``"n_parameters"`` or ``"latency"``, for a search with
        :func:`with_costs`; ``"fit_time"`` or ``"score_time"``, in any search; or a
        column of ``cv_results_``.
    tolerance : float, default=None
        Largest difference from the best score, at least 0. None stands for the standard
        error of the best mean score over the folds, which is 0 where there is one fold.

    See Also
    --------
    pareto_front : The candidates between which there is a choice.
    with_costs : Measures costs.

    Notes
    -----
    Where several metrics are measured, scikit-learn looks up the one that ``score``
    computes under `refit`, which need not be a string. So an object of this class has
    the hash of its `score` and is equal to it, and finds its metric in any dict of
    metrics, while two of them are equal where all three parameters are.

    As with every callable, ``best_score_`` is not set: take
    ``cv_results_["mean_test_accuracy"][best_index_]``. The halving searches of
    scikit-learn 1.9 use no callable: they take the best of the last round, whatever
    `refit` is.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and
       regression trees", Wadsworth, 1984, section 3.4.3: the rule of one standard
       error.
    .. [2] T. Hastie, R. Tibshirani and J. Friedman, "The elements of statistical
       learning", 2nd edition, Springer, 2009, section 7.10.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec import MLPClassifier
    >>> from skrec.model_selection import CheapestWithin, with_costs
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     MLPClassifier(random_state=0),
    ...     {"units": [8, 128]}, scoring=with_costs("accuracy"), cv=3,
    ...     refit=CheapestWithin("accuracy", "n_parameters"),
    ... )
    >>> search.fit(X, y).best_params_
    {'units': 8}
    >>> print(f"{search.score(X, y):.2f}")
    0.97
    """

    score: str = "score"
    cost: str = "n_parameters"
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.tolerance is not None and not self.tolerance >= 0:
            raise ValueError(
                f"tolerance must be None or at least 0. Received: {self.tolerance!r}."
            )

    @property
    def _metric(self) -> str:
        """Name of the score in `scoring`, where `score` may be a column."""
        return self.score.removeprefix("mean_test_")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self._metric == other
        return type(other) is type(self) and astuple(self) == astuple(other)

    def __hash__(self) -> int:
        return hash(self._metric)

    def __call__(self, cv_results: Mapping[str, Any]) -> int:
        """Choose a candidate.

        Parameters
        ----------
        cv_results : dict of str to array
            Results of a search.

        Returns
        -------
        int
            Index of the candidate.

        Raises
        ------
        ValueError
            If there is no such column, or no candidate has a finite score and cost.
        """
        scores, costs = _values(cv_results, [self.score, self.cost]).T
        usable = np.isfinite(scores) & np.isfinite(costs)
        if not usable.any():
            raise ValueError(
                f"No candidate has a finite {self.score!r} and {self.cost!r}. "
                f"Received: {scores.tolist()} and {costs.tolist()}."
            )
        best = int(np.argmax(np.where(usable, scores, -np.inf)))
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = _standard_error(cv_results, self.score, best)
        near = np.flatnonzero(usable & (scores >= scores[best] - tolerance))
        order = np.lexsort((-scores[near], costs[near]))
        return int(near[order[0]])


def pareto_front(search: Any, objectives: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the candidates of a search that no other one beats in every objective.

    A candidate is left out if another one is at least as good in each objective and
    better in one, or if one of its objectives is not finite.

    Parameters
    ----------
    search : estimator
        A fitted search of scikit-learn's kind, with ``cv_results_``.
    objectives : sequence of str, default=None
        Names of scores and costs, or columns of ``cv_results_``. Less is better for
        ``"n_parameters"``, ``"latency"``, ``"fit_time"`` and ``"score_time"``, more for
        all others. None stands for the score that `refit` names, or else the first one,
        together with the number of parameters and the latency, if they were measured,
        or else the fit time.

    Returns
    -------
    DataFrame
        A row for each candidate, with its position in ``cv_results_`` as index, the
        objectives and the parameters as columns; sorted by the objectives, the best
        first.

    Raises
    ------
    ValueError
        If there is no such objective.

    See Also
    --------
    CheapestWithin : Makes the choice, for a search's `refit`.
    with_costs : Measures costs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skrec.model_selection import pareto_front
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3]})
    >>> front = pareto_front(search.fit(X, y), ["score", "param_max_depth"])
    >>> front["max_depth"].tolist()
    [3]
    """
    check_is_fitted(search, "cv_results_")
    results = search.cv_results_
    names = list(objectives or default_objectives(search))
    values = _values(results, names)
    finite = np.flatnonzero(np.isfinite(values).all(axis=1))
    signs = np.array([-1 if is_cost(name) else 1 for name in names])
    gains = signs * values[finite]
    front = finite[[not _is_dominated(gain, gains) for gain in gains]]
    params = [results["params"][i] for i in front]
    frame = pd.concat(
        [
            pd.DataFrame(values[front], index=front, columns=names),
            pd.DataFrame(params, index=front),
        ],
        axis=1,
    )
    return frame.sort_values(
        names, ascending=[is_cost(name) for name in names], kind="stable"
    )


def _is_dominated(gain: np.ndarray, gains: np.ndarray) -> bool:
    """Tell whether a row is at least as good in all objectives, and better in one."""
    return bool(((gains >= gain).all(axis=1) & (gains > gain).any(axis=1)).any())


def is_cost(name: str) -> bool:
    """Tell whether less of an objective is better.

    Parameters
    ----------
    name : str
        Its name, or its column of ``cv_results_``.

    Returns
    -------
    bool
        True for costs.
    """
    return name.removeprefix("mean_").removeprefix("test_") in COSTS


def default_objectives(search: Any) -> list[str]:
    """Return a score and the costs that were measured.

    Parameters
    ----------
    search : estimator
        A fitted search.

    Returns
    -------
    list of str
        Their names.
    """
    prefix = "mean_test_"
    names = [
        key.removeprefix(prefix) for key in search.cv_results_ if key.startswith(prefix)
    ]
    scores = [name for name in names if name not in COSTS]
    costs = [name for name in names if name in COSTS]
    return [guiding_metric(search.refit, scores), *(costs or ["fit_time"])]


def _values(results: Mapping[str, Any], names: Sequence[str]) -> np.ndarray:
    """Return objectives as an array of shape (n_candidates, n_objectives)."""
    return np.array(
        [results[column_of(results, name)] for name in names], dtype=float
    ).T


def column_of(results: Mapping[str, Any], name: str) -> str:
    """Return the column of ``cv_results_`` that an objective means.

    Parameters
    ----------
    results : dict of str to array
        Results of a search.
    name : str
        Name of the objective.

    Returns
    -------
    str
        The column.
    """
    for column in (f"mean_test_{name}", f"mean_{name}", name):
        if column in results and column != "params":
            return column
    known = [key.removeprefix("mean_") for key in results if key.startswith("mean_")]
    known = [name.removeprefix("test_") for name in known]
    hint = " with_costs measures it." if name in COSTS else ""
    raise ValueError(
        f"The search has no objective {name!r}.{hint} It must be one of {known}, or a "
        f"column of cv_results_. Received: {name!r}."
    )


def _standard_error(results: Mapping[str, Any], name: str, index: int) -> float:
    """Return the standard error of a candidate's mean score over the folds."""
    of_folds = re.escape(column_of(results, name).removeprefix("mean"))
    scores = [
        results[key][index]
        for key in results
        if re.fullmatch(rf"split\d+{of_folds}", key)
    ]
    return float(sem(scores)) if len(scores) > 1 else 0.0
