"""Rows to train on: on the host, and from there to the device, whole or in blocks."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse

# Inputs of more bytes than this stay on the host and are sent to the device in blocks.
# This costs 3 to 8 % of the time of a small network.
MAX_DEVICE_BYTES = 2**28
# Bytes of inputs in one block: thousands of rows, and little memory.
BLOCK_BYTES = 2**24
# Bytes, in double precision, of the rows that are prepared at a time: what is computed
# on the way takes a few times as many.
PREPARED_BYTES = 2**22

Block = tuple["Data", np.ndarray, slice]


def as_they_are(x: Any) -> Any:
    """Leave rows as they are.

    Parameters
    ----------
    x : object
        Rows.

    Returns
    -------
    object
        The same.
    """
    return x


@dataclass
class Rows:
    """Rows on the host, turned into what a network takes only when they are taken.

    Parameters
    ----------
    x, y : ndarray, memmap, sparse matrix, or nested structure of them
        Inputs and targets; they are read, never changed and never copied whole.
    weight : ndarray of shape (n_rows,)
        Sample weights.
    prepare : callable, optional
        Turns rows of `x` into inputs, each row by itself; without it they stay as they
        are.
    index : ndarray of int, default=None
        Which rows of the arrays these are; None for all of them.
    weighted : bool, default=True
        Whether losses and metrics are given the weights; where nobody gave any, those
        of a user's own may want to be called without.
    renew : callable, default=None
        Given an epoch, counted from 0, returns by name what `x`, a dict, holds in that
        epoch alone, for all rows of the arrays: what is drawn anew. The same for the
        same epoch, in every process; a digest can be taken of it.
    """

    x: Any
    y: Any
    weight: np.ndarray
    prepare: Callable[[Any], Any] = as_they_are
    index: np.ndarray | None = None
    weighted: bool = True
    renew: Callable[[int], dict[str, np.ndarray]] | None = None

    def __len__(self) -> int:
        return len(self.weight if self.index is None else self.index)

    def in_epoch(self, epoch: int) -> "Rows":
        """Return these rows with what is drawn for one epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.

        Returns
        -------
        Rows
            The same rows where nothing is drawn.
        """
        if self.renew is None:
            return self
        return replace(self, x={**self.x, **self.renew(epoch)}, renew=None)

    def select(self, which: np.ndarray) -> "Rows":
        """Return some of these rows, without copying them.

        Parameters
        ----------
        which : ndarray of int
            Positions among these rows.

        Returns
        -------
        Rows
            The same arrays with another index.
        """
        index = which if self.index is None else self.index[which]
        return replace(self, index=index)

    def take(self, which: np.ndarray | slice = slice(None)) -> tuple[Any, Any, Any]:
        """Copy rows out of the arrays and prepare them.

        Parameters
        ----------
        which : ndarray of int or slice, default=slice(None)
            Positions among these rows.

        Returns
        -------
        tuple of (x, y, weight)
            Inputs, targets and weights as dense arrays.
        """
        rows = which if self.index is None else self.index[which]
        x = tf.nest.map_structure(lambda array: _selected(array, rows), self.x)
        y, weight = tf.nest.map_structure(
            lambda array: take_rows(array, rows), (self.y, self.weight)
        )
        return prepare_rows(x, self.prepare), y, weight

    def blocks(self, n_bytes: int = BLOCK_BYTES) -> Iterator[tuple[Any, Any, Any]]:
        """Walk all rows in their order, a block at a time.

        Parameters
        ----------
        n_bytes : int, default=BLOCK_BYTES
            About how many bytes of inputs to take at a time.

        Yields
        ------
        tuple of (x, y, weight)
            See :meth:`take`.
        """
        size = max(1, n_bytes // max(1, self.row_bytes))
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    @property
    def row_bytes(self) -> int:
        """Bytes that the inputs of one row take on the device."""
        return sum(array.nbytes for array in tf.nest.flatten(self.take(slice(1))[0]))

    @property
    def is_on_disk(self) -> bool:
        """Whether an array is a file in memory's clothing."""
        return any(_is_mapped(array) for array in tf.nest.flatten(self.x))


def take_rows(array: Any, rows: np.ndarray | slice) -> np.ndarray:
    """Copy rows out of an array, as a dense array.

    Parameters
    ----------
    array : ndarray, memmap or sparse matrix of shape (n_rows, ...)
        The array.
    rows : ndarray of int or slice
        Which rows.

    Returns
    -------
    ndarray
        The rows.
    """
    return _dense(_selected(array, rows))


