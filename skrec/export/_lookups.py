"""The columns of a table as inputs of a TensorFlow graph, with tables of their ids."""

from typing import Any

import numpy as np
import tensorflow as tf

from skrec.export._tables import FEWEST_STEPS, PADDING, Ids, ids_of
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._vocabulary import UNKNOWN

DTYPES = {"string": tf.string, "int64": tf.int64, "float64": tf.float64}


class Lookups:
    """The ids of an encoder as tables of TensorFlow.

    Parameters
    ----------
    encoder : FieldEncoder
        Fitted.

    Attributes
    ----------
    ids : list of Ids
        Of each table.
    resources : list of StaticHashTable
        What a module that uses them must hold.
    """

    def __init__(self, encoder: FieldEncoder) -> None:
        self.encoder = encoder
        columns = encoder.columns_.items()
        self.ids = [
            ids_of(vocabulary, [name for name, own in columns if own.table == t])
            for t, vocabulary in enumerate(encoder._vocabularies)
        ]
        self.resources: list[Any] = []
        self._codes: list[Any] = [
            self._table(ids.keys, ids.codes, ids) for ids in self.ids
        ]
        self._fillers: dict[int, Any] = {
            own.position: self._filler(own.position, self.ids[own.table])
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
        given = _keys(tf.constant(keys.tolist(), DTYPES[ids.dtype]))
        values = tf.constant(codes, tf.int64)
        initial = tf.lookup.KeyValueTensorInitializer(given, values, dtype, tf.int64)
        table = tf.lookup.StaticHashTable(initial, default_value=UNKNOWN)
        self.resources.append(table)
        return table

    def _filler(self, position: int, ids: Ids) -> Any:
        """Make a table of what is no item of a list."""
        nothing = [ids.special["padding"]]
        mark = self.encoder._readings[position].padding
        if mark and isinstance(mark[0], str) == (ids.dtype == "string"):
            nothing.append(mark[0])
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
