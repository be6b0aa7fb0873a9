"""Factorisation machines: linear models with every pair of fields."""

from skrec._docs import with_fitted_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import LENGTH_OF_FIELDS, fixed, param, with_parameters
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, build_fm


@with_parameters
class _FM(TableNetwork):
    """Parameters and architecture of the family."""

    embedding_dim: int = param(
        default=16,
        doc=LENGTH_OF_FIELDS,
        kw_only=False,
    )
    learning_rate: float = 0.004
    # There is no hidden layer.
    activation: str = fixed("linear")
    batch_norm: bool = fixed(False)
    number_embedding: str | None = fixed(None)

    def _network(self, n_outputs: int) -> Network:
        fields = self.encoder_.spec_
        has_kernels = fields.n_numbers or fields.arrays or n_outputs > 1
        if (self.l1 or self.l2 not in (0, "auto")) and not has_kernels:
            raise ValueError(
                "l1 and l2 reach the weights of numbers and arrays, and X has ids "
                "alone: set embedding_l2, which reaches the weights and vectors of "
                f"ids, and leave the others 0. Received: l1={self.l1}, l2={self.l2}."
            )
        return Network.of(
            build_fm,
            fields=fields,
            n_outputs=n_outputs,
            embedding_dim=int(self.embedding_dim),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class FMClassifier(_FM, NetworkClassifier):
    """Factorisation machine for classification.

    A bias, a weight for each id and number, and for each pair of columns the dot
    product of their vectors [1]_: what a linear model of one-hot ids cannot say, with
    vectors for pairs that were never seen together. With several classes the linear
    weights are one a class, and each class weights the dimensions of the summed
    products in its own way. A number's vector is its value times a vector of its
    column. Thousands of columns of numbers, as from a sparse matrix, are cheap: no
    vector is made for each number of each row. Training starts at the solution of the
    linear model alone.

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
    FMRegressor : The same network for numbers.
    DeepFMClassifier : The same beside dense layers on the vectors.
    MLPClassifier : Dense layers alone.

    Notes
    -----
    `embedding_l2` reaches the weights and vectors of ids; `l1` and `l2` those of
    numbers and arrays and, with several classes, the weights that a class gives the
    products. Where there are none of these, they must be 0.

    References
    ----------
    .. [1] S. Rendle, "Factorization machines", ICDM 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import FMClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["city"] == "Oslo") == (X["price"] > 20)
    >>> clf = FMClassifier(embedding_dim=4, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 4)
    """


@with_fitted_docs
@with_parameters
class FMRegressor(_FM, NetworkRegressor):
    """Factorisation machine for regression.

    A bias, a weight for each id and number, and for each pair of columns the dot
    product of their vectors [1]_: what a linear model of one-hot ids cannot say, with
    vectors for pairs that were never seen together. Trained on the mean squared error.
    A number's vector is its value times a vector of its column. Thousands of columns of
    numbers, as from a sparse matrix, are cheap: no vector is made for each number of
    each row. Training starts at the solution of the linear model alone.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    FMClassifier : The same network for labels.
    DeepFMRegressor : The same beside dense layers on the vectors.
    MLPRegressor : Dense layers alone.

    Notes
    -----
    `embedding_l2` reaches the weights and vectors of ids; `l1` and `l2` those of
    numbers and arrays, and must be 0 where X has ids alone and y one column.

    References
    ----------
    .. [1] S. Rendle, "Factorization machines", ICDM 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import FMRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = FMRegressor(embedding_dim=4, random_state=0).fit(X, y)
    >>> reg.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [30, None]})).shape
    (2,)
    >>> reg.embeddings_("city").shape
    (2, 4)
    """
