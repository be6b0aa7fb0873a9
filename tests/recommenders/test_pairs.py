"""BPR, NeuMF and two towers: what they learn, draw, keep and refuse."""

import pickle
import warnings
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV

from skrec.estimators._prepared import Given
from skrec.metrics import ndcg_at_k
from skrec.preprocessing._interactions import sorted_log
from skrec.preprocessing._unseen import Unseen
from skrec.recommenders import (
    BPRRecommender,
    GRU4RecRecommender,
    NeuMFRecommender,
    TwoTowerRecommender,
    network,
)
from skrec.training import rows
from skrec.training._digest import digest
from skrec.training.fit_key import _row_items
from skrec.training.loop import needs_model_fit
from skrec.training.rows import Rows
from tests.night import by_day

# Even users like even items. Each user lacks one item of those: its own number.
BOARD = pd.DataFrame(
    [(u, i) for u in range(20) for i in range(20) if (u + i) % 2 == 0 and u != i],
    columns=["user", "item"],
).sample(frac=1, random_state=0)
COMMON = {"random_state": 0, "batch_size": 64, "epochs": 100}
MODELS = [
    BPRRecommender(embedding_dim=16, learning_rate=0.05, **COMMON),
    NeuMFRecommender(learning_rate=0.01, **COMMON),
    TwoTowerRecommender(learning_rate=0.01, **COMMON),
]
ITEMS = pd.DataFrame({"item": range(22), "kind": ["even", "odd"] * 11})


def named(*names):
    """Leave all models but these to the night."""
    cases = [pytest.param(model, id=type(model).__name__) for model in MODELS]
    return by_day(cases, *names)


each_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)


def short(model, **params):
    """Return a model that is trained for a few epochs."""
    params = {"epochs": 2, "early_stopping": False, **params}
    return sklearn.clone(model).set_params(**params)


def frame(*pairs):
    return pd.DataFrame(pairs, columns=["user", "item"])


def numbers(model):
    state = model._state
    return [array.tobytes() for array in (*state.weights, *state.optimizer)]


# ---- what all share ------------------------------------------------------------------


@each_model
def test_checkerboard_is_learnt(model):
    model = sklearn.clone(model).fit(BOARD)
    found = model.recommend(n=1)
    assert found["item"].tolist() == found["user"].tolist() == list(range(20))
    alone = [model.recommend([user], n=5) for user in (3, 8)]
    pd.testing.assert_frame_equal(
        model.recommend([3, 8], n=5), pd.concat(alone, ignore_index=True)
    )


