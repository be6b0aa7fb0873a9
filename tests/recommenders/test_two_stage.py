"""Two stages: what the ranker learns from, what it gets, and what comes out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from skrec import DeepFMClassifier
from skrec.metrics import recommender_scorer
from skrec.model_selection import LeaveLastOut
from skrec.recommenders import (
    ALSRecommender,
    CaserRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularRecommender,
    SASRecRecommender,
    TwoStageRecommender,
    TwoTowerRecommender,
)


class Notes(ClassifierMixin, BaseEstimator):
    """A classifier that keeps what it gets, and ranks by a column."""

    def __init__(self, column="retriever_rank"):
        self.column = column

    def fit(self, X, y):
        self.X_, self.y_, self.classes_ = X, y, np.unique(y)
        self.asked_ = []
        return self

    def predict_proba(self, X):
        self.asked_.append(X)
        p = 1 / (1 + np.nan_to_num(X[self.column].to_numpy(float)))
        return np.column_stack([1 - p, p])


def random_log(n_users=40, n_items=30, n_events=500, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user": rng.integers(0, n_users, n_events),
            "item": np.minimum(rng.geometric(0.1, n_events), n_items) - 1,
            "time": rng.permutation(n_events),
        }
    )


LOG = random_log()
KNN = ItemKNNRecommender(time_col="time")
TREES = DecisionTreeClassifier(max_depth=6, random_state=0)


def shortened(model, n, **options):
    """Recommend more items than some users can get."""
    with pytest.warns(UserWarning, match="get fewer than"):
        return model.recommend(n=n, **options)


def two(ranker=None, **params):
    params = {"n_candidates": 8, "ids_as_features": False, "random_state": 0} | params
    return TwoStageRecommender(KNN, ranker or clone(TREES), **params)


@pytest.mark.filterwarnings("ignore")
def test_every_common_check_passes_and_none_is_skipped():
    results = check_estimator(
        TwoStageRecommender(
            ItemKNNRecommender(), LogisticRegression(), ids_as_features=False
        ),
        on_skip=None,
        on_fail=None,
    )
    assert len(results) > 40
    assert {r["check_name"]: r for r in results if r["status"] != "passed"} == {}


@pytest.mark.parametrize("negatives", ["candidates", "random"])
@pytest.mark.parametrize("n_held_out", [1, 3])
def test_the_ranker_learns_from_a_retriever_that_has_not_seen_the_answers(
    negatives, n_held_out
):
    model = two(
        Notes(), negatives=negatives, n_held_out=n_held_out, ids_as_features=True
    ).fit(LOG)
    table, y = model.ranker_.X_, model.ranker_.y_
    in_time = LOG.sort_values("time")
    from_end = in_time.groupby("user").cumcount(ascending=False)
    long = in_time.groupby("user")["item"].transform("size") > n_held_out
    is_last = (from_end < n_held_out) & long
    before, last = in_time[~is_last], in_time[is_last]
    had = set(zip(before["user"], before["item"], strict=True))
    taken = set(zip(last["user"], last["item"], strict=True))

    pairs = list(zip(table["user"], table["item"], strict=True))
    assert not set(pairs) & had
    assert [pair in taken for pair in pairs] == (y == 1).tolist()
    # Scores and ranks are those of a retriever that was fitted on what came before.
    retriever = clone(KNN).fit(before)
    n_items = len(retriever.items_)
    lists = shortened(retriever, n=n_items).set_index(["user", "item"])
    n_compared = 0
    for row, pair in zip(table.itertuples(), pairs, strict=True):
        if pair in lists.index:
            n_compared += 1
            assert row.retriever_score == lists.loc[pair, "score"]
            assert row.retriever_rank == lists.loc[pair, "rank"]
    assert n_compared > len(table) / 2
    if negatives == "candidates":
        assert table["retriever_rank"].max() <= 8
        proposed = lists[lists["rank"] <= 8].index
        assert set(map(tuple, proposed)) & (taken - had) == {
            pair for pair, label in zip(pairs, y, strict=True) if label
        }
    # What proposes in the end has seen everything.
    pd.testing.assert_frame_equal(
        model.retriever_.recommend(n=5), clone(KNN).fit(LOG).recommend(n=5)
    )


def test_so_many_negatives_stand_beside_an_event():
    for negatives in ("candidates", "random"):
        y = two(Notes(), n_negatives=3, negatives=negatives).fit(LOG).ranker_.y_
        assert np.sum(y == 0) == pytest.approx(3 * np.sum(y == 1), rel=0.1)


def test_a_ranker_that_follows_the_retriever_changes_nothing():
    model = two(Notes()).fit(LOG)
    ours, theirs = shortened(model, n=20), shortened(clone(KNN).fit(LOG), n=20)
    assert ours[["user", "item", "rank"]].equals(theirs[["user", "item", "rank"]])
    assert ((ours["score"] >= 0) == (ours["rank"] <= 8)).all()


@pytest.mark.parametrize("ranker", [TREES, Notes("retriever_score")])
def test_lists_are_predictions_sorted_and_begin_alike(ranker):
    model = two(ranker).fit(LOG)
    grid = pd.MultiIndex.from_product([model.users_, model.items_, [0]])
    grid = grid.to_frame(index=False, name=list(LOG.columns))
    grid["score"] = model.predict(grid)
    seen = pd.MultiIndex.from_frame(LOG[["user", "item"]])
    unseen = grid[~pd.MultiIndex.from_frame(grid[["user", "item"]]).isin(seen)]
    by_hand = unseen.sort_values(
        ["user", "score", "item"], ascending=[True, False, True]
    )
    lists = shortened(model, n=15)
    by_hand = by_hand.groupby("user").head(15)
    assert lists["item"].tolist() == by_hand["item"].tolist()
    np.testing.assert_array_equal(lists["score"], by_hand["score"])
    short = model.recommend(n=4)
    assert short.equals(lists[lists["rank"] <= 4].reset_index(drop=True))


def test_users_at_once_are_users_one_at_a_time():
    model = two().fit(LOG)
    together = model.recommend(model.users_[::-1], n=4)
    alone = [model.recommend([user], n=4) for user in model.users_[::-1]]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))


def test_an_item_among_few_candidates_has_the_score_that_it_has_among_all():
    model = two(n_candidates=30).fit(LOG)
    full = shortened(model, n=15)
    in_stock = model.items_[::2]
    few = model.recommend(n=3, candidates=in_stock)
    by_hand = full[full["item"].isin(in_stock)].groupby("user").head(3)
    assert few["item"].tolist() == by_hand["item"].tolist()
    assert few["score"].tolist() == by_hand["score"].tolist()


def test_with_seen_items_their_ranks_are_among_what_is_not_seen():
    model = two(Notes(), n_candidates=30).fit(LOG)
    model.ranker_.asked_.clear()
    lists = model.recommend(n=30, exclude_seen=False)
    unseen = model.recommend(n=10)
    both = lists.merge(unseen, on=["user", "item"], suffixes=("", "_unseen"))
    assert len(both) == len(unseen)
    assert (both["score"] == both["score_unseen"]).all()


ITEMS = pd.DataFrame(
    {
        "price": np.arange(30.0),
        "item": np.arange(30)[::-1],
        "new": np.arange(30) % 2 == 0,
        "kind": [["dry", "cold"][k % 3 > 0] for k in range(30)],
    }
)
USERS = pd.DataFrame({"id": range(50), "age": np.arange(50) * 2})


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_features_stand_beside_their_ids(kind):
    model = two(Notes(), ids_as_features=True)
    users, items = (kind(frame.to_dict("list")) for frame in (USERS, ITEMS))
    model.fit(LOG, user_features=users, item_features=items)
    model.recommend([3, 7], n=2, exclude_seen=False)
    tables = [model.ranker_.X_, *model.ranker_.asked_]
    for table in tables:
        assert table.columns.tolist() == [
            "user",
            "item",
            "retriever_score",
            "retriever_rank",
            "age",
            "price",
            "new",
            "kind",
        ]
        item = table["item"].astype(int)
        assert (table["age"] == 2 * table["user"].astype(int)).all()
        assert (table["price"] == 29 - item).all()
        assert (table["new"] == ((29 - item) % 2 == 0)).all()
    assert two(Notes()).fit(LOG).ranker_.X_.columns.tolist() == [
        "retriever_score",
        "retriever_rank",
    ]


def test_a_new_user_has_features_too():
    model = two(Notes("age")).fit(LOG, user_features=USERS)
    history = LOG[LOG["user"] == 3].assign(user=45)
    model.recommend(history=history, n=3)
    assert (model.ranker_.asked_[-1]["age"] == 90).all()


def test_ids_without_features_have_missing_values_and_a_warning():
    with pytest.warns(UserWarning, match="item_features has no row for 10 of 30 ids"):
        model = two(Notes(), ids_as_features=True).fit(LOG, item_features=ITEMS[:20])
    table = model.ranker_.X_
    assert (table["price"].isna() == (table["item"].astype(int) < 10)).all()
    with pytest.warns(UserWarning, match="10 of 30"):
        two().fit(LOG, item_features=ITEMS[:20].drop(columns="kind")).recommend(n=2)


def test_features_decide_where_they_matter():
    # Users of one kind take what is of this kind; the retriever knows what is popular.
    rng = np.random.default_rng(0)
    users = pd.DataFrame({"user": range(120), "kind": np.arange(120) % 2 * 2 - 1})
    items = pd.DataFrame({"item": range(40), "is": np.arange(40) % 2 * 2 - 1})
    rows = [(u, i) for u in users["user"] for i in rng.permutation(20)[:5] * 2 + u % 2]
    log = pd.DataFrame(rows, columns=["user", "item"])
    log["time"] = rng.permutation(len(log))
    train, test = next(LeaveLastOut(time_col="time").split(log))
    model = TwoStageRecommender(
        PopularRecommender(),
        make_pipeline(StandardScaler(), PolynomialFeatures(), LogisticRegression()),
        time_col="time",
        ids_as_features=False,
        n_held_out=2,
        random_state=0,
    )
    model.fit(log.iloc[train], user_features=users, item_features=items)
    lists = model.recommend(n=5)
    assert (lists["item"] % 2 == lists["user"] % 2).mean() > 0.97
    popular = clone(PopularRecommender()).fit(log.iloc[train])
    assert model.score(log.iloc[test]) > 1.3 * popular.score(log.iloc[test])


def test_unknown_users_get_what_is_popular_or_an_error():
    model = two().fit(LOG)
    popular = PopularRecommender().fit(LOG).recommend([999], 5)
    pd.testing.assert_frame_equal(model.recommend([999], n=5), popular)
    with pytest.raises(ValueError, match="Nothing is known of 1 of 1 users"):
        model.set_params(unknown="error").recommend([999])


def test_similar_items_are_the_retrievers():
    model = two().fit(LOG)
    theirs = clone(KNN).fit(LOG)
    pd.testing.assert_frame_equal(
        model.similar_items([3], n=4), theirs.similar_items([3], n=4)
    )
    assert not hasattr(model, "item_embeddings_")
    als = TwoStageRecommender(ALSRecommender(embedding_dim=4), clone(TREES))
    als.set_params(ids_as_features=False).fit(LOG)
    assert als.item_embeddings_.shape == (30, 4)


def test_parts_are_cloned_and_their_parameters_searched():
    model = TwoStageRecommender(
        EASERecommender(time_col="time"),
        make_pipeline(StandardScaler(), LogisticRegression()),
        ids_as_features=False,
        random_state=0,
    )
    search = GridSearchCV(
        model,
        {
            "retriever__l2": [1, 50],
            "ranker__logisticregression__C": [0.1, 1],
            "n_candidates": [10],
        },
        cv=LeaveLastOut(time_col="time"),
        scoring=recommender_scorer("ndcg@10"),
    ).fit(LOG, user_features=USERS)
    assert search.best_estimator_.retriever_.l2 in (1, 50)
    assert not hasattr(model.retriever, "_log")
    assert not hasattr(model.ranker[-1], "coef_")
    assert 0 <= search.best_score_ <= 1


@pytest.mark.nightly
def test_ids_are_categories_for_networks_and_the_seed_is_all_that_is_random():
    model = TwoStageRecommender(
        KNN,
        DeepFMClassifier(epochs=1, random_state=0),
        n_candidates=8,
        random_state=0,
    )
    first = model.fit(LOG, item_features=ITEMS).recommend(n=3)
    assert first["score"].between(0, 1).all()
    again = clone(model).fit(LOG, item_features=ITEMS).recommend(n=3)
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_events_of_weight_0_are_no_examples():
    y = np.ones(len(LOG))
    y[LOG["time"] >= 250] = 0
    weighted = two().fit(LOG, y)
    kept = two().fit(LOG[LOG["time"] < 250])
    pd.testing.assert_frame_equal(weighted.recommend(n=5), kept.recommend(n=5))


def test_the_order_of_rows_does_not_matter_where_there_is_a_time():
    shuffled = LOG.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        two().fit(LOG).recommend(n=5), two().fit(shuffled).recommend(n=5)
    )


def test_without_examples_the_order_is_the_retrievers_and_a_warning_says_so():
    single = LOG.drop_duplicates("user")
    with pytest.warns(UserWarning, match="The ranker was not fitted, since no user"):
        model = two().fit(single)
    assert model.ranker_ is None
    pd.testing.assert_frame_equal(
        model.recommend(n=3), clone(KNN).fit(single).recommend(n=3)
    )
    with pytest.warns(UserWarning, match="all or none were taken"):
        two(n_candidates=1).fit(LOG[LOG["user"] < 2])


def test_columns_are_named_here_or_there_and_not_otherwise():
    renamed = LOG.rename(columns={"user": "who", "item": "what", "time": "when"})
    renamed = renamed[["when", "what", "who"]]
    here = TwoStageRecommender(
        ItemKNNRecommender(),
        clone(TREES),
        user_col="who",
        item_col="what",
        time_col="when",
        n_candidates=8,
        ids_as_features=False,
        random_state=0,
    )
    found = here.fit(renamed).recommend(n=4)
    assert list(found.columns) == ["who", "what", "score", "rank"]
    expected = two().fit(LOG).recommend(n=4)
    assert found["what"].tolist() == expected["item"].tolist()
    here.set_params(retriever__user_col="what")
    with pytest.raises(ValueError, match=r"user_col must be the same.*'who' and 'what"):
        here.fit(renamed)


@pytest.mark.parametrize(
    ("family", "params"),
    [
        (CaserRecommender, {"embedding_dim": 8}),
        pytest.param(SASRecRecommender, {}, marks=pytest.mark.nightly),
    ],
)
def test_a_sequence_model_proposes_too(family, params):
    model = TwoStageRecommender(
        family(units=8, max_len=4, epochs=1, random_state=0, **params),
        LogisticRegression(),
        ids_as_features=False,
        n_candidates=10,
        time_col="time",
    )
    assert len(model.fit(LOG).recommend([1, 2], n=3)) == 6


def test_a_retriever_that_takes_features_gets_them():
    retriever = TwoTowerRecommender(embedding_dim=4, units=8, epochs=1, random_state=0)
    new = pd.concat([ITEMS, ITEMS[:1].assign(item=99)])
    model = TwoStageRecommender(
        retriever, Notes("price"), time_col="time", n_candidates=31
    )
    model.fit(LOG, user_features=USERS, item_features=new.assign(price=1.0))
    assert 99 in model.items_  # which has no events
    lists = model.recommend([3, 47], n=31, exclude_seen=False)
    assert (lists.groupby("user")["item"].nunique() == 31).all()
    assert (lists["score"] == 0.5).all()
    asked = pd.DataFrame({"user": [3, 47], "item": 99, "time": 0})
    assert model.predict(asked).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("ranker", "error", "message"),
    [
        (Ridge(), ValueError, "predict_proba"),
        (DeepFMClassifier, TypeError, "Expected an estimator instance"),
        (
            type(
                "Odd", (Notes,), {"__sklearn_tags__": BaseEstimator.__sklearn_tags__}
            )(),
            TypeError,
            "ranker must be a classifier, .* Received: Odd",
        ),
    ],
)
def test_a_ranker_that_is_no_classifier_is_refused(ranker, error, message):
    with pytest.raises(error, match=message):
        two().set_params(ranker=ranker).fit(LOG)


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        ({"item_features": [[1, 2]]}, TypeError, "item_features must be a pandas"),
        (
            {"item_features": pd.concat([ITEMS, ITEMS[:1]])},
            ValueError,
            r"item_features must have one row for each id.*\[29\] more than once",
        ),
        (
            {"user_features": USERS.assign(id=USERS["id"].where(USERS["id"] > 2))},
            ValueError,
            "user_features: column 'id' has no id in row 0",
        ),
        (
            {"item_features": ITEMS.assign(item=ITEMS["item"].astype(str))},
            ValueError,
            "the ids of item_features are not those of X",
        ),
        (
            {"item_features": ITEMS.drop(columns=["item", "price"])},
            ValueError,
            r"item_features must have one row for each id of its column 'new'",
        ),
        (
            {"item_features": ITEMS[["price"]] + 99},
            ValueError,
            r"item_features has none of the 30 ids of X: .*\[99, 100, 101\]",
        ),
        (
            {"user_features": USERS.assign(item=1)},
            ValueError,
            r"user_features has columns whose names.*\['item'\]",
        ),
        (
            {"user_features": USERS, "item_features": ITEMS.assign(age=1)},
            ValueError,
            r"item_features has columns whose names.*\['age'\]",
        ),
    ],
)
def test_features_that_do_not_fit_are_named(features, error, message):
    with pytest.raises(error, match=message):
        two().fit(LOG, **features)
