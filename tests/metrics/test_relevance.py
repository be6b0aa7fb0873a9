"""Metrics of relevance: against trec_eval and scikit-learn, and bad frames."""

import ir_measures
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score

from skrec.metrics import (
    auc_per_user,
    hit_rate_at_k,
    map_at_k,
    mrr_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
)
from tests.metrics.made import make_lists

RANDOM = tuple(
    pd.concat([frame.assign(user=f"{seed}-" + frame["user"]) for seed, frame in frames])
    for frames in zip(
        *([(seed, frame) for frame in make_lists(seed)] for seed in range(20)),
        strict=True,
    )
)
# What ir-measures calls them.
PUBLISHED = {
    "nDCG": ndcg_at_k,
    "R": recall_at_k,
    "P": precision_at_k,
    "Success": hit_rate_at_k,
    "AP": map_at_k,
    "RR": mrr_at_k,
}
FUNCTIONS = list(PUBLISHED.values())
LISTS = pd.DataFrame(
    {"user": ["a", "a", "b"], "item": [1, 2, 1], "rank": [1, 2, 1], "score": [2, 1, 3]}
)
WANTED = pd.DataFrame({"user": ["b", "a", "c"], "item": [1, 2, 9]})


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("k", [1, 3, 10])
def test_values_are_those_of_ir_measures(name, k):
    metric = ir_measures.parse_measure(f"{name}@{k}")
    recommended, relevant = RANDOM
    run = recommended.set_axis(["query_id", "doc_id", "score", "rank"], axis=1)
    if name == "RR":  # is not trec_eval's there, and breaks ties by another rule
        run["score"] = -run["rank"].astype(float)
    qrels = relevant.drop_duplicates().set_axis(["query_id", "doc_id"], axis=1)
    found = ir_measures.iter_calc([metric], qrels.assign(relevance=1), run)
    published = {one.query_id: one.value for one in found}

    ours = PUBLISHED[name](recommended, relevant, k, average=False)

    users = relevant["user"].unique()
    assert ours.index.tolist() == users.tolist()
    expected = [published.get(user, 0) for user in users]
    assert_allclose(ours, expected, rtol=0, atol=1e-12)
    mean = PUBLISHED[name](recommended, relevant, k)
    assert_allclose(mean, np.mean(expected), rtol=0, atol=1e-12)


def test_a_user_without_a_list_has_missed():
    relevant = pd.DataFrame({"user": ["nobody", "b"], "item": [1, 1]})
    for function in FUNCTIONS:
        value = function(LISTS, relevant, 1, average=False)
        assert value.to_dict() == {"nobody": 0.0, "b": 1.0}
        assert function(LISTS, relevant, 1) == 0.5
        assert function(LISTS.iloc[:0], relevant, 1) == 0.0
    scored = LISTS.iloc[:0]
    assert auc_per_user(scored, relevant) == 0.0


@pytest.mark.parametrize("k", [1, 2, 7, 300])
def test_ndcg_is_one_at_most(k):
    # 30 relevant items in front: perfect, whatever the k, and to the last bit.
    n = 30
    lists = pd.DataFrame({"user": 0, "item": range(2 * n), "rank": range(1, 2 * n + 1)})
    wanted = pd.DataFrame({"user": 0, "item": range(n)})

    assert ndcg_at_k(lists.sample(frac=1, random_state=0), wanted, k) == 1.0
    some = pd.concat([make_lists(seed)[0].assign(user=seed) for seed in range(50)])
    some = some.drop_duplicates(["user", "item"])
    some["rank"] = some.groupby("user").cumcount() + 1
    wanted = some[["user", "item"]].sample(frac=0.8, random_state=0)
    values = ndcg_at_k(some, wanted, k, average=False)
    assert values.between(0, 1).all()


@pytest.mark.parametrize("function", [*FUNCTIONS, auc_per_user])
def test_what_does_not_matter(function):
    recommended, relevant = make_lists(3)
    expected = function(recommended, relevant, average=False)

    twice = pd.concat([relevant, relevant.iloc[::-1]])
    for lists, wanted in [
        (recommended, twice),
        (recommended.sample(frac=1, random_state=9), relevant),
        (pl.from_pandas(recommended), pl.from_pandas(relevant)),
        (recommended.astype({"item": "category"}), relevant),
        (recommended, relevant.astype({"user": "category", "item": object})),
    ]:
        found = function(lists, wanted, average=False)
        pd.testing.assert_series_equal(
            found, expected, check_exact=True, check_index_type=False
        )
    other_names = {"user": "who", "item": "what"}
    found = function(
        recommended.rename(columns=other_names),
        relevant.rename(columns=other_names),
        user_col="who",
        item_col="what",
        average=False,
    )
    assert found.index.name == "who"
    assert found.to_list() == expected.to_list()


