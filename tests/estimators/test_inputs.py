"""What X may be, and what the error says where it may not be that."""

import functools
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skrec import (
    CNNClassifier,
    CNNRegressor,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    RNNRegressor,
)
from skrec.datasets import make_sessions
from tests.night import by_day

RNG = np.random.default_rng(0)
N_ROWS = 40
Y = np.arange(N_ROWS) % 3
SHAPES = {2: (6,), 3: (5, 3), 4: (4, 4, 2)}
ARRAYS = {ndim: RNG.normal(size=(N_ROWS, *shape)) for ndim, shape in SHAPES.items()}
SMALL = {"epochs": 2, "random_state": 0, "units": 4}
FAMILIES = {
    "cnn": (lambda **kw: CNNClassifier(filters=3, **{**SMALL, **kw}), (2, 3, 4)),
    "rnn": (lambda **kw: RNNClassifier(**{**SMALL, **kw}), (2, 3)),
    "mlp": (lambda **kw: MLPClassifier(**{**SMALL, **kw}), (2, 3, 4)),
}
EVERY = [
    CNNClassifier,
    CNNRegressor,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    RNNRegressor,
]


def make(cls, **params):
    sizes = {"filters": 3} if cls.__name__.startswith("CNN") else {}
    return cls(**{**SMALL, **sizes, **params})


# ---- shapes --------------------------------------------------------------------------


# By day, one network of each number of dimensions, and those that are built anyway.
AT_NIGHT = dict.fromkeys([("rnn", 2), ("cnn", 2), ("cnn", 3)], pytest.mark.nightly)


@pytest.mark.parametrize(
    ("family", "ndim"),
    [
        pytest.param(family, ndim, marks=AT_NIGHT.get((family, ndim), ()))
        for family, (_, legal) in FAMILIES.items()
        for ndim in legal
    ],
)
def test_each_family_takes_the_shapes_that_it_says(family, ndim):
    X = ARRAYS[ndim]
    clf = FAMILIES[family][0]().fit(X, Y)
    assert clf.predict_proba(X).shape == (N_ROWS, 3)
    assert clf.n_features_in_ == X.shape[1]
    with pytest.raises(ValueError, match=r"is expecting|was fitted on X of shape"):
        clf.predict(X[:, 1:])
    if ndim > 2:
        with pytest.raises(ValueError, match=r"was fitted on X of shape.*Received"):
            clf.predict(X[..., 1:])
        with pytest.raises(ValueError, match=r"Expected|is expecting|was fitted on X"):
            clf.predict(X.reshape(N_ROWS, -1))


@pytest.mark.parametrize("cls", EVERY)
def test_other_numbers_of_dimensions_are_named(cls):
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        make(cls).fit(np.arange(4.0), np.arange(4) % 2)
    wrong = (
        np.ones((4, 2, 2, 2)) if cls.__name__.startswith("RNN") else np.ones((4,) * 5)
    )
    with pytest.raises(ValueError, match=r"dim \d.* expected X with 2 .*Received") as e:
        make(cls).fit(wrong, np.arange(4) % 2)
    assert str(wrong.shape) in str(e.value)


@pytest.mark.parametrize("shape", [(5, 0, 3), (5, 3, 0)])
@pytest.mark.parametrize("cls", [CNNClassifier, RNNClassifier, MLPClassifier])
def test_a_dimension_of_size_zero_is_an_error(cls, shape):
    with pytest.raises(ValueError, match=r"\(5, (0, 3|3, 0)\)"):
        # Not fit: oneDNN ends the whole process where such an array reaches it.
        make(cls)._checked(np.zeros(shape), np.arange(5) % 2, reset=True)


