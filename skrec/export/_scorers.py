"""What scores all items, for each kind of recommender, in a graph."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from skrec.export._graph import MOST_BYTES, Graph
from skrec.export._network import converted, single_precision, traced
from skrec.recommenders import (
    BPRRecommender,
    EASERecommender,
    ItemKNNRecommender,
    NeuMFRecommender,
    PopularRecommender,
    TwoTowerRecommender,
)
from skrec.recommenders.base import BaseRecommender
from skrec.recommenders.network import weight_places
from skrec.recommenders.sequences import SequenceRecommender

TINY = float(np.finfo(np.float32).tiny)


class Asked(NamedTuple):
    """What is known of who asks, as names in a graph; -1 is nobody and nothing.

    Parameters
    ----------
    user : str
        Codes of users, (batch, 1).
    history : str
        Codes of the items of the history, (batch, length).
    events, weights : str
        Codes of the items of the history, or of those of `fit`, and what each counts.
    recent : str
        The last of these, for recommenders of sequences; empty for others.
    known : str
        Whether anything is known.
    """

    user: str
    history: str
    events: str
    weights: str
    recent: str
    known: str


def scores_of(graph: Graph, model: BaseRecommender, asked: Asked) -> str:
    """Add what scores all items.

    Parameters
    ----------
    graph : Graph
        Where to.
    model : BaseRecommender
        Fitted.
    asked : Asked
        Who asks.

    Returns
    -------
    str
        Scores of shape (batch, n_items).

    Raises
    ------
    TypeError
        If ONNX cannot do what the recommender does.
    """
    if isinstance(model, SequenceRecommender):
        return _of_sequences(graph, model, asked)
    if isinstance(model, BPRRecommender):
        users, items, bias = _weights(model, "users", "items", "item_bias")
        users, items = users[: model._log.n_users], items[: model._log.n_items]
        length = float(np.linalg.norm(users, axis=1).mean())
        bias = bias[: len(items), 0]
        return _of_products(graph, asked, users, items, bias, length)
    if isinstance(model, TwoTowerRecommender):
        users, items = model._user_vectors(), model.item_embeddings_.to_numpy()
        return _of_products(graph, asked, users, items, None, 1.0)
    if isinstance(model, NeuMFRecommender):
        return _of_towers(graph, model, asked)
    if isinstance(model, PopularRecommender):
        return graph.constant(model._item_counts_[None].astype(np.float64))
    if isinstance(model, EASERecommender):
        return _of_events(graph, asked, model.item_weights_)
    if isinstance(model, ItemKNNRecommender):
        _require_room(model, 4 * model._log.n_items**2)
        return _of_events(graph, asked, model.similarities_.toarray())
    raise TypeError(
        f"to_onnx cannot write {type(model).__name__}, which computes more for each "
        "user than a graph can: take another recommender, or serve it with skrec. "
        f"Received: {model!r}."
    )


def _require_room(model: BaseRecommender, n_bytes: int) -> None:
    if n_bytes > MOST_BYTES:
        raise ValueError(
            f"to_onnx writes a number for each pair of items of {type(model).__name__},"
            " and a file holds no more than 2 GB: leave out rare items. Received: "
            f"{model._log.n_items} items."
        )


def _weights(model: Any, *names: str) -> list[np.ndarray]:
    """Return tables of a network by the names of their layers."""
    places, weights = weight_places(model._spec), model._current_state().weights
    return [weights[places[f"{name}/embeddings"]] for name in names]


def _of_events(graph: Graph, asked: Asked, weights: np.ndarray) -> str:
    """Sum the rows of a matrix of the items that somebody had."""
    n_items = len(weights)
    nowhere = graph.constant(np.array(n_items))
    is_item = graph.add("GreaterOrEqual", asked.events, graph.constant(np.array(0)))
    places = graph.add("Where", is_item, asked.events, nowhere)
    shape = graph.add("Shape", asked.events)
    n_rows = graph.add("Gather", shape, graph.constant(np.array([0])), axis=0)
    width = graph.constant(np.array([n_items + 1]))
    nothing = graph.constant(np.zeros((1, 1), np.float32))
    blank = graph.add("Expand", nothing, graph.add("Concat", n_rows, width, axis=0))
    had = graph.add(
        "ScatterElements", blank, places, asked.weights, axis=1, reduction="max"
    )
    ends = [graph.constant(np.array([value])) for value in (0, n_items, 1)]
    had = graph.add("Slice", had, *ends)
    return graph.add("MatMul", had, graph.constant(weights.astype(np.float32)))


def _embedded(
    graph: Graph, function: Any, specs: dict[str, tf.TensorSpec], inputs: dict[str, str]
) -> str:
    return graph.embed(traced(function, specs), inputs)[0]


def _codes(width: int | None) -> tf.TensorSpec:
    return tf.TensorSpec([None, width], tf.int64)


def _of_products(
    graph: Graph,
    asked: Asked,
    users: np.ndarray,
    items: np.ndarray,
    bias: np.ndarray | None,
    length: float,
) -> str:
    """Multiply vectors; those of new users are means of those of their history."""
    users, items = users.astype(np.float32), items.astype(np.float32)

    def run(given: dict[str, Any]) -> Any:
        user, history = given["user"], given["history"]
        vectors = tf.constant(items)
        known = tf.gather(tf.constant(users), tf.maximum(user[:, 0], 0))
        # What is there twice counts once.
        same = tf.equal(history[:, :, None], history[:, None, :])
        order = tf.range(tf.shape(history)[1])
        earlier = tf.logical_and(same, order[None, :] < order[:, None])
        again = tf.reduce_sum(tf.cast(earlier, tf.float32), axis=2) > 0
        counts = tf.logical_and(history >= 0, tf.logical_not(again))
        own = tf.gather(vectors, tf.maximum(history, 0))
        means = tf.reduce_sum(own * tf.cast(counts, own.dtype)[..., None], axis=1)
        size = tf.sqrt(tf.reduce_sum(means * means, axis=1, keepdims=True))
        means *= length / tf.maximum(size, TINY)
        vector = tf.where(user >= 0, known, means)
        scores = tf.matmul(vector, tf.transpose(vectors))
        return [scores if bias is None else scores + bias.astype(np.float32)]

    inputs = {"user": asked.user, "history": asked.history}
    return _embedded(graph, run, {"user": _codes(1), "history": _codes(None)}, inputs)


def _of_towers(graph: Graph, model: NeuMFRecommender, asked: Asked) -> str:
    """Multiply vectors, and send each pair of others through a tower."""
    places, weights = weight_places(model._spec), model._current_state().weights
    names = ("users/embeddings", "items/embeddings")
    users, items = (weights[places[name]].astype(np.float32) for name in names)
    items = items[: model._log.n_items]
    layers = [weights[place] for name, place in places.items() if name not in names]
    kernels, biases = layers[::2], layers[1::2]
    n_factors = int(model.num_factors)
    dim = users.shape[1] - n_factors
    of_items = items[:, n_factors:] @ kernels[0][dim:]
    factors = (items[:, :n_factors] * kernels[-1][:n_factors, 0]).T

    def run(given: dict[str, Any]) -> Any:
        own = tf.gather(tf.constant(users), tf.maximum(given["user"][:, 0], 0))
        x = tf.matmul(own[:, n_factors:], kernels[0][:dim]) + biases[0]
        x = tf.nn.relu(x[:, None] + of_items[None])
        for kernel, bias in zip(kernels[1:-1], biases[1:-1], strict=True):
            x = tf.nn.relu(tf.matmul(x, kernel) + bias)
        high = tf.matmul(x, kernels[-1][n_factors:])[..., 0]
        return [tf.matmul(own[:, :n_factors], factors) + biases[-1] + high]

    return _embedded(graph, run, {"user": _codes(1)}, {"user": asked.user})


def _of_sequences(graph: Graph, model: SequenceRecommender, asked: Asked) -> str:
    """Multiply the last state of a network with the vectors of items."""
    weights = model._current_state().weights
    places, n_items = weight_places(model._spec), model._log.n_items
    items = weights[places["items/embeddings"]][:n_items].astype(np.float32)
    bias = places.get("items/item_bias")
    core = single_precision(model._spec, weights)
    # The loss, beside it, is left out: it draws.
    joined = core.output._keras_history.operation
    state = joined._inbound_nodes[0].input_tensors[1]
    network = keras.Model(core.input["history"], state)

    def run(given: dict[str, Any]) -> Any:
        codes = tf.cast(given["recent"], tf.int32)
        scores = tf.matmul(network(codes, training=False), tf.constant(items.T.copy()))
        return [scores if bias is None else scores + weights[bias][:n_items]]

    found = converted(network, run, {"recent": _codes(model._length)})
    return graph.embed(found, {"recent": asked.recent})[0]
