"""sample_negatives: what is drawn, how often, and what else is in the rows."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from skrec.preprocessing import _unseen, sample_negatives

RNG = np.random.default_rng(0)
AISLES = np.array(["dry", "cold", "drinks"])
X = pd.DataFrame(
    {
        "user": RNG.integers(20, size=150),
        "item": RNG.choice(30, p=np.arange(1, 31) / 465, size=150),
        "time": np.arange(150.0),
    }
)
X = X.assign(
    age=20 + X["user"],
    aisle=pd.Categorical(AISLES[X["item"] % 3]),
    item=[f"i{item}" for item in X["item"]],
)
FEATURES = {"item_features": ["aisle"]}


def pairs(table):
    return set(zip(table["user"], table["item"], strict=True))


@given(
    n_items=st.integers(1, 6),
    n_users=st.integers(1, 5),
    n_events=st.integers(1, 40),
    n=st.integers(1, 5),
    popularity=st.sampled_from([0, 0.75, 300]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_negative_is_a_known_positive(
    n_items, n_users, n_events, n, popularity, seed
):
    rng = np.random.default_rng(seed)
    log = pd.DataFrame(
        {
            "user": rng.integers(n_users, size=n_events),
            "item": rng.integers(n_items, size=n_events),
        }
    )
    full = log.groupby("user")["item"].nunique() == log["item"].nunique()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sampled, y = sample_negatives(log, n, popularity=popularity, random_state=seed)

    assert len(caught) == full.any()
    pd.testing.assert_frame_equal(sampled[y == 1].reset_index(drop=True), log)
    assert not pairs(sampled[y == 0]) & pairs(log)
    # Behind each event come its own.
    of_event = np.cumsum(y) - 1
    assert (sampled["user"].to_numpy() == log["user"].to_numpy()[of_event]).all()
    expected = np.where(log["user"].map(full), 0, n)
    assert (np.bincount(of_event) - 1 == expected).all()


@pytest.mark.parametrize("n_draws", [20, 0])
@pytest.mark.parametrize("popularity", [0, 0.75, 1])
def test_items_are_drawn_by_their_popularity(popularity, n_draws, monkeypatch):
    # With no draw at all, the rest is drawn from the items that a user has not had.
    monkeypatch.setattr(_unseen, "N_DRAWS", n_draws)
    counts = np.array([1, 2, 4, 8, 16])
    log = pd.DataFrame({"user": 0, "item": np.repeat(np.arange(5), counts)})
    other = pd.DataFrame({"user": [1], "item": [0]})
    log = pd.concat([log.assign(user=range(2, 33)), other])

    sampled, y = sample_negatives(log, 5000, popularity=popularity, random_state=0)

    mine = (y == 0) & (sampled["user"] == 1)
    found = sampled["item"][mine].value_counts().reindex(range(1, 5), fill_value=0)
    weights = np.array([2.0, 4, 8, 16]) ** popularity
    assert chisquare(found, 5000 * weights / weights.sum()).pvalue > 0.001


def test_draws_are_seeded():
    first, _ = sample_negatives(X, **FEATURES, random_state=0)
    same, _ = sample_negatives(X, **FEATURES, random_state=0)
    other, _ = sample_negatives(X, **FEATURES, random_state=1)

    pd.testing.assert_frame_equal(first, same)
    assert not first.equals(other)


def test_other_columns_are_the_events_or_the_items():
    sampled, y = sample_negatives(X, **FEATURES, random_state=0)

    assert (sampled.dtypes == X.dtypes).all()
    assert sampled.columns.tolist() == X.columns.tolist()
    assert (sampled["age"] == 20 + sampled["user"]).all()
    number = sampled["item"].str[1:].astype(int)
    assert (sampled["aisle"].astype(str) == AISLES[number % 3]).all()
    assert (sampled["time"] == (np.cumsum(y) - 1)).all()


def test_kinds_of_tables():
    expected, labels = sample_negatives(X, **FEATURES, random_state=0)

    table, y = sample_negatives(pl.from_pandas(X), **FEATURES, random_state=0)
    assert table.schema == pl.from_pandas(X).schema
    pd.testing.assert_frame_equal(
        table.to_pandas(), expected, check_dtype=False, check_categorical=False
    )
    assert (y == labels).all()
    objects = X.to_numpy(dtype=object)
    table, _ = sample_negatives(objects, item_features=[4], random_state=0)
    assert (table == expected.to_numpy(dtype=object)).all()
    numbers = X[["user", "time"]].astype(int).to_numpy()
    table, _ = sample_negatives(numbers, random_state=0)
    assert table.dtype == numbers.dtype and table.shape == (750, 2)
    swapped, _ = sample_negatives(
        X[["item", "user", "time", "age", "aisle"]],
        user_col="user",
        item_col=0,
        **FEATURES,
        random_state=0,
    )
    pd.testing.assert_frame_equal(swapped[X.columns], expected)


@pytest.mark.parametrize("to", [lambda X: X, pl.from_pandas])
def test_known_events_are_no_negatives_and_no_rows(to):
    known = X.iloc[:120][X.columns[::-1]]
    test = X.iloc[120:]

    sampled, y = sample_negatives(
        to(test), 50, **FEATURES, known=to(known), random_state=0
    )

    sampled = sampled if isinstance(sampled, pd.DataFrame) else sampled.to_pandas()
    assert y.sum() == len(test) and len(y) == 51 * len(test)
    assert not pairs(sampled[y == 0]) & pairs(X)
    assert set(sampled["item"]) == set(X["item"])
    array, labels = sample_negatives(
        test.to_numpy(object),
        50,
        item_features=[4],
        known=X.iloc[:120].to_numpy(object),
        random_state=0,
    )
    assert (array[:, 1] == sampled["item"]).all() and (labels == y).all()


def test_one_warning_of_users_who_have_everything():
    log = pd.DataFrame({"user": [1, 1, 2], "item": [5, 6, 5]})

    with pytest.warns(UserWarning, match="1 of 2 users have had all 2 items") as found:
        sampled, y = sample_negatives(log, 2)

    assert len(found) == 1
    assert sampled.to_numpy().tolist() == [[1, 5], [1, 6], [2, 5], [2, 6], [2, 6]]
    assert y.tolist() == [1, 1, 1, 0, 0]


def test_a_warning_of_features_of_the_item():
    with pytest.warns(
        UserWarning, match=r"columns \['aisle'\] have one value for each"
    ):
        sample_negatives(X)
    # Where an item has one row alone, nobody can tell.
    sample_negatives(X.drop_duplicates("item"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user_col": "customer"}, "user_col must name columns.*'customer'"),
        ({"item_features": ["shelf"]}, "item_features must name columns.*'shelf'"),
        ({"item_features": ["user"]}, "describe items, and not the user"),
        ({"user_col": "item", "item_col": "item"}, "must be different columns"),
        ({"X": X[["user"]]}, "a minimum of 2 is required by sample_negatives"),
        ({"X": X.iloc[:0]}, "minimum of 1 is required by sample_negatives"),
        ({"X": X.assign(item=X["item"].where(X.index != 3))}, "no id in row 3"),
        ({"known": X.drop(columns="aisle")}, "known must be.*all of its columns"),
        ({"known": X.to_numpy()}, "known must be a table of the kind of X"),
        ({"n": 0}, "'n' parameter"),
        ({"popularity": -1}, "'popularity' parameter"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        sample_negatives(**{"X": X, **change})
