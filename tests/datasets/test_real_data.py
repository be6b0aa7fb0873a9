"""Published facts of the data sets that no package has."""

import os
from pathlib import Path

import numpy as np
import pytest

from skrec.datasets import fetch_scanner, fetch_table, load_criteo, load_sequences

pytestmark = pytest.mark.real_data

FACTS = {
    "yogurt": {
        "shape": (2412, 11),
        "households": 100,
        "brands": {"dannon": 970, "yoplait": 818, "weight": 553, "hiland": 71},
        "test": 519,
        "copied": 0.848,
    },
    "catsup": {
        "shape": (2798, 15),
        "households": 300,
        "brands": {"heinz32": 1458, "heinz28": 851, "hunts32": 307, "heinz41": 182},
        "test": 674,
        "copied": 0.539,
    },
}


@pytest.mark.parametrize("name", sorted(FACTS))
def test_facts_of_a_panel(name):
    panel, facts = fetch_scanner(name), FACTS[name]
    again = panel.data["last_choice"].astype(str) == panel.target

    assert panel.data.shape == facts["shape"]
    assert panel.data["household"].nunique() == facts["households"]
    assert panel.data["last_choice"].isna().sum() == facts["households"]
    assert panel.groups.is_monotonic_increasing
    assert panel.target.value_counts().to_dict() == facts["brands"]
    assert panel.brands == sorted(facts["brands"])
    assert not panel.data.drop(columns="last_choice").isna().any(axis=None)
    assert panel.test.sum() == facts["test"]
    assert again[panel.test].mean() == pytest.approx(facts["copied"], abs=5e-4)


def test_first_rows_of_the_panels():
    yogurt, catsup = fetch_scanner("yogurt"), fetch_scanner("catsup")

    first = yogurt.data.iloc[0]
    assert first[["price.yoplait", "price.dannon"]].tolist() == [10.8, 8.1]
    assert yogurt.target.head(3).tolist() == ["weight", "dannon", "dannon"]
    assert catsup.data.loc[2, ["feat.heinz32", "price.heinz32"]].tolist() == [1, 2.5]
    assert catsup.target.head(3).tolist() == ["heinz28"] * 3


def test_facts_of_the_sample_of_criteo():
    sample = load_criteo(Path(os.environ["SKREC_DATA_MIRROR"], "criteo-8k"))

    assert sample.data.shape == (8000, 39)
    assert sample.target.mean() == pytest.approx(0.216, abs=0.0005)
    assert [file.name for file in sample.files] == ["train.csv", "dev.csv", "test.csv"]
    assert np.bincount(sample.part).tolist() == [7200, 409, 391]


@pytest.mark.parametrize(
    ("name", "users", "items", "events", "cold"),
    [
        ("amazon-beauty", 22_363, 12_101, 198_502, 138),
        ("lastfm", 1_090, 3_646, 52_551, 2),
    ],
)
def test_facts_of_sequences(name, users, items, events, cold):
    data = load_sequences(name).data
    from_last = data.groupby("user").cumcount(ascending=False)
    last, train = (data.loc[rows, "item"] for rows in (from_last == 0, from_last > 1))

    assert data["user"].nunique() == users
    assert data["item"].nunique() == items
    assert len(data) == events
    assert data["user"].value_counts().min() == 5
    assert not data.duplicated(["user", "item"]).any()
    assert (~last.isin(train)).sum() == cold


# Shape, categories, missing values; the mean of the target or the rows of its classes.
TABLES = {
    "Caravan": ((5822, 85), 0, 0, {"No": 5474, "Yes": 348}),
    "Computers": ((6259, 9), 3, 0, 2219.6),
    "CreditCard": ((1319, 11), 2, 0, {"yes": 1023, "no": 296}),
    "Hitters": ((263, 19), 3, 0, 535.9),
    "ames": ((2930, 73), 40, 0, 180796.1),
    "attrition": ((1470, 30), 14, 0, {"No": 1233, "Yes": 237}),
    "concrete": ((1030, 8), 0, 0, 35.8),
    "diamonds": ((53940, 9), 3, 0, 3932.8),
    "spam7": ((4601, 6), 0, 0, {"n": 2788, "y": 1813}),
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_facts_of_a_table(name):
    table = fetch_table(name)
    shape, n_categories, n_missing, target = TABLES[name]

    assert table.data.shape == shape
    assert len(table.data.select_dtypes("category").columns) == n_categories
    assert table.data.isna().sum().sum() == n_missing
    if isinstance(target, dict):
        assert table.target.value_counts().to_dict() == target
    else:
        assert table.target.mean() == pytest.approx(target, abs=0.05)
