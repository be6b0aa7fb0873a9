"""ALS on the package implicit: exact factors, one seed one result, shapes that fit."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from skrec.recommenders import ALSRecommender

N = 20
BOARD = pd.DataFrame(
    [(u, i) for u in range(N) for i in range(N) if (u - i) % 2 == 0 and u != i],
    columns=["user", "item"],
)
# More users than items, and a user with one event.
WIDE = pd.DataFrame({"user": [*range(30), *range(29)], "item": ([*range(7)] * 9)[:59]})


@pytest.mark.filterwarnings("ignore")
def test_every_common_check_passes_and_none_is_skipped():
    results = check_estimator(
        ALSRecommender(embedding_dim=4, epochs=2), on_skip=None, on_fail=None
    )
    assert len(results) > 40
    assert {r["check_name"]: r for r in results if r["status"] != "passed"} == {}


def test_the_missing_item_of_a_checkerboard_is_found():
    lists = ALSRecommender(random_state=0).fit(BOARD).recommend(n=1)
    assert lists["item"].tolist() == lists["user"].tolist() == list(range(N))


def test_a_user_is_the_solution_of_the_normal_equations():
    weights = np.arange(1, 1 + len(WIDE)) / 10
    model = ALSRecommender(embedding_dim=3, l2=2.0, alpha=3.0, random_state=0)
    model.fit(WIDE, weights)
    items = model.item_embeddings_.to_numpy(float)
    scores = model.predict(pd.DataFrame({"user": 4, "item": model.items_}))
    confidence = np.ones(len(items))
    own = (WIDE["user"] == 4).to_numpy()
    confidence[WIDE.loc[own, "item"]] = 3 * weights[own]
    has = np.isin(model.items_, WIDE.loc[own, "item"])
    left = (items.T * confidence) @ items + 2 * np.eye(3)
    by_hand = items @ np.linalg.solve(left, items.T @ (confidence * has))
    np.testing.assert_allclose(scores, by_hand, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("log", [WIDE, WIDE[["item", "user"]]], ids=["wide", "tall"])
def test_every_list_is_as_long_as_it_can_be_and_of_the_right_ids(log):
    # implicit#172 (short lists), implicit#655 (users taken for items)
    log = log.set_axis(["user", "item"], axis=1).astype(str).radd("x")
    model = ALSRecommender(embedding_dim=4, random_state=0).fit(log)
    n_items = log["item"].nunique()
    with pytest.warns(UserWarning, match="get fewer than"):
        lists = model.recommend(n=n_items)
    assert set(lists["item"]) <= set(log["item"])
    n_had = log.drop_duplicates().groupby("user").size()
    n_ranked = lists.groupby("user").size().reindex(n_had.index, fill_value=0)
    assert (n_had + n_ranked == n_items).all()


def test_a_history_is_what_fit_would_have_seen():
    model = ALSRecommender(embedding_dim=4, random_state=0).fit(BOARD)
    new = BOARD[BOARD["user"] == 3].assign(user=1000)
    found = model.recommend(history=new, n=5)
    known = model.recommend([3], n=5)
    pd.testing.assert_frame_equal(
        found.drop(columns="user"), known.drop(columns="user")
    )


def test_one_seed_is_one_result_whatever_the_number_of_threads(monkeypatch):
    from implicit.cpu.als import AlternatingLeastSquares

    rng = np.random.default_rng(0)
    log = pd.DataFrame(rng.integers(0, 300, (4000, 2)), columns=["user", "item"])
    first = ALSRecommender(random_state=1).fit(log).item_embeddings_
    solve = AlternatingLeastSquares.fit

    def with_threads(self, *args, **kwargs):
        self.num_threads = 3
        return solve(self, *args, **kwargs)

    monkeypatch.setattr(AlternatingLeastSquares, "fit", with_threads)
    again = ALSRecommender(random_state=1).fit(log).item_embeddings_
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    other = ALSRecommender(random_state=2).fit(log).item_embeddings_
    assert not np.array_equal(first, other)


@pytest.mark.filterwarnings("error")
def test_implicit_finds_the_threads_of_blas_as_it_wants_them(monkeypatch):
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)
    with threadpool_limits(2, "blas"):
        ALSRecommender(embedding_dim=4, random_state=0).fit(BOARD)


def test_events_of_more_weight_count_more():
    log = pd.DataFrame(
        [(u, i) for u in range(6) for i in "ab"]
        + [(u, i) for u in range(6, 12) for i in "cd"]
        + [(99, "a"), (99, "c")],
        columns=["user", "item"],
    )
    for weight, best in ((0.1, "d"), (10, "b")):
        y = np.ones(len(log))
        y[-2] = weight
        model = ALSRecommender(embedding_dim=4, l2=1, random_state=0).fit(log, y)
        assert model.recommend([99], n=1)["item"].tolist() == [best]


def test_pickles():
    model = ALSRecommender(embedding_dim=4, random_state=0).fit(BOARD)
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.recommend(), model.recommend())


def test_a_penalty_that_leaves_nothing_is_said():
    with pytest.warns(UserWarning, match=r"lower l2, or raise alpha\..*l2=1000"):
        ALSRecommender(l2=1000, random_state=0).fit(BOARD)


def test_weights_beyond_single_precision_are_refused():
    with pytest.raises(FloatingPointError, match=r"too large for alpha.*1e\+50"):
        ALSRecommender(alpha=1e50, random_state=0).fit(BOARD, np.full(len(BOARD), 1e14))


def test_without_implicit_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(ImportError, match=r'pip install "skrec-keras\[implicit\]"'):
        ALSRecommender().fit(BOARD)
