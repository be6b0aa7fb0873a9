"""Late fusion: a branch for each group of columns, brought together near the end."""

from typing import Any, NamedTuple

import keras
import numpy as np

from skrec.networks._blocks import (
    activate,
    dense_tower,
    logits_layer,
    penalty,
    tuned_by,
)
from skrec.networks._fields import (
    Embedded,
    embed,
    field_inputs,
    field_model,
    join,
    masked_mean,
)
from skrec.networks._unknown import with_unknown
from skrec.preprocessing._spec import FieldSpec

ops = keras.ops


class FieldGroup(NamedTuple):
    """Columns of one branch, by their position among those of their kind.

    Parameters
    ----------
    ids : tuple of int, default=()
        Columns of ids.
    numbers : tuple of int, default=()
        Columns of numbers.
    sequences : tuple of int, default=()
        Columns of lists of ids.
    arrays : tuple of int, default=()
        Columns of vectors, sequences of vectors or images.

    Examples
    --------
    >>> from skrec.networks import FieldGroup
    >>> FieldGroup(ids=(0, 2), numbers=(1,)).arrays
    ()
    """

    ids: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    sequences: tuple[int, ...] = ()
    arrays: tuple[int, ...] = ()


def groups_by_kind(fields: FieldSpec) -> tuple[FieldGroup, ...]:
    """Put ids, numbers and lists of ids into one group, and each array into its own.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.

    Returns
    -------
    tuple of FieldGroup
        At least one group.

    Examples
    --------
    >>> from skrec.networks.late_fusion import groups_by_kind
    >>> from skrec.preprocessing._spec import FieldSpec
    >>> len(groups_by_kind(FieldSpec(n_numbers=3, arrays=((8,), (16, 16, 3)))))
    3
    """
    table = FieldGroup(
        ids=tuple(range(len(fields.ids))),
        numbers=tuple(range(fields.n_numbers)),
        sequences=tuple(range(len(fields.sequences))),
    )
    arrays = tuple(FieldGroup(arrays=(k,)) for k in range(len(fields.arrays)))
    return (table, *arrays) if any(table) else arrays


def build_late_fusion(
    *,
    fields: FieldSpec,
    n_outputs: int,
    groups: tuple[FieldGroup, ...],
    units: tuple[int, ...] = (128, 64),
    branch_units: tuple[int, ...] = (64,),
    fusion: str = "concat",
    sequence_branch: str = "rnn",
    embedding_dim: int = 10,
    activation: str = "relu",
    batch_norm: bool = False,
    reads_unknown: bool = False,
    dtype: str = "float32",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    embedding_l2: float = 0.0,
    unknown_share: float = 0.0,
    modality_dropout: float = 0.0,
) -> keras.Model:
    """Build one branch for each group of columns, and a tower on what they say.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits, or of regression outputs.
    groups : tuple of FieldGroup
        Columns of each branch.
    units : tuple of int, default=(128, 64)
        Width of the layers after the fusion.
    branch_units : tuple of int, default=(64,)
        Width of the dense layers that end each branch.
    fusion : {"concat", "sum", "gated"}, default="concat"
        How the branches are brought together; ``"gated"`` weighs the branches, unit by
        unit, with weights computed from all of them, which sum to 1 [1]_.
    sequence_branch : {"rnn", "cnn"}, default="rnn"
        What reads sequences of vectors: a GRU, or a convolution and the largest value
        over the steps [2]_. Steps that are all zero are padding.
    embedding_dim : int, default=10
        Length of the vectors of ids.
    activation : str, default="relu"
        Activation of the convolutions and dense layers.
    batch_norm : bool, default=False
        Whether to normalise each of these before its activation.
    reads_unknown : bool, default=False
        Whether a share of the ids is read as unknown in training.
    dtype : str, default="float32"
        Keras dtype policy of the layers.
    dropout : float, default=0.0
        Fraction of each dense layer to drop in training.
    l1, l2 : float, default=0.0
        Penalties on the absolute and the squared kernel weights.
    embedding_l2 : float, default=0.0
        Penalty on the squares of the vectors of ids.
    unknown_share : float, default=0.0
        That share.
    modality_dropout : float, default=0.0
        Probability to drop a whole branch of a row in training [3]_.

    Returns
    -------
    keras.Model
        Model from encoded rows to (samples, n_outputs).

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
    >>> from skrec.networks.late_fusion import build_late_fusion, groups_by_kind
    >>> from skrec.preprocessing._spec import FieldSpec
    >>> fields = FieldSpec(tables=(100,), ids=(0,), arrays=((16,),))
    >>> groups = groups_by_kind(fields)
    >>> build_late_fusion(fields=fields, n_outputs=3, groups=groups).output_shape
    (None, 3)
    """
    inputs = field_inputs(fields, dtype)
    read = with_unknown(inputs, fields, reads_unknown, unknown_share)
    embedded = Embedded([], None, [], [])
    if fields.tables:
        embedded = embed(read, fields, embedding_dim, dtype, embedding_l2)
    blocks = _Blocks(activation, batch_norm, dropout, l1, l2, dtype)
    branches = []
    for k, group in enumerate(groups):
        parts = _flat_parts(group, read, fields, embedded)
        for position in group.arrays:
            array = inputs[f"array_{position}"]
            parts.append(blocks.read(array, branch_units[0], sequence_branch))
        branch = blocks.tower(join(parts, dtype), branch_units)
        drop = keras.layers.Dropout(
            modality_dropout,
            noise_shape=(None, 1),
            dtype=dtype,
            name=f"modality_dropout_{k}",
        )
        branches.append(tuned_by(drop, "modality_dropout")(branch))
    x = blocks.tower(blocks.fuse(branches, fusion), units)
    return field_model(inputs, logits_layer(x, n_outputs, l1, l2, dtype), "late_fusion")


