"""FieldEncoder on tables of every make: polars, arrays, lists, other orders."""

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skrec.preprocessing import FieldEncoder


@pytest.fixture
def columns():
    """Columns as lists, which pandas and polars read alike."""
    return {
        "text": ["b", None, "a", "b"],
        "flag": [True, False, None, True],
        "seen": [[3, 1], None, [], [2]],
        "words": [["x"], ["y", "x"], [], None],
        "count": [1, 2, None, 4],
        "price": [1.5, None, 2.5, 3.0],
        "vector": [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0], [1.0, 1.0]],
    }


@pytest.fixture
def frame(columns):
    return pd.DataFrame(columns)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_allclose(second[name], array, rtol=1e-6, atol=1e-7)


def test_polars_is_read_as_pandas(columns, frame):
    table = pl.DataFrame(columns)
    expected = FieldEncoder()
    encoded = expected.fit_transform(frame)
    encoder = FieldEncoder()
    assert_same(encoder.fit_transform(table), encoded)
    assert encoder.columns_ == expected.columns_
    assert_same(expected.transform(table), encoded)
    assert_same(encoder.transform(frame), encoded)
    assert list(encoder.feature_names_in_) == list(columns)


@pytest.mark.parametrize(
    ("series", "kind", "values"),
    [
        (pl.Series(["b", None, "a"], dtype=pl.Categorical), "id", ["a", "b"]),
        (pl.Series(["b", None, "a"], dtype=pl.Enum(["b", "c", "a"])), "id", ["a", "b"]),
        (pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int8, 2)), "sequence", 0),
        (pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Float32, 2)), "array", 0),
        (pl.Series([1, None, 3], dtype=pl.Decimal(10, 2)), "number", 0),
        (pl.Series([1, None, 3], dtype=pl.UInt8), "number", 0),
        (pl.Series([None, None, None]), "id", []),
    ],
)
@pytest.mark.filterwarnings("ignore:columns .* have only missing values")
def test_polars_dtypes(series, kind, values):
    encoder = FieldEncoder().fit(series.to_frame("a"))
    assert encoder.columns_["a"].kind == kind
    if kind == "id":
        assert encoder.vocabularies_[0].tolist() == values


def test_categories_of_integers_are_ids_where_there_can_be_any():
    frame = pd.DataFrame({"site": pd.Categorical([1, 2, 3, 1])})
    table = pl.from_pandas(frame)  # which keeps the numbers alone
    as_text = table.with_columns(pl.col("site").cast(pl.String))

    def kind(X, **params):
        return FieldEncoder(**params).fit(X).columns_["site"].kind

    kinds = [kind(X) for X in (frame, pa.Table.from_pandas(frame), table, as_text)]
    assert kinds == ["id", "id", "number", "id"]
    assert kind(table, categorical_features=["site"]) == "id"


def test_large_polars_ids_beside_missing_ones():
    table = pl.DataFrame({"a": [2**60, None, 2**60 + 1]})
    assert FieldEncoder(["a"]).fit_transform(table)["ids"].tolist() == [[2], [4], [3]]


def test_lazy_polars_frames_are_refused(columns):
    with pytest.raises(ValueError, match=r"call \.collect\(\)"):
        FieldEncoder().fit(pl.LazyFrame(columns))


def test_polars_dates_are_refused_by_name():
    table = pl.DataFrame({"a": [1], "day": [datetime.date(2024, 1, 1)]})
    table = table.with_columns(at=pl.lit(datetime.datetime(2024, 1, 1)))
    with pytest.raises(ValueError, match=r"columns \['day', 'at'\] hold dates"):
        FieldEncoder().fit(table)


def test_columns_in_another_order(columns, frame):
    encoder = FieldEncoder()
    encoded = encoder.fit_transform(frame)
    assert_same(encoder.transform(frame[frame.columns[::-1]]), encoded)
    other = pl.DataFrame({name: columns[name] for name in ("price", "text")})
    encoder.fit(frame[["text", "price"]])
    found = encoder.transform(other)["ids"]
    assert (found[:, 0] == encoded["ids"][:, 0]).all()


def test_an_array_after_a_frame_goes_by_position(frame):
    encoder = FieldEncoder()
    encoded = encoder.fit_transform(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = encoder.transform(frame.to_numpy())
    assert_same(found, encoded)


def test_numbers_of_an_array_after_a_frame():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    encoder = FieldEncoder(["b"])
    encoded = encoder.fit_transform(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_same(encoder.transform(frame.to_numpy()), encoded)


def test_lists_of_lists():
    encoder = FieldEncoder().fit([[1, "a"], [3, "b"]])
    assert [column.kind for column in encoder.columns_.values()] == ["number", "id"]
    assert list(encoder.columns_) == [0, 1]
    encoded = encoder.transform([[2, "b"]])
    assert encoded["ids"].tolist() == [[3]]
    assert encoded["numbers"].tolist() == [[0]]


def test_objects_that_are_numbers():
    X = np.array([[1, 2.5], [3, 4.5]], dtype=object)
    assert FieldEncoder().fit(X).spec_.n_numbers == 2
    assert_same(
        FieldEncoder().fit_transform(X), FieldEncoder().fit_transform(X.astype(float))
    )


def test_arrays_of_strings_are_ids():
    X = np.array([["b", "1"], ["a", "2"]])
    encoder = FieldEncoder().fit(X)
    assert [ids.tolist() for ids in encoder.vocabularies_] == [["a", "b"], ["1", "2"]]


def test_index_of_the_frame_does_not_matter(frame):
    expected = FieldEncoder().fit_transform(frame)
    assert_same(FieldEncoder().fit_transform(frame.set_axis([5, 5, 0, 1])), expected)


def test_the_frame_is_not_changed(frame):
    before = frame.copy(deep=True)
    FieldEncoder().fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_no_warnings_on_ordinary_tables(frame):
    frame["user_id"] = [1, 2, 3, 4]  # few values: may well be a number
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FieldEncoder().fit(frame).transform(frame)
