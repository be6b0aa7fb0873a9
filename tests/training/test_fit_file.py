"""A stored fit is read as it was written, bit for bit, or not at all."""

import io
import json

import ml_dtypes
import numpy as np
import pytest

from skrec.training import _fit_file
from skrec.training._fit_file import UnusableFileError, read_fit, write_fit
from skrec.training.state import Best, Progress, State

KEY = "0123456789abcdef" * 2


def made(stopped=False):
    """Return a training with every kind of array and number that a file may hold."""
    generator = np.random.default_rng(0)
    weights = [
        generator.normal(size=(3, 2)).astype("float32"),
        np.asfortranarray(generator.normal(size=(2, 3))),
        generator.normal(size=2).astype(ml_dtypes.bfloat16),
        np.zeros((0, 3), "float32"),
    ]
    state = State(weights, [np.array(7), np.array([0.1])], 2)
    history = [{"loss": 0.1, "per class": [1.0, float("nan")]}, {"loss": float("inf")}]
    notes = {"wait": 1, "best": 0.3, "best_weights": [weights[0] + 1]}
    best = Best(-0.5, 1, [weight + 1 for weight in weights])
    return Progress(state, history, best, stopped, [notes, {}])


def content_of(progress):
    file = io.BytesIO()
    write_fit(file, KEY, progress)
    return file.getvalue()


def read(path, content, key=KEY, epoch=2, like=None):
    path.write_bytes(content)
    with open(path, "rb") as file:
        return read_fit(file, key, epoch, like or made().state)


def bits(progress):
    """Return all of a training, as something to compare."""
    groups = [progress.state.weights, progress.state.optimizer, progress.best.weights]
    groups += [notes.get("best_weights") for notes in progress.callbacks]
    arrays = [(a.dtype, a.shape, a.tobytes()) for g in groups for a in g or []]
    notes = [{k: v for k, v in n.items() if v is not None} for n in progress.callbacks]
    named = [{k: v for k, v in n.items() if k != "best_weights"} for n in notes]
    best = progress.best.loss, progress.best.epoch
    rest = [progress.state.epoch, progress.history, best, progress.stopped, named]
    return arrays, repr(rest)


@pytest.mark.parametrize("progress", [made(), made(True), Progress(State([], [], 0))])
def test_what_is_read_is_what_was_written(progress, tmp_path):
    content, epoch = content_of(progress), progress.state.epoch
    found = read(tmp_path / "fit", content, epoch=epoch, like=progress.state)
    assert bits(found) == bits(progress)
    for array in found.state.weights:
        assert array.flags.writeable
    # Readable by NumPy too, with nothing in it that would have to be unpickled.
    assert "about" in np.load(io.BytesIO(content), allow_pickle=False)


# By day, one byte in 23.
@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.nightly)])
def test_no_damage_is_read_as_something_else(step, tmp_path):
    whole, generator = content_of(made()), np.random.default_rng(0)
    n_refused = 0
    for place in range(0, len(whole), step):
        bit = generator.integers(8)
        flipped = bytearray(whole)
        flipped[place] ^= 1 << bit
        other = bytearray(whole)
        other[place] = generator.integers(256)
        longer = whole[:place] + b"?" + whole[place:]
        swapped = whole[place:] + whole[:place]
        for damaged in (flipped, other, longer, swapped, whole[:place]):
            try:
                found = read(tmp_path / "fit", damaged)
            except UnusableFileError:
                n_refused += 1
            else:  # where nothing stands that counts, such as a date
                assert bits(found) == bits(made())
    assert n_refused > 3 * len(whole) // step


def rewritten(change, deflate=False):
    """Return a file whose digest is right, with something else in it."""
    arrays = dict(np.load(io.BytesIO(content_of(made()))))
    del arrays["skrec_fit"]
    about = json.loads(arrays["about"].tobytes())
    text = change(about, arrays) or json.dumps(about)
    arrays["about"] = np.frombuffer(text.encode(), np.uint8)
    first = np.frombuffer(_fit_file._digest(arrays.values()), np.uint8)
    file = io.BytesIO()
    save = np.savez_compressed if deflate else np.savez
    save(file, skrec_fit=first, **arrays)
    return file.getvalue()


def put(**items):
    return lambda about, arrays: about.update(items)


def grow(about, arrays):
    arrays["weight_0"] = np.zeros((4, 2), "float32")


NONSENSE = {
    "history": put(history=7),
    "logs": put(history=["a", "b"]),
    "a number of the history": put(history=[{"loss": "low"}, {"loss": None}]),
    "length of the history": put(history=[{"loss": 1.0}]),
    "epoch": put(epoch=-2),
    "epoch of another type": put(epoch="2"),
    "key": put(key="another"),
    "format": put(format=3),
    "best": put(best_loss="low"),
    "best epoch": put(best_epoch=[1]),
    "stopped": put(stopped="no"),
    "callbacks": put(callbacks=[1]),
    "notes of callbacks": put(callbacks=[{"wait": "long", "best_weights": None}] * 2),
    "no object": lambda about, arrays: "[]",
    "not JSON": lambda about, arrays: "{",
    "nested deeply": lambda about, arrays: "[" * 100_000,
    "shape": grow,
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_that_looks_whole_is_refused(name, tmp_path):
    assert bits(read(tmp_path / "fit", rewritten(put()))) == bits(made())
    with pytest.raises(UnusableFileError):
        read(tmp_path / "fit", rewritten(NONSENSE[name]))


def test_what_another_program_has_changed_is_refused(tmp_path):
    arrays = dict(np.load(io.BytesIO(content_of(made()))))
    for name, array in arrays.items():  # each, with sums that zipfile finds right
        if array.size:
            content = bytearray(array.tobytes())
            content[-1] ^= 1
            changed = np.frombuffer(content, array.dtype).reshape(array.shape)
            file = io.BytesIO()
            np.savez(file, **{**arrays, name: changed})
            with pytest.raises(UnusableFileError):
                read(tmp_path / "fit", file.getvalue())


def test_what_a_header_claims_is_not_allocated(tmp_path):
    content = content_of(made())
    claims = b"'shape': (3, 2), }", b"'shape': (300000,2000000), }"
    assert claims[0] in content
    huge = content.replace(claims[0] + b" " * 10, claims[1])
    assert len(huge) == len(content)
    assert huge != content
    with pytest.raises(UnusableFileError):
        read(tmp_path / "fit", huge)
    with pytest.raises(UnusableFileError, match="size"):  # as of a bomb
        read(tmp_path / "fit", rewritten(put(), deflate=True))


def test_only_what_skrec_has_begun_to_write_begins_as_its_own():
    whole = content_of(made())
    assert all(
        _fit_file.begins_as_ours(io.BytesIO(whole[:size])) for size in range(100)
    )
    theirs = io.BytesIO()
    np.savez(theirs, measured=np.zeros(3))
    for content in (theirs.getvalue(), b"hello", bytes(100)):
        assert not _fit_file.begins_as_ours(io.BytesIO(content))
