"""What goes with a basket: bread with butter, tea with milk."""

import numpy as np
import pandas as pd
import pytest

from skrec.recommenders import (
    ALSRecommender,
    EASERecommender,
    ItemKNNRecommender,
    SASRecRecommender,
)
from tests.night import by_day

PAIRS = [("bread", "butter"), ("tea", "milk"), ("nails", "hammer"), ("pen", "paper")]


def baskets(n=120, seed=0):
    """Each basket holds two pairs, in any order, and now and then a candle."""
    rng = np.random.default_rng(seed)
    rows = []
    for basket in range(n):
        chosen = rng.permutation(len(PAIRS))[:2]
        items = [item for pair in chosen for item in rng.permutation(PAIRS[pair])]
        items += ["candle"] if rng.random() < 0.3 else []
        rows += [(f"b{basket}", item) for item in items]
    return pd.DataFrame(rows, columns=["basket", "product"])


MODELS = [
    ItemKNNRecommender(),
    EASERecommender(l2=10),
    ALSRecommender(embedding_dim=8, random_state=0),
    SASRecRecommender(
        units=16,
        dropout=0.6,
        learning_rate=0.01,
        batch_size=32,
        epochs=30,
        early_stopping=False,
        random_state=0,
    ),
]


NAMED = [pytest.param(model, id=type(model).__name__) for model in MODELS]


@pytest.fixture(
    scope="module",
    params=by_day(NAMED, "ItemKNNRecommender", "EASERecommender", "ALSRecommender"),
)
def model(request):
    return request.param.fit(baskets())


def test_butter_is_similar_to_bread(model):
    assert model.similar_items(["bread"], n=1)["similar"].tolist() == ["butter"]
    assert model.similar_items(["butter"], n=1)["similar"].tolist() == ["bread"]


@pytest.mark.parametrize("model", MODELS[:3], ids=lambda model: type(model).__name__)
def test_what_is_bought_together_is_similar(model):
    items = [item for pair in PAIRS for item in pair]
    found = model.fit(baskets()).similar_items(items, n=1)
    others = [item for pair in PAIRS for item in pair[::-1]]
    assert found["similar"].tolist() == others


def test_a_basket_that_lacks_one_is_told_so(model):
    basket = pd.DataFrame({"basket": ["now"] * 3, "product": ["tea", "milk", "bread"]})
    assert model.recommend(history=basket, n=1)["product"].tolist() == ["butter"]
    in_stock = ["candle", "paper", "butter", "tea"]
    found = model.recommend(history=basket, n=2, candidates=in_stock)
    assert found["product"].iloc[0] == "butter"
    assert "tea" not in set(found["product"])  # it is in the basket
