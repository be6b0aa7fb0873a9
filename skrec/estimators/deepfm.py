"""DeepFM: a factorisation machine and a tower on the same vectors."""

from typing import Any

from skrec._docs import with_fitted_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import (
    ACTIVATION_OF_TOWER,
    LENGTH_OF_FIELDS,
    SIZES,
    UNITS_OF_TOWER,
    param,
    with_parameters,
)
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, as_sizes, build_deepfm


@with_parameters
class _DeepFM(TableNetwork):
    """Parameters and architecture of the family."""

    units: Any = param(
        default="128-128",
        legal=SIZES,
        doc=UNITS_OF_TOWER,
        kw_only=False,
    )
    embedding_dim: int = param(
        default=16,
        doc=LENGTH_OF_FIELDS,
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
            build_deepfm,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            units=as_sizes(self.units, "units"),
            embedding_dim=int(self.embedding_dim),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            periodic=self._is_periodic,
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class DeepFMClassifier(_DeepFM, NetworkClassifier):
    """DeepFM for classification.

    A factorisation machine, which multiplies the vectors of each pair of columns, and a
    tower of dense layers read the same vectors; their logits are added [1]_. A number's
    vector is its value times a vector of its column, so that the tower is wide where
    there are many: for thousands of numbers take an FM. Training starts at the solution
    of the linear part alone.

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
    DeepFMRegressor : The same network for numbers.
    FMClassifier : The factorisation machine alone.
    DCNClassifier : Products of higher degrees.
    WideDeepClassifier : A linear model instead of the factorisation machine.

    References
    ----------
    .. [1] H. Guo, R. Tang, Y. Ye, Z. Li and X. He, "DeepFM: a factorization-machine
       based neural network for CTR prediction", IJCAI 2017.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DeepFMClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = DeepFMClassifier("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """


@with_fitted_docs
@with_parameters
class DeepFMRegressor(_DeepFM, NetworkRegressor):
    """DeepFM for regression.

    A factorisation machine, which multiplies the vectors of each pair of columns, and a
    tower of dense layers read the same vectors; their logits are added [1]_. Trained on
    the mean squared error. A number's vector is its value times a vector of its column,
    so that the tower is wide where there are many: for thousands of numbers take an FM.
    Training starts at the solution of the linear part alone.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DeepFMClassifier : The same network for labels.
    FMRegressor : The factorisation machine alone.
    DCNRegressor : Products of higher degrees.
    WideDeepRegressor : A linear model instead of the factorisation machine.

    References
    ----------
    .. [1] H. Guo, R. Tang, Y. Ye, Z. Li and X. He, "DeepFM: a factorization-machine
       based neural network for CTR prediction", IJCAI 2017.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DeepFMRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = DeepFMRegressor("16-8", embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """
