"""`early_stopping="auto"`: from 100 rows on, in every family, and it never fails."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate

from skrec import CNNClassifier, MLPClassifier, MLPRegressor, RNNClassifier
from skrec.estimators import _prepared
from skrec.estimators._held_out import split
from tests.estimators.tables import FAMILIES, columns_of, make, make_table, make_target
from tests.night import by_day

X = pd.DataFrame({"user": list("abc") * 40})
Y = np.array(["buy", "view"] * 60, dtype=object)
TABLE = make_table(100)
TARGET = make_target(TABLE)
IMAGES = np.random.default_rng(0).normal(size=(100, 4, 4, 1)).astype("float32")
SEQUENCES = IMAGES[..., 0]
ONCE = {"epochs": 1, "random_state": 0}
AUTO = {"early_stopping": "auto", "epochs": 1}
CASES = {
    **{name: (make(name, **AUTO), TABLE[columns_of(name)]) for name in FAMILIES},
    "MLPRegressor": (MLPRegressor(4, **ONCE), TABLE),
    "MLP, images": (MLPClassifier(4, **ONCE), IMAGES),
    "CNN, images": (CNNClassifier(2, units=2, **ONCE), IMAGES),
    "CNN, sequences": (CNNClassifier(2, units=2, **ONCE), SEQUENCES),
    "RNN": (RNNClassifier(units=2, **ONCE), SEQUENCES),
}
BY_DAY = ("CNN, images",)


@pytest.fixture
def splits(monkeypatch):
    """Collect how many rows each split leaves, and how many it sets aside."""
    sizes = []

    def counted(*args):
        parts = split(*args)
        sizes.append(tuple(map(len, parts)))
        return parts

    monkeypatch.setattr(_prepared, "split", counted)
    return sizes


# ---- from 100 rows on ----------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_auto_is_the_default_of_every_family(name):
    model, _ = CASES[name]
    assert type(model)().early_stopping == "auto"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in BY_DAY else pytest.mark.nightly)
        for name in CASES
    ],
)
def test_every_family_stops_early_from_100_rows_on(name, splits):
    model, rows = CASES[name]
    few = clone(model).fit(rows[:99], TARGET[:99])
    assert few.auto_params_["early_stopping"] is False
    assert "val_loss" not in few.history_
    assert splits == []
    many = clone(model).fit(rows, TARGET)
    assert many.auto_params_["early_stopping"] is True
    assert len(many.history_["val_loss"]) == 1
    assert splits == [(90, 10)]


@pytest.mark.parametrize(("n_without", "stops"), [(20, True), (21, False)])
def test_rows_without_weight_do_not_count(n_without, stops, splits):
    weight = np.ones(120)
    weight[:n_without] = 0.0
    model = make("MLP", **AUTO).fit(X, Y, weight)
    assert model.auto_params_["early_stopping"] is stops
    assert splits == ([(90, 10)] if stops else [])


def test_what_is_asked_for_is_done_with_any_number_of_rows(splits):
    few = make("MLP", epochs=1, early_stopping=True).fit(X[:20], Y[:20])
    many = make("MLP", epochs=1, early_stopping=False).fit(X, Y)
    assert ("val_loss" in few.history_, "val_loss" in many.history_) == (True, False)
    assert splits == [(18, 2)]
    for model in (few, many):
        assert "early_stopping" not in model.auto_params_


# ---- with validation samples ---------------------------------------------------------


@pytest.mark.parametrize("n_rows", [40, 120])
def test_validation_samples_decide_whatever_the_number_of_rows(n_rows, splits):
    # Classes at random: from the start on, all that is learnt makes it worse.
    y = np.random.default_rng(1).permutation(Y)
    own = {"epochs": 30, "learning_rate": 0.3, "n_iter_no_change": 2}
    validation = {"X_val": X[:30], "y_val": y[-30:]}
    auto, by_hand, without = (
        make("MLP", **own, early_stopping=stops).fit(
            X[:n_rows], y[:n_rows], **validation
        )
        for stops in ("auto", True, False)
    )
    assert splits == []  # all rows are trained on
    assert auto.auto_params_["early_stopping"] is True
    assert auto.n_iter_ < 30
    assert auto.history_ == by_hand.history_
    np.testing.assert_array_equal(auto.predict_proba(X), by_hand.predict_proba(X))
    assert len(without.history_["val_loss"]) == without.n_iter_ == 30


# ---- one rule for all fits -----------------------------------------------------------


@pytest.mark.parametrize(("n_rows", "stops"), [(99, False), (100, True)])
def test_a_fold_is_trained_as_a_fit_on_its_rows(n_rows, stops):
    rows = pd.concat([X, X], ignore_index=True)[: 2 * n_rows]
    y = np.concatenate([Y, Y])[: 2 * n_rows]
    model, cv = make("MLP", **AUTO), KFold(2)
    folds = cross_validate(model, rows, y, cv=cv, return_estimator=True)["estimator"]
    for (train, _), fold in zip(cv.split(rows), folds, strict=True):
        assert len(train) == n_rows
        alone = clone(model).fit(rows.iloc[train], y[train])
        assert fold.auto_params_ == alone.auto_params_
        assert fold.auto_params_["early_stopping"] is stops
        np.testing.assert_array_equal(
            fold.predict_proba(rows), alone.predict_proba(rows)
        )
    search = GridSearchCV(model, {"l2": [0.0]}, cv=cv).fit(rows, y)
    assert search.best_estimator_.auto_params_["early_stopping"] is True


def test_a_part_of_a_stream_sets_nothing_aside(splits):
    model = make("MLP", **AUTO).partial_fit(X, Y)
    assert model.auto_params_["early_stopping"] is False
    assert splits == []
    # With a fit, the rule is that of all its rows again.
    assert model.fit(X, Y).auto_params_["early_stopping"] is True


def test_auto_params_hold_what_is_auto_and_nothing_else():
    model = MLPClassifier(4, epochs=1, random_state=0).fit(TABLE, TARGET)
    assert model.auto_params_ == {
        "batch_size": 100,
        "early_stopping": True,
        "n_iter_no_change": 640,
        "embedding_l2": 1e-4,
        "l2": 0.01,
        "number_embedding": "periodic",
    }
    assert model.n_iter_ == 1
    model.set_params(**model.auto_params_).fit(TABLE, TARGET)
    assert model.auto_params_ == {}
    assert not hasattr(clone(model), "auto_params_")


# ---- what nobody has asked for never fails -------------------------------------------


@pytest.mark.parametrize("family", by_day(["DeepFM", "MLP"], "MLP"))
def test_a_class_of_one_row_stays_among_the_rows_to_train_on(family):
    y = Y.copy()
    y[5] = "refund"
    model = make(family, **AUTO).fit(X, y)
    assert model.classes_.tolist() == ["buy", "refund", "view"]
    assert "val_loss" in model.history_
    with pytest.raises(ValueError, match="early_stopping=True cannot set aside"):
        make(family, epochs=1, early_stopping=True).fit(X, y)


def test_the_others_are_stratified_as_ever():
    y = np.array([0] * 80 + [1] * 19 + [2])
    train, held_out = split(y, None, 0.2, 0, True, "auto")
    assert sorted([*train, *held_out]) == list(range(100))
    assert 99 in train
    assert (y[held_out] == 1).sum() == 4
    many = np.repeat(np.arange(50), 2)  # more classes than rows to set aside
    assert len(split(many, None, 0.2, 0, True, "auto")[1]) == 20


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_a_class_for_each_row_trains_all_the_same():
    # Each class is of one row, but for one of two: too few to be set aside.
    y = np.arange(100)
    y[1] = 0
    model = make("MLP", **AUTO).fit(X[:100], y)
    assert len(model.classes_) == 99


def test_what_cannot_be_split_at_all_names_auto():
    with pytest.raises(ValueError, match="early_stopping='auto' cannot set aside"):
        split(np.array([0]), None, 0.1, 0, True, "auto")


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_classes_of_one_row_each_do_not_stop_a_fit_that_nobody_asked_to_stop():
    X = np.arange(100.0)[:, None]
    clf = MLPClassifier(2, epochs=1, random_state=0).fit(X, np.arange(100))
    assert len(clf.history_["val_loss"]) == 1
