"""load_sequences: ids, order, published files by digest, errors that name the line."""

import numpy as np
import pytest

from skrec.datasets import load_sequences
from tests.datasets.made import write_sequences


def write(file, text):
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", ["amazon-beauty", "lastfm"])
def test_published_file_of_the_mirror_agrees_with_its_lines(name, made_data):
    sequences = load_sequences(name)
    (file,) = (made_data / name).iterdir()
    lines = [[int(text) for text in line.split()] for line in file.open()]

    assert sequences.source == "mirror SKREC_DATA_MIRROR"
    assert sequences.data.columns.tolist() == ["user", "item", "time"]
    assert (sequences.data.dtypes == np.int64).all()
    assert sequences.data.to_numpy().tolist() == [
        [user, item, time] for user, *items in lines for time, item in enumerate(items)
    ]


def test_published_file_of_the_cache(made_data, monkeypatch):
    monkeypatch.delenv("SKREC_DATA_MIRROR")

    found = load_sequences("lastfm", data_home=made_data)

    assert found.source == f"cache {made_data / 'lastfm'}"


def test_no_file_says_where_it_may_lie(made_data, tmp_path, monkeypatch):
    monkeypatch.delenv("SKREC_DATA_MIRROR")
    with pytest.raises(FileNotFoundError, match="no official address") as caught:
        load_sequences("lastfm", data_home=tmp_path)
    assert f"Put LastFM.txt into {tmp_path / 'lastfm'}" in str(caught.value)


def test_other_content_is_not_taken_for_the_published(made_data, tmp_path, monkeypatch):
    monkeypatch.setenv("SKREC_DATA_MIRROR", str(tmp_path))
    write_sequences(tmp_path / "lastfm", "LastFM.txt", n_users=7)
    with (
        pytest.warns(UserWarning, match="damaged or altered files: LastFM.txt"),
        pytest.raises(FileNotFoundError, match="read by its path"),
    ):
        load_sequences("lastfm")

    data = load_sequences(tmp_path / "lastfm" / "LastFM.txt").data
    assert data["user"].unique().tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_ids_are_numbers_where_all_are_written_as_such(tmp_path):
    file = write(tmp_path / "log", "3 tea 7\n-1\tmilk  tea\n\u00e9t\u00e9 7 007\n")
    texts = load_sequences(str(file)).data
    assert texts["user"].tolist() == [
        "3",
        "3",
        "-1",
        "-1",
        "\u00e9t\u00e9",
        "\u00e9t\u00e9",
    ]
    assert texts["item"].tolist() == ["tea", "7", "milk", "tea", "7", "007"]
    assert texts["time"].tolist() == [0, 1, 0, 1, 0, 1]

    numbers = load_sequences(write(tmp_path / "log", "3 5 -7")).data
    assert numbers.to_numpy().tolist() == [[3, 5, 0], [3, -7, 1]]
    for text in ("3 5 007", "3 5 1.0", "3 5 99999999999999999999", "3 5 +7"):
        items = load_sequences(write(tmp_path / "log", text)).data["item"]
        assert items.tolist() == text.split()[1:]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must have at least one line. Received: an empty file\.$"),
        ("1 2 3\n4\n", r"line 2: there must be the id of a user .* Received: '4'\.$"),
        ("1 2\n\n3 4\n", r"line 2: there must be .* Received: ''\.$"),
        ("1 2\n3 4\n1 5\n", r"line 3: all items of a user .* who has line 1 too\.$"),
    ],
)
def test_unusable_lines(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_sequences(write(tmp_path / "log", text))


def test_unusable_path(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"one of amazon-beauty, lastfm\. Received: beauty\.$"
    ):
        load_sequences("beauty")
    with pytest.raises(ValueError, match="'path' parameter of load_sequences must be"):
        load_sequences(None)
