"""Sequence models: which rows they are given, and what they learn of them."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrec.metrics import recommender_scorer
from skrec.model_selection import LeaveLastOut
from skrec.networks._items import LOSSES
from skrec.preprocessing._interactions import sorted_log
from skrec.recommenders import (
    BPRRecommender,
    BSARecRecommender,
    CaserRecommender,
    GRU4RecRecommender,
    SASRecRecommender,
)
from skrec.training import memory
from skrec.training.cache import PROGRAMS
from skrec.training.program import Program
from tests.night import by_day
from tests.recommenders.logs import cycle, random_log

SMALL = {"epochs": 2, "units": 8, "batch_size": 16, "time_col": "time"}
BY_NIGHT = [pytest.mark.nightly]
FAMILIES = [
    SASRecRecommender,
    pytest.param(BSARecRecommender, marks=BY_NIGHT),
    pytest.param(GRU4RecRecommender, marks=BY_NIGHT),
    pytest.param(CaserRecommender, marks=BY_NIGHT),
]


# By day, the one that is traced fastest.
QUICK_BY_DAY = by_day(
    [
        SASRecRecommender,
        pytest.param(partial(CaserRecommender, embedding_dim=8), id="CaserRecommender"),
    ],
    "CaserRecommender",
)


def learner(family, **options):
    settings = {
        "time_col": "time",
        "units": 16,
        "dropout": 0.0,
        "learning_rate": 0.01,
        "batch_size": 8,
        "epochs": 80,
        "random_state": 0,
    }
    return family(**{**settings, **options})


@pytest.mark.parametrize(
    "family",
    by_day(
        [SASRecRecommender, BSARecRecommender, GRU4RecRecommender, CaserRecommender],
        "SASRecRecommender",
        "CaserRecommender",
    ),
)
def test_what_follows_each_item_is_learnt(family):
    log = cycle()
    lists = learner(family).fit(log).recommend(n=1)
    assert (lists["item"] == (lists["user"] + 6) % 12).all()


@pytest.mark.nightly  # tests/networks/test_items.py has what they compute
@pytest.mark.parametrize("loss", LOSSES[1:])
def test_every_loss_learns_it(loss):
    model = learner(CaserRecommender, loss=loss, n_negatives=4)
    lists = model.fit(cycle()).recommend(n=1)
    assert (lists["item"] == (lists["user"] + 6) % 12).mean() >= 11 / 12


def rows_of(log, one_target, length):
    family = CaserRecommender if one_target else SASRecRecommender
    model = family(max_len=length)
    return rows_for(model, log), model._length


def rows_for(model, log):
    codes = log["user"].to_numpy(), log["item"].to_numpy()
    weights = log["weight"].to_numpy(float)
    made = sorted_log(*codes, weights, log["time"].to_numpy(), 40, len(log))
    model._sizes_for(made, reset=True)
    return model._training_rows(made).x


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.booleans(),
    st.integers(1, 7),
    st.booleans(),
)
def test_each_event_is_a_target_once_after_what_came_before(
    users, one_target, length, weighted
):
    # Items are numbered as events are, so that each says which one it is.
    n = len(users)
    log = pd.DataFrame({"user": users, "item": range(n), "time": range(n)})
    log["weight"] = 1.0
    if weighted:
        log.loc[::2, "weight"] = 0.0
    before = log.groupby("user").cumcount()
    wanted = log.index[(before > 0) & (log["weight"] > 0)]
    if len(wanted) == 0:  # nobody has two: what do they begin with?
        wanted = log.index[log["weight"] > 0]
        if len(wanted) == 0:
            return
    x, length = rows_of(log, one_target, length)
    targets = x["target"][x["target"] >= 0]
    assert sorted(targets) == list(wanted)
    assert ((x["weight"] > 0) == (x["target"] >= 0)).all()
    assert x["weight"].sum() == pytest.approx(len(targets), rel=1e-5)
    for history, row in zip(x["history"], x["target"], strict=True):
        for step, target in enumerate(row):
            if target < 0:
                continue
            seen = history if one_target else history[: step + 1]
            own = log.index[(log["user"] == log["user"][target]) & (log.index < target)]
            kept = [item for item in seen if item >= 0]
            assert kept == list(own)[len(own) - len(kept) :]
            # As many as there are, and room for.
            room = length if one_target else step + 1
            assert len(kept) == min(len(own), room)


def test_weights_count_in_batches_of_one_too():
    log = cycle()
    heavy = np.where(log["item"] == 3, 9.0, 1.0)
    settings = {"epochs": 1, "batch_size": 1, "early_stopping": False}
    one, other = (
        learner(CaserRecommender, **settings).fit(log, y) for y in (None, heavy)
    )
    change = one.recommend(n=1)["score"] - other.recommend(n=1)["score"]
    assert change.abs().max() > 0.01


def test_what_users_have_again_does_not_tell_epochs_apart():
    log = random_log(n_users=150, n_events=1500, seed=3)
    log = log.drop_duplicates(["user", "item"])
    again = log.drop_duplicates("user")[:30].assign(time=log["time"].max() + 1)
    log = pd.concat([log, again], ignore_index=True)
    log = log.sort_values(["user", "time"], kind="stable", ignore_index=True)
    model = CaserRecommender(
        time_col="time", embedding_dim=8, units=8, epochs=1, random_state=0
    ).fit(log)
    last = log.groupby("user").tail(1)
    new = last[~last["user"].isin(again["user"])]
    new = new[new["user"].map(log["user"].value_counts()) >= 3]
    assert len(new) > 110
    found = recommender_of(model, log.drop(last.index), new)
    assert model.history_["val_ndcg@10"] == pytest.approx([found], abs=1e-6)


def test_a_later_event_changes_no_earlier_row():
    log = random_log()
    log["weight"] = 1.0
    early = log[log["time"] < 60]
    x, _length = rows_of(log, True, 5)
    y, _ = rows_of(early, True, 5)
    rows = {(*h, *t) for h, t in zip(x["history"], x["target"], strict=True)}
    assert {(*h, *t) for h, t in zip(y["history"], y["target"], strict=True)} <= rows


@pytest.mark.parametrize(
    "family",
    [SASRecRecommender, BSARecRecommender, GRU4RecRecommender, CaserRecommender],
)
def test_no_state_knows_what_comes_after_it(family):
    log = random_log().assign(weight=1.0)
    model = family(units=8, max_len=12, precision="float64")
    rows, n_items = rows_for(model, log), len(log)
    full = (rows["history"] >= 0).all(axis=1)
    history, n_targets = rows["history"][full][:3], rows["target"].shape[1]
    core = model._network(0).build()
    rng = np.random.default_rng(0)
    for weight in core.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) / 2)

    def loss_at(step, history):
        target = np.full((3, n_targets), -1, "int32")
        target[:, step] = rows["target"][full][:3, step]
        given = {"history": history, "target": target, "weight": target * 0 + 1.0}
        return core(given).numpy()[0, 0]

    for step in {0, n_targets // 2, n_targets - 1}:
        read = history.shape[1] - n_targets + step + 1
        later, earlier = history.copy(), history.copy()
        later[:, read:] = (later[:, read:] + 1) % n_items
        earlier[:, read - 1] = (earlier[:, read - 1] + 1) % n_items
        loss = loss_at(step, history)
        assert loss_at(step, later) == pytest.approx(loss, rel=1e-12)
        assert loss_at(step, earlier) != pytest.approx(loss, rel=1e-6)


@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES)
def test_one_seed_gives_the_same_bits(family):
    log = random_log()
    one, same, other = (
        family(**SMALL, dropout=0.3, random_state=seed).fit(log) for seed in (0, 0, 1)
    )
    for mine, theirs in zip(one._state.weights, same._state.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert (one.recommend()["score"] != other.recommend()["score"]).any()


@pytest.mark.nightly
def test_held_out_events_tell_the_best_epoch():
    log = random_log(n_users=150, n_events=1500, seed=3)
    log = log.drop_duplicates(["user", "item"])
    model = learner(SASRecRecommender, dropout=0.2, n_iter_no_change=3).fit(log)
    scores = model.history_["val_ndcg@10"]
    assert model.n_iter_ == len(scores) < 80
    assert model.best_epoch_ == 1 + int(np.argmax(scores))
    _, test = next(LeaveLastOut("user", "time", k=1).split(log))
    held_out = log.iloc[test]
    counts = log.groupby("user").size()
    held_out = held_out[held_out["user"].map(counts) >= 3]
    seen = log.drop(held_out.index)
    found = recommender_of(model, seen, held_out)
    assert found == pytest.approx(max(scores), abs=1e-6)


def recommender_of(model, seen, held_out):
    lists = model.recommend(held_out["user"], n=10, history=seen)
    hits = lists.merge(held_out[["user", "item"]], on=["user", "item"])
    return (1 / np.log2(hits["rank"] + 1)).sum() / held_out["user"].nunique()


@pytest.mark.parametrize("family", QUICK_BY_DAY)
def test_users_of_two_events_keep_both_in_training(family):
    log = pd.DataFrame(
        {"user": [1, 1, 2, 2], "item": [5, 6, 5, 6], "time": [1, 2, 1, 2]}
    )
    model = family(**SMALL, random_state=0).fit(log)
    assert "val_loss" not in model.history_
    assert model.n_iter_ == 2


@pytest.mark.parametrize("family", QUICK_BY_DAY)
def test_a_search_traces_once_for_all_folds_and_rates(family):
    log = random_log(n_events=400)
    grid = {"learning_rate": [0.001, 0.01], "dropout": [0.1, 0.3]}
    options = {"random_state": 0, "early_stopping": False, "max_len": 6}
    model = family(**SMALL, **options)
    before = {id(program) for program in programs()}
    search = GridSearchCV(
        model, grid, cv=LeaveLastOut("user", "time"), scoring=recommender_scorer()
    ).fit(log)
    new = [program for program in programs() if id(program) not in before]
    assert len(new) == 1
    assert new[0].n_traces == 1
    assert 0 <= search.best_score_ <= 1


def programs():
    return [program for _, program in PROGRAMS._idle]


@pytest.mark.parametrize("family", QUICK_BY_DAY)
def test_a_stored_fit_is_found_again(family, tmp_path):
    log = random_log()
    make = partial(family, random_state=0)
    model = make(**SMALL, memory=tmp_path)
    first = model.fit(log).recommend()
    files = set(tmp_path.rglob("*"))
    again = make(**SMALL, memory=tmp_path).fit(log)
    pd.testing.assert_frame_equal(again.recommend(), first)
    assert set(tmp_path.rglob("*")) == files
    longer = {**SMALL, "epochs": 4}
    resumed = make(**longer, memory=tmp_path).fit(log)
    fresh = make(**longer).fit(log)
    pd.testing.assert_frame_equal(resumed.recommend(), fresh.recommend())
    other = make(**SMALL, memory=tmp_path)
    changed = log.assign(item=log["item"].where(log.index != 7, 24))
    assert not other.fit(changed).recommend().equals(first)


@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES)
def test_a_stream_brings_users_and_items(family):
    log = random_log(n_items=8)
    model = family(**SMALL, random_state=0).fit(log)
    more = pd.DataFrame(
        {"user": [1, 77, 77, 77], "item": [2, 50, 51, 2], "time": [900, 1, 2, 3]}
    )
    model.partial_fit(more)
    assert model.items_.tolist() == [*range(8), 50, 51]
    assert 77 in model.users_
    many = pd.DataFrame({"user": 5, "item": range(100, 140), "time": range(40)})
    model.partial_fit(many)
    assert len(model.items_) == 50
    lists = model.recommend([1, 77], n=20)
    assert not set(lists.loc[lists["user"] == 77, "item"]) & {50, 51, 2}
    assert len(model.recommend([77], n=50, exclude_seen=False)) == 50


def test_a_stream_trains_on_new_events_alone():
    log = random_log()
    model = SASRecRecommender(**SMALL, random_state=0).fit(log)
    prepared = {}
    rows = model._training_rows
    model._training_rows = lambda log: prepared.setdefault("rows", rows(log))
    more = pd.DataFrame({"user": [1, 1], "item": [2, 3], "time": [900, 901]})
    model.partial_fit(more)
    x = prepared["rows"].x
    assert sorted(x["target"][x["target"] >= 0]) == [2, 3]
    assert (x["history"] >= 0).sum() == np.sum(log["user"] == 1) + 1


@pytest.mark.parametrize("family", QUICK_BY_DAY)
def test_warm_start_goes_on(family):
    log = random_log()
    model = family(**SMALL, random_state=0, dropout=0.0)
    model.set_params(early_stopping=False, warm_start=True).fit(log)
    first = model.history_["loss"][-1]
    model.fit(log)
    assert len(model.history_["loss"]) == 4
    assert model.history_["loss"][-1] < first
    with pytest.raises(ValueError, match="parameter that shapes the network"):
        model.set_params(units=4).fit(log)


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="units must be a multiple of num_heads"):
        SASRecRecommender(units=10, num_heads=4).fit(random_log())


@pytest.mark.nightly
@pytest.mark.parametrize("precision", ["float64", "mixed_float16"])
def test_other_precisions_learn_it_too(precision):
    model = learner(SASRecRecommender, precision=precision)
    lists = model.fit(cycle()).recommend(n=1)
    assert (lists["item"] == (lists["user"] + 6) % 12).all()


def test_its_keras_model_gives_what_items_are_compared_with():
    log = random_log()
    model = SASRecRecommender(**SMALL, random_state=0).fit(log)
    user, length = 1, model._length
    own = log[log["user"] == user].sort_values("time", kind="stable")["item"]
    history = np.full((1, length), -1)
    history[0, -min(length, len(own)) :] = np.searchsorted(model.items_, own)[-length:]
    before = model.predict(pd.DataFrame({"user": 1, "item": model.items_, "time": 0}))
    vector = model.model_.predict(history, verbose=0)[0]
    scores = model.item_embeddings_.to_numpy() @ vector
    np.testing.assert_allclose(scores, before, rtol=1e-4, atol=1e-5)
    weights = [0 * weight for weight in model.model_.get_weights()]
    model.model_.set_weights(weights)
    assert (model.recommend([1])["score"] == 0).all()


@pytest.mark.parametrize(
    "family", by_day([CaserRecommender, BPRRecommender], "BPRRecommender")
)
def test_a_fit_that_was_killed_goes_on_as_if_it_had_not_been(
    family, tmp_path, monkeypatch
):
    log = random_log()
    options = {"time_col": "time", "epochs": 5, "embedding_dim": 8, "batch_size": 16}
    model = family(**options, n_iter_no_change=2, random_state=0)
    whole = clone(model).fit(log)
    monkeypatch.setattr(memory, "CHECKPOINT_SECONDS", -1)
    train_epoch = Program.train_epoch
    n_epochs = []

    def killed(self, *args):
        n_epochs.append(1)
        if len(n_epochs) == 3:
            raise KeyboardInterrupt
        return train_epoch(self, *args)

    stored = clone(model).set_params(memory=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Program, "train_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            stored.fit(log)
    counted = []

    def counting(self, *args):
        counted.append(1)
        return train_epoch(self, *args)

    monkeypatch.setattr(Program, "train_epoch", counting)
    resumed = clone(stored).fit(log)
    assert len(counted) == whole.n_iter_ - 2
    assert resumed.history_ == whole.history_
    for mine, theirs in zip(resumed._state.weights, whole._state.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.nightly
def test_few_users_do_not_choose_the_epoch_by_coarse_ranks():
    log = cycle(n=30, length=4)
    log = log[(log["time"] < 2) | (log["user"] < 9)]  # nine users of three and more
    model = learner(SASRecRecommender, epochs=20).fit(log)
    assert "val_loss" not in model.history_
    assert model.n_iter_ == model.best_epoch_ == 20
    some = cycle(n=30, length=4)
    model = learner(SASRecRecommender, epochs=20, n_iter_no_change=2).fit(some)
    losses = model.history_["val_loss"]
    assert model.best_epoch_ == 1 + int(np.argmin(losses)) > 0
