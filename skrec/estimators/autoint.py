"""AutoInt: self-attention between the columns of a row."""

from skrec._docs import with_fitted_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import COUNT, fixed, param, with_parameters
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, build_autoint


@with_parameters
class _AutoInt(TableNetwork):
    """Parameters and architecture of the family."""

    attention_layers: int = param(
        default=2,
        legal=[COUNT],
        doc="""int
            Layers of attention: each more lets products of twice as many columns
            count.""",
        kw_only=False,
    )
    n_heads: int = param(
        default=2,
        legal=[COUNT],
        doc="""int
            Heads a layer: so many different things can a column look for in others.""",
    )
    attention_dim: int = param(
        default=32,
        legal=[COUNT],
        doc="""int
            Length of a column's vector after each layer, all heads together: a multiple
            of `n_heads`.""",
    )
    embedding_dim: int = param(
        default=16,
        doc="""int
            Length of the vector of a column.""",
    )
    dropout: float = 0.1
    l2: float | str = "auto"
    learning_rate: float = 0.001  # with .004 it over-fits tables of a few hundred rows
    _more_indicators = False  # attention would go to them too
    # All that is between the layers is attention.
    activation: str = fixed("relu")
    batch_norm: bool = fixed(False)
    number_embedding: str | None = fixed(None)

    def _network(self, n_outputs: int) -> Network:
        if self.attention_dim % self.n_heads:
            raise ValueError(
                "attention_dim must be a multiple of n_heads, which share it. Received:"
                f" attention_dim={self.attention_dim}, n_heads={self.n_heads}."
            )
        return Network.of(
            build_autoint,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            attention_layers=int(self.attention_layers),
            n_heads=int(self.n_heads),
            attention_dim=int(self.attention_dim),
            embedding_dim=int(self.embedding_dim),
            linear=bool(self.linear_start),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class AutoIntClassifier(_AutoInt, NetworkClassifier):
    """Self-attention between columns for classification.

    Each column has a vector; in each layer it takes up, with several heads, what other
    columns say, weighed by how much they have to do with it [1]_. So the network finds
    the products of columns that count, which a tower of dense layers has to build.
    Beside it stands a linear model of all columns, at whose solution training starts,
    unless `linear_start` is False. Attention takes the square of the number of columns:
    for hundreds of numbers take another. Numbers that are missing in `partial_fit` for
    the first time are imputed, without a column that says where.

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
    AutoIntRegressor : The same network for numbers.
    DCNClassifier : Products of columns, made explicitly.
    DINClassifier : Attention over a history.

    References
    ----------
    .. [1] W. Song et al., "AutoInt: automatic feature interaction learning via
       self-attentive neural networks", CIKM 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import AutoIntClassifier
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = (X["price"] > 20) == (X["city"] == "Oslo")
    >>> clf = AutoIntClassifier(1, attention_dim=8, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:2]).shape
    (2, 2)
    """


@with_fitted_docs
@with_parameters
class AutoIntRegressor(_AutoInt, NetworkRegressor):
    """Self-attention between columns for regression.

    Each column has a vector; in each layer it takes up, with several heads, what other
    columns say, weighed by how much they have to do with it [1]_. So the network finds
    the products of columns that count, which a tower of dense layers has to build.
    Beside it stands a linear model of all columns, at whose solution training starts,
    unless `linear_start` is False. Attention takes the square of the number of columns:
    for hundreds of numbers take another. Numbers that are missing in `partial_fit` for
    the first time are imputed, without a column that says where. Trained on the mean
    squared error.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    AutoIntClassifier : The same network for labels.
    DCNRegressor : Products of columns, made explicitly.

    References
    ----------
    .. [1] W. Song et al., "AutoInt: automatic feature interaction learning via
       self-attentive neural networks", CIKM 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import AutoIntRegressor
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = X["price"] * (X["city"] == "Oslo")
    >>> reg = AutoIntRegressor(1, attention_dim=8, random_state=0).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """
