"""Networks on arrays, generic estimators, pipelines and searches as ONNX files."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import skrec
from skrec.export import to_onnx
from tests.export.graphs import Written, assert_says_the_same
from tests.night import by_day
from tests.plain import STEPS

N_ROWS = 80
TINY = {**STEPS, "epochs": 2, "random_state": 0}


def sequences(padding=None, seed=0):
    X = np.random.default_rng(seed).normal(size=(N_ROWS, 6, 2))
    if padding == "front":
        X[::2, :3] = 0
    if padding == "end":
        X[::2, 3:] = 0
    return X


def images():
    return np.random.default_rng(0).integers(0, 255, (N_ROWS, 5, 4, 2)).astype("uint8")


def hard_numbers():
    """Columns that are missing, repeat values, lie far off, or are times in seconds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 5))
    X[:, 0] = rng.choice([0.1, 0.2, 0.3], N_ROWS)
    X[:, 1] = 1.7e9 + rng.integers(0, 86400, N_ROWS)
    X[::7, 2] = np.nan
    X[:, 3] = np.exp(5 * X[:, 3])
    X[:, 4] *= 1e-11
    return X


def case(name, X, **params):
    shown = [str(value) for value in params.values()]
    return pytest.param(name, X, params, id="-".join([name, *shown]))


RNN = {"units": 3}
CASES = [
    case("CNN", sequences(), filters=3, units=3),
    case("RNN", sequences("front"), **RNN, cell="gru"),
    case("RNN", sequences("end"), **RNN, cell="lstm", bidirectional=True),
    case("RNN", sequences(), units="3-2", cell="gru"),
    case("CNN", images(), filters=3, units=3, pool_size=1),
    case("MLP", images(), units=3),
    case("MLP", sequences("front"), units=3, activation="tanh"),
    case("CNN", np.nan_to_num(hard_numbers()), filters=2, units=3),
    *[
        case("MLP", hard_numbers(), units=3, standardize=how)
        for how in (True, "standard", "quantile", "log")
    ],
]


@pytest.mark.parametrize(
    ("name", "X", "params"),
    by_day(CASES, "CNN-3-3", "RNN-3-gru"),
)
def test_arrays_are_one_input(name, X, params, tmp_path):
    y = np.arange(N_ROWS) % 2
    est = getattr(skrec, f"{name}Classifier")(**{**TINY, **params}).fit(X, y)
    written = Written(est, tmp_path / "model.onnx", X)
    assert written.shapes == {"X": ["batch", *X.shape[1:]]}
    far = X.astype(float)
    far[:2] *= -1e12
    assert_says_the_same(written, est, far)


def test_an_array_with_names_has_an_input_for_each(tmp_path):
    X = pd.DataFrame(hard_numbers(), columns=list("abcde")).fillna(0)
    est = skrec.CNNRegressor(filters=2, units=3, **TINY).fit(X, X["d"])
    written = Written(est, tmp_path / "model.onnx", X)
    assert written.shapes == {name: ["batch", 1] for name in "abcde"}
    backwards = written(X[list("edcba")])["prediction"]
    assert backwards.tolist() == written(X)["prediction"].tolist()
    assert_says_the_same(written, est, X)


def test_sparse_rows_are_refused(tmp_path):
    X = sparse.random(N_ROWS, 4, 0.3, "csr", rng=0)
    est = skrec.MLPClassifier(3, **TINY).fit(X, np.arange(N_ROWS) % 2)
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match=r"dense arrays.*toarray"):
        to_onnx(est, path, X)
    assert_says_the_same(Written(est, path, X.toarray()), est, X.toarray())


# ---- generic estimators --------------------------------------------------------------


