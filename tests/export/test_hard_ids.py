"""Ids that formats take for something else: `predict` is the judge of all ways in."""

import json

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from skrec import DeepFMClassifier
from skrec.export import make_app, score, to_onnx
from skrec.recommenders import PopularRecommender

LOWEST = -(2**63)
HARD = {
    "texts": (
        ["a", "a\0", "\0", "", "a\0b"],
        ["a\0\0", "b\0", "<missing>", "<padding>", "\ud800"],
    ),
    "sentinels": (
        ["<missing>", "<unknown>", "b"],
        ["<padding>", "<missing>_", "<unknown>_", None],
    ),
    "integers": ([5, LOWEST, 7], [LOWEST + 1, LOWEST + 2, LOWEST + 3]),
    "others": ([5, 6, 7], [LOWEST, LOWEST + 1, LOWEST + 2]),
}


def table(ids):
    lists = [[one, ids[0]] for one in ids]
    columns = {"id": ids, "before": lists}
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})


@pytest.mark.nightly
@pytest.mark.parametrize(("known", "new"), HARD.values(), ids=HARD)
def test_score_and_http_read_ids_as_predict_does(known, new, tmp_path):
    rows, path = table(known * 4), tmp_path / "model.onnx"
    labels = np.array(["no\0", "no"], dtype=object)[np.arange(len(rows)) % 3 % 2]
    model = DeepFMClassifier(epochs=4, learning_rate=0.02, random_state=0)
    model.fit(rows, labels)
    to_onnx(model, path, verify=None)
    asked = table([*known, *new])

    found = score(path, asked)
    body = json.dumps(asked.to_dict("records"))
    answers = TestClient(make_app(path)).post("/predict", content=body)

    expected, predicted = model.predict_proba(asked), model.predict(asked).tolist()
    assert len({*expected[:, 0].round(3)}) > 2
    np.testing.assert_allclose(found.iloc[:, 1:], expected, atol=1e-5)
    assert found["label"].tolist() == predicted
    served = pd.DataFrame(answers.json())
    np.testing.assert_allclose(served["probabilities"].tolist(), expected, atol=1e-5)
    assert served["label"].tolist() == predicted


def test_a_recommender_returns_ids_that_end_in_nul(tmp_path):
    events = pd.DataFrame({"user": list("uuuvvw"), "item": ["a\0", "a", "\0"] * 2})
    events["item"] = events["item"].astype(object)
    model, path = PopularRecommender().fit(events), tmp_path / "model.onnx"
    to_onnx(model, path, verify=None)

    asked = {"user": "u", "history": ["a\0"]}
    found = TestClient(make_app(path)).post("/recommend", json=asked).json()

    assert sorted(one["item"] for one in found["items"]) == ["\0", "a"]


def test_half_a_character_that_a_model_knows_is_refused_at_export(tmp_path):
    rows = table(["a", "\ud800", "b", "c"])[["id"]]
    model = DeepFMClassifier(epochs=1, random_state=0).fit(rows, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"UTF-8.* Received: '\\ud800'\.$"):
        to_onnx(model, tmp_path / "model.onnx", verify=None)
