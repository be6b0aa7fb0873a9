"""Scores against one parameter, or against two."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skrec.inspection._axes import (
    axes_and_figure,
    draw_colorbar,
    failed_note,
    legend,
    note,
    plain,
    robust_limits,
    score_label,
    set_categories,
)
from skrec.inspection._results import Results, Values, label

MOST_CELLS = 15  # values of a parameter that a heat map has room for


class ParamEffectDisplay:
    """Scores of candidates against one parameter of a search, or against two.

    One parameter makes a point for each candidate and, where several candidates share a
    value, a line through their means. Two make a heat map of mean scores where each has
    few values, and else points whose colour is the score. Other parameters differ
    between the points too: see :func:`param_importances` for whether they matter. It is
    made by :meth:`from_search` or :meth:`from_cv_results`.

    Parameters
    ----------
    values : list of Values
        The parameter or the two.
    scores : ndarray of shape (n_candidates,)
        Mean scores.
    score_name : str, default="score"
        Name of the score.
    less_is_better : bool, default=False
        Whether the best score is the lowest.
    left_out : str, default=""
        What the legend says of candidates that are not shown.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : matplotlib PathCollection or None
        The candidates; None in a heat map.
    line_ : matplotlib Line2D or None
        Means of candidates that share a value of the one parameter.
    mesh_ : matplotlib QuadMesh or None
        The heat map.
    colorbar_ : matplotlib Colorbar or None
        What colours mean, for two parameters.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skrec.inspection import ParamEffectDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"max_depth": [1, 2, 3], "criterion": ["gini", "entropy"]}
    >>> search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid).fit(X, y)
    >>> display = ParamEffectDisplay.from_search(search, "max_depth")
    >>> display.line_.get_xdata().tolist()
    [1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        *,
        values: list[Values],
        scores: np.ndarray,
        score_name: str = "score",
        less_is_better: bool = False,
        left_out: str = "",
    ) -> None:
        self.values = values
        self.scores = scores
        self.score_name = score_name
        self.less_is_better = less_is_better
        self.left_out = left_out

    def plot(
        self,
        ax: Any = None,
        *,
        negate_score: bool = False,
        score_name: str | None = None,
        cmap: Any = "viridis",
        scatter_kw: dict | None = None,
    ) -> "ParamEffectDisplay":
        """Draw the points, or the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        negate_score : bool, default=False
            Whether to show scores with their sign turned, for losses that scikit-learn
            knows as ``neg_...``.
        score_name : str, default=None
            Label of the scores; None makes one of their name.
        cmap : str or matplotlib Colormap, default="viridis"
            Colours for two parameters, from low scores to high ones.
        scatter_kw : dict, default=None
            Arguments of ``Axes.scatter`` for the points.

        Returns
        -------
        ParamEffectDisplay
            Itself.
        """
        self.ax_, self.figure_ = axes_and_figure(ax, self)
        self.points_ = self.line_ = self.mesh_ = self.colorbar_ = None
        scores = (-1 if negate_score else 1) * np.asarray(self.scores)
        told = score_name or score_label(self.score_name, negate_score)
        options = {"s": 24, "alpha": 0.7, **(scatter_kw or {})}
        if len(self.values) == 1:
            self._draw_one(scores, options)
            self.ax_.set_ylabel(told)
            note(self.ax_, self.left_out)
            legend(self.ax_)
            return self
        low_is_better = self.less_is_better != negate_score
        self._draw_two(scores, cmap, low_is_better, options)
        assert self.colorbar_ is not None
        self.colorbar_.set_label(told)
        if self.left_out:
            self.ax_.set_title(plain(self.left_out), fontsize="small", loc="right")
        return self

    def _draw_one(self, scores: np.ndarray, options: dict[str, Any]) -> None:
        """Draw scores against one parameter."""
        (own,) = self.values
        frame = pd.DataFrame({"value": own.numbers, "score": scores})
        by_value = frame.groupby("value")["score"]
        places = own.numbers
        if own.labels is not None:  # side by side, so that each can be seen
            order = by_value.rank(method="first") - 1
            size = by_value.transform("size")
            places = places + 0.3 * ((order + 0.5) / size - 0.5)
        self.points_ = self.ax_.scatter(places, scores, label="candidate", **options)
        means = by_value.mean()
        if len(means) < len(frame):
            style = (
                {"marker": "_", "ms": 22, "lw": 0} if own.labels else {"marker": "o"}
            )
            (self.line_,) = self.ax_.plot(
                means.index, means, color="C3", alpha=0.8, label="mean", **style
            )
        self._set_axis("x", own)

    def _draw_two(
        self, scores: np.ndarray, cmap: Any, low_is_better: bool, options: dict
    ) -> None:
        """Draw scores as colours."""
        from matplotlib.colors import Normalize

        first, second = self.values
        frame = pd.DataFrame({"x": first.numbers, "y": second.numbers, "score": scores})
        table = frame.pivot_table(index="y", columns="x", values="score")
        is_small = max(table.shape) <= MOST_CELLS
        # In a heat map of points that were drawn at random most cells are empty.
        is_map = is_small and bool(table.notna().to_numpy().mean() >= 0.5)
        shown = table.to_numpy() if is_map else scores
        shown = shown[np.isfinite(shown)]
        low, high = robust_limits(-shown if low_is_better else shown)
        norm = Normalize(*((-high, -low) if low_is_better else (low, high)))
        if is_map:
            self.mesh_ = self.ax_.pcolormesh(
                np.arange(table.shape[1]),
                np.arange(table.shape[0]),
                np.ma.masked_invalid(table.to_numpy()),
                cmap=cmap,
                norm=norm,
            )
            self._write_cells(table)
        else:
            options.pop("c", None)
            self.points_ = self.ax_.scatter(
                first.numbers, second.numbers, c=scores, cmap=cmap, norm=norm, **options
            )
        for which, own, places in (
            ("x", first, table.columns),
            ("y", second, table.index),
        ):
            if is_map:
                names = own.labels or [*map(label, np.unique(own.numbers))]
                kept = [names[int(p)] if own.labels else label(p) for p in places]
                axis = self.ax_.xaxis if which == "x" else self.ax_.yaxis
                set_categories(axis, kept)
                self.ax_.set(**{f"{which}label": plain(own.name)})
            else:
                self._set_axis(which, own)
        drawn = self.mesh_ if is_map else self.points_
        # A bad candidate far off must not leave one colour to all the others.
        past = (shown < norm.vmin).any(), (shown > norm.vmax).any()
        extend = {(True, False): "min", (False, True): "max"}.get(past, "neither")
        self.colorbar_ = draw_colorbar(drawn, self.ax_, extend=extend)

    def _write_cells(self, table: pd.DataFrame) -> None:
        """Write the mean into each cell of a small map."""
        assert self.mesh_ is not None
        if table.size > 64:
            return
        for (y, x), value in np.ndenumerate(table.to_numpy()):
            if np.isfinite(value):
                light = sum(self.mesh_.to_rgba(value)[:3]) > 1.5
                color = "black" if light else "white"
                self.ax_.text(
                    x, y, label(float(value)), ha="center", va="center", color=color,
                    fontsize="small",
                )  # fmt: skip

    def _set_axis(self, which: str, own: Values) -> None:
        """Name an axis, and put categories or decades on it."""
        self.ax_.set(**{f"{which}label": plain(own.name)})
        if own.labels is not None:
            axis = self.ax_.xaxis if which == "x" else self.ax_.yaxis
            set_categories(axis, own.labels)
            self.ax_.set(**{f"{which}lim": (-0.5, len(own.labels) - 0.5)})
        elif own.is_log:
            self.ax_.set(**{f"{which}scale": "log"})

    @classmethod
    def from_search(
        cls,
        search: Any,
        params: str | Sequence[str],
        *,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ParamEffectDisplay":
        """Draw one parameter of a search, or two.

        Parameters
        ----------
        search : estimator
            A fitted search with ``cv_results_``.
        params : str or sequence of (str, str)
            Name of a parameter as in ``best_params_``, or of the one to the right and
            the one upwards.
        metric : str, default=None
            Name of the score; None for that of `refit`, or else the first. Less is
            better of ``"n_parameters"`` and ``"latency"``, more of all others.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ParamEffectDisplay
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
        params: str | Sequence[str],
        *,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ParamEffectDisplay":
        """Draw one parameter, or two, of what a search has left.

        Parameters
        ----------
        cv_results : dict of str to array
            ``cv_results_`` of a search.
        params : str or sequence of (str, str)
            Name of a parameter, or of the one to the right and the one upwards.
        metric : str, default=None
            Name of the score; None where there is one alone.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ParamEffectDisplay
            Drawn.
        """
        return cls._of(Results.of(cv_results, metric), params).plot(ax, **kwargs)

    @classmethod
    def _of(cls, results: Results, params: str | Sequence[str]) -> "ParamEffectDisplay":
        names = [params] if isinstance(params, str) else list(params)
        if not 1 <= len(set(names)) == len(names) <= 2:
            raise ValueError(
                "params must be the name of a parameter, or two different ones. "
                f"Received: {params!r}."
            )
        results.require_usable()
        columns = [results.column(name) for name in names]
        is_set = np.logical_and.reduce([own.is_set for own in columns])
        kept = np.flatnonzero(results.usable & is_set)
        if not len(kept):
            raise ValueError(
                f"No candidate with a finite score has {' and '.join(names)}. "
                f"Received: {len(results)} candidates."
            )
        n_without = int((results.usable & ~is_set).sum())
        without = f"{n_without} without {' and '.join(names)}" if n_without else ""
        notes = [one for one in (failed_note(results.n_failed), without) if one]
        return cls(
            values=[Values.of(own.name, [own.raw[i] for i in kept]) for own in columns],
            scores=results.mean[kept],
            score_name=results.score_name,
            less_is_better=results.is_cost,
            left_out="; ".join(notes),
        )
