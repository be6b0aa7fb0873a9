"""From ids to codes: 0 is padding, 1 unknown, known ids from 2 on in sorted order."""

import math
from collections.abc import Sequence
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skrec._warn import warn_user
from skrec.preprocessing._ids import (
    LARGEST_EXACT,
    as_index,
    by_value,
    digits_lost,
    in_order,
    infinite,
    join,
    positions_of,
)
from skrec.preprocessing._packed import pack_values, unpack_values

UNKNOWN = 1
FIRST = 2
# A column with at least so many rows, of which more than this share has its own id.
UNIQUE_ROWS, UNIQUE_SHARE = 100, 0.9


class Factor(NamedTuple):
    """A column of ids, or all items of a column of lists, as positions.

    Parameters
    ----------
    name : str or int
        Name of the column.
    positions : ndarray of shape (n_values,)
        Where each value stands in `values`; -1 for missing ones.
    values : ndarray
        The different values: integers, other numbers, strings or other objects.
    rounded : bool, default=False
        Whether the column's dtype may have merged whole numbers.
    """

    name: Any
    positions: np.ndarray
    values: np.ndarray
    rounded: bool = False

    @property
    def of_values(self) -> "Factor":
        """The different ids, each once, as a column."""
        return self._replace(positions=np.arange(len(self.values)))

    @property
    def holds_zero(self) -> bool:
        """Whether 0 is one of the ids."""
        return self.values.dtype.kind in "iuf" and bool((self.values == 0).any())

    def counts(self, repeats: np.ndarray | None) -> np.ndarray:
        """Count each value, and the missing ones in front.

        Parameters
        ----------
        repeats : ndarray of shape (n_values,), or None
            How often each of the positions counts; once if None.

        Returns
        -------
        ndarray of shape (1 + len(values),)
            Counts.
        """
        return np.bincount(self.positions + 1, repeats, minlength=len(self.values) + 1)


def factorize(
    column: pd.Series, name: Any, lengths: np.ndarray | None = None
) -> Factor:
    """Find the different ids of a column, compared by value.

    Parameters
    ----------
    column : Series
        Ids of any dtype.
    name : str or int
        Name of the column, for the messages.
    lengths : ndarray of shape (n_rows,), default=None
        Values in each row, for the messages; one if None.

    Returns
    -------
    Factor
        Ids and their positions.

    Raises
    ------
    TypeError
        If a value cannot be an id, such as a dict.
    ValueError
        If there are ids of several types, dates, or infinity.
    """
    if column.dtype.kind in "mM":
        raise ValueError(
            f"column {name!r} holds dates, which are no ids. Received: dtype "
            f"{column.dtype}."
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        positions = column.cat.codes.to_numpy().astype(np.intp)
        values = column.cat.categories
    else:
        try:
            positions, values = pd.factorize(column)
        except TypeError:
            raise_unhashable(column, name, lengths)
            raise
    rounded = digits_lost(values)
    values = by_value(values, lambda values: raise_mixed(values, name))
    if (wrong := infinite(values)).any():
        first = np.isin(positions, np.flatnonzero(wrong)).argmax()
        row = _row(int(first), lengths)
        raise ValueError(
            f"column {name!r} holds infinity in row {row}: replace it. Received: "
            f"{values[wrong][0]}."
        )
    return Factor(name, positions, values, rounded)


def _row(index: int, lengths: np.ndarray | None) -> int:
    """Return the row of a value of a column, or of an item of its lists."""
    if lengths is None:
        return index
    return int(np.searchsorted(np.cumsum(lengths), index, side="right"))


def raise_unhashable(
    column: pd.Series, name: Any, lengths: np.ndarray | None = None
) -> None:
    """Name the first row that holds something like a dict, in scikit-learn's words.

    Parameters
    ----------
    column : Series
        Values.
    name : str or int
        Name of the column.
    lengths : ndarray of shape (n_rows,), default=None
        Values in each row; one if None.
    """
    for index, value in enumerate(column):
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"column {name!r}, row {_row(index, lengths)}: argument must be a "
                "string or a number, or a list of them: make it one, or give each "
                f"value in it a column of its own. Received: {value!r}, of type "
                f"{type(value).__name__}."
            ) from None


