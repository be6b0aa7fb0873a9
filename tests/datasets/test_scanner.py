"""fetch_scanner: published facts, nothing of the future in a row, and the test part."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import _scanner, fetch_scanner

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


@pytest.fixture(scope="module", params=sorted(FACTS))
def panel(request):
    bunch = fetch_scanner(request.param)
    bunch["facts"] = FACTS[request.param]
    return bunch


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Replace yogurt by two households, which are at a file:// address alone."""
    rows = ["1,7,1,2.5,a", "2,7,0,3.5,b", "3,7,0,3.5,b", "4,9,0,1.5,a"]
    content = ("rownames,id,feat.a,price.a,choice\n" + "\n".join(rows)).encode()
    folder = tmp_path / "official"
    folder.mkdir()
    (folder / "Yogurt.csv").write_bytes(content)
    digests = {"Yogurt.csv": hashlib.sha256(content).hexdigest()}
    monkeypatch.setitem(_scanner.PANELS, "yogurt", digests)
    monkeypatch.setattr(_scanner, "URL", folder.as_uri())
    monkeypatch.delenv("SKREC_DATA_MIRROR", raising=False)
    return tmp_path / "home"


def test_known_facts(panel):
    facts = panel.facts

    assert panel.data.shape == facts["shape"]
    assert panel.data["household"].nunique() == facts["households"]
    assert panel.target.value_counts().to_dict() == facts["brands"]
    assert panel.brands == sorted(facts["brands"])
    assert panel.data["last_choice"].isna().sum() == facts["households"]


def test_columns_say_which_field_they_are(panel):
    data = panel.data
    shelf = data.columns[1:-2]

    assert data.columns[[0, -2, -1]].tolist() == ["household", "last_choice", "history"]
    assert isinstance(data["household"].dtype, pd.CategoricalDtype)
    assert isinstance(data["last_choice"].dtype, pd.CategoricalDtype)
    assert data["last_choice"].cat.categories.tolist() == panel.brands
    assert set(shelf.str.split(".").str[1]) == set(panel.brands)
    assert (data.filter(like="price.").dtypes == "float64").all()
    flags = data[[name for name in shelf if not name.startswith("price.")]]
    assert np.isin(flags, [0, 1]).all()
    assert not data[shelf].isna().any(axis=None)


def test_households_come_one_after_another(panel):
    assert panel.groups.is_monotonic_increasing
    assert panel.groups.tolist() == panel.data["household"].tolist()
    assert panel.data.index.equals(pd.RangeIndex(len(panel.data)))
    assert panel.target.index.equals(panel.data.index)


def test_past_holds_what_came_before_and_nothing_else(panel):
    past = {}
    for row, household, choice in zip(
        panel.data.itertuples(), panel.groups, panel.target, strict=True
    ):
        own = past.setdefault(household, [])
        assert row.history == own
        assert row.last_choice == own[-1] if own else pd.isna(row.last_choice)
        own.append(choice)


def test_last_fifth_of_each_household(panel):
    assert panel.test.dtype == bool
    assert panel.test.sum() == panel.facts["test"]
    for _, own in pd.Series(panel.test).groupby(panel.groups):
        n_test = -(-len(own) // 5)
        assert own.tolist() == [False] * (len(own) - n_test) + [True] * n_test


def test_copy_of_the_last_choice_scores_as_published(panel):
    again = panel.data["last_choice"].astype(str) == panel.target

    assert again[panel.test].mean() == pytest.approx(panel.facts["copied"], abs=5e-4)


def test_first_rows():
    yogurt, catsup = fetch_scanner("yogurt"), fetch_scanner("catsup")

    first = yogurt.data.iloc[0]
    assert first[["price.yoplait", "price.dannon"]].tolist() == [10.8, 8.1]
    assert yogurt.target.head(3).tolist() == ["weight", "dannon", "dannon"]
    assert catsup.data.loc[2, ["feat.heinz32", "price.heinz32"]].tolist() == [1, 2.5]
    assert catsup.target.head(3).tolist() == ["heinz28"] * 3


def test_download_is_kept_in_the_cache(small):
    downloaded = fetch_scanner("yogurt", data_home=small)
    cached = fetch_scanner("yogurt", data_home=small, download_if_missing=False)

    assert downloaded.source == _scanner.URL
    assert cached.source == f"cache {small / 'ecdat-scanner'}"
    pd.testing.assert_frame_equal(downloaded.data, cached.data)
    assert cached.data["history"].tolist() == [[], ["a"], ["a", "b"], []]
    assert cached.test.tolist() == [False, False, True, True]


def test_altered_download_is_refused(small, monkeypatch):
    (small.parent / "official" / "Yogurt.csv").write_bytes(b"rownames,id\n")

    with (
        pytest.warns(UserWarning, match="damaged or altered"),
        pytest.raises(OSError, match="ecdat-scanner could not be found"),
    ):
        fetch_scanner("yogurt", data_home=small)


def test_no_place_has_the_file(small):
    with pytest.raises(OSError, match=r"Put Yogurt\.csv into .*ecdat-scanner"):
        fetch_scanner("yogurt", data_home=small, download_if_missing=False)


def test_other_panels_are_refused():
    with pytest.raises(ValueError, match=r"'name' .* \{.*'catsup'.*\}. Got 'tuna'"):
        fetch_scanner("tuna")


def test_description_has_terms_and_citation(panel):
    assert "free to re-distribute" in panel.DESCR
    assert "https://doi.org/10.1080/07350015.1994.10524547" in panel.DESCR
