"""How much of a catalogue is recommended, from its best known items to its tail."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skrec._inside import innermost
from skrec.inspection._axes import axes_and_figure, plain
from skrec.inspection._ranking import require_named
from skrec.metrics import coverage_at_k
from skrec.preprocessing._frames import named_columns


class CoverageDisplay:
    """Shares of recommendations and of events against the popularity of items.

    To the right lie items, the one with most events first, and upwards what share of
    all events they have in training, and of all places in the lists that are
    recommended. A curve above that of the events favours what is known more than users
    did; the legend tells the share of the catalogue that is recommended to anyone. It
    is made by :meth:`from_estimator` or :meth:`from_estimators`.

    Parameters
    ----------
    curves : DataFrame
        A row for each model and item, the one with most events first: ``model``,
        ``items``, the share of items so far, and ``recommended`` and ``events``, the
        shares of places in lists and of events that these have.
    coverage : dict of str to float
        Coverage of each model.
    k : int
        Length of the lists.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of str to matplotlib Line2D
        The curve of each model.
    events_line_ : matplotlib Line2D
        That of the events.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.inspection import CoverageDisplay
    >>> from skrec.recommenders import PopularRecommender
    >>> train = pd.DataFrame({"user": [1, 1, 2, 2, 3], "item": list("abaca")})
    >>> model = PopularRecommender().fit(train)
    >>> display = CoverageDisplay.from_estimator(model, k=1, exclude_seen=False)
    >>> round(display.coverage["PopularRecommender"], 3)
    0.333
    >>> display.curves["events"].round(1).tolist()
    [0.6, 0.8, 1.0]
    """

    def __init__(
        self, *, curves: pd.DataFrame, coverage: dict[str, float], k: int
    ) -> None:
        self.curves = curves
        self.coverage = coverage
        self.k = k

    def plot(self, ax: Any = None, *, line_kw: dict | None = None) -> "CoverageDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        line_kw : dict, default=None
            Arguments of ``Axes.plot`` for the curves of models.

        Returns
        -------
        CoverageDisplay
            Itself.
        """
        self.ax_, self.figure_ = axes_and_figure(ax, self)
        self.lines_: dict[str, Any] = {}
        for name, curve in self.curves.groupby("model", sort=False):
            told = plain(f"{name}, coverage {self.coverage[name]:.0%}")
            options = {"label": told, **(line_kw or {})}
            shares = ([0, *curve[which]] for which in ("items", "recommended"))
            (self.lines_[name],) = self.ax_.plot(*shares, **options)
        first = self.curves[self.curves["model"] == self.curves["model"].iloc[0]]
        shares = ([0, *first[which]] for which in ("items", "events"))
        (self.events_line_,) = self.ax_.plot(
            *shares, color="gray", linestyle=":", label="events in training"
        )
        self.ax_.set_xlabel("Share of the items, best known first")
        self.ax_.set_ylabel(f"Share of the places in lists of {self.k}")
        self.ax_.set(xlim=(0, 1), ylim=(0, 1.02))
        self.ax_.grid(alpha=0.3)
        self.ax_.legend(loc="lower right", fontsize="small", framealpha=0.7)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "CoverageDisplay":
        """Draw the curve of one recommender.

        Parameters
        ----------
        estimator : recommender
            Fitted; or a pipeline that ends in one, or a search.
        users : array-like of shape (n_users,), default=None
            Ids of the users who get lists; None for all of `fit`.
        k : int, default=10
            Length of the lists.
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
        CoverageDisplay
            Drawn.
        """
        models = {name or type(innermost(estimator)[0]).__name__: estimator}
        options = {"k": k, "exclude_seen": exclude_seen, "ax": ax, **kwargs}
        return cls.from_estimators(models, users, **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        ax: Any = None,
        **kwargs: Any,
    ) -> "CoverageDisplay":
        """Draw the curves of several recommenders of one catalogue.

        Parameters
        ----------
        estimators : dict of str to recommender
            Fitted recommenders by the names that the legend gives them.
        users : array-like of shape (n_users,), default=None
            Ids of the users who get lists; None for all of `fit`.
        k : int, default=10
            Length of the lists.
        exclude_seen : bool, default=True
            Whether to leave out the items that a user had in training.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        **kwargs : dict
            Arguments of :meth:`plot`.

        Returns
        -------
        CoverageDisplay
            Drawn.

        Raises
        ------
        TypeError
            If there is no recommender in an estimator.
        """
        require_named(estimators)
        parts, coverage = [], {}
        for name, estimator in estimators.items():
            (model,) = innermost(estimator)
            if not hasattr(model, "recommend"):
                raise TypeError(
                    "estimators must be recommenders, alone, in a search or at the end "
                    f"of a pipeline. Received: {estimator!r}."
                )
            lists = named_columns(
                model.recommend(users, n=k, exclude_seen=exclude_seen),
                [model.item_col_, "rank"],
                "what recommend returns",
            )
            found = lists[model.item_col_]
            coverage[name] = coverage_at_k(lists, model.items_, k, item_col=found.name)
            parts.append(_shares(name, model, found))
        curves = pd.concat(parts, ignore_index=True)
        return cls(curves=curves, coverage=coverage, k=k).plot(ax, **kwargs)


def _shares(name: str, model: Any, recommended: pd.Series) -> pd.DataFrame:
    """Add up the places in lists and the events of items, the best known first."""
    items = pd.Index(model.items_)
    events = np.asarray(model._item_counts_, dtype=float)
    places = items.get_indexer(recommended.to_numpy())
    counts = np.bincount(places, minlength=len(items))
    order = np.argsort(-events, kind="stable")
    return pd.DataFrame(
        {
            "model": name,
            "items": np.arange(1, len(items) + 1) / len(items),
            "recommended": np.cumsum(counts[order]) / max(1, counts.sum()),
            "events": np.cumsum(events[order]) / events.sum(),
        }
    )
