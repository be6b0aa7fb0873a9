"""FieldEncoder and bad input: it works as documented, or says what is wrong where."""

import datetime
import re
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

from skrec.preprocessing import FieldEncoder


def fails(X, *words, error=ValueError, fitted=None, **params):
    """Fit, or transform with a fitted encoder, and find the words in the message."""
    with pytest.raises(error) as caught:
        if fitted is None:
            FieldEncoder(**params).fit(X)
        else:
            fitted.transform(X)
    for word in words:
        assert word in str(caught.value)


def objects(*values):
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return pd.DataFrame({"fine": range(len(values)), "bad": column})


# ---- works as documented -----------------------------------------------------------


def test_unseen_ids_are_unknown():
    encoder = FieldEncoder().fit(pd.DataFrame({"a": ["x", "y"], "b": [[1], [2, 1]]}))
    encoded = encoder.transform(pd.DataFrame({"a": ["z", "x"], "b": [[9], [9, 2]]}))
    assert encoded["ids"].tolist() == [[1], [2]]
    assert encoded["sequence_0"].tolist() == [[0, 1], [1, 3]]


def test_numbers_that_are_all_missing():
    frame = pd.DataFrame({"a": [1.0, 2.0], "gone": [np.nan, np.nan]})
    for how in ("standard", "quantile", "log", None):
        encoder = FieldEncoder(numbers=how)
        with pytest.warns(UserWarning, match=r"columns \['gone'\] have only missing"):
            encoder.fit(frame)
        frame_now = pd.DataFrame({"a": [1.0, 2.0], "gone": [7.0, np.nan]})
        encoded = encoder.transform(frame_now)["numbers"]
        assert encoded.shape == (2, 2)
        assert encoded[:, 1].tolist() == [0, 0]


@pytest.mark.parametrize("values", [[None, None], [np.nan, None], [pd.NA, pd.NA]])
def test_ids_that_are_all_missing(values):
    frame = pd.DataFrame({"gone": pd.Series(values, dtype=object)})
    encoder = FieldEncoder()
    with pytest.warns(UserWarning, match=r"columns \['gone'\] have only missing"):
        encoded = encoder.fit_transform(frame)
    assert encoded["ids"].tolist() == [[2], [2]]
    assert encoder.transform(pd.DataFrame({"gone": ["a"]}))["ids"].tolist() == [[1]]


def test_sequences_that_are_all_empty():
    frame = pd.DataFrame({"gone": [[], []]})
    encoder = FieldEncoder()
    with pytest.warns(UserWarning, match=r"columns \['gone'\] have only missing"):
        assert encoder.fit_transform(frame)["sequence_0"].tolist() == [[0, 0]] * 2


def test_missing_in_the_rows_learnt_from():
    frame = pd.DataFrame({"a": ["x", None], "b": [1.0, np.nan]})
    with pytest.warns(UserWarning) as caught:
        FieldEncoder().learn(frame, [1])
    assert {str(one.message).split("]")[0] for one in caught} == {
        "columns ['a'",
        "columns ['b'",
    }


def test_a_category_with_one_value():
    encoder = FieldEncoder()
    frame = pd.DataFrame({"a": pd.Categorical(["x", "x"])})
    assert encoder.fit_transform(frame)["ids"].tolist() == [[2], [2]]


def test_ids_that_are_floats():
    encoder = FieldEncoder(["a"]).fit(pd.DataFrame({"a": [1.5, 2.0, np.nan]}))
    assert encoder.vocabularies_[0].tolist() == [1.5, 2.0]
    encoded = encoder.transform(pd.DataFrame({"a": [2, 1, 3]}))
    assert encoded["ids"].tolist() == [[3], [1], [1]]


def test_empty_missing_and_long_lists():
    frame = pd.DataFrame({"a": [[], None, [1, 2, 3, 4, 5], (4,)]})
    encoder = FieldEncoder(max_len=3)
    assert encoder.fit_transform(frame)["sequence_0"].tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [2, 3, 4],
        [0, 0, 3],
    ]
    longer = pd.DataFrame({"a": [[*range(1000), 5, 4]]})
    assert encoder.transform(longer)["sequence_0"].tolist() == [[1, 4, 3]]


