"""Deep & cross networks, version 2: products of columns, layer by layer."""

from typing import Any

from skrec._docs import with_fitted_docs
from skrec._sklearn import StrOptions
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import (
    ACTIVATION_OF_TOWER,
    AUTO,
    COUNT,
    LENGTH_OF_IDS,
    SIZES,
    UNITS_OF_TOWER,
    param,
    with_parameters,
)
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, as_sizes, build_dcn, check_experts


@with_parameters
class _DCN(TableNetwork):
    """Parameters and architecture of the family."""

    units: Any = param(
        default="128-128",
        legal=SIZES,
        doc=UNITS_OF_TOWER,
        kw_only=False,
    )
    cross_layers: int = param(
        default=2,
        legal=[COUNT],
        doc="""int
            Number of cross layers.""",
    )
    low_rank: int | None = param(
        default=None,
        legal=[COUNT, None],
        doc="""int
            Rank of the cross layers' matrices; None for full matrices, which are as
            wide and as high as all vectors and numbers together.""",
    )
    structure: str = param(
        default="stacked",
        legal=[StrOptions({"stacked", "parallel"})],
        doc="""{"stacked", "parallel"}
            Whether the tower reads what the cross layers return, or stands beside
            them.""",
    )
    n_experts: int = param(
        default=1,
        legal=[COUNT],
        doc="""int
            Matrices of low rank a cross layer, mixed by a softmax gate. More than one
            need `low_rank`.""",
    )
    embedding_dim: int | str = param(
        default=16,
        legal=[COUNT, AUTO],
        doc=LENGTH_OF_IDS,
    )
    activation: str = param(
        default="relu",
        doc=ACTIVATION_OF_TOWER,
    )
    dropout: float = 0.1
    l2: float | str = "auto"
    learning_rate: float = 0.002  # .004 over-fits tables of a few hundred rows

    def _network(self, n_outputs: int) -> Network:
        check_experts(self.n_experts, self.low_rank)
        return Network.of(
            build_dcn,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            units=as_sizes(self.units, "units"),
            cross_layers=int(self.cross_layers),
            low_rank=None if self.low_rank is None else int(self.low_rank),
            n_experts=int(self.n_experts),
            structure=self.structure,
            embedding_dim=self._embedding_dims(),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            periodic=self._is_periodic,
            linear=bool(self.linear_start),
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class DCNClassifier(_DCN, NetworkClassifier):
    """Deep & cross network, version 2, for classification.

    Cross layers over the vectors of the ids and the numbers, side by side, and a tower
    of dense layers behind or beside them [1]_. Each cross layer multiplies its input,
    sent through a matrix, by the vectors and numbers once more, so that products of up
    to `cross_layers` + 1 columns are there without a wide tower. A linear model of the
    columns, at whose solution training starts, stands beside it, which the paper does
    without, as does `linear_start=False`.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DCNRegressor : The same network for numbers.
    DeepFMClassifier : Products of pairs of columns alone.
    MLPClassifier : The tower alone.

    References
    ----------
    .. [1] R. Wang et al., "DCN V2: improved deep & cross network and practical lessons
       for web-scale learning to rank systems", WWW 2021.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DCNClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = DCNClassifier("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """


@with_fitted_docs
@with_parameters
class DCNRegressor(_DCN, NetworkRegressor):
    """Deep & cross network, version 2, for regression.

    Cross layers over the vectors of the ids and the numbers, side by side, and a tower
    of dense layers behind or beside them [1]_. Each cross layer multiplies its input,
    sent through a matrix, by the vectors and numbers once more, so that products of up
    to `cross_layers` + 1 columns are there without a wide tower. A linear model of the
    columns, at whose solution training starts, stands beside it, which the paper does
    without, as does `linear_start=False`. Trained on the mean squared error.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DCNClassifier : The same network for labels.
    DeepFMRegressor : Products of pairs of columns alone.
    MLPRegressor : The tower alone.

    References
    ----------
    .. [1] R. Wang et al., "DCN V2: improved deep & cross network and practical lessons
       for web-scale learning to rank systems", WWW 2021.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DCNRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = DCNRegressor("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """
