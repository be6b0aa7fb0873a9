"""A stored training as a file: a NumPy archive that is checked before it is believed.

The first member holds a digest of all the others, which come in the shapes and dtypes
that the fit expects, or the file is refused before they are read. Nothing is unpickled.
"""

import io
import json
import os
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import xxhash

from skrec.training.state import Best, Progress, State

FORMAT = 11  # of the files, and of the training whose results are in them
_FIRST = "skrec_fit"
_SIGNATURE, _NAME_AT = b"PK\x03\x04", 30  # of a zip file, and where its first name is
_WEIGHTS = "best_weights"  # noted by a callback; all else that one notes are numbers


class UnusableFileError(ValueError):
    """A file that is not what it should be.

    Examples
    --------
    >>> import tempfile
    >>> import skrec.io
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         skrec.io.load(file.name)
    ...     except skrec.io.UnusableFileError as error:
    ...         print("not whole" in str(error))
    True
    """


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading if it is one: no link, pipe, device or folder.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    file object
        Of bytes.

    Raises
    ------
    OSError
        If it cannot be opened.
    UnusableFileError
        If it is something else.
    """
    # A pipe would wait for a writer, and opening a device may set it going.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise UnusableFileError("it is not a regular file")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return open(os.open(path, flags | getattr(os, "O_NOFOLLOW", 0)), "rb")


def begins_as_ours(file: IO[bytes]) -> bool:
    """Tell whether a file is one that :func:`write_fit` has written, or begun to.

    Parameters
    ----------
    file : file object
        Opened for reading, at its beginning.

    Returns
    -------
    bool
        True for an empty file too, which is what a power failure may leave.
    """
    name = f"{_FIRST}.npy".encode()
    head = file.read(_NAME_AT + len(name))
    found = head[: len(_SIGNATURE)], head[_NAME_AT:]
    return _SIGNATURE.startswith(found[0]) and name.startswith(found[1])


def write_fit(file: IO[bytes], key: str, progress: Progress) -> None:
    """Write a training as far as it got.

    Parameters
    ----------
    file : file object
        Opened for writing.
    key : str
        Digest of what the fit depends on.
    progress : Progress
        Everything that training changes.
    """
    best = progress.best
    weights = [noted.get(_WEIGHTS) for noted in progress.callbacks]
    about = {
        "format": FORMAT,
        "key": key,
        "epoch": progress.state.epoch,
        "history": progress.history,
        "best_loss": best.loss,
        "best_epoch": best.epoch,
        "has_best": best.weights is not None,
        "stopped": progress.stopped,
        "callbacks": [
            {**noted, _WEIGHTS: None if arrays is None else len(arrays)}
            for noted, arrays in zip(progress.callbacks, weights, strict=True)
        ],
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    state = progress.state
    groups = [state.weights, state.optimizer, best.weights or []]
    groups += [arrays or [] for arrays in weights]
    members = {"about": text} | _named(groups)
    first = np.frombuffer(_digest(members.values()), np.uint8)
    np.savez(file, allow_pickle=False, **{_FIRST: first}, **members)


def read_fit(file: IO[bytes], key: str, epoch: int, like: State) -> Progress:
    """Read a training, if every bit of it is as it was written.

    Parameters
    ----------
    file : file object
        Opened for reading.
    key : str
        Digest of what the fit depends on.
    epoch : int
        Number of epochs that it should have trained.
    like : State
        An untrained state, whose shapes the stored one must have.

    Returns
    -------
    Progress
        What was written.

    Raises
    ------
    UnusableFileError
        If anything is wrong with it.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(archive, key, epoch, like)
    # A damaged archive makes zipfile, zlib, json and NumPy raise whatever they come to.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise UnusableFileError(reason) from error


def _read(archive: zipfile.ZipFile, key: str, epoch: int, like: State) -> Progress:
    text = _text(archive)
    about = json.loads(text.tobytes())
    if (about["format"], about["key"]) != (FORMAT, key):
        raise ValueError("it belongs to another fit or format")
    if about["epoch"] != epoch or not _is_sound(about):
        raise ValueError("it belongs to another number of epochs")
    n_best = len(like.weights) if about["has_best"] else None
    counts = [noted[_WEIGHTS] for noted in about["callbacks"]]
    groups = [like.weights, like.optimizer]
    groups += [like.weights[: count or 0] for count in (n_best, *counts)]
    arrays = {
        name: _array(archive, name, array) for name, array in _named(groups).items()
    }
    first = _array(archive, _FIRST, np.empty(16, np.uint8))
    if first.tobytes() != _digest([text, *arrays.values()]):
        raise ValueError("its digest is another")
    stored = iter(arrays.values())
    weights, optimizer, best, *noted = (
        [next(stored).view(array.dtype) for array in group] for group in groups
    )
    callbacks = [
        {**numbers, _WEIGHTS: None if count is None else own}
        for numbers, count, own in zip(about["callbacks"], counts, noted, strict=True)
    ]
    return Progress(
        State(weights, optimizer, epoch),
        about["history"],
        Best(
            about["best_loss"], about["best_epoch"], best if about["has_best"] else None
        ),
        about["stopped"],
        callbacks,
    )


def _is_sound(about: dict[str, Any]) -> bool:
    """Tell whether what is said of a training is of the types that were written."""
    history, callbacks = about["history"], about["callbacks"]
    counts = [noted[_WEIGHTS] for noted in callbacks]
    numbers = [about["best_loss"], *(list(logs.values()) for logs in history)]
    notes = [v for noted in callbacks for v in noted.values() if v is not None]
    return (
        len(history) == about["epoch"]
        and _are_numbers([numbers, notes])
        and type(about["best_epoch"]) in (int, type(None))
        and all(count is None or type(count) is int for count in counts)
        and {type(about["has_best"]), type(about["stopped"])} == {bool}
    )


def _are_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_are_numbers, value))
    return type(value) in (int, float)


def _named(groups: list[list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Name arrays by their group and place, as they are stored."""
    names = ["weight", "optimizer", "best"]
    names += [f"callback_{number}" for number in range(len(groups) - len(names))]
    return {
        f"{name}_{place}": _as_stored(array)
        for name, group in zip(names, groups, strict=True)
        for place, array in enumerate(group)
    }


def _as_stored(array: np.ndarray) -> np.ndarray:
    """Order an array by rows; what NumPy has no name for, as bfloat16, is bytes."""
    array = np.asarray(array, order="C")
    if array.dtype.kind == "V":
        return array.view(f"V{array.dtype.itemsize}")
    return array


def _digest(arrays: Iterable[np.ndarray]) -> bytes:
    """Return the digest of arrays, whose shapes the reader knows."""
    content = xxhash.xxh3_128()
    for array in arrays:
        content.update(array.reshape(-1).view(np.uint8).data)
    return content.digest()


def _text(archive: zipfile.ZipFile) -> np.ndarray:
    """Read the member of bytes that says what the others are."""
    size = _member_size(archive, "about") - len(_header(np.empty(9, np.uint8)))
    return _array(archive, "about", np.empty(max(0, size), np.uint8))


def _member_size(archive: zipfile.ZipFile, name: str) -> int:
    """Return the size of a member, which cannot be that of more than the file."""
    info = archive.getinfo(f"{name}.npy")
    size = os.fstat(archive.fp.fileno()).st_size  # type: ignore[union-attr]
    if info.compress_type != zipfile.ZIP_STORED or not 0 <= info.file_size <= size:
        raise ValueError(f"the size of {name} is wrong")
    return info.file_size


def _array(archive: zipfile.ZipFile, name: str, like: np.ndarray) -> np.ndarray:
    """Read a member that must have the shape and dtype of an array."""
    header = _header(like)
    if _member_size(archive, name) != len(header) + like.nbytes:
        raise ValueError(f"{name} has another shape")
    with archive.open(f"{name}.npy") as member:
        if member.read(len(header)) != header:
            raise ValueError(f"{name} has another shape or type")
        content = bytearray(member.read(like.nbytes))
    return np.frombuffer(content, like.dtype).reshape(like.shape)


def _header(like: np.ndarray) -> bytes:
    """Return what NumPy writes before the numbers of an array."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, np.lib.format.header_data_from_array_1_0(like)
    )
    return header.getvalue()
