"""FieldEncoder on ids: exact whatever their dtype, and warnings of useless ones."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrec.preprocessing import FieldEncoder

A = 2**60
WHOLE = st.integers(-(2**70), 2**70)
NUMBERS = st.one_of(
    WHOLE,
    st.sampled_from([2**53, 2**53 + 1, A, A + 1, 2**63, 2**63 - 1, 2**64]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=20),
)


def codes(ids, chosen=("u",), **params):
    frame = ids if not isinstance(ids, (list, pd.Series)) else pd.DataFrame({"u": ids})
    return FieldEncoder(list(chosen), **params).fit_transform(frame)["ids"].ravel()


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        ([Decimal(A), Decimal(A + 1)], [2, 3]),
        ([Decimal("0.1"), Decimal("0.10000000000000000001")], [2, 3]),
        ([Decimal(3), 3, 3.0], [2, 2, 2]),
        (pd.Series([A, A + 1, 1.5], dtype=object), [3, 4, 2]),
        (pd.Series([A + 1, None, A], dtype=object), [3, 4, 2]),
        (pd.Series([A + 1, None, A], dtype="Int64"), [3, 4, 2]),
        ([2**70, 2**70 + 1, -1], [3, 4, 2]),
        (pl.DataFrame({"u": [Decimal(A), Decimal(A + 1)]}), [2, 3]),
        (pl.DataFrame({"u": [Decimal(A + 1), None, Decimal(A)]}), [3, 4, 2]),
        (pl.DataFrame({"u": pl.Series([A + 1, None, A], dtype=pl.Int128)}), [3, 4, 2]),
        (pl.DataFrame({"u": pl.Series([2**100, 2**100 + 1], dtype=pl.Int128)}), [2, 3]),
        ([[A, 0.5], [A + 1, 1.5]], [2, 3]),
        (([A, 0.5], [A + 1, 1.5]), [2, 3]),
    ],
)
def test_different_ids_stay_different(X, expected):
    lists = not isinstance(X, (pd.Series, pl.DataFrame)) and isinstance(X[0], list)
    X = pd.Series(X, dtype=object) if isinstance(X, list) and not lists else X
    if lists:
        encoded = FieldEncoder([0], numbers="standard").fit_transform(X)
        assert encoded["numbers"].ravel().tolist() == [-1, 1]
        assert encoded["ids"].ravel().tolist() == expected
    else:
        assert codes(X).tolist() == expected


def test_items_of_lists_stay_different():
    X = pd.DataFrame({"h": [[A, A + 1], [1.5], [None, A + 1], (Decimal(A),)]})
    encoder = FieldEncoder(sequence_features=["h"])
    found = encoder.fit_transform(X)["sequence_0"].tolist()
    assert found == [[3, 4], [0, 2], [5, 4], [0, 3]]
    arrays = pd.DataFrame({"h": [np.array([A, A + 1]), np.array([1.0, 2.0])]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = encoder.transform(arrays)["sequence_0"].tolist()
    assert found == [[3, 4], [1, 1]]


@given(st.lists(NUMBERS, min_size=1, max_size=8), st.lists(NUMBERS, max_size=8))
def test_ids_are_equal_exactly_where_their_values_are(learnt, others):
    encoder = FieldEncoder(["u"])
    frame = pd.DataFrame({"u": pd.Series(learnt, dtype=object)})
    known = encoder.fit_transform(frame)["ids"].ravel().tolist()
    different = sorted(set(learnt))  # Python compares numbers of all types by value
    assert known == [2 + different.index(one) for one in learnt]
    for one in [*learnt, *others]:
        code = 2 + different.index(one) if one in different else 1
        for dtype in (object, None):  # None: whatever pandas makes of it
            alone = pd.DataFrame({"u": pd.Series([one], dtype=dtype)})
            many = pd.concat([alone] * 40)  # more rows than are read cell by cell
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert encoder.transform(alone)["ids"].tolist() == [[code]]
                assert set(encoder.transform(many)["ids"].ravel()) == {code}


@pytest.mark.parametrize("learnt", ["int64", "uint64", "float64", "object"])
@pytest.mark.parametrize("given_as", ["int64", "uint64", "float64", "Int64", "object"])
def test_ids_of_another_dtype_than_in_fit(learnt, given_as):
    values = [1, 2, 3]
    fitted = [*values, 2**63] if learnt == "uint64" else values
    fitted = [*values, 0.5] if learnt == "float64" else fitted
    fitted = [*values, 2**70] if learnt == "object" else fitted
    encoder = FieldEncoder(["u"]).fit(
        pd.DataFrame({"u": pd.Series(fitted, dtype=learnt)})
    )
    first = 3 if learnt == "float64" else 2
    asked = pd.DataFrame({"u": pd.Series([3, 1, 9], dtype=given_as)})
    for frame in (asked, pd.concat([asked] * 20)):
        found = encoder.transform(frame)["ids"].ravel()[:3].tolist()
        assert found == [first + 2, first, 1]


def test_floats_that_have_lost_digits_are_warned_of_once():
    frame = pd.DataFrame({"u": [float(A), float(A + 1), np.nan], "v": [1.0, 2.0, 3.0]})
    with pytest.warns(
        UserWarning, match=r"columns \['u'\] hold ids as floats"
    ) as found:
        FieldEncoder(["u", "v"]).fit(frame)
    assert len(found) == 1
    assert found[0].filename == __file__
    # In 32 bits, digits are lost from 2**24 on.
    small = pd.DataFrame({"u": np.array([2**24, 2**24 + 2], dtype="float32")})
    with pytest.warns(UserWarning, match="hold ids as floats"):
        FieldEncoder(["u"]).fit(small)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FieldEncoder(["u"]).fit(small.astype("float64"))


def test_a_missing_id_beside_large_ones_at_predict_time():
    encoder = FieldEncoder(["u"]).fit(pd.DataFrame({"u": [A, A + 1, A + 2]}))
    exact = pd.DataFrame({"u": pd.array([A + 1, A, None], dtype="Int64")})
    assert encoder.transform(exact)["ids"].ravel().tolist() == [3, 2, 1]
    # pandas has made both of them the float that is equal to A.
    with pytest.warns(UserWarning, match="hold ids as floats"):
        found = encoder.transform(pd.DataFrame({"u": [A + 1, A, None]}))["ids"]
    assert found.ravel().tolist() == [2, 2, 1]


@pytest.mark.parametrize("n_rows", [1, 3, 100])
def test_a_few_rows_are_encoded_as_many(n_rows):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "text": rng.choice(["a", "b", None], 400),
            "object": pd.Series(rng.choice(["a", "b", None], 400), dtype=object),
            "category": pd.Categorical(rng.choice(["x", "y"], 400)),
            "numbers": pd.Categorical(rng.choice([1, 2, 3], 400)),
            "flag": rng.random(400) < 0.5,
            "maybe": pd.array(rng.choice([True, False], 400), dtype="boolean"),
            "id": rng.integers(A, A + 5, 400),
            "float_id": rng.choice([1.0, 2.0, np.nan], 400),
            "real_id": rng.choice([1.5, 2.0], 400),
            "nullable": pd.array(rng.integers(0, 9, 400), dtype="Int64"),
            "price": rng.normal(size=400),
            "count": pd.array(rng.integers(0, 9, 400), dtype="Int64"),
            "byte": rng.choice([b"a", b"b"], 400).astype(object),
        }
    )
    table.loc[3, ["maybe", "nullable", "count", "price"]] = None
    ids = ["id", "float_id", "real_id", "nullable", "flag", "maybe"]
    encoder = FieldEncoder(ids).fit(table[:300])
    whole = encoder.transform(table)
    for start in range(0, 400, 7):
        some = slice(start, start + n_rows)
        for name, array in encoder.transform(table[some]).items():
            np.testing.assert_array_equal(array, whole[name][some])


def test_a_column_with_an_id_for_each_row_is_warned_of():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "order": [f"o{k}" for k in range(200)],
            "session": [f"s{k}" for k in [*range(190), *[0] * 10]],
            "user": rng.choice(list("abc"), 200),
        }
    )
    words = r"columns \['order', 'session'\] have an id .*drop them.*min_count=2"
    with pytest.warns(UserWarning, match=words) as found:
        encoder = FieldEncoder().fit(frame)
    assert len(found) == 1
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.transform(frame)
        FieldEncoder(min_count=2).fit(frame)
        FieldEncoder().fit(frame[:50])  # too few rows to tell
        # As a target and its history, ids recur.
        frame["seen"] = [[one] for one in frame["order"].sample(frac=1, random_state=0)]
        columns = frame[["order", "seen", "user"]]
        FieldEncoder(shared_embeddings=[("order", "seen")]).fit(columns)


def test_one_id_that_is_named_leaves_strings_as_they_are():
    frame = pd.DataFrame(
        {
            "user": [5, 6],
            "item": ["a", "b"],
            "shop": pd.Categorical([3, 4]),
            "new": [True, False],
            "price": [1.0, 2.0],
        }
    )
    for chosen in (["user"], [0], [True, False, False, False, False]):
        kinds = FieldEncoder(chosen).fit(frame).columns_
        assert [kinds[name].kind for name in frame] == [
            "id", "id", "id", "number", "number",
        ]  # fmt: skip


def test_large_ids_in_a_dtype_that_cannot_hold_all_of_them():
    encoder = FieldEncoder(["u"]).fit(pd.DataFrame({"u": [A, A + 1]}))
    unsigned = pd.DataFrame({"u": np.array([A + 1, 2**63 + 5], dtype="uint64")})
    assert encoder.transform(unsigned)["ids"].tolist() == [[3], [1]]
    with pytest.warns(UserWarning, match="hold ids as floats"):
        found = encoder.transform(pd.DataFrame({"u": [float(A), 1.5]}))
    assert found["ids"].tolist() == [[2], [1]]
    floats = FieldEncoder(["u"]).fit(pd.DataFrame({"u": [0.5, 2.0]}))
    integers = pd.DataFrame({"u": [2, A + 1, 2**53 + 1]})
    assert floats.transform(integers)["ids"].tolist() == [[3], [1], [1]]
