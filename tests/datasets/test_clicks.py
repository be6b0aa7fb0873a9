"""make_clicks: what is planted, that no column tells alone, and the randomness."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from skrec.datasets import make_clicks


def is_known(data):
    return np.array(
        [
            target in browsed
            for target, browsed in zip(
                data["category_id"], data["browsed"], strict=True
            )
        ]
    )


def largest_effect(ids, target):
    """Return the largest standardised difference of an id's click rate from .5."""
    counts = target.groupby(ids, observed=True).agg(["mean", "size"])
    return ((counts["mean"] - 0.5).abs() * 2 * np.sqrt(counts["size"])).max()


def test_columns():
    clicks = make_clicks(300, n_browsed=7, random_state=0)
    data = clicks.data

    ids = ["site_id", "ad_id", "category_id", "user_id", "device"]
    assert all(isinstance(data[name].dtype, pd.CategoricalDtype) for name in ids)
    assert data["browsed"].map(len).eq(7).all()
    assert data["browsed"].map(type).eq(list).all()
    assert data["price"].dtype == float and (data["price"] > 0).all()
    assert set(clicks.target) == {0, 1}
    assert data.columns.tolist() == [*ids[:3], "browsed", *ids[3:], "price"]


@given(
    cross=st.floats(0, 5),
    interest=st.floats(0, 5),
    n_sites=st.integers(1, 4).map(lambda n: 2 * n),
    n_categories=st.integers(2, 30),
    n_browsed=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_probability_is_the_planted_one(
    cross, interest, n_sites, n_categories, n_browsed, seed
):
    clicks = make_clicks(
        60,
        n_sites=n_sites,
        n_categories=n_categories,
        n_browsed=n_browsed,
        cross=cross,
        interest=interest,
        random_state=seed,
    )

    log_odds = cross * clicks.cross + interest * clicks.interest
    np.testing.assert_allclose(logit(clicks.probability), log_odds, atol=1e-9)
    assert set(np.abs(clicks.cross)) == set(np.abs(clicks.interest)) == {1}
    assert (is_known(clicks.data) == (clicks.interest > 0)).all()


def test_cross_is_a_product_of_balanced_kinds():
    clicks = make_clicks(20_000, n_sites=6, n_ads=10, random_state=0)
    table = pd.crosstab(
        clicks.data["site_id"], clicks.data["ad_id"], clicks.cross, aggfunc="mean"
    ).to_numpy()

    assert set(table.ravel()) == {-1.0, 1.0}
    assert np.linalg.matrix_rank(table) == 1
    assert (table.sum(axis=0) == 0).all() and (table.sum(axis=1) == 0).all()


def test_no_id_tells_anything_alone():
    clicks = make_clicks(40_000, random_state=0)
    target = pd.Series(clicks.target)
    data = clicks.data

    # Each is a maximum over standard normal numbers: 200 of them stay below 4.
    assert target.mean() == pytest.approx(0.5, abs=0.01)
    for name in ["site_id", "ad_id", "category_id", "user_id", "device"]:
        assert largest_effect(data[name], target) < 4.5
    browsed = data["browsed"].explode()
    assert largest_effect(browsed, target[browsed.index]) < 4.5
    assert roc_auc_score(target, data["price"]) == pytest.approx(0.5, abs=0.01)
    pair = data["site_id"].astype(int) * 20 + data["ad_id"].astype(int)
    assert largest_effect(pair, target) > 6  # as large as it gets: the cross tells


def test_target_is_in_half_of_the_histories_once_and_anywhere():
    clicks = make_clicks(20_000, n_browsed=5, random_state=0)
    history = np.array(clicks.data["browsed"].tolist())
    hits = history == clicks.data["category_id"].to_numpy(int)[:, np.newaxis]

    assert hits.sum(axis=1).max() == 1
    assert hits.sum(axis=0) == pytest.approx(2000, rel=0.1)
    assert np.bincount(history.ravel()) == pytest.approx(500, rel=0.25)


@pytest.mark.parametrize(
    ("strengths", "best"),
    # Of the log-odds s and -s, each with probability 1/2: 1 / (1 + exp(-s)).
    [
        ({"interest": 0}, 0.881),
        ({"cross": 0}, 0.881),
        ({"cross": 0, "interest": 1}, 0.731),
    ],
)
def test_best_auc(strengths, best):
    clicks = make_clicks(40_000, **strengths, random_state=0)

    assert roc_auc_score(clicks.target, clicks.probability) == pytest.approx(
        best, abs=0.008
    )


def test_both_strengths_zero_leave_noise():
    clicks = make_clicks(4000, cross=0, interest=0, random_state=0)

    assert (clicks.probability == 0.5).all()
    assert clicks.target.mean() == pytest.approx(0.5, abs=0.03)


def test_same_seed_same_clicks():
    first, second = (make_clicks(50, random_state=3) for _ in range(2))
    other = make_clicks(50, random_state=4)
    switched = make_clicks(50, cross=0, random_state=3)

    pd.testing.assert_frame_equal(first.data, second.data)
    assert (first.target == second.target).all()
    assert not first.data.equals(other.data)
    pd.testing.assert_frame_equal(first.data, switched.data)
    assert (first.target != switched.target).any()


def test_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    make_clicks(5)

    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("name", ["n_sites", "n_ads"])
def test_odd_numbers_of_ids_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} must be even.*Received: {name}=5"):
        make_clicks(10, **{name: 5})


@pytest.mark.parametrize("name", ["cross", "interest", "n_browsed"])
def test_out_of_range(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of make_clicks"):
        make_clicks(10, **{name: -1})
