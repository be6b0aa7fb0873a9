"""Named estimators on tables as ONNX files: from the shop's columns to predictions."""

import sys

import numpy as np
import onnx
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import FMClassifier, FMRegressor, MLPClassifier, NeuMFClassifier
from skrec.export import to_onnx
from tests.estimators.tables import (
    FAMILIES,
    SMALL,
    columns_of,
    make,
    make_table,
    make_target,
)
from tests.export.graphs import Written, assert_says_the_same
from tests.night import by_day


def planted(table):
    """Return rows with what `fit` has not seen, and with what is missing."""
    rows = table[:40].astype({"user": object, "premium": object})
    changes = {
        "user": ["new", None, np.nan],
        "item": ["<unknown>", None, "i1 "],
        "price": [np.nan, 1e9, -1e300],
        "premium": [None, True, False],
        "browsed": [None, [], ["new", "i1", None]],
    }
    for name, values in changes.items():
        for place, value in enumerate(values):
            rows.at[place, name] = value
            rows.at[3 + 5 * place + len(name), name] = value
    rows.at[20, "browsed"] = ["i1", "i2"] * 40  # more than are kept
    return rows


@pytest.mark.parametrize("family", by_day(FAMILIES, "DeepFM", "DIN"))
@pytest.mark.parametrize(
    "kind", [pytest.param("Classifier"), *by_day(["Regressor"])], ids=str
)
def test_a_graph_says_what_the_estimator_says(family, kind, tmp_path):
    X, columns = make_table(), columns_of(family)
    n_classes = 3 if family in ("FM", "DIN") else 2
    est = make(family, kind).fit(X[columns], make_target(X, n_classes))
    rows = planted(X)[columns]
    written = Written(est, tmp_path / "model.onnx", rows)
    assert_says_the_same(written, est, rows)


def shop_table(n_rows=160, seed=0):
    """Draw a table with a column of each kind and dtype."""
    rng = np.random.default_rng(seed)

    def lists(values, most):
        return [
            rng.choice(values, rng.integers(0, most)).tolist() for _ in range(n_rows)
        ]

    padded = np.zeros((n_rows, 4), int)
    for row in padded:
        n = rng.integers(1, 5)
        row[:n] = rng.integers(1, 6, n)
    numbers = rng.choice([2**60, 2**60 + 1, 3, -7], n_rows)
    return pd.DataFrame(
        {
            "number": pd.Series(numbers, dtype="Int64").mask(rng.random(n_rows) < 0.1),
            "half": rng.choice([0.5, 1.5, np.nan], n_rows),
            "size": pd.Categorical(rng.choice([38, 40, 42], n_rows)),
            "text": rng.choice(["ä", "b", "<missing>", ""], n_rows),
            "flag": rng.random(n_rows) < 0.5,
            "when": 1.7e9 + rng.integers(0, 86400, n_rows),
            "count": rng.poisson(3, n_rows),
            "price": np.where(
                rng.random(n_rows) < 0.2, np.nan, rng.normal(size=n_rows)
            ),
            "seen": padded.tolist(),
            "genres": ["|".join(one) for one in lists(["a", "b", "c"], 4)],
            "tags": lists(["ä", "b"], 5),
            "codes": lists([1, 2, 3], 3),
            "vector": list(rng.normal(size=(n_rows, 3))),
            "steps": list(
                np.pad(rng.normal(size=(n_rows, 2, 2)), ((0, 0), (1, 0), (0, 0)))
            ),
            "image": list(rng.normal(size=(n_rows, 3, 2, 1))),
        }
    )


