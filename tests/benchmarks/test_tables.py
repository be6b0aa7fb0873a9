"""benchmarks/_tables.py: what becomes of a table, and of the ratings of MovieLens."""

import _tables
import numpy as np
import pandas as pd
import pytest


def test_windows_hold_earlier_events_alone():
    frame = pd.DataFrame(
        {
            "user": np.repeat(np.arange(20), 4),
            "time": np.tile([40, 10, 30, 20], 20),
            "kind": np.tile(["a", "d", "b", "c"], 20),
            "size": np.tile([4.0, 1.0, 3.0, 2.0], 20),
        }
    )
    table = _tables.Table(frame, "kind", "user", "time")
    samples = _tables.make_samples(table, 1000, seed=0)

    size = samples.channels.index("numbers__size")
    gap = samples.channels.index("numbers__log time since the last event")
    letters = [samples.channels.index(f"categories__its kind_{x}") for x in "dcba"]
    for window, label in zip(samples.X_test, samples.y_test, strict=True):
        n_earlier = "dcba".index(label)
        expected = np.arange(1, n_earlier + 1)
        assert window[:, size].tolist() == [0] * (10 - n_earlier) + expected.tolist()
        gaps = [0] * (11 - n_earlier) + [np.log(11)] * (n_earlier - 1)
        assert window[:, gap].tolist() == pytest.approx(gaps)
        seen = window[:, letters].sum(axis=0)
        assert seen.tolist() == (np.arange(4) < n_earlier).tolist()


def test_unusable_log(tmp_path, make_csv):
    csv = make_csv(tmp_path / "own.csv")
    with pytest.raises(
        ValueError, match=r"--user-col\. Received: columns \['who', 'wh"
    ):
        _tables.read_csv_table(csv, "colour", "whom", "when")
    few = _tables.read_csv_table(csv, "colour", "shelf", "when")
    with pytest.raises(ValueError, match=r"at least 10 users.*Received: 2"):
        _tables.make_samples(few, 100, seed=0)
    frame = pd.read_csv(csv)
    frame.loc[9, "when"] = "soon"
    frame.to_csv(csv)
    with pytest.raises(ValueError, match=r"'when' must hold numbers or dates\..*soon"):
        _tables.read_csv_table(csv, "colour", "who", "when")


def test_rows_of_a_user_stay_together(tmp_path, make_csv):
    csv = make_csv(tmp_path / "own.csv")
    table = _tables.clean(_tables.read_csv_table(csv, "colour", "who"))
    samples = _tables.make_samples(table, 1000, seed=0)

    assert samples.by_user and samples.X_train.ndim == 2
    assert not set(samples.groups_train) & set(samples.groups_test)
    assert len(set(samples.groups_test)) == 6
    assert len(samples.y_train) + len(samples.y_test) == len(table.frame)
    assert not [name for name in samples.channels if "who" in name]


def test_rows_are_drawn_from_both_parts(tmp_path, make_csv):
    csv = make_csv(tmp_path / "own.csv")
    table = _tables.clean(_tables.read_csv_table(csv, "colour"))
    samples = _tables.make_samples(table, 50, seed=0)

    assert len(samples.y_train) == len(samples.y_test) == 50
    assert not set(samples.groups_train) & set(samples.groups_test)
    assert "50 of 72 rows drawn in the held-out part" in samples.facts["samples"]


def test_wide_tables_are_noted_in_short():
    pixels = pd.DataFrame(np.zeros((40, 12)), columns=[f"p{i}" for i in range(12)])
    pixels["p7"], pixels["label"] = np.sqrt(np.arange(40)), np.arange(40) % 2
    table = _tables.clean(_tables.Table(pixels, "label"))

    assert table.features == ["p7"]
    assert table.notes[-1] == (
        "dropped columns, as constant: p0, p1, p2, p3, p4 and 6 more"
    )


@pytest.fixture(scope="module")
def likes():
    return _tables.movielens_likes()


def test_likes_know_the_past_alone(likes):
    ratings = _tables.fetch_movielens("100k").ratings
    rng = np.random.default_rng(0)
    keys = ["user_id", "item_id"]
    found = likes.frame.set_index(keys)
    for row in ratings.iloc[rng.integers(len(ratings), size=50)].itertuples():
        earlier = ratings[ratings["timestamp"] < row.timestamp]
        for key, name in zip(keys, ("user", "film"), strict=True):
            past = earlier.loc[earlier[key] == getattr(row, key), "rating"]
            known = found.loc[(row.user_id, row.item_id)]
            assert known[f"log ratings of the {name}"] == np.log1p(len(past))
            mean = (past.sum() + 7) / (len(past) + 2)
            assert known[f"mean rating of the {name}"] == pytest.approx(mean)


def test_likes_are_four_stars_or_more(likes):
    ratings = _tables.fetch_movielens("100k").ratings

    assert len(likes.frame) == 100_000
    liked = likes.frame.set_index(["user_id", "item_id"])["liked"]
    stars = ratings.set_index(["user_id", "item_id"])["rating"]
    assert ((liked == "yes") == (stars.loc[liked.index] >= 4)).all()
    hidden = {"liked", "rating", "timestamp", "user_id", "item_id", "title"}
    assert not hidden & set(likes.features)
