"""Trains the vector of unknown ids: some known ids are read as unknown in training."""

from typing import Any

import keras

from skrec.networks._blocks import tuned_by
from skrec.preprocessing._spec import FieldSpec
from skrec.preprocessing._vocabulary import FIRST, UNKNOWN

ops = keras.ops


def with_unknown(
    inputs: dict[str, Any], fields: FieldSpec, reads_unknown: bool, share: float
) -> dict[str, Any]:
    """Read a random share of the ids as unknown, in training alone.

    The vector of "unknown" is then trained on the rows of all ids, so that a new id
    predicts what its column predicts on average, and the rest of the network learns to
    do without the id.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        From :func:`~skrec.networks._fields.field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    reads_unknown : bool
        Whether to do so at all; a share of 0 may then become another one in training.
    share : float
        Share of the ids, each by itself, and of the items of lists whose table no
        column of ids trains. Of the others, those in a history that a target is
        compared with would often be what tells.

    Returns
    -------
    dict of str to KerasTensor
        The inputs, with some codes replaced.
    """
    names = ["ids"] if fields.ids else []
    for k, sequence in enumerate(fields.sequences):
        if sequence.table not in fields.ids:
            names.append(f"sequence_{k}")
    if not names or not reads_unknown:
        return inputs
    # A layer of Keras's own, since the engine sets the rates and the seeds of those.
    draw = keras.layers.Dropout(share, dtype="float32", name="unknown_ids")
    draw = tuned_by(draw, "unknown_share")
    read = dict(inputs)
    for name in names:
        codes = inputs[name]
        kept = draw(ops.ones_like(codes, dtype="float32"))
        read[name] = ops.where((kept > 0) | (codes < FIRST), codes, UNKNOWN)
    return read
