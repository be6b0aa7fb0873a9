"""Attention: as computed by hand from vectors and kernels, by the user's own ids."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrec import DeepFMClassifier, DIENClassifier, DINClassifier, DINRegressor
from skrec.inspection import attention_weights
from skrec.recommenders import PopularRecommender, SASRecRecommender

SHARED = [("item", "before")]
RNG = np.random.default_rng(0)
KINDS = np.array([f"{kind}{k}" for kind in "abc" for k in range(3)])


def clicks(n, index=None):
    """Make rows in which the target is liked by who had one of its kind before."""
    before = [list(RNG.choice(KINDS, RNG.integers(0, 6))) for _ in range(n)]
    item = RNG.choice(KINDS, n)
    y = [int(any(i[0] == b[0] for b in bs)) for i, bs in zip(item, before, strict=True)]
    return pd.DataFrame({"item": item, "before": before}, index=index), np.array(y)


def layer_weights(model, *names):
    """Return kernels and biases of a fitted network's layers, by name."""
    core = model._keras_model()
    core.set_weights(model._current_state().weights)
    return [core.get_layer(name).get_weights() for name in names]


def test_the_scores_of_din_are_those_of_its_small_network():
    X, y = clicks(60, index=[f"r{k}" for k in range(60)])
    model = DINRegressor(
        "4", attention_units="5", activation="relu", embedding_dim=3,
        shared_embeddings=SHARED, epochs=2, random_state=0,
    ).fit(X, y.astype(float))  # fmt: skip

    found = attention_weights(model, X)

    vectors = model.embeddings_("item")
    core = model._keras_model()
    core.set_weights(model._current_state().weights)
    (hidden,) = [
        layer.get_weights()
        for layer in core.layers
        if getattr(layer, "units", 0) == 5 and layer.weights
    ]
    (output,) = layer_weights(model, "attention_0")
    step = vectors.loc[found["item"]].to_numpy()
    target = vectors.loc[found["target"]].to_numpy()
    x = np.concatenate([step, target, step - target, step * target], axis=1)
    scores = np.maximum(x @ hidden[0] + hidden[1], 0) @ output[0] + output[1]
    assert np.allclose(found["weight"], scores[:, 0], atol=1e-5)
    expected = [(r, i) for r, items in X["before"].items() for i in items]
    assert [*zip(found["row"], found["item"], strict=True)] == expected
    assert found.groupby("row", sort=False)["ago"].last().eq(1).all()


@pytest.mark.nightly
def test_the_weights_of_dien_sum_to_one_and_come_from_its_states():
    X, y = clicks(80)
    model = DIENClassifier(
        "4", embedding_dim=3, shared_embeddings=SHARED, epochs=2, random_state=0
    ).fit(X, y)

    found = attention_weights(model, X)

    assert np.allclose(found.groupby("row")["weight"].sum(), 1)
    core = model._keras_model()
    core.set_weights(model._current_state().weights)
    gru = next(one for one in core.layers if type(one).__name__ == "GRU")
    projection = next(  # of the target, to be compared with states
        one for one in core.layers
        if type(one).__name__ == "Dense" and not one.use_bias
    )  # fmt: skip
    longest = int(X["before"].str.len().argmax())
    cells = X["before"].iloc[longest]
    states = np.zeros((1, 3))
    vectors = model.embeddings_("item")
    for item in cells:
        states = np.vstack([states, gru_step(gru, vectors.loc[item], states[-1])])
    target = (
        vectors.loc[X["item"].iloc[longest]].to_numpy() @ projection.get_weights()[0]
    )
    own = found["weight"][found["row"] == longest]
    assert np.allclose(own, softmax(states[1:] @ target), atol=1e-5)


def gru_step(gru, x, state):
    """Compute a step of Keras's GRU, which resets after the product."""
    kernel, recurrent, bias = gru.get_weights()
    inner = (x.to_numpy() @ kernel + bias[0]).reshape(3, -1)
    outer = (state @ recurrent + bias[1]).reshape(3, -1)
    update, reset = 1 / (1 + np.exp(-(inner[:2] + outer[:2])))
    candidate = np.tanh(inner[2] + reset * outer[2])
    return update * state + (1 - update) * candidate


