"""The results of a search as tables: candidates, their scores, what they had cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skrec.model_selection._candidates import key_of, key_of_params
from skrec.model_selection._sequential import guiding_metric
from skrec.model_selection.pareto import COSTS

# Numbers whose largest is so many times the smallest are drawn on a logarithmic axis.
DECADES = 20


@dataclass(frozen=True)
class Results:
    """The candidates of a search, in the order in which they were tried.

    Parameters
    ----------
    metric : str
        Name of the scores in ``cv_results_``.
    score_name : str
        What to call it.
    params : list of dict
        Parameters of each candidate.
    folds : ndarray of shape (n_candidates, n_folds)
        Score of each fold.
    mean : ndarray of shape (n_candidates,)
        Mean scores.
    seconds : ndarray of shape (n_candidates,)
        What fitting and scoring took on all folds; NaN where that was not kept.
    places : DataFrame of n_candidates rows
        The columns ``bracket``, ``iter`` and ``n_resources``, where there are any.
    chosen : int or None
        The row that the search chose; None where that is not known, or has no score.
    """

    metric: str
    score_name: str
    params: list[dict[str, Any]]
    folds: np.ndarray
    mean: np.ndarray
    seconds: np.ndarray
    places: pd.DataFrame
    chosen: int | None = None

    @classmethod
    def of_search(cls, search: Any, metric: str | None = None) -> "Results":
        """Read a fitted search.

        Parameters
        ----------
        search : estimator
            One with ``cv_results_``.
        metric : str, default=None
            Name of a score; None for the one that `refit` names, or else the first.

        Returns
        -------
        Results
            Its candidates.
        """
        require_search(search)
        names = metric_names(search.cv_results_)
        if metric is None and names:
            scores = [name for name in names if name not in COSTS] or names
            metric = guiding_metric(getattr(search, "refit", None), scores)
        scoring = getattr(search, "scoring", None)
        is_named = metric == "score" and isinstance(scoring, str)
        results = cls.of(search.cv_results_, metric, scoring if is_named else None)
        chosen = getattr(search, "best_index_", None)
        if chosen is None or not results.usable[int(chosen)]:
            return results
        return replace(results, chosen=int(chosen))

    @classmethod
    def of(
        cls,
        cv_results: Mapping[str, Any],
        metric: str | None = None,
        score_name: str | None = None,
    ) -> "Results":
        """Read ``cv_results_``.

        Parameters
        ----------
        cv_results : dict of str to array
            Results of a search.
        metric : str, default=None
            Name of a score; None where there is one alone.
        score_name : str, default=None
            What to call it; its name if None.

        Returns
        -------
        Results
            Its candidates.
        """
        if not isinstance(cv_results, Mapping) or "params" not in cv_results:
            raise TypeError(
                "cv_results must be the cv_results_ of a fitted search, a dict with "
                f"the key 'params'. Received: {type(cv_results).__name__}."
            )
        metric = require_metric(metric, metric_names(cv_results))
        prefix, suffix = "split", f"_test_{metric}"
        keys = [
            key
            for key in cv_results
            if key.startswith(prefix)
            and key.endswith(suffix)
            and key[len(prefix) : -len(suffix)].isdigit()
        ]
        keys.sort(key=lambda key: int(key[len(prefix) : -len(suffix)]))
        mean = np.asarray(cv_results[f"mean_test_{metric}"], dtype=float)
        folds = [np.asarray(cv_results[key], dtype=float) for key in keys] or [mean]
        times = [cv_results.get(f"mean_{name}_time") for name in ("fit", "score")]
        known = [np.asarray(time, float) for time in times if time is not None]
        once = sum(known) if known else np.nan
        stood = [k for k in ("bracket", "iter", "n_resources") if k in cv_results]
        places = {name: cv_results[name] for name in stood}
        return cls(
            metric,
            score_name or metric,
            [dict(params) for params in cv_results["params"]],
            np.column_stack(folds),
            mean,
            np.broadcast_to(once, mean.shape) * len(folds),
            pd.DataFrame(places, index=range(len(mean))),
        )

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def is_cost(self) -> bool:
        """Whether less is better."""
        return self.metric in COSTS

    @property
    def usable(self) -> np.ndarray:
        """Which candidates have a finite score: the others have failed."""
        return np.isfinite(self.mean)

    @property
    def n_failed(self) -> int:
        """Number of candidates that have none."""
        return int((~self.usable).sum())

    @property
    def is_copy(self) -> np.ndarray:
        """Which candidates repeat an earlier one without having been fitted again.

        Those have its times to the last bit. Without times nothing tells them.
        """
        if np.isnan(self.seconds).all():
            return np.zeros(len(self), dtype=bool)
        seen: set[tuple] = set()
        found = []
        for params, seconds in zip(self.params, self.seconds, strict=True):
            key = key_of_params(params), float(seconds)
            found.append(key in seen)
            seen.add(key)
        return np.array(found, dtype=bool)

    @property
    def rounds(self) -> np.ndarray:
        """The round of each candidate in a search that compares those of one alone.

        Zeros where all candidates are compared with each other. Scikit-learn's halving
        searches choose from the last round; those of Hyperband have brackets, and it
        chooses from all of them.
        """
        if "iter" not in self.places or "bracket" in self.places:
            return np.zeros(len(self), dtype=int)
        return self.places["iter"].to_numpy(dtype=int)

    @property
    def gains(self) -> np.ndarray:
        """Scores of which more is better; -inf where there is none."""
        sign = -1 if self.is_cost else 1
        return np.where(self.usable, sign * self.mean, -np.inf)

    def order(self) -> np.ndarray:
        """Return the rows, the best first, and those without a score last.

        Returns
        -------
        ndarray of int
            First what the search chose, then the others by round, the last one first,
            and by score.
        """
        rows = np.lexsort([-self.gains, -self.rounds, ~self.usable])
        if self.chosen is None:
            return rows
        return np.append(self.chosen, rows[rows != self.chosen])

    @property
    def best(self) -> int | None:
        """The row that the search chose, or else the best; None without any score."""
        return int(self.order()[0]) if self.usable.any() else None

    @property
    def best_note(self) -> str:
        """What to say of the best row if another one has a better score."""
        gains, best = self.gains, self.best
        if best is None or gains[best] >= gains.max():
            return ""
        of_round = gains[self.rounds == self.rounds[best]]
        is_last = gains[best] >= of_round.max()
        return OF_LAST_ROUND if is_last else BY_RULE

    def take(self, rows: np.ndarray) -> "Results":
        """Keep some of the candidates.

        Parameters
        ----------
        rows : ndarray of int
            Their positions.

        Returns
        -------
        Results
            Of these alone.
        """
        found = np.flatnonzero(rows == self.chosen)
        return replace(
            self,
            params=[self.params[row] for row in rows],
            folds=self.folds[rows],
            mean=self.mean[rows],
            seconds=self.seconds[rows],
            places=self.places.iloc[rows],
            chosen=int(found[0]) if len(found) else None,
        )

    @property
    def varied(self) -> list[str]:
        """Names of the parameters that are not the same in all candidates."""
        names = list(dict.fromkeys(name for one in self.params for name in one))
        return [name for name in names if not self.column(name).is_constant]

    def column(self, name: str) -> "Values":
        """Return what the candidates have of one parameter.

        Parameters
        ----------
        name : str
            Name of the parameter.

        Returns
        -------
        Values
            Its values.
        """
        names = list(dict.fromkeys(name for one in self.params for name in one))
        if name not in names:
            raise ValueError(
                f"The search has no parameter {name!r}: it must be one of {names}. "
                f"Received: {name!r}."
            )
        return Values.of(name, [one.get(name, NOT_SET) for one in self.params])

    def require_usable(self) -> None:
        """Raise where there is nothing to show."""
        if not self.usable.any():
            raise ValueError(
                f"No candidate has a finite {self.metric!r}: look at the warnings of "
                f"the fits. Received: {len(self)} candidates."
            )


# Why a search may not have chosen the best score of all.
OF_LAST_ROUND, BY_RULE = "the best of the last round", "chosen by the search's rule"

# What a candidate has of a parameter that its own part of the space lacks.
NOT_SET = type("NotSet", (), {"__repr__": lambda self: "not set"})()


@dataclass(frozen=True)
class Values:
    """One parameter of all candidates.

    Parameters
    ----------
    name : str
        Its name.
    raw : list
        Values, `NOT_SET` where a candidate has none.
    numbers : ndarray of float of shape (n_candidates,)
        The values; of categories their position in `labels`. NaN where none is set.
    labels : list of str, or None
        The categories; None for numbers.
    """

    name: str
    raw: list[Any]
    numbers: np.ndarray
    labels: list[str] | None

    @classmethod
    def of(cls, name: str, raw: list[Any]) -> "Values":
        """Tell numbers from categories.

        Parameters
        ----------
        name : str
            Name of the parameter.
        raw : list
            Values.

        Returns
        -------
        Values
            The same.
        """
        is_set = np.array([value is not NOT_SET for value in raw], dtype=bool)
        given = [value for value in raw if value is not NOT_SET]
        if given and all(map(_is_number, given)):
            numbers = np.full(len(raw), np.nan)
            numbers[is_set] = [float(value) for value in given]
            return cls(name, raw, numbers, None)
        # Categories in the order of their values, where these have one, numbers first.
        ordered = sorted(given, key=lambda v: (not _is_number(v), _rank(v), label(v)))
        different = {key_of(value): value for value in reversed(ordered)}
        different = dict(reversed(different.items()))
        place = {key: k for k, key in enumerate(different)}
        numbers = np.array(
            [np.nan if v is NOT_SET else place[key_of(v)] for v in raw], dtype=float
        )
        return cls(name, raw, numbers, _told_apart(different.values()))

    @property
    def is_set(self) -> np.ndarray:
        """Which candidates have the parameter."""
        return ~np.isnan(self.numbers)

    @property
    def is_constant(self) -> bool:
        """Whether all candidates have one value, or all have none."""
        return len(np.unique(self.numbers)) <= 1  # of which NaN is one

    @property
    def is_log(self) -> bool:
        """Whether the numbers span so much that a logarithmic axis suits them."""
        own = self.numbers[self.is_set]
        if self.labels is not None or not len(own) or own.min() <= 0:
            return False
        return bool(own.max() >= DECADES * own.min())


def _is_number(value: Any) -> bool:
    """Tell a finite number from a boolean and from all else."""
    is_flag = isinstance(value, bool | np.bool_)
    if is_flag or not isinstance(value, Number) or isinstance(value, complex):
        return False
    try:
        return bool(np.isfinite(float(value)))  # type: ignore[arg-type]
    except OverflowError:  # a whole number that no axis has room for
        return False


def _rank(value: Any) -> float:
    return float(value) if _is_number(value) else 0.0


def label(value: Any, width: int = 24) -> str:
    """Write a value as briefly as it can be read.

    Parameters
    ----------
    value : object
        Value of a parameter.
    width : int, default=24
        Most characters.

    Returns
    -------
    str
        Its label.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        text = f"{value:.3g}"
        if "e+" in text and abs(value) < 1e6:  # 3030 is read sooner than 3.03e+03
            text = f"{float(text):.0f}"
    else:
        text = value if isinstance(value, str) else " ".join(repr(value).split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _told_apart(values: Iterable[Any]) -> list[str]:
    """Label values, those that are cut to one text with a number behind it."""
    labels: list[str] = []
    n_seen: dict[str, int] = {}
    for shown in map(label, values):
        n_seen[shown] = n_seen.get(shown, 0) + 1
        labels.append(shown if n_seen[shown] == 1 else f"{shown} #{n_seen[shown]}")
    return labels


def short_names(names: list[str]) -> dict[str, str]:
    """Leave out the steps of pipelines where no two names become one.

    Parameters
    ----------
    names : list of str
        Names of parameters.

    Returns
    -------
    dict of str to str
        What to call each.
    """
    last = [name.rpartition("__")[2] for name in names]
    return {
        name: short if last.count(short) == 1 else name
        for name, short in zip(names, last, strict=True)
    }


def require_search(search: Any) -> None:
    """Raise where there are no results.

    Parameters
    ----------
    search : estimator
        A search.
    """
    if not hasattr(search, "cv_results_"):
        if hasattr(search, "fit") and hasattr(search, "cv"):
            check_is_fitted(search, "cv_results_")
        raise TypeError(
            "search must be a fitted search with cv_results_, such as GridSearchCV or "
            f"BayesSearchCV. Received: {type(search).__name__}."
        )


def metric_names(cv_results: Mapping[str, Any]) -> list[str]:
    """List the scores of a search.

    Parameters
    ----------
    cv_results : dict of str to array
        Its results.

    Returns
    -------
    list of str
        Their names.
    """
    prefix = "mean_test_"
    return [key[len(prefix) :] for key in cv_results if key.startswith(prefix)]


def require_metric(metric: str | None, names: list[str]) -> str:
    """Raise where a search has no such score.

    Parameters
    ----------
    metric : str or None
        Its name; None for the only one.
    names : list of str
        Those that there are.

    Returns
    -------
    str
        The name.
    """
    if metric is None and len(names) == 1:
        return names[0]
    if metric not in names:
        raise ValueError(
            f"metric must be one of {names}, the scores of the search. Received: "
            f"{metric!r}."
        )
    return metric
