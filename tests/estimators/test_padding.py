"""Steps of zeros: padding on one side of sequences, or values anywhere."""

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrec import (
    CNNClassifier,
    LateFusionClassifier,
    MLPClassifier,
    RNNClassifier,
    RNNRegressor,
)
from skrec.datasets import make_sessions
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._padding import ZeroSteps, padded_steps
from tests.night import by_day
from tests.plain import STEPS

SMALL = {"units": 4, "epochs": 2, "random_state": 0}
# Steps of each row: 0 is a step of zeros, 1 another one.
FRONT, END, GAP, BOTH, FULL, EMPTY = "0111", "1100", "1011", "0110", "1111", "0000"


def rows(*patterns):
    """Return a sequence of two channels, one of them zero, for each pattern."""
    steps = np.array([[int(step) for step in pattern] for pattern in patterns])
    values = np.random.default_rng(0).normal(5, 1, size=steps.shape) * steps
    return np.stack([values, np.zeros_like(values)], axis=-1)


def pulses(n_rows=600, n_steps=12):
    """Return one pulse a row in a series of zeros, and whether it is a late one."""
    when = np.random.default_rng(0).integers(0, n_steps, n_rows)
    X = np.zeros((n_rows, n_steps, 1))
    X[np.arange(n_rows), when] = 1.0
    return X, when >= n_steps // 2


@pytest.mark.parametrize(
    ("patterns", "padding"),
    [
        ([FRONT, FULL, EMPTY], "front"),
        ([END, FULL, EMPTY], "end"),
        ([FULL], None),
        ([EMPTY, FULL], None),
        ([FRONT, END], None),
        ([BOTH], None),
        ([FRONT, GAP], None),
        ([END, GAP], None),
    ],
)
def test_auto_takes_zeros_as_padding_only_where_they_are_at_one_end(patterns, padding):
    X = rows(*patterns)
    assert ZeroSteps().update(X).padding == padding
    one_by_one = ZeroSteps()
    for row in X:
        one_by_one.update(row[np.newaxis])
    assert one_by_one.padding == padding
    reg = RNNRegressor(**SMALL).fit(X, np.arange(len(X)))
    assert reg.padding_ == padding


def test_padding_ends_at_the_first_value():
    X = rows("0011", "0101", "1100", "1010", "0000", "0110")
    front = ["1100", "1000", "0000", "0000", "1111", "1000"]
    end = ["0000", "0000", "0011", "0001", "1111", "0001"]
    for padding, expected in (("front", front), ("end", end)):
        expected = [[step == "1" for step in pattern] for pattern in expected]
        assert_array_equal(padded_steps(X, padding), expected)
    assert padded_steps(X, None) is None


# ---- zeros that are values -----------------------------------------------------------


# By day, a convolution sees it, below.
@pytest.mark.nightly
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_pulse_in_a_series_of_zeros_is_seen(cell):
    X, y = pulses()
    options = {**STEPS, "units": 16, "learning_rate": 0.01, "random_state": 0}
    clf = RNNClassifier(cell, **options).fit(X[:400], y[:400])
    assert clf.padding_ is None
    assert clf.score(X[400:], y[400:]) == 1.0
    almost = RNNClassifier(cell, **options).fit(X[:400] + 1e-9, y[:400])
    assert_allclose(
        clf.predict_proba(X[400:]), almost.predict_proba(X[400:] + 1e-9), atol=1e-4
    )


@pytest.mark.nightly
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("sequence_branch", ["rnn", "cnn"])
def test_a_table_sees_pulses_too(sequence_branch, standardize):
    """Of two pulses, are there zeros between?"""
    X, y = pulses()
    where = X[:, :, 0].argmax(axis=1)
    X[np.arange(600), (where + np.where(y, 1, 3)) % 12] = 1.0
    frame = pd.DataFrame({"series": list(X)})
    y = y & (where < 11)  # the others go on at the first step
    options = {**STEPS, "learning_rate": 0.01, "random_state": 0}
    clf = LateFusionClassifier(
        sequence_branch=sequence_branch, standardize=standardize, **options
    )
    clf.fit(frame[:400], y[:400])
    assert clf.score(frame[400:], y[400:]) > 0.98


@pytest.mark.nightly
def test_dense_networks_on_tables_see_the_pulse_too():
    X, y = pulses()
    frame = pd.DataFrame({"series": list(X)})
    clf = MLPClassifier(random_state=0).fit(frame[:400], y[:400])
    assert clf.score(frame[400:], y[400:]) == 1.0
    scaled = clf.encoder_.transform(frame)["array_0"]
    z = X / (np.ptp(X) / 2)
    assert_allclose(scaled, z / np.sqrt(1 + (z / 3) ** 2), atol=1e-4)


@pytest.mark.parametrize("numbers", ["standard", None])
def test_no_value_of_a_table_comes_to_look_like_padding(numbers):
    """Networks on tables skip steps that are all 0 after scaling."""
    series = np.array([[[1.0], [3.0]], [[2.0], [0.0]], [[0.0], [4.0]]])
    frame = pd.DataFrame({"series": list(series)})
    scaled = FieldEncoder(numbers=numbers).fit_transform(frame)["array_0"]
    assert (scaled != 0).all()
    expected = (series - 5 / 3) / series.std() if numbers else series
    assert_allclose(scaled, expected, atol=1e-4)
    padded = pd.DataFrame(
        {"series": list(np.pad(series[:1], ((0, 0), (2, 0), (0, 0))))}
    )
    scaled = FieldEncoder(numbers=numbers).fit_transform(padded)["array_0"]
    assert_array_equal(scaled[0, :, 0] == 0, [True, True, False, False])