def test_numbers_that_are_ids_by_name():
    frame = pd.DataFrame({c: range(25) for c in ("user_id", "itemId", "paid", "x")})
    frame["id"] = frame["user_id"].astype("Int64")
    frame["shopID"] = frame["user_id"].where(frame["user_id"] > 0)  # floats, missing
    frame["small_id"] = 1
    frame["price_id"] = frame["x"] + 0.5
    expected = r"columns \['user_id', 'itemId', 'id', 'shopID'\] .*categorical_features"
    with pytest.warns(UserWarning, match=expected) as caught:
        FieldEncoder().fit(frame)
    assert len(caught) == 1
    assert caught[0].filename == __file__


# ---- raises ------------------------------------------------------------------------


def test_dates():
    frame = pd.DataFrame({"a": [1], "at": [pd.Timestamp(0)], "for": [pd.Timedelta(1)]})
    frame["day"] = [datetime.date(2024, 1, 1)]
    frame["zone"] = pd.to_datetime(["2024-01-01"], utc=True)
    frame["month"] = pd.PeriodIndex(["2024-01"], freq="M")
    words = ["hour", "weekday", "seconds since"]
    fails(frame, "columns ['at', 'for', 'day', 'zone', 'month'] hold dates", *words)
    fails(frame[["at"]], "columns ['at']", categorical_features=["at"])


def test_a_column_missing_or_new():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    encoder = FieldEncoder().fit(frame)
    fails(frame[["a"]], "seen at fit time, yet now missing", "- b", fitted=encoder)
    fails(frame.assign(c=1), "unseen at fit time", "- c", fitted=encoder)


@pytest.mark.parametrize("make", [np.asarray, lambda X: np.asarray(X, dtype=object)])
def test_another_number_of_columns(make):
    encoder = FieldEncoder().fit(make([[1.0, 2.0]]))
    message = "X has 3 features, but FieldEncoder is expecting 2 features as input"
    fails(make([[1.0, 2.0, 3.0]]), message, fitted=encoder)


@pytest.mark.parametrize(
    ("values", "types"),
    [
        (["a", 1], "str such as 'a', int such as 1"),
        ([None, 1.5, "a"], "float such as 1.5, str such as 'a'"),
        (["a", [1]], "str such as 'a', list such as [1]"),
    ],
)
def test_mixed_types(values, types):
    fails(objects(*values), "column 'bad'", ".astype(str)", types)


def test_mixed_types_in_lists_and_categories():
    fails(objects([1], ["a"]), "column 'bad'", "int such as 1, str such as 'a'")
    frame = pd.DataFrame({"bad": pd.Categorical(["a", 1])})
    fails(frame, "column 'bad'", "int", "str", ".astype(str)")


def test_objects_of_no_known_type():
    fails(objects(uuid.UUID(int=1), uuid.UUID(int=2)), "column 'bad'", "UUID such as")


@pytest.mark.parametrize("value", [{"a": 1}, {1, 2}])
def test_values_without_a_hash(value):
    words = ["column 'bad', row 1", "argument must be a string or a number"]
    fails(objects("a", value), *words, error=TypeError)
    fails(objects(["a", "b"], [], [value]), "column 'bad', row 2", error=TypeError)
    encoder = FieldEncoder().fit(objects("a", "b"))
    fails(objects("a", value), *words, fitted=encoder, error=TypeError)
    fails(objects(None, [1], value), "column 'bad', row 2", error=TypeError)
    array = np.array([[1.0, 2.0]], dtype=object)
    array[0, 1] = value
    fails(array, "argument must be a string or a number", error=TypeError)


def test_infinity():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, -np.inf]})
    fails(frame, "column 'b' holds infinity in row 1")
    fails(frame, "column 'b' holds infinity in row 1", categorical_features=["b"])
    fails(frame.to_numpy(), "infinity", "row 1, column 1")
    fails(objects([1.0], [np.inf]), "column 'bad' holds infinity in row 1")
    lists = objects([1, 2], [], [3, np.inf])
    fails(lists, "column 'bad' holds infinity in row 2", sequence_features=["bad"])


@pytest.mark.parametrize("X", [np.zeros(3), ["a", "b"], pl.Series([1, 2])])
def test_one_dimension(X):
    fails(X, "Expected 2D array, got 1D array instead", "Reshape your data")


@pytest.mark.parametrize("X", [pd.Series([1, 2]), pd.Series(["a", "b"])])
def test_a_series(X):
    fails(X, "Expected a 2-dimensional container", "Pass a DataFrame")


def test_three_dimensions():
    fails(np.zeros((2, 2, 2)), "Found array with dim 3")


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_no_rows_or_columns(make):
    fails(make(np.zeros((0, 2))), "0 sample(s) (shape=(0, 2)) while a minimum of 1 is")
    fails(make(np.zeros((2, 0))), "0 feature(s) (shape=(2, 0)) while a minimum of 1 is")


