"""fetch_table: what the file says, rows without a target, where files are found."""

import csv

import pandas as pd
import pytest

from skrec.datasets import _rdatasets, fetch_table
from tests.datasets.made import digests_of, serve


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Replace Hitters by four rows, which a server of our own has and no one else.

    Returned are the file that is served, and a folder for the cache.
    """
    file = tmp_path / "official" / "ISLR" / "Hitters.csv"
    file.parent.mkdir(parents=True)
    rows = ["-A,3,None,1.5", "-B,4,NA,NA", "-C,5,N,2.5", "-D,6,NA,"]
    file.write_text("rownames,Hits,League,Salary\n" + "\n".join(rows))
    digest = digests_of(file)["Hitters.csv"]
    source = _rdatasets.TABLES["Hitters"]._replace(sha256=digest)
    monkeypatch.setitem(_rdatasets.TABLES, "Hitters", source)
    monkeypatch.delenv("SKREC_DATA_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(tmp_path / "official") as address:
        monkeypatch.setattr(_rdatasets, "URL", address)
        yield file, tmp_path / "home"


@pytest.mark.parametrize("name", ["Hitters", "attrition"])
def test_known_facts(name, made_data):
    table = fetch_table(name)
    target = _rdatasets.TABLES[name].target
    with (made_data / "tables" / f"{name}.csv").open(newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row[target] != "NA"]

    assert table.data.columns.tolist() == ["size", "colour", "doors"]
    assert table.data["size"].tolist() == [float(row["size"]) for row in rows]
    assert table.data.dtypes.astype(str).tolist() == ["float64", "category", "int64"]
    assert table.data["colour"].cat.categories.tolist() == ["None", "blue", "red"]
    n_missing = sum(row["colour"] == "NA" for row in rows)
    assert table.data["colour"].isna().sum() == n_missing > 0
    number = name == "Hitters"  # whose first row has no salary
    assert len(table.data) == len(rows) == (119 if number else 120)
    found = [float(row[target]) if number else row[target] for row in rows]
    assert table.target.tolist() == found
    assert not isinstance(table.target.dtype, pd.CategoricalDtype)
    pd.testing.assert_frame_equal(table.frame, table.data.join(table.target))
    assert table.source == "mirror SKREC_DATA_MIRROR"


def test_columns_and_target_alone(made_data):
    X, y = fetch_table("spam7", return_X_y=True)
    table = fetch_table("spam7")

    pd.testing.assert_frame_equal(X, table.data)
    pd.testing.assert_series_equal(y, table.target)


def test_download_is_kept_in_the_cache(small):
    _, home = small
    downloaded = fetch_table("Hitters", data_home=home)
    cached = fetch_table("Hitters", data_home=home, download_if_missing=False)

    assert downloaded.source == f"{_rdatasets.URL}/ISLR"
    assert cached.source == f"cache {home / 'tables'}"
    assert cached.target.tolist() == [1.5, 2.5]
    assert cached.data["League"].tolist() == ["None", "N"]
    assert cached.data.index.tolist() == [0, 1]
    pd.testing.assert_frame_equal(downloaded.data, cached.data)


def test_altered_download_is_refused(small):
    file, home = small
    file.write_bytes(b"rownames,Hits\n")

    with (
        pytest.warns(UserWarning, match="damaged or altered"),
        pytest.raises(OSError, match="tables could not be found"),
    ):
        fetch_table("Hitters", data_home=home)


def test_no_place_has_the_file(small):
    with pytest.raises(OSError, match=r"Put Hitters\.csv into .*tables"):
        fetch_table("Hitters", data_home=small[1], download_if_missing=False)


def test_other_tables_are_refused():
    with pytest.raises(ValueError, match=r"'name' .* \{.*'Caravan'.*\}. Got 'titanic'"):
        fetch_table("titanic")


def test_description_has_terms_and_source(made_data):
    description = fetch_table("concrete").DESCR

    assert description.startswith("concrete, of the R package modeldata\n====")
    assert "free to re-distribute" in description
    assert "/doc/modeldata/concrete.html" in description
    assert "the column compressive_strength" in description
