"""FieldEncoder on Arrow's columns: in pandas frames and in tables of pyarrow."""

import io
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from skrec import FMClassifier
from skrec.preprocessing import FieldEncoder

A = 2**60


@pytest.fixture
def columns():
    """Columns by name: as Arrow holds them, and as plain pandas does."""
    words = ["b", None, "a"]
    return {
        "dictionary": (pa.array(words).dictionary_encode(), pd.Categorical(words)),
        "codes": (
            pa.array([5, None, 7]).dictionary_encode(),
            pd.Categorical([5, None, 7]),
        ),
        "string": (pa.array(words), words),
        "large": (pa.array(words, pa.large_string()), words),
        "flag": (pa.array([True, None, False]), [True, None, False]),
        "id": (pa.array([A + 1, None, A]), pd.array([A + 1, None, A], dtype="Int64")),
        "decimal": (pa.array([Decimal("1.5"), None, Decimal(2)]), [1.5, None, 2.0]),
        "float": (pa.array([1.5, None, 2.5], pa.float32()), [1.5, None, 2.5]),
        "seen": (pa.array([[1, 2], None, [A, A + 1]]), [[1, 2], None, [A, A + 1]]),
        "words": (pa.array([["x"], [], None]), [["x"], [], None]),
        "vector": (pa.array([[1.5, 2], [2, 3.0], None]), [[1.5, 2], [2, 3.0], None]),
    }


def tables(columns):
    table = pa.table({name: own for name, (own, _) in columns.items()})
    return table, pd.DataFrame({name: plain for name, (_, plain) in columns.items()})


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_allclose(second[name], array, rtol=1e-6)


def test_arrow_is_read_as_pandas(columns):
    table, plain = tables(columns)
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    assert str(frame["dictionary"].dtype).startswith("dictionary<")
    expected = FieldEncoder(["id", "flag"]).fit(plain)
    for X in (table, table.to_batches()[0], frame):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            encoder = FieldEncoder(["id", "flag"])
            assert_same(encoder.fit_transform(X), expected.transform(plain))
        assert list(encoder.feature_names_in_) == list(columns)
        assert encoder.columns_ == expected.columns_
        for own, other in zip(
            encoder.vocabularies_, expected.vocabularies_, strict=True
        ):
            assert own.tolist() == other.tolist()
        assert_same(expected.transform(X), encoder.transform(plain))
        assert_same(encoder.transform(frame[1:2]), expected.transform(plain[1:2]))


def test_a_parquet_file_that_pandas_reads_as_arrow():
    frame = pd.DataFrame({"c": pd.Categorical(["y", None, "x"]), "n": [1.0, None, 3.0]})
    file = io.BytesIO()
    frame.to_parquet(file)
    read = pd.read_parquet(file, dtype_backend="pyarrow")
    assert isinstance(read["c"].dtype, pd.ArrowDtype)
    assert_same(FieldEncoder().fit_transform(read), FieldEncoder().fit_transform(frame))


@pytest.mark.parametrize("nulls", [pa.nulls(3), pa.nulls(3, pa.string())])
def test_columns_of_nulls(nulls):
    table = pa.table({"gone": nulls, "a": ["x", "y", "x"]})
    encoder = FieldEncoder()
    with pytest.warns(
        UserWarning, match=r"columns \['gone'\] have only missing values"
    ):
        assert encoder.fit_transform(table)["ids"].tolist() == [[2, 2], [2, 3], [2, 2]]
    # Of every other kind, a column may be all null at predict time.
    columns = {"a": ["x", "y"], "h": [[1], [2]], "n": [1.0, 3.0], "v": [[0.5], [1.5]]}
    encoder = FieldEncoder().fit(pa.table(columns))
    found = encoder.transform(pa.table({name: pa.nulls(2) for name in columns}))
    assert found["ids"].tolist() == [[1], [1]]
    assert found["sequence_0"].tolist() == [[0, 0]] * 2
    assert found["numbers"].tolist() == found["array_0"].tolist() == [[0], [0]]


def test_columns_that_are_refused_by_name():
    table = pa.table({"day": pa.array([1, 2], pa.date32()), "a": [1, 2]})
    with pytest.raises(ValueError, match=r"columns \['day'\] hold dates"):
        FieldEncoder().fit(table)
    table = pa.table({"struct": [{"a": 1}, None]})
    with pytest.raises(TypeError, match="column 'struct', row 0"):
        FieldEncoder().fit(table)


def test_an_estimator_takes_a_table_and_keeps_its_names():
    table = pa.table({"user": ["a", "b"] * 20, "price": [1.0, 2.0] * 20})
    model = FMClassifier(epochs=1, random_state=0).fit(table, [0, 1] * 20)
    assert list(model.feature_names_in_) == ["user", "price"]
    frame = table.to_pandas()[["price", "user"]]
    np.testing.assert_array_equal(
        model.predict_proba(frame), model.predict_proba(table)
    )