# ---- padding -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bidirectional", [pytest.param(False, marks=pytest.mark.nightly), True]
)
def test_padding_at_the_end_changes_nothing(bidirectional):
    X, y = make_sessions(n_samples=60, n_steps=6, random_state=0)
    options = {**SMALL, "bidirectional": bidirectional}
    short = RNNClassifier(**options).fit(X, y)
    longer = np.pad(X, ((0, 0), (0, 5), (0, 0)))
    long = RNNClassifier(**options).fit(longer, y)
    assert (short.padding_, long.padding_) == (None, "end")
    assert_allclose(long.predict_proba(longer), short.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("padding", ["front", "end", None])
def test_means_leave_out_padding_and_nothing_else(padding):
    X = rows("0101", "0011", "1011", "1100", "1111")
    reg = RNNRegressor(padding=padding, standardize="standard", **SMALL)
    reg.fit(X, np.arange(5))
    first = {"front": (1, 2, 0, 0, 0)}.get(padding, (0,) * 5)
    last = {"end": (4, 4, 4, 2, 4)}.get(padding, (4,) * 5)
    kept = np.concatenate([X[k, first[k] : last[k]] for k in range(5)])
    assert_allclose(reg._inputs.scaler.centre, kept.mean(axis=0))
    assert_allclose(reg._inputs.scaler.scale[0], kept[:, 0].std())


@pytest.mark.parametrize("standardize", by_day([True, False], "True"))
@pytest.mark.parametrize("padding", by_day(["auto", "front", "end", None], "front"))
def test_the_keras_model_knows_the_same_padding(padding, standardize, tmp_path):
    X = rows(FRONT, END, GAP, BOTH, FULL, EMPTY)
    clf = RNNClassifier(padding=padding, standardize=standardize, **SMALL)
    train = X[[0, 4, 5]] if padding == "auto" else X  # "auto" is "front" there
    clf.fit(train, np.arange(len(train)))
    clf.model_.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for model in (clf.model_, loaded):
        assert_allclose(model.predict(X, verbose=0), clf.predict_proba(X), atol=1e-6)


def test_what_is_said_decides_what_is_skipped():
    # Of small values, which leave a state room to change.
    X, y = rows(FRONT, END, GAP, BOTH, FULL, FULL) / 10, np.arange(6.0)

    def outputs(padding):
        options = {**SMALL, "standardize": False}
        return RNNRegressor(padding=padding, **options).fit(X, y).predict(X)

    front, end, none, auto = map(outputs, ("front", "end", None, "auto"))
    assert_array_equal(auto, none)
    for one, other in ((front, end), (front, none), (end, none)):
        assert np.abs(one - other).max() > 1e-3


def test_batches_of_a_stream_are_asked_together():
    reg = RNNRegressor(**SMALL)
    found = []
    for patterns in ((FULL, FULL), (FRONT, FULL), (FULL, EMPTY), (GAP, FULL)):
        reg.partial_fit(rows(*patterns), [0.0, 1.0])
        found.append(reg.padding_)
    assert found == [None, "front", "front", None]
    assert reg.fit(rows(END, FULL), [0.0, 1.0]).padding_ == "end"


def test_only_rows_to_train_on_are_asked():
    X, y = rows(FRONT, FULL, GAP), np.arange(3.0)
    assert RNNRegressor(**SMALL).fit(X, y, sample_weight=[1, 1, 0]).padding_ == "front"
    reg = RNNRegressor(**SMALL).fit(X[:2], y[:2], X_val=X, y_val=y)
    assert reg.padding_ == "front"


def test_changing_the_parameter_changes_no_fitted_model():
    X, y = rows(FRONT, FULL, END), np.arange(3.0)
    reg = RNNRegressor(padding="front", **SMALL).fit(X, y)
    before = reg.predict(X)
    assert_array_equal(reg.set_params(padding=None).predict(X), before)


def test_fits_with_other_padding_are_stored_apart(tmp_path):
    X, y = rows(FRONT, GAP, END, FULL), np.arange(4.0)
    params = {**SMALL, "standardize": False, "memory": str(tmp_path)}
    stored = [RNNRegressor(padding=p, **params).fit(X, y) for p in ("front", None)]
    fresh = [RNNRegressor(padding=p, **params) for p in ("front", None)]
    for ours, theirs in zip(stored, fresh, strict=True):
        theirs.set_params(memory=None).fit(X, y)
        assert_array_equal(ours.predict(X), theirs.predict(X))


def test_a_table_has_no_padding_and_says_so():
    X, y = np.eye(6), np.arange(6) % 2
    assert RNNClassifier(**SMALL).fit(X, y).padding_ is None
    message = r"padding='end' needs sequences.*X\[..., np.newaxis\].*2 dimensions"
    with pytest.raises(ValueError, match=message):
        RNNClassifier(padding="end", **SMALL).fit(X, y)
    with pytest.raises(ValueError, match="'padding' parameter"):
        RNNClassifier(padding="middle", **SMALL).fit(X[..., np.newaxis], y)


def test_a_convolution_sees_every_step():
    X, y = pulses()
    clf = CNNClassifier(random_state=0).fit(X[:400], y[:400])
    assert clf.score(X[400:], y[400:]) == 1.0
