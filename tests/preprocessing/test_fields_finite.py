"""FieldEncoder: no finite number becomes infinite or NaN, in any of its paths."""

import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._ranges import Range

SCALES = ["robust", "standard", "log", "quantile", None]
HUGE = [1e13, 1e25, 1e39, 1e160, -1e308, 1.7e308, 5e-324, -2e-310]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
FINITE_32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
LEARNABLE = st.floats(-1e100, 1e100, allow_nan=False)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    price = rng.lognormal(3, 1, 400)
    missing = np.where(rng.random(400) < 0.1, np.nan, price)
    vectors = list(rng.normal(size=(400, 2)))
    return pd.DataFrame(
        {"price": price, "missing": missing, "constant": 7.0, "vector": vectors}
    )


def arrays_of(encoded):
    return [encoded[name] for name in ("numbers", "array_0") if name in encoded]


@pytest.mark.parametrize("how", SCALES)
@pytest.mark.parametrize("value", HUGE)
def test_a_number_that_fit_never_saw(frame, how, value):
    encoder = FieldEncoder(numbers=how).fit(frame)
    least, most = frame["price"].min(), frame["price"].max()
    margin = (most - least) / 10
    end = most + margin if value > 1 else least - margin if value < -1 else value
    asked = frame[:2].assign(price=[value, end], missing=value, constant=value)
    asked["vector"] = [[value, 0.0], [-value, value]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of NumPy too: nothing overflows on the way
        encoded = encoder.transform(asked)
    for array in arrays_of(encoded):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert np.abs(array).max() < 1000
    # It counts as the end of the range, with a margin.
    assert encoded["numbers"][0, 0] == pytest.approx(encoded["numbers"][1, 0], rel=1e-6)


@pytest.mark.parametrize("how", SCALES)
@given(
    learnt=st.lists(LEARNABLE, min_size=1, max_size=9),
    others=st.lists(FINITE, min_size=1, max_size=9),
)
def test_finite_numbers_stay_finite(how, learnt, others):
    if how is None:
        learnt = [max(-1e38, min(1e38, number)) for number in learnt]
    frame = pd.DataFrame({"x": learnt, "v": [[x, 0.0] for x in learnt]})
    asked = pd.DataFrame({"x": others, "v": [[0.0, x] for x in others]})
    encoder = FieldEncoder(numbers=how)
    fitted = encoder.fit_transform(frame)
    for array in [*arrays_of(fitted), *arrays_of(encoder.transform(asked))]:
        assert np.isfinite(array).all()


@pytest.mark.parametrize("how", SCALES)
@given(
    learnt=st.lists(FINITE_32, min_size=1, max_size=9),
    others=st.lists(FINITE_32, min_size=1, max_size=9),
)
def test_finite_numbers_of_32_bits_stay_finite(how, learnt, others):
    if how is None:
        learnt = [max(-1e38, min(1e38, number)) for number in learnt]
    frame = pd.DataFrame({"x": np.array(learnt, "f4")})
    asked = pd.DataFrame({"x": np.array(others, "f4")})
    encoder = FieldEncoder(numbers=how)
    for own in (encoder.fit_transform(frame), encoder.transform(asked)):
        assert np.isfinite(own["numbers"]).all()


@pytest.mark.parametrize("how", SCALES)
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_plain_arrays(how, make):
    rng = np.random.default_rng(0)
    encoder = FieldEncoder(numbers=how).fit(make(rng.normal(size=(50, 2))))
    found = encoder.transform(make([[1e160, -1e308], [1e25, 0.0]]))["numbers"]
    assert np.isfinite(found).all()


@pytest.mark.parametrize("how", SCALES)
def test_numbers_that_nothing_can_be_learnt_from(frame, how):
    limit = "1e+38" if how is None else "1e+100"
    words = f"numbers beyond {limit} cannot be learnt from: replace it, for example"
    for value in (1e160, -1e308):
        for name, cell in (("price", value), ("vector", [0.0, value])):
            bad = frame.copy()
            bad.at[5, name] = cell
            message = re.escape(f"column {name!r} holds {value} in row 5, and {words}")
            with pytest.raises(ValueError, match=message):
                FieldEncoder(numbers=how).fit(bad)
            encoder = FieldEncoder(numbers=how)
            rows = np.setdiff1d(np.arange(400), [5])
            for array in arrays_of(encoder.learn(bad, rows)):  # not learnt from
                assert len(array) == 400
            with pytest.raises(ValueError, match=message):
                encoder.learn(bad, [9, 5])
    X = np.ones((4, 3))
    X[2, 1] = 1e160
    for made in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="column 1 holds 1e\\+160 in row 2"):
            FieldEncoder(numbers=how).fit(made)


def test_integers_and_decimals_larger_than_any_float():
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    encoder = FieldEncoder(numbers="standard").fit(frame)
    huge = pd.DataFrame({"x": pd.Series([10**400, -(10**400), None], dtype=object)})
    assert encoder.transform(huge)["numbers"].ravel().tolist() == pytest.approx(
        [1.2, -1.2, 0]
    )
    huge["x"] = [Decimal("1e400"), Decimal("-1e400"), Decimal(1)]
    assert np.isfinite(encoder.transform(huge)["numbers"]).all()
    for infinite in (Decimal("Infinity"), np.inf):
        huge["x"] = pd.Series([Decimal(1), infinite, None], dtype=object)
        with pytest.raises(ValueError, match="column 'x' holds infinity in row 1"):
            encoder.transform(huge)


def test_the_range_of_some_rows_and_of_what_a_stream_brings():
    seen = Range().update(np.array([[1.0, np.nan], [3.0, np.nan]]))
    assert seen.clip(np.array([[9.0, 9.0], [-9.0, np.nan]])).tolist()[0] == [3.2, 0]
    assert np.isnan(seen.clip(np.array([[np.nan, np.nan]]))).all()
    seen.widen(np.array([[11.0, 5.0]]))
    assert seen.clip(np.array([[99.0, 99.0]])).tolist() == [[12, 5.1]]
    # A number that stands for something else does not open the range for all others.
    seen.widen(np.array([[1e300, 5.0]]))
    assert seen.high[0] < 1e5
