"""Robust scaling: no outlier spoils a column, and weights, files and streams count."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skrec.preprocessing import FieldEncoder, _scaling
from skrec.preprocessing._ranges import Range
from skrec.preprocessing._scaling import RobustScaler

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(3, 2, size=(1000, 3))


def prepared(X, dtype="float64", sample_weight=None, **params):
    encoder = FieldEncoder(**params).fit(X, sample_weight=sample_weight)
    return encoder.prepare(encoder.encode(X), dtype)["numbers"]


def learnt(X, rows=None, weight=None, scaler=None, **params):
    weight = np.ones(len(X)) if weight is None else weight
    seen = Range().update(X.reshape(-1, X.shape[-1]))
    scaler = RobustScaler() if scaler is None else scaler
    scaler.learn(X, rows, weight, seen, **params)
    return scaler


def test_values_are_those_of_the_formula():
    low, centre, high = np.quantile(
        NORMAL, [0.25, 0.5, 0.75], axis=0, method="averaged_inverted_cdf"
    )
    z = (NORMAL - centre) / ((high - low) / 1.349)
    assert_allclose(prepared(NORMAL), z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "outlier"),
    [
        ("float32", 1e6),
        ("float32", -1e18),
        ("float32", 1e30),
        ("float64", -1e6),
        ("float64", 1e100),
    ],
)
def test_one_outlier_leaves_the_others_apart(dtype, outlier):
    X = NORMAL.astype(dtype)
    X[5, 1] = outlier
    found = prepared(X, dtype)
    assert np.delete(found[:, 1], 5).std() > 0.8
    assert found[5, 1] == pytest.approx(3 * np.sign(outlier), rel=1e-4)
    assert_allclose(found[:, [0, 2]], prepared(NORMAL)[:, [0, 2]], atol=1e-5)


def test_32_bits_are_left_where_they_do_not_hold_the_squares():
    X = 1e-24 * NORMAL[:, :1].astype("float32")
    X[5] = 1.0
    found = prepared(X, "float32")
    assert found[5, 0] == pytest.approx(3)
    assert np.delete(found, 5).std() > 0.8
    assert RobustScaler().transform(X).dtype == np.float32
    assert learnt(NORMAL).transform(NORMAL.astype("float32")).dtype == np.float32


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1 + 0.2, 1e9, 1e100])
def test_a_constant_column_is_0(value):
    assert_array_equal(prepared(np.full((50, 1), value)), 0)


def test_rounding_errors_are_no_scale():
    X = 0.3 + np.spacing(0.3) * RNG.integers(0, 3, size=(100, 1))
    assert np.abs(prepared(X)).max() < 1e-9


@pytest.mark.parametrize("n_ones", [1, 10, 400, 600, 999])
def test_rare_values_stay_apart(n_ones):
    X = np.zeros((1000, 1))
    X[RNG.choice(1000, n_ones, replace=False)] = 1
    assert np.ptp(prepared(X)) > 0.5


def test_a_value_that_is_not_among_the_rows_read_counts_in_the_range():
    X = np.zeros((50_000, 1))
    X[[17, 40_001]] = 100.0
    assert_allclose(np.unique(prepared(X)), [0, 2 / np.sqrt(1 + 4 / 9)])


def test_values_over_six_orders_keep_their_order():
    X = np.sort(RNG.lognormal(sigma=2.3, size=(2000, 1)), axis=0)
    assert X[-1] > 1e6 * X[0]
    assert (np.diff(prepared(X), axis=0) > 0).all()
    single = prepared(X, "float32")
    assert (np.diff(single, axis=0) >= 0).all()
    assert np.abs(single).max() < 3


def test_weights_are_repeated_rows():
    X = RNG.normal(size=(60, 3))
    X[RNG.random(60) < 0.2, 1] = np.nan
    X[:, 2] = np.nan
    weight = RNG.integers(1, 4, size=60)
    weight[0] += -weight.sum() % 4  # so that quartiles lie between two rows
    repeated = np.repeat(X, weight, axis=0)
    expected = learnt(repeated)
    medians = np.nanmedian(repeated[:, :2], axis=0)
    assert_allclose(expected.centre, [*medians, 0], rtol=1e-15)
    for unit in [1, *RNG.random(50)]:  # of which sums are rounded
        found = learnt(X, weight=unit * weight)
        assert_array_equal(found.centre, expected.centre)
        assert_array_equal(found.scale, expected.scale)


def test_rows_of_weight_zero_are_left_out():
    weight = (RNG.random(1000) < 0.5).astype(float)
    X = pd.DataFrame(NORMAL * np.where(weight, 1, 50)[:, None])
    encoder = FieldEncoder().fit(X, sample_weight=weight)
    alone = FieldEncoder().fit(X[weight > 0])
    assert_array_equal(encoder.transform(X)["numbers"], alone.transform(X)["numbers"])


def test_a_sorted_file_is_read_all_over():
    X = np.sort(RNG.normal(size=(60_000, 1)), axis=0)
    first, second = prepared(X), prepared(X)
    assert_array_equal(first, second)
    assert abs(np.median(first)) < 0.03
    z = learnt(X)
    assert z.scale == pytest.approx(1, abs=0.03)


def test_rows_of_a_file_and_those_of_memory_are_the_same(tmp_path):
    X = np.memmap(tmp_path / "X", "float32", "w+", shape=(12_000, 3))
    X[:] = RNG.normal(size=X.shape)
    rows = RNG.permutation(12_000)[:11_000]
    whole = np.array(X)
    assert_array_equal(learnt(X, rows).scale, learnt(whole, rows).scale)


@pytest.mark.parametrize("values", [600, 2**21])
def test_sparse_columns_are_read_in_chunks(values, monkeypatch):
    monkeypatch.setattr(_scaling, "BLOCK_VALUES", values)
    X = sparse.random(300, 40, 0.6, format="csr", random_state=0)
    largest = []
    real = _scaling._quartiles
    monkeypatch.setattr(
        _scaling, "_quartiles", lambda x, w: largest.append(x.size) or real(x, w)
    )
    found = prepared(X)
    assert max(largest) <= values
    assert_array_equal(found, prepared(X.toarray()))


def test_images_are_read_at_some_pixels_of_all(monkeypatch):
    X = RNG.normal(size=(500, 6, 7, 2)) * [1, 100]
    whole = learnt(X)
    flat = X.reshape(-1, 2)
    assert_allclose(whole.centre, np.median(flat, axis=0))
    monkeypatch.setattr(_scaling, "SUBSAMPLE_VALUES", 5000)
    some = learnt(X)
    assert_allclose(some.scale, whole.scale, rtol=0.1)
    assert (some.scale != whole.scale).all()


@pytest.mark.parametrize("padding", ["front", "end", None])
def test_padding_is_left_out(padding):
    X = RNG.normal(5, 1, size=(80, 6, 2))
    X[:50, {"front": slice(0, 4), "end": slice(2, 6)}.get(padding, slice(2, 5))] = 0
    kept = X.reshape(-1, 2)
    kept = kept if padding is None else kept[(kept != 0).all(axis=1)]
    assert_allclose(learnt(X, padding=padding).centre, np.median(kept, axis=0))


def test_calls_count_by_their_weight():
    parts = NORMAL[:100], NORMAL[100:]
    scaler, seen = RobustScaler(), Range().update(NORMAL)
    for X in parts:
        scaler.learn(X, None, np.ones(len(X)), seen)
    alone = [learnt(X).centre for X in parts]
    assert_allclose(scaler.centre, 0.1 * alone[0] + 0.9 * alone[1])
    assert_allclose(scaler.scale, 2, rtol=0.15)


def test_a_column_that_a_call_lacks_stays_as_it_was():
    first = learnt(NORMAL)
    centre, scale = first.centre, first.scale
    X = NORMAL.copy()
    X[:, 1] = np.nan
    first.learn(X, None, np.ones(1000), Range().update(NORMAL))
    assert_allclose(first.centre, centre)
    assert_allclose(first.scale, scale)


@pytest.mark.parametrize("n_rows", [1, 50])
def test_a_stream_that_drifts_stays_scaled(n_rows):
    """Where quartiles alone were averaged, the last days would all be 3."""
    scaler, seen = RobustScaler(), Range()
    days = [RNG.normal(10 * day, 1, size=(n_rows, 1)) for day in range(20)]
    for X in days:
        seen.update(X)
        scaler.learn(X, None, np.ones(n_rows), seen)
    found = [scaler.transform(X).mean() for X in days]
    assert np.diff(found).min() > 0.05
    assert abs(np.mean(found)) < 0.1
    every = np.concatenate(days)
    assert scaler.scale == pytest.approx(every.std(), rel=0.1)
