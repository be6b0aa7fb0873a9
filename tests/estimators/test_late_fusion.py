"""Late fusion: labels that need two modalities, groups, padding, modality dropout."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrec import LateFusionClassifier, LateFusionRegressor
from tests.night import by_day
from tests.plain import STEPS

FAST = {
    **STEPS,
    "embedding_l2": 1e-5,
    "units": 16,
    "branch_units": 8,
    "embedding_dim": 4,
    "learning_rate": 0.01,
    "batch_size": 32,
    "epochs": 25,
    "random_state": 0,
}
# Recurrent ones by day, which padding is harder on.
BRANCHES = ["rnn", pytest.param("cnn", marks=pytest.mark.nightly)]


def shop(n_rows=500, seed=0):
    """Draw products whose photo, kind and text are all needed to tell what is liked."""
    rng = np.random.default_rng(seed)
    bright = rng.choice([-1.0, 1.0], n_rows)
    kind = rng.choice(["bag", "hat"], n_rows)
    photos = bright[:, None, None, None] + rng.normal(size=(n_rows, 5, 4, 2))
    X = pd.DataFrame({"kind": kind, "price": rng.normal(10, 3, n_rows)})
    X["photo"] = list(photos)
    X["text"] = list(rng.normal(size=(n_rows, 6)))
    return X, (bright > 0) != (kind == "bag")


@pytest.fixture(scope="module")
def products():
    return shop()


@pytest.fixture(scope="module")
def clf(products):
    X, y = products
    return LateFusionClassifier(**FAST).fit(X[:400], y[:400])


# ---- what it learns ------------------------------------------------------------------


@pytest.mark.parametrize("fusion", by_day(["concat", "sum", "gated"], "gated"))
def test_two_modalities_tell_what_neither_does_alone(products, fusion):
    X, y = products
    clf = LateFusionClassifier(fusion=fusion, **FAST).fit(X[:400], y[:400])
    assert clf.score(X[400:], y[400:]) > 0.9


@pytest.mark.parametrize(
    "columns", [pytest.param(["kind", "price"], marks=pytest.mark.nightly), ["photo"]]
)
def test_one_modality_alone_tells_nothing(products, columns):
    X, y = products
    clf = LateFusionClassifier(**FAST).fit(X[columns][:400], y[:400])
    assert clf.score(X[columns][400:], y[400:]) < 0.65


# By day, padding of sequences changes nothing, below.
@pytest.mark.nightly
@pytest.mark.parametrize("sequence_branch", BRANCHES)
def test_sequences_of_vectors_and_several_classes(sequence_branch):
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(400, 6, 2))
    steps[np.arange(6) < rng.integers(0, 5, 400)[:, None]] = 0  # padding in front
    height = steps[:, :, 0].max(axis=1)
    kind = rng.choice(["a", "b"], 400)
    y = np.where(height < 0.8, "low", np.where(kind == "a", "left", "right"))
    X = pd.DataFrame({"kind": kind, "steps": list(steps)})
    clf = LateFusionClassifier(sequence_branch=sequence_branch, **FAST)
    clf.fit(X[:300], y[:300])
    assert clf.predict_proba(X[:3]).shape == (3, 3)
    assert clf.score(X[300:], y[300:]) > 0.8


@pytest.mark.parametrize("sequence_branch", BRANCHES)
def test_padding_does_not_change_what_is_read(sequence_branch):
    """Six steps, or the same six with four more of zeros, give the same network."""
    rng = np.random.default_rng(0)
    short = rng.normal(3, 2, size=(120, 6, 2))
    long = np.concatenate([np.zeros((120, 4, 2)), short], axis=1)
    y = short[:, :, 0].mean(axis=1)
    options = {**FAST, "epochs": 2, "sequence_branch": sequence_branch}
    expected, predicted = (
        LateFusionRegressor(**options)
        .fit(pd.DataFrame({"steps": list(steps)}), y)
        .predict(pd.DataFrame({"steps": list(steps)}))
        for steps in (short, long)
    )
    np.testing.assert_allclose(predicted, expected, rtol=1e-3)


@pytest.mark.nightly
def test_regression(products):
    X, y = products
    target = 5 * y + X["price"] + np.stack(X["text"])[:, 0]
    reg = LateFusionRegressor(**FAST).fit(X[:400], target[:400])
    assert reg.score(X[400:], target[400:]) > 0.85


@pytest.mark.nightly
def test_a_plain_array_of_numbers():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = X[:, 0] * X[:, 3] > 0
    clf = LateFusionClassifier(groups=[[0, 1], [3, 2]], **FAST).fit(X[:300], y[:300])
    assert clf.score(X[300:], y[300:]) > 0.85
    alone = LateFusionClassifier(groups=[[0, 1, 2, 3]], **FAST).fit(X, y)
    whole = LateFusionClassifier(**FAST).fit(X, y)
    np.testing.assert_array_equal(alone.predict_proba(X), whole.predict_proba(X))


# ---- groups --------------------------------------------------------------------------


def test_groups_by_name_and_by_position_are_the_same(products):
    X, y = products
    X = X.assign(
        weight=np.where(np.arange(len(X)) % 3, 1.0 * np.arange(len(X)), np.nan)
    )
    options = {**FAST, "epochs": 2}
    groups = {"shop": ["price", "kind"], "post": ["weight"], "seen": ["text", "photo"]}
    named = LateFusionClassifier(groups=groups, **options).fit(X, y)
    listed = LateFusionClassifier(groups=[[0, 1], [4], [2, 3]], **options).fit(X, y)
    np.testing.assert_array_equal(named.predict_proba(X), listed.predict_proba(X))
    # What says where a weight is missing is in the branch of the weight.
    shop, post, seen = named._field_groups()
    assert (shop.ids, shop.numbers, shop.arrays) == ((0,), (0,), ())
    assert (post.ids, post.numbers, post.arrays) == ((), (1, 2), ())
    assert (seen.ids, seen.numbers, seen.arrays) == ((), (), (0, 1))


def test_without_groups_each_array_has_a_branch_of_its_own(products, clf):
    X, y = products
    groups = [["kind", "price"], "photo", "text"]
    same = LateFusionClassifier(groups=groups, **FAST).fit(X[:400], y[:400])
    np.testing.assert_array_equal(same.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a": ["kind", "price"], "b": ["photo"]}, r"add \['text'\] to a group"),
        (
            {"a": ["kind", "price"], "b": ["photo", "text", "kind"]},
            "'kind' is in two: 'a' and 'b'",
        ),
        (
            {"a": ["kind", "price", "colour"], "b": ["photo", "text"]},
            r"groups\['a'\] must name columns of X.*'colour'",
        ),
        ([[0, 1], [2, 3, 4]], r"groups\[1\] must name columns of X.*no column 4"),
        ({"a": [0, 1, 2, 3], "b": []}, r"groups\['b'\] must name at least one column"),
        ([], r"add \['kind', 'price', 'photo', 'text'\] to a group"),
    ],
)
def test_groups_that_cannot_be_meant(products, groups, message):
    X, y = products
    with pytest.raises(ValueError, match=message):
        LateFusionClassifier(groups=groups).fit(X, y)


# ---- modality dropout ----------------------------------------------------------------


def test_modality_dropout_has_a_rate_of_its_own(products):
    X, y = products
    options = {**FAST, "epochs": 3, "batch_size": None, "learning_rate": 1e-9}
    options["unknown_share"] = 0.0  # another source of randomness
    losses = {
        (dropout, modality_dropout): LateFusionClassifier(
            **{**options, "dropout": dropout, "modality_dropout": modality_dropout}
        )
        .fit(X, y)
        .history_["loss"]
        for dropout in (0.0, 0.5)
        for modality_dropout in (0.0, 0.5)
    }
    # Without dropout the loss hardly moves at this rate; with either, it is random.
    spread = {key: np.ptp(loss) for key, loss in losses.items()}
    assert spread.pop((0.0, 0.0)) < 1e-5
    assert min(spread.values()) > 1e-4
    assert len({loss[0] for loss in losses.values()}) == 4


def test_a_rate_near_one_leaves_only_the_last_layers_to_learn(products):
    """Branches that are dropped nearly always cannot tell anything."""
    X, y = products
    clf = LateFusionClassifier(modality_dropout=0.999, **FAST).fit(X[:400], y[:400])
    assert clf.score(X[400:], y[400:]) < 0.7


def test_modality_dropout_is_repeatable_and_off_in_predict(products):
    X, y = products
    first = LateFusionClassifier(modality_dropout=0.3, **FAST).fit(X[:400], y[:400])
    second = clone(first).fit(X[:400], y[:400])
    expected = first.predict_proba(X)
    np.testing.assert_array_equal(second.predict_proba(X), expected)
    np.testing.assert_array_equal(first.predict_proba(X), expected)
    assert first.score(X[400:], y[400:]) > 0.85


def test_rates_need_no_new_trace(products):
    X, y = products
    options = {**FAST, "epochs": 1, "modality_dropout": 0.1}
    LateFusionClassifier(**options).fit(X, y)
    options |= {"modality_dropout": 0.2, "dropout": 0.3}
    clf = LateFusionClassifier(**options).fit(X, y)
    with clf._lease() as program:
        assert program.n_traces == 1


# ---- files and searches --------------------------------------------------------------


def test_pickle_and_saved_model_predict_the_same(products, clf, tmp_path):
    X, _ = products
    expected = clf.predict_proba(X[:20])
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict_proba(X[:20]), expected)
    copy.model_.save(tmp_path / "late_fusion.keras")
    loaded = keras.models.load_model(tmp_path / "late_fusion.keras")
    encoded = copy.encoder_.transform(X[:20])
    np.testing.assert_allclose(
        loaded.predict(encoded, verbose=0).ravel(), expected[:, 1], rtol=1e-4
    )


@pytest.mark.nightly
def test_search_over_fusion_and_modality_dropout(products):
    X, y = products
    grid = {"fusion": ["concat", "gated"], "modality_dropout": [0.0, 0.99]}
    search = GridSearchCV(LateFusionClassifier(**FAST), grid, cv=2).fit(X, y)
    assert search.best_params_["modality_dropout"] == 0.0
    assert search.best_score_ > 0.85
