"""Files that are damaged, foreign, newer or made to harm: one error, no code run."""

import io
import json
import os
import pickle
import re
import shutil
import struct
import threading
import zipfile

import numpy as np
import pytest
from scipy import sparse

from skrec import MLPClassifier
from skrec.io import UnusableFileError, _archive, dump, info, load
from skrec.recommenders import ItemKNNRecommender
from tests.io.changed import (
    CANARY,
    LOG,
    TABLE,
    attribute,
    node,
    put,
    schema_of,
    with_array,
    with_members,
    with_schema,
)
from tests.io.today import EVENTS, ROWS

# ---- what a file of today says -------------------------------------------------------


def test_a_file_of_the_first_format_is_read():
    model = load(TABLE)
    expected = [
        0.132605463374884,
        0.16796596730287544,
        0.15012250541118333,
        0.8171900149759306,
    ]
    found = model.predict_proba(ROWS[:4])[:, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-5)  # of another CPU too
    recommender = load(LOG)
    found = recommender.recommend([0, 1], n=3, exclude_seen=False)
    assert found["item"].tolist()[:4] == ["shop-1", "shop-2", "shop-3", "shop-2"]


def test_info_tells_what_is_in_it_and_reads_nothing_else(tmp_path):
    said = info(TABLE)
    assert said["class"] == "skrec.estimators.deepfm.DeepFMClassifier"
    assert said["parameters"]["units"] == 3
    assert said["columns"] == [
        {"name": "user", "kind": "id", "dtype": "str"},
        {"name": "price", "kind": "number", "dtype": "float"},
        {"name": "seen", "kind": "sequence", "dtype": "str"},
    ]
    assert said["classes"] == ["buys", "leaves"]
    assert said["metrics"] == {"accuracy": 0.5}
    assert said["versions"]["skrec"] == "0.1.0"
    assert (said["format"], said["optimizer"], said["fitted"]) == (1, False, True)
    changed = with_members(tmp_path, {"schema.json": b"no JSON"})
    assert info(changed) == said
    columns = info(LOG)["columns"]
    assert columns[0] == {"name": "user", "kind": "user", "dtype": "int64"}


VOCABULARY = ("_inputs", "encoder", "_vocabularies", 0)
ARRAYS = {
    "weights of another shape": (
        ("_state", "weights", 0),
        lambda array: np.repeat(array, 2, axis=0),
        "the network has other weights than the file",
    ),
    "weights in another precision": (
        ("_state", "weights", 0),
        lambda array: array.astype(np.float64),
        "not the shapes of its network",
    ),
    "strings that are no UTF-8": (
        (*VOCABULARY, "text"),
        lambda array: np.full_like(array, 255),
        "decode",
    ),
    "strings of other lengths": (
        (*VOCABULARY, "lengths"),
        lambda array: array + 1,
        "do not have the lengths",
    ),
    "an id twice": (
        (*VOCABULARY, "text"),
        lambda array: np.resize(array[:6], len(array)),
        "twice",
    ),
    "fewer classes": (
        ("_target", "classes"),
        lambda array: np.array(["a", "b", "c"]),
        "outputs",
    ),
    "a scale of more columns": (
        ("_inputs", "encoder", "_numbers", "scaler", "centre"),
        lambda array: np.zeros(3),
        "scale is of another number of columns",
    ),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_an_array_that_does_not_fit_is_refused(what, tmp_path):
    names, change, message = ARRAYS[what]
    path = with_array(tmp_path, change, *names)
    with pytest.raises(UnusableFileError, match=message):
        load(path)


EVENT_ARRAYS = {
    "an item that is not there": (
        ("_log", "items"),
        lambda array: np.where(array == 0, 99, array).astype(array.dtype),
        "codes of users or items",
    ),
    "an item before the first": (
        ("_log", "items"),
        lambda array: np.where(array == 0, -1, array).astype(array.dtype),
        "codes of users or items",
    ),
    "users with more events": (
        ("_log", "users"),
        lambda array: array + 10**8,
        "as many events",
    ),
    "an item that nobody knows": (
        ("_interactions", "items", "lengths"),
        lambda array: np.array([36], array.dtype),
        "other numbers of users and items",
    ),
}


@pytest.mark.parametrize("what", EVENT_ARRAYS)
def test_events_that_do_not_fit_are_refused(what, tmp_path):
    names, change, message = EVENT_ARRAYS[what]
    path = with_array(tmp_path, change, *names, source=LOG)
    with pytest.raises(UnusableFileError, match=message):
        load(path)


def test_a_sparse_matrix_that_points_beyond_itself_is_refused(tmp_path):
    member = attribute(schema_of(LOG), "similarities_")["file"]
    with zipfile.ZipFile(LOG) as archive:
        matrix = sparse.load_npz(io.BytesIO(archive.read(member)))
    matrix.indices[0] = 10**6
    content = io.BytesIO()
    sparse.save_npz(content, matrix)
    path = with_members(tmp_path, {member: content.getvalue()}, source=LOG)
    with pytest.raises(UnusableFileError, match="indices"):
        load(path)


def matrix_of(folder, write):
    """Write a copy in which the similarities are another archive."""
    member = attribute(schema_of(LOG), "similarities_")["file"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as parts:
        write(parts)
    return with_members(folder, {member: content.getvalue()}, source=LOG)


def zeros(size):
    content = io.BytesIO()
    np.save(content, np.zeros(size))
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("data.npy", zipfile.ZIP_DEFLATED, "larger than it can be"),
        ("data.npy", zipfile.ZIP_BZIP2, "larger than it can be"),
        ("more.npy", zipfile.ZIP_DEFLATED, "no sparse matrix"),
    ],
)
def test_a_sparse_matrix_that_would_fill_the_memory_is_refused(
    name, how, message, tmp_path, monkeypatch
):
    path = matrix_of(tmp_path, lambda parts: parts.writestr(name, zeros(10**6), how))
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(UnusableFileError, match=message):
        load(path)


