"""Multi-layer perceptrons over the columns of a table, or any flattened array."""

from typing import Any

from skrec._docs import with_fitted_docs
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import (
    AUTO,
    COUNT,
    LENGTH_OF_IDS,
    SIZES,
    param,
    with_parameters,
)
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, as_sizes, build_field_mlp, build_mlp


@with_parameters
class _MLP(TableNetwork):
    """Parameters and architecture of the family."""

    _dimensions = (2, 3, 4)

    units: Any = param(
        default="128-128",
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the hidden layers, as 128, ``"128-64"`` or ``(128, 64)``.""",
        kw_only=False,
    )
    embedding_dim: int | str = param(
        default=16,
        legal=[COUNT, AUTO],
        doc=LENGTH_OF_IDS,
    )
    dropout: float = 0.1
    l2: float | str = "auto"
    learning_rate: float = 0.004

    def _rates(self) -> dict[str, float]:
        rates = super()._rates()
        if not self._has_embeddings:
            del rates["embedding_l2"], rates["unknown_share"]
        return rates

    @property
    def _has_embeddings(self) -> bool:
        """Whether there is more than numbers, which need no lookup."""
        return self._on_fields and not self.encoder_.spec_.only_numbers

    def _network(self, n_outputs: int) -> Network:
        options: dict[str, Any] = {
            "n_outputs": n_outputs,
            "units": as_sizes(self.units, "units"),
            "activation": self.activation,
            "batch_norm": bool(self.batch_norm),
            "periodic": self._is_periodic,
            "linear": bool(self.linear_start) and self._on_fields,
            "dtype": self.precision,
        }
        if not self._has_embeddings:
            shape = self._input_shape
            if self._on_fields:
                shape = (self.encoder_.spec_.n_numbers,)
            return Network.of(build_mlp, input_shape=shape, **options)
        fields = self.encoder_.spec_
        dims = self._embedding_dims()
        options["reads_unknown"] = self.unknown_share > 0
        return Network.of(build_field_mlp, fields=fields, embedding_dim=dims, **options)


@with_fitted_docs
@with_parameters
class MLPClassifier(_MLP, NetworkClassifier):
    """Multi-layer perceptron for classification.

    Dense layers over the columns of a table, with a vector for each id, or over the
    flattened values of sequences and images. Beside those of a table stands a linear
    model of its columns, at whose solution training starts, unless `linear_start` is
    False. NaN in a table is a missing number, which is imputed. A table of numbers may
    be a sparse matrix, which is made dense block by block where it would be large.

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
    MLPRegressor : The same network for numbers.
    CNNClassifier : Convolutional network, for features that have an order.

    Examples
    --------
    >>> from skrec import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(units=16, epochs=20, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:2]).shape
    (2, 3)

    A table with a column of labels:

    >>> import pandas as pd
    >>> X = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "price": range(40)})
    >>> y = [0, 1] * 20
    >>> clf = MLPClassifier(units=16, random_state=0).fit(X, y)
    >>> clf.predict(pd.DataFrame({"city": ["Oslo", "Lima"], "price": [3, None]})).shape
    (2,)
    >>> clf.embeddings_("city").shape
    (2, 16)
    """


@with_fitted_docs
@with_parameters
class MLPRegressor(_MLP, NetworkRegressor):
    """Multi-layer perceptron for regression.

    Dense layers over the columns of a table, with a vector for each id, or over the
    flattened values of sequences and images; trained on the mean squared error. Beside
    those of a table stands a linear model of its columns, at whose solution training
    starts, unless `linear_start` is False. NaN in a table is a missing number, which is
    imputed. A table of numbers may be a sparse matrix, which is made dense block by
    block where it would be large.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    MLPClassifier : The same network for labels.
    CNNRegressor : Convolutional network, for features that have an order.

    Examples
    --------
    >>> from skrec import MLPRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(units="32-16", random_state=0).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """
