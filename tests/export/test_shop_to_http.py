"""From a shop's rows to an answer over HTTP, through four processes that agree."""

import json

import numpy as np
import pytest

from skrec.datasets import fetch_movielens
from tests.export.servers import BLOCKED, python, server, without
from tests.fresh import run_fresh

TRAIN = """
import sys
import numpy as np, pandas as pd
import skrec.io
from skrec import DeepFMClassifier

folder = sys.argv[1]
rows = pd.read_pickle(folder + "/train.pkl")
model = DeepFMClassifier(epochs=2, random_state=0)
model.fit(rows.drop(columns="clicked"), rows["clicked"])
skrec.io.dump(model, folder + "/model.skrec")
np.save(folder + "/one.npy", model.predict_proba(pd.read_pickle(folder + "/new.pkl")))
"""
# Knows neither the class nor the columns.
EXPORT = """
import sys
import numpy as np, pandas as pd
import skrec.io
from skrec.export import to_onnx

folder = sys.argv[1]
new = pd.read_pickle(folder + "/new.pkl")
model = skrec.io.load(folder + "/model.skrec")
np.save(folder + "/two.npy", model.predict_proba(new))
to_onnx(model, folder + "/model.onnx", verify=new)
"""
# Python alone.
ASK = """
import json, sys, urllib.request

address, folder = sys.argv[1:]
body = open(folder + "/new.json", "rb").read()
request = urllib.request.Request(address + "/predict", body)
print(urllib.request.urlopen(request).read().decode())
"""


@pytest.fixture
def made_clicks(made_data):
    return fetch_movielens(task="click")


@pytest.fixture
def real_clicks():
    return fetch_movielens(task="click")


# By day, test_serve.py asks a server, test_score.py a process without TensorFlow.
@pytest.mark.nightly
@pytest.mark.parametrize(
    "clicks",
    ["made_clicks", pytest.param("real_clicks", marks=pytest.mark.real_data)],
)
def test_four_processes_agree(clicks, request, tmp_path):
    clicks = request.getfixturevalue(clicks)
    X = clicks.data.assign(item_id=clicks.data["item_id"].astype(str))
    new = X.tail(200).copy()
    new.loc[new.index[0], "item_id"] = "a film of tomorrow"
    X.assign(clicked=clicks.target).iloc[:-200].to_pickle(tmp_path / "train.pkl")
    new.to_pickle(tmp_path / "new.pkl")
    new.to_json(tmp_path / "new.json", orient="records")

    run_fresh(TRAIN, tmp_path)
    run_fresh(EXPORT, tmp_path)
    with server(tmp_path / "model.onnx") as address:
        asked = python(without([*BLOCKED, "numpy"], ASK), address, tmp_path)
    answers = [row["probabilities"] for row in json.loads(asked.stdout)]
    trained, loaded = (np.load(tmp_path / f"{k}.npy") for k in ("one", "two"))
    np.testing.assert_array_equal(trained, loaded)
    np.testing.assert_allclose(answers, loaded, atol=1e-6)
    assert trained[:, 1].std() > 0.01