def raise_mixed(values: Any, name: Any) -> None:
    """Say which types a column mixes, with an example of each.

    Parameters
    ----------
    values : iterable
        Values of the column.
    name : str or int
        Its name.
    """
    examples: dict[str, Any] = {}
    for value in values:
        if np.ndim(value) or not pd.isna(value):
            examples.setdefault(type(value).__name__, value)
    found = ", ".join(f"{kind} such as {value!r}" for kind, value in examples.items())
    raise ValueError(
        f"column {name!r} must hold values of one type, strings or numbers: convert "
        f"it, for example with .astype(str). Received: {found}."
    )


def family(values: np.ndarray) -> str | None:
    """Return what can be compared with each other: numbers, strings or a type.

    Parameters
    ----------
    values : ndarray
        Of a :class:`Factor`.

    Returns
    -------
    str or None
        None if there are no values.
    """
    if not len(values):
        return None
    if values.dtype.kind in "biuf" or isinstance(values[0], Number):
        return "numbers"
    if isinstance(values[0], str):
        return "strings"
    return f"values of type {type(values[0]).__name__}"


class Vocabulary:
    """The ids of one embedding table.

    Parameters
    ----------
    ids : ndarray
        Known ids: sorted, then those that later rows brought.
    missing : bool
        Whether a missing id is a value of its own; its code is behind those of all ids.
    """

    def __init__(self, ids: np.ndarray, missing: bool) -> None:
        self.ids = ids
        self.missing = missing
        # A pandas Index keeps the hash table that it builds for its first look-up.
        self._index = as_index(ids)
        self._family = family(ids)

    def __getstate__(self) -> dict[str, Any]:
        return {"missing": self.missing, **pack_values(self.ids)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Vocabulary.__init__(self, unpack_values(state), bool(state["missing"]))
        if not self._index.is_unique:
            raise ValueError("an id is in a vocabulary twice")

    @classmethod
    def learn(
        cls,
        factors: Sequence[Factor],
        repeats: Sequence[np.ndarray | None],
        min_count: int,
    ) -> "Vocabulary":
        """Keep the ids that are frequent enough.

        Parameters
        ----------
        factors : sequence of Factor
            Columns that share the table.
        repeats : sequence of (ndarray or None)
            How often each value of each column counts; once if None.
        min_count : int
            Rarer ids are unknown.

        Returns
        -------
        Vocabulary
            Ids in an order that does not depend on that of the rows.
        """
        require_one_family(factors)
        counts = [f.counts(own) for f, own in zip(factors, repeats, strict=True)]
        missing = sum(own[0] for own in counts)
        values = join([factor.values for factor in factors])
        total = np.concatenate([own[1:] for own in counts])
        if len(factors) > 1:
            positions, values = pd.factorize(values)
            total = np.bincount(positions, total, minlength=len(values))
        return cls(in_order(values[total >= min_count]), bool(missing >= min_count))

    def grown(
        self,
        factors: Sequence[Factor],
        repeats: Sequence[np.ndarray | None],
        min_count: int,
    ) -> "Vocabulary":
        """Add ids that are frequent enough among further rows.

        Parameters
        ----------
        factors, repeats, min_count
            As :meth:`learn` takes them.

        Returns
        -------
        Vocabulary
            Known ids with the codes that they had, and the new ones behind them, sorted
            among themselves; itself if there is nothing new.
        """
        for factor in factors:
            self._require_comparable(factor)
        seen = Vocabulary.learn(factors, repeats, min_count)
        new = seen.ids
        if len(new) and len(self.ids):
            new = new[positions_of(self._index, new) < 0]
        if not len(new) and self.missing >= seen.missing:
            return self
        ids = join([self.ids, new])
        return Vocabulary(ids, self.missing or seen.missing)

    @property
    def size(self) -> int:
        """Number of codes: padding, unknown, ids, and missing if it is one."""
        return FIRST + len(self.ids) + self.missing

    def code(self, value: Any) -> int | None:
        """Look up one id: for a few rows, a column of them takes 20 times as long.

        Parameters
        ----------
        value : object
            Id of a column of any dtype.

        Returns
        -------
        int or None
            Its code; None where only :meth:`codes` can tell, or say what is wrong.
        """
        if value is None or value is pd.NA or value != value:
            return FIRST + len(self.ids) if self.missing else UNKNOWN
        kind = type(value)
        if kind is str:
            if self._family != "strings":
                return None
        elif self._index.dtype != np.int64 or kind not in (int, bool, float):
            return None
        elif kind is not int:
            if not float(value).is_integer() or abs(value) >= LARGEST_EXACT:
                return None
            value = int(value)
        if value not in self._index:
            return UNKNOWN
        return FIRST + int(self._index.get_loc(value))

    def codes(self, factor: Factor) -> np.ndarray:
        """Look ids up.

        Parameters
        ----------
        factor : Factor
            Ids.

        Returns
        -------
        ndarray of int32 of shape (n_values,)
            Their codes.

        Raises
        ------
        ValueError
            If the ids are strings where numbers were learnt, or the like.
        """
        known, given = self._require_comparable(factor)
        codes = np.full(len(factor.values) + 1, UNKNOWN, dtype=np.int32)
        if known is not None and given is not None:
            found = positions_of(self._index, factor.values)
            codes[:-1] = np.where(found >= 0, found + FIRST, UNKNOWN)
        if self.missing:
            codes[-1] = FIRST + len(self.ids)
        return codes[factor.positions]  # -1, missing, is the last of them

    def _require_comparable(self, factor: Factor) -> tuple[str | None, str | None]:
        """Return what was learnt and what is given: numbers, strings, or nothing."""
        known, given = self._family, family(factor.values)
        if known != given and known is not None and given is not None:
            raise ValueError(
                f"column {factor.name!r} held {known} in fit: convert it. Received: "
                f"{given}, such as {factor.values[0]!r}."
            )
        return known, given


def warn_of_rounded(factors: Sequence[Factor]) -> None:
    """Warn of ids in floats so large that different ones may have become equal.

    Parameters
    ----------
    factors : sequence of Factor
        Columns; there is no warning if none of them is rounded.
    """
    names = list(dict.fromkeys(factor.name for factor in factors if factor.rounded))
    if names:
        warn_user(
            f"columns {names} hold ids as floats, and some are so large that different "
            "whole numbers are one float, so different ids may have become one before "
            "they came here: read them as integers ('Int64' may have missing values), "
            "or as strings."
        )


def is_nearly_unique(factor: Factor, repeats: np.ndarray | None) -> bool:
    """Tell whether a column has an id of its own in nearly every row.

    Parameters
    ----------
    factor : Factor
        Column of ids.
    repeats : ndarray of shape (n_values,), or None
        How often each row counts; once if None.

    Returns
    -------
    bool
        False where there are only a few rows.
    """
    counts = factor.counts(repeats)[1:]
    n_values = counts.sum()
    return bool(
        n_values >= UNIQUE_ROWS and (counts == 1).sum() > UNIQUE_SHARE * n_values
    )


def require_one_family(factors: Sequence[Factor]) -> None:
    """Raise where columns that share a table cannot hold the same ids.

    Parameters
    ----------
    factors : sequence of Factor
        Columns of one table.
    """
    known = {f.name: family(f.values) for f in factors if len(f.values)}
    names = list(known)
    for name in names[1:]:
        if known[name] != known[names[0]]:
            raise ValueError(
                f"columns {names[0]!r} and {name!r} share a table, so their ids must "
                "be of one type: convert one of them, for example with .astype(str). "
                f"Received: {known[names[0]]} and {known[name]}."
            )


def round_up(n: int, steps: int, least: int) -> int:
    """Round a size up to a grid that has so many steps between n and 2 n.

    Parameters
    ----------
    n : int
        Size.
    steps : int
        Steps of the grid in each octave, a power of two.
    least : int
        Smallest size.

    Returns
    -------
    int
        The size, or up to 1 / steps more.
    """
    n = max(n, least)
    step = max(1, 2 ** int(math.log2(n)) // steps)
    return -(-n // step) * step