@pytest.mark.nightly
def test_numbers_and_separators_are_told_as_they_stand_in_x():
    X = pd.DataFrame(
        {"item": [3, 5, 7, 3] * 10, "before": ["5|3", "", "7", "3|7"] * 10}
    )
    model = DINClassifier(
        "4",
        categorical_features=["item"],
        sequence_features={"before": "|"},
        shared_embeddings=SHARED,
        max_len=1,
        epochs=1,
    )
    model.fit(X.assign(item=X["item"].astype(str)), [0, 1, 0, 1] * 10)

    found = attention_weights(model, X[:4].assign(item=X["item"].astype(str)))

    assert found["row"].tolist() == [0, 2, 3]
    assert found["item"].tolist() == ["3", "7", "7"]  # the last alone
    assert found["target"].tolist() == ["3", "7", "3"]


def log(lengths):
    """Make events of users who each go on from where they began."""
    rows = [
        (f"u{user}", f"i{(user + k) % 15}")
        for user, n in enumerate(lengths)
        for k in range(n)
    ]
    return pd.DataFrame(rows, columns=["who", "what"])


LENGTHS = [3, 12, 1, 9, 10, 11, 2] * 3


def test_self_attention_is_that_of_the_last_step():
    events = log(LENGTHS)
    model = SASRecRecommender(
        units=8, num_blocks=1, epochs=2, random_state=0, dropout=0.2
    ).fit(events)
    users = ["u1", "u0", "u2"]

    found = attention_weights(model, users)

    names = "items", "positions", "query_0", "key_0"
    (table, *_), (places,), query, key = layer_weights(model, *names)
    (norm, *_) = [w for w in _norms(model)]
    for user in users:
        own = found[found["who"] == user]
        items = events.loc[events["who"] == user, "what"].tolist()
        items = items[-len(places) :]
        assert own["what"].tolist() == items
        assert own["ago"].tolist() == [*range(len(items), 0, -1)]
        codes = np.searchsorted(model.items_, items)
        x = table[codes] * 8**0.5 + places[-len(items) :]
        last = x[-1]
        normed = (last - last.mean()) / np.sqrt(last.var() + 1e-8) * norm[0] + norm[1]
        scores = (x @ key[0] + key[1]) @ (normed @ query[0] + query[1]) / 8**0.5
        assert np.allclose(own["weight"], softmax(scores), atol=1e-4)
    nobody = attention_weights(model, [])
    assert nobody.empty and list(nobody) == list(found)


def _norms(model):
    core = model._keras_model()
    core.set_weights(model._current_state().weights)
    for layer in core.layers:
        if type(layer).__name__ == "LayerNormalization":
            yield layer.get_weights()


@pytest.mark.nightly
def test_each_block_and_head_shares_out_one():
    events = log(LENGTHS)
    model = SASRecRecommender(
        units=8, num_blocks=2, num_heads=2, epochs=1, random_state=0
    ).fit(events)

    found = attention_weights(model, model.users_)
    later = attention_weights(model, None, history=log([2]).replace("u0", "new"))

    sums = found.groupby(["who", "block", "head"])["weight"].sum()
    assert len(sums) == 4 * len(model.users_)
    assert np.allclose(sums, 1)
    assert later["who"].unique().tolist() == ["new"]
    assert later["what"].tolist() == ["i0", "i1"] * 4
    nothing = attention_weights(model, ["who is that?"])
    assert list(nothing) == list(found)
    assert len(nothing) == 0


@pytest.mark.nightly
def test_histories_of_one_item_have_all_of_it():
    events = log([2] * 12)
    model = SASRecRecommender(
        units=4, epochs=1, early_stopping=False, max_len=1, random_state=0
    ).fit(events)

    assert attention_weights(model, ["u3"])["weight"].tolist() == [1, 1]


@pytest.mark.nightly
def test_searches_and_pipelines_are_looked_into():
    X, y = clicks(40)
    pipe = make_pipeline(DINClassifier("4", shared_embeddings=SHARED, epochs=1))
    search = GridSearchCV(pipe, {"dinclassifier__random_state": [0]}, cv=2).fit(X, y)

    inner = attention_weights(search.best_estimator_[-1], X)
    assert attention_weights(search, X).equals(inner)


def test_what_has_no_attention_is_refused():
    X, y = clicks(40)
    with pytest.raises(TypeError, match="Received: DeepFMClassifier"):
        attention_weights(DeepFMClassifier(), X)
    with pytest.raises(TypeError, match="Received: PopularRecommender"):
        attention_weights(PopularRecommender(), X)
    model = DINClassifier("4", shared_embeddings=SHARED, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="history is for recommenders"):
        attention_weights(model, X, history=X)
    alone = DINClassifier("4", epochs=1).fit(X[["item"]], y)
    with pytest.raises(ValueError, match=r"no history with a target.*\['item'\]"):
        attention_weights(alone, X[["item"]])
