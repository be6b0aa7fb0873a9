"""`early_stopping="auto"`: what nobody has asked for never fails."""

import numpy as np
import pandas as pd
import pytest

from skrec import MLPClassifier
from skrec.estimators import _fields
from skrec.estimators._held_out import split
from tests.estimators.tables import make

X = pd.DataFrame({"user": list("abc") * 20})
Y = np.array(["buy", "view"] * 30, dtype=object)


@pytest.fixture(autouse=True)
def few_rows_are_many(monkeypatch):
    monkeypatch.setattr(_fields, "EARLY_STOPPING_ROWS", 50)


@pytest.mark.parametrize("family", ["DeepFM", "MLP"])
def test_a_class_of_one_row_stays_among_the_rows_to_train_on(family):
    y = Y.copy()
    y[5] = "refund"
    params = {"early_stopping": "auto", "epochs": 1}
    model = make(family, **params).fit(X, y)
    assert model.classes_.tolist() == ["buy", "refund", "view"]
    assert "val_loss" in model.history_
    with pytest.raises(ValueError, match="early_stopping=True cannot set aside"):
        make(family, **{**params, "early_stopping": True}).fit(X, y)


def test_the_others_are_stratified_as_ever():
    y = np.array([0] * 80 + [1] * 19 + [2])
    train, held_out = split(y, None, 0.2, 0, True, "auto")
    assert sorted([*train, *held_out]) == list(range(100))
    assert 99 in train
    assert (y[held_out] == 1).sum() == 4
    many = np.repeat(np.arange(50), 2)  # more classes than rows to set aside
    assert len(split(many, None, 0.2, 0, True, "auto")[1]) == 20


def test_what_cannot_be_split_at_all_names_auto():
    with pytest.raises(ValueError, match="early_stopping='auto' cannot set aside"):
        split(np.array([0, 1]), None, 0.1, 0, True, "auto")


def test_mlp_stops_by_itself_where_its_sisters_do():
    assert MLPClassifier().early_stopping == "auto"
    many = make("MLP").fit(X, Y)
    few = make("MLP").fit(X[:50], Y[:50])
    assert ("val_loss" in many.history_, "val_loss" in few.history_) == (True, False)
