"""What networks with attention look at in a history."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skrec._inside import innermost
from skrec.estimators._interest import pairs_of
from skrec.estimators.dien import DIENClassifier, DIENRegressor
from skrec.estimators.din import DINClassifier, DINRegressor
from skrec.networks._attention import PackSteps, attention_name
from skrec.networks._steps import ByLength
from skrec.preprocessing._frames import as_frame
from skrec.preprocessing._lists import flatten
from skrec.recommenders.sasrec import BSARecRecommender, SASRecRecommender
from skrec.training._global_generators import global_generators

OF_TABLES = DINClassifier, DINRegressor, DIENClassifier, DIENRegressor
OF_EVENTS = SASRecRecommender, BSARecRecommender
ROWS = 512  # at once


def attention_weights(estimator: Any, X: Any, *, history: Any = None) -> pd.DataFrame:
    """Return how much a network attends to each item of a history.

    Parameters
    ----------
    estimator : estimator
        A fitted `DINClassifier`, `DIENClassifier`, `SASRecRecommender` or
        `BSARecRecommender`, or the regressor; a pipeline that ends in one, or a search.
    X : DataFrame of shape (n_rows, n_columns), or array-like of shape (n_users,)
        Rows as `predict` takes them; of a recommender, ids of users as `recommend`
        takes them.
    history : DataFrame or array-like of shape (n_events, n_columns), default=None
        Events instead of those of `fit`, as `recommend` takes them; of a recommender
        alone.

    Returns
    -------
    DataFrame
        A row for each item that the network reads, those of a history in their order.
        Of a table: ``row``, the index of X, or the position of a row without one;
        ``history``, the column of lists; ``target``, the id that it is weighed by;
        ``ago``, 1 for the last item of the list; ``item``, as it stands there; and
        ``weight``. Of a recommender: the users and the items, named as in X of `fit`,
        and ``block``, ``head``, ``ago`` and ``weight``: what the last step, of which
        comes what is recommended, looks back at.

    Raises
    ------
    TypeError
        If the network has no attention over a history.

    Notes
    -----
    DIN sums the items with the scores of a small network, which nothing divides by
    their sum, so that the sum tells how much interest there is [1]_: they do not sum to
    1, and they may be negative. Those of DIEN sum to 1 over a history, and those of
    self-attention over the history in each block and head. In the second block and
    later ones a step stands for what it has taken up from those before it as well as
    for its item, and a weight tells where the network looks, not what would change if
    the item were gone [2]_: for that, leave it out and predict.

    References
    ----------
    .. [1] G. Zhou et al., "Deep interest network for click-through rate prediction",
       KDD 2018, section 4.3.
    .. [2] S. Jain and B. Wallace, "Attention is not explanation", NAACL 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DIENClassifier
    >>> from skrec.inspection import attention_weights
    >>> X = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea", "rice"] * 10,
    ...         "before": [["milk"], ["tea", "milk"], [], ["rice"]] * 10,
    ...     }
    ... )
    >>> clf = DIENClassifier(
    ...     "8", shared_embeddings=[("item", "before")], epochs=1, random_state=0
    ... ).fit(X, [0, 1, 0, 1] * 10)
    >>> found = attention_weights(clf, X[:2])
    >>> found[["row", "target", "ago", "item"]].values.tolist()
    [[0, 'tea', 1, 'milk'], [1, 'milk', 2, 'tea'], [1, 'milk', 1, 'milk']]
    >>> print(found.groupby("row")["weight"].sum().round(5).tolist())
    [1.0, 1.0]
    """
    (model,) = innermost(estimator)
    check = isinstance(model, (*OF_TABLES, *OF_EVENTS))
    if not check:
        raise TypeError(
            "estimator must be a DIN, DIEN, SASRec or BSARec, alone, in a search or at "
            "the end of a pipeline: others have no attention over a history. Received: "
            f"{type(model).__name__}."
        )
    check_is_fitted(model)
    if isinstance(model, OF_EVENTS):
        return _of_users(model, X, history)
    if history is not None:
        raise ValueError(
            f"history is for recommenders; {type(model).__name__} finds it in X. "
            f"Received: history of type {type(history).__name__}."
        )
    _, X = innermost(estimator, X)
    return _of_rows(model, X)


def _network(model: Any) -> keras.Model:
    """Build a private copy of the network."""
    core = model._keras_model()
    core.set_weights(model._current_state().weights)
    return core


def _blocks(network: keras.Model, x: Any, n_rows: int) -> Iterator[tuple[slice, Any]]:
    """Compute outputs, some rows at a time."""
    for rows in gen_batches(n_rows, ROWS):
        some = {name: array[rows] for name, array in x.items()}
        with global_generators(0):
            outputs = network(some, training=False)
        several = outputs if isinstance(outputs, list) else [outputs]
        yield rows, [keras.ops.convert_to_numpy(output) for output in several]


# ---- tables --------------------------------------------------------------------------


def _of_rows(model: Any, X: Any) -> pd.DataFrame:
    """Return the weights of each history that has a target."""
    encoder, inputs = model.encoder_, model._inputs
    checked = model._checked(X, reset=False)
    table = as_frame(inputs._selected(checked))
    x = inputs.prepare(inputs.encode(checked), dtype=model._float)
    pairs = pairs_of(encoder, model.shared_embeddings, type(model).__name__)
    names = {
        (column.kind, column.position): name
        for name, column in encoder.columns_.items()
    }
    labels = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(table))
    weights = _weights_of_rows(model, x, [history for _, history in pairs], len(table))
    parts = []
    for target, history in pairs:
        list_name, target_name = names["sequence", history], names["id", target]
        reading = encoder._readings[history]
        cells = table[list_name]
        lengths, items = flatten(cells, list_name, encoder.max_len, reading)
        row = np.repeat(np.arange(len(table)), lengths)
        ends = np.cumsum(lengths)
        ago = ends[row] - np.arange(len(row))
        parts.append(
            pd.DataFrame(
                {
                    "row": labels[row],
                    "history": list_name,
                    "target": table[target_name].to_numpy()[row],
                    "ago": ago,
                    "item": np.asarray(items),
                    "weight": weights[history][row, -ago],
                }
            )
        )
    if not parts:
        raise ValueError(
            "X has no history with a target, so that there is no attention: see "
            f"shared_embeddings. Received: columns {list(encoder.columns_)}."
        )
    return pd.concat(parts, ignore_index=True)


def _weights_of_rows(
    model: Any, x: Any, histories: list[int], n_rows: int
) -> dict[int, np.ndarray]:
    """Return weights of shape (n_rows, length) by position of the history."""
    core = _network(model)
    layers = {layer.name: layer for layer in core.layers}
    for layer in core.layers:
        if isinstance(layer, PackSteps):
            layer.packs = False  # so that padding has a place too
    found = {h: (x[f"sequence_{h}"] > 0).astype(float) for h in histories}
    # Of a history of one step DIEN computes nothing: all attention is on it.
    known = [h for h in histories if attention_name(h) in layers]
    if not known:
        return found
    tensors = [layers[attention_name(h)].output for h in known]
    network = keras.Model(core.input, tensors)
    for rows, outputs in _blocks(network, x, n_rows):
        for history, output in zip(known, outputs, strict=True):
            mask = found[history][rows]
            found[history][rows] = output.reshape(mask.shape) * mask
    return found


# ---- events --------------------------------------------------------------------------


def _of_users(model: Any, users: Any, history: Any) -> pd.DataFrame:
    """Return what the last step of each user looks back at."""
    ids, histories = model._asked(users, history)
    x = model._asked_rows(histories)
    codes = x["history"]
    lengths = (codes >= 0).sum(axis=1)
    shape = model.num_blocks, model.num_heads, *codes.shape
    weights = _weights_of_users(model, x, lengths, np.zeros(shape))
    user, step = np.nonzero(codes >= 0)
    n_steps = len(user)
    block, head = (
        np.repeat(index.ravel(), n_steps) for index in np.indices(shape[:2]) + 1
    )
    n_times = len(block) // n_steps if n_steps else 0
    user, step = np.tile(user, n_times), np.tile(step, n_times)
    items = model.items_[codes[user, step]]
    frame = pd.DataFrame(
        {
            model.user_col_: model._as_given(ids[user], 0),
            "block": block,
            "head": head,
            "ago": codes.shape[1] - step,
            model.item_col_: model._as_given(items, 1),
            "weight": weights[block - 1, head - 1, user, step],
        }
    )
    order = np.lexsort([step, head, block, user])
    return frame.iloc[order].reset_index(drop=True)


def _weights_of_users(
    model: Any, x: Any, lengths: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Fill in weights of shape (n_blocks, n_heads, n_users, length)."""
    if not weights.size:  # of no user
        return weights
    core = _network(model)
    groups = [layer.sizes for layer in core.layers if isinstance(layer, ByLength)]
    n_blocks, _, n_users, length = weights.shape
    if length == 1:  # a step that is alone has nothing to choose from
        weights[..., 0] = lengths > 0
        return weights
    sizes = [*pairwise([0, *groups[0]])]
    tensors = [
        core.get_layer(attention_name(k, size)).input
        for k in range(n_blocks)
        for _, size in sizes
    ]
    for rows, outputs in _blocks(keras.Model(core.input, tensors), x, n_users):
        own = lengths[rows]
        parts = iter(outputs)
        for k in range(n_blocks):
            for (shorter, size), shares in zip(sizes, parts, strict=False):
                group = np.flatnonzero((own > shorter) & (own <= size))
                for user, share in zip(group, shares, strict=True):
                    n = own[user]
                    last = share[:, n - 1, :n]
                    weights[k, :, rows.start + user, length - n :] = last
    return weights
