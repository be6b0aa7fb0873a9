"""The scores of the best candidates on each fold."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skrec.inspection._axes import (
    axes_and_figure,
    failed_note,
    note,
    plain,
    score_label,
)
from skrec.inspection._results import NOT_SET, Results, label, short_names
from skrec.model_selection._candidates import key_of_params

LINE = 44  # characters in a line of a candidate's name
MOST_LINES = 3


class ScoresDisplay:
    """Scores on each fold of the best candidates of a search.

    Where the points of two candidates lie among each other, the search has not told
    which one is better. The one that the search chose comes first; where another one
    has a better score, its label says why. Of a halving search of scikit-learn each
    candidate is shown as of its last round. It is made by :meth:`from_search` or
    :meth:`from_cv_results`.

    Parameters
    ----------
    scores : DataFrame of shape (n_shown, n_folds)
        Scores, the candidate that the search chose first, with positions in
        ``cv_results_`` as index.
    labels : list of str
        What to call each candidate.
    score_name : str, default="score"
        Name of the score.
    n_failed : int, default=0
        Candidates of the search without a finite score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : matplotlib PathCollection
        A point for each candidate and fold.
    means_ : matplotlib PathCollection
        A mark for each candidate's mean.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec.inspection import ScoresDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(), {"C": [0.01, 0.1, 1]}).fit(X, y)
    >>> display = ScoresDisplay.from_search(search, k=2)
    >>> display.labels
    ['C=1', 'C=0.1']
    """

    def __init__(
        self,
        *,
        scores: pd.DataFrame,
        labels: list[str],
        score_name: str = "score",
        n_failed: int = 0,
    ) -> None:
        self.scores = scores
        self.labels = labels
        self.score_name = score_name
        self.n_failed = n_failed

    def plot(
        self,
        ax: Any = None,
        *,
        negate_score: bool = False,
        score_name: str | None = None,
        scatter_kw: dict | None = None,
    ) -> "ScoresDisplay":
        """Draw the points, the candidate that the search chose at the top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        negate_score : bool, default=False
            Whether to show scores with their sign turned, for losses that scikit-learn
            knows as ``neg_...``.
        score_name : str, default=None
            Label of the axis; None makes one of the score's name.
        scatter_kw : dict, default=None
            Arguments of ``Axes.scatter`` for the points.

        Returns
        -------
        ScoresDisplay
            Itself.
        """
        names = ["\n".join(_wrapped(plain(text))) for text in self.labels]
        n_lines = sum(1.2 + name.count("\n") for name in names)
        size = (7.0, max(2.2, 1.2 + 0.22 * n_lines))
        self.ax_, self.figure_ = axes_and_figure(ax, self, size)
        sign = -1 if negate_score else 1
        values = sign * self.scores.to_numpy()
        rows = np.repeat(np.arange(len(values)), values.shape[1])
        options = {"s": 22, "alpha": 0.6, "label": "fold", **(scatter_kw or {})}
        self.points_ = self.ax_.scatter(values.ravel(), rows, **options)
        mean = values.mean(axis=1)
        self.means_ = self.ax_.scatter(
            mean,
            range(len(mean)),
            marker="|",
            s=180,
            color="C3",
            label="mean",
            zorder=3,
        )
        self.ax_.set_yticks(range(len(names)), names, fontsize="small")
        self.ax_.set_ylim(len(names) - 0.5, -0.5)
        self.ax_.locator_params(axis="x", nbins=6)
        self.ax_.grid(axis="x", alpha=0.3)
        self.ax_.set_xlabel(score_name or score_label(self.score_name, negate_score))
        note(self.ax_, failed_note(self.n_failed))
        self.ax_.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            fontsize="small",
            frameon=False,
        )
        return self

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        metric: str | None = None,
        k: int = 10,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ScoresDisplay":
        """Draw the best candidates of a search.

        Parameters
        ----------
        search : estimator
            A fitted search with ``cv_results_``.
        metric : str, default=None
            Name of the score; None for that of `refit`, or else the first. Less is
            better of ``"n_parameters"`` and ``"latency"``, more of all others.
        k : int, default=10
            Number of candidates.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ScoresDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there is no such metric, or no candidate with a finite score.
        """
        return cls._of(Results.of_search(search, metric), k).plot(ax, **kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        metric: str | None = None,
        k: int = 10,
        ax: Any = None,
        **kwargs: Any,
    ) -> "ScoresDisplay":
        """Draw the best candidates of what a search has left.

        Parameters
        ----------
        cv_results : dict of str to array
            ``cv_results_`` of a search.
        metric : str, default=None
            Name of the score; None where there is one alone.
        k : int, default=10
            Number of candidates.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        ScoresDisplay
            Drawn.
        """
        return cls._of(Results.of(cv_results, metric), k).plot(ax, **kwargs)

    @classmethod
    def _of(cls, results: Results, k: int) -> "ScoresDisplay":
        results.require_usable()
        shown = _best_rows(results)[:k]
        return cls(
            scores=pd.DataFrame(results.folds[shown], index=shown),
            labels=_labels(results, shown),
            score_name=results.score_name,
            n_failed=results.n_failed,
        )


def _best_rows(results: Results) -> list[int]:
    """Return the candidates to choose from, the best first, each in its last round."""
    is_copy, rounds = results.is_copy, results.rounds
    seen: dict[tuple, int] = {}
    rows = []
    for row in results.order().tolist():
        last = seen.setdefault(key_of_params(results.params[row]), rounds[row])
        is_left_out = is_copy[row] and row != results.best
        if results.usable[row] and not is_left_out and rounds[row] == last:
            rows.append(row)
    return rows


def _labels(results: Results, rows: list[int]) -> list[str]:
    """Name candidates by what differs, and say of which round, or why the first is."""
    names, rounds = short_names(results.varied), results.rounds
    labels = []
    for row in rows:
        params = results.params[row]
        told = ", ".join(
            f"{short}={label(params[name])}"
            for name, short in names.items()
            if params.get(name, NOT_SET) is not NOT_SET
        )
        told = told or f"candidate {row}"
        if rounds[row] < rounds.max():
            told += f" (round {rounds[row]})"
        labels.append(told)
    if results.best_note:
        labels[0] += f" ({results.best_note})"
    return labels


def _wrapped(text: str) -> list[str]:
    """Break a candidate's name between its parameters."""
    lines = textwrap.wrap(text, LINE, break_long_words=False) or [text]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], "…"]
    return lines