def test_a_text_that_would_fill_the_memory_is_refused(tmp_path):
    schema = json.dumps(schema_of())[:-1]
    filler = os.urandom(2500).hex()  # so that it is not compressed too well
    text = f'{schema}, "y": "{filler}", "z": [{"[]," * 3 * 10**5}[]]}}'
    path = tmp_path / "changed.skrec"
    with zipfile.ZipFile(TABLE) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.infolist():
            is_it = member.filename == "schema.json"
            new.writestr(member, text if is_it else old.read(member))
    with pytest.raises(
        UnusableFileError, match=r"schema\.json' says that it is larger"
    ):
        load(path)


def test_a_text_has_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setitem(_archive.LARGEST, "schema.json", 10**4)
    with pytest.raises(UnusableFileError, match=r"schema\.json' is too long"):
        load(TABLE)
    with pytest.raises(ValueError, match="a file may have 10000"):
        dump(MLPClassifier(units=[1] * 100), tmp_path / "model.skrec")
    assert os.listdir(tmp_path) == []


def test_what_is_very_much_alike_is_loaded_again(tmp_path):
    model = MLPClassifier(units=[None] * 3000)
    model.similarities = sparse.csr_array(np.ones((300, 300)))
    dump(model, tmp_path / "model.skrec")
    loaded = load(tmp_path / "model.skrec")
    assert loaded.units == model.units
    assert (loaded.similarities != model.similarities).nnz == 0


@pytest.mark.parametrize("module", ["losses", "metrics"])
@pytest.mark.parametrize("name", ["get", "deserialize"])
def test_what_looks_for_something_by_a_name_is_not_trusted(module, name, tmp_path):
    own = node("FunctionNode", f"keras.src.{module}.{name}")
    path = with_schema(tmp_path, lambda schema: put(schema, own, "units"))
    with pytest.raises(UnusableFileError, match=rf"\['keras.src.{module}.{name}'\]"):
        load(path)


# ---- archives ------------------------------------------------------------------------


def array_with_header(shape, descr):
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return content.getvalue() + b"0" * 64


class Harmful:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {CANARY}",)


def pickled_array():
    content = io.BytesIO()
    np.save(content, np.array([Harmful()], dtype=object), allow_pickle=True)
    return content.getvalue()


def first_array():
    return attribute(schema_of(), "_target", "classes")["file"]


def a_bit(path):
    """Turn a bit within the numbers of an array."""
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(first_array()).header_offset
    content = bytearray(path.read_bytes())
    content[start + 200] ^= 1
    path.write_bytes(content)


def header(path, **changes):
    with zipfile.ZipFile(path) as archive:
        said = json.loads(archive.read("skrec.json"))
    with_members(path.parent, {"skrec.json": json.dumps({**said, **changes})})


