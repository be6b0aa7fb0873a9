"""Late fusion: groups of columns, each with a branch of its own."""

from numbers import Integral, Real
from typing import Any

from skrec._docs import with_fitted_docs
from skrec._sklearn import Interval, StrOptions
from skrec.estimators._classification import NetworkClassifier
from skrec.estimators._declared import SIZES, fixed, param, with_parameters
from skrec.estimators._regression import NetworkRegressor
from skrec.estimators.tables import TableNetwork
from skrec.networks import (
    FieldGroup,
    Network,
    as_sizes,
    build_late_fusion,
    groups_by_kind,
)
from skrec.preprocessing._kinds import chosen_columns


@with_parameters
class _LateFusion(TableNetwork):
    """Parameters, groups and architecture of the family."""

    units: Any = param(
        default="128-64",
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the layers after the fusion, as 128, ``"128-64"`` or
            ``(128, 64)``.""",
        kw_only=False,
    )
    branch_units: Any = param(
        default=64,
        legal=SIZES,
        doc="""int, str or sequence of int
            Width of the dense layers that end each branch, in the same way. The first
            is also the width of recurrent layers and convolutions.""",
        kw_only=False,
    )
    fusion: str = param(
        default="concat",
        legal=[StrOptions({"concat", "sum", "gated"})],
        doc="""{"concat", "sum", "gated"}
            Whether to put the branches side by side, to add them up, or to weigh them,
            unit by unit, with gates computed from all of them, which sum to 1 [1]_.""",
        kw_only=False,
    )
    sequence_branch: str = param(
        default="rnn",
        legal=[StrOptions({"rnn", "cnn"})],
        doc="""{"rnn", "cnn"}
            What reads sequences of vectors: a GRU, or a convolution over three steps
            and the largest value of each filter [2]_, which is faster.""",
        kw_only=False,
    )
    modality_dropout: float = param(
        default=0.0,
        legal=[Interval(Real, 0, 1, closed="left")],
        doc="""float
            Probability to drop a whole branch of a row in training, each for itself, in
            [0, 1): so that no branch relies on the others [3]_.""",
        kw_only=False,
    )
    groups: Any = param(
        default=None,
        legal=[dict, list, tuple, None],
        doc="""dict or list
            Columns of each branch: a dict from a name of your own to names or positions
            of columns, or a list of lists of them. Each column of X is in one group.
            None puts ids, lists of ids and numbers into one group and each array into
            its own.""",
        kw_only=False,
    )
    activation: str = param(
        default="relu",
        doc="""str
            Activation of the convolutions and dense layers, by its Keras name.""",
    )
    linear_start: bool = fixed(False)
    number_embedding: str | None = fixed(None)

    # ---- groups --------------------------------------------------------------------

    def _new_inputs(self, X: Any) -> Any:
        names = getattr(self, "feature_names_in_", range(self.n_features_in_))
        self._grouped_columns(list(names))  # raises before all rows are encoded
        return super()._new_inputs(X)

    def _grouped_columns(self, names: list) -> list[list[int]]:
        """Return the positions of the columns of each group; each column is in one."""
        if self.groups is None:
            return []
        keys = self.groups if isinstance(self.groups, dict) else range(len(self.groups))
        group_of: dict[int, Any] = {}
        grouped = []
        for key in keys:
            own = self.groups[key]
            own = [own] if isinstance(own, Integral) else own
            positions = chosen_columns(own, names, f"groups[{key!r}]")
            if not positions:
                raise ValueError(
                    f"groups[{key!r}] must name at least one column. Received: {own!r}."
                )
            for position in positions:
                if position in group_of:
                    raise ValueError(
                        f"groups must have each column once, but {names[position]!r} "
                        f"is in two: {group_of[position]!r} and {key!r}. "
                        f"Received: groups={self.groups!r}."
                    )
                group_of[position] = key
            grouped.append(sorted(positions))
        missing = [name for k, name in enumerate(names) if k not in group_of]
        if missing:
            raise ValueError(
                f"groups must have each column of X: add {missing} to a group, or drop "
                f"them from X. Received: groups={self.groups!r}."
            )
        return grouped

    def _field_groups(self) -> tuple[FieldGroup, ...]:
        """Describe the groups by the positions of columns among those of their kind."""
        columns = list(self.encoder_.columns_.values())
        if self.groups is None:
            return groups_by_kind(self.encoder_.spec_)
        # What says where a number was missing goes with the number.
        n_numbers = sum(column.kind == "number" for column in columns)
        indicators = enumerate(self.encoder_.indicators_, start=n_numbers)
        indicator_of = {number: place for place, number in indicators}
        field_groups = []
        for positions in self._grouped_columns(list(self.encoder_.columns_)):
            own: dict[str, list[int]] = {
                kind: [
                    columns[k].position for k in positions if columns[k].kind == kind
                ]
                for kind in ("id", "number", "sequence", "array")
            }
            # In the order in which they came, so that one that is new is the last.
            missing = sorted(
                indicator_of[k] for k in own["number"] if k in indicator_of
            )
            field_groups.append(
                FieldGroup(
                    ids=tuple(own["id"]),
                    numbers=(*own["number"], *missing),
                    sequences=tuple(own["sequence"]),
                    arrays=tuple(own["array"]),
                )
            )
        return tuple(field_groups)

    # ---- the network ---------------------------------------------------------------

    def _rates(self) -> dict[str, float]:
        return {**super()._rates(), "modality_dropout": self.modality_dropout}

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_late_fusion,
            fields=self.encoder_.spec_,
            n_outputs=n_outputs,
            groups=self._field_groups(),
            units=as_sizes(self.units, "units"),
            branch_units=as_sizes(self.branch_units, "branch_units"),
            fusion=self.fusion,
            sequence_branch=self.sequence_branch,
            embedding_dim=int(self.embedding_dim),
            activation=self.activation,
            batch_norm=bool(self.batch_norm),
            reads_unknown=self.unknown_share > 0,
            dtype=self.precision,
        )


@with_fitted_docs
@with_parameters
class LateFusionClassifier(_LateFusion, NetworkClassifier):
    """Late fusion of fields, sequences, images and vectors for classification.

    Each group of columns has a branch of its own: ids and lists of ids become vectors,
    numbers and vectors of text or images enter as they are, a GRU or a convolution
    reads sequences of vectors, and two convolutions read images. Each branch ends in
    dense layers; what they say is brought together and goes through a last tower.

    An array is a cell of X: a column of equal-shaped float arrays of one dimension (a
    vector), two (steps, channels) or three (height, width, channels). If all steps of
    zeros in a column stand in front of other steps, or all of them at the end, they are
    padding there; else they are values. X may also be a plain array of numbers.

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
    LateFusionRegressor : The same network for numbers.
    MLPClassifier : One tower over all columns.
    WideDeepClassifier : A linear model beside the tower.

    References
    ----------
    .. [1] J. Arevalo, T. Solorio, M. Montes-y-Gomez and F. A. Gonzalez, "Gated
       multimodal units for information fusion", ICLR 2017 workshop.
    .. [2] Y. Kim, "Convolutional neural networks for sentence classification", EMNLP
       2014.
    .. [3] N. Neverova, C. Wolf, G. Taylor and F. Nebout, "ModDrop: adaptive multi-modal
       gesture recognition", TPAMI 38(8), 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrec import LateFusionClassifier
    >>> photos = np.random.default_rng(0).normal(size=(40, 4, 4, 1))
    >>> X = pd.DataFrame({"brand": ["a", "b"] * 20, "price": range(40)})
    >>> X["photo"] = list(photos)
    >>> y = photos.mean(axis=(1, 2, 3)) > 0
    >>> groups = {"shop": ["brand", "price"], "seen": ["photo"]}
    >>> clf = LateFusionClassifier(16, 8, groups=groups, random_state=0).fit(X, y)
    >>> clf.predict(X[:2]).shape
    (2,)
    """


@with_fitted_docs
@with_parameters
class LateFusionRegressor(_LateFusion, NetworkRegressor):
    """Late fusion of fields, sequences, images and vectors for regression.

    Each group of columns has a branch of its own: ids and lists of ids become vectors,
    numbers and vectors of text or images enter as they are, a GRU or a convolution
    reads sequences of vectors, and two convolutions read images. Each branch ends in
    dense layers; what they say is brought together and goes through a last tower.
    Trained on the mean squared error.

    An array is a cell of X: a column of equal-shaped float arrays of one dimension (a
    vector), two (steps, channels) or three (height, width, channels). If all steps of
    zeros in a column stand in front of other steps, or all of them at the end, they are
    padding there; else they are values. X may also be a plain array of numbers.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(fitted)s
    %(fields_fitted)s

    See Also
    --------
    LateFusionClassifier : The same network for labels.
    MLPRegressor : One tower over all columns.
    WideDeepRegressor : A linear model beside the tower.

    References
    ----------
    .. [1] J. Arevalo, T. Solorio, M. Montes-y-Gomez and F. A. Gonzalez, "Gated
       multimodal units for information fusion", ICLR 2017 workshop.
    .. [2] Y. Kim, "Convolutional neural networks for sentence classification", EMNLP
       2014.
    .. [3] N. Neverova, C. Wolf, G. Taylor and F. Nebout, "ModDrop: adaptive multi-modal
       gesture recognition", TPAMI 38(8), 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrec import LateFusionRegressor
    >>> photos = np.random.default_rng(0).normal(size=(40, 4, 4, 1))
    >>> X = pd.DataFrame({"brand": ["a", "b"] * 20, "price": range(40)})
    >>> X["photo"] = list(photos)
    >>> y = photos.mean(axis=(1, 2, 3)) + np.arange(40)
    >>> groups = {"shop": ["brand", "price"], "seen": ["photo"]}
    >>> reg = LateFusionRegressor(16, 8, groups=groups, random_state=0).fit(X, y)
    >>> reg.predict(X[:2]).shape
    (2,)
    """
