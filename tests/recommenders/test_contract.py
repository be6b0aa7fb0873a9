"""What every recommender promises, whatever it computes."""

import datetime
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from skrec.metrics import ndcg_at_k
from skrec.recommenders import (
    ALSRecommender,
    BPRRecommender,
    BSARecRecommender,
    CaserRecommender,
    EASERecommender,
    GRU4RecRecommender,
    ItemKNNRecommender,
    NeuMFRecommender,
    PopularRecommender,
    SASRecRecommender,
    TwoStageRecommender,
    TwoTowerRecommender,
)
from tests.recommenders.logs import random_log

SMALL = {"epochs": 2, "units": 8, "batch_size": 16, "random_state": 0}
CLOSED = [
    PopularRecommender(),
    ItemKNNRecommender(),
    EASERecommender(l2=10),
    ALSRecommender(embedding_dim=8, random_state=0),
    TwoStageRecommender(
        ItemKNNRecommender(),
        LogisticRegression(),
        ids_as_features=False,
        random_state=0,
    ),
]
SEQUENCES = [
    SASRecRecommender(**SMALL, num_heads=2),
    BSARecRecommender(**SMALL),
    GRU4RecRecommender(**SMALL, embedding_dim=8),
    CaserRecommender(**SMALL, embedding_dim=8),
]
TRAINED = {"epochs": 2, "embedding_dim": 8, "batch_size": 16, "random_state": 0}
PAIRS = [
    BPRRecommender(**TRAINED),
    NeuMFRecommender(epochs=2, num_factors=4, units="8-4", random_state=0),
    TwoTowerRecommender(**TRAINED, units="8"),
]
FROM_HISTORY = [*CLOSED, *SEQUENCES]  # users are what they did
ALL = [*FROM_HISTORY, *PAIRS]


# Like Caser and BPR in this.
BY_NIGHT = (
    "SASRecRecommender",
    "BSARecRecommender",
    "GRU4RecRecommender",
    "NeuMFRecommender",
    "TwoTowerRecommender",
)


def named(models):
    return [
        pytest.param(
            model,
            id=type(model).__name__,
            marks=[pytest.mark.nightly] if type(model).__name__ in BY_NIGHT else [],
        )
        for model in models
    ]


every = pytest.mark.parametrize("model", named(ALL))


@pytest.fixture(scope="module")
def fitted():
    """Each model, fitted once on one log."""
    log = random_log()
    found = {}

    def get(model):
        name = type(model).__name__
        if name not in found:
            found[name] = clone(model).set_params(time_col="time").fit(log)
        return found[name]

    return get


@pytest.mark.parametrize(
    "model",
    [
        *named(CLOSED),
        pytest.param(SEQUENCES[3], id="CaserRecommender", marks=[pytest.mark.nightly]),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_common_check_passes_and_none_is_skipped(model):
    results = check_estimator(clone(model), on_skip=None, on_fail=None)
    assert len(results) > 40
    assert {r["check_name"]: r for r in results if r["status"] != "passed"} == {}


@pytest.mark.nightly
@pytest.mark.parametrize("model", named([*SEQUENCES[:3], *PAIRS]))
@pytest.mark.filterwarnings("ignore")
def test_every_common_check_passes_for_other_networks(model):
    results = check_estimator(clone(model), on_skip=None, on_fail=None)
    assert {r["check_name"]: r for r in results if r["status"] != "passed"} == {}


@every
def test_a_list_is_ranked_and_holds_nothing_seen(model, fitted):
    log, model = random_log(), fitted(model)
    lists = model.recommend(n=5)
    assert list(lists.columns) == ["user", "item", "score", "rank"]
    assert lists["user"].unique().tolist() == model.users_.tolist()
    for user, own in lists.groupby("user"):
        assert own["rank"].tolist() == [1, 2, 3, 4, 5]
        assert (own["score"].diff().dropna() <= 0).all()
        assert not set(own["item"]) & set(log.loc[log["user"] == user, "item"])
        equal = own.groupby("score")["item"]
        assert all(items.is_monotonic_increasing for _, items in equal)


@every
def test_ranks_are_those_of_all_scores_sorted(model, fitted):
    log, model = random_log(), fitted(model)
    n_items = len(model.items_)
    grid = pd.DataFrame(
        [(u, i, 0) for u in model.users_ for i in model.items_], columns=log.columns
    )
    scores = model.predict(grid).reshape(len(model.users_), n_items)
    seen = np.zeros(scores.shape, dtype=bool)
    seen[
        np.searchsorted(model.users_, log["user"]),
        np.searchsorted(model.items_, log["item"]),
    ] = True
    scores[seen] = -np.inf
    by_hand = np.argsort(-scores, axis=1, kind="stable")[:, :7]
    lists = model.recommend(n=7)
    assert (lists["item"].to_numpy() == model.items_[by_hand].ravel()).all()
    in_order = np.take_along_axis(scores, by_hand, axis=1).ravel()
    np.testing.assert_array_equal(lists["score"], in_order)


@every
def test_users_at_once_are_users_one_at_a_time(model, fitted):
    model = fitted(model)
    together = model.recommend(model.users_[::-1], n=4)
    alone = [model.recommend([user], n=4) for user in model.users_[::-1]]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))


@every
def test_rows_in_another_order_and_other_ids_give_the_same_lists(model):
    # Each user's times are distinct here, so that the order is known.
    log = random_log().drop_duplicates(["user", "time"])
    model = clone(model).set_params(time_col="time")
    lists = model.fit(log).recommend(n=5)
    shuffled = log.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(lists, clone(model).fit(shuffled).recommend(n=5))
    named = log.assign(
        user="u" + log["user"].astype(str).str.zfill(3),
        item="i" + log["item"].astype(str).str.zfill(3),
        time=pd.to_datetime(log["time"], unit="D"),
    )
    again = clone(model).fit(named).recommend(n=5)
    assert (again["item"].str[1:].astype(int) == lists["item"]).all()
    np.testing.assert_array_equal(again["score"], lists["score"])


@every
def test_an_unknown_user_gets_what_is_popular(model, fitted):
    model = fitted(model)
    popular = fitted(PopularRecommender())
    pd.testing.assert_frame_equal(
        model.recommend([999], n=5), popular.recommend([999], 5)
    )
    strict = clone(model).set_params(unknown="error")
    if type(model).__name__ in ("PopularRecommender", "TwoStageRecommender"):
        with pytest.raises(ValueError, match="Nothing is known of 1 of 2 users"):
            strict.fit(random_log()).recommend([999, 3])


@pytest.mark.parametrize("model", named(FROM_HISTORY))
def test_a_history_takes_the_place_of_what_fit_saw(model, fitted):
    model = fitted(model)
    log = random_log()
    own = log[log["user"] == 3]
    known = model.recommend([3], n=6)
    as_new = model.recommend(history=own.assign(user=999), n=6)
    np.testing.assert_array_equal(known["item"], as_new["item"])
    np.testing.assert_array_equal(known["score"], as_new["score"])
    later = pd.DataFrame({"user": 3, "item": [0, 1], "time": [1, 2]})
    assert not set(model.recommend([3], n=6, history=later)["item"]) & {0, 1}


@every
def test_of_an_unknown_history_nothing_is_known(model, fitted):
    model = fitted(model)
    strange = pd.DataFrame({"user": [997], "item": [999], "time": [1]})
    popular = fitted(PopularRecommender()).recommend([998], n=3)
    found = model.recommend(history=strange, n=3)
    np.testing.assert_array_equal(found["item"], popular["item"])


@every
def test_candidates_and_what_was_seen(model, fitted):
    model = fitted(model)
    lists = model.recommend([1, 2], n=3, candidates=[4, 2, 7], exclude_seen=False)
    assert set(lists["item"]) == {2, 4, 7}
    with pytest.raises(ValueError, match=r"candidates must be items of fit.*\[999\]"):
        model.recommend([1], candidates=[4, 999])
    with pytest.warns(UserWarning, match="1 of 1 users get fewer than n=99 items"):
        lists = model.recommend([1], n=99)
    log = random_log()
    assert set(lists["item"]) == set(log["item"]) - set(log.loc[log.user == 1, "item"])


@every
def test_an_unknown_item_scores_lowest(model, fitted):
    model = fitted(model)
    scores = model.predict(pd.DataFrame({"user": [1, 1], "item": [2, 999], "time": 0}))
    assert scores[1] == np.finfo(np.float32).min < scores[0]


@every
def test_score_is_ndcg_of_all_items(model, fitted):
    model = fitted(model)
    test = random_log(seed=7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lists = model.recommend(test["user"].unique(), n=10)
    assert model.score(test) == pytest.approx(ndcg_at_k(lists, test, 10), abs=1e-12)
    assert 0 < model.score(test) < 1


@every
def test_a_copy_through_pickle_recommends_the_same(model, fitted):
    model = fitted(model)
    copied = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(copied.recommend(n=3), model.recommend(n=3))


@pytest.mark.parametrize("model", named(ALL[1:]))
def test_similar_items_are_others_in_order(model, fitted):
    similar = fitted(model).similar_items([3, 0], n=4)
    assert list(similar.columns) == ["item", "similar", "score", "rank"]
    assert similar["item"].unique().tolist() == [3, 0]
    assert not (similar["item"] == similar["similar"]).any()
    assert (similar.groupby("item")["score"].diff().dropna() <= 0).all()
    with pytest.raises(ValueError, match=r"items must be items of fit.*\[999\]"):
        fitted(model).similar_items([999])


def test_popular_knows_of_no_similar_items(fitted):
    with pytest.raises(AttributeError, match="not which are similar"):
        fitted(PopularRecommender()).similar_items([3])


def test_answers_have_the_kind_and_the_dtypes_of_the_events():
    log = random_log()[["user", "item"]]
    model = PopularRecommender()
    small = model.fit(log.astype({"user": "int16", "item": "float32"})).recommend(n=1)
    assert small.dtypes[:2].tolist() == [np.int16, np.float32]
    lists = model.fit(log.astype({"item": "category"})).recommend(n=1)
    assert lists["item"].dtype == "category"
    lists = model.fit(pl.from_pandas(log.astype("int32"))).recommend(n=1)
    assert isinstance(lists, pl.DataFrame)
    assert lists.schema["item"] == pl.Int32
    lists = model.fit(log.to_numpy()).recommend(n=1)
    assert list(lists.columns) == ["user", "item", "score", "rank"]
    assert lists["item"].dtype == log["item"].dtype


def test_columns_by_name_and_position():
    log = random_log()
    expected = PopularRecommender().fit(log).recommend(n=2)
    moved = log[["time", "item", "user"]].set_axis(["when", "film", "who"], axis=1)
    by_name = PopularRecommender(user_col="who", item_col="film", time_col="when")
    by_place = PopularRecommender(user_col=2, time_col=0)
    for model in (by_name, by_place):
        lists = model.fit(moved).recommend(n=2)
        assert list(lists.columns) == ["who", "film", "score", "rank"]
        np.testing.assert_array_equal(lists["film"], expected["item"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda log: log[["user"]], "a minimum of 2 is required"),
        (lambda log: log.drop(columns="time"), "no column 'time'"),
        (lambda log: log.assign(time="noon"), "column 'time' must hold times"),
        (
            lambda log: log.assign(time=[*log.time[:-1], None]),
            "column 'time' has no time in row 299",
        ),
        (
            lambda log: log.assign(time=[*log.time[:-1], np.inf]),
            "column 'time' holds infinity in row 299",
        ),
        (
            lambda log: log.assign(time=pd.to_datetime(log.time).where(log.time > 5)),
            "column 'time' has no time in row",
        ),
        (
            lambda log: log.assign(item=log.item.where(log.index != 4)),
            "column 'item' has no id in row 4",
        ),
        (
            lambda log: log.assign(user=[1, *map(str, log.user[1:])]),
            "column 'user' must hold values of one type",
        ),
    ],
)
def test_bad_events_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        PopularRecommender(time_col="time").fit(change(random_log()))


def test_bad_questions_are_named(fitted):
    model = fitted(PopularRecommender())
    with pytest.raises(ValueError, match=r"from 1 on.*Received: 0"):
        model.recommend(n=0)
    with pytest.raises(ValueError, match="users must be a list of ids"):
        model.recommend([[1, 2]])
    with pytest.raises(ValueError, match=r"held numbers in fit.*strings"):
        model.recommend(["one"])
    with pytest.raises(ValueError, match="history has no column 'item'"):
        model.recommend(history=pd.DataFrame({"user": [1], "thing": [2]}))
    with pytest.warns(UserWarning, match="users holds 3 ids of 2 users"):
        assert len(model.recommend([1, 2, 1], n=1)) == 2
    assert model.recommend([]).empty
    assert list(model.recommend([]).columns) == ["user", "item", "score", "rank"]
    assert len(model.recommend(5, n=1)) == 1


def test_columns_that_nobody_named_are_told():
    log = random_log()[["user", "time", "item"]]
    with pytest.warns(UserWarning, match="'user' is taken for users, and 'time' for"):
        PopularRecommender().fit(log)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PopularRecommender(time_col="time").fit(log)
        PopularRecommender(user_col="user", item_col="item").fit(log)
    days = log.assign(time=pd.to_datetime(log["time"], unit="D"))
    with pytest.raises(ValueError, match=r"'time' holds dates.*user_col and item_col"):
        PopularRecommender().fit(days[["user", "time"]])


def test_scores_of_what_fit_saw_are_warned_of(fitted):
    model, log = fitted(ItemKNNRecommender()), random_log()
    with pytest.warns(UserWarning, match="so that nothing is found"):
        assert model.score(log) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.score(pd.concat([log, log[:1].assign(user=999)]))


def test_a_list_is_no_history(fitted):
    with pytest.raises(ValueError, match=r"must be a table of events.*a list of 2"):
        fitted(ItemKNNRecommender()).recommend(history=[3, 4])


@every
def test_an_empty_history_is_none(model, fitted):
    model, nothing = fitted(model), random_log().iloc[:0]
    lists = model.recommend([3, 4], n=2, history=nothing)
    pd.testing.assert_frame_equal(lists, model.recommend([3, 4], n=2))
    assert model.recommend(history=nothing).empty


@pytest.mark.parametrize(
    "models",
    [
        (SEQUENCES[3], PAIRS[0]),
        pytest.param((SEQUENCES[0], PAIRS[1]), marks=pytest.mark.nightly),
    ],
    ids=["by day", "by night"],
)
def test_an_unknown_user_is_an_error_that_says_what_helps(models):
    for model, helps in zip(models, ("give their events as history", ""), strict=True):
        model = clone(model).set_params(unknown="error", time_col="time")
        model = model.fit(random_log())
        with pytest.raises(ValueError, match=rf"1 of 1 users: {helps}.*Received: .-1"):
            model.recommend([-1])


@pytest.mark.parametrize("weight", [1e300, 1e-300])
def test_weights_that_single_precision_cannot_square_are_refused(weight):
    log = random_log()
    with pytest.raises(ValueError, match=r"y must hold weights of 0 or between"):
        ItemKNNRecommender().fit(log, np.where(log.index == 7, weight, 1.0))


def test_weights_are_how_much_an_event_counts():
    log = pd.DataFrame({"user": [1, 2, 3, 4], "item": ["a", "a", "b", "c"]})
    model = PopularRecommender().fit(log, y=[1, 1, 3, 0])
    assert model.items_.tolist() == ["a", "b"]
    lists = model.recommend([9], n=2)
    assert lists["item"].tolist() == ["b", "a"]
    assert lists["score"].tolist() == [3, 2]
    with pytest.raises(ValueError, match=r"not negative.*-2.0 in row 1"):
        PopularRecommender().fit(log, y=[1, -2, 1, 1])
    with pytest.raises(ValueError, match="at least one event of a positive weight"):
        PopularRecommender().fit(log, y=[0, 0, 0, 0])


def test_an_event_twice_is_one_to_ease_and_two_to_popular():
    log = pd.DataFrame({"user": [1, 1, 2, 3], "item": ["a", "b", "a", "b"]})
    twice = pd.concat([log, log.iloc[:1]])
    weights = EASERecommender().fit(log).item_weights_
    np.testing.assert_array_equal(EASERecommender().fit(twice).item_weights_, weights)
    assert PopularRecommender().fit(twice).recommend([9], 1)["item"].tolist() == ["a"]


def test_ease_is_ridge_regression_of_each_item_on_the_others():
    from sklearn.linear_model import Ridge

    log = random_log().drop_duplicates(["user", "item"])
    model = EASERecommender(l2=5.0).fit(log)
    events = pd.crosstab(log["user"], log["item"]).to_numpy()
    for item in (0, 3):
        others = np.delete(events, item, axis=1)
        ridge = Ridge(alpha=5.0, fit_intercept=False).fit(others, events[:, item])
        found = np.delete(model.item_weights_[:, item], item)
        np.testing.assert_allclose(found, ridge.coef_, atol=1e-5)


def test_ease_says_what_it_will_take(monkeypatch):
    monkeypatch.setattr("skrec.recommenders._room.physical_memory", lambda: 2**10)
    with pytest.raises(MemoryError, match="EASERecommender on 25 items will take"):
        EASERecommender().fit(random_log())


def test_neighbours_are_cosines():
    from sklearn.metrics.pairwise import cosine_similarity

    log = random_log().drop_duplicates(["user", "item"])
    model = ItemKNNRecommender(n_neighbors=3).fit(log)
    events = pd.crosstab(log["user"], log["item"]).to_numpy()
    cosines = cosine_similarity(events.T)
    np.fill_diagonal(cosines, 0)
    found = model.similarities_.toarray()
    assert ((found > 0).sum(axis=1) <= 3).all()
    np.testing.assert_allclose(found[found > 0], cosines[found > 0], rtol=1e-6)
    least = np.where(found > 0, found, np.inf).min(axis=1)
    assert (np.where(found > 0, 0, cosines).max(axis=1) <= least + 1e-6).all()


def test_categories_that_are_not_there_are_not_asked_for():
    log = random_log().astype({"user": "category", "item": "category"})
    model = ItemKNNRecommender().fit(log)
    plain = ItemKNNRecommender().fit(random_log())
    users = log["user"].cat.remove_unused_categories().iloc[[7, 2]]
    wide = users.astype(
        pd.CategoricalDtype([99, *reversed(log["user"].cat.categories)])
    )
    for some in (log["user"].iloc[[7, 2]], users, wide):
        lists = model.recommend(some, n=3)
        assert lists["user"].unique().tolist() == list(some)
        expected = plain.recommend(list(some), n=3)
        assert lists["item"].tolist() == expected["item"].tolist()
    some = log["item"].iloc[[3, 5]]
    lists = model.recommend([1], candidates=some, exclude_seen=False, n=2)
    assert set(lists["item"]) == set(some)
    assert set(model.similar_items(some, n=1)["item"]) == set(some)
    model.set_params(unknown="error").predict(log.iloc[:3])


def test_users_who_are_not_in_a_history_keep_their_own(fitted):
    model = fitted(ItemKNNRecommender())
    log = random_log()
    history = log[log["user"] == 2].assign(user=999)
    lists = model.recommend([999, 3], n=4, history=history)
    known = model.recommend([2, 3], n=4)
    np.testing.assert_array_equal(lists["item"], known["item"])
    np.testing.assert_array_equal(lists["score"], known["score"])


def test_columns_of_the_answer_are_no_columns_of_events():
    log = random_log().rename(columns={"item": "score"})
    with pytest.raises(ValueError, match=r"of its own: rename column 'score'"):
        PopularRecommender().fit(log)


def test_other_kinds_of_times_are_refused():
    log = random_log()
    dates = log.assign(time=pd.to_datetime(log["time"], unit="D"))
    model = BPRRecommender(**TRAINED, time_col="time").fit(dates)
    with pytest.raises(ValueError, match=r"held dates in fit.*Received: numbers"):
        model.partial_fit(log)
    zoned = dates.assign(time=dates["time"].dt.tz_localize("UTC"))
    with pytest.raises(ValueError, match="Received: dates with a time zone"):
        model.recommend(history=zoned)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([pd.Timestamp("2026"), 5, 6], "must hold times"),
        ([pd.Timestamp("2026"), "noon", None], "must hold times|no time in row 2"),
        (np.array(["2026", "9999-12-31", "2026"], "M8[s]"), "after 2262"),
    ],
)
def test_times_that_are_none(times, message):
    log = pd.DataFrame({"user": [1, 1, 2], "item": [1, 2, 3], "time": times})
    with pytest.raises(ValueError, match=message):
        PopularRecommender(time_col="time").fit(log)


def test_days_are_times():
    days = [datetime.date(2026, 1, day) for day in (3, 1, 2)]
    log = pd.DataFrame({"user": [1, 1, 1], "item": [1, 2, 3], "time": days})
    model = PopularRecommender(time_col="time").fit(log)
    assert model.items_[model._log.items].tolist() == [2, 3, 1]


def test_sets_are_ids_in_one_order():
    log = random_log()
    sets = log.assign(item=[frozenset({i, i + 1}) for i in log["item"]])
    model = PopularRecommender().fit(sets.sample(frac=1, random_state=0))
    assert [min(item) for item in model.items_] == sorted(set(log["item"]))


def test_categories_grow_without_a_warning():
    log = random_log().astype({"item": str})
    model = BPRRecommender(**TRAINED).fit(log.astype({"item": "category"}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = pd.DataFrame({"user": [0], "item": pd.Categorical(["new"]), "time": [9]})
        model.partial_fit(new)
        lists = model.recommend([0], n=2, exclude_seen=False, candidates=["new", "1"])
    assert set(lists["item"]) == {"new", "1"}


def test_lists_of_every_kind():
    pairs = [(0, 1), (0, 2)]
    log = pd.DataFrame({"user": pairs, "item": ["a", "b"]})
    model = PopularRecommender().fit(log)
    assert model.recommend([(0, 2)], n=1)["item"].tolist() == ["a"]
    for some in ({(0, 2)}, {(0, 2): 1}.keys(), iter([(0, 2)])):
        assert model.recommend(some, n=1)["user"].tolist() == [(0, 2)]
    with pytest.raises(ValueError, match="candidates must hold at least one id"):
        model.recommend(candidates=[])
