"""Writes the files of today in `files`, which every later release has to read.

Run once a format, ``python -m tests.io.today``, and never again for an old one: files
of a new format get names of their own.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from skrec import DeepFMClassifier
from skrec.io import dump
from skrec.recommenders import ItemKNNRecommender

FILES = Path(__file__).parent / "files"
IDS = [f"shop-{k}" for k in range(6)]
ROWS = pd.DataFrame(
    {
        "user": [IDS[k % 6] for k in range(60)],
        "price": np.arange(60.0),
        "seen": [IDS[: k % 4] for k in range(60)],
    }
)
EVENTS = pd.DataFrame(
    {
        "user": [k % 5 for k in range(30)],
        "item": [IDS[(k % 5 + k // 10) % 6] for k in range(30)],
    }
)


def write():
    """Write both files, and print what the models in them answer."""
    y = np.where(np.arange(60) % 6 < 3, "buys", "leaves")
    sizes = {"embedding_dim": 2, "units": 3, "epochs": 3, "number_embedding": None}
    model = DeepFMClassifier(**sizes, random_state=0, early_stopping=False)
    dump(model.fit(ROWS, y), FILES / "table-1.skrec", metrics={"accuracy": 0.5})
    print(model.predict_proba(ROWS[:4])[:, 1].tolist())
    model = ItemKNNRecommender().fit(EVENTS)
    dump(model, FILES / "events-1.skrec")
    print(model.recommend([0, 1], n=3, exclude_seen=False)["score"].tolist())


if __name__ == "__main__":
    write()
