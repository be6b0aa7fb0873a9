"""The columns of a table as inputs of a TensorFlow graph, with tables of their ids."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from skrec.export._described import Ids, filler_of
from skrec.export._tables import FEWEST_STEPS, PADDING
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._vocabulary import UNKNOWN


class Lookups:
    """The ids of an encoder as tables of TensorFlow.

    Parameters
    ----------
    encoder : FieldEncoder
        Fitted.
    ids : sequence of Ids
        Of each table.

    Attributes
    ----------
    resources : list of StaticHashTable
        What a module that uses them must hold.
    """

    def __init__(self, encoder: FieldEncoder, ids: Sequence[Ids]) -> None:
        self.encoder = encoder
        self.resources: list[Any] = []
        self._codes = [self._table(own.keys, own.codes, own) for own in ids]
        self._fillers: dict[int, Any] = {
            own.position: self._filler(own.position, ids[own.table])
            for own in encoder.columns_.values()
            if own.kind == "sequence" and own.table is not None
        }

    def fields(self, tensors: list[Any]) -> dict[str, Any]:
        """Turn columns into codes and raw numbers.

        Parameters
        ----------
        tensors : list of Tensor
            In the order of the encoder's columns: of shape (batch,), (batch, length)
            of lists, or that of arrays behind the batch.

        Returns
        -------
        dict of str to Tensor
            ``"ids"``, ``"numbers"``, ``"sequence_0"``, ..., ``"array_0"``, ...
        """
        ids, numbers, fields = [], [], {}
        for own, tensor in zip(self.encoder.columns_.values(), tensors, strict=True):
            if own.kind == "number":
                numbers.append(tensor)
            elif own.kind == "array":
                fields[f"array_{own.position}"] = tensor
            elif own.table is not None:
                codes = self._codes[own.table].lookup(_keys(tensor))
                if own.kind == "id":
                    ids.append(codes)
                else:
                    steps = self._steps(own.position, tensor, codes)
                    fields[f"sequence_{own.position}"] = steps
        if ids:
            fields["ids"] = tf.stack(ids, axis=1)
        if numbers:
            fields["numbers"] = tf.stack(numbers, axis=1)
        return fields

    def _table(self, keys: np.ndarray, codes: np.ndarray, ids: Ids) -> Any:
        dtype = tf.string if ids.dtype == "string" else tf.int64
        given = _keys(tf.constant(keys.tolist(), ids.dtype))
        values = tf.constant(codes, tf.int64)
        initial = tf.lookup.KeyValueTensorInitializer(given, values, dtype, tf.int64)
        table = tf.lookup.StaticHashTable(initial, default_value=UNKNOWN)
        self.resources.append(table)
        return table

    def _filler(self, position: int, ids: Ids) -> Any:
        """Make a table of what is no item of a list."""
        nothing = [ids.special["padding"]]
        filler = filler_of(self.encoder._readings[position], ids.dtype)
        if filler is not None:
            nothing.append(filler)
        keys = np.array(nothing, dtype=object)
        return self._table(keys, np.full(len(keys), PADDING), ids)

    def _steps(self, position: int, tensor: Any, codes: Any) -> Any:
        """Make rows of lists: the last items at the end, padding in front."""
        is_item = self._fillers[position].lookup(_keys(tensor)) != PADDING
        fewest = min(FEWEST_STEPS, self.encoder._lengths[position])
        room = tf.constant([[0, 0], [fewest, 0]])
        is_item, codes = tf.pad(is_item, room), tf.pad(codes, room)
        order = tf.argsort(tf.cast(is_item, tf.int32), axis=1, stable=True)
        is_item, codes = (tf.gather(x, order, batch_dims=1) for x in (is_item, codes))
        codes = tf.where(is_item, codes, tf.constant(PADDING, tf.int64))
        length = tf.shape(tensor)[1]
        n_kept = tf.maximum(tf.minimum(length, int(self.encoder.max_len)), fewest)
        return codes[:, -n_kept:]


def _keys(tensor: Any) -> Any:
    """Return what a table of TensorFlow finds: floats by their bits, each NaN as one.

    TensorFlow has no tables of floats. Adding 0 makes 0 of -0.
    """
    if tensor.dtype != tf.float64:
        return tensor
    plain = tf.where(tf.math.is_nan(tensor), tf.constant(np.nan, tf.float64), tensor)
    return tf.bitcast(plain + 0.0, tf.int64)
