"""Losses and metrics of each epoch of a fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrec._inside import innermost
from skrec.inspection._axes import axes_and_figure, plain, score_label


class HistoryDisplay:
    """Losses and metrics of each epoch of a fit, with the epoch that was kept.

    Losses stand on the left, other metrics on the right. It is made by
    :meth:`from_estimator`.

    Parameters
    ----------
    history : dict of str to sequence of float
        Values of each epoch by name, as ``history_`` of an estimator.
    best_epoch : int, default=None
        Epoch, counted from 1, whose weights were kept; 0 for those before the first,
        None where it is not known.
    name : str, default=None
        What to call the estimator in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses; those of the metrics where there is no loss.
    right_ax_ : matplotlib Axes or None
        Axes of metrics, where there are losses too.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of str to matplotlib Line2D
        The curves by name.
    best_line_ : matplotlib Line2D or None
        The mark of the best epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skrec import MLPClassifier
    >>> from skrec.inspection import HistoryDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(8, epochs=5, random_state=0).fit(X, y)
    >>> display = HistoryDisplay.from_estimator(model)
    >>> sorted(display.lines_)
    ['loss', 'val_loss']
    """

    def __init__(
        self,
        *,
        history: Mapping[str, Sequence[float]],
        best_epoch: int | None = None,
        name: str | None = None,
    ) -> None:
        self.history = history
        self.best_epoch = best_epoch
        self.name = name

    def plot(
        self, ax: Any = None, *, metrics: Sequence[str] | None = None
    ) -> "HistoryDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        metrics : sequence of str, default=None
            Which of the history's names to show; None for all.

        Returns
        -------
        HistoryDisplay
            Itself.

        Raises
        ------
        ValueError
            If the history has no such metric.
        """
        names = list(self.history) if metrics is None else list(metrics)
        missing = [name for name in names if name not in self.history]
        if missing or not names:
            raise ValueError(
                f"metrics must be some of {list(self.history)}. Received: {metrics!r}."
            )
        self.ax_, self.figure_ = axes_and_figure(ax, self)
        losses = [name for name in names if name.endswith("loss")]
        others = [name for name in names if not name.endswith("loss")]
        self.lines_: dict[str, Any] = {}
        self.right_ax_ = None
        both = bool(losses and others)
        if both:
            self.right_ax_ = self.ax_.twinx()
        self._draw(self.ax_, losses or others)
        if both:
            self._draw(self.right_ax_, others)
        self.best_line_ = self._mark_best()
        self._label()
        return self

    def _draw(self, ax: Any, names: list[str]) -> None:
        for name in names:
            values = np.asarray(self.history[name], dtype=float)
            # One epoch is a point, of which a line alone would show nothing.
            style = {"marker": "o", "ms": 4} if len(values) <= 20 else {}
            base = name.removeprefix("val_")
            same = [base, f"val_{base}"]
            own = next((self.lines_[n] for n in same if n in self.lines_), None)
            color = own.get_color() if own else f"C{len(self._bases)}"
            dashed = "-" if name.startswith("val_") or base == name != "loss" else "--"
            (line,) = ax.plot(
                np.arange(1, len(values) + 1), values, dashed, color=color,
                label=plain(name), **style,
            )  # fmt: skip
            self.lines_[name] = line
        told = dict.fromkeys(name.removeprefix("val_") for name in names)
        ax.set_ylabel(", ".join(score_label(name, False) for name in told))

    @property
    def _bases(self) -> set[str]:
        return {name.removeprefix("val_") for name in self.lines_}

    def _mark_best(self) -> Any:
        """Draw a line at the epoch whose weights were kept."""
        if self.best_epoch is None:
            return None
        text = (
            f"kept: epoch {self.best_epoch}" if self.best_epoch else "kept: the start"
        )
        return self.ax_.axvline(
            self.best_epoch, color="gray", linestyle=":", label=text, zorder=0
        )

    def _label(self) -> None:
        """Name axes and curves; the legend stands where it hides nothing."""
        from matplotlib.ticker import MaxNLocator

        self.ax_.set_xlabel("Epoch")
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes = [self.ax_] if self.right_ax_ is None else [self.ax_, self.right_ax_]
        handles = [h for ax in axes for h in ax.get_legend_handles_labels()[0]]
        options = {"fontsize": "small", "frameon": False}
        self.ax_.legend(
            handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1),
            ncols=min(4, len(handles)), title=plain(self.name or ""), **options,
        )  # fmt: skip

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        metrics: Sequence[str] | None = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "HistoryDisplay":
        """Draw the history of a fit.

        Parameters
        ----------
        estimator : estimator
            Any fitted classifier, regressor or recommender of skrec that is trained;
            a pipeline that ends in one, or a search, of which the best estimator is
            shown.
        metrics : sequence of str, default=None
            Which of the history's names to show; None for all.
        name : str, default=None
            Title; None for the name of the estimator's class.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        HistoryDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the estimator has no epochs.
        """
        (model,) = innermost(estimator)
        if not hasattr(model, "history_"):
            if hasattr(type(model), "_fit_callbacks") or hasattr(model, "epochs"):
                check_is_fitted(model)
            raise TypeError(
                "estimator must be a trained network of skrec, alone, in a search or "
                f"at the end of a pipeline. Received: {type(model).__name__}."
            )
        return cls(
            history=model.history_,
            best_epoch=getattr(model, "best_epoch_", None),
            name=name or type(model).__name__,
        ).plot(ax, metrics=metrics, **kwargs)
