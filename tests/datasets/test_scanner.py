"""fetch_scanner: what the file says, nothing of the future in a row, the test part."""

import csv
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import _scanner, fetch_scanner
from tests.datasets.made import digests_of, serve


def read(file):
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def facts_of(rows):
    """Count in plain Python what the loader must find."""
    bought = {}  # of each household, in order
    for row in rows:
        bought.setdefault(row["id"], []).append(row["choice"])
    late = {household: -(-len(own) // 5) for household, own in bought.items()}
    copied = sum(
        own[k] == own[k - 1]
        for household, own in bought.items()
        for k in range(len(own) - late[household], len(own))
    )
    return {
        # The number of the row goes; the last choice and the history come.
        "shape": (len(rows), len(rows[0])),
        "households": len(bought),
        "brands": Counter(row["choice"] for row in rows),
        "test": sum(late.values()),
        "copied": copied / sum(late.values()),
    }


@pytest.fixture(scope="module", params=["yogurt", "catsup"])
def panel(request, made_data):
    bunch = fetch_scanner(request.param)
    file = made_data / "ecdat-scanner" / f"{request.param.capitalize()}.csv"
    bunch["rows"] = read(file)
    bunch["facts"] = facts_of(bunch.rows)
    return bunch


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Replace yogurt by two households, which a server of our own has and no one else.

    Returned are the folder that is served, and one for the cache.
    """
    folder = tmp_path / "official"
    folder.mkdir()
    file = folder / "Yogurt.csv"
    rows = ["1,7,1,2.5,a", "2,7,0,3.5,b", "3,7,0,3.5,b", "4,9,0,1.5,a"]
    file.write_text("rownames,id,feat.a,price.a,choice\n" + "\n".join(rows))
    monkeypatch.setitem(_scanner.PANELS, "yogurt", digests_of(file))
    monkeypatch.delenv("SKREC_DATA_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(folder) as address:
        monkeypatch.setattr(_scanner, "URL", address)
        yield folder, tmp_path / "home"


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


def test_copy_of_the_last_choice_scores_as_counted(panel):
    again = panel.data["last_choice"].astype(str) == panel.target

    assert again[panel.test].mean() == pytest.approx(panel.facts["copied"])


def test_first_rows(panel):
    rows = panel.rows[:3]

    assert panel.target.head(3).tolist() == [row["choice"] for row in rows]
    assert panel.groups.head(3).tolist() == [int(row["id"]) for row in rows]
    for name in panel.data.columns[1:-2]:
        assert panel.data[name].head(3).tolist() == [float(row[name]) for row in rows]


def test_download_is_kept_in_the_cache(small):
    _, home = small
    downloaded = fetch_scanner("yogurt", data_home=home)
    cached = fetch_scanner("yogurt", data_home=home, download_if_missing=False)

    assert downloaded.source == _scanner.URL
    assert cached.source == f"cache {home / 'ecdat-scanner'}"
    pd.testing.assert_frame_equal(downloaded.data, cached.data)
    assert cached.data["history"].tolist() == [[], ["a"], ["a", "b"], []]
    assert cached.test.tolist() == [False, False, True, True]


def test_altered_download_is_refused(small):
    folder, home = small
    (folder / "Yogurt.csv").write_bytes(b"rownames,id\n")

    with (
        pytest.warns(UserWarning, match="damaged or altered"),
        pytest.raises(OSError, match="ecdat-scanner could not be found"),
    ):
        fetch_scanner("yogurt", data_home=home)


def test_address_without_the_file(small):
    folder, home = small
    (folder / "Yogurt.csv").unlink()

    with pytest.raises(OSError, match=r"http://127.* HTTP Error 404"):
        fetch_scanner("yogurt", data_home=home)


def test_no_place_has_the_file(small):
    with pytest.raises(OSError, match=r"Put Yogurt\.csv into .*ecdat-scanner"):
        fetch_scanner("yogurt", data_home=small[1], download_if_missing=False)


def test_other_panels_are_refused():
    with pytest.raises(ValueError, match=r"'name' .* \{.*'catsup'.*\}. Got 'tuna'"):
        fetch_scanner("tuna")


def test_description_has_terms_and_citation(panel):
    assert "free to re-distribute" in panel.DESCR
    assert "https://doi.org/10.1080/07350015.1994.10524547" in panel.DESCR
