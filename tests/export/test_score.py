"""Batches: frames of any kind, block by block, without what trained the model."""

import tracemalloc
from functools import partial

import dask.dataframe
import numpy as np
import pandas as pd
import polars as pl
import pytest

from skrec.export import score
from tests.export import made
from tests.export.servers import python, without


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return made.write(tmp_path_factory.mktemp("files") / "model.onnx")


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "image": [np.ones((2, 2)), None, [[1, 2], [3, 4]], np.zeros((2, 2))],
            "order": [9, 8, 7, 6],  # no column of the model
            "user id": pd.array([made.BIG, None, 5, made.BIG - 1], dtype="Int64"),
            "item": ["tea", "jam", None, "te"],
            "price": [0.25, np.nan, 1.0, 2.0],
            "history": [[7, 7, 7, 7], [], None, [1, 7]],
        },
        index=list("abcd"),
    )


SCORES = [1 + 10 + 25 + 4000, -1, 0.5 + 100, 200 + 1000]


def test_a_frame_of_pandas_keeps_its_index(path, frame):
    found = score(path, frame)

    assert list(found) == ["label", "probabilities_no", "probabilities_yes", "score"]
    assert found.index.tolist() == list("abcd")
    assert found["score"].tolist() == SCORES
    assert found["label"].tolist() == ["yes", "no", "yes", "yes"]
    np.testing.assert_allclose(found["probabilities_yes"]["b"], 1 / (1 + np.e))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_blocks_make_no_difference(path, frame, batch_size):
    found = score(path, frame, batch_size=batch_size)

    pd.testing.assert_frame_equal(found, score(path, frame))


def test_a_frame_of_polars_gets_one(path, frame):
    rows = frame.assign(image=[np.zeros((2, 2)).tolist()] * 4).to_dict("list")
    rows["user id"] = [made.BIG, None, 5, made.BIG - 1]
    rows["item"][2] = None

    found = score(path, pl.DataFrame(rows))

    assert isinstance(found, pl.DataFrame)
    assert found["score"].to_list() == SCORES


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("item", pd.Categorical(["tea", "jam", None, "te"])),
        ("item", pd.array(["tea", "jam", None, "te"], dtype="string")),
        ("user id", pd.array([made.BIG, None, 5, 6], dtype=object)),
        ("price", pd.array([0.25, None, 1, 2], dtype="Float64")),
        ("price", np.array([0.25, np.nan, 1, 2], dtype=np.float16)),
        ("user id", pd.array([made.BIG, None, 2**63, 1.5], dtype=object)),
        ("history", [(7, 7, 7, 7), [0.0], np.array([], int), np.array([7.0])]),
        ("tags", ["new", None, "", "|cold"]),
    ],
)
def test_columns_are_of_any_dtype_that_holds_their_values(path, frame, name, values):
    frame[name] = values

    assert score(path, frame)["score"].tolist() == SCORES


def test_a_column_that_may_be_left_out_counts_as_missing(path, frame):
    found = score(path, frame.drop(columns="history"))

    assert found["score"].tolist() == [36, -1, 100.5, 200]


def test_no_rows_have_the_columns_and_dtypes_of_some(path, frame):
    nothing = score(path, frame[:0])

    assert len(nothing) == 0
    assert list(nothing) == list(score(path, frame))
    assert nothing["score"].dtype == np.float32


def test_partitions_of_dask(path, frame):
    many = pd.concat([frame] * 5, ignore_index=True)
    with dask.config.set({"dataframe.convert-string": False}):
        parts = dask.dataframe.from_pandas(many, npartitions=3)

    found = parts.map_partitions(partial(score, path), meta=score(path, many[:0]))

    expected = score(path, many)
    with dask.config.set(scheduler="threads"):
        pd.testing.assert_frame_equal(found.compute(), expected, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("item", [1, 2, 3, 4], "'item' held strings in fit: convert it. Received: n"),
        ("user id", list("1234"), "'user id' held numbers in fit: convert it."),
        ("price", [1, 2, 3, np.inf], "'price' holds infinity in row 3"),
        ("price", list("abcd"), "'price' must hold numbers, as in fit"),
        ("history", [1, 2, 3, 4], "'history' must hold lists of ids in every row"),
        ("image", [[[1, 2]]] * 4, r"'image' must hold arrays of one shape, \(2, 2\)"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_column(
    path, frame, name, values, message
):
    frame[name] = values
    with pytest.raises(ValueError, match=message):
        score(path, frame)


def test_what_is_missing_or_no_frame_is_refused(path, frame):
    with pytest.raises(ValueError, match="frame has no column 'price'"):
        score(path, frame.drop(columns="price"))
    with pytest.raises(TypeError, match="frame must be a pandas or polars frame"):
        score(path, {"item": ["tea"]})
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        score(path, frame, batch_size=0)


def test_a_file_that_has_changed_is_opened_anew(path, frame, tmp_path):
    own = made.write(tmp_path / "model.onnx")
    score(own, frame)
    made.write(own, classes=["left", "right"])

    assert "probabilities_left" in score(own, frame)


def test_tensorflow_is_not_needed(path):
    code = "import sys\nimport pandas as pd\nfrom skrec.export import score\n"
    code += "print(len(score(sys.argv[1], pd.read_json(sys.argv[2]))))"
    row = '[{"item": "tea", "user id": 1, "price": 2, "image": [[1, 2], [3, 4]]}]'
    file = path.with_suffix(".json")
    file.write_text(row)

    done = python(without(["tensorflow", "keras"], code), path, file)

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_lists_may_be_strings_with_separators(path, frame):
    frame["tags"] = ["hot", "new|hot| hot", None, "|"]

    found = score(path, frame)["score"] - SCORES

    assert found.tolist() == [10_000, 20_000, 0, 0]


def test_one_long_list_among_many_rows_takes_no_more_memory_than_a_block(path):
    rows = 2_000
    frame = pd.DataFrame({"user id": [1] * rows, "price": [0.0] * rows})
    frame["item"], frame["image"] = "jam", [np.zeros((2, 2))] * rows
    frame["history"] = [[7] * 5_000, *[[7]] * (rows - 1)]
    score(path, frame[:1])

    tracemalloc.start()
    found = score(path, frame)["score"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.diff().tolist()[1] == -1_000 * 4_999
    assert peak < 8 * 5_000 * rows / 4  # of what one tensor of all rows would take
