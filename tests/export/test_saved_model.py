"""A SavedModel takes the shop's own columns, and says what the estimator says."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.model_selection import GridSearchCV

from skrec import (
    CNNRegressor,
    DINClassifier,
    KerasClassifier,
    LateFusionClassifier,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
)
from skrec.export import to_saved_model
from skrec.recommenders import PopularRecommender
from tests.export.servers import python, without
from tests.night import by_day

N = 120
ASKED = """
import json
import sys
import tensorflow as tf
folder, rows = sys.argv[1:]
served = tf.saved_model.load(folder).signatures["serving_default"]
schema = json.load(open(f"{folder}/assets.extra/skrec.json"))
dtypes = {"string": tf.string, "int64": tf.int64, "float64": tf.float64}
columns = json.load(open(rows))
given = {
    own["name"]: tf.constant(columns[own["name"]], dtypes[own["dtype"]])
    for own in schema["columns"]
}
found = served(**given)
labels = [label.decode() for label in found["label"].numpy()]
print(json.dumps([labels, found["probabilities"].numpy().tolist()]))
"""


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    ids = np.array(["tea", "jam", "größe", ""], dtype=object)
    table = pd.DataFrame(
        {
            "item/id": random.choice(ids, N),
            "user id": random.integers(0, 9, N) + 2**60,
            "price": random.normal(size=N),
            "1st seen": [list(random.choice(ids, k % 4)) for k in range(N)],
            "codes": [list(random.integers(0, 5, k % 7)) for k in range(N)],
            "vector": [random.normal(size=3) for _ in range(N)],
            "size": random.choice([0.5, 1.5, 2.5], N),
        }
    )
    table.loc[::7, "item/id"] = None
    table.loc[::5, "price"] = np.nan
    return table


@pytest.fixture(scope="module")
def new(rows):
    """Rows with ids that are new, values that are missing, and numbers far out."""
    table = rows.iloc[:40].copy()
    table.loc[1, ["item/id", "user id", "size"]] = ["new", 5, 9.75]
    table.loc[2, "price"] = 1e300
    table.at[3, "1st seen"] = ["new", None, "tea"] * 30
    table.at[4, "1st seen"] = None
    table.at[5, "codes"] = [2**62, 1, 0]
    table.at[6, "vector"] = None
    table["size"] = table["size"].mask(table.index == 7)
    return table


@pytest.fixture(scope="module")
def model(rows):
    y = np.array(["no", "yes", "perhaps"])[np.arange(N) % 3]
    ids = ["user id", "size"]
    model = LateFusionClassifier(
        categorical_features=ids, max_len=5, epochs=2, random_state=0
    )
    return model.fit(rows, y)


def test_a_table_of_every_kind_of_column_in_a_process_without_skrec(
    model, new, tmp_path
):
    to_saved_model(model, tmp_path / "model" / "1", verify=new)
    schema = json.loads((tmp_path / "model/1/assets.extra/skrec.json").read_text())
    known = {own["name"]: own for own in schema["columns"]}
    # As a client writes them: no rows with something missing but by what stands for it.
    sent = new.iloc[8:12].reset_index(drop=True)
    length = {name: sent[name].map(len).max() for name in ("1st seen", "codes")}
    columns = {
        name: [
            known[name]["missing"]
            if cell is None
            else [*cell, *[known[name]["padding"]] * (length[name] - len(cell))]
            if name in length
            else cell
            for cell in sent[name]
        ]
        for name in known
    }
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(columns, default=lambda value: value.tolist()))

    blocked = ["skrec", "sklearn", "pandas", "onnxruntime"]
    done = python(without(blocked, ASKED), tmp_path / "model/1", file)

    assert done.returncode == 0, done.stderr
    labels, p = json.loads(done.stdout)
    assert labels == model.predict(sent).tolist()
    np.testing.assert_allclose(p, model.predict_proba(sent), atol=1e-6)


def test_the_folder_is_replaced_and_no_other_is_left(model, rows, tmp_path):
    path = tmp_path / "1"
    for _ in range(2):
        to_saved_model(model, path, verify=None)

    assert [one.name for one in tmp_path.iterdir()] == ["1"]
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    names = set(signature.structured_input_signature[1])
    assert set(signature.structured_outputs) == {"label", "probabilities"}
    assert signature._arg_keywords and set(signature._arg_keywords) == set(rows)
    assert len(names) == len(rows.columns)


def sequences(n_channels=2):
    X = np.random.default_rng(0).random((60, 5, n_channels))
    X[::3, :2] = 0
    return X


ARRAYS = {
    "numbers": (
        MLPRegressor(epochs=1, random_state=0),
        np.arange(120.0).reshape(60, 2),
    ),
    "sequences": (CNNRegressor(epochs=1, random_state=0), sequences()),
    "padded": (RNNClassifier(epochs=1, random_state=0), sequences()),
    "several": (MLPClassifier(epochs=1, random_state=0), np.eye(60)[:, :3]),
}


@pytest.mark.parametrize("name", by_day(ARRAYS, "numbers", "several"))
def test_arrays(name, tmp_path):
    estimator, X = ARRAYS[name]
    y = np.arange(60) % 2
    y = np.stack([y, 1 - y], axis=1) if name == "several" else y
    model = estimator.fit(X, y)

    to_saved_model(model, tmp_path / "1", verify=X)

    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    found = served(X=tf.constant(X))
    if name in ("padded", "several"):
        wanted = model.predict_proba(X)
        assert found["label"].numpy().tolist() == model.predict(X).tolist()
        np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-6)
    else:
        np.testing.assert_allclose(found["prediction"], model.predict(X), atol=1e-5)


def test_columns_of_numbers_and_a_search_around_an_estimator(tmp_path):
    X = pd.DataFrame({"a b": np.arange(60.0), "c": np.arange(60.0)[::-1]})
    search = GridSearchCV(MLPClassifier(epochs=1, random_state=0), {"l2": [0.0]}, cv=2)
    search = GridSearchCV(search, {"cv": [2]}, cv=2)
    search.fit(X, np.arange(60) % 2)

    to_saved_model(search, tmp_path / "1", verify=X)

    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    given = {name: tf.constant(X[name].to_numpy()) for name in X}
    found = served(**given)["probabilities"]
    np.testing.assert_allclose(found, search.predict_proba(X), atol=1e-6)


@pytest.mark.nightly
def test_attention_to_histories(rows, tmp_path):
    """Their lengths differ from call to call, and from those of `fit`."""
    X = rows[["item/id", "1st seen", "price"]]
    shared = [("item/id", "1st seen")]
    model = DINClassifier(shared_embeddings=shared, epochs=1, random_state=0)
    model.fit(X, np.arange(N) % 2)

    for part in (X[:1], X.assign(**{"1st seen": [["tea"] * 60] * N})):
        to_saved_model(model, tmp_path / "1", verify=part)


def test_a_model_that_differs_is_not_written(model, new, tmp_path, monkeypatch):
    class Shifted(type(model)):
        def predict_proba(self, X):
            return super().predict_proba(X) + np.array([1e-3, -1e-3, 0])

    shifted = model.__class__.__new__(Shifted)
    shifted.__dict__.update(vars(model))
    with pytest.raises(
        ValueError, match=r"differ from the estimator's by up to 0\.001"
    ):
        to_saved_model(shifted, tmp_path / "1", verify=new)
    assert list(tmp_path.iterdir()) == []
    to_saved_model(shifted, tmp_path / "1", verify=new, tol=0.01)


def test_what_cannot_be_written_is_refused(tmp_path):
    events = pd.DataFrame({"user": [1, 2], "item": [3, 4]})
    with pytest.raises(TypeError, match="Received: PopularRecommender"):
        to_saved_model(PopularRecommender().fit(events), tmp_path / "1", None)
    with pytest.raises(TypeError, match=r"model_\.export\(path\)"):
        to_saved_model(KerasClassifier(), tmp_path / "1", None)