@pytest.mark.parametrize("cls", [CNNRegressor, MLPClassifier])
def test_empty_input_is_an_error(cls):
    for ndim in (2, 3):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            make(cls).fit(ARRAYS[ndim][:0], Y[:0])
    fitted = make(cls).fit(ARRAYS[2], Y)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        fitted.predict(ARRAYS[2][:0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", bool])
def test_numbers_of_any_type_are_taken(dtype):
    X = (ARRAYS[2] > 0).astype(dtype)
    expected = make(MLPClassifier).fit((ARRAYS[2] > 0) * 1.0, Y).predict_proba(X)
    np.testing.assert_allclose(
        make(MLPClassifier).fit(X, Y).predict_proba(X), expected, atol=1e-5
    )


def test_arrays_of_any_layout_give_the_same():
    expected = make(CNNClassifier).fit(ARRAYS[3], Y).predict_proba(ARRAYS[3])
    fortran = np.asfortranarray(ARRAYS[3])
    strided = np.repeat(ARRAYS[3], 2, axis=0)[::2]
    for X in (fortran, strided, ARRAYS[3].tolist()):
        found = make(CNNClassifier).fit(X, Y).predict_proba(X)
        np.testing.assert_array_equal(found, expected)


# ---- short sequences -----------------------------------------------------------------


@pytest.mark.parametrize("cls", [CNNClassifier, CNNRegressor])
@pytest.mark.parametrize("ndim", [2, 3])
def test_one_step_and_a_wide_kernel_warn_and_train(cls, ndim):
    X = ARRAYS[ndim][:, :1]
    model = make(cls, filters="3-3-3", kernel_size=9, pool_size=4)
    for _ in range(2):  # the second time from a warm cache
        with pytest.warns(UserWarning, match="kernel_size=9 .* 1 step") as caught:
            model.fit(X, Y)
        assert any("pool_size=4" in str(warning.message) for warning in caught)
    assert np.isfinite(model.predict(X)).all()


def test_the_warning_points_at_the_line_that_called_fit():
    with pytest.warns(UserWarning, match="kernel_size=9") as caught:
        make(CNNClassifier, kernel_size=9).fit(ARRAYS[2][:, :1], Y)
    names = {warning.filename for warning in caught if "kernel" in str(warning.message)}
    assert names == {__file__}


@pytest.mark.parametrize("cls", [CNNClassifier, RNNClassifier])
def test_sequences_of_usual_length_do_not_warn(cls):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fitted = make(cls).fit(ARRAYS[3], Y)
    assert fitted.n_iter_ == fitted.epochs


# ---- padding -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        pytest.param(
            {"cell": "lstm", "bidirectional": True}, marks=pytest.mark.nightly
        ),
    ],
    ids=str,
)
def test_padding_in_front_changes_nothing_for_an_rnn(params):
    X, y = make_sessions(n_samples=60, n_steps=6, min_steps=4, random_state=0)
    longer = np.concatenate([np.zeros((60, 5, X.shape[2])), X], axis=1)
    short = make(RNNClassifier, **params).fit(X, y)
    long = make(RNNClassifier, **params).fit(longer, y)
    np.testing.assert_allclose(
        long.predict_proba(longer), short.predict_proba(X), atol=1e-5
    )
    core = long.decision_function(longer)
    assert np.ptp(core, axis=0).min() > 1e-3


def test_padding_is_left_out_of_the_scale():
    X = RNG.normal(loc=50, scale=7, size=(N_ROWS, 5, 2))
    X[:, :2] = 0
    model = make(RNNRegressor, standardize="standard").fit(X, Y)
    np.testing.assert_allclose(model._inputs.scaler.centre, X[:, 2:].mean(axis=(0, 1)))
    np.testing.assert_allclose(model._inputs.scaler.scale, X[:, 2:].std(axis=(0, 1)))
    robust = make(RNNRegressor).fit(X, Y)
    np.testing.assert_allclose(
        robust._inputs.scaler.centre, np.median(X[:, 2:], axis=(0, 1))
    )


def test_zero_features_of_a_table_are_values_not_padding():
    X = np.zeros((N_ROWS, 4))
    X[:, 0] = Y == 0
    clf = make(RNNClassifier, epochs=30, learning_rate=0.1).fit(X, Y == 0)
    assert clf.score(X, Y == 0) == 1.0


def test_samples_that_are_all_padding_get_a_finite_prediction():
    X = ARRAYS[3].copy()
    X[:5] = 0
    clf = make(RNNClassifier).fit(X, Y)
    probabilities = clf.predict_proba(X[:5])
    assert np.isfinite(probabilities).all()
    assert np.ptp(probabilities, axis=0).max() == 0


# ---- sparse --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "container", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array]
)
@pytest.mark.parametrize("cls", by_day([MLPClassifier, MLPRegressor], "MLPClassifier"))
def test_an_mlp_takes_sparse_input(container, cls):
    X = np.where(ARRAYS[2] > 0.5, ARRAYS[2], 0)
    dense = make(cls).fit(X, Y)
    thin = make(cls).fit(container(X), Y)
    np.testing.assert_array_equal(thin.predict(container(X)), dense.predict(X))


