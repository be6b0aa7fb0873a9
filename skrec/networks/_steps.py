"""Steps of sequences without their padding, and in groups of like length."""

from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

PADDING = -1  # the code of no item
SHORTEST = 8  # steps of the shortest group: below it, one more costs more than it saves


@keras.saving.register_keras_serializable("skrec")
class Pack(keras.layers.Layer):
    """Keeps the steps that are there, one below the other: padding costs nothing.

    One step of padding comes last, since TensorFlow adds no bias to none.
    """

    def call(self, x: Any, history: Any) -> Any:
        """Return values of steps, of shape (n_steps + 1, ...)."""
        packed = tf.gather_nd(x, tf.where(history >= 0))
        nothing = tf.fill([1, *x.shape[2:]], tf.constant(PADDING, packed.dtype))
        return tf.concat([packed, nothing], axis=0)

    def compute_output_spec(self, x: Any, history: Any) -> keras.KerasTensor:
        """Return their shape."""
        return keras.KerasTensor((None, *x.shape[2:]), x.dtype)


@keras.saving.register_keras_serializable("skrec")
class Unpack(keras.layers.Layer):
    """Puts steps back in their places, with zeros for padding."""

    def call(self, x: Any, history: Any) -> Any:
        """Return values of shape (batch, length, ...)."""
        shape = tf.concat([tf.shape(history), tf.shape(x)[1:]], axis=0)
        places = tf.cast(tf.where(history >= 0), tf.int32)
        return tf.scatter_nd(places, x[:-1], shape)

    def compute_output_spec(self, x: Any, history: Any) -> keras.KerasTensor:
        """Return their shape."""
        return keras.KerasTensor((*history.shape, *x.shape[1:]), x.dtype)


@keras.saving.register_keras_serializable("skrec")
class Positions(keras.layers.Layer):
    """Adds a trained vector to each step: one for how many steps ago it was.

    Parameters
    ----------
    length : int
        Number of steps.
    **kwargs : dict
        Arguments of the base class.
    """

    def __init__(self, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length
        self.positions_initializer = keras.initializers.GlorotNormal()

    def build(self, shape: Any, *shapes: Any) -> None:
        """Make the vectors."""
        self.positions = self.add_weight(
            shape=(self.length, shape[-1]),
            initializer=self.positions_initializer,
            name="positions",
        )

    def call(self, x: Any, history: Any) -> Any:
        """Add them to packed steps."""
        step = tf.pad(tf.where(history >= 0)[:, 1], [[0, 1]])
        return x + tf.cast(tf.gather(self.positions.value, step), x.dtype)

    def compute_output_spec(self, x: Any, history: Any) -> keras.KerasTensor:
        """Return the same shape."""
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("skrec")
class ByLength(keras.layers.Layer):
    """Puts packed steps in rows again, with sequences of like length in one group.

    What compares each step of a sequence with each other step then costs about the
    square of its own length, not of the longest.

    Parameters
    ----------
    length : int
        Number of steps of the longest sequence.
    has_spare_row : bool, default=False
        Whether each group ends with a row of padding, for what does not take none.
    **kwargs : dict
        Arguments of the base class.
    """

    def __init__(self, length: int, has_spare_row: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length, self.has_spare_row = length, has_spare_row
        size, self.sizes = SHORTEST, []
        while size < length:
            self.sizes.append(size)
            size *= 2
        self.sizes.append(length)

    def call(self, history: Any) -> Any:
        """Return places of steps among the packed ones, and the way back.

        Parameters
        ----------
        history : tensor of int of shape (batch, length)
            Codes of items; -1 for padding.

        Returns
        -------
        tuple of tensors of int
            Of each group, of shape (n_rows, size): the place of each step; behind a
            sequence's last step, that of padding. At the end, of shape (n_steps + 1,):
            where each packed step stands if all rows of all groups are put one behind
            the other, and one place behind them all for padding.
        """
        lengths = tf.reduce_sum(tf.cast(history >= 0, tf.int32), axis=1)
        first = tf.cumsum(lengths, exclusive=True)
        n_steps = tf.reduce_sum(lengths)
        groups = []
        for shorter, size in pairwise([0, *self.sizes]):
            rows = tf.where((lengths > shorter) & (lengths <= size))[:, 0]
            step = tf.range(size)[None]
            is_there = step < tf.gather(lengths, rows)[:, None]
            group = tf.where(is_there, tf.gather(first, rows)[:, None] + step, n_steps)
            if self.has_spare_row:
                group = tf.concat([group, tf.fill([1, size], n_steps)], axis=0)
            groups.append(group)
        places = tf.concat([tf.reshape(group, [-1]) for group in groups], axis=0)
        own = tf.where(places < n_steps)
        back = tf.scatter_nd(
            tf.gather_nd(places, own)[:, None],
            tf.cast(own[:, 0], tf.int32),
            n_steps[None],
        )
        return *groups, tf.concat([back, tf.shape(places)], axis=0)

    def compute_output_spec(self, history: Any) -> Any:
        """Return the shapes, of which the numbers of rows and of steps are open."""
        groups = [keras.KerasTensor((None, size), "int32") for size in self.sizes]
        return *groups, keras.KerasTensor((None,), "int32")

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        own = {"length": self.length, "has_spare_row": self.has_spare_row}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("skrec")
class FromGroups(keras.layers.Layer):
    """Packs the steps of all groups again, in the order that they came in."""

    def call(self, groups: Any, back: Any) -> Any:
        """Return values of shape (n_steps + 1, dim); those of padding are zeros.

        Parameters
        ----------
        groups : list of tensors of shape (n_rows, size, dim)
            Steps of each group.
        back : tensor of int of shape (n_steps + 1,)
            The last that :class:`ByLength` returned.
        """
        dim = groups[0].shape[-1]
        steps = [tf.reshape(group, [-1, dim]) for group in groups]
        padding = tf.zeros([1, dim], groups[0].dtype)
        return tf.gather(tf.concat([*steps, padding], axis=0), back)

    def compute_output_spec(self, groups: Any, back: Any) -> keras.KerasTensor:
        """Return their shape."""
        return keras.KerasTensor((None, groups[0].shape[-1]), groups[0].dtype)
