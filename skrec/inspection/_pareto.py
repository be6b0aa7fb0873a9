"""Two objectives of a search against each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skrec.inspection._axes import axes_and_figure, legend, note, score_label
from skrec.inspection._results import DECADES, require_search
from skrec.model_selection.pareto import (
    column_of,
    default_objectives,
    is_cost,
    pareto_front,
)


class ParetoDisplay:
    """Two objectives of all candidates, and those that no other one beats in both.

    It is made by :meth:`from_search`.

    Parameters
    ----------
    points : DataFrame of shape (n_candidates, 2)
        The objectives of each candidate for which both are finite, with positions in
        ``cv_results_`` as index.
    front : DataFrame
        What :func:`~skrec.model_selection.pareto_front` returns.
    n_failed : int, default=0
        Candidates of which an objective is not finite.
    names : sequence of (str, str), default=None
        What to call the objectives; None for the names of the columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes, the first objective upwards and the second one to the right.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : matplotlib PathCollection
        All candidates.
    line_ : matplotlib Line2D
        The front.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skrec.inspection import ParetoDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3]})
    >>> display = ParetoDisplay.from_search(search.fit(X, y), ["score", "fit_time"])
    >>> display.ax_.get_xlabel()
    'Fit time (less is better)'
    """

    def __init__(
        self,
        *,
        points: pd.DataFrame,
        front: pd.DataFrame,
        n_failed: int = 0,
        names: Sequence[str] | None = None,
    ) -> None:
        self.points = points
        self.front = front
        self.n_failed = n_failed
        self.names = names

    def plot(
        self, ax: Any = None, *, scatter_kw: dict | None = None
    ) -> "ParetoDisplay":
        """Draw the candidates and the front.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        scatter_kw : dict, default=None
            Arguments of ``Axes.scatter`` for the candidates.

        Returns
        -------
        ParetoDisplay
            Itself.
        """
        self.ax_, self.figure_ = axes_and_figure(ax, self)
        up, right = self.points.columns
        options = {"s": 20, "alpha": 0.5, "label": "candidate", **(scatter_kw or {})}
        self.points_ = self.ax_.scatter(self.points[right], self.points[up], **options)
        front = self.front.sort_values([right, up])
        # The steps go round what some candidate of the front is better than.
        (self.line_,) = self.ax_.plot(
            front[right],
            front[up],
            drawstyle="steps-post" if is_cost(right) else "steps-pre",
            marker="o",
            color="C3",
            label=f"front, {len(front)} of {len(self.points)}",
        )
        shown = dict(zip((up, right), self.names or (up, right), strict=True))
        for which, name in (("x", right), ("y", up)):
            better = " (less is better)" if is_cost(name) else ""
            values = self.points[name]
            told = score_label(_bare(shown[name]), False)
            options = {f"{which}label": told + better}
            if is_cost(name) and 0 < values.min() * DECADES <= values.max():
                options[f"{which}scale"] = "log"
            self.ax_.set(**options)
        failed = f"{self.n_failed} without a value left out" if self.n_failed else ""
        note(self.ax_, failed)
        legend(self.ax_)
        return self

    @classmethod
    def from_search(
        cls,
        search: Any,
        objectives: Sequence[str] | None = None,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ParetoDisplay":
        """Draw two objectives of a search.

        Parameters
        ----------
        search : estimator
            A fitted search with ``cv_results_``.
        objectives : sequence of (str, str), default=None
            What goes upwards and to the right, as
            :func:`~skrec.model_selection.pareto_front` takes them. None for the first
            two that it would take: the score and a cost.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ParetoDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there are not two objectives, or no candidate has both.
        """
        require_search(search)
        names = list(objectives or default_objectives(search)[:2])
        if len(set(names)) != 2 or isinstance(objectives, str):
            raise ValueError(
                f"objectives must be two different names. Received: {objectives!r}."
            )
        results = search.cv_results_
        columns = [
            np.asarray(results[column_of(results, name)], float) for name in names
        ]
        points = pd.DataFrame(dict(zip(names, columns, strict=True)))
        kept = points[np.isfinite(points).all(axis=1)]
        if kept.empty:
            raise ValueError(
                f"No candidate has a finite {names[0]!r} and {names[1]!r}. Received: "
                f"{len(points)} candidates."
            )
        # A single score is called "score", and may be a loss that was negated.
        scoring = getattr(search, "scoring", None)
        of_score = scoring if isinstance(scoring, str) else "score"
        return cls(
            points=kept,
            front=pareto_front(search, names)[names],
            n_failed=len(points) - len(kept),
            names=[of_score if _bare(name) == "score" else name for name in names],
        ).plot(ax, **kwargs)


def _bare(name: str) -> str:
    """Return a score's name, where a column was named."""
    for start in ("mean_test_", "mean_", "param_"):
        name = name.removeprefix(start)
    return name
