"""Wide & Deep: a linear model and a tower of dense layers, trained together."""

from typing import Any

from skrec._docs import with_fitted_docs
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
from skrec.networks import Network, as_sizes, build_wide_deep


@with_parameters
class _WideDeep(TableNetwork):
    """Parameters and architecture of the family."""

    units: Any = param(
        default="128-128",
        legal=SIZES,
        doc=UNITS_OF_TOWER,
        kw_only=False,
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
    learning_rate: float = 0.004

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_wide_deep,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            units=as_sizes(self.units, "units"),
            embedding_dim=self._embedding_dims(),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            periodic=self._is_periodic,
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class WideDeepClassifier(_WideDeep, NetworkClassifier):
    """Wide & Deep for classification.

    A linear model with a weight for each id and number, and a tower of dense layers
    over the vectors of the ids beside the numbers; their logits are added, and one
    optimizer trains both [1]_, from the linear model's solution on. The paper's linear
    part also has products of columns that its authors chose; here the tower, or a DCN,
    finds them.

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
    WideDeepRegressor : The same network for numbers.
    DeepFMClassifier : A factorisation machine instead of the linear model.
    DCNClassifier : Explicit products of columns.

    References
    ----------
    .. [1] H.-T. Cheng et al., "Wide & deep learning for recommender systems",
       DLRS 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import WideDeepClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = WideDeepClassifier("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """


@with_fitted_docs
@with_parameters
class WideDeepRegressor(_WideDeep, NetworkRegressor):
    """Wide & Deep for regression.

    A linear model with a weight for each id and number, and a tower of dense layers
    over the vectors of the ids beside the numbers; their logits are added, and one
    optimizer trains both [1]_, from the linear model's solution on. The loss is the
    mean squared error. The paper's linear part also has products of columns that its
    authors chose; here the tower, or a DCN, finds them.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    WideDeepClassifier : The same network for labels.
    DeepFMRegressor : A factorisation machine instead of the linear model.
    DCNRegressor : Explicit products of columns.

    References
    ----------
    .. [1] H.-T. Cheng et al., "Wide & deep learning for recommender systems",
       DLRS 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import WideDeepRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = WideDeepRegressor("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """
