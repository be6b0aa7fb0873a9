"""FieldEncoder on lists: of any length, padded before, in strings, or as floats."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skrec.preprocessing import FieldEncoder


def test_max_len_is_what_is_kept():
    short = pd.DataFrame({"seen": [["a"], ["b", "a"], ["c", "b", "a"]]})
    encoder = FieldEncoder(max_len=50).fit(short)
    assert encoder.spec_.sequences[0].length == 3
    longer = encoder.transform(pd.DataFrame({"seen": [list("abcabcabca"), ["b"]]}))
    # In as many columns as the longest list needs, on the grid of sizes.
    assert longer["sequence_0"].tolist() == [
        [0, 0, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
    ]
    longest = encoder.transform(pd.DataFrame({"seen": [["c", *"ab" * 40]]}))
    assert longest["sequence_0"].tolist() == [[2, 3] * 25]
    assert encoder.transform(short)["sequence_0"].shape == (3, 3)


def padded(lists, length=6, where="front", value=0):
    def fill(items):
        zeros = [value] * (length - len(items))
        return zeros + items if where == "front" else items + zeros

    return [fill(items) for items in lists]


@pytest.fixture
def lists():
    rng = np.random.default_rng(0)
    return [rng.integers(1, 30, rng.integers(0, 5)).tolist() for _ in range(300)]


@pytest.mark.parametrize("where", ["front", "end"])
@pytest.mark.parametrize("make", [list, tuple, np.array])
def test_zeros_at_one_end_of_lists_are_padding(lists, where, make):
    expected = FieldEncoder().fit_transform(pd.DataFrame({"seen": lists}))
    frame = pd.DataFrame({"seen": list(map(make, padded(lists, where=where)))})
    encoder = FieldEncoder()
    found = encoder.fit_transform(frame)
    np.testing.assert_array_equal(found["sequence_0"], expected["sequence_0"])
    assert encoder.paddings_ == {"seen": 0}
    assert 0 not in encoder.vocabularies_[0]
    # What was learnt holds for rows that tell nothing by themselves.
    alone = encoder.transform(pd.DataFrame({"seen": [[0, 3, 0, 5, 0, 0]]}))
    assert alone["sequence_0"][:, :-2].tolist() == [[0, 0]]
    assert (alone["sequence_0"][:, -2:] > 1).all()


@pytest.mark.parametrize("value", [0, -1, "<pad>"])
@pytest.mark.parametrize("where", ["front", "end"])
def test_padding_by_name(lists, value, where):
    if value == "<pad>":
        lists = [list(map(str, items)) for items in lists]
    expected = FieldEncoder(max_len=3).fit_transform(pd.DataFrame({"seen": lists}))
    frame = pd.DataFrame({"seen": padded(lists, 9, where, value)})
    encoder = FieldEncoder(sequence_features={"seen": value}, max_len=3)
    found = encoder.fit_transform(frame)["sequence_0"]
    np.testing.assert_array_equal(found, expected["sequence_0"])
    assert encoder.paddings_ == {"seen": value}


def test_zeros_that_are_ids(lists):
    frame = pd.DataFrame({"item": [7, 0, 3] * 100, "seen": padded(lists)})
    for table, params in (
        (frame[["seen"]], {"sequence_features": {"seen": None}}),
        (frame, {"shared_embeddings": [("item", "seen")]}),  # of which 0 is one
        (pd.DataFrame({"seen": [[0, 1, 2], [3, 0, 1], [2, 0, 0]] * 9}), {}),
        (pd.DataFrame({"seen": [[0, 0, 1], [1, 0, 0]] * 9}), {}),
        (pd.DataFrame({"seen": [[0, 1, 1], [0, 0, 1]] * 9}), {}),  # levels, not ids
        (pd.DataFrame({"seen": [[0, 1, 2], [3, 4, 1], [2, 5, 6]] * 3}), {}),
        (pd.DataFrame({"seen": lists}).map(lambda items: [*items, 0]), {}),
    ):
        encoder = FieldEncoder(**params).fit(table)
        assert encoder.paddings_ == {}
        assert 0 in encoder.vocabularies_[-1]


def test_the_rows_that_are_learnt_from_tell_what_is_padding(lists):
    frame = pd.DataFrame({"seen": [*padded(lists), [1, 0, 2, 0, 3, 0]]})
    encoder = FieldEncoder()
    encoder.learn(frame, np.arange(300))
    assert encoder.paddings_ == {"seen": 0}
    encoder.learn(frame)
    assert encoder.paddings_ == {}


def test_floats_of_different_lengths_are_ids():
    frame = pd.DataFrame({"seen": [[3.0, 5.0], [5.0], None, np.array([3.0])]})
    encoder = FieldEncoder()
    assert encoder.fit_transform(frame)["sequence_0"].tolist() == [
        [2, 3],
        [0, 3],
        [0, 0],
        [0, 2],
    ]
    whole = pd.DataFrame({"seen": [[3, 5]]})
    assert encoder.transform(whole)["sequence_0"].tolist() == [[2, 3]]


def test_floats_that_look_like_padded_ids_are_warned_of(lists):
    vectors = [np.array(items, dtype=float) for items in padded(lists)]
    frame = pd.DataFrame({"seen": vectors, "plain": list(np.ones((300, 3)))})
    with pytest.warns(
        UserWarning, match=r"columns \['seen'\] are read as vectors"
    ) as w:
        encoder = FieldEncoder().fit(frame)
    assert len(w) == 1
    assert encoder.columns_["seen"].kind == "array"
    chosen = FieldEncoder(sequence_features=["seen"]).fit(frame)
    assert chosen.columns_["seen"].kind == "sequence"
    assert chosen.paddings_ == {"seen": 0}


@pytest.mark.parametrize("dtype", ["str", object, "category"])
def test_strings_with_separators(dtype):
    genres = ["Action|Comedy", "Comedy", None, "Drama | Action|", ""]
    frame = pd.DataFrame({"genres": pd.Series(genres, dtype=dtype), "seen": [[1]] * 5})
    encoder = FieldEncoder(sequence_features={"genres": "|"})
    encoded = encoder.fit_transform(frame)
    assert encoder.vocabularies_[0].tolist() == ["Action", "Comedy", "Drama"]
    assert encoded["sequence_0"].tolist() == [[2, 3], [0, 3], [0, 0], [4, 2], [0, 0]]
    assert encoder.columns_["seen"].kind == "sequence"  # by its dtype, as ever
    other = frame[:2].assign(genres=["Drama|New", ["Drama", "Comedy"]])
    assert encoder.transform(other)["sequence_0"].tolist() == [[4, 1], [4, 3]]


def test_ids_in_strings_share_a_table():
    frame = pd.DataFrame({"item": ["a", "b"], "seen": ["b, a", "a"]})
    encoder = FieldEncoder(
        sequence_features={"seen": ","}, shared_embeddings=[("item", "seen")]
    )
    encoded = encoder.fit_transform(frame)
    assert encoded["ids"].tolist() == [[2], [3]]
    assert encoded["sequence_0"].tolist() == [[3, 2], [0, 2]]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"what": "|"}, "sequence_features must name columns of X"),
        ({"price": "|"}, "'price' of sequence_features must hold lists of ids"),
        ({"text": ""}, "'text' of sequence_features must hold lists of ids"),
        ({"text": 0}, r"say what separates the ids: sequence_features=\{'text': '|'\}"),
        (["text"], r"say what separates the ids: sequence_features=\{'text': '|'\}"),
    ],
)
def test_separators_that_cannot_be(features, words):
    frame = pd.DataFrame({"text": ["a|b"], "price": [1.0]})
    with pytest.raises(ValueError, match=words.replace("'|'", "'\\|'")):
        FieldEncoder(sequence_features=features).fit(frame)


def test_numbers_where_strings_with_separators_were():
    encoder = FieldEncoder(sequence_features={"a": "|"}).fit(
        pd.DataFrame({"a": ["x|y"]})
    )
    with pytest.raises(ValueError, match=r"strings of ids with '\|' .* 5 in row 0"):
        encoder.transform(pd.DataFrame({"a": [5]}))


def test_ordinary_lists_need_no_warning(lists):
    frame = pd.DataFrame({"seen": lists, "vector": list(np.ones((300, 2)))})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FieldEncoder().fit(frame).transform(frame)