@each_model
def test_seeds_pickles_and_memory_give_the_same_bits(model, tmp_path):
    fitted = short(model, epochs=4).fit(BOARD)
    short(model, epochs=2, memory=str(tmp_path)).fit(BOARD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of what could not be known again
        goes_on = short(model, epochs=4, memory=str(tmp_path)).fit(BOARD)
    assert numbers(goes_on) == numbers(fitted) != numbers(short(model).fit(BOARD))
    assert goes_on.history_ == fitted.history_
    copied = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_frame_equal(copied.recommend(n=3), fitted.recommend(n=3))
    other = short(model, epochs=4, random_state=1).fit(BOARD)
    assert numbers(other) != numbers(fitted)


@each_model
def test_early_stopping_is_stored_too(model, tmp_path):
    params = {"epochs": 3, "early_stopping": True}
    fitted = short(model, **params).fit(BOARD)
    stored = short(model, memory=str(tmp_path), **params)
    assert numbers(stored.fit(BOARD)) == numbers(fitted)
    assert numbers(stored.fit(BOARD)) == numbers(fitted)
    assert len(list(tmp_path.rglob("*"))) > 0


@pytest.mark.parametrize("model", named("BPRRecommender", "TwoTowerRecommender"))
def test_new_users_and_items_get_vectors(model):
    model = short(model, epochs=5).fit(BOARD)
    before = model.item_embeddings_
    new = pd.DataFrame({"user": [20, 20, 4, 20], "item": [0, 2, 30, 40]})
    model.partial_fit(new)
    assert list(model.users_) == list(range(21))
    assert list(model.items_) == [*range(20), 30, 40]
    assert model.item_embeddings_.shape == (22, before.shape[1])
    # One epoch of four events moves what was learnt, and does not undo it.
    assert np.abs(model.item_embeddings_[:20] - before).to_numpy().max() < 0.2
    found = model.recommend([20, 4], n=12)
    assert not {(20, 0), (20, 40), (4, 30)} & set(
        zip(found["user"], found["item"], strict=True)
    )
    assert np.isfinite(found["score"]).all()
    assert model.n_iter_ == 6


@pytest.mark.parametrize("model", named("BPRRecommender"))
def test_a_callback_between_batches_changes_nothing(model):
    class Between(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    assert needs_model_fit([Between()])
    fitted = short(model, epochs=3).fit(BOARD)
    by_keras = short(model, epochs=3, callbacks=[Between()]).fit(BOARD)
    for one, other in zip(fitted._state.weights, by_keras._state.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("model", named("BPRRecommender"))
def test_mixed_precision(model):
    model = short(model, precision="mixed_bfloat16").fit(BOARD)
    found = model.recommend(n=2)
    assert len(found) == 40
    assert np.isfinite(found["score"]).all()


def test_weights_of_events_count():
    # The same events: half of the users' say more, and say the opposite.
    X = pd.DataFrame({"user": [0, 0, 1, 1] * 5, "item": [0, 1, 2, 3] * 5})
    light = np.where(X["item"] % 2, 1e-3, 1.0)
    model = BPRRecommender(
        embedding_dim=4, learning_rate=0.05, epochs=30, early_stopping=False,
        random_state=0,
    ).fit(X, light)  # fmt: skip
    scores = model.predict(pd.DataFrame({"user": [0, 0], "item": [0, 1]}))
    assert scores[0] > scores[1] + 0.5


# ---- what is drawn -------------------------------------------------------------------


def log_of(pairs, n_users, n_items):
    users, items = np.array(pairs, dtype=np.int32).T
    return sorted_log(users, items, np.ones(len(users)), None, n_users, n_items)


def test_no_known_positive_is_drawn_and_each_epoch_draws_anew():
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, [15, 12], size=(90, 2)), axis=0)
    pairs = np.array([*pairs, *((15, i) for i in range(12))])
    model = BPRRecommender(n_negatives=3)
    model._seed = 7
    made = model._training_rows(log_of(pairs, 16, 12))
    had, users = set(map(tuple, pairs)), made.x["user"][:, 0]
    everything = users == 15
    np.testing.assert_array_equal(made.weight == 0, everything)
    drawn = [made.in_epoch(epoch).x["negative"] for epoch in (0, 0, 1)]
    assert drawn[0].shape == (len(pairs), 3)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    for user, items in zip(users[~everything], drawn[0][~everything], strict=True):
        assert not had & {(user, item) for item in items}


def test_held_out_events_may_be_drawn():
    # Users who have all but one item: what is held out is not known to training.
    events = frame(*((user, i) for user in range(12) for i in range(6)))
    prepared = BPRRecommender(random_state=0)._prepared(Given(events, None), True)
    assert prepared.validation.x["item"].tolist() == [[5]] * 12
    drawn = prepared.rows.in_epoch(0).x["negative"]
    assert (drawn == 5).all()


def test_unseen_items_are_drawn_evenly():
    unseen = Unseen.of(np.array([0, 0]), np.array([1, 3]), 5)
    drawn = unseen.draw(np.zeros(6000, int), np.random.RandomState(0))
    counts = np.bincount(drawn, minlength=5)
    assert counts[[1, 3]].tolist() == [0, 0]
    np.testing.assert_allclose(counts[[0, 2, 4]], 2000, atol=200)


def test_rows_that_stay_on_the_host_are_drawn_alike(monkeypatch):
    fitted = short(MODELS[0]).fit(BOARD)
    monkeypatch.setattr(rows, "MAX_DEVICE_BYTES", 0)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 2**10)
    assert numbers(short(MODELS[0]).fit(BOARD)) == numbers(fitted)


def test_what_is_drawn_tells_fits_apart():
    some = Rows({}, np.zeros(2), np.ones(2), renew=partial(dict, negative=1))
    keys = [digest(_row_items(one)) for one in (some, replace(some, renew=None))]
    assert len(set(keys)) == 2