def _flat_parts(
    group: FieldGroup, inputs: dict[str, Any], fields: FieldSpec, embedded: Embedded
) -> list[Any]:
    """Return the group's vectors of ids, means of lists and numbers."""
    parts = [embedded.ids[k] for k in group.ids]
    for k in group.sequences:
        parts.append(masked_mean(embedded.sequences[k], embedded.masks[k]))
    if len(group.numbers) == fields.n_numbers > 0:
        parts.append(inputs["numbers"])
    elif group.numbers:
        positions = np.array(group.numbers, "int32")
        parts.append(ops.take(inputs["numbers"], positions, axis=1))
    return parts


class _Blocks(NamedTuple):
    """Layers with the options that all of them share."""

    activation: str
    batch_norm: bool
    dropout: float
    l1: float
    l2: float
    dtype: str

    def tower(self, x: Any, units: tuple[int, ...]) -> Any:
        """Stack dense layers."""
        return dense_tower(
            x,
            units,
            self.activation,
            self.batch_norm,
            self.dropout,
            self.l1,
            self.l2,
            self.dtype,
        )

    def read(self, array: Any, units: int, sequence_branch: str) -> Any:
        """Turn vectors, sequences of vectors or images into flat rows."""
        n_dimensions = len(array.shape) - 1
        if n_dimensions == 1:
            return array
        if n_dimensions == 3:
            return self.image(array, units)
        if sequence_branch == "cnn":
            return self.convolved(array, units)
        return self.recurrent(array, units)

    def recurrent(self, steps: Any, units: int) -> Any:
        """Return the last state of a GRU that skips padded steps."""
        steps = keras.layers.Masking(0.0, dtype=self.dtype)(steps)
        return keras.layers.GRU(
            units,
            kernel_regularizer=penalty(self.l1, self.l2),
            use_cudnn=False,  # whose kernels do not allow padding in front
            dtype=self.dtype,
        )(steps)

    def convolved(self, steps: Any, units: int) -> Any:
        """Return the largest value of each filter over the steps; of none, zeros."""
        present = ops.any(ops.not_equal(steps, 0), axis=-1, keepdims=True)
        x = self.convolution(steps, units, keras.layers.Conv1D)
        lowest = ops.min(x, axis=1, keepdims=True)
        largest = ops.max(ops.where(present, x, lowest), axis=1)
        return ops.where(ops.any(present, axis=1), largest, 0)

    def image(self, pixels: Any, units: int) -> Any:
        """Return the mean over the image of the filters of two convolutions."""
        x = self.convolution(pixels, max(units // 2, 1), keras.layers.Conv2D)
        x = keras.layers.MaxPooling2D(2, padding="same", dtype=self.dtype)(x)
        x = self.convolution(x, units, keras.layers.Conv2D)
        return keras.layers.GlobalAveragePooling2D(dtype=self.dtype)(x)

    def convolution(self, x: Any, filters: int, kind: type[keras.Layer]) -> Any:
        """Convolve with filters three steps, or pixels a side, wide."""
        x = kind(
            filters,
            3,
            padding="same",
            kernel_regularizer=penalty(self.l1, self.l2),
            dtype=self.dtype,
        )(x)
        return activate(x, self.activation, self.batch_norm, self.dtype)

    def fuse(self, branches: list[Any], fusion: str) -> Any:
        """Bring the branches together; one alone stays as it is."""
        if len(branches) == 1:
            return branches[0]
        if fusion == "concat":
            return join(branches, self.dtype)
        if fusion == "sum":
            return keras.layers.Add(dtype=self.dtype)(branches)
        stacked = keras.layers.Reshape(
            (len(branches), branches[0].shape[-1]), dtype=self.dtype
        )(join(branches, self.dtype))
        gates = keras.layers.Dense(
            stacked.shape[1] * stacked.shape[2],
            kernel_regularizer=penalty(self.l1, self.l2),
            dtype=self.dtype,
            name="gates",
        )(join(branches, self.dtype))
        gates = keras.layers.Reshape(stacked.shape[1:], dtype=self.dtype)(gates)
        gates = keras.layers.Softmax(axis=1, dtype=self.dtype)(gates)
        return ops.sum(gates * stacked, axis=1)
