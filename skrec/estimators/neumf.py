"""Neural matrix factorisation (GMF, MLP, NeuMF) of a user and an item column."""

from numbers import Integral
from typing import Any

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval, StrOptions
from skrec._warn import warn_user
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import (
    ACTIVATION_OF_TOWER,
    COUNT,
    SIZES,
    fixed,
    param,
    with_parameters,
)
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, as_sizes, build_neumf
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._kinds import chosen_columns
from skrec.preprocessing._network_inputs import TableInputs

COLUMN = [str, Interval(Integral, 0, None, closed="left"), None]


@with_parameters
class _NeuMF(TableNetwork):
    """Parameters, columns and architecture of the family."""

    structure: str = param(
        default="neumf",
        legal=[StrOptions({"neumf", "gmf", "mlp"})],
        doc="""{"neumf", "gmf", "mlp"}
            Both parts, the product alone, or the tower alone.""",
        kw_only=False,
    )
    num_factors: int = param(
        default=8,
        legal=[COUNT],
        doc="""int
            Length of the vectors that are multiplied.""",
        kw_only=False,
    )
    units: Any = param(
        default="64-32-16-8",
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the tower's layers, as 64, ``"64-32"`` or ``(64, 32)``. The two
            vectors that enter it have half the first width each.""",
        kw_only=False,
    )
    user_column: Any = param(
        default=None,
        legal=COLUMN,
        doc="""str or int
            Name or position of the column of users; None for the first column of X.""",
        kw_only=False,
        of_inputs=True,
    )
    item_column: Any = param(
        default=None,
        legal=COLUMN,
        doc="""str or int
            Name or position of the column of items; None for the second column of X.
            Further columns have no effect, of which a warning tells, unless both
            columns are given.""",
        kw_only=False,
        of_inputs=True,
    )
    min_count: int = param(
        default=1,
        doc="""int
            Users and items that occur in fewer of the training samples are read as
            unknown.""",
    )
    unknown_share: float = param(
        default=0.1,
        doc="""float
            Share of the users and items that are read as unknown in training, drawn
            anew for each sample, so that new ones predict about the average of all.""",
    )
    linear_start: bool = param(
        default=True,
        doc="""bool
            Whether the numbers of users and items start where a linear model of them
            alone is best, instead of at 0.""",
    )
    activation: str = param(
        default="relu",
        doc=ACTIVATION_OF_TOWER,
    )
    l2: float | str = "auto"
    learning_rate: float = 0.004
    # There are two columns, of one id each.
    embedding_dim: int = fixed(0)
    categorical_features: Any = fixed("from_dtype")
    sequence_features: Any = fixed(None)
    shared_embeddings: Any = fixed(None)
    max_len: int = fixed(1)
    number_embedding: str | None = fixed(None)

    # ---- the two columns -----------------------------------------------------------

    def _new_inputs(self, X: Any) -> TableInputs:
        """Make an encoder of the two columns, which are ids whatever their dtype."""
        pair = self._chosen_pair()
        encoder = FieldEncoder(categorical_features=[0, 1], min_count=self.min_count)
        return TableInputs(encoder, pair)

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


@with_fitted_docs
@with_parameters
class NeuMFClassifier(_NeuMF, NetworkClassifier):
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
    %(parameters)s

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


@with_fitted_docs
@with_parameters
class NeuMFRegressor(_NeuMF, NetworkRegressor):
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
    %(parameters)s

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