def said_size(path):
    """Say that a member is as large as the memory."""
    content = path.read_bytes()
    start = content.rindex(b"PK\x01\x02")
    huge = struct.pack("<I", 2**31)
    path.write_bytes(content[: start + 24] + huge + content[start + 28 :])


def bomb(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.npy", bytes(2**24))


def bomb_of_text(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extra.json", bytes(2**24))


def long_text(path):
    schema = json.dumps(schema_of())
    with zipfile.ZipFile(path) as archive:
        said = archive.read("skrec.json")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("skrec.json", said)
        archive.writestr("schema.json", schema + " " * 2**24)


def plain_skops(path):
    with zipfile.ZipFile(path) as archive:
        content = {n: archive.read(n) for n in archive.namelist() if n != "skrec.json"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, own in content.items():
            archive.writestr(name, own)


def twice(path):
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(path, "a") as more,
    ):
        more.writestr("schema.json", "{}")


def member(content):
    return lambda path: with_members(path.parent, {first_array(): content()})


ARCHIVES = {
    "torn": (lambda path: path.write_bytes(path.read_bytes()[:-500]), "not whole"),
    "empty": (lambda path: path.write_bytes(b""), "not whole"),
    "begun": (lambda path: path.write_bytes(path.read_bytes()[:3000]), "not whole"),
    "a bit": (a_bit, "CRC|not whole"),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps(Harmful())), "not whole"),
    "a file of skops": (plain_skops, r"use skops\.io\.load"),
    "newer": (lambda path: header(path, format=2), "install a newer skrec"),
    "no format": (lambda path: header(path, format="1"), "does not tell its format"),
    "no header": (lambda path: header(path, format=None), "does not tell its format"),
    "pickled objects": (member(pickled_array), "no array of numbers"),
    "a shape too large": (
        member(lambda: array_with_header((10**12,), "<f8")),
        "another size than its shape says",
    ),
    "a shape below zero": (
        member(lambda: array_with_header((-1,), "<f8")),
        "another size than its shape says|not as it was written",
    ),
    "no array": (member(lambda: b"text"), "not as it was written"),
    "a missing array": (member(lambda: None), "cannot be loaded"),
    "said size": (said_size, "larger than it can be|not whole"),
    "a bomb": (bomb, "compressed"),
    "a bomb of text": (bomb_of_text, "which no dump does"),
    "a long text": (long_text, "larger than it can be"),
    "a member twice": (twice, "there twice"),
    "another member": (
        lambda path: with_members(path.parent, more={"../evil.py": "1"}),
        r"'\.\./evil\.py'",
    ),
    "JSON that never ends": (
        lambda path: with_members(path.parent, {"schema.json": "[" * 10**5}),
        "nested deeper",
    ),
}


@pytest.mark.parametrize("damage", ARCHIVES)
def test_an_archive_that_was_changed_is_refused(damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "changed.skrec"
    shutil.copy(TABLE, path)
    change, message = ARCHIVES[damage]
    change(path)
    with pytest.raises(UnusableFileError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert not os.path.exists(CANARY)


def test_what_is_no_file_is_not_opened(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.skrec")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UnusableFileError, match="not a regular file"):
            load(path)
    os.symlink(TABLE, tmp_path / "link.skrec")
    assert load(tmp_path / "link.skrec").units == 3


def test_a_function_without_a_name_is_refused_before_anything_is_written(tmp_path):
    import skrec

    def inner():
        """Stand in another function."""

    for build in (inner, lambda: None):
        model = skrec.KerasClassifier(build)
        with pytest.raises(ValueError, match="at the top of a module"):
            dump(model, tmp_path / "model.skrec")
    for lost in (re.compile("8"), threading.Lock(), (n for n in [])):
        with pytest.raises(ValueError, match=r"can be kept|cannot be kept"):
            dump(skrec.MLPClassifier(units=lost), tmp_path / "model.skrec")
    assert os.listdir(tmp_path) == []


def test_a_recommender_of_another_shop_is_itself(tmp_path):
    dump(ItemKNNRecommender().fit(EVENTS), tmp_path / "model.skrec")
    found = load(tmp_path / "model.skrec").recommend([0], n=3, exclude_seen=False)
    expected = load(LOG).recommend([0], n=3, exclude_seen=False)
    assert found.equals(expected)
