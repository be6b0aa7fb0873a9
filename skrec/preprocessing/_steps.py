"""The steps of :class:`FieldEncoder`: kinds of columns, then codes, then sizes."""

from typing import Any

import numpy as np
import pandas as pd

from skrec.preprocessing._few import few_codes
from skrec.preprocessing._frames import as_frame
from skrec.preprocessing._kinds import (
    Column,
    lay_out,
    read_columns,
    warn_of_empty,
    warn_of_unique,
)
from skrec.preprocessing._lists import (
    FIND,
    Reading,
    flatten,
    learn_reading,
    pad,
    stack,
)
from skrec.preprocessing._numbers import NumberScaler, number_block
from skrec.preprocessing._spec import FieldSpec, SequenceSpec
from skrec.preprocessing._vocabulary import (
    Factor,
    Vocabulary,
    factorize,
    is_nearly_unique,
    round_up,
    warn_of_rounded,
)


class FieldSteps:
    """What :class:`FieldEncoder` does with a table that has been checked."""

    # Parameters of FieldEncoder.
    categorical_features: Any
    sequence_features: Any
    shared_embeddings: Any
    min_count: int
    max_len: int

    # Set by FieldEncoder.learn, and filled in here.
    _vocabularies: list[Vocabulary]
    _lengths: dict[int, int]  # by position among the sequences
    _readings: dict[int, Reading]
    _shapes: list[tuple[int, ...]]
    _numbers: NumberScaler
    paddings_: dict[Any, Any]

    def _choose_kinds(self, table: Any, by_dtype: bool) -> None:
        """Set `columns_`."""
        self.columns_: dict[Any, Column]
        n_columns = table.shape[1]
        names = list(getattr(self, "feature_names_in_", range(n_columns)))
        self._marks: dict[int, Any] = {}
        if by_dtype and not isinstance(table, pd.DataFrame):
            self.columns_ = lay_out(names, ["number"] * n_columns, [])
            return
        self.columns_, self._marks = read_columns(
            as_frame(table),
            names,
            self.categorical_features,
            self.sequence_features,
            self.shared_embeddings,
        )

    def _of_kind(self, kind: str) -> list[int]:
        """Return the positions in the table of all columns of one kind."""
        columns = self.columns_.values()
        return [c for c, column in enumerate(columns) if column.kind == kind]

    def _names_of(self, kind: str) -> list:
        """Return the names of all columns of one kind."""
        return [name for name, own in self.columns_.items() if own.kind == kind]

    def _encode(self, table: Any, learn: bool, rows: Any) -> dict[str, Any]:
        """Encode rows; learn ids, lengths and shapes first, if asked to."""
        if not isinstance(table, pd.DataFrame):
            numbers = self._of_kind("number")
            if len(numbers) == table.shape[1]:
                return {"numbers": table}
            table = as_frame(table)
        names = list(self.columns_)
        encoded: dict[str, Any] = {}
        done: set[int] = set()
        if ids := self._of_kind("id"):
            encoded["ids"] = np.empty((len(table), len(ids)), dtype=np.int32)
            if not learn:
                tables = [self._vocabularies[t] for t in self.spec_.ids]
                encoded["ids"], done = few_codes(table, ids, tables)
        if numbers := self._of_kind("number"):
            encoded["numbers"] = number_block(table, numbers, names)
        self._encode_tables(table, encoded, learn, rows, done)
        for k, c in enumerate(self._of_kind("array")):
            shape = self._shapes[k] if k < len(self._shapes) else None
            encoded[f"array_{k}"] = stack(table.iloc[:, c], names[c], shape)
            if shape is None:
                self._shapes.append(encoded[f"array_{k}"].shape[1:])
        return encoded

    def _encode_tables(
        self,
        table: pd.DataFrame,
        encoded: dict[str, Any],
        learn: bool,
        rows: Any,
        done: set[int],
    ) -> None:
        """Fill in the codes of all ids and sequences, one embedding table at a time."""
        repeats = None if rows is None else np.bincount(rows, minlength=len(table))
        members: dict[int, list[tuple[int, Any]]] = {}
        for c, (name, column) in enumerate(self.columns_.items()):
            if column.table is not None and c not in done:
                members.setdefault(column.table, []).append((c, name))
        every: list[Factor] = []
        grows = bool(self._vocabularies)
        for t in sorted(members):
            factors: list[Factor] = []
            lengths: list[np.ndarray | None] = []
            # Ids first: they tell whether 0 in the lists of a group is one.
            for c, name in sorted(
                members[t], key=lambda own: self.columns_[own[1]].kind
            ):
                values, own = table.iloc[:, c], None
                if self.columns_[name].kind == "sequence":
                    reading = self._reading(c, values, rows, factors)
                    own, values = flatten(values, name, self.max_len, reading)
                factors.append(factorize(values, name, own))
                lengths.append(own)
            if learn:
                self._learn_table(t, factors, lengths, repeats)
            every += factors
            for factor, own in zip(factors, lengths, strict=True):
                position = self.columns_[factor.name].position
                codes = self._vocabularies[t].codes(factor)
                if own is None:
                    encoded["ids"][:, position] = codes
                else:
                    length = max(self._lengths[position], self._length(own))
                    encoded[f"sequence_{position}"] = pad(codes, own, length)
        warn_of_rounded(every)
        if learn and not grows:
            self._warn_of_unique(every, repeats)

    def _length(self, lengths: np.ndarray) -> int:
        """Return how many items rows need, on a grid that keeps traces few."""
        # Attention to lists of one is another network, which cannot grow.
        return min(int(self.max_len), round_up(int(lengths.max()), steps=2, least=2))

    def _reading(
        self, c: int, column: pd.Series, rows: Any, factors: list[Factor]
    ) -> Reading:
        """Return how the lists of a column are read; find out for the first time."""
        name = list(self.columns_)[c]
        position = self.columns_[name].position
        if position not in self._readings:
            chosen = column if rows is None else column.iloc[np.unique(rows)]
            zero_is_id = any(factor.holds_zero for factor in factors)
            reading = learn_reading(chosen, self._marks.get(c, FIND), zero_is_id)
            self._readings[position] = reading
            if reading.padding:
                self.paddings_[name] = reading.padding[0]
        return self._readings[position]

    def _learn_table(
        self,
        t: int,
        factors: list[Factor],
        lengths: list[np.ndarray | None],
        repeats: np.ndarray | None,
    ) -> None:
        """Learn the ids of one table, or further ones, and how long its lists are."""
        weights = [
            repeats if own is None or repeats is None else np.repeat(repeats, own)
            for own in lengths
        ]
        if t < len(self._vocabularies):
            known = self._vocabularies[t]
            self._vocabularies[t] = known.grown(factors, weights, self.min_count)
        else:
            learnt = Vocabulary.learn(factors, weights, self.min_count)
            self._vocabularies.append(learnt)
            pairs = zip(factors, weights, strict=True)
            warn_of_empty(
                [f.name for f, weight in pairs if not f.counts(weight)[1:].any()]
            )
        for factor, own in zip(factors, lengths, strict=True):
            if own is not None:
                kept = own if repeats is None else own[repeats > 0]
                position = self.columns_[factor.name].position
                known_length = self._lengths.get(position, 0)
                self._lengths[position] = max(self._length(kept), known_length)

    def _warn_of_unique(
        self, factors: list[Factor], repeats: np.ndarray | None
    ) -> None:
        """Warn of columns whose ids tell nothing of each other's rows."""
        own = [c.table for c in self.columns_.values()]
        if self.min_count == 1:
            warn_of_unique(
                [
                    f.name
                    for f in factors
                    if self.columns_[f.name].kind == "id"
                    and own.count(self.columns_[f.name].table) == 1
                    and is_nearly_unique(f, repeats)
                ]
            )

    def _describe(self) -> None:
        """Set `spec_`, `vocabularies_` and `indicators_`."""
        self.indicators_: list[int] = list(map(int, self._numbers.indicators))
        tables_of = {
            kind: tuple(
                column.table
                for column in self.columns_.values()
                if column.kind == kind and column.table is not None
            )
            for kind in ("id", "sequence")
        }
        tables = [round_up(own.size, steps=8, least=8) for own in self._vocabularies]
        self.vocabularies_ = [own.ids for own in self._vocabularies]
        self.spec_ = FieldSpec(
            tables=tuple(tables),
            ids=tables_of["id"],
            n_numbers=len(self._of_kind("number")) + len(self.indicators_),
            sequences=tuple(
                SequenceSpec(table, self._lengths[k])
                for k, table in enumerate(tables_of["sequence"])
            ),
            arrays=tuple(self._shapes),
        )
