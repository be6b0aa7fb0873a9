"""FieldEncoder on numbers: scales, imputation, indicators, and what is not copied."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._scaling import ChannelScaler


@pytest.fixture
def numbers():
    rng = np.random.default_rng(0)
    return rng.lognormal(size=(300, 4)) * [1, 100, -0.01, 1]


@pytest.fixture
def weight():
    return np.random.default_rng(1).random(300)


def with_missing(numbers):
    frame = pd.DataFrame(numbers.copy(), columns=list("abcd"))
    frame.iloc[::7, 1] = np.nan
    frame.iloc[3:9, 3] = np.nan
    return frame


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_arrays_have_the_bits_of_channel_scaler(numbers, weight, dtype):
    X = numbers.astype(dtype)
    encoder = FieldEncoder(numbers="standard").fit(X, None, weight)
    scaler = ChannelScaler().update(X, weight)
    np.testing.assert_array_equal(
        encoder.prepare(encoder.encode(X), "float32")["numbers"],
        scaler.transform(X).astype("float32"),
    )
    assert encoder.spec_.only_numbers
    assert encoder.spec_.n_numbers == 4


@pytest.mark.parametrize("as_memmap", [False, True])
def test_arrays_are_not_copied(numbers, tmp_path, as_memmap):
    X = numbers
    if as_memmap:
        X = np.memmap(tmp_path / "X", X.dtype, "w+", shape=X.shape)
        X[:] = numbers
    encoder = FieldEncoder()
    assert np.shares_memory(encoder.learn(X)["numbers"], X)
    assert np.shares_memory(encoder.encode(X)["numbers"], X)
    encoder.update_scale(X, np.ones(300))
    encoder.prepare({"numbers": X})
    np.testing.assert_array_equal(X, numbers)


def test_standard_with_missing_values_is_standard_scaler(numbers, weight):
    frame = with_missing(numbers)
    encoder = FieldEncoder(numbers="standard").fit(frame, None, weight)
    found = encoder.prepare(encoder.encode(frame), "float64")["numbers"]
    expected = StandardScaler().fit(frame, sample_weight=weight).transform(frame)
    missing = frame.isna().to_numpy()
    np.testing.assert_allclose(found[:, :4], np.nan_to_num(expected))
    np.testing.assert_array_equal(found[:, 4:], missing[:, [1, 3]])
    assert encoder.spec_.n_numbers == 6


def test_log_is_standardised_after_the_logarithm(numbers):
    frame = with_missing(numbers)
    found = FieldEncoder(numbers="log").fit_transform(frame)["numbers"]
    bent = np.sign(frame) * np.log1p(np.abs(frame))
    expected = np.nan_to_num(StandardScaler().fit_transform(bent))
    np.testing.assert_allclose(found[:, :4], expected, rtol=1e-5, atol=1e-6)


def test_quantiles_are_those_of_scikit_learn(numbers):
    frame = with_missing(numbers)
    encoder = FieldEncoder(numbers="quantile").fit(frame)
    found = encoder.prepare(encoder.encode(frame), "float64")["numbers"]
    other = QuantileTransformer(n_quantiles=300, output_distribution="normal")
    np.testing.assert_allclose(
        found[:, :4], np.nan_to_num(other.fit_transform(frame.to_numpy()))
    )


def test_quantiles_of_many_rows_are_the_same_each_time():
    X = np.random.default_rng(0).exponential(size=(30_000, 2))
    first, second = (
        FieldEncoder(numbers="quantile").fit_transform(X)["numbers"] for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first.mean(axis=0)).max() < 0.03
    assert np.abs(first.std(axis=0) - 1).max() < 0.03


def test_numbers_as_they_are(numbers, weight):
    frame = with_missing(numbers)
    encoder = FieldEncoder(numbers=None)
    encoded = encoder.learn(frame, np.arange(200), weight)
    found = encoder.prepare(encoded, "float64")["numbers"]
    there = frame[:200].notna()
    means = frame[:200].mul(weight[:200], axis=0).sum() / there.T.dot(weight[:200])
    least, most = frame[:200].min(), frame[:200].max()
    margin = (most - least) / 10  # further away, numbers count as the end of that
    expected = frame.clip(least - margin, most + margin, axis=1)
    np.testing.assert_allclose(found[:, :4], expected.fillna(means))
    np.testing.assert_array_equal(found[:, 4:], frame[["b", "d"]].isna())


def test_missing_only_after_fit_is_the_centre(numbers):
    frame = pd.DataFrame(numbers)
    encoder = FieldEncoder().fit(frame)
    frame.iloc[0, 2] = np.nan
    assert encoder.transform(frame)["numbers"][0].tolist()[2] == 0
    assert encoder.transform(frame)["numbers"].shape == (300, 4)


def test_blocks_add_up_to_the_whole(numbers, weight):
    frame = with_missing(numbers)
    whole = FieldEncoder(numbers="standard").fit(frame, None, weight)
    parts = FieldEncoder(numbers="standard")
    encoded = parts.learn(frame)
    before = deepcopy(parts)
    for start in range(0, 300, 5):  # a block of five with one column all missing too
        block = slice(start, start + 5)
        parts.update_scale(encoded["numbers"][block], weight[block])
    np.testing.assert_allclose(
        parts.transform(frame)["numbers"], whole.transform(frame)["numbers"], rtol=1e-4
    )
    raw = before.transform(frame)["numbers"][:, 0]
    np.testing.assert_array_equal(raw, frame["a"].astype("float32"))


@pytest.mark.parametrize("how", ["robust", "standard", "log", "quantile", None])
def test_sparse_is_scaled_as_dense(how):
    X = sparse.random(3000, 6, 0.3, format="csc", random_state=0)
    encoder = FieldEncoder(numbers=how)
    encoded = encoder.learn(X)["numbers"]
    assert sparse.issparse(encoded)
    assert encoded.format == "csr"
    found = encoder.fit(X).transform(X)["numbers"]
    expected = FieldEncoder(numbers=how).fit_transform(X.toarray())["numbers"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_32_bits_stay_32_bits():
    frame = pd.DataFrame({"a": np.arange(3, dtype="f4"), "b": np.ones(3, "f2")})
    assert FieldEncoder().learn(frame)["numbers"].dtype == np.float32
    frame["b"] = [1, 2, 3]
    assert FieldEncoder().learn(frame)["numbers"].dtype == np.float64
