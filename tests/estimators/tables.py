"""A small table with every kind of column, and each family as it reads it."""

import numpy as np
import pandas as pd

import skrec
from tests.plain import STEPS

N_ROWS = 240
SMALL = {
    **STEPS,
    "epochs": 3,
    "batch_size": 64,
    "learning_rate": 0.01,
    "embedding_l2": 1e-5,
    "l2": 0.0,
    "random_state": 0,
}
TOWER = {"units": 8, "embedding_dim": 4}
PAIR = {"shared_embeddings": [("item", "browsed")]}
# Parameters of a small network, and what of them only this family has.
FAMILIES = {
    "MLP": TOWER,
    "WideDeep": TOWER,
    "FM": {"embedding_dim": 4},
    "AutoInt": {"attention_layers": 1, "attention_dim": 8, "embedding_dim": 4},
    "DeepFM": TOWER,
    "DCN": {**TOWER, "cross_layers": 1},
    "DIN": {**TOWER, **PAIR, "attention_units": 4, "activation": "relu"},
    "DIEN": {**TOWER, **PAIR, "activation": "relu"},
    "NeuMF": {"num_factors": 4, "units": "8-4"},
    "LateFusion": {**TOWER, "branch_units": 4},
}


def make_table(n_rows=N_ROWS, seed=0):
    """Draw a table: strings, categories, booleans, numbers with holes, and lists."""
    rng = np.random.default_rng(seed)
    users, items = [f"u{i}" for i in range(9)], [f"i{i}" for i in range(12)]
    price = rng.normal(20, 5, size=n_rows)
    price[::11] = np.nan
    return pd.DataFrame(
        {
            "user": pd.Categorical(rng.choice(users, n_rows), categories=users),
            "item": rng.choice(items, n_rows),
            "price": price,
            "premium": rng.random(n_rows) < 0.5,
            "browsed": [
                rng.choice(items, rng.integers(0, 6)).tolist() for _ in range(n_rows)
            ],
        }
    )


def make_target(table, n_classes=2):
    """Draw classes that depend on the user and the item."""
    code = table["user"].cat.codes + table["item"].str[1:].astype(int)
    return (code % n_classes).to_numpy()


def make(family, kind="Classifier", **params):
    """Return an estimator of a family that trains in no time."""
    cls = getattr(skrec, family + kind)
    return cls(**{**SMALL, **FAMILIES[family], **params})


def columns_of(family):
    """Return the columns that a family takes."""
    every = ["user", "item", "price", "premium", "browsed"]
    return every[:2] if family == "NeuMF" else every
