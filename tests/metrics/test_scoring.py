"""recommender_scorer, evaluate and sampled_metric, on a recommender of fixed scores."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrec.metrics import (
    _measure,
    auc_per_user,
    coverage_at_k,
    diversity_at_k,
    evaluate,
    mrr_at_k,
    ndcg_at_k,
    novelty_at_k,
    recall_at_k,
    recommender_scorer,
    sampled_metric,
)
from tests.metrics.made import FixedRecommender

RNG = np.random.default_rng(0)
POPULARITY = np.arange(20, 0, -1) / 210
EVENTS = pd.DataFrame(
    {
        "user": RNG.integers(0, 30, size=400),
        "item": RNG.choice(20, p=POPULARITY, size=400),
        "price": 1.0,
    }
).drop_duplicates(["user", "item"])
TRAIN, TEST = EVENTS.iloc[:-60], EVENTS.iloc[-60:]
ALL = ["mrr@1", "ndcg@5", "recall@12", "coverage@5", "novelty@5", "diversity@5", "auc"]
CV = KFold(3, shuffle=True, random_state=0)


def fitted(strength=1.0):
    return FixedRecommender(strength).fit(TRAIN)


def test_one_name_gives_a_number_and_several_a_dict():
    model = fitted()
    lists = model.recommend(TEST["user"].unique(), 5)
    expected = {"ndcg@5": ndcg_at_k(lists, TEST, 5), "mrr@1": mrr_at_k(lists, TEST, 1)}

    assert recommender_scorer("ndcg@5")(model, TEST) == expected["ndcg@5"]
    assert recommender_scorer(["ndcg@5", "mrr@1"])(model, TEST, y=TEST) == expected
    assert recommender_scorer(["ndcg@5"])(model, TEST).keys() == {"ndcg@5"}


def test_all_metrics_are_those_of_the_functions(monkeypatch):
    monkeypatch.setattr(_measure, "BLOCK_ROWS", 7 * 20)  # seven users at a time
    model = fitted()
    whole = model.recommend(TEST["user"].unique(), 20)
    vectors = pd.DataFrame(model.item_embeddings_, index=model.items_)

    found = recommender_scorer(ALL)(model, TEST)

    assert list(found) == ALL
    expected = [
        mrr_at_k(whole, TEST, 1),
        ndcg_at_k(whole, TEST, 5),
        recall_at_k(whole, TEST, 12),
        coverage_at_k(whole, model.items_, 5),
        novelty_at_k(whole, TRAIN, 5),
        diversity_at_k(whole, vectors, 5),
        auc_per_user(whole, TEST),
    ]
    assert_allclose(list(found.values()), expected, rtol=1e-12)


def test_users_are_ranked_once_for_the_largest_k():
    model = fitted()

    recommender_scorer(["ndcg@5", "coverage@3", "recall@9"])(model, TEST)

    assert model.asked_ == [9]


def test_seen_items_may_be_ranked():
    again = recommender_scorer("recall@5", exclude_seen=False)(fitted(), TRAIN)

    assert recommender_scorer("recall@5")(fitted(), TRAIN) == 0
    assert again > 0


def test_a_search_over_several_metrics():
    search = GridSearchCV(
        FixedRecommender(),
        {"strength": [-1.0, 1.0]},
        scoring=recommender_scorer(["ndcg@10", "coverage@10"]),
        refit="ndcg@10",
        cv=CV,
        error_score="raise",
    ).fit(EVENTS)

    assert search.best_params_ == {"strength": 1.0}
    assert search.cv_results_["mean_test_coverage@10"].shape == (2,)
    by_hand = [
        recommender_scorer("ndcg@10")(
            FixedRecommender().fit(EVENTS.iloc[train]), EVENTS.iloc[test]
        )
        for train, test in CV.split(EVENTS)
    ]
    assert search.best_score_ == pytest.approx(np.mean(by_hand), abs=1e-12)
    expected = recommender_scorer("ndcg@10")(search.best_estimator_, TEST)
    assert search.score(TEST) == expected


def test_a_search_in_a_search_and_a_pipeline():
    # The last step gets other items than the ones that are handed in.
    rename = FunctionTransformer(lambda X: X.assign(item=X["item"] + 100))
    scorer = recommender_scorer("ndcg@10")
    search = GridSearchCV(
        make_pipeline(rename, FixedRecommender()),
        {"fixedrecommender__strength": [-1.0, 1.0]},
        scoring=scorer,
        cv=CV,
        error_score="raise",
    )
    results = cross_validate(search, EVENTS, cv=CV, scoring=scorer)

    alone = cross_validate(FixedRecommender(), EVENTS, cv=CV, scoring=scorer)
    assert results["test_score"].tolist() == alone["test_score"].tolist()
    pipeline = make_pipeline(rename, FixedRecommender()).fit(TRAIN)
    assert pipeline[-1].items_.min() >= 100
    assert evaluate(pipeline, TEST)["n_cold_items"].eq(0).all()
    only_step = make_pipeline(FixedRecommender()).fit(TRAIN)
    assert scorer(only_step, TEST) == scorer(fitted(), TEST)


def test_a_scorer_is_pickled_cloned_and_read():
    scorer = recommender_scorer(["ndcg@10", "recall@20"])

    assert pickle.loads(pickle.dumps(scorer)) == scorer
    search = GridSearchCV(FixedRecommender(), {}, scoring=scorer)
    assert clone(search).scoring == scorer
    assert repr(scorer) == "recommender_scorer(['ndcg@10', 'recall@20'])"
    one = recommender_scorer("auc", exclude_seen=False)
    assert repr(one) == "recommender_scorer('auc', exclude_seen=False)"


def test_evaluate_counts_what_the_model_does_not_know():
    test = pd.DataFrame(
        {"user": [0, 0, 1, "new"], "item": [99, 98, 99, 0], "price": 1.0}
    ).astype({"user": str})
    train = TRAIN.astype({"user": str})
    model = FixedRecommender().fit(train)

    table = evaluate(model, test, ["hit_rate@20", "coverage@20"])

    assert table.index.tolist() == ["hit_rate@20", "coverage@20"]
    assert table["n_users"].tolist() == [3, 3]
    assert table["n_cold_users"].tolist() == [1, 1]
    assert table["n_cold_items"].tolist() == [3, 3]
    assert table.loc["hit_rate@20", "score"] == pytest.approx(1 / 3)
    # Of the values 0, 0 and 1.
    assert table.loc["hit_rate@20", "standard_error"] == pytest.approx(1 / 3)
    assert np.isnan(table.loc["coverage@20", "standard_error"])


def test_evaluate_counts_ties():
    # Items 0 and 1 have two events each, 2 and 3 have one.
    train = pd.DataFrame({"user": range(6), "item": [0, 0, 1, 1, 2, 3]})
    model = FixedRecommender().fit(train)

    def count(item, metric):
        test = pd.DataFrame({"user": [7, 8], "item": [item, 99]})
        return evaluate(model, test, metric)["n_ties"].iloc[0]

    assert [count(item, "ndcg@3") for item in range(4)] == [1, 1, 0, 0]
    assert [count(item, "auc") for item in range(4)] == [1, 1, 1, 1]


def test_polars_in_and_out():
    class Polars(FixedRecommender):
        def fit(self, X, y=None):
            return super().fit(X.to_pandas(), y)

        def recommend(self, users, n=10, *, exclude_seen=True):
            lists = super().recommend(users, n, exclude_seen=exclude_seen)
            return pl.from_pandas(lists)

    model = Polars().fit(pl.from_pandas(TRAIN))

    found = evaluate(model, pl.from_pandas(TEST), ALL)
    pd.testing.assert_frame_equal(found, evaluate(fitted(), TEST, ALL))


def test_a_sampled_metric_is_above_the_real_one():
    model = fitted()
    exact = recommender_scorer("ndcg@10")(model, TEST)

    few = sampled_metric(model, TEST, "ndcg@10", 3, random_state=0)

    assert few > exact
    assert few == sampled_metric(model, TEST, "ndcg@10", 3, random_state=0)
    assert few != sampled_metric(model, TEST, "ndcg@10", 3, random_state=1)
    assert sampled_metric(model, TEST, "ndcg@10", 20, random_state=0) == exact


def test_a_sample_holds_the_relevant_items_and_so_many_others():
    # Item 4 has four events, 3 has three, and so on.
    train = pd.DataFrame({"user": range(10), "item": np.repeat(range(5), range(5))})
    model = FixedRecommender().fit(train)
    test = pd.DataFrame({"user": [99], "item": [1]})  # the last of 4 in the real list

    values = {
        sampled_metric(model, test, "mrr@10", 2, random_state=seed) for seed in range(9)
    }

    assert values == {1 / 3}


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("ndgc@10", "Did you mean 'ndcg'. Received: 'ndgc@10'"),
        (["recall@10", "hitrate@5"], "Did you mean 'hit_rate'"),
        ("ndcg", "needs the length of the lists behind it.*'ndcg@10'"),
        ("ndcg@0", "from 1 on.*Received: 'ndcg@0'"),
        ("ndcg@ten", "Received: 'ndcg@ten'"),
        ("auc@10", "must be 'auc'"),
        ([], r"Received: \[\]"),
        (["auc", "auc"], "different ones"),
        ([10], "Received: 10"),
        (10, "'metrics' parameter"),
    ],
)
def test_bad_names_are_refused_at_once(metrics, message):
    with pytest.raises(ValueError, match=message):
        recommender_scorer(metrics)


def test_what_a_metric_needs_is_named():
    model = fitted()
    del model.item_embeddings_
    with pytest.raises(ValueError, match=r"'diversity@5' needs item_embeddings_"):
        evaluate(model, TEST, "diversity@5")
    with pytest.raises(TypeError, match=r"of recommenders.*LogisticRegression"):
        evaluate(LogisticRegression(), TEST)
    with pytest.raises(ValueError, match=r"metric must be one of ndcg.*'auc'"):
        sampled_metric(model, TEST, "auc")
