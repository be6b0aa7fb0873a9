"""load_criteo: types, missing values, several files, and errors that name the line."""

import numpy as np
import pandas as pd
import pytest

from skrec.datasets import load_criteo

NUMBERS = [f"I{k}" for k in range(1, 14)]
CATEGORIES = [f"C{k}" for k in range(1, 27)]


def line(label="0", numbers=("",) * 13, categories=("",) * 26):
    return "\t".join([label, *numbers, *categories]) + "\n"


def write(file, *lines):
    file.write_text("".join(lines))
    return file


@pytest.fixture(scope="module")
def sample(made_data):
    return load_criteo(made_data / "criteo-8k")


# A folder of three files


def test_sample_is_read_whole(sample):
    lines = [line for file in sample.files for line in file.read_text().splitlines()]

    assert sample.data.shape == (len(lines), 39) == (700, 39)
    assert sample.target.tolist() == [int(line[0]) for line in lines]
    assert [file.name for file in sample.files] == ["train.csv", "dev.csv", "test.csv"]
    assert np.bincount(sample.part).tolist() == [560, 70, 70]


def test_types_of_the_sample(sample):
    assert sample.data.columns.tolist() == NUMBERS + CATEGORIES
    assert (sample.data[NUMBERS].dtypes == "float64").all()
    assert all(
        isinstance(dtype, pd.CategoricalDtype)
        for dtype in sample.data[CATEGORIES].dtypes
    )
    assert np.issubdtype(sample.target.dtype, np.integer)
    assert sample.data.index.equals(pd.RangeIndex(700))


def test_sample_agrees_with_its_lines(sample):
    lines = sample.files[1].read_text().splitlines()
    for row, fields in [(560, lines[0]), (629, lines[69])]:
        label, *values = fields.split("\t")
        assert str(sample.target[row]) == label
        read = sample.data.iloc[row].tolist()
        assert [number for number in read[:13] if number == number] == [
            float(value) for value in values[:13] if value
        ]
        assert ["" if pd.isna(value) else value for value in read[13:]] == values[13:]


# Files


def test_empty_fields_are_missing(tmp_path):
    file = write(
        tmp_path / "a.txt",
        line("1", ["-3", *[""] * 12], ["NA", *[""] * 25]),
        line("0", [""] * 13, ["05db9164", *[""] * 25]),
    )

    criteo = load_criteo(str(file))

    assert criteo.target.tolist() == [1, 0]
    assert criteo.data["I1"].isna().tolist() == [False, True]
    assert criteo.data["I1"].iat[0] == -3
    assert criteo.data["C1"].tolist() == ["NA", "05db9164"]
    assert criteo.data.isna().sum().sum() == 2 * 39 - 3


def test_quotes_and_windows_line_ends_have_no_meaning(tmp_path):
    file = tmp_path / "a.txt"
    fields = line("1", categories=['"a', *[""] * 24, 'b"'])
    file.write_bytes((fields + fields).replace("\n", "\r\n").encode())

    data = load_criteo(file).data

    assert data["C1"].tolist() == ['"a', '"a']
    assert data["C26"].tolist() == ['b"', 'b"']


def test_order_of_the_files_in_a_folder(tmp_path):
    for number, name in enumerate(
        ["Z.txt", "test.csv", "b.tsv", "dev.csv", "train.csv", "notes.md"]
    ):
        write(tmp_path / name, line(numbers=[str(number), *[""] * 12]))

    criteo = load_criteo(tmp_path)

    assert [file.name for file in criteo.files] == [
        "train.csv",
        "dev.csv",
        "test.csv",
        "Z.txt",
        "b.tsv",
    ]
    assert criteo.data["I1"].tolist() == [4, 3, 1, 0, 2]
    assert criteo.part.tolist() == [0, 1, 2, 3, 4]


def test_list_of_files_keeps_its_order_and_all_categories(tmp_path):
    files = [
        write(tmp_path / name, line(categories=[name[0], *[""] * 25]) * 2)
        for name in ("b.txt", "a.txt")
    ]

    criteo = load_criteo(files)

    assert criteo.files == files
    assert criteo.data["C1"].tolist() == ["b", "b", "a", "a"]
    assert isinstance(criteo.data["C1"].dtype, pd.CategoricalDtype)
    assert criteo.part.tolist() == [0, 0, 1, 1]


def test_n_rows_stops_within_and_between_files(tmp_path):
    files = [
        write(tmp_path / name, *[line(numbers=[str(k), *[""] * 12]) for k in range(3)])
        for name in ("a.txt", "b.txt")
    ]

    assert load_criteo(files, n_rows=4).data["I1"].tolist() == [0, 1, 2, 0]
    first = load_criteo(files, n_rows=3)
    assert first.data["I1"].tolist() == [0, 1, 2]
    assert first.files == files[:1]
    assert len(load_criteo(files, n_rows=100).data) == 6


# Errors


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line()[2:], r"line 2: there must be 40 columns.*Received: 39 columns"),
        ("0\t" + line(), r"line 2: there must be 40 columns.*Received: 41 columns"),
        ("\n", r"line 2: there must be 40 columns.*Received: 1 columns"),
        (line("2"), r"line 2: the label must be 0 or 1\. Received: 2\.0"),
        (line(""), r"line 2: the label must be 0 or 1\. Received: nan"),
        (line("yes"), r"line 2: label must be a number or empty\. Received: 'yes'"),
        (line(numbers=[*[""] * 12, "68fd"]), r"line 2: I13 must .*Received: '68fd'"),
    ],
    ids=["short", "long", "blank", "class", "no label", "text label", "text number"],
)
def test_errors_name_file_and_line(tmp_path, bad, message):
    good = write(tmp_path / "good.txt", line())
    file = write(tmp_path / "clicks.txt", line(), bad, line())

    with pytest.raises(ValueError, match=rf"clicks\.txt, {message}"):
        load_criteo([good, file])
    assert len(load_criteo(file, n_rows=1).data) == 1


def test_paths_that_hold_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        load_criteo(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=r"end in \.csv, \.tsv, \.txt"):
        load_criteo(tmp_path)
    with pytest.raises(ValueError, match="at least one file"):
        load_criteo([])
    with pytest.raises(ValueError, match=r"empty\.txt must have at least one line"):
        load_criteo(write(tmp_path / "empty.txt"))


def test_description_has_terms_and_citation(sample):
    assert "Terms of use" in sample.DESCR
    assert "kaggle.com/c/criteo-display-ad-challenge" in sample.DESCR
