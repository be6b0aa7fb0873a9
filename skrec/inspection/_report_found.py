"""What a search found, as text for the report: metrics, the best, all candidates."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier

from skrec.inspection._axes import robust_limits
from skrec.inspection._report_words import number, plural, seconds, text
from skrec.inspection._results import (
    NOT_SET,
    Results,
    Values,
    metric_names,
    short_names,
)
from skrec.inspection._score_method import standard_score
from skrec.model_selection.pareto import COSTS

# Columns that searches in rounds add, with what a reader calls them.
_OF_ROUNDS = {"bracket": "bracket", "iter": "round", "n_resources": "resources"}


class Cell(NamedTuple):
    """A cell of the table of candidates.

    Parameters
    ----------
    shown : str
        What is read.
    key : str, default=""
        The number that it is sorted by, if any: all these come before any text.
    """

    shown: str
    key: str = ""


class Column(NamedTuple):
    """A column of the table of candidates.

    Parameters
    ----------
    label : str
        Its header.
    is_number : bool
        Whether what is shown without a key is a number too.
    cells : list of Cell
        Its cells, one for each candidate.
    """

    label: str
    is_number: bool
    cells: list[Cell]


class Metric:
    """One metric of a search, with the scores of all candidates.

    Parameters
    ----------
    search : estimator
        The fitted search.
    results : Results
        Its scores.

    Attributes
    ----------
    name : str
        As in ``cv_results_``.
    label : str
        For the reader.
    sign : int
        -1 for a loss that scikit-learn has negated, otherwise 1.
    less_is_better : bool
        Whether it is a loss or a cost.
    """

    def __init__(self, search: Any, results: Results) -> None:
        self.results = results
        self.name = results.metric
        label = _named(search, results)
        is_loss = label.startswith("neg_")
        self.label = label.removeprefix("neg_").replace("_", " ")
        self.sign = -1 if is_loss else 1
        self.less_is_better = is_loss or self.name in COSTS

    @property
    def means(self) -> np.ndarray:
        """Mean scores of the candidates, of losses positive."""
        return self.sign * self.results.mean

    @property
    def stds(self) -> np.ndarray:
        """How far the scores of the folds are apart: standard deviations."""
        return self.results.folds.std(axis=1)

    def show(self, row: int) -> str:
        """Write the mean score of a candidate with its deviation.

        Parameters
        ----------
        row : int
            The candidate.

        Returns
        -------
        str
            Text.
        """
        mean, std = self.means[row], self.stds[row]
        if not np.isfinite(mean):
            return self._why_none(row)
        return number(mean) + (f" ± {number(std, 2)}" if std > 0 else "")

    def _why_none(self, row: int) -> str:
        folds = self.results.folds[row]
        n_lost = int((~np.isfinite(folds)).sum())
        if n_lost < len(folds):
            return f"{n_lost} of {plural(len(folds), 'fold')} failed"
        return "failed"

    def column(self, rows: list[int]) -> Column:
        """Make the column of its mean scores.

        Parameters
        ----------
        rows : list of int
            The candidates in their order.

        Returns
        -------
        Column
            The column.
        """
        cells = [Cell(self.show(row), _key(self.means[row])) for row in rows]
        return Column(self.label, True, cells)


def _named(search: Any, results: Results) -> str:
    """Name a metric; a single one is called "score" by scikit-learn."""
    scoring = getattr(search, "scoring", None)
    if results.metric != "score":
        return results.metric
    if isinstance(scoring, Mapping):  # such as that of `with_costs()`
        scoring = scoring.get("score")
    if scoring is None:
        if not standard_score(search.estimator):
            return "score"
        return "accuracy" if is_classifier(search.estimator) else "R²"
    metrics = getattr(scoring, "metrics", None)  # of `recommender_scorer`
    if isinstance(metrics, str):
        return metrics
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "")
    return name if name.isprintable() and name != "<lambda>" and name else "score"


class Found:
    """What a fitted search found.

    Parameters
    ----------
    search : estimator
        The search.

    Attributes
    ----------
    metrics : list of Metric
        Its metrics, the one that guides it first.
    is_fitted : ndarray of bool of shape (n_candidates,)
        Which candidates were fitted, and do not have the scores of an earlier one.
    best : int or None
        The row that the search chose, or else that of the best score; None where no
        score is finite.
    """

    def __init__(self, search: Any) -> None:
        self.search = search
        first = Results.of_search(search)
        names = [n for n in metric_names(search.cv_results_) if n != first.metric]
        others = [Results.of_search(search, name) for name in names]
        self.metrics = [Metric(search, results) for results in [first, *others]]
        self.is_fitted = ~first.is_copy
        self.best = first.best
        self.best_note = first.best_note  # if another one has a better score

    @property
    def first(self) -> Results:
        """The scores of the metric that guides the search."""
        return self.metrics[0].results

    @property
    def parameters(self) -> list[str]:
        """Names of what was searched."""
        params = self.first.params
        return list(dict.fromkeys(name for one in params for name in one))

    @property
    def short(self) -> dict[str, str]:
        """The parameters without the steps of pipelines, where that names each."""
        return short_names(self.parameters)

    @property
    def limits(self) -> tuple[float, float] | None:
        """Ends of an axis of scores on which a few bad ones do not press the others.

        None where there are no such bad ones.
        """
        metric = self.metrics[0]
        means = metric.means[self.first.usable]
        if len(means) < 2:
            return None
        sign = -1 if metric.less_is_better else 1
        low, high = robust_limits(sign * means)
        if (sign * means).min() >= low or high <= low:
            return None
        room = 0.05 * (high - low)
        ends = sign * (low - room), sign * (high + room)
        return min(ends), max(ends)

    @property
    def n_beyond(self) -> int:
        """Number of candidates whose scores are beyond these ends."""
        if self.limits is None:
            return 0
        means = self.metrics[0].means[self.first.usable]
        low, high = self.limits
        return int(((means < low) | (means > high)).sum())

    @property
    def n_fits(self) -> int:
        """How many fits there were, copies of candidates left out."""
        return int(self.is_fitted.sum()) * self.first.folds.shape[1]

    @property
    def seconds(self) -> float:
        """Seconds of all fits and their scores."""
        taken = self.first.seconds[self.is_fitted]
        return float(np.nansum(taken)) if np.isfinite(taken).any() else np.nan

    def order(self) -> list[int]:
        """Return the rows as :meth:`Results.order` does.

        Returns
        -------
        list of int
            Positions in ``cv_results_``.
        """
        return self.first.order().tolist()

    def columns(self) -> list[Column]:
        """Return the table of all candidates.

        Returns
        -------
        list of Column
            Its columns, with the rows in the order of :meth:`order`.
        """
        rows = self.order()
        places = [Cell(str(k + 1), str(k + 1)) for k in range(len(rows))]
        numbers = [Cell(str(row), str(row)) for row in rows]
        taken = self.first.seconds[rows]
        return [
            Column("place", True, places),
            *(metric.column(rows) for metric in self.metrics),
            *self._train_scores(rows),
            *self._rounds(rows),
            *(self._parameter(name, rows) for name in self.parameters),
            Column("time", True, [Cell(seconds(s), _key(s)) for s in taken]),
            Column("row", True, numbers),
        ]

    def _train_scores(self, rows: list[int]) -> list[Column]:
        found = []
        for metric in self.metrics:
            values = self.search.cv_results_.get(f"mean_train_{metric.name}")
            if values is not None:
                values = metric.sign * np.asarray(values, dtype=float)[rows]
                cells = [Cell(number(v), _key(v)) for v in values]
                found.append(Column(f"{metric.label} (training rows)", True, cells))
        return found

    def _rounds(self, rows: list[int]) -> list[Column]:
        found = []
        for name, values in self.first.places.items():
            own = [values.tolist()[row] for row in rows]
            cells = [Cell(number(value), _key(value)) for value in own]
            found.append(Column(_OF_ROUNDS[str(name)], True, cells))
        return found

    def _parameter(self, name: str, rows: list[int]) -> Column:
        values = self.first.column(name)
        cells = [
            Cell("") if raw is NOT_SET else Cell(text(raw), _key_of_value(raw))
            for raw in (values.raw[row] for row in rows)
        ]
        return Column(self.short[name], values.labels is None, cells)


def _key(value: float) -> str:
    return repr(float(value)) if np.isfinite(value) else ""


def _key_of_value(raw: Any) -> str:
    """Return what sorts a value among numbers; nothing for all else."""
    own = Values.of("", [raw])
    return "" if own.labels else _key(own.numbers[0])
