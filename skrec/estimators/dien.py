"""Deep interest evolution network: recurrent layers over a history."""

from numbers import Real
from typing import Any

import keras

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval, StrOptions
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
from skrec.networks import Network, as_sizes, build_dien
from skrec.networks.dien import PlusRowLoss, n_ids_of


@with_parameters
class _DIEN(TableNetwork):
    """Parameters and architecture of the family."""

    units: Any = param(
        default="256-128-64",
        legal=SIZES,
        doc=UNITS_OF_TOWER,
        kw_only=False,
    )
    gru_type: str = param(
        default="augru",
        legal=[StrOptions({"augru", "agru", "aigru", "gru"})],
        doc="""{"augru", "agru", "aigru", "gru"}
            What attention does to the second recurrent layer: it multiplies the update
            gates, takes their place, multiplies the inputs, or weighs the states in the
            sum that then is the interest.""",
    )
    alpha: float = param(
        default=1.0,
        legal=[Interval(Real, 0, None, closed="left")],
        doc="""float
            Weight of the auxiliary loss in training: the mean, over the steps of a
            row's history, of the cross-entropy of telling the next item from one drawn
            evenly from all. Validation scores do not contain it. 0 saves its time.""",
    )
    embedding_dim: int = param(
        default=10,
        doc="""int
            Length of the vector of an id and of the recurrent layers' states.""",
    )
    activation: str = param(
        default="dice",
        legal=[StrOptions({"dice"} | ACTIVATIONS)],
        doc="""str
            Activation of the tower's layers: ``"dice"``, which bends where its input's
            mean is, or a Keras name.""",
    )
    linear_start: bool = fixed(False)
    number_embedding: str | None = fixed(None)

    def _network(self, n_outputs: int) -> Network:
        fields = self.encoder_.spec_
        pairs = pairs_of(self.encoder_, self.shared_embeddings, type(self).__name__)
        has_next = any(fields.sequences[history].length > 1 for _, history in pairs)
        return Network.of(
            build_dien,
            fields=fields,
            n_outputs=n_outputs,
            pairs=pairs,
            units=as_sizes(self.units, "units"),
            gru_type=self.gru_type,
            auxiliary=bool(self.alpha > 0 and has_next),
            embedding_dim=int(self.embedding_dim),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )

    def _loss(self, dtype: str) -> Any:
        """Add the auxiliary loss, where the network computes it."""
        loss = super()._loss(dtype)
        if not dict(self._spec.options)["auxiliary"]:
            return loss
        return PlusRowLoss(loss, self._target.n_outputs, float(self.alpha), dtype=dtype)

    def _tuned(self) -> dict[str, float]:
        # Tables have more rows than ids, which only these are drawn from.
        known = enumerate(self.encoder_._vocabularies)
        drawn = {n_ids_of(table): float(own.size) for table, own in known}
        return {**super()._tuned(), **drawn, "alpha": self.alpha}

    def _deployable(self, core: keras.Model) -> keras.Model:
        """Leave out the auxiliary loss: it would be one more prediction in training."""
        loss = core.loss
        if isinstance(loss, PlusRowLoss):
            logits = core.get_layer("row_loss").input[0]
            optimizer, core = (
                core.optimizer,
                keras.Model(core.input, logits, name="dien"),
            )
            core.compile(optimizer=optimizer, loss=loss.loss)
        return super()._deployable(core)


@with_fitted_docs
@with_parameters
class DIENClassifier(_DIEN, NetworkClassifier):
    """Deep interest evolution network for classification.

    A recurrent layer reads a history, such as the items that were clicked; attention
    for a target, such as the item that is shown, says how much each of its states moves
    a second recurrent layer, whose last state is the interest [1]_. So the order of the
    history counts, which :class:`DINClassifier` does not see. The first layer also
    learns to tell the next item of each history from an item drawn at random.

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
    DIENRegressor : The same network for numbers.
    DINClassifier : Attention alone, without an order, which is much faster.
    DeepFMClassifier : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest evolution network for click-through rate
       prediction", AAAI 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DIENClassifier
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0, 1, 0, 1] * 10
    >>> clf = DIENClassifier(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> clf.predict(X[:2]).shape
    (2,)
    """


@with_fitted_docs
@with_parameters
class DIENRegressor(_DIEN, NetworkRegressor):
    """Deep interest evolution network for regression.

    A recurrent layer reads a history, such as the items that were clicked; attention
    for a target, such as the item that is shown, says how much each of its states moves
    a second recurrent layer, whose last state is the interest [1]_. So the order of the
    history counts, which :class:`DINRegressor` does not see. The first layer also
    learns to tell the next item of each history from an item drawn at random.

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
    DIENClassifier : The same network for labels.
    DINRegressor : Attention alone, without an order, which is much faster.
    DeepFMRegressor : Averages histories.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest evolution network for click-through rate
       prediction", AAAI 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DIENRegressor
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> y = [0.0, 1.5, 0.5, 1.0] * 10
    >>> reg = DIENRegressor(
    ...     "16-8", shared_embeddings=[("item", "before")], epochs=2, random_state=0
    ... ).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """
