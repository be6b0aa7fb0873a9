"""Neural matrix factorisation (GMF, MLP, NeuMF) of a user and an item column."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions

from skrec._docs import with_shared_docs
from skrec._warn import warn_user
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._fields import FieldNetwork
from skrec.estimators._regression import NetworkRegressor
from skrec.networks import Network, as_sizes, build_neumf
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._kinds import chosen_columns

SHARED = FieldNetwork._parameter_constraints
OTHERS = {  # what only tables of more than two columns need
    "embedding_dim",
    "categorical_features",
    "sequence_features",
    "shared_embeddings",
    "max_len",
}
COLUMN = [str, Interval(Integral, 0, None, closed="left"), None]


class _NeuMF(FieldNetwork):
    """Parameters, columns and architecture of the family."""

    _parameter_constraints = {
        **{name: SHARED[name] for name in SHARED if name not in OTHERS},
        "structure": [StrOptions({"neumf", "gmf", "mlp"})],
        "linear_start": ["boolean"],
        "num_factors": [Interval(Integral, 1, None, closed="left")],
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
        "user_column": COLUMN,
        "item_column": COLUMN,
    }

    _pair: list[int]  # positions of the user and the item, set by fit

    def __init__(
        self,
        structure: str = "neumf",
        num_factors: int = 8,
        units: Any = "64-32-16-8",
        user_column: Any = None,
        item_column: Any = None,
        *,
        min_count: int = 1,
        unknown_share: float = 0.1,
        linear_start: bool = True,
        activation: str = "relu",
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        embedding_l2: float | str = "auto",
        embedding_update: str = "auto",
        batch_norm: bool = False,
        optimizer: Any = "adam",
        optimizer_params: dict | None = None,
        learning_rate: float = 0.004,
        lr_schedule: Any = None,
        clipnorm: float | None = None,
        batch_size: int | str | None = "auto",
        epochs: int | str = "auto",
        early_stopping: bool | str = "auto",
        scoring: str = "loss",
        validation_fraction: float = 0.1,
        n_iter_no_change: int | str = "auto",
        class_weight: Any = None,
        callbacks: Any = None,
        standardize: bool | str = True,
        device: str = "auto",
        precision: str = "float32",
        memory: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.structure = structure
        self.num_factors = num_factors
        self.units = units
        self.user_column = user_column
        self.item_column = item_column
        self.min_count = min_count
        self.unknown_share = unknown_share
        self.linear_start = linear_start
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.embedding_l2 = embedding_l2
        self.embedding_update = embedding_update
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.standardize = standardize
        self.device = device
        self.precision = precision
        self.memory = memory
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # ---- the two columns -----------------------------------------------------------

    def _new_encoder(self) -> FieldEncoder:
        """Make an encoder of the two columns, which are ids whatever their dtype."""
        return FieldEncoder(categorical_features=[0, 1], min_count=self.min_count)

    def _learn_inputs(self, X: Any, kept: np.ndarray | None, weight: np.ndarray) -> Any:
        self._pair = self._chosen_pair()
        return super()._learn_inputs(self._selected(X), kept, weight)

    def _further_inputs(self, X: Any, kept: np.ndarray | None) -> Any:
        return super()._further_inputs(self._selected(X), kept)

    def _encoded(self, X: Any) -> Any:
        return super()._encoded(self._selected(X))

    def _selected(self, X: Any) -> Any:
        """Return the user's and the item's column, in this order."""
        return (
            X.iloc[:, self._pair] if isinstance(X, pd.DataFrame) else X[:, self._pair]
        )

    def _chosen_pair(self) -> list[int]:
        """Return the positions of the two columns; warn where it is a guess."""
        names = list(getattr(self, "feature_names_in_", range(self.n_features_in_)))
        if len(names) < 2:
            raise ValueError(
                f"Found array with 1 feature(s) while a minimum of 2 is required by "
                f"{type(self).__name__}: a column of users and one of items. "
                f"Received: columns {names}."
            )
        chosen = {"user_column": self.user_column, "item_column": self.item_column}
        pair = [
            default if column is None else chosen_columns([column], names, parameter)[0]
            for default, (parameter, column) in enumerate(chosen.items())
        ]
        if pair[0] == pair[1]:
            raise ValueError(
                "user_column and item_column must be different columns; None is the "
                "first for the user and the second for the item. "
                f"Received: {chosen}, both of which are column {names[pair[0]]!r}."
            )
        if None in chosen.values() and len(names) > 2:
            ignored = [name for k, name in enumerate(names) if k not in pair]
            warn_user(
                f"{type(self).__name__} reads {names[pair[0]]!r} as the user and "
                f"{names[pair[1]]!r} as the item, and ignores the columns {ignored}: "
                "DeepFM and WideDeep use them. To say that this is meant, set "
                "user_column and item_column."
            )
        return pair

    # ---- the network ---------------------------------------------------------------

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_neumf,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            structure=self.structure,
            num_factors=int(self.num_factors),
            units=as_sizes(self.units, "units"),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_shared_docs
class NeuMFClassifier(NetworkClassifier, _NeuMF):
    """Neural matrix factorisation for clicks and other labels.

    A user's and an item's vector are multiplied, factor by factor (generalised matrix
    factorisation, GMF); two other vectors of the same user and item go through a tower
    of dense layers (MLP); the output is computed from both [1]_. To it a number for
    the user and one for the item are added, as in biased matrix factorisation [2]_,
    which the paper does without. Trained on the log-loss. X has one row for each pair
    of a user and an item; both columns are ids, whatever their dtype, integers and
    floats too. Users and items that were not seen in `fit` share one vector, which is
    trained too: see `unknown_share`.

    Parameters
    ----------
    structure : {"neumf", "gmf", "mlp"}, default="neumf"
        Both parts, the product alone, or the tower alone.
    num_factors : int, default=8
        Length of the vectors that are multiplied.
    units : int, str or sequence of int, default="64-32-16-8"
        Width of the tower's layers, as 64, ``"64-32"`` or ``(64, 32)``. The two vectors
        that enter it have half the first width each.
    user_column : str or int, default=None
        Name or position of the column of users; None for the first column of X.
    item_column : str or int, default=None
        Name or position of the column of items; None for the second column of X.
        Further columns have no effect, of which a warning tells, unless both columns
        are given.
    min_count : int, default=1
        Users and items that occur in fewer of the training samples are read as unknown.
    unknown_share : float, default=0.1
        Share of the users and items that are read as unknown in training, drawn anew
        for each sample, so that new ones predict about the average of all.
    linear_start : bool, default=True
        Whether the numbers of users and items start where a linear model of them alone
        is best, instead of at 0.
    activation : str, default="relu"
        Activation of the tower's layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    encoder_ : FieldEncoder
        What turns the two columns, users first, into the arrays that the network takes.

    See Also
    --------
    NeuMFRegressor : The same network for ratings.
    DeepFMClassifier : Uses further columns too.

    Notes
    -----
    ``embeddings_(column)`` has the vectors of the product and those of the tower side
    by side. Where the columns have no names, 0 is the user and 1 the item.

    References
    ----------
    .. [1] X. He, L. Liao, H. Zhang, L. Nie, X. Hu and T.-S. Chua, "Neural
       collaborative filtering", WWW 2017.
    .. [2] Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for
       recommender systems", Computer 42(8), 2009.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import NeuMFClassifier
    >>> X = pd.DataFrame({"user": [1, 1, 2, 2] * 10, "item": ["tea", "milk"] * 20})
    >>> y = [1, 0, 0, 1] * 10
    >>> clf = NeuMFClassifier(num_factors=4, units="8-4", random_state=0).fit(X, y)
    >>> clf.predict_proba(pd.DataFrame({"user": [1, 99], "item": ["tea", "tea"]})).shape
    (2, 2)
    >>> clf.embeddings_("item").shape
    (2, 8)
    """

    _parameter_constraints: dict = {
        **_NeuMF._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }


@with_shared_docs
class NeuMFRegressor(NetworkRegressor, _NeuMF):
    """Neural matrix factorisation for ratings.

    A user's and an item's vector are multiplied, factor by factor (generalised matrix
    factorisation, GMF); two other vectors of the same user and item go through a tower
    of dense layers (MLP); the output is computed from both [1]_. To it a number for the
    user and one for the item are added, as in biased matrix factorisation [2]_, which
    the paper does without. Trained on the mean squared error. X has one row for each
    pair of a user and an item; both columns are ids, whatever their dtype, integers and
    floats too. Users and items that were not seen in `fit` share one vector, which is
    trained too: see `unknown_share`.

    Parameters
    ----------
    structure : {"neumf", "gmf", "mlp"}, default="neumf"
        Both parts, the product alone, or the tower alone.
    num_factors : int, default=8
        Length of the vectors that are multiplied.
    units : int, str or sequence of int, default="64-32-16-8"
        Width of the tower's layers, as 64, ``"64-32"`` or ``(64, 32)``. The two vectors
        that enter it have half the first width each.
    user_column : str or int, default=None
        Name or position of the column of users; None for the first column of X.
    item_column : str or int, default=None
        Name or position of the column of items; None for the second column of X.
        Further columns have no effect, of which a warning tells, unless both columns
        are given.
    min_count : int, default=1
        Users and items that occur in fewer of the training samples are read as unknown.
    unknown_share : float, default=0.1
        Share of the users and items that are read as unknown in training, drawn anew
        for each sample, so that new ones predict about the average of all.
    linear_start : bool, default=True
        Whether the numbers of users and items start where a linear model of them alone
        is best, instead of at 0.
    activation : str, default="relu"
        Activation of the tower's layers, by its Keras name.
    %(training)s

    Attributes
    ----------
    %(fitted)s
    encoder_ : FieldEncoder
        What turns the two columns, users first, into the arrays that the network takes.

    See Also
    --------
    NeuMFClassifier : The same network for labels.
    DeepFMRegressor : Uses further columns too.

    Notes
    -----
    ``embeddings_(column)`` has the vectors of the product and those of the tower side
    by side. Where the columns have no names, 0 is the user and 1 the item.

    References
    ----------
    .. [1] X. He, L. Liao, H. Zhang, L. Nie, X. Hu and T.-S. Chua, "Neural
       collaborative filtering", WWW 2017.
    .. [2] Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for
       recommender systems", Computer 42(8), 2009.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import NeuMFRegressor
    >>> X = pd.DataFrame({"user": [1, 1, 2, 2] * 10, "item": ["tea", "milk"] * 20})
    >>> y = [5.0, 1.0, 2.0, 4.0] * 10
    >>> reg = NeuMFRegressor(num_factors=4, units="8-4", random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"user": [1, 99], "item": ["tea", "tea"]})).shape
    (2,)
    >>> reg.embeddings_("item").shape
    (2, 8)
    """

    _parameter_constraints: dict = {
        **_NeuMF._parameter_constraints,
        **NetworkRegressor._parameter_constraints,
    }
