"""Metrics of recommenders against the length of their lists."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from skrec.inspection._axes import axes_and_figure, plain
from skrec.metrics import evaluate

STYLES = ["-", "--", ":", "-."]
KS = (1, 2, 5, 10, 20, 50)


class RankingCurveDisplay:
    """Recall, NDCG and the like of recommenders against the length of their lists.

    It is made by :meth:`from_estimator` or :meth:`from_estimators`.

    Parameters
    ----------
    curves : DataFrame
        A row for each model, metric and length: ``model``, ``metric``, ``k``, ``score``
        and ``standard_error``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of (str, str) to matplotlib Line2D
        The curves by model and metric.
    bands_ : dict of (str, str) to matplotlib PolyCollection
        One standard error to both sides of each.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.inspection import RankingCurveDisplay
    >>> from skrec.recommenders import PopularRecommender
    >>> train = pd.DataFrame({"user": [1, 1, 2, 2, 2, 3], "item": list("abacda")})
    >>> test = pd.DataFrame({"user": [1, 3], "item": ["c", "c"]})
    >>> display = RankingCurveDisplay.from_estimator(
    ...     PopularRecommender().fit(train), test, ks=[1, 2], metrics=["recall"]
    ... )
    >>> display.curves[["k", "score"]].values.tolist()
    [[1.0, 0.5], [2.0, 1.0]]
    """

    def __init__(self, *, curves: pd.DataFrame) -> None:
        self.curves = curves

    def plot(
        self, ax: Any = None, *, show_errors: bool = True, line_kw: dict | None = None
    ) -> "RankingCurveDisplay":
        """Draw a curve for each model, in a colour, and metric, in a style.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        show_errors : bool, default=True
            Whether to show a standard error to both sides.
        line_kw : dict, default=None
            Arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        RankingCurveDisplay
            Itself.
        """
        self.ax_, self.figure_ = axes_and_figure(ax, self)
        self.lines_: dict[tuple[str, str], Any] = {}
        self.bands_: dict[tuple[str, str], Any] = {}
        models = list(self.curves["model"].unique())
        metrics = list(self.curves["metric"].unique())
        for (model, metric), curve in self.curves.groupby(
            ["model", "metric"], sort=False
        ):
            color = f"C{models.index(model)}"
            style = STYLES[metrics.index(metric) % len(STYLES)]
            told = [model] * (len(models) > 1) + [metric] * (len(metrics) > 1)
            options = {
                "label": plain(", ".join(told)),
                "color": color,
                **(line_kw or {}),
            }
            (line,) = self.ax_.plot(
                curve["k"], curve["score"], style, marker=".", **options
            )
            self.lines_[model, metric] = line
            if show_errors and curve["standard_error"].notna().any():
                low = curve["score"] - curve["standard_error"]
                high = curve["score"] + curve["standard_error"]
                self.bands_[model, metric] = self.ax_.fill_between(
                    curve["k"], low, high, color=line.get_color(), alpha=0.15, lw=0
                )
        self._label(metrics, models)
        return self

    def _label(self, metrics: list[str], models: list[str]) -> None:
        ks = sorted(self.curves["k"].unique())
        if len(ks) > 1:
            self.ax_.set_xscale("log")
        self.ax_.set_xticks(ks, [str(k) for k in ks])
        self.ax_.minorticks_off()
        self.ax_.set_xlabel("k, length of the lists")
        self.ax_.set_ylabel(" and ".join(f"{metric}@k" for metric in metrics))
        self.ax_.set_ylim(bottom=0)
        self.ax_.grid(alpha=0.3)
        if len(self.lines_) > 1:
            self.ax_.legend(loc="best", fontsize="small", framealpha=0.7)
        else:
            self.ax_.set_title(plain(models[0]))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X_test: Any,
        *,
        ks: Sequence[int] = KS,
        metrics: Sequence[str] = ("recall", "ndcg"),
        exclude_seen: bool = True,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "RankingCurveDisplay":
        """Draw the curves of one recommender.

        Parameters
        ----------
        estimator : recommender
            Fitted; or a pipeline that ends in one, or a search.
        X_test : DataFrame or array-like of shape (n_events, n_columns)
            Events that it did not see, with the columns of `fit`.
        ks : sequence of int, default=(1, 2, 5, 10, 20, 50)
            Lengths of the lists.
        metrics : sequence of str, default=("recall", "ndcg")
            Names of metrics as :func:`skrec.metrics.evaluate` takes them, without the
            length.
        exclude_seen : bool, default=True
            Whether to leave out the items that a user had in training.
        name : str, default=None
            What to call the model; None for the name of its class.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        RankingCurveDisplay
            Drawn.
        """
        return cls.from_estimators(
            {name or type(estimator).__name__: estimator},
            X_test,
            ks=ks,
            metrics=metrics,
            exclude_seen=exclude_seen,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X_test: Any,
        *,
        ks: Sequence[int] = KS,
        metrics: Sequence[str] = ("recall", "ndcg"),
        exclude_seen: bool = True,
        ax: Any = None,
        **kwargs: Any,
    ) -> "RankingCurveDisplay":
        """Draw the curves of several recommenders.

        Parameters
        ----------
        estimators : dict of str to recommender
            Fitted recommenders by the names that the legend gives them.
        X_test : DataFrame or array-like of shape (n_events, n_columns)
            Events that they did not see, with the columns of `fit`.
        ks : sequence of int, default=(1, 2, 5, 10, 20, 50)
            Lengths of the lists.
        metrics : sequence of str, default=("recall", "ndcg")
            Names of metrics, without the length.
        exclude_seen : bool, default=True
            Whether to leave out the items that a user had in training.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        RankingCurveDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a metric is none that has a length.
        """
        require_named(estimators)
        kinds = [metrics] if isinstance(metrics, str) else list(metrics)
        keys = [(metric, int(k)) for metric in kinds for k in ks]
        if not keys:
            raise ValueError(
                "metrics and ks must not be empty. Received: "
                f"metrics={metrics!r}, ks={ks!r}."
            )
        parts = []
        for name, model in estimators.items():
            wanted = [f"{metric}@{k}" for metric, k in keys]
            found = evaluate(model, X_test, wanted, exclude_seen=exclude_seen)
            part = pd.DataFrame(keys, columns=["metric", "k"])
            part.insert(0, "model", name)
            part["score"] = found["score"].to_numpy()
            part["standard_error"] = found["standard_error"].to_numpy()
            parts.append(part)
        return cls(curves=pd.concat(parts, ignore_index=True)).plot(ax, **kwargs)


def require_named(estimators: Any) -> None:
    """Raise where there is no dict of models.

    Parameters
    ----------
    estimators : dict of str to recommender
        What was given.
    """
    if not isinstance(estimators, Mapping) or not estimators:
        raise ValueError(
            "estimators must be a dict of names and fitted recommenders. Received: "
            f"{estimators!r}."
        )
