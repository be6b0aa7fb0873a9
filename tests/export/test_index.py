"""An index of items: the best ones by vectors of users, in ids of the shop's own."""

import json

import numpy as np
import pandas as pd
import pytest

from skrec.export import load_index, to_index, user_vectors
from skrec.recommenders import (
    ALSRecommender,
    BPRRecommender,
    EASERecommender,
    GRU4RecRecommender,
)
from tests.export.servers import python, without
from tests.night import by_day

MODELS = {
    "als": ALSRecommender(embedding_dim=4, random_state=0),
    "bias": BPRRecommender(embedding_dim=4, epochs=1, random_state=0),
    "sequences": GRU4RecRecommender(embedding_dim=4, epochs=1, random_state=0),
}


@pytest.fixture(scope="module")
def events():
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user": random.integers(0, 40, 600) + 2**60,
            "item": random.choice([f"item {k}" for k in range(30)], 600),
        }
    )


@pytest.mark.parametrize("name", by_day(MODELS, "als", "bias"))
def test_the_index_finds_what_recommend_says(name, events, tmp_path):
    model = MODELS[name].fit(events)
    users = model.users_[:7]

    to_index(model, tmp_path / "index")
    index = load_index(tmp_path / "index")
    vectors = user_vectors(model, users)
    items, scores = index.search(vectors)

    expected = model.recommend(users, exclude_seen=False)
    assert vectors.index.tolist() == users.tolist()
    assert items.ravel().tolist() == expected["item"].tolist()
    np.testing.assert_allclose(scores.ravel(), expected["score"], rtol=1e-5)
    assert index.recall == 1.0


def test_histories_and_users_of_whom_nothing_is_known(events, tmp_path):
    model = MODELS["als"].fit(events)
    to_index(model, tmp_path / "index")
    index = load_index(tmp_path / "index")
    history = pd.DataFrame({"user": [1, 1], "item": ["item 3", "item 5"]})

    items = index.search(user_vectors(model, history=history), n=100)[0]
    nothing = user_vectors(model, [5])

    expected = model.recommend([1], n=30, history=history, exclude_seen=False)
    assert items[0].tolist() == expected["item"].tolist()
    assert not nothing.to_numpy().any()


@pytest.fixture(scope="module")
def many():
    """A model of as many items as an index is for, with vectors drawn at random."""
    random = np.random.default_rng(0)
    n_items = 2000
    pairs = {"user": np.arange(n_items) % 300, "item": np.arange(n_items)}
    model = ALSRecommender(embedding_dim=16, epochs=1, random_state=0)
    model.fit(pd.DataFrame(pairs))
    model._item_factors = random.normal(size=(n_items, 16)).astype(np.float32)
    return model


def test_nearly_all_of_the_best_ten_are_found(many, tmp_path):
    to_index(many, tmp_path / "index", exact=False)
    index = load_index(tmp_path / "index")
    vectors = np.random.default_rng(1).normal(size=(500, 16))  # of other users

    found = index.search(vectors)[0]

    best = np.argsort(-(vectors @ index.vectors.T), axis=1)[:, :10]
    shared = (found[:, :, None] == index.items[best][:, None, :]).any(axis=1).mean()
    assert type(index.index).__name__ == "IndexHNSWFlat"
    assert index.recall >= 0.995
    assert shared >= 0.99


def test_where_no_part_is_enough_all_items_are_compared(many, tmp_path, monkeypatch):
    monkeypatch.setattr("skrec.export._build_index.ENOUGH", 1.1)

    to_index(many, tmp_path / "index", exact=False)

    assert type(load_index(tmp_path / "index").index).__name__ == "IndexFlatIP"


def test_what_cannot_be_indexed_or_asked_is_refused(events, tmp_path):
    with pytest.raises(TypeError, match="EASERecommender does not score by products"):
        to_index(EASERecommender().fit(events), tmp_path / "index")
    with pytest.raises(TypeError, match="recommender must be one of skrec's"):
        user_vectors(3)
    model = MODELS["als"].fit(events)
    to_index(model, tmp_path / "index")
    index = load_index(tmp_path / "index")
    with pytest.raises(ValueError, match=r"vectors must be of shape \(n_users, 4\)"):
        index.search(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="n must be at least 1"):
        index.search(np.zeros((2, 4)), n=0)


def test_files_that_do_not_fit_are_refused(events, tmp_path):
    folder = tmp_path / "index"
    with pytest.raises(FileNotFoundError, match="There is no index"):
        load_index(folder)
    to_index(MODELS["als"].fit(events), folder)
    items = json.loads((folder / "items.json").read_text())
    (folder / "items.json").write_text(json.dumps(items[1:]))
    with pytest.raises(ValueError, match="Received: 29 ids, 30 vectors, 30 in"):
        load_index(folder)
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({**about, "format": 2}))
    with pytest.raises(ValueError, match=r"Received: format 2\.$"):
        load_index(folder)


def test_an_index_is_read_without_tensorflow(events, tmp_path):
    to_index(MODELS["als"].fit(events), tmp_path / "index")
    code = "import sys\nfrom skrec.export import load_index\n"
    code += "print(load_index(sys.argv[1]).search([[1, 0, 0, 0]], n=3)[0].shape)"

    done = python(
        without(["tensorflow", "keras", "sklearn", "pandas"], code), tmp_path / "index"
    )

    assert (done.stdout, done.stderr) == ("(1, 3)\n", "")


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(
        ImportError, match=r'needs the package faiss: .*"skrec-keras.ann'
    ):
        load_index("index")
