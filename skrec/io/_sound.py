"""What was loaded, checked against itself: shapes, ranges of codes, sizes of tables."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from skrec._warn import warn_user
from skrec.estimators._kept_models import rebuild
from skrec.estimators._targets import Labels, Numbers
from skrec.estimators.base import BaseNetwork
from skrec.estimators.wrappers import KerasEstimator
from skrec.networks import Network
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._interactions import Log
from skrec.preprocessing._network_inputs import ArrayInputs, TableInputs
from skrec.recommenders import ALSRecommender, EASERecommender, ItemKNNRecommender
from skrec.recommenders._next import EventInputs
from skrec.recommenders._sides import TowerInputs
from skrec.recommenders.base import BaseRecommender
from skrec.training import resolve_device
from skrec.training._fit_file import UnusableFileError
from skrec.training.state import State


def make_sound(loaded: Any) -> Any:
    """Check all estimators in what was loaded, and build the models of the user's own.

    Parameters
    ----------
    loaded : estimator
        What was loaded.

    Returns
    -------
    estimator
        The same.

    Raises
    ------
    UnusableFileError
        If something does not fit the rest.
    """
    if not isinstance(loaded, BaseEstimator):
        raise UnusableFileError(f"it holds no estimator but {type(loaded).__name__}")
    for part in list(_parts(loaded, set())):
        if isinstance(part, BaseNetwork):
            _use_a_device_that_is_there(part)
            if part.__sklearn_is_fitted__():
                _check_network(part)
        elif isinstance(part, KerasEstimator):
            rebuild(part)
        if isinstance(part, BaseRecommender) and part.__sklearn_is_fitted__():
            _check_recommender(part)
        if isinstance(part, FieldEncoder) and hasattr(part, "columns_"):
            _check_encoder(part)
    return loaded


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Walk over an estimator and all that it holds."""
    if id(value) in seen or isinstance(value, np.ndarray | str | type):
        return
    seen.add(id(value))
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list | tuple | set):
        inner = list(value)
    else:
        yield value
        inner = list(getattr(value, "__dict__", {}).values())
    for part in inner:
        yield from _parts(part, seen)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise UnusableFileError(what)


def _use_a_device_that_is_there(estimator: Any) -> None:
    try:
        resolve_device(estimator.device)
    except ValueError:
        warn_user(
            f"{type(estimator).__name__} was saved with device={estimator.device!r}, "
            "which is not here: it is loaded with device='auto'."
        )
        estimator.device = "auto"


def _check_network(estimator: Any) -> None:
    """Check weights against the network, and this against what encodes X."""
    network, state = estimator._spec, estimator._state
    _require(isinstance(network, Network), "it has no network")
    _require(isinstance(state, State), "it has no weights")
    hash(network)  # options that are no plain values have none
    given = [(np.shape(w), str(np.asarray(w).dtype)) for w in state.weights]
    # Which stops where the options ask for more layers than the file has weights for.
    outline = network.outline([shape for shape, _ in given])
    expected = [(tuple(w.shape), str(w.dtype)) for w in outline.weights]
    _require(expected == given, "its weights have not the shapes of its network")
    epochs = (state.epoch, state.kept_epoch)
    _require(
        all(type(n) is int and n >= 0 for n in epochs), "its epochs are no numbers"
    )
    options: dict[str, Any] = dict(network.options)
    target, inputs = estimator._target, estimator._inputs
    known = ArrayInputs | TableInputs | EventInputs | TowerInputs
    _require(isinstance(inputs, known), "it has nothing that encodes X")
    if isinstance(target, Labels):
        same = np.array_equal(target.classes, estimator.classes_)
        _require(same, "its classes are others than those of its outputs")
    if isinstance(target, Labels | Numbers):
        same = options["n_outputs"] == target.n_outputs
        if isinstance(target, Numbers) and target.scaler.is_fitted:
            same &= np.size(target.scaler.centre) == target.n_outputs
        _require(same, "its network has not as many outputs as there are targets")
    if isinstance(inputs, TableInputs) and "fields" in options:
        same = options["fields"] == inputs.encoder.spec_
        _require(same, "its network is for other columns than it encodes")
    elif isinstance(inputs, ArrayInputs):
        n_channels = estimator._input_shape[-1]
        sizes = {len(inputs.seen.low), len(inputs.seen.high)}
        if inputs.how is not None:
            sizes |= {np.size(inputs.scaler.centre), np.size(inputs.scaler.scale)}
        _require(sizes == {n_channels}, "its scale is of another number of columns")


