"""FieldEncoder: kinds of columns, codes of ids, sequences, arrays and sizes."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.preprocessing import OrdinalEncoder

from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._spec import FieldSpec, SequenceSpec
from skrec.preprocessing._vocabulary import round_up

TABLES = {"id": 0, "sequence": 0, "number": None, "array": None}
IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.lists(st.text(max_size=5), min_size=1),
    st.lists(st.booleans(), min_size=1),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
)


@pytest.fixture
def clicks():
    """A table with all kinds of columns, three rows of each."""
    return pd.DataFrame(
        {
            "item": [7, 3, 7],
            "shop": pd.Categorical(["b", "a", None], categories=["c", "b", "a"]),
            "history": [[3], [], [7, 3, 9]],
            "text": ["x", "y", "x"],
            "price": [1.0, np.nan, 3.0],
            "new": [True, False, True],
            "vector": [np.array([1.0, 2.0]), np.array([3.0, 4.0]), None],
            "count": pd.array([1, None, 5], dtype="Int64"),
        }
    )


def test_every_kind_of_column(clicks):
    encoder = FieldEncoder(shared_embeddings=[("history", "item")], numbers="standard")
    encoded = encoder.fit_transform(clicks)

    assert encoder.columns_ == {
        "item": ("id", 0, 0),
        "shop": ("id", 1, 1),
        "history": ("sequence", 0, 0),
        "text": ("id", 2, 2),
        "price": ("number", 0, None),
        "new": ("id", 3, 3),
        "vector": ("array", 0, None),
        "count": ("number", 1, None),
    }
    assert [ids.tolist() for ids in encoder.vocabularies_] == [
        [3, 7, 9],
        ["a", "b"],
        ["x", "y"],
        [False, True],
    ]
    assert encoder.spec_ == FieldSpec(
        tables=(8, 8, 8, 8),
        ids=(0, 1, 2, 3),
        n_numbers=4,
        sequences=(SequenceSpec(0, 3),),
        arrays=((2,),),
    )
    assert list(encoded) == ["ids", "numbers", "sequence_0", "array_0"]
    # The shop that is missing has the code after those of the known ones.
    assert encoded["ids"].tolist() == [[3, 3, 2, 3], [2, 2, 3, 2], [3, 4, 2, 3]]
    assert encoded["sequence_0"].tolist() == [[0, 0, 2], [0, 0, 0], [3, 2, 4]]
    assert encoded["numbers"].tolist() == [[-1, -1, 0, 0], [0, 0, 1, 1], [1, 1, 0, 0]]
    assert encoded["array_0"].tolist() == [[-1, -1], [1, 1], [0, 0]]
    dtypes = {name: array.dtype for name, array in encoded.items()}
    assert dtypes == {
        "ids": np.int32,
        "sequence_0": np.int32,
        "numbers": np.float32,
        "array_0": np.float32,
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Categorical([1, 2, 1]), "id"),
        (pd.cut([1, 5, 9], [0, 4, 10]), "id"),
        (pd.array(["a", None, "b"], dtype="string"), "id"),
        (np.array(["a", "b", None], dtype=object), "id"),
        (np.array([True, False, None], dtype=object), "id"),
        (pd.array([True, None, False], dtype="boolean"), "id"),
        (np.array([1, 2, 3], dtype="int8"), "number"),
        (np.array([1, 2, 3], dtype="float16"), "number"),
        (pd.array([1.5, None, 3], dtype="Float32"), "number"),
        (np.array([1, 2.5, None], dtype=object), "number"),
        ([Decimal("1.5"), Decimal(2), None], "number"),
        ([[1, 2], (3,), None], "sequence"),
        ([["a"], [], ["a", "b"]], "sequence"),
        ([np.array([1, 2]), np.array([]), np.array([3])], "sequence"),
        ([[], [], ["a"]], "sequence"),
        ([[1.5, 2.0], [1.0, 3.0], (1.0, 2.0)], "array"),
        ([np.zeros((4, 2)), np.ones((4, 2)), None], "array"),
        ([np.zeros((4, 4, 3), "uint8")] * 3, "array"),
    ],
)
def test_kind_by_dtype(values, kind):
    frame = pd.DataFrame({"a": pd.Series(values)})
    assert FieldEncoder().fit(frame).columns_["a"] == (kind, 0, TABLES[kind])


@pytest.mark.parametrize("chosen", [["b"], [1], [False, True, False]])
def test_explicit_ids_are_the_only_ones(chosen):
    frame = pd.DataFrame({"a": [True, False], "b": [5, 6], "c": [1, 2]})
    encoder = FieldEncoder(chosen, numbers="standard").fit(frame)
    kinds = [column.kind for column in encoder.columns_.values()]
    assert kinds == ["number", "id", "number"]
    assert encoder.transform(frame)["numbers"].tolist() == [[1, -1], [-1, 1]]


def test_no_ids_by_none():
    frame = pd.DataFrame({"a": [True, False], "b": [5, 6]})
    assert FieldEncoder(None).fit(frame).spec_ == FieldSpec(n_numbers=2)


def test_explicit_sequences():
    frame = pd.DataFrame({"ids": [[1.0, 2.0], [2.0]], "vector": [[1, 2], [3, 4]]})
    encoder = FieldEncoder(sequence_features=["ids"]).fit(frame)
    kinds = [column.kind for column in encoder.columns_.values()]
    assert kinds == ["sequence", "array"]
    assert encoder.vocabularies_[0].tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:columns .* hold ids as floats")
@given(IDS, st.randoms())
def test_codes_lead_back_to_the_ids(ids, random):
    frame = pd.DataFrame({"id": pd.Series(ids)})
    encoder = FieldEncoder(["id"]).fit(frame)
    codes = encoder.transform(frame)["ids"][:, 0]
    assert encoder.vocabularies_[0][codes - 2].tolist() == ids

    # Neither the order of the rows nor how often they are there changes a code.
    order = random.choices(range(len(ids)), k=len(ids)) + list(range(len(ids)))
    shuffled = frame.iloc[order]
    again = FieldEncoder(["id"]).fit(shuffled)
    assert (again.transform(frame)["ids"][:, 0] == codes).all()
    # A row alone is encoded as among others.
    alone = [encoder.transform(frame.iloc[[row]])["ids"][0, 0] for row in (0, -1)]
    assert alone == [codes[0], codes[-1]]


@given(
    st.lists(
        st.one_of(st.none(), st.lists(st.integers(0, 9), max_size=9)),
        min_size=1,
        max_size=20,
    ).filter(any),
    st.integers(1, 12),
)
def test_sequences_keep_the_latest_items_at_the_end(lists, max_len):
    frame = pd.DataFrame({"seen": pd.Series(lists, dtype=object)})
    encoder = FieldEncoder(max_len=max_len)
    padded = encoder.fit_transform(frame)["sequence_0"]
    for row, items in zip(padded, lists, strict=True):
        kept = (items or [])[-max_len:]
        assert not row[: len(row) - len(kept)].any()
        known = row[len(row) - len(kept) :]
        assert encoder.vocabularies_[0][known - 2].tolist() == kept
        alone = pd.DataFrame({"seen": [items]}, dtype=object)
        assert (encoder.transform(alone)["sequence_0"][0] == row).all()


def test_codes_of_intervals():
    frame = pd.DataFrame({"a": pd.cut([9.0, 1.0, 5.0, np.nan], [0, 4, 6, 10])})
    encoder = FieldEncoder()
    assert encoder.fit_transform(frame)["ids"].ravel().tolist() == [4, 2, 3, 5]
    assert encoder.transform(frame[:1])["ids"].tolist() == [[4]]


def test_codes_are_those_of_ordinal_encoder():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "text": rng.choice(["tea", "milk", "rye", "Ä"], 200),
            "number": rng.integers(-20, 20, 200),
        }
    )
    codes = FieldEncoder(["text", "number"]).fit_transform(frame)["ids"]
    assert (codes - 2 == OrdinalEncoder().fit_transform(frame)).all()


def test_ids_are_compared_by_value():
    frame = pd.DataFrame(
        {
            "item": [1.0, 3.0, np.nan],
            "history": [[np.int64(3)], np.array([1.0, 2.0]), [np.uint8(5)]],
        }
    )
    encoder = FieldEncoder(["item"], ["history"], [("item", "history")]).fit(frame)
    assert encoder.vocabularies_[0].tolist() == [1, 2, 3, 5]
    other = pd.DataFrame({"item": [3, 5, 9], "history": [(1,), [3.0], [9]]})
    encoded = encoder.transform(other)
    assert encoded["ids"].tolist() == [[4], [5], [1]]
    assert encoded["sequence_0"][:, -1].tolist() == [2, 4, 1]


def test_ids_beyond_the_whole_numbers_of_floats():
    large = 2**53
    frame = pd.DataFrame({"a": [large, large + 1], "b": [[2**64 - 1], [2**64 - 2]]})
    encoder = FieldEncoder(["a"])
    encoded = encoder.fit_transform(frame)
    assert encoded["ids"].tolist() == [[2], [3]]
    assert encoded["sequence_0"].tolist() == [[0, 3], [0, 2]]
    array = FieldEncoder([0]).fit_transform(np.array([[large], [large + 1]]))
    assert array["ids"].tolist() == [[2], [3]]


def test_whole_numbers_of_two_dtypes_stay_exact():
    large = 2**53 + 1
    frame = pd.DataFrame({"a": [-1, large], "b": np.array([2**63, large - 1], "u8")})
    encoder = FieldEncoder(shared_embeddings=[("a", "b")])
    assert encoder.fit_transform(frame)["ids"].tolist() == [[2, 5], [4, 3]]
    huge = pd.DataFrame({"a": [2**70, 1], "b": [2**70, 2**70 + 1]})
    encoder.fit(huge)
    assert encoder.transform(huge)["ids"].tolist() == [[3, 3], [2, 4]]


def test_a_rare_missing_id_is_unknown():
    frame = pd.DataFrame({"a": ["x", None, "x"]})
    encoded = FieldEncoder(min_count=2).fit_transform(frame)
    assert encoded["ids"].ravel().tolist() == [2, 1, 2]


def test_rare_ids_are_unknown():
    frame = pd.DataFrame(
        {"item": ["a", "b", "c", None], "seen": [["b", "b"], ["c"], [], ["d", None]]}
    )
    encoder = FieldEncoder(shared_embeddings=[("item", "seen")], min_count=2)
    encoded = encoder.fit_transform(frame)
    assert encoder.vocabularies_[0].tolist() == ["b", "c"]
    assert encoded["ids"].ravel().tolist() == [1, 2, 3, 4]
    assert encoded["sequence_0"].tolist() == [[2, 2], [0, 3], [0, 0], [1, 4]]


def test_items_cut_off_are_not_learnt():
    frame = pd.DataFrame({"seen": [[1, 2, 3], [4]]})
    encoder = FieldEncoder(max_len=2).fit(frame)
    assert encoder.vocabularies_[0].tolist() == [2, 3, 4]


def test_missing_ids_are_unknown_unless_learnt():
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["x", None]})
    encoder = FieldEncoder().fit(frame)
    encoded = encoder.transform(pd.DataFrame({"a": [None, "z"], "b": [np.nan, "z"]}))
    assert encoded["ids"].tolist() == [[1, 3], [1, 1]]


def test_learns_from_the_given_rows_alone():
    frame = pd.DataFrame(
        {
            "item": ["a", "b", "b", None],
            "seen": [["a"], ["b", "b"], [], ["c"] * 20],
            "price": [1.0, 2.0, 4.0, np.nan],
            "vector": [[1.0], [3.0], [1.0], [9.0]],
        }
    )
    rows = np.array([0, 1, 2])
    encoder = FieldEncoder()
    encoded = encoder.learn(frame, rows)
    assert encoder.vocabularies_[0].tolist() == ["a", "b"]
    assert encoded["ids"].ravel().tolist() == [2, 3, 3, 1]
    assert encoder.spec_ == FieldSpec((8, 8), (0,), 1, (SequenceSpec(1, 2),), ((1,),))
    # A list may be longer than any of those that were learnt from.
    assert encoded["sequence_0"].shape == (4, 24)
    assert encoded["sequence_0"][:3, -2:].tolist() == [[0, 2], [3, 3], [0, 0]]
    assert encoded["sequence_0"].sum(axis=1).tolist() == [2, 6, 0, 20]
    np.testing.assert_array_equal(encoded["numbers"].ravel(), frame["price"])

    encoder.update_scale(encoded["numbers"][rows], np.ones(3))
    alone = FieldEncoder()
    fitted = alone.fit_transform(frame[:3])
    prepared = encoder.prepare(encoded)
    assert encoder.spec_ == alone.spec_
    for name, array in fitted.items():
        own = prepared[name][:3]
        own = own[:, -2:] if name == "sequence_0" else own
        np.testing.assert_array_equal(own, array)
    for name, array in alone.transform(frame).items():
        np.testing.assert_array_equal(prepared[name], array)


def test_repeated_rows_count_as_often(clicks):
    frame = clicks[["text", "history"]]
    encoder = FieldEncoder(min_count=2)
    encoder.learn(frame, [0, 1, 1])
    assert encoder.vocabularies_[0].tolist() == ["y"]
    assert encoder.vocabularies_[1].tolist() == []


def test_rows_of_weight_zero_are_left_out(clicks):
    weight = [2.0, 0.0, 1.0]
    shared = [("item", "history")]
    weighted = FieldEncoder(shared_embeddings=shared).fit(clicks, None, weight)
    twice = FieldEncoder(shared_embeddings=shared).fit(clicks.iloc[[0, 0, 2]])
    assert weighted.spec_ == twice.spec_
    for name, array in twice.transform(clicks).items():
        np.testing.assert_allclose(
            weighted.transform(clicks)[name], array, rtol=1e-6, atol=1e-7
        )


@pytest.mark.parametrize(
    ("n", "size"),
    [(0, 8), (8, 8), (9, 9), (16, 16), (17, 18), (33, 36), (1000, 1024), (1025, 1152)],
)
def test_sizes_on_a_grid_of_eight_steps_an_octave(n, size):
    assert round_up(n, steps=8, least=8) == size


def test_folds_have_the_same_sizes():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "user": rng.zipf(1.3, 3000) % 700,
            "seen": [list(range(k)) for k in rng.integers(9, 30, 3000)],
        }
    )
    specs = set()
    for fold in range(5):
        encoder = FieldEncoder(["user"])
        encoder.learn(frame, np.arange(3000) % 5 != fold)
        specs.add(encoder.spec_)
    assert len(specs) == 1


def test_images_are_scaled_by_channel():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (40, 5, 4, 3)).astype("uint8")
    frame = pd.DataFrame({"image": list(images)})
    encoder = FieldEncoder(numbers="standard")
    scaled = encoder.fit_transform(frame)["array_0"]
    assert encoder.spec_.arrays == ((5, 4, 3),)
    expected = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
    np.testing.assert_allclose(scaled, expected, atol=1e-5)
    raw = FieldEncoder(numbers=None).fit_transform(frame)["array_0"]
    assert (raw == images).all()


def test_the_scale_of_arrays_is_that_of_the_given_rows_and_weights():
    frame = pd.DataFrame({"vector": [[6.4], [2.0], [1.6], [6.0]]})
    encoder = FieldEncoder(numbers="standard")
    encoded = encoder.learn(frame, [1, 3], [9.0, 3.0, 9.0, 1.0])
    expected = (frame["vector"].explode().astype(float) - 3) / np.sqrt(3)
    found = encoder.prepare(encoded)["array_0"][:, 0]
    np.testing.assert_allclose(found, expected.astype("float32"), rtol=1e-6)


def test_pickles_and_clones(clicks):
    encoder = FieldEncoder(shared_embeddings=[("item", "history")], min_count=1)
    encoded = encoder.fit_transform(clicks)
    restored = pickle.loads(pickle.dumps(encoder))
    for name, array in restored.transform(clicks).items():
        np.testing.assert_array_equal(array, encoded[name])
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    assert not hasattr(copy, "spec_")