def test_columns_of_one_name():
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    fails(frame, "rename ['a']")


def test_strings_that_are_no_ids():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    fails(frame, "column 'b'", "categorical_features", categorical_features=[])
    fails(frame, "column 'b'", "categorical_features", categorical_features=None)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (["c"], "there is no column 'c'"),
        ([2], "there is no column 2"),
        ([-1], "there is no column -1"),
        ([True], "one value for each of the 2 columns"),
        (["a", 0], "names a column twice"),
    ],
)
def test_features_that_are_not_there(chosen, words):
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    for name in ("categorical_features", "sequence_features"):
        fails(frame, name, words, **{name: chosen})
    fails(frame, "shared_embeddings", words, shared_embeddings=[chosen])


def test_lists_and_single_values_in_the_wrong_parameter():
    frame = pd.DataFrame({"one": [1, 2], "many": [[1], [2]]})
    fails(frame, "column 'many' holds lists", categorical_features=["many"])
    fails(frame, "column 'one'", "must hold lists", sequence_features=["one"])
    both = {"categorical_features": ["many"], "sequence_features": ["many"]}
    fails(frame, "column 'many' holds lists", **both)
    fails(frame, "column 'one'", "must hold lists", **{name: ["one"] for name in both})


def test_shared_tables():
    frame = pd.DataFrame({"a": [1, 2], "b": [[1], [2]], "c": [["x"], []]})
    fails(frame, "columns 'a' and 'c'", "numbers", "strings",
          shared_embeddings=[("a", "b", "c")])  # fmt: skip
    fails(frame, "column 'a' in two groups", shared_embeddings=[("a", "b"), ("a", "c")])
    fails(frame, "list of groups", shared_embeddings=["a", "b"])


def test_ids_of_another_type_than_in_fit():
    encoder = FieldEncoder(["a"]).fit(pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}))
    strings = pd.DataFrame({"a": ["1", "2"], "b": [0.5, 1]})
    fails(strings, "column 'a' held numbers in fit", "'1'", fitted=encoder)
    words = pd.DataFrame({"a": [1, 2], "b": [0.5, "x"]})
    fails(words, "column 'b'", "'x' in row 1", fitted=encoder)
    dates = pd.DataFrame({"a": [1, 2], "b": pd.to_datetime(["NaT", "2024-01-01"])})
    fails(dates, "column 'b'", "Timestamp", "in row 1", fitted=encoder)
    fails(dates.set_axis(["b", "a"], axis=1), "column 'a' holds dates", fitted=encoder)


def test_single_values_where_lists_were():
    encoder = FieldEncoder().fit(pd.DataFrame({"a": [[1], [2]]}))
    fails(pd.DataFrame({"a": [1, 2]}), "column 'a'", "in row 0", fitted=encoder)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (([1.5, 2.0], [1.0]), ["of one shape, (2,)", "shape (1,) in row 1"]),
        ((np.zeros((2, 2)), [[1.0], [2.0, 3.0]]), ["vectors", "in row 1"]),
        ((np.zeros((2, 2)), np.zeros((3, 2))), ["shape (3, 2) in row 1"]),
        ((np.zeros((1, 2, 2, 2)),), ["1 to 3 dimensions", "in row 0"]),
    ],
)
def test_ragged_arrays(values, words):
    fails(objects(*values), "column 'bad'", *words)


def test_arrays_of_another_shape_than_in_fit():
    encoder = FieldEncoder().fit(objects([1.0, 2.0], [3.0, 4.0]))
    fails(objects([1.0]), "column 'bad'", "shape (1,) in row 0", fitted=encoder)


def test_complex_numbers():
    fails(np.array([[1j]]), "Complex data not supported")
    fails(pd.DataFrame({"a": [1j]}), "Complex data not supported", "column 'a'")


@pytest.mark.parametrize(
    "params",
    [
        {"min_count": 0},
        {"max_len": 0},
        {"numbers": "minmax"},
        {"categorical_features": "auto"},
        {"shared_embeddings": "a"},
    ],
)
def test_parameters(params):
    name = next(iter(params))
    with pytest.raises(ValueError, match=re.escape(f"The {name!r} parameter")):
        FieldEncoder(**params).fit([[1.0]])


def test_not_fitted():
    with pytest.raises(NotFittedError):
        FieldEncoder().transform([[1.0]])


def test_no_rows_to_learn_from():
    with pytest.raises(ValueError, match="rows must hold at least one row"):
        FieldEncoder().learn([[1.0]], [False])