def test_ids_are_compared_by_value():
    wanted = WANTED.astype({"item": "float32"})

    assert (
        recall_at_k(LISTS, wanted) == recall_at_k(LISTS, WANTED) == pytest.approx(2 / 3)
    )
    big = pd.DataFrame({"user": ["a"], "item": [2**60 + 1], "rank": [1]})
    assert recall_at_k(big, big.assign(item=2**60)) == 0.0


def test_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scored = pd.DataFrame(
        [(u, i, s) for u in range(20) for i, s in enumerate(rng.integers(0, 5, 12))],
        columns=["user", "item", "score"],
    )
    relevant = scored[["user", "item"]].sample(frac=0.3, random_state=0)
    values = auc_per_user(scored, relevant, average=False)

    for user, value in values.items():
        own = scored[scored["user"] == user]
        hit = own["item"].isin(relevant["item"][relevant["user"] == user])
        assert value == pytest.approx(roc_auc_score(hit, own["score"]), abs=1e-12)
    assert auc_per_user(scored, relevant) == pytest.approx(values.mean())


def test_auc_without_a_score_or_without_others():
    # One of two relevant items has no score, and loses against both others.
    scored = pd.DataFrame({"user": 0, "item": [1, 2, 3], "score": [3.0, 2.0, 1.0]})
    assert auc_per_user(scored, pd.DataFrame({"user": 0, "item": [1, 9]})) == 0.5
    assert auc_per_user(scored, scored[["user", "item"]]) == 0.5


BAD = [
    (LISTS.drop(columns="rank"), WANTED, "recommended has no column 'rank'"),
    (LISTS, WANTED[["user"]], "relevant has no column 'item'"),
    (LISTS.to_numpy(), WANTED, "recommended must be a pandas or polars frame"),
    (LISTS, WANTED.iloc[:0], "relevant must have at least one row"),
    (LISTS.assign(item=1), WANTED, "item 1 for user 'a' again in row 1"),
    (LISTS.assign(rank=1), WANTED, "rank 1 for user 'a' again in row 1"),
    (LISTS.assign(rank=[1, 0, 1]), WANTED, "0.0 in row 1"),
    (LISTS.assign(rank=[1, 1.5, 1]), WANTED, "1.5 in row 1"),
    (
        LISTS.assign(rank=[1, np.nan, 1]),
        WANTED,
        "'rank' must hold finite.*nan in row 1",
    ),
    (LISTS.assign(rank=["1", "2", "1"]), WANTED, "'rank' must hold numbers"),
    (LISTS, WANTED.assign(item=[1, np.nan, 2]), "relevant: column 'item' has no id in"),
    (LISTS.assign(user=["a", None, "b"]), WANTED, "recommended: column 'user' has no"),
    (LISTS, WANTED.astype({"item": str}), "'item' must hold ids of one type.*strings"),
    (LISTS, pd.concat([WANTED, WANTED["item"]], axis=1), "'item' twice"),
]


@pytest.mark.parametrize(("recommended", "relevant", "message"), BAD)
def test_bad_frames_are_named(recommended, relevant, message):
    kind = TypeError if isinstance(recommended, np.ndarray) else ValueError
    for function in FUNCTIONS:
        with pytest.raises(kind, match=message):
            function(recommended, relevant)


@pytest.mark.parametrize("k", [0, -1, 2.5, "10"])
def test_bad_k_is_named(k):
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match="'k' parameter"):
            function(LISTS, WANTED, k)


def test_bad_scores_are_named():
    with pytest.raises(ValueError, match="scored: column 'score' must hold finite"):
        auc_per_user(LISTS.assign(score=[1, np.nan, 2]), WANTED)
    with pytest.raises(ValueError, match="scored must hold an item once"):
        auc_per_user(LISTS.assign(item=1), WANTED)
    with pytest.raises(ValueError, match="a column of its own for each"):
        ndcg_at_k(LISTS, WANTED, user_col="item")
