"""Candidates as lines across an axis for each parameter."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skrec.inspection._axes import (
    axes_and_figure,
    draw_colorbar,
    failed_note,
    plain,
    robust_limits,
    score_label,
)
from skrec.inspection._results import Results, Values, label, short_names

NOT_SET_AT = -0.12  # below the axes, where candidates that lack a parameter pass


class ParallelCoordinatesDisplay:
    """Candidates of a search as lines across one axis for each parameter.

    The colour of a line is its score; the one that the search chose is drawn thick, and
    where another one has a better score, a note says why. It is made by
    :meth:`from_search` or :meth:`from_cv_results`.

    Parameters
    ----------
    columns : DataFrame of shape (n_candidates, n_parameters)
        Where on its axis, from 0 to 1, each candidate has each parameter; NaN where it
        has none.
    ticks : dict of str to list of (float, str)
        Places and labels on each axis, by name of the parameter.
    scores : ndarray of shape (n_candidates,)
        Mean scores.
    score_name : str, default="score"
        Name of the score.
    less_is_better : bool, default=False
        Whether the best score is the lowest.
    n_failed : int, default=0
        Candidates of the search without a finite score.
    best : int, default=None
        Position of the line to draw thick; None for that of the best score.
    best_note : str, default=""
        What to say of it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the lines.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : matplotlib LineCollection
        The lines, the thick one last.
    colorbar_ : matplotlib Colorbar
        What colours mean.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skrec.inspection import ParallelCoordinatesDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"max_depth": [1, 2, 3], "criterion": ["gini", "entropy"]}
    >>> search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid).fit(X, y)
    >>> display = ParallelCoordinatesDisplay.from_search(search)
    >>> display.columns["max_depth"].tolist()
    [0.0, 0.5, 1.0, 0.0, 0.5, 1.0]
    """

    def __init__(
        self,
        *,
        columns: pd.DataFrame,
        ticks: dict[str, list[tuple[float, str]]],
        scores: np.ndarray,
        score_name: str = "score",
        less_is_better: bool = False,
        n_failed: int = 0,
        best: int | None = None,
        best_note: str = "",
    ) -> None:
        self.columns = columns
        self.ticks = ticks
        self.scores = scores
        self.score_name = score_name
        self.less_is_better = less_is_better
        self.n_failed = n_failed
        self.best = best
        self.best_note = best_note

    def plot(
        self,
        ax: Any = None,
        *,
        negate_score: bool = False,
        score_name: str | None = None,
        cmap: Any = "viridis",
    ) -> "ParallelCoordinatesDisplay":
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        negate_score : bool, default=False
            Whether to show scores with their sign turned, for losses that scikit-learn
            knows as ``neg_...``.
        score_name : str, default=None
            Label of the colours; None makes one of the score's name.
        cmap : str or matplotlib Colormap, default="viridis"
            Colours, from low scores to high ones.

        Returns
        -------
        ParallelCoordinatesDisplay
            Itself.
        """
        names = list(self.columns)
        size = (max(5.0, 2.0 + 1.5 * len(names)), 4.4)
        self.ax_, self.figure_ = axes_and_figure(ax, self, size)
        from matplotlib.collections import LineCollection
        from matplotlib.colors import Normalize

        scores = (-1 if negate_score else 1) * np.asarray(self.scores)
        better = scores if self.less_is_better == negate_score else -scores
        order = np.argsort(better, kind="stable")  # the best one last, on top
        best = order[-1] if self.best is None else self.best
        order = np.append(order[order != best], best)
        heights = self.columns.fillna(NOT_SET_AT).to_numpy()[order]
        places = np.broadcast_to(np.arange(len(names)), heights.shape)
        low, high = robust_limits(better)
        limits = (low, high) if better is scores else (-high, -low)
        self.lines_ = LineCollection(
            list(np.stack([places, heights], axis=-1)),
            cmap=cmap,
            norm=Normalize(*limits),
            linewidths=[1.0] * (len(order) - 1) + [3.0],
            alpha=0.75,
        )
        self.lines_.set_array(scores[order])
        self.ax_.add_collection(self.lines_)
        self._draw_axes(names)
        # A bad candidate far off must not leave one colour to all the others.
        beyond = "min" if better is scores else "max"
        extend = beyond if better.min() < low else "neither"
        self.colorbar_ = draw_colorbar(self.lines_, self.ax_, extend=extend, pad=0.02)
        shown = score_name or score_label(self.score_name, negate_score)
        self.colorbar_.set_label(shown)
        thick = f"thick: {self.best_note}" if self.best_note else ""
        told = "; ".join(filter(None, [thick, failed_note(self.n_failed)]))
        if told:
            self.ax_.set_title(told, fontsize="small", loc="right")
        return self

    def _draw_axes(self, names: list[str]) -> None:
        """Draw an axis for each parameter, with its ticks beside it."""
        has_gap = bool(self.columns.isna().to_numpy().any())
        bottom = NOT_SET_AT - 0.06 if has_gap else -0.06
        self.ax_.set_xlim(-0.35, len(names) - 0.65)
        self.ax_.set_ylim(bottom, 1.06)
        self.ax_.set_yticks([])
        self.ax_.spines[:].set_visible(False)
        self.ax_.tick_params(axis="x", length=0)
        short = [*short_names(names).values()]
        turned = any(len(text) > 16 for text in short)
        rotation = {"rotation": 20, "ha": "right"} if turned else {}
        self.ax_.set_xticks(range(len(names)), [*map(plain, short)], **rotation)
        color = self.ax_.xaxis.label.get_color()
        box = {"facecolor": self.ax_.get_facecolor(), "alpha": 0.7, "pad": 1, "lw": 0}
        for k, name in enumerate(names):
            self.ax_.plot([k, k], [0, 1], color=color, linewidth=1)
            ticks = list(self.ticks[name])
            if self.columns[name].isna().any():
                ticks.append((NOT_SET_AT, "not set"))
            for height, text in ticks:
                self.ax_.text(
                    k - 0.03, height, plain(text), ha="right", va="center", bbox=box,
                    fontsize="small",
                )  # fmt: skip

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        params: Sequence[str] | None = None,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ParallelCoordinatesDisplay":
        """Draw the candidates of a search.

        Parameters
        ----------
        search : estimator
            A fitted search with ``cv_results_``.
        params : sequence of str, default=None
            Parameters to draw an axis for; None for all that differ.
        metric : str, default=None
            Name of the score; None for that of `refit`, or else the first. Less is
            better of ``"n_parameters"`` and ``"latency"``, more of all others.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ParallelCoordinatesDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there is no such metric or parameter, or nothing to draw.
        """
        return cls._of(Results.of_search(search, metric), params).plot(ax, **kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        params: Sequence[str] | None = None,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ParallelCoordinatesDisplay":
        """Draw the candidates of what a search has left.

        Parameters
        ----------
        cv_results : dict of str to array
            ``cv_results_`` of a search.
        params : sequence of str, default=None
            Parameters to draw an axis for; None for all that differ.
        metric : str, default=None
            Name of the score; None where there is one alone.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ParallelCoordinatesDisplay
            Drawn.
        """
        return cls._of(Results.of(cv_results, metric), params).plot(ax, **kwargs)

    @classmethod
    def _of(
        cls, results: Results, params: Sequence[str] | None
    ) -> "ParallelCoordinatesDisplay":
        results.require_usable()
        names = results.varied if params is None else list(params)
        if not names:
            raise ValueError(
                "All candidates have the same parameters: there is nothing to compare. "
                f"Received: {len(results)} candidates."
            )
        kept = np.flatnonzero(results.usable)
        columns, ticks = {}, {}
        for name in names:
            raw = results.column(name).raw
            columns[name], ticks[name] = _axis(Values.of(name, [raw[i] for i in kept]))
        return cls(
            columns=pd.DataFrame(columns),
            ticks=ticks,
            scores=results.mean[kept],
            score_name=results.score_name,
            less_is_better=results.is_cost,
            n_failed=results.n_failed,
            best=int(np.flatnonzero(kept == results.best)[0]),
            best_note=results.best_note,
        )


def _axis(values: Values) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Scale a parameter to 0 and 1, and choose its ticks."""
    numbers = np.log(values.numbers) if values.is_log else values.numbers
    different = np.unique(values.numbers[values.is_set])
    if not len(different):
        return numbers, []
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    width = (high - low) or 1.0
    offset = 0.5 if high == low else 0.0
    if values.labels is not None:
        shown = [(float(k), text) for k, text in enumerate(values.labels)]
        if len(shown) > 12:  # too many to be read
            shown = shown[:: -(-len(shown) // 12)]
    elif len(different) <= 5:
        places = np.log(different) if values.is_log else different
        shown = [(float(p), label(v)) for p, v in zip(places, different, strict=True)]
    else:
        places = np.linspace(low, high, 5)
        told = np.exp(places) if values.is_log else places
        shown = [(float(p), label(float(v))) for p, v in zip(places, told, strict=True)]
    ticks = [((place - low) / width + offset, text) for place, text in shown]
    return (numbers - low) / width + offset, _apart(ticks)


def _apart(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Leave out labels that would lie on another one."""
    kept: list[tuple[float, str]] = []
    for height, text in sorted(ticks):
        if not kept or height - kept[-1][0] > 0.055:
            kept.append((height, text))
    return kept
