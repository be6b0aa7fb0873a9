"""Weights of a network on fields whose tables have grown: what a stream brings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skrec.networks import FieldGroup, Network
from skrec.networks._fields import tables_of
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._spec import FieldSpec
from skrec.preprocessing._vocabulary import FIRST, UNKNOWN
from skrec.training.program import Program
from skrec.training.state import State

# Options of networks that tell of sizes, and so may differ where a stream goes on; of
# the last, no weight knows.
SIZES = ("fields", "input_shape", "groups", "reads_unknown")


class Layout(NamedTuple):
    """What the rows of a network's embedding tables stand for.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    n_ids : tuple of int
        Ids of each table.
    missing : tuple of bool
        Whether a table has a row for a missing id, behind those of all ids.
    """

    fields: FieldSpec
    n_ids: tuple[int, ...]
    missing: tuple[bool, ...]

    @classmethod
    def of(cls, encoder: FieldEncoder) -> "Layout":
        """Describe the codes of an encoder.

        Parameters
        ----------
        encoder : FieldEncoder
            Fitted encoder.

        Returns
        -------
        Layout
            The description.
        """
        known = encoder._vocabularies
        n_ids = tuple(len(vocabulary.ids) for vocabulary in known)
        missing = tuple(vocabulary.missing for vocabulary in known)
        return cls(encoder.spec_, n_ids, missing)


def differs_in_size_alone(old: Network, new: Network) -> bool:
    """Tell whether all that shapes the graphs of two networks is equal but for sizes.

    Parameters
    ----------
    old, new : Network
        Descriptions.

    Returns
    -------
    bool
        Whether the weights of one can become those of the other.
    """
    ours: dict[str, Any] = dict(old.options)
    theirs: dict[str, Any] = dict(new.options)
    return (
        old.builder == new.builder
        and ours.keys() == theirs.keys()
        and all(ours[k] == theirs[k] for k in ours if k not in SIZES)
        and _extend(ours.get("groups", ()), theirs.get("groups", ()))
    )


def _extend(old: Sequence[FieldGroup], new: Sequence[FieldGroup]) -> bool:
    """Tell whether groups are those of before, with perhaps more at their ends."""
    return len(old) == len(new) and all(
        after[: len(before)] == before
        for pair in zip(old, new, strict=True)
        for before, after in zip(*pair, strict=True)
    )


def grown_state(state: State, old: Layout, new: Layout, program: Program) -> State:
    """Lay weights and optimizer slots out anew for tables that have grown.

    Known ids keep their rows. New ones start as what predicted for them so far, the
    vector of "unknown"; what multiplies a new indicator starts at 0. Their optimizer
    slots are those of an untrained weight.

    Parameters
    ----------
    state : State
        Weights and slots of the old layout; there may be no slots.
    old, new : Layout
        The layouts.
    program : Program
        A program of the new layout, with the optimizer that the slots belong to.

    Returns
    -------
    State
        The state, of the new layout.
    """
    variables = program.model.weights
    relays = [_relay(variable.path, old, new) for variable in variables]
    weights = [
        relay(value, np.zeros_like(fresh), True)
        for relay, value, fresh in zip(
            relays, state.weights, program.untrained_weights, strict=True
        )
    ]
    owners = _slot_owners(program)
    slots = []
    for k, value in enumerate(state.optimizer):
        fresh = program.untrained_optimizer[k]
        owner = owners.get(k)
        if owner is None:
            slots.append(value)
        elif fresh.shape == weights[owner].shape:
            slots.append(relays[owner](value, fresh, False))
        else:  # such as the sums over rows and columns of Adafactor
            slots.append(value if value.shape == fresh.shape else fresh)
    return replace(state, weights=weights, optimizer=slots)


Relay = Callable[[np.ndarray, np.ndarray, bool], np.ndarray]


def _relay(path: str, old: Layout, new: Layout) -> Relay:
    """Return what copies an old array into a fresh one of the new layout."""
    layer, _, weight = path.rpartition("/")
    tables = tables_of(layer) if weight == "embeddings" else []

    def relay(value: np.ndarray, fresh: np.ndarray, is_weight: bool) -> np.ndarray:
        fresh = fresh.copy()
        if not tables:  # new indicators of missing numbers are the last inputs
            fresh[tuple(map(slice, value.shape))] = value
            return fresh
        start = new_start = 0
        for t in tables:
            stop, new_stop = (
                start + old.fields.tables[t],
                new_start + new.fields.tables[t],
            )
            _copy_table(
                value[start:stop], fresh[new_start:new_stop], old, new, t, is_weight
            )
            start, new_start = stop, new_stop
        return fresh

    return relay


def _copy_table(
    value: np.ndarray,
    fresh: np.ndarray,
    old: Layout,
    new: Layout,
    t: int,
    is_weight: bool,
) -> None:
    """Copy the rows of one table to where the new layout has them."""
    if is_weight:
        fresh[:] = value[UNKNOWN]
    known = FIRST + old.n_ids[t]
    fresh[:known] = value[:known]
    if old.missing[t]:
        fresh[FIRST + new.n_ids[t]] = value[known]


def _slot_owners(program: Program) -> dict[int, int]:
    """Find the weight of each of the optimizer's variables that belongs to one."""
    optimizer = program.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    trainable = program.model.trainable_variables
    positions = {id(weight): k for k, weight in enumerate(program.model.weights)}
    owner_of = {
        id(slot): positions[id(weight)]
        for slots in vars(inner).values()
        if isinstance(slots, list) and len(slots) == len(trainable)
        for slot, weight in zip(slots, trainable, strict=True)
    }
    return {
        k: owner_of[id(variable)]
        for k, variable in enumerate(optimizer.variables)
        if id(variable) in owner_of
    }