OPTIONS = {
    "categorical_features": ["number", "half", "flag"],
    "sequence_features": {"genres": "|", "seen": 0, "tags": None, "codes": None},
    "shared_embeddings": [("text", "tags")],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    table = shop_table()
    y = table["flag"].map({True: "yes", False: "no"})
    est = FMClassifier(**{**SMALL, "embedding_dim": 3}, **OPTIONS).fit(table, y)
    path = tmp_path_factory.mktemp("onnx") / "shop.onnx"
    return est, Written(est, path, table), table


def test_each_kind_of_column_is_an_input_of_its_own(shop):
    _, written, table = shop
    assert list(written.shapes) == list(table.columns)
    assert written.shapes["number"] == ["batch", 1]
    assert written.shapes["genres"] == ["batch", "genres_length"]
    assert written.shapes["image"] == ["batch", 3, 2, 1]
    assert written.outputs == {"label": ["batch"], "probabilities": ["batch", 2]}
    dtypes = {own["name"]: own["dtype"] for own in written.schema["columns"]}
    assert dtypes == {
        **dict.fromkeys(["number", "size", "flag", "seen", "codes"], "int64"),
        **dict.fromkeys(["text", "genres", "tags"], "string"),
        **dict.fromkeys(["half", "when", "count", "price"], "float64"),
        **dict.fromkeys(["vector", "steps", "image"], "float64"),
    }
    by_name = {own["name"]: own for own in written.schema["columns"]}
    assert by_name["text"]["missing"] == "<missing>_"  # the other one is an id
    assert by_name["genres"]["separator"] == "|"
    assert written.schema["classes"] == ["no", "yes"]
    assert written.schema["estimator"] == "FMClassifier"


def test_columns_of_each_kind_are_read_as_in_predict(shop):
    est, written, table = shop
    assert_says_the_same(written, est, table[:50])
    other = shop_table(40, seed=1)
    assert_says_the_same(written, est, other[list(other.columns)[::-1]])


def one_of(*values):
    return st.sampled_from(values)


def some_of(*values, most=9):
    return st.one_of(st.none(), st.lists(st.sampled_from(values), max_size=most))


NUMBERS = st.one_of(st.none(), st.floats(allow_infinity=False, width=64))
ROWS = st.fixed_dictionaries(
    {
        "number": one_of(2**60, 2**60 + 1, 2**60 + 2, 3, -(2**63), None),
        "half": one_of(0.5, 1.5, 7.0, None),
        "size": one_of(38, 40, 41, None),
        "text": one_of("ä", "b", "", "B", "<missing>", "<padding>", "nan", None),
        "flag": one_of(True, False, None),
        "when": NUMBERS,
        "count": one_of(0, 3, 10**18, None),
        "price": NUMBERS,
        "seen": some_of(0, 1, 5, 9),
        "genres": one_of("a|b", "", "|", " a |c", "new", None),
        "tags": some_of("ä", "b", "new", None, "<padding>"),
        "codes": some_of(1, 3, 9, None, most=60),
        "vector": one_of(None, np.ones(3), np.full(3, 1e30)),
        "steps": one_of(None, np.zeros((3, 2)), np.eye(3, 2), np.eye(3, 2)[::-1]),
        "image": one_of(None, np.zeros((3, 2, 1)), np.full((3, 2, 1), -1e5)),
    }
)


def frame_of(rows):
    """Make columns of objects, in which each value stays what it is."""
    columns = {}
    for name in rows[0]:
        values = np.empty(len(rows), dtype=object)
        for k, row in enumerate(rows):
            values[k] = row[name]
        columns[name] = values
    numbers = ["when", "count", "price", "half"]
    return pd.DataFrame(columns).astype(dict.fromkeys(numbers, float))


@given(rows=st.lists(ROWS, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_whatever_rows_hold_the_graph_says_the_same(shop, rows):
    est, written, _ = shop
    X = frame_of(rows)
    np.testing.assert_allclose(
        written(X)["probabilities"], est.predict_proba(X), atol=1e-5, rtol=0
    )


def test_missing_ids_that_fit_has_not_seen_are_unknown(tmp_path):
    X = pd.DataFrame({"a": ["x", "y"] * 20, "n": [1, 2, 3, 4] * 10})
    est = FMRegressor(**SMALL, categorical_features=["n"]).fit(X, np.arange(40.0))
    new = pd.DataFrame({"a": ["z", None], "n": [9, 9]})
    written = Written(est, tmp_path / "model.onnx", pd.concat([X, new]))
    found = written(new)["prediction"]
    assert found[0] == found[1]
    assert found[0] == pytest.approx(est.predict(new)[0], abs=1e-5)


@pytest.mark.parametrize(
    "labels",
    [[3, -1, 2], ["ä", "b", ""], [1.0, 2.0, 5.0], np.array([True, False])],
    ids=["integers", "strings", "floats", "booleans"],
)
@pytest.mark.nightly
def test_labels_are_those_of_fit(labels, tmp_path):
    X = make_table()
    y = np.resize(labels, len(X))
    est = make("FM").fit(X, y)
    found = Written(est, tmp_path / "model.onnx", X)(X)["label"]
    wanted = est.predict(X)
    assert found.tolist() == wanted.tolist()
    assert found.dtype.kind == ("O" if wanted.dtype.kind in "OU" else wanted.dtype.kind)


def test_several_labels_and_several_numbers(tmp_path):
    X = make_table()[["user", "price"]]
    y = np.column_stack([X["price"] > 20, X["price"] > 15, X.index % 2]).astype(int)
    est = make("FM").fit(X, y)
    written = Written(est, tmp_path / "labels.onnx", X)
    assert written(X)["label"].tolist() == est.predict(X).tolist()
    assert written.outputs["probabilities"] == ["batch", 3]
    reg = make("FM", "Regressor").fit(X, y.astype(float) * 100)
    found = Written(reg, tmp_path / "numbers.onnx", X)(X)["prediction"]
    np.testing.assert_allclose(found, reg.predict(X), rtol=1e-5)


def test_pairs_are_read_by_their_names_and_other_columns_are_no_inputs(tmp_path):
    X = make_table()[["price", "item", "user"]]
    y = make_target(X)
    pair = {"user_column": "user", "item_column": "item"}
    est = NeuMFClassifier(**SMALL, num_factors=2, units=4, **pair).fit(X, y)
    written = Written(est, tmp_path / "model.onnx", X)
    assert set(written.shapes) == {"user", "item"}
    assert_says_the_same(written, est, X[:30])


def test_columns_without_names_are_called_by_their_position(tmp_path):
    X = make_table()[["item", "price", "user"]].astype(object).to_numpy()
    est = make("FM").fit(X, make_target(make_table()))
    written = Written(est, tmp_path / "model.onnx", X)
    assert list(written.shapes) == ["x0", "x1", "x2"]
    assert_says_the_same(written, est, pd.DataFrame(X[:30]))


OTHER_WAYS = [
    pytest.param("DIN", {"max_len": 1}, 1e-5, id="lists of one"),
    pytest.param("DIEN", {"gru_type": "aigru", "activation": "dice"}, 1e-5, id="dice"),
    pytest.param("MLP", {"precision": "float64"}, 1e-5, id="double"),
    pytest.param("MLP", {"precision": "mixed_float16"}, 1e-2, id="half"),
    pytest.param("MLP", {"embedding_dim": "auto"}, 1e-5, id="dims"),
    pytest.param(
        "LateFusion",
        {"groups": {"a": ["user", "price"], "b": ["item", "premium", "browsed"]}},
        1e-5,
        id="groups",
    ),
]


@pytest.mark.nightly
@pytest.mark.parametrize(("family", "params", "tol"), OTHER_WAYS)
def test_other_ways_to_fit(family, params, tol, tmp_path):
    X = make_table()
    est = make(family, **params).fit(X, make_target(X))
    written = Written(est, tmp_path / "model.onnx", planted(X), tol=tol)
    assert_says_the_same(written, est, planted(X), tol)


@pytest.mark.nightly
def test_what_grew_in_a_stream_and_what_was_trained_further_is_written(tmp_path):
    X = make_table()
    first, second = X[:120].fillna({"price": 3.0}), X[120:].copy()
    second["item"], second["browsed"] = "n" + second["item"], [["n1"] * 9] * 120
    y = make_target(X)
    est = make("DeepFM").partial_fit(first, y[:120], classes=[0, 1])
    est.partial_fit(second, y[120:])
    both = pd.concat([first, second])
    assert_says_the_same(Written(est, tmp_path / "grown.onnx", both), est, both)
    est.model_.set_weights([weight + 0.1 for weight in est.model_.get_weights()])
    assert_says_the_same(Written(est, tmp_path / "changed.onnx", both), est, both)


@pytest.mark.nightly
def test_rows_may_be_those_of_polars(tmp_path):
    X = make_table()[["item", "price", "browsed"]]
    frame = pl.DataFrame({name: X[name].tolist() for name in X})
    est = make("FM").fit(frame, make_target(make_table()))
    to_onnx(est, tmp_path / "model.onnx", frame)


# ---- what is refused -----------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    X = make_table()[["user", "price"]]
    return make("FM").fit(X, make_target(make_table())), X


def test_a_difference_is_an_error_with_its_row_and_nothing_is_written(
    fitted, tmp_path, monkeypatch
):
    est, X = fitted
    path = tmp_path / "model.onnx"
    to_onnx(est, path, X)
    before = path.read_bytes()
    monkeypatch.setattr("skrec.export._tables.UNKNOWN", 2)
    rows = X.astype({"user": object})
    rows.at[7, "user"] = "new"
    with pytest.raises(ValueError, match=r"differ .* in row 7 of verify"):
        to_onnx(est, path, rows)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    to_onnx(est, path, X)  # in which no row differs
    to_onnx(est, path, None)


def test_comparing_nothing_must_be_said(fitted, tmp_path):
    with pytest.raises(TypeError, match="verify"):
        to_onnx(fitted[0], tmp_path / "model.onnx")


def test_the_file_is_a_model_of_onnx(fitted, tmp_path):
    to_onnx(*(fitted[0], tmp_path / "model.onnx", fitted[1]))
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {(one.domain, one.version) for one in model.opset_import} == {
        ("", 18),
        ("ai.onnx.ml", 4),
    }


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Series([2**63 + 1, 5] * 10, dtype="uint64"), "type that ONNX does not"),
        ([("a", 1), ("b", 2)] * 10, "type that ONNX does not"),
    ],
    ids=["large", "tuples"],
)
def test_ids_that_onnx_does_not_look_up_are_refused(column, message, tmp_path):
    values = np.empty(20, object)
    values[:] = list(column)
    X = pd.DataFrame({"a": pd.Categorical(values)})
    est = FMClassifier(**SMALL).fit(X, [0, 1] * 10)
    with pytest.raises(ValueError, match=message):
        to_onnx(est, tmp_path / "model.onnx", X)


def test_names_of_outputs_are_taken(tmp_path):
    X = pd.DataFrame({"label": range(40), "b": [1.0, 2.0] * 20})
    est = MLPClassifier(4, **SMALL).fit(X, [0, 1] * 20)
    with pytest.raises(ValueError, match=r"rename the column.*'label'"):
        to_onnx(est, tmp_path / "model.onnx", X)


def test_numbers_are_no_strings(shop):
    _, written, table = shop
    with pytest.raises(ValueError, match="column 'size' held numbers in fit"):
        written(table[:1].assign(size="38"))
    with pytest.raises(ValueError, match="column 'text' held strings in fit"):
        written(table[:1].assign(text=1.0))


def test_a_missing_package_is_named(fitted, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r'pip install "skrec-keras\[onnx\]"'):
        to_onnx(fitted[0], tmp_path / "model.onnx", fitted[1])


def test_strangers_are_refused(tmp_path):
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit([[1.0], [2.0]], [1, 2])
    with pytest.raises(TypeError, match="Received: LinearRegression"):
        to_onnx(model, tmp_path / "model.onnx", [[1.0]])
