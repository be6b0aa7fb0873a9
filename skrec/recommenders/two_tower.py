"""A tower for users and one for items, of ids and of features."""

from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any

import keras
import numpy as np
from sklearn.callback import with_callbacks

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval, fit_context
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._declared import (
    COUNT,
    POSITIVE,
    SIZES,
    param,
    with_parameters,
)
from skrec.estimators._memory import remembers
from skrec.estimators._prepared import Given
from skrec.networks import Network, as_sizes, build_two_tower
from skrec.networks._next_item import floats_of
from skrec.preprocessing._interactions import (
    Interactions,
    Log,
    codes,
    id_factor,
)
from skrec.preprocessing._vocabulary import FIRST, Vocabulary, round_up
from skrec.recommenders._histories import Histories
from skrec.recommenders._means import with_means
from skrec.recommenders._ranking import Scorer, product_scorer
from skrec.recommenders._sides import Features, Side, TowerInputs
from skrec.recommenders.network import HowScored
from skrec.recommenders.pairs import PairRecommender
from skrec.training import resolve_device
from skrec.training._optimizer_items import keras_settings
from skrec.training.predictor import PREDICTORS, Predictor
from skrec.training.rows import Rows

SIDES = "user", "item"


@with_fitted_docs
@with_parameters
class TwoTowerRecommender(PairRecommender):
    """A network for users and one for items, whose outputs are compared.

    Each takes the id and, where `fit` gets them, features [1]_: a new item that has
    some can be recommended before anybody had it. The item of each event is compared
    with those of the other events of its training step [2]_.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    users_, items_ : ndarray
        Ids of events and of features, sorted.
    item_embeddings_ : DataFrame of shape (n_items, units[-1])
        Outputs of the tower for the items, of length 1.
    %(log_trained)s
    n_features_in_ : int
        Number of columns of X.

    Notes
    -----
    Popular items are in more steps, and so compared with more often; their scores in
    the loss are lowered by the logarithm of their share of the events (logQ), so that
    the scores afterwards are those of a comparison with all items. Another event of the
    same item in a step is not compared with.

    A user whom `fit` did not see, but who has a `history`, gets the mean of the vectors
    of the items in it.

    References
    ----------
    .. [1] P.-S. Huang et al., "Learning deep structured semantic models for web search
       using clickthrough data", CIKM 2013.
    .. [2] X. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
       recommendations", RecSys 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import TwoTowerRecommender
    >>> events = pd.DataFrame(
    ...     [(u, i) for u in range(8) for i in range(8) if (u + i) % 2 == 0 and u != i],
    ...     columns=["user", "item"],
    ... )
    >>> items = pd.DataFrame({"item": range(10), "kind": ["even", "odd"] * 5})
    >>> model = TwoTowerRecommender(
    ...     units="16-8", learning_rate=0.02, epochs=40, random_state=0
    ... ).fit(events, item_features=items)
    >>> sorted(model.recommend([0], n=2)["item"])  # nobody had film 8
    [0, 8]
    """

    embedding_dim: int = param(
        default=32,
        legal=[COUNT],
        doc="""int
            Length of the vectors of ids: of users, items, and in features.""",
    )
    units: Any = param(
        default="64-32",
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the layers of each tower, as 32, ``"64-32"`` or ``(64, 32)``; the
            last is what is compared.""",
    )
    temperature: float = param(
        default=0.05,
        legal=[POSITIVE],
        doc="""float
            What scores, which lie between -1 and 1, are divided by in the loss.""",
    )
    unknown_share: float = param(
        default=0.1,
        legal=[Interval(Real, 0, 1, closed="left")],
        doc="""float
            Share of the users, and of the items, that are read as unknown in training
            where they have features, drawn anew for each row, so that new ones are
            ranked by their features.""",
    )

    # ---- fitting -------------------------------------------------------------------

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        user_features: Any = None,
        item_features: Any = None,
    ) -> Any:
        """Train on events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_events, n_columns)
            Events, one a row, in any order where there is a time; ids of any type.
        y : array-like of shape (n_events,), default=None
            Weight of each event, such as its rating; those of 0 are left out. 1 if
            None.
        user_features : DataFrame of shape (n_users, n_columns), default=None
            What is known of users, one a row: the id, in the column named as that of X
            or else in the first, and columns of any kinds that
            :class:`~skrec.preprocessing.FieldEncoder` reads. Each user of X has a row;
            further ones are known by their features alone.
        item_features : DataFrame of shape (n_items, n_columns), default=None
            The same of items. Those that are in no event can be recommended too.

        Returns
        -------
        self
            The fitted recommender.

        Raises
        ------
        ValueError
            If a column is missing, or an id, a time or a weight is not legal; if an id
            of X has no features, or has them twice.
        FloatingPointError
            If the loss is no longer a finite number.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        self._given_features = user_features, item_features
        return self._fit(Given(X, y), reset=not goes_on, remember=remembers(self))

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        user_features: Any = None,
        item_features: Any = None,
    ) -> Any:
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
        user_features, item_features : DataFrame, default=None
            What is known of new users and items, or anew of others. Values of columns
            of ids that the first call did not see are unknown.

        Returns
        -------
        self
            The fitted recommender.
        """
        is_new = not self.__sklearn_is_fitted__()
        self._given_features = user_features, item_features
        return self._fit(Given(X, y, is_part=True), reset=is_new)

    def _read(self, X: Any, y: Any, *, reset: bool) -> Log:
        log, own = super()._read(X, y, reset=reset), self._interactions
        names = self._names_of_ids()
        given = [
            None if frame is None else Features.read(frame, name, side, self)
            for side, name, frame in zip(
                SIDES, names, self._given_features, strict=True
            )
        ]
        del self._given_features
        (users, of_users), (items, of_items) = (
            _with_ids(*args, reset)
            for args in zip((own.users, own.items), given, names, strict=True)
        )
        self._interactions = Interactions(own.columns, users, items, own.time)
        if reset:
            self._sides = list(map(Side.learn, SIDES, given, (users, items)))
        else:
            self._sides = list(map(Side.grown, self._sides, given))
        return replace(
            log,
            users=of_users[log.users],
            items=of_items[log.items],
            n_users=len(users.ids),
            n_items=len(items.ids),
        )

    def _names_of_ids(self) -> tuple[str, str]:
        columns = self._interactions.columns
        return self._name(columns.user, "user"), self._name(columns.item, "item")

    def _sizes_for(self, log: Log, reset: bool) -> None:
        self._n_rows = round_up(log.n_items + FIRST, steps=8, least=8)
        self._n_user_rows = round_up(log.n_users + FIRST, steps=8, least=8)

    def _training_rows(self, log: Log) -> Rows:
        known = self._interactions.users, self._interactions.items
        seen = np.unique(log.users), np.unique(log.items)
        self._inputs: Any = TowerInputs(
            {
                side.name: side.arrays(ids, which, floats_of(self.precision))
                for side, ids, which in zip(self._sides, known, seen, strict=True)
            }
        )
        trained = log.items[log.weights > 0]
        counts = np.bincount(trained, minlength=log.n_items)
        self._shares = np.maximum(counts, 1) / len(trained)
        return super()._training_rows(log)

    def _event_rows(self, log: Log, which: np.ndarray) -> Rows:
        rows = super()._event_rows(log, which)
        rows.x["share"] = self._shares[rows.x["item"]]
        return rows

    def _fit_items(self, optimizer: keras.optimizers.Optimizer) -> list[Any]:
        return [*super()._fit_items(optimizer), self._inputs]

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_two_tower,
            n_rows=self._n_rows,
            n_user_rows=self._n_user_rows,
            user_fields=self._sides[0].spec,
            item_fields=self._sides[1].spec,
            embedding_dim=int(self.embedding_dim),
            units=as_sizes(self.units, "units"),
            dtype=self.precision,
        )

    def _rates(self) -> dict[str, float]:
        rates = super()._rates()
        rates = {name: rates[name] for name in ("dropout", "l1", "l2")}
        own = {"temperature": self.temperature, "unknown_share": self.unknown_share}
        return {**rates, **own}

    # ---- scoring -------------------------------------------------------------------

    def _is_known(self, histories: Histories) -> np.ndarray:
        return super()._is_known(histories) | (histories.lengths > 0)

    def _asked_rows(self, histories: Histories) -> Any:
        users = np.maximum(histories.users, 0)
        return _rows(users, np.zeros_like(users))

    def _towers(self) -> "_ItemTower":
        network = self._network(0)
        device = resolve_device(self.device)
        return _ItemTower(network, device, self._inputs, self._log.n_items)

    def _how_scored(self, histories: Histories) -> HowScored:
        return partial(_scored, histories, self._towers())

    def _item_vectors(self, weights: list[np.ndarray]) -> np.ndarray:
        return self._towers()(weights)

    def _user_vectors(self) -> np.ndarray:
        """Return the output of the tower for each user."""
        predictor, everybody = self._predictor(), np.arange(self._log.n_users)
        rows = _rows(everybody, np.zeros_like(everybody))
        prepare = partial(self._inputs.prepare, dtype=self._float)
        weights = self._weights(predictor.device)
        return _user_part(predictor.predict(weights, rows, prepare))


@dataclass
class _ItemTower:
    """Computes the vectors of all items."""

    network: Network
    device: str
    inputs: TowerInputs
    n_items: int

    def __call__(self, weights: list[np.ndarray]) -> np.ndarray:
        """Return them, given the network's weights."""
        options: dict[str, Any] = dict(self.network.options)
        predictor = PREDICTORS.get(
            (self.network, *keras_settings(), self.device),
            lambda: Predictor(self.network.outline(), self.device),
        )
        prepare = partial(self.inputs.prepare, dtype=floats_of(options["dtype"]))
        items = np.arange(self.n_items)
        rows = _rows(np.zeros_like(items), items)
        return predictor.predict(weights, rows, prepare)[:, 1 + options["units"][-1] :]


def _scored(
    histories: Histories, tower: _ItemTower, outputs: Any, weights: Any
) -> Scorer:
    """Score by products of the towers' outputs."""
    items, users = tower(weights), _user_part(outputs)
    return product_scorer(with_means(users, items, histories, 1.0), items)


def _user_part(outputs: np.ndarray) -> np.ndarray:
    """Return the vectors of users, of the loss, these and those of items."""
    return outputs[:, 1 : 1 + outputs.shape[1] // 2]


def _rows(users: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
    """Make rows that are no events."""
    nothing = np.zeros((len(users), 1))
    return {"user": users[:, None], "item": items[:, None], "share": nothing}


def _with_ids(
    known: Vocabulary, features: Features | None, name: str, reset: bool
) -> tuple[Vocabulary, np.ndarray]:
    """Add the ids that features alone have; return the codes of those before, too."""
    before = id_factor(known.ids, name)
    if features is None:
        found = known
    elif reset:
        found = Vocabulary.learn([before, features.ids], [None, None], 1)
    else:
        found = known.grown([features.ids], [None], 1)
    return found, codes(found, before)
