"""What a network has to know of a table's fields: their number and sizes."""

from dataclasses import dataclass
from typing import NamedTuple


class SequenceSpec(NamedTuple):
    """A column of lists of ids: which table embeds them, and how many are kept.

    Parameters
    ----------
    table : int
        Embedding table of the ids.
    length : int
        Ids of a row, padded with 0 in front; more in rows with longer lists.

    Examples
    --------
    >>> from skrec.preprocessing import SequenceSpec
    >>> SequenceSpec(table=0, length=20).length
    20
    """

    table: int
    length: int


@dataclass(frozen=True)
class FieldSpec:
    r"""Sizes of encoded fields, without names: equal for the folds of one search.

    Encoded rows are a dict of arrays: ``"ids"`` (n_rows, n_ids) int32, ``"numbers"``
    (n_rows, n_numbers), ``"sequence_0"``, ... (n_rows, length) int32 and ``"array_0"``,
    ... (n_rows, \*shape); what there is none of is left out. Codes count from 0 in
    each table: 0 is padding, 1 unknown.

    Parameters
    ----------
    tables : tuple of int, default=()
        Rows of each embedding table, rounded up so that folds have the same.
    ids : tuple of int, default=()
        Table of each column of ids.
    n_numbers : int, default=0
        Columns of numbers, with the indicators of missing ones.
    sequences : tuple of SequenceSpec, default=()
        Table and length of each column of lists of ids.
    arrays : tuple of tuple of int, default=()
        Shape of each column of vectors, sequences of vectors or images.

    Examples
    --------
    >>> from skrec.preprocessing import FieldSpec, SequenceSpec
    >>> history = SequenceSpec(table=1, length=20)
    >>> fields = FieldSpec(tables=(64, 96), ids=(0, 1), sequences=(history,))
    >>> fields.only_numbers
    False
    """

    tables: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()
    n_numbers: int = 0
    sequences: tuple[SequenceSpec, ...] = ()
    arrays: tuple[tuple[int, ...], ...] = ()

    @property
    def only_numbers(self) -> bool:
        """Whether rows are plain rows of numbers, as those of an array."""
        return not (self.ids or self.sequences or self.arrays)