# ---- BPR and NeuMF -------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS[:2], ids=["BPR", "NeuMF"])
def test_scores_are_those_of_the_loss(model):
    model = short(model, precision="float64", n_negatives=2, epochs=5).fit(BOARD)
    events = np.array([[0, 2, 3, 5], [1, 19, 4, 4]])
    pairs = events[:, [0, 0, 0]], events[:, 1:]
    table = pd.DataFrame({"user": pairs[0].ravel(), "item": pairs[1].ravel()})
    scores = model.predict(table).reshape(2, 3)
    codes = {"user": events[:, :1], "item": events[:, 1:2], "negative": events[:, 2:]}
    loss = model.model_(codes).numpy()[:, 0]
    if isinstance(model, BPRRecommender):
        expected = np.logaddexp(0, scores[:, 1:] - scores[:, :1]).mean(axis=1)
    else:
        expected = np.logaddexp(0, scores * [-1, 1, 1]).mean(axis=1)
    np.testing.assert_allclose(loss, expected, rtol=1e-9)


def test_some_users_tell_the_best_epoch_where_scores_are_dear(monkeypatch):
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {"user": np.arange(1200) % 300, "item": rng.integers(0, 40, 1200)}
    )
    log = log.drop_duplicates()
    last = log.drop_duplicates("user", keep="last")
    monkeypatch.setattr(NeuMFRecommender, "_most_ranked", 150 * 40)
    model = NeuMFRecommender(epochs=1, random_state=0).fit(log)
    held_out = last[last["user"].map(log["user"].value_counts()) >= 3]
    held_out = held_out.sort_values("user")
    ranked = held_out.iloc[np.arange(150) * len(held_out) // 150]
    lists = model.recommend(ranked["user"], n=10, history=log.drop(held_out.index))
    found = ndcg_at_k(lists, ranked, k=10)
    assert model.history_["val_ndcg@10"] == pytest.approx([found], abs=1e-6)


def test_towers_of_one_depth_and_other_widths_rank_in_one_process():
    before = {}
    for units in ("12-6-3", "8-4-2", "12-6-3"):
        model = short(MODELS[1], units=units, early_stopping=True).fit(BOARD)
        scores = model.predict(BOARD)
        np.testing.assert_array_equal(scores, before.setdefault(units, scores))


def test_history_stands_for_the_vector_of_a_new_user():
    model = sklearn.clone(MODELS[0]).fit(BOARD)
    history = pd.DataFrame({"user": ["a", "a", 3], "item": [1, 3, 0]}, dtype=object)
    history["user"] = [100, 100, 3]
    found = model.recommend([100, 3], n=8, history=history)
    assert set(found["item"][:8]) == {5, 7, 9, 11, 13, 15, 17, 19}
    # A known user keeps the own vector: odd items, whatever the history.
    assert (found["item"][8:] % 2 == 1).all()
    users = model._state.weights[network.weight_places(model._spec)["users/embeddings"]]
    items = model.item_embeddings_.to_numpy()
    mean = items[[1, 3]].mean(axis=0)
    length = np.linalg.norm(users[:20], axis=1).mean()
    places = network.weight_places(model._spec)
    bias = model._state.weights[places["item_bias/embeddings"]][:20, 0]
    scores = mean / np.linalg.norm(mean) * length @ items.T + bias
    np.testing.assert_allclose(
        found["score"][:8], np.sort(np.delete(scores, [1, 3]))[::-1][:8], rtol=1e-5
    )


def test_penalty_on_vectors_keeps_them_short():
    plain, shrunk = (
        short(MODELS[0], epochs=30, embedding_l2=l2).fit(BOARD).item_embeddings_
        for l2 in (0.0, 0.1)
    )
    assert np.linalg.norm(shrunk) < np.linalg.norm(plain) / 2


def test_large_tables_are_updated_lazily(monkeypatch):
    dense = short(MODELS[0], optimizer="adagrad").fit(BOARD)
    monkeypatch.setattr(network, "LAZY_ROWS", 0)
    lazy = short(MODELS[0], optimizer="adagrad").fit(BOARD)
    assert (dense._was_lazy, lazy._was_lazy) == (False, True)
    for one, other in zip(dense._state.weights, lazy._state.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    "loss", by_day(["softmax", "sampled_softmax"], "sampled_softmax")
)
def test_losses_over_all_items_are_dense(loss, monkeypatch):
    monkeypatch.setattr(network, "LAZY_ROWS", 0)
    model = GRU4RecRecommender(units=4, embedding_dim=4, epochs=1, loss=loss)
    assert model.fit(BOARD)._was_lazy == (loss == "sampled_softmax")


# ---- two towers ----------------------------------------------------------------------


def test_new_items_are_recommended_by_their_features():
    model = sklearn.clone(MODELS[2]).fit(BOARD, item_features=ITEMS)
    assert list(model.items_) == list(range(22))
    found = model.recommend([0, 1], n=2)
    # The item that was missed, and the one that nobody had.
    assert set(found["item"][:2]) == {0, 20}
    assert set(found["item"][2:]) == {1, 21}


# By day, new items are, above, and features of new users in `partial_fit`, below.
@pytest.mark.nightly
def test_new_users_are_known_by_their_features():
    users = pd.DataFrame({"likes": ["even", "odd"] * 11, "user": range(22)})
    model = sklearn.clone(MODELS[2]).fit(BOARD, user_features=users)
    found = model.recommend([20, 21], n=10)
    assert (found["item"] % 2 == found["user"] % 2).all()


def test_features_of_all_kinds_and_orders():
    rng = np.random.default_rng(0)
    films = ITEMS.assign(
        year=rng.normal(size=22), genres=[["a", "b"][: 1 + k % 2] for k in range(22)]
    )
    model = short(MODELS[2], epochs=3)
    one = sklearn.clone(model).fit(BOARD, item_features=films)
    other = sklearn.clone(model).fit(BOARD, item_features=films.sample(frac=1))
    assert numbers(one) == numbers(other)
    pd.testing.assert_frame_equal(one.recommend(), other.recommend())
    copied = pickle.loads(pickle.dumps(one))
    pd.testing.assert_frame_equal(one.recommend(), copied.recommend())


def test_features_are_part_of_what_memory_knows(tmp_path):
    model = short(MODELS[2], memory=str(tmp_path))
    first = sklearn.clone(model).fit(BOARD, item_features=ITEMS)
    again = sklearn.clone(model).fit(BOARD, item_features=ITEMS)
    turned = ITEMS.assign(kind=ITEMS["kind"].to_numpy()[::-1])
    other = sklearn.clone(model).fit(BOARD, item_features=turned)
    assert numbers(first) == numbers(again) != numbers(other)


def test_partial_fit_takes_features_of_new_ids():
    model = short(MODELS[2], epochs=20).fit(BOARD, item_features=ITEMS)
    later = pd.DataFrame({"item": [30, 31], "kind": ["even", "never seen"]})
    model.partial_fit(frame([0, 30], [20, 1]), item_features=later)
    assert list(model.items_) == [*range(22), 30, 31]
    assert 30 not in set(model.recommend([0], n=14)["item"])
    with pytest.raises(ValueError, match=r"a row for each id of X.* .50"):
        model.partial_fit(frame([0, 50]))
    with pytest.raises(ValueError, match=r"no column 'kind'.*first call"):
        model.partial_fit(
            frame([0, 30]), item_features=later.rename(columns={"kind": "type"})
        )
    with pytest.raises(ValueError, match="user_features was not given at first"):
        model.partial_fit(
            frame([0, 1]), user_features=pd.DataFrame({"u": [0], "a": [1]})
        )
    assert list(model.items_) == [*range(22), 30, 31]  # as before


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (ITEMS[:19], "item_features must have a row for each id.*none for .19"),
        (ITEMS[["item"]], "must have columns beside that of the ids"),
        (pd.concat([ITEMS, ITEMS[:1]]), "one row for each id.* for .0"),
        (ITEMS.assign(item=ITEMS["item"].astype(str)), "ids must be of one type"),
        (ITEMS.assign(item=ITEMS["item"].replace(3, None)), "no id in row 3"),
    ],
)
def test_bad_features_are_named(features, message):
    with pytest.raises(ValueError, match=message):
        TwoTowerRecommender(epochs=1).fit(BOARD, item_features=features)


def test_searches_pass_features_on():
    model = short(MODELS[2], units="8-4")
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(item_features=True)
        search = GridSearchCV(model, {"temperature": [0.05, 0.1]}, cv=2)
        search.fit(BOARD, item_features=ITEMS)
    assert list(search.best_estimator_.items_) == list(range(22))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
