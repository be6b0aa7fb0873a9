"""Recommendations over HTTP: those of `recommend`, by ids of the shop's own."""

import httpx
import numpy as np
import pandas as pd
import pytest

from skrec.export import score, to_onnx
from skrec.recommenders import EASERecommender
from tests.export.servers import server


@pytest.fixture(scope="module")
def model():
    random = np.random.default_rng(0)
    events = {
        "user": random.integers(0, 30, 400) + 2**60,
        "item": random.choice([f"item {k}" for k in range(12)], 400),
    }
    return EASERecommender().fit(pd.DataFrame(events).drop_duplicates())


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "model.onnx"
    to_onnx(model, path, None)
    return path


@pytest.fixture(scope="module")
def client(path):
    with server(path) as address, httpx.Client(base_url=address) as client:
        yield client


def ranked(frame):
    return frame["item"].tolist(), frame["score"].tolist()


def answered(row):
    found = row["items"]
    return [one["item"] for one in found], [one["score"] for one in found]


@pytest.mark.parametrize("n", [3, 100])
@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.filterwarnings("ignore:.*get fewer than n=")
def test_a_user_gets_what_recommend_says(client, model, n, exclude_seen):
    user = int(model.users_[3])
    how = {"n": n, "exclude_seen": exclude_seen}

    row = client.post("/recommend", json={"user": user}, params=how).json()

    items, scores = ranked(model.recommend([user], **how))
    assert row["known"]
    assert answered(row)[0] == items
    np.testing.assert_allclose(answered(row)[1], scores, rtol=1e-5, atol=1e-6)


def test_histories_and_several_rows(client, model):
    history = pd.DataFrame({"user": [1, 1], "item": ["item 3", "item 5"]})
    rows = [
        {"history": ["item 3", "item 5"]},
        {"user": int(model.users_[0])},
        {"user": 5},
        {},
    ]

    found = client.post("/recommend", json=rows).json()

    assert [row["known"] for row in found] == [True, True, False, False]
    expected = ranked(model.recommend([1], history=history))[0]
    assert answered(found[0])[0] == expected
    popular = ranked(model.recommend([5]))[0]
    assert answered(found[2])[0] == answered(found[3])[0] == popular


@pytest.mark.parametrize(
    ("query", "row", "place"),
    [
        ({"n": 0}, {}, ["query", "n"]),
        ({"n": "many"}, {}, ["query", "n"]),
        ({"exclude_seen": "perhaps"}, {}, ["query", "exclude_seen"]),
        ({"candidates": "tea"}, {}, ["query", "candidates"]),
        ({}, {"user": "1"}, ["body", "user"]),
        ({}, {"history": "item 3"}, ["body", "history"]),
        ({}, {"item": "item 3"}, ["body", "item"]),
    ],
)
def test_what_is_wrong_is_named(client, query, row, place):
    response = client.post("/recommend", json=row, params=query)

    assert response.status_code == 422
    assert "model-digest" in response.headers
    assert [problem["loc"] for problem in response.json()["detail"]] == [place]


def test_rows_of_a_table_are_not_for_a_recommender(client, path):
    assert client.post("/predict", json={}).status_code == 404
    with pytest.raises(ValueError, match="the file holds a recommender"):
        score(path, pd.DataFrame({"user": [1]}))


def test_one_long_history_among_many_rows_changes_no_answer(client):
    rows = [{"history": [f"item {k % 12}"]} for k in range(300)]
    alone = client.post("/recommend", json=rows).json()
    long = {"history": ["item 1", "new"] * 2000}

    found = client.post("/recommend", json=[*rows[:7], long, *rows[7:]]).json()

    assert found[7] == client.post("/recommend", json=long).json()
    assert [answered(one)[0] for one in found[:7] + found[8:]] == [
        answered(one)[0] for one in alone
    ]


def test_an_answer_that_would_fill_the_memory_is_refused(client):
    response = client.post("/recommend", json=[{}] * 100_000, params={"n": 2**31})

    assert response.status_code == 422
    assert "send fewer rows at a time" in response.json()["detail"][0]["msg"]
