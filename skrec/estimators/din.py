"""Deep interest network: attention of a target over a history."""

from typing import Any

from skrec._docs import with_fitted_docs
from skrec._sklearn import StrOptions
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import (
    SIZES,
    UNITS_OF_TOWER,
    fixed,
    param,
    with_parameters,
)
from skrec.estimators._interest import pairs_of
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.base import ACTIVATIONS
from skrec.estimators.tables import TableNetwork
from skrec.networks import Network, as_sizes, build_din


@with_parameters
class _DIN(TableNetwork):
    """Parameters and architecture of the family."""

    units: Any = param(
        default="256-128-64",
        legal=SIZES,
        doc=UNITS_OF_TOWER,
        kw_only=False,
    )
    attention_units: Any = param(
        default="80-40",
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the hidden layers that score a step of a history.""",
    )
    activation: str = param(
        default="dice",
        legal=[StrOptions({"dice"} | ACTIVATIONS)],
        doc="""str
            Activation of the tower's layers and of those that score a step:
            ``"dice"``, which bends where its input's mean is [1]_, or a Keras name.
            Where histories are long, ``"relu"`` trains about twice as fast.""",
    )
    linear_start: bool = fixed(False)
    number_embedding: str | None = fixed(None)

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_din,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            pairs=pairs_of(self.encoder_, self.shared_embeddings, type(self).__name__),
            units=as_sizes(self.units, "units"),
            attention_units=as_sizes(self.attention_units, "attention_units"),
            embedding_dim=int(self.embedding_dim),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class DINClassifier(_DIN, NetworkClassifier):
    """Deep interest network for classification.

    Attention for a target, such as the item that is shown, over a history, such as the
    items that were clicked: a small network scores each step beside the target, and the
    steps are summed with these scores [1]_. So a history can hold several interests, of
    which those count that have to do with the target.

    A column of lists is a history where it shares its embeddings with a column of ids,
    its target (the first, if there are several): pass both to `shared_embeddings`.
    Other lists are averaged. The default activation normalises over batches, so that a
    weight of 2 is not quite a row given twice.

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
    DINRegressor : The same network for numbers.
    DIENClassifier : Reads the history in its order.
    DeepFMClassifier : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest network for click-through rate prediction",
       KDD 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DINClassifier
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0, 1, 0, 1] * 10
    >>> clf = DINClassifier(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> clf.predict(X[:2]).shape
    (2,)
    """


@with_fitted_docs
@with_parameters
class DINRegressor(_DIN, NetworkRegressor):
    """Deep interest network for regression.

    Attention for a target, such as the item that is shown, over a history, such as the
    items that were clicked: a small network scores each step beside the target, and the
    steps are summed with these scores [1]_. So a history can hold several interests, of
    which those count that have to do with the target.

    A column of lists is a history where it shares its embeddings with a column of ids,
    its target (the first, if there are several): pass both to `shared_embeddings`.
    Other lists are averaged. Trained on the mean squared error. The default activation
    normalises over batches, so that a weight of 2 is not quite a row given twice.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    DINClassifier : The same network for labels.
    DIENRegressor : Reads the history in its order.
    DeepFMRegressor : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest network for click-through rate prediction",
       KDD 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DINRegressor
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0.0, 1.5, 0.5, 1.0] * 10
    >>> reg = DINRegressor(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """
