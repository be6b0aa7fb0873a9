"""Recommenders as graphs: from a user, or from what the user had, to the best items."""

from typing import Any

import numpy as np

from skrec.export._described import Ids, ids_of
from skrec.export._graph import BATCH, Graph
from skrec.export._schema import Column
from skrec.export._scorers import Asked, scores_of
from skrec.export._tables import last_steps
from skrec.preprocessing._vocabulary import Vocabulary
from skrec.recommenders.base import BaseRecommender
from skrec.recommenders.sequences import SequenceRecommender

NOBODY = -1  # code of an unknown user, and of no item


def recommender_graph(model: BaseRecommender) -> tuple[Graph, dict[str, Any]]:
    """Make the graph of a recommender.

    Parameters
    ----------
    model : BaseRecommender
        Fitted.

    Returns
    -------
    graph : Graph
        From a user and a history to the best items.
    schema : dict
        What goes in and comes out.
    """
    graph = Graph()
    users = _known(model._interactions.users, "user")
    items = _known(model._interactions.items, "item")
    columns = _columns(users, items)
    graph.add_inputs(columns)
    graph.input("n", "int64", [1])
    graph.input("exclude_seen", "bool", [1])
    asked = _asked(graph, model, users, items)
    scores = graph.add(
        "Cast", scores_of(graph, model, asked), to=graph.onnx.TensorProto.DOUBLE
    )
    scores = _with_unknown(graph, model, scores, asked.known)
    scores = _without_seen(graph, scores, asked.events, len(model.items_))
    _add_best(graph, model, scores, items)
    known = graph.add("Squeeze", asked.known, _axes(graph, 1))
    graph.output("known", known, "bool", [BATCH])
    return graph, _schema(model, columns)


def _columns(users: Ids, items: Ids) -> list[Column]:
    user = {key: users.special[key] for key in ("missing", "unknown")}
    return [
        Column("user", "id", users.dtype, required=False, **user),
        Column("history", "list", items.dtype, (None,), 1, False, **items.special),
    ]


def _schema(model: BaseRecommender, columns: list[Column]) -> dict[str, Any]:
    return {
        "input": "recommender",
        "columns": columns,
        "options": [
            {"name": "n", "dtype": "int64", "shape": [1], "default": 10},
            {"name": "exclude_seen", "dtype": "bool", "shape": [1], "default": True},
        ],
        "task": "recommender",
        "classes": None,
        "outputs": ["items", "scores", "known"],
        "unknown": model.unknown,
        "user_col": model.user_col_,
        "item_col": model.item_col_,
        "n_items": len(model.items_),
    }


def _known(vocabulary: Vocabulary, what: str) -> Ids:
    """Read ids, whose codes count from 0."""
    ids = ids_of(vocabulary, [what])
    return ids._replace(codes=np.arange(len(ids.keys)))


# ---- what is known of who asks -------------------------------------------------------


def _asked(graph: Graph, model: BaseRecommender, users: Ids, items: Ids) -> Asked:
    """Look up the user, and the events: those of the history, or else of `fit`."""
    nobody = graph.constant(np.array([NOBODY]))
    user = graph.look_up("user", users.keys, users.codes, NOBODY)
    history = graph.look_up("history", items.keys, items.codes, NOBODY)
    kind = object if items.dtype == "string" else items.dtype
    padding = np.array([items.special["padding"]], dtype=kind)
    is_given = graph.look_up("history", padding, np.zeros(1, np.int64), 1)
    nothing = graph.constant(np.array([[0]]), "nothing")
    given = graph.add(
        "ReduceMax", _with_column(graph, is_given, nothing), _axes(graph, 1)
    )
    own, weights = _events_of_fit(graph, model, user, given)
    one = graph.add("Cast", is_given, to=graph.onnx.TensorProto.FLOAT)
    events = graph.add("Concat", own, history, axis=1)
    weights = graph.add("Concat", weights, one, axis=1)
    recent = ""
    if isinstance(model, SequenceRecommender):
        there = graph.add("Greater", events, nobody)
        there = graph.add("Cast", there, to=graph.onnx.TensorProto.INT64)
        length = model._length
        recent = last_steps(graph, events, there, length, length, NOBODY)
    has_events = graph.add(
        "Greater",
        graph.add("ReduceMax", _with_column(graph, events, nobody), _axes(graph, 1)),
        nobody,
    )
    is_user = graph.add("Greater", user, nobody)
    known = _is_known(graph, model, is_user, has_events)
    return Asked(user, history, events, weights, recent, known)


def _is_known(graph: Graph, model: BaseRecommender, user: str, events: str) -> str:
    """Tell of whom something is known, by what the recommender goes by."""
    from skrec.recommenders.neumf import NeuMFRecommender
    from skrec.recommenders.pairs import PairRecommender

    if isinstance(model, NeuMFRecommender):
        return user
    if isinstance(model, PairRecommender):
        return graph.add("Or", user, events)
    return events


def _axes(graph: Graph, axis: int) -> str:
    return graph.constant(np.array([axis]))


def _with_column(graph: Graph, rows: str, value: str) -> str:
    """Put a column of one value in front, so that there is one."""
    n_rows = graph.add(
        "Gather", graph.add("Shape", rows), graph.constant(np.array([0])), axis=0
    )
    shape = graph.add("Concat", n_rows, graph.constant(np.array([1])), axis=0)
    return graph.add("Concat", graph.add("Expand", value, shape), rows, axis=1)


def _events_of_fit(
    graph: Graph, model: BaseRecommender, user: str, given: str
) -> tuple[str, str]:
    """Return the items and weights of those without a history, padded at the end."""
    log, dtypes = model._log, graph.onnx.TensorProto
    starts = np.append(log.starts[:-1], 0).astype(np.int64)
    lengths = np.append(np.diff(log.starts), 0).astype(np.int64)
    zero = graph.constant(np.array(0))
    is_nobody = graph.add("Less", user, zero)
    place = graph.add("Where", is_nobody, graph.constant(np.array(log.n_users)), user)
    first = graph.add("Gather", graph.constant(starts, "starts"), place, axis=0)
    count = graph.add("Gather", graph.constant(lengths, "lengths"), place, axis=0)
    free = graph.add("Sub", graph.constant(np.array(1)), given)
    count = graph.add("Mul", count, free)
    flat = graph.add("Reshape", count, graph.constant(np.array([-1])))
    every = graph.add("Concat", flat, graph.constant(np.array([0])), axis=0)
    longest = graph.add("ReduceMax", every, keepdims=0)
    steps = graph.add("Range", zero, longest, graph.constant(np.array(1)))
    there = graph.add("Less", steps, count)
    last = graph.constant(np.array(len(log) - 1))
    places = graph.add("Min", graph.add("Add", first, steps), last)
    items = graph.add(
        "Gather", graph.constant(log.items.astype(np.int32), "log"), places, axis=0
    )
    items = graph.add("Cast", items, to=dtypes.INT64)
    items = graph.add("Where", there, items, graph.constant(np.array(NOBODY)))
    if (log.weights == 1).all():
        return items, graph.add("Cast", there, to=dtypes.FLOAT)
    own = graph.constant(log.weights.astype(np.float32), "weights")
    weights = graph.add("Gather", own, places, axis=0)
    nothing = graph.constant(np.array(0, np.float32))
    return items, graph.add("Where", there, weights, nothing)


# ---- from scores to items ------------------------------------------------------------


def _with_unknown(graph: Graph, model: BaseRecommender, scores: str, known: str) -> str:
    """Score by how many have an item where nothing is known, or recommend nothing."""
    other = model._item_counts_.astype(np.float64)
    if model.unknown == "error":
        other = np.full(len(other), -np.inf)
    return graph.add("Where", known, scores, graph.constant(other, "popular"))


def _without_seen(graph: Graph, scores: str, events: str, n_items: int) -> str:
    """Give what was seen the score -inf, if asked to."""
    nowhere = graph.constant(np.array(n_items))
    is_item = graph.add("GreaterOrEqual", events, graph.constant(np.array(0)))
    hidden = graph.add("And", is_item, "exclude_seen")
    places = graph.add("Where", hidden, events, nowhere)
    lowest = graph.constant(np.array(-np.inf))
    lowest = graph.add("Expand", lowest, graph.add("Shape", places))
    blank = graph.constant(np.array([[0.0]]))
    shape = graph.add("Shape", scores)
    n_rows = graph.add("Gather", shape, graph.constant(np.array([0])), axis=0)
    one = graph.constant(np.array([1]))
    blank = graph.add("Expand", blank, graph.add("Concat", n_rows, one, axis=0))
    wider = graph.add("Concat", scores, blank, axis=1)
    wider = graph.add("ScatterElements", wider, places, lowest, axis=1)
    ends = [graph.constant(np.array([value])) for value in (0, n_items, 1)]
    return graph.add("Slice", wider, *ends)


def _add_best(graph: Graph, model: BaseRecommender, scores: str, items: Ids) -> None:
    """Add the best items and their scores; of equal ones, in the order of their ids."""
    order = model._candidates(None)
    if (order != np.arange(len(order))).any():  # new ones came by partial_fit
        scores = graph.add("Gather", scores, graph.constant(order), axis=1)
    n = graph.add("Min", "n", graph.constant(np.array([len(order)])))
    best, places = graph.add_several(2, "TopK", scores, n, axis=1)
    ids = graph.constant(items.keys[order], "items")
    found = graph.add("Gather", ids, places, axis=0)
    graph.output("items", found, items.dtype, [BATCH, "n_best"])
    graph.output("scores", best, "float64", [BATCH, "n_best"])