def network(outputs, activation):
    def build(meta):
        return keras.Sequential(
            [
                keras.Input(meta["X_shape_"][1:]),
                keras.layers.Dense(4, "relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(outputs, activation),
            ]
        )

    return build


def generic(outputs, activation, loss, kind=skrec.KerasClassifier):
    return kind(network(outputs, activation), loss=loss, verbose=0, random_state=0)


CODES = np.arange(N_ROWS)
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
GENERIC = [
    pytest.param(generic(1, "sigmoid", "binary_crossentropy"), CODES % 2, id="binary"),
    pytest.param(generic(3, None, LOGITS), np.array(list("abc"))[CODES % 3], id="text"),
    pytest.param(
        generic(2, "softmax", "categorical_crossentropy"), CODES % 2, id="softmax"
    ),
    pytest.param(generic(1, None, "hinge"), CODES % 2, id="hinge"),
    pytest.param(
        generic(2, "sigmoid", "binary_crossentropy"),
        np.column_stack([CODES % 2, CODES % 3 > 0]).astype(int),
        id="labels",
    ),
    pytest.param(
        generic(1, None, "mse", skrec.KerasRegressor), CODES / 10, id="number"
    ),
    pytest.param(
        generic(2, None, "mse", skrec.KerasRegressor),
        np.column_stack([CODES, -CODES]) / 10,
        id="numbers",
    ),
]


@pytest.mark.parametrize(("est", "y"), by_day(GENERIC, "text"))
def test_generic_estimators_take_numbers(est, y, tmp_path):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 3))
    est = est.fit(X, y)
    written = Written(est, tmp_path / "model.onnx", X)
    assert written.shapes == {"X": ["batch", 3]}
    found = written(X)
    if y.ndim == 2 and "label" in found:
        assert found["label"].tolist() == est.predict(X).tolist()
    else:
        assert_says_the_same(written, est, X)


class Doubled(skrec.KerasClassifier):
    @property
    def feature_encoder(self):
        return StandardScaler()


def test_what_only_python_can_do_is_refused(tmp_path):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 3))
    est = Doubled(network(1, "sigmoid"), loss="binary_crossentropy", verbose=0)
    with pytest.raises(TypeError, match="a feature_encoder of its own"):
        to_onnx(est.fit(X, CODES % 2), tmp_path / "model.onnx", X)


# ---- pipelines and searches ----------------------------------------------------------


def shop():
    X = pd.DataFrame(hard_numbers()[:, :3], columns=["price", "when", "size"])
    X["n"], X["brand"] = CODES % 5, np.array(["x", "y", "z"])[CODES % 3]
    return X


def columns_encoded():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer(
        (numbers, ["price", "size"]),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["brand"]),
        (OrdinalEncoder(), ["n"]),
    )


def test_a_pipeline_takes_the_columns_of_its_first_step(tmp_path):
    X, mlp = shop().drop(columns="when"), skrec.MLPClassifier(3, **TINY)
    pipe = make_pipeline(columns_encoded(), mlp).fit(X, CODES % 2)
    new = X.assign(brand="new")[:4]
    written = Written(pipe, tmp_path / "model.onnx", pd.concat([X, new]))
    assert written.shapes == {name: ["batch", 1] for name in X}
    assert written.schema["estimator"] == "MLPClassifier"
    assert_says_the_same(written, pipe, X)
    with pytest.raises(ValueError, match="pass some as verify"):
        to_onnx(pipe, tmp_path / "model.onnx", None)


@pytest.mark.nightly
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_other_pipelines(output, tmp_path):
    X, reg = shop().drop(columns="when"), skrec.MLPRegressor(3, **TINY)
    pipe = make_pipeline(columns_encoded(), reg).set_output(transform=output)
    pipe = GridSearchCV(pipe, {"mlpregressor__units": [2, 3]}, cv=2).fit(X, CODES / 9)
    assert_says_the_same(Written(pipe, tmp_path / "model.onnx", X), pipe, X)
    rows = np.nan_to_num(hard_numbers())[:, :1]
    rnn = make_pipeline(StandardScaler(), skrec.RNNClassifier(units=2, **TINY))
    rnn.fit(rows, CODES % 2)
    assert_says_the_same(Written(rnn, tmp_path / "rnn.onnx", rows), rnn, rows)


def test_of_a_search_the_best_is_written(tmp_path):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 2))
    search = GridSearchCV(
        skrec.FMClassifier(embedding_dim=2, **TINY), {"l2": [0.0]}, cv=2
    ).fit(X, CODES % 2)
    assert_says_the_same(Written(search, tmp_path / "model.onnx", X), search, X)
    search = search.set_params(refit=False).fit(X, CODES % 2)
    with pytest.raises(ValueError, match="refit=True"):
        to_onnx(search, tmp_path / "model.onnx", X)