def _check_encoder(encoder: FieldEncoder) -> None:
    """Check that columns have tables, and numbers a scale."""
    spec, n_tables = encoder.spec_, len(encoder._vocabularies)
    tables = [column.table for column in encoder.columns_.values()]
    within = all(t is None or 0 <= t < n_tables for t in tables)
    _require(within, "a column has a table of ids that is not there")
    kinds = [column.kind for column in encoder.columns_.values()]
    known = set(kinds) <= {"id", "number", "sequence", "array"}
    _require(known, "a column is of a kind that is unknown")
    for kind in set(kinds):
        own = [c for c in encoder.columns_.values() if c.kind == kind]
        _require(
            [c.position for c in own] == list(range(len(own))),
            "columns are not in the order of their positions",
        )
        if kind in ("id", "sequence"):
            _require(all(c.table is not None for c in own), "a column has no table")
    numbers = encoder._numbers
    n_numbers = kinds.count("number")
    if n_numbers:
        sizes = {len(numbers.seen.low), len(numbers.seen.high)}
        if getattr(numbers.scaler, "is_fitted", False):
            sizes |= {np.size(numbers.scaler.centre), np.size(numbers.scaler.scale)}
        _require(sizes == {n_numbers}, "its scale is of another number of columns")
        places = np.asarray([*numbers.indicators, *numbers.empty], dtype=np.int64)
        inside = not len(places) or 0 <= places.min() <= places.max() < n_numbers
        _require(inside, "numbers are missing in a column that is not there")
    _require(len(encoder._array_scalers) == len(spec.arrays), "arrays have no scale")


def _check_log(log: Log) -> None:
    """Check that events are columns of one length, of codes that are there."""
    columns = [log.users, log.items, log.weights]
    columns += [] if log.times is None else [log.times]
    same = all(column.shape == (len(log.items),) for column in columns)
    _require(same, "the columns of its events differ in length")
    for codes, count in ((log.users, log.n_users), (log.items, log.n_items)):
        inside = not len(codes) or 0 <= codes.min() <= codes.max() < count
        _require(
            codes.dtype.kind == "i" and bool(inside),
            "its events hold codes of users or items that are not there",
        )


def _check_recommender(recommender: Any) -> None:
    """Check events against ids, and what scores against both."""
    log, known = recommender._log, recommender._interactions
    _check_log(log)
    _require(
        (log.n_users, log.n_items) == (len(known.users.ids), len(known.items.ids)),
        "its events are of other numbers of users and items than it knows",
    )
    shapes: list[tuple[int, ...]] = []
    expected: tuple[int, ...] = (log.n_items, log.n_items)
    times = log.times is None or known.time is not None
    _require(times, "its events have times that it does not read")
    if isinstance(recommender, EASERecommender):
        shapes = [np.shape(recommender.item_weights_)]
    elif isinstance(recommender, ItemKNNRecommender):
        _require(sparse.issparse(recommender.similarities_), "it has no similarities")
        shapes = [recommender.similarities_.shape]
    elif isinstance(recommender, ALSRecommender):
        factors = recommender._item_factors
        _require(np.ndim(factors) == 2, "its factors are no table")
        shapes = [factors.shape[:1]]
        expected = expected[:1]
    _require(
        all(shape == expected for shape in shapes),
        "what scores items is of another number of items",
    )
    if isinstance(recommender, BaseNetwork):
        options: dict[str, Any] = dict(recommender._spec.options)
        rows = options.get("n_rows"), options.get("n_user_rows")
        pairs = zip(rows, (log.n_items, log.n_users), strict=True)
        enough = all(size is None or size >= count for size, count in pairs)
        _require(enough, "its tables have fewer rows than there are users and items")
        if isinstance(recommender._inputs, TowerInputs):
            _check_towers(recommender._inputs, options, log)


def _check_towers(inputs: TowerInputs, options: dict[str, Any], log: Any) -> None:
    """Check that each user and item has inputs, and a code that a table has."""
    sizes = {
        "user": (log.n_users, options["n_user_rows"]),
        "item": (log.n_items, options["n_rows"]),
    }
    _require(inputs.arrays.keys() == sizes.keys(), "it has inputs for other sides")
    for side, (count, n_rows) in sizes.items():
        arrays = inputs.arrays[side]
        same = all(len(array) == count for array in arrays.values())
        _require(same, f"not every {side} has inputs")
        codes = arrays[side]
        inside = not len(codes) or 0 <= codes.min() <= codes.max() < n_rows
        _require(inside, f"a {side} has a code that is not there")
