"""The best score so far, against what a search had spent by then."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skrec.inspection._axes import (
    axes_and_figure,
    failed_note,
    legend,
    note,
    plain,
    score_label,
)
from skrec.inspection._results import Results, require_search

LABELS = {
    "fits": "Fits",
    "epochs": "Epochs, of all fits",
    "seconds": "Seconds of fitting and scoring, of all fits",
}


class ConvergenceDisplay:
    """Best score so far against what a search has spent.

    It is made by :meth:`from_search`, :meth:`from_searches` or :meth:`from_cv_results`.
    Candidates without a finite score cost what they cost and have no mark; the legend
    counts them. A ring marks the candidate that the search chose; where another one has
    a better score, the legend says why. The halving searches of scikit-learn compare
    the candidates of a round alone, so that with each round their curve starts again.

    Parameters
    ----------
    curves : DataFrame of shape (n_candidates, 5)
        A row for each candidate, in the order in which they were tried: ``search``, its
        name or None; ``spent``, in all, with this candidate; ``score``; ``best``, the
        best score by then; and ``chosen``, None but for the one candidate that the
        search chose, of which it is what the legend says, if anything.
    x : {"fits", "epochs", "seconds"}, default="fits"
        What ``spent`` counts.
    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        A curve for each search.
    points_ : list of matplotlib PathCollection, or None
        The candidates of each search.
    chosen_ : list of matplotlib PathCollection
        A ring around the one that each search chose.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec.inspection import ConvergenceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(), {"C": [0.01, 0.1, 1]}).fit(X, y)
    >>> display = ConvergenceDisplay.from_search(search)
    >>> display.curves["spent"].tolist()
    [5, 10, 15]
    >>> display.ax_.get_xlabel()
    'Fits'
    """

    def __init__(
        self, *, curves: pd.DataFrame, x: str = "fits", score_name: str = "score"
    ) -> None:
        self.curves = curves
        self.x = x
        self.score_name = score_name

    def plot(
        self,
        ax: Any = None,
        *,
        negate_score: bool = False,
        score_name: str | None = None,
        show_candidates: bool = True,
        line_kw: dict | None = None,
    ) -> "ConvergenceDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        negate_score : bool, default=False
            Whether to show scores with their sign turned, for losses that scikit-learn
            knows as ``neg_...``.
        score_name : str, default=None
            Label of the axis; None makes one of the score's name.
        show_candidates : bool, default=True
            Whether to show the score of each candidate as a point.
        line_kw : dict, default=None
            Arguments of ``Axes.plot`` for the curves.

        Returns
        -------
        ConvergenceDisplay
            Itself.
        """
        self.ax_, self.figure_ = axes_and_figure(ax, self)
        self.lines_: list[Any] = []
        self.points_: list[Any] | None = [] if show_candidates else None
        self.chosen_: list[Any] = []
        sign = -1 if negate_score else 1
        n_failed = 0
        for name, curve in self.curves.groupby("search", sort=False, dropna=False):
            kept = curve[np.isfinite(curve["best"])]
            options = {"drawstyle": "steps-post", **(line_kw or {})}
            told = None if pd.isna(name) else str(name)
            options.setdefault("label", plain(told or "best so far"))
            (line,) = self.ax_.plot(kept["spent"], sign * kept["best"], **options)
            self.lines_.append(line)
            if self.points_ is not None:
                color = line.get_color()
                shown = curve["spent"], sign * curve["score"]
                self.points_.append(
                    self.ax_.scatter(*shown, s=14, alpha=0.4, color=color)
                )
            self._mark(curve[curve["chosen"].notna()], sign, line.get_color())
            n_failed += int((~np.isfinite(curve["score"])).sum())
        note(self.ax_, failed_note(n_failed))
        self.ax_.set_xlabel(LABELS[self.x])
        self.ax_.set_ylabel(score_name or score_label(self.score_name, negate_score))
        legend(self.ax_)
        return self

    def _mark(self, chosen: pd.DataFrame, sign: int, color: Any) -> None:
        """Draw a ring around the candidate that a search chose."""
        for row in chosen.itertuples():
            ring = self.ax_.scatter(
                row.spent, sign * row.score, s=70, facecolors="none", edgecolors=color,
                zorder=3, label=row.chosen or None,
            )  # fmt: skip
            self.chosen_.append(ring)

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        x: str = "fits",
        metric: str | None = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ConvergenceDisplay":
        """Draw the curve of one search.

        Parameters
        ----------
        search : estimator
            A fitted search with ``cv_results_``.
        x : {"fits", "epochs", "seconds"}, default="fits"
            What counts. ``"fits"`` are one for each candidate and fold. ``"epochs"``
            are those that each fit may take at most, by its parameter ``epochs``; of
            :class:`~skrec.model_selection.HyperbandSearchCV`, where fits go on from
            shorter ones, those that are new. ``"seconds"`` are the times of all fits
            and scores added up, which is longer than the search took if `n_jobs` let
            several run at once. A candidate that came again and was not fitted again
            costs nothing.
        metric : str, default=None
            Name of the score; None for that of `refit`, or else the first. Less is
            better of ``"n_parameters"`` and ``"latency"``, more of all others.
        name : str, default=None
            What to call the search in the legend.
        ax : matplotlib Axes, default=None
            Where to draw, such as ``ax_`` of another display; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ConvergenceDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there is no such metric, or with ``x="epochs"`` nothing tells their
            number.
        """
        return cls.from_searches({name: search}, x=x, metric=metric, ax=ax, **kwargs)

    @classmethod
    def from_searches(
        cls,
        searches: Mapping[Any, Any],
        *,
        x: str = "fits",
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ConvergenceDisplay":
        """Draw the curves of several searches.

        Parameters
        ----------
        searches : dict of str to estimator
            Fitted searches by the name that the legend gives them.
        x : {"fits", "epochs", "seconds"}, default="fits"
            What counts, see :meth:`from_search`.
        metric : str, default=None
            Name of the score; None for that of `refit`, or else the first.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ConvergenceDisplay
            Drawn.
        """
        if not isinstance(searches, Mapping) or not searches:
            raise ValueError(
                "searches must be a dict of names and fitted searches. Received: "
                f"{searches!r}."
            )
        curves, names = [], []
        for name, search in searches.items():
            require_search(search)
            results = Results.of_search(search, metric)
            epochs = None if x != "epochs" else _epochs_of_search(search, results)
            curves.append(_curve(name, results, x, epochs))
            names.append(results.score_name)
        whole = pd.concat(curves, ignore_index=True)
        return cls(curves=whole, x=x, score_name=names[0]).plot(ax, **kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        x: str = "fits",
        metric: str | None = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ConvergenceDisplay":
        """Draw the curve of what a search has left, for example in a file.

        Parameters
        ----------
        cv_results : dict of str to array
            ``cv_results_`` of a search.
        x : {"fits", "epochs", "seconds"}, default="fits"
            What counts, see :meth:`from_search`; ``"epochs"`` if they were searched.
        metric : str, default=None
            Name of the score; None where there is one alone.
        name : str, default=None
            What to call the search in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ConvergenceDisplay
            Drawn.
        """
        results = Results.of(cv_results, metric)
        epochs = None if x != "epochs" else _epochs(results, None)
        curve = _curve(name, results, x, epochs)
        return cls(curves=curve, x=x, score_name=results.score_name).plot(ax, **kwargs)


def _curve(
    name: str | None, results: Results, x: str, epochs: np.ndarray | None
) -> pd.DataFrame:
    """Add up what was spent, and take the best score so far."""
    if x not in LABELS:
        raise ValueError(f"x must be one of {[*LABELS]}. Received: {x!r}.")
    results.require_usable()
    if x == "seconds" and np.isnan(results.seconds).all():
        raise ValueError(
            "x='seconds' needs the times of the fits, mean_fit_time in cv_results_: "
            f"take x='fits'. Received: {len(results)} candidates without times."
        )
    n_folds = results.folds.shape[1]
    each = {
        "fits": np.full(len(results), n_folds),
        "seconds": results.seconds,
        "epochs": None if epochs is None else epochs * n_folds,
    }[x]
    assert each is not None
    spent = np.cumsum(np.where(results.is_copy, 0, each))
    score = np.where(results.usable, results.mean, np.nan)
    curve = pd.DataFrame(
        {"search": name, "spent": spent, "score": score, "best": _best(results)}
    )
    notes = np.full(len(results), None, dtype=object)
    notes[results.best] = results.best_note
    return curve.assign(chosen=notes)


def _best(results: Results) -> np.ndarray:
    """Return the best score by each candidate; NaN before the first."""
    sign = -1 if results.is_cost else 1
    best = pd.Series(results.gains).groupby(results.rounds).cummax().to_numpy()
    return np.where(np.isfinite(best), sign * best, np.nan)


def _epochs_of_search(search: Any, results: Results) -> np.ndarray:
    """Return the epochs of a fit of each candidate that were new."""
    epochs = _epochs(results, getattr(search, "estimator", None))
    trained = getattr(search, "trained_resources_", None)
    if trained is None or trained >= epochs.sum():
        return epochs
    resource = search.resource
    keys = [
        repr(sorted((k, repr(v)) for k, v in one.items() if k != resource))
        for one in results.params
    ]
    groups = pd.Series(epochs).groupby([results.places["bracket"].to_numpy(), keys])
    return groups.diff().fillna(pd.Series(epochs)).to_numpy()


def _epochs(results: Results, estimator: Any) -> np.ndarray:
    """Return the epochs that a fit of each candidate takes at most."""
    default = {
        name: value
        for name, value in (estimator.get_params() if estimator else {}).items()
        if name.rpartition("__")[2] == "epochs"
    }
    epochs = []
    for params in results.params:
        own = {n: v for n, v in params.items() if n.rpartition("__")[2] == "epochs"}
        found = [*{**default, **own}.values()]
        if len(found) != 1 or isinstance(found[0], str):
            raise ValueError(
                "x='epochs' needs candidates or an estimator with a number of epochs: "
                "set it, or take x='fits' or x='seconds'. Received: epochs="
                f"{found[0] if found else None!r}."
            )
        epochs.append(float(found[0]))
    return np.array(epochs)