def prepare_rows(x: Any, prepare: Callable[[Any], Any]) -> Any:
    """Prepare rows block by block, so that only the result takes memory.

    Parameters
    ----------
    x : ndarray, sparse matrix, or nested structure of them
        Rows, as they were given.
    prepare : callable
        Turns dense rows into inputs, each row by itself.

    Returns
    -------
    ndarray or nested structure of ndarray
        What `prepare` makes of all rows.
    """
    arrays = tf.nest.flatten(x)
    n_rows = arrays[0].shape[0] if arrays else 0
    values = sum(math.prod(array.shape[1:]) for array in arrays)
    size = max(1, PREPARED_BYTES // max(1, 8 * values))
    if prepare is as_they_are or n_rows <= size:
        return prepare(tf.nest.map_structure(_dense, x))
    whole = None
    for start in range(0, n_rows, size):
        rows = slice(start, min(start + size, n_rows))
        taken = tf.nest.map_structure(lambda a, rows=rows: take_rows(a, rows), x)
        block = prepare(taken)
        if whole is None:
            if _are_same(taken, block):
                return prepare(tf.nest.map_structure(_dense, x))
            whole = tf.nest.map_structure(
                lambda part: np.empty((n_rows, *part.shape[1:]), part.dtype), block
            )
        for target, part in zip(
            tf.nest.flatten(whole), tf.nest.flatten(block), strict=True
        ):
            target[rows] = part
    return whole


def _are_same(taken: Any, block: Any) -> bool:
    """Tell whether preparing has left all rows where they are."""
    pairs = zip(tf.nest.flatten(taken), tf.nest.flatten(block), strict=False)
    return all(np.may_share_memory(one, other) for one, other in pairs)


def _dense(array: Any) -> np.ndarray:
    return array.toarray() if sparse.issparse(array) else np.asarray(array)


def _selected(array: Any, rows: np.ndarray | slice) -> Any:
    """Select rows of an array, or of a sparse matrix, which stays sparse."""
    if sparse.issparse(array) or isinstance(rows, slice) or not _is_mapped(array):
        return array[rows]
    # A disk is read faster from front to back.
    by_place = np.argsort(rows, kind="stable")
    taken = np.empty((len(rows), *array.shape[1:]), array.dtype)
    taken[by_place] = array[rows[by_place]]
    return taken


def _is_mapped(array: Any) -> bool:
    """Tell whether an array is, or is a view of, a ``numpy.memmap``."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


@dataclass
class Data:
    """Rows on the device: inputs, targets and weights, each with one first dimension.

    Parameters
    ----------
    x, y : tensor or nested structure of tensors
        Inputs and targets.
    weight : tensor of shape (n_rows,)
        Sample weights.
    weighted : bool, default=True
        Whether losses and metrics are given the weights.
    """

    x: Any
    y: Any
    weight: Any
    weighted: bool = True

    @classmethod
    def of(cls, x: Any, y: Any, weight: Any, device: str) -> "Data":
        """Copy arrays to a device.

        Parameters
        ----------
        x, y : ndarray or nested structure of ndarray
            Inputs and targets.
        weight : ndarray of shape (n_rows,)
            Sample weights.
        device : str
            TensorFlow device name.

        Returns
        -------
        Data
            The same rows as tensors.
        """
        with tf.device(device):
            return cls(*tf.nest.map_structure(tf.convert_to_tensor, (x, y, weight)))

    def __len__(self) -> int:
        return int(self.weight.shape[0])

    def blocks(self, order: np.ndarray, batch_size: int) -> Iterator[Block]:
        """Yield all of the rows at once.

        Parameters
        ----------
        order : ndarray of shape (n_rows,)
            The order in which to visit the rows.
        batch_size : int
            Rows a step.

        Yields
        ------
        tuple of (Data, ndarray, slice)
            Rows on the device, the order in which to visit them, and which steps of
            the epoch they are.
        """
        yield self, order, slice(None)


@dataclass
class Stream:
    """Rows that stay on the host and go to the device a block of batches at a time.

    Parameters
    ----------
    rows : Rows
        The rows.
    device : str
        TensorFlow device name.
    """

    rows: Rows
    device: str

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self, order: np.ndarray, batch_size: int) -> Iterator[Block]:
        """Yield the rows in whole batches, each in its place in the order.

        Parameters
        ----------
        order : ndarray of shape (n_rows,)
            The order in which to visit the rows.
        batch_size : int
            Rows a step.

        Yields
        ------
        tuple of (Data, ndarray, slice)
            Rows on the device, the order in which to visit them, and which steps of
            the epoch they are.
        """
        n_steps = max(1, BLOCK_BYTES // (self.rows.row_bytes * batch_size))
        for first in range(0, -(-len(order) // batch_size), n_steps):
            steps = slice(first, first + n_steps)
            which = order[first * batch_size : (first + n_steps) * batch_size]
            data = Data.of(*self.rows.take(which), self.device)
            data.weighted = self.rows.weighted
            yield data, np.arange(len(which)), steps


def on_device(rows: Rows, device: str) -> Data | Stream:
    """Copy rows to a device, or arrange for it block by block where they are too many.

    Parameters
    ----------
    rows : Rows
        The rows.
    device : str
        TensorFlow device name.

    Returns
    -------
    Data or Stream
        A stream for arrays on disk, for inputs of more than 256 MB, and for what
        the device has no room for; training gives the same with either.
    """
    if rows.is_on_disk or rows.row_bytes * len(rows) > MAX_DEVICE_BYTES:
        return Stream(rows, device)
    try:
        data = Data.of(*rows.take(), device)
        data.weighted = rows.weighted
        return data
    except tf.errors.ResourceExhaustedError:
        return Stream(rows, device)