@pytest.mark.parametrize(
    "cls",
    by_day([CNNClassifier, CNNRegressor, RNNClassifier, RNNRegressor], "CNNClassifier"),
)
def test_networks_over_an_order_refuse_sparse_input_and_say_what_to_do(cls):
    X = sparse.csr_array(ARRAYS[2])
    with pytest.raises(TypeError, match=rf"{cls.__name__}.*dense.*toarray\(\)"):
        make(cls).fit(X, Y)
    with pytest.raises(TypeError, match=r"toarray\(\)"):
        make(cls).fit(ARRAYS[2], Y).predict(X)


# ---- values that are no numbers ------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        (CNNClassifier, np.nan),
        (RNNRegressor, np.nan),
        (CNNClassifier, np.inf),
        (MLPClassifier, np.inf),
        (MLPClassifier, -np.inf),
    ],
)
def test_the_row_and_the_column_of_a_bad_value_are_named(cls, value):
    X = ARRAYS[2].copy()
    X[7, 4] = X[9, 1] = value
    with pytest.raises(ValueError, match=r"NaN|infinity") as error:
        make(cls).fit(X, Y)
    assert "first of 2 such values is in row 7, column 4." in str(error.value)
    fitted = make(cls).fit(ARRAYS[2], Y)
    with pytest.raises(ValueError, match="row 7, column 4"):
        fitted.predict(X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("cls", [CNNClassifier, RNNRegressor])
def test_the_row_and_the_column_of_a_bad_value_in_a_frame_are_named(cls, value):
    X = pd.DataFrame(ARRAYS[2].copy(), columns=list("abcdef"))
    X.iloc[7, 4] = value
    with pytest.raises(ValueError, match="row 7, column 'e'"):
        make(cls).fit(X, Y)


def test_a_bad_value_in_a_sequence_names_row_step_and_channel():
    X = ARRAYS[3].copy()
    X[7, 4, 2] = np.nan
    with pytest.raises(ValueError, match=r"row 7, (step 4, )?channel 2"):
        make(CNNClassifier).fit(X, Y)


def test_bad_values_in_y_are_errors():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        make(MLPRegressor).fit(ARRAYS[2], np.where(Y == 1, np.nan, Y))
    with pytest.raises(ValueError, match="Input y contains infinity"):
        make(MLPRegressor).fit(ARRAYS[2], np.where(Y == 1, np.inf, Y))


@pytest.mark.parametrize("to_frame", [pd.DataFrame, pl.DataFrame])
def test_a_column_of_strings_is_named(to_frame):
    frame = to_frame({"age": np.arange(9.0), "city": list("abcabcabc")})
    with pytest.raises(ValueError, match=r"Not numeric: 'city' .*MLP"):
        make(CNNClassifier).fit(frame, np.arange(9) % 2)


def test_a_column_of_dates_is_named():
    frame = pd.DataFrame({"n": np.arange(9.0), "day": pd.date_range("2020", periods=9)})
    with pytest.raises(ValueError, match="'day'"):
        make(MLPClassifier).fit(frame, np.arange(9) % 2)


def test_an_array_of_strings_is_an_error():
    with pytest.raises(ValueError, match=r"could not convert string|convert"):
        make(CNNClassifier).fit(np.array([["a", "b"]] * 4), [0, 1, 0, 1])


# ---- frames --------------------------------------------------------------------------

NAMES = [f"f{number}" for number in range(6)]


@pytest.mark.parametrize("to_frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("cls", [CNNClassifier, MLPRegressor])
def test_frames_give_what_arrays_give_and_keep_their_names(cls, to_frame):
    frame = to_frame(dict(zip(NAMES, ARRAYS[2].T, strict=True)))
    model = make(cls).fit(frame, Y)
    assert model.feature_names_in_.tolist() == NAMES
    expected = make(cls).fit(ARRAYS[2], Y).predict(ARRAYS[2])
    np.testing.assert_array_equal(model.predict(frame), expected)
    if cls is CNNClassifier:  # to which the order of the columns means something
        with pytest.raises(ValueError, match="must be in the same order"):
            model.predict(frame[NAMES[::-1]])
    else:
        np.testing.assert_array_equal(model.predict(frame[NAMES[::-1]]), expected)
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        model.predict(to_frame(dict(zip("abcdef", ARRAYS[2].T, strict=True))))


def test_nullable_and_boolean_columns_are_numbers():
    frame = pd.DataFrame({"a": pd.array(range(9), dtype="Int64"), "b": [True] * 9})
    assert make(CNNClassifier).fit(frame, np.arange(9) % 2).predict(frame).shape == (9,)
    frame.loc[3, "a"] = pd.NA
    with pytest.raises(ValueError, match="row 3, column 'a'"):
        make(CNNClassifier).fit(frame, np.arange(9) % 2)


def test_targets_may_be_a_series():
    index = np.arange(N_ROWS)[::-1]
    y = pd.Series(Y, index=index)
    expected = make(MLPClassifier).fit(ARRAYS[2], Y).predict(ARRAYS[2])
    found = make(MLPClassifier).fit(pd.DataFrame(ARRAYS[2]).set_axis(index), y)
    np.testing.assert_array_equal(found.predict(pd.DataFrame(ARRAYS[2])), expected)


# ---- weights -------------------------------------------------------------------------

WEIGHTS = RNG.uniform(0.1, 2, size=N_ROWS)


@functools.cache
def weighted(unit):
    clf = make(MLPClassifier).fit(ARRAYS[2], Y, WEIGHTS * unit)
    return clf.predict_proba(ARRAYS[2])


@given(st.floats(1e-6, 1e6))
@settings(max_examples=8)
def test_the_unit_of_the_weights_does_not_matter(unit):
    found = weighted(unit)
    np.testing.assert_allclose(found, weighted(1.0), atol=1e-5)


def test_equal_weights_are_no_weights():
    plain = make(MLPClassifier).fit(ARRAYS[2], Y).predict_proba(ARRAYS[2])
    for weight in (np.ones(N_ROWS), np.full(N_ROWS, 0.25), 2.0):
        weighted = make(MLPClassifier).fit(ARRAYS[2], Y, sample_weight=weight)
        np.testing.assert_array_equal(weighted.predict_proba(ARRAYS[2]), plain)


@pytest.mark.parametrize("cls", by_day(EVERY, "MLPClassifier", "RNNRegressor"))
def test_rows_of_weight_zero_are_left_out_and_others_count_by_weight(cls):
    weight = np.where(np.arange(N_ROWS) < 9, 0.0, WEIGHTS)
    X = ARRAYS[2].copy()
    X[:9] *= 1e6
    weighted = make(cls).fit(X, Y, sample_weight=weight)
    without = make(cls).fit(X[9:], Y[9:], sample_weight=weight[9:])
    unweighted = make(cls).fit(X[9:], Y[9:])

    def outputs(model):
        return getattr(model, "decision_function", model.predict)(ARRAYS[2])

    np.testing.assert_allclose(outputs(weighted), outputs(without), atol=1e-6)
    assert np.abs(outputs(weighted) - outputs(unweighted)).max() > 1e-4


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-WEIGHTS, "Negative values in data passed to `sample_weight`"),
        (np.zeros(N_ROWS), "zero for every row|at least one non-zero"),
        (WEIGHTS[:5], "inconsistent|sample_weight.shape"),
        (np.full(N_ROWS, np.nan), "sample_weight contains NaN"),
    ],
)
def test_impossible_weights_are_errors(weight, message):
    with pytest.raises(ValueError, match=message):
        make(MLPClassifier).fit(ARRAYS[2], Y, sample_weight=weight)


@pytest.mark.parametrize(
    ("cls", "dtype"),
    [
        (CNNClassifier, "float32"),
        (MLPRegressor, "float64"),
        pytest.param(MLPRegressor, "float32", marks=pytest.mark.nightly),
        pytest.param(RNNClassifier, "float64", marks=pytest.mark.nightly),
    ],
)
def test_the_callers_arrays_are_never_changed(cls, dtype):
    X = ARRAYS[3].astype(dtype)
    X[:, 0] = 0
    weight = np.where(np.arange(N_ROWS) % 5, WEIGHTS, 0).astype(dtype)
    y = Y.astype("float64" if cls.__name__.endswith("Regressor") else "int64")
    given_arrays = (X, y, weight)
    copies = [array.copy() for array in given_arrays]
    params = {"class_weight": "balanced"} if "Classifier" in cls.__name__ else {}
    model = make(cls, precision=dtype, early_stopping=True, **params)
    model.fit(X, y, sample_weight=weight)
    model.predict(X)
    for array, copy in zip(given_arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
