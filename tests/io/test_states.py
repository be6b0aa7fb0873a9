"""What a fitted estimator holds: no more than it needs, in pickles and in files."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from skrec import FMClassifier
from skrec.io import dump, load, without_optimizer
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._interactions import Log
from skrec.preprocessing._packed import (
    pack_column,
    pack_dtype,
    pack_frame,
    unpack_column,
    unpack_dtype,
    unpack_frame,
    unpack_values,
)
from skrec.preprocessing._vocabulary import Vocabulary
from skrec.recommenders import TwoStageRecommender, TwoTowerRecommender
from tests.recommenders.logs import random_log

IDS = np.array([f"user-{k:08d}" for k in range(20_000)], dtype=object)
COLUMNS = {
    "strings": pd.Series(["a", None, "b"]),
    "strings of pandas": pd.Series(["é", None], dtype="string"),
    "objects": pd.Series(["a", None, np.nan, pd.NA, "\ud800"], dtype=object),
    "lists": pd.Series([[1, 2], [3]]),
    "integers": pd.Series([1, None], dtype="Int64"),
    "booleans": pd.Series([True, None], dtype="boolean"),
    "floats": pd.Series([1.5, np.nan]),
    "floats of pandas": pd.Series([1.5, None], dtype="Float32"),
    "categories": pd.Series(["x", "y", None], dtype="category"),
    "ordered": pd.Series(pd.Categorical([1, 2], categories=[2, 1], ordered=True)),
    "dates": pd.Series(pd.date_range("2026", periods=3)),
    "dates in a zone": pd.Series(pd.date_range("2026", periods=3, tz="Europe/Berlin")),
    "intervals": pd.Series(pd.arrays.IntervalArray.from_breaks([0.0, 2, 6])).shift(),
    "intervals as objects": pd.Series(
        [pd.Interval(0, 2), pd.Interval(2, 6)], dtype=object
    ),
    "objects of two kinds": pd.Series([pd.Interval(0, 2), "a"], dtype=object),
    "cut": pd.Series(pd.cut([1.0, 5.0, np.nan], [0, 2, 6])),
    "cut, closed on the left": pd.Series(pd.cut([1, 5], [0, 2, 6], right=False)),
    "cut dates": pd.Series(pd.cut(pd.date_range("2026", periods=4, tz="UTC"), 2)),
    "arrow": pd.Series([3, 1], dtype="int64[pyarrow]"),
    "none": pd.Series([], dtype=object),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_what_they_were(name):
    column = COLUMNS[name]
    packed = pickle.loads(pickle.dumps(pack_column(column.array)))
    found = pd.Series(unpack_column(packed), dtype=column.dtype)
    pd.testing.assert_series_equal(found, column)
    assert unpack_dtype(pack_dtype(column.dtype)) == column.dtype
    frame = pd.DataFrame({"one": column, 2: column})
    pd.testing.assert_frame_equal(unpack_frame(pack_frame(frame)), frame)


def test_ids_of_cut_are_kept_in_a_file(tmp_path):
    bins = pd.cut(np.arange(40.0), [-1, 10, 20, 50])
    days = pd.cut(pd.date_range("2026", periods=40), 3)
    rows = pd.DataFrame({"bin": bins, "day": days})
    model = FMClassifier(epochs=1, early_stopping=False, random_state=0)
    model.fit(rows, np.arange(40) % 2)
    dump(model, tmp_path / "model.skrec")
    found = load(tmp_path / "model.skrec").predict_proba(rows)
    np.testing.assert_array_equal(found, model.predict_proba(rows))


def test_what_is_not_as_it_was_packed_is_refused():
    for wrong, message in (
        (
            {"text": np.zeros(3, np.uint8), "lengths": np.array([4], np.uint8)},
            "lengths",
        ),
        ({"text": np.zeros(3, np.uint8), "lengths": np.array([-1, 4])}, "one array"),
        ({"text": [1, 2], "lengths": np.array([2], np.uint8)}, "one array"),
        ({"values": np.zeros((2, 2))}, "one array"),
        (
            {
                "text": np.zeros(1, np.uint8),
                "lengths": np.array([1], np.uint8),
                "kinds": np.array([7], np.uint8),
            },
            "missing",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            unpack_values(wrong)
    state = Vocabulary(np.array(["a", "b"], dtype=object), False).__getstate__()
    with pytest.raises(ValueError, match="twice"):
        Vocabulary.__new__(Vocabulary).__setstate__(
            {**state, "text": np.frombuffer(b"aa", np.uint8)}
        )


def test_a_vocabulary_takes_the_room_of_its_letters():
    vocabulary = Vocabulary(IDS, True)
    content = pickle.dumps(vocabulary)
    assert len(content) < 1.1 * (13 * 20_000 + 20_000)
    loaded = pickle.loads(content)
    assert loaded.ids.tolist() == IDS.tolist()
    assert (loaded.missing, loaded.code("user-00000007")) == (True, 9)


def test_an_encoder_tells_what_follows_from_the_rest_again():
    table = pd.DataFrame(
        {"user": IDS[:300], "n": np.arange(300.0), "tags": [["a"]] * 300}
    )
    table.columns = [np.str_("user"), "n", "tags"]
    encoder = FieldEncoder(sequence_features={"tags": "a"}).fit(table)
    before = dict(vars(encoder))
    for loaded in (pickle.loads(pickle.dumps(encoder)), copy.copy(encoder)):
        assert loaded.spec_ == encoder.spec_
        assert loaded.columns_ == encoder.columns_
        assert loaded.paddings_ == encoder.paddings_
        for one, other in zip(loaded.vocabularies_, encoder.vocabularies_, strict=True):
            assert one.tolist() == other.tolist()
    assert vars(encoder) == before  # nothing was taken from it


def test_a_file_is_as_large_as_weights_and_ids(tmp_path):
    rows = pd.DataFrame({"user": IDS, "item": IDS[::-1]})
    params = {"embedding_dim": 8, "epochs": 1, "batch_size": 4096}
    model = FMClassifier(**params, early_stopping=False, random_state=0)
    model.fit(rows, np.arange(20_000) % 2)
    weights = sum(weight.nbytes for weight in model._state.weights)
    needed = weights + 2 * len("".join(IDS))
    dump(model, tmp_path / "small.skrec")
    dump(model, tmp_path / "whole.skrec", optimizer=True)
    assert (tmp_path / "small.skrec").stat().st_size < 1.1 * needed
    slots = sum(slot.nbytes for slot in model._state.optimizer)
    assert (tmp_path / "whole.skrec").stat().st_size < 1.1 * (needed + slots)
    assert len(pickle.dumps(model)) < 1.1 * (needed + slots)
    with without_optimizer():
        assert len(pickle.dumps(model)) < 1.1 * needed


def test_events_are_kept_by_user():
    users = np.repeat(np.arange(3, dtype=np.int32), [2, 0, 3])
    items = np.array([1, 0, 1, 1, 0], dtype=np.int32)
    for weights in (np.ones(5), np.arange(1.0, 6)):
        log = Log(users, items, weights, None, 3, 2)
        loaded = pickle.loads(pickle.dumps(log))
        for name in ("users", "items", "weights"):
            one, other = getattr(loaded, name), getattr(log, name)
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    state = {**log.__getstate__(), "users": np.array([2, 0, 4])}
    with pytest.raises(ValueError, match="as many events"):
        Log.__new__(Log).__setstate__(state)


def test_what_describes_users_and_items_is_kept(tmp_path):
    log = random_log()
    films = pd.DataFrame({"item": np.unique(log["item"])})
    films["kind"] = [f"kind {k % 3}" for k in films["item"]]
    films["new"] = films["item"] % 2 == 0
    films["tags"] = [[f"t{k}"] * (k % 3) for k in films["item"]]
    params = {"epochs": 1, "embedding_dim": 4, "units": "4", "random_state": 0}

    from skrec.io import load

    for model in (
        TwoTowerRecommender(**params),
        TwoStageRecommender(
            ranker=FMClassifier(embedding_dim=2, epochs=1, random_state=0),
            random_state=0,
        ),
    ):
        own = (
            films
            if isinstance(model, TwoTowerRecommender)
            else films.drop(columns="tags")
        )
        model.fit(log, item_features=own)
        expected = model.recommend(n=3)
        dump(model, tmp_path / "model.skrec", optimizer=True)
        for loaded in (
            load(tmp_path / "model.skrec"),
            pickle.loads(pickle.dumps(model)),
        ):
            pd.testing.assert_frame_equal(loaded.recommend(n=3), expected)
    assert loaded._log is loaded.retriever_._log
