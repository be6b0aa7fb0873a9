"""Coverage, novelty and diversity: against loops over the lists, and bad input."""

from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cosine

from skrec.metrics import coverage_at_k, diversity_at_k, novelty_at_k
from tests.metrics.made import make_lists

ITEMS = [f"i{item:02d}" for item in range(15)]
RNG = np.random.default_rng(0)
VECTORS = pd.DataFrame(RNG.normal(size=(15, 4)), index=ITEMS).sample(frac=1)
TRAIN = pd.DataFrame({"user": 0, "item": RNG.choice(ITEMS[:12], size=200)})


def tops(recommended, k):
    """Yield each user and the first k items."""
    best = recommended[recommended["rank"] <= k].sort_values("rank")
    for user, rows in best.groupby("user"):
        yield user, rows["item"].tolist()


@pytest.mark.parametrize("k", [1, 4, 10])
@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_a_loop(k, seed):
    recommended, _ = make_lists(seed)
    counts = TRAIN["item"].value_counts().to_dict()
    covered, bits, different = set(), {}, {}
    for user, items in tops(recommended, k):
        covered |= set(items)
        bits[user] = np.mean([-np.log2(counts.get(i, 1) / len(TRAIN)) for i in items])
        pairs = [
            cosine(*VECTORS.loc[list(p)].to_numpy()) for p in combinations(items, 2)
        ]
        different[user] = np.mean(pairs) if pairs else 0.0

    assert coverage_at_k(recommended, ITEMS, k) == len(covered) / 15
    for function, argument, expected in (
        (novelty_at_k, TRAIN, bits),
        (diversity_at_k, VECTORS, different),
    ):
        found = function(recommended, argument, k, average=False)
        assert (
            found.index.tolist()
            == recommended["user"][recommended["rank"] <= k].unique().tolist()
        )
        assert_allclose(found, [expected[user] for user in found.index], atol=1e-12)
        mean = function(recommended, argument, k)
        assert mean == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
        polars = function(pl.from_pandas(recommended), argument, k, average=False)
        assert polars.to_dict() == found.to_dict()


def test_counts_may_stand_for_events():
    recommended, _ = make_lists(0)
    counts = TRAIN["item"].value_counts()

    expected = novelty_at_k(recommended, TRAIN)
    assert novelty_at_k(recommended, counts) == expected
    # No events are one event, as for items that are not there at all.
    assert novelty_at_k(recommended, counts.reindex(ITEMS, fill_value=0)) == expected


def test_equal_vectors_are_not_different_and_zero_is_like_nothing():
    lists = pd.DataFrame({"user": 0, "item": ITEMS[:3], "rank": [1, 2, 3]})
    equal = pd.DataFrame(np.full((3, 7), 0.1), index=ITEMS[:3])

    assert diversity_at_k(lists, equal) == pytest.approx(0, abs=1e-15)
    assert diversity_at_k(lists, equal) >= 0
    equal.iloc[0] = 0
    assert diversity_at_k(lists, equal) == pytest.approx(2 / 3)


def test_no_lists_have_no_value():
    none = make_lists(0)[0].iloc[:0]

    assert coverage_at_k(none, ITEMS) == 0
    assert np.isnan(novelty_at_k(none, TRAIN))
    assert np.isnan(diversity_at_k(none, VECTORS))
    assert diversity_at_k(none, VECTORS, average=False).empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: coverage_at_k(r, ITEMS[:3]), "items that items lacks"),
        (lambda r: coverage_at_k(r, []), "items must hold at least one id"),
        (lambda r: coverage_at_k(r, ITEMS, item_col="sku"), "no column 'sku'"),
        (lambda r: diversity_at_k(r, VECTORS.iloc[:3]), "the index of vectors lacks"),
        (lambda r: diversity_at_k(r, VECTORS.iloc[[0, 0]]), "one row for an item"),
        (lambda r: diversity_at_k(r, VECTORS * np.nan), "NaN or infinity in the row"),
        (lambda r: novelty_at_k(r, TRAIN.iloc[:0]), "train must hold at least one"),
        (lambda r: novelty_at_k(r, TRAIN[["user"]]), "train has no column 'item'"),
        (lambda r: novelty_at_k(pd.concat([r, r]), TRAIN), "an item once for a user"),
        (lambda r: novelty_at_k(r, TRAIN, 0), "'k' parameter"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(make_lists(0)[0])


def test_vectors_are_a_frame():
    with pytest.raises(TypeError, match=r"the items as index\. Received: ndarray"):
        diversity_at_k(make_lists(0)[0], VECTORS.to_numpy())
