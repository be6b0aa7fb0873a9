"""Recommenders that are trained: the life cycle of the named models, on events."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from skrec._sklearn import StrOptions, fit_context
from skrec._warn import warn_user
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._declared import AUTO, COUNT, fixed, param, with_parameters
from skrec.estimators._memory import remembers
from skrec.estimators._prepared import Given, Prepared, budget_of
from skrec.estimators.base import BaseNetwork
from skrec.estimators.tables import LAZY_ROWS
from skrec.networks import Network
from skrec.preprocessing._interactions import Log
from skrec.preprocessing._vocabulary import round_up
from skrec.recommenders._grown import grown_state
from skrec.recommenders._held_out import RankOfLast
from skrec.recommenders._histories import Histories
from skrec.recommenders._next import EventInputs, NextItems
from skrec.recommenders._ranking import Scorer, cosine_scorer
from skrec.recommenders.base import BaseRecommender
from skrec.training._seeds import draw_seed
from skrec.training.program import Program
from skrec.training.rows import Rows
from skrec.training.state import State

# From outputs of the network and its weights to what scores all items.
HowScored = Callable[[Any, list[np.ndarray]], Scorer]
# Users of fewer events keep their last one in training, and so do all where there are
# few of these. Ranks of some dozens of users are too coarse to tell one epoch from
# another: there the loss does.
FEWEST_EVENTS, FEWEST_HELD_OUT, FEWEST_RANKED = 3, 10, 100
# A row may hold dozens of targets, so that a batch of few is no small step.
# By validation on LastFM (1,090 users): NDCG@10 .047 after 15 epochs, .016 with 256.
STEPS_AN_EPOCH, SMALLEST_BATCH, LARGEST_BATCH = 64, 32, 256


@with_parameters
class NetworkRecommender(BaseRecommender, BaseNetwork):
    """Base of the recommenders that are trained."""

    scoring: str = param(
        default="ndcg@10",
        legal=[StrOptions({"ndcg@10", "loss"})],
        doc="""{"ndcg@10", "loss"}
            What tells the best epoch: the highest NDCG@10 of each user's last event
            among all items that the user had not had, or its lowest loss. Users whose
            last item they had before tell nothing by the first; where fewer than 100
            are left, the loss does always.""",
    )
    batch_size: int | str | None = param(
        default="auto",
        legal=[COUNT, AUTO, None],
        doc="""int, "auto" or None
            Rows a training step; None for all at once. ``"auto"`` is 256; where a row
            holds many targets a 64th of the rows, between 32 and 256, so that few
            users make enough steps too.""",
    )
    epochs: int | str = param(
        default=200,
        legal=[COUNT],
        doc="""int
            Passes over the training events, at most.""",
    )
    early_stopping: bool | str = param(
        default=True,
        legal=["boolean"],
        doc="""bool
            Whether each user's last event is held out of training, of users with three
            or more if there are ten such users, to stop once it is no longer ranked
            better, and to keep the weights of the best epoch. In the history of what
            `recommend` ranks it counts.""",
    )
    n_iter_no_change: int | str = param(
        default=10,
        legal=[COUNT],
        doc="""int
            Epochs without a better validation score after which to stop.""",
    )
    callbacks: Any = param(
        default=None,
        doc="""Keras callback or list of Keras callbacks
            Copied for each fit; ``callbacks_`` holds the copies. They run on a private
            model with this network's weights.""",
    )
    class_weight: Any = fixed(None)
    standardize: bool | str = fixed(False)
    validation_fraction: float = fixed(0.1)
    activation: str = fixed("relu")
    batch_norm: bool = fixed(False)

    _counts_start = False
    _has_many_targets: ClassVar[bool] = False  # a row of what is trained on
    _new_target: ClassVar[type[NextItems]] = NextItems  # type: ignore[assignment]
    _most_ranked: ClassVar[int | None] = None  # users times items, to tell epochs apart

    # ---- what a recommender adds ---------------------------------------------------

    @property
    @abstractmethod
    def _reads_some_items(self) -> bool:
        """Whether a step reads only the items of its batch, and those it draws."""

    @abstractmethod
    def _training_rows(self, log: Log) -> Rows:
        """Return what to train on: the events of a positive weight as targets."""

    @abstractmethod
    def _how_scored(self, histories: Histories) -> HowScored:
        """Return how users are scored, given the network's outputs and weights."""

    def _asked_rows(self, histories: Histories) -> Any:
        """Return what the network takes to compute outputs for users; None for none."""
        return None

    def _item_vectors(self, weights: list[np.ndarray]) -> np.ndarray:
        """Return a vector for each item."""
        places = weight_places(self._spec)
        return weights[places["items/embeddings"]][: self._log.n_items]

    # ---- fitting -------------------------------------------------------------------

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Any:
        """Train on events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_events, n_columns)
            Events, one a row, in any order where there is a time; ids of any type.
        y : array-like of shape (n_events,), default=None
            Weight of each event, such as its rating; those of 0 are left out. 1 if
            None.

        Returns
        -------
        self
            The fitted recommender.

        Raises
        ------
        ValueError
            If a column is missing, or an id, a time or a weight is not legal.
        FloatingPointError
            If the loss is no longer a finite number.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        return self._fit(Given(X, y), reset=not goes_on, remember=remembers(self))

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> Any:
        """Train one more epoch, on new events.

        New users and items get vectors. What users did before is their history, and is
        not trained on again.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_events, n_columns)
            Events that came after those of the calls before, or whose time says where
            they belong.
        y : array-like of shape (n_events,), default=None
            Weight of each event. 1 if None.

        Returns
        -------
        self
            The fitted recommender.
        """
        is_new = not self.__sklearn_is_fitted__()
        return self._fit(Given(X, y, is_part=True), reset=is_new)

    def _prepared(self, given: Given, reset: bool) -> Prepared:
        before = None if reset else self._log
        log = self._read(given.X, given.y, reset=reset)
        if reset:
            self._seed = draw_seed(self.random_state)
            self.history_: dict[str, list[float]] = {}
            self._target, self._inputs = NextItems(), EventInputs()
            self._n_first_items = log.n_items
        targets = log
        if before is not None and given.is_part:
            nothing = replace(before, weights=np.zeros(len(before)))
            targets, log = nothing.followed_by(log), before.followed_by(log)
        self._log = log
        budget = budget_of(self, len(log), given)
        validation, last = None, np.arange(0)
        if budget.early_stopping:
            before_last, found = log.split_last(1, at_least=FEWEST_EVENTS)
            if len(found) >= FEWEST_HELD_OUT:
                targets, last = log.select(before_last), found
        self._sizes_for(targets, reset)
        rows = self._training_rows(targets)
        if len(last):
            validation = self._held_out_rows(log, targets, last)
        size = budget.batch_size
        if self.batch_size == "auto":
            least = SMALLEST_BATCH if self._has_many_targets else LARGEST_BATCH
            size = min(max(least, len(rows) // STEPS_AN_EPOCH), LARGEST_BATCH)
        budget = replace(budget, n_rows=len(rows), batch_size=min(size, len(rows)))
        return Prepared(rows, validation, budget)

    def _held_out_rows(self, log: Log, before: Log, last: np.ndarray) -> Rows:
        """Return rows whose targets are users' last events."""
        n_ranked = len(last)
        if self._most_ranked is not None:
            most = max(self._most_ranked // log.n_items, FEWEST_RANKED)
            n_ranked = min(n_ranked, most)
        ranked = last[np.arange(n_ranked) * len(last) // n_ranked]
        histories = Histories.of(before, log.users[ranked])
        targets, weights = log.items[ranked], log.weights[ranked]
        how_scored = self._how_scored(histories)
        ranks = RankOfLast.of(histories, targets, weights, how_scored)
        if ranks.counts.any():
            self._validation_ranks = ranks
        return self._last_rows(log, last)

    @abstractmethod
    def _last_rows(self, log: Log, last: np.ndarray) -> Rows:
        """Return rows like those of training, of some events."""

    def _sizes_for(self, log: Log, reset: bool) -> None:
        """Decide on the sizes of tables: some more than there are ids.

        Folds of one table then have one graph, and there is room for new ids.
        """
        self._n_rows = round_up(log.n_items, steps=8, least=8)
        self._n_user_rows = round_up(log.n_users, steps=8, least=8)

    def _trained(self, *args: Any) -> State:
        try:
            return super()._trained(*args)
        finally:
            self.__dict__.pop("_validation_ranks", None)

    def _lazy_rows(self, optimizer: keras.optimizers.Optimizer) -> int | None:
        # A step then costs what its own ids cost, however many there are.
        return LAZY_ROWS if self._reads_some_items else None

    def _check_without_graph(self, program: Program) -> None:
        if program.is_lazy:
            warn_user(
                "A Keras callback that acts between batches trains by Model.fit, which "
                "updates the vectors of all ids at each step, where training without "
                "it updates those of the batch: another result, and slow to come by."
            )

    def _rates(self) -> dict[str, float]:
        return {**super()._rates(), "n_items": float(self._log.n_items)}

    @property
    def _monitored(self) -> str | None:
        ranks = self._validation_scores()
        few = ranks is None or np.count_nonzero(ranks.counts) < FEWEST_RANKED
        return None if few or self.scoring == "loss" else self.scoring

    def _validation_scores(self) -> RankOfLast | None:
        return vars(self).get("_validation_ranks")

    def _goes_on_as(self, network: Network) -> bool:
        ours, theirs = dict(self._spec.options), dict(network.options)
        for options in (ours, theirs):
            for name in ("n_rows", "n_user_rows"):
                options.pop(name, None)
        return self._spec.builder == network.builder and ours == theirs

    def _laid_out(self, state: State, program: Program) -> State:
        return grown_state(state, program, self._seed)

    # ---- scoring -------------------------------------------------------------------

    def _scorer(self, histories: Histories) -> Scorer:
        rows, outputs = self._asked_rows(histories), None
        if rows is not None:
            predictor = self._predictor()
            weights = self._weights(predictor.device)
            prepare = partial(self._inputs.prepare, dtype=self._float)
            outputs = predictor.predict(weights, rows, prepare)
        return self._how_scored(histories)(outputs, self._current_state().weights)

    def _similarities(self, items: np.ndarray) -> Scorer:
        return cosine_scorer(self._item_vectors(self._current_state().weights), items)

    @property
    def item_embeddings_(self) -> pd.DataFrame:
        """Vectors of the items, one a row, by their ids."""
        check_is_fitted(self)
        vectors = self._item_vectors(self._current_state().weights)
        return pd.DataFrame(vectors, index=pd.Index(self.items_, name=self.item_col_))

    @property
    def model_(self) -> keras.Model:
        """A private Keras model of the network as it is trained, on codes.

        It is built when first asked for. From then on its weights are those of the
        recommender: training it further changes what is recommended.
        """
        return super().model_

    def _deployable(self, core: keras.Model) -> keras.Model:
        inputs = {
            name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
            for name, tensor in core.input.items()
        }
        return keras.Model(inputs, core(inputs))


@lru_cache(maxsize=64)
def weight_places(network: Network) -> dict[str, int]:
    """Find where in the state of a network each of its weights stands.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    dict of str to int
        Positions by the names of layer and weight, such as ``"items/embeddings"``.
    """
    weights = network.outline().weights
    return {weight.path: place for place, weight in enumerate(weights)}
