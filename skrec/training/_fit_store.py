"""The folder of stored fits: what in it is skrec's, and what of that may be removed.

Someone else's file is never removed, nor is anything behind a link: the folder bears a
name and a marker of skrec's, a file a name and a beginning.
"""

import contextlib
import os
import re
import stat
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from skrec.training._fit_file import UnusableFileError, begins_as_ours, open_regular
from skrec.training._processes import may_live, this_machine

STORE = "skrec-finished-fits"
MARKER = "made-by-skrec"
LIMIT = "limit"
# A file that nobody has written to for so long is given up by whoever began it, where
# that cannot be asked: on another machine, or in another container.
ABANDONED_SECONDS = 3600.0
_FOLDER = re.compile(r"[0-9a-f]{32,}")
_STATE = re.compile(r"([0-9]{6,9})\.npz")
_TEMPORARY = re.compile(r"([0-9a-f]{16})-([0-9]+)-[0-9a-f]{32}\.tmp")


class NotOurStoreError(OSError):
    """A folder that skrec has not made, though it has the name."""


class StoredFile(NamedTuple):
    """A file of a store.

    Parameters
    ----------
    path : Path
        Where it is.
    used_at : float
        When it was last written or found, in seconds since 1970.
    n_bytes : int
        Its size.
    epoch : int or None
        Number of epochs trained for it; None for one that is, or was, being written.
    """

    path: Path
    used_at: float
    n_bytes: int
    epoch: int | None


class Contents(NamedTuple):
    """What a store holds.

    Parameters
    ----------
    files : list of StoredFile
        Those with names of skrec's.
    empty : list of str
        Folders of fits in which there is nothing that can be seen.
    others : dict of Path to str
        What is left alone, and why.
    n_bytes : int
        Size of the files, with those of the store itself.
    """

    files: list[StoredFile]
    empty: list[str]
    others: dict[Path, str]
    n_bytes: int


def store_of(memory: Any) -> Path:
    """Return the store in a path or in a ``joblib.Memory``.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        Parameter of an estimator.

    Returns
    -------
    Path
        Absolute, so that it stays where it is when the working directory changes.

    Raises
    ------
    TypeError, ValueError
        If `memory` is something else.
    """
    location = getattr(memory, "location", memory)
    if not isinstance(location, str | os.PathLike):
        raise TypeError(
            "memory must be a path or a joblib.Memory with a location. "
            f"Received: {memory!r}."
        )
    if "\0" in os.fsdecode(location):
        raise ValueError(f"memory must be a path. Received: {location!r}, with a NUL.")
    return Path(location).absolute() / STORE


def require_ours(store: Path) -> None:
    """Raise if a store is a link, or lacks the marker of one that skrec made.

    Parameters
    ----------
    store : Path
        A folder that exists.

    Raises
    ------
    NotOurStoreError
        If so.
    """
    if store.is_symlink():
        raise NotOurStoreError(
            f"{store} is a link, which is not followed: give memory= the folder that "
            "holds what it points to"
        )
    if not (store / MARKER).is_file():
        raise NotOurStoreError(
            f"{store} holds no file {MARKER!r}, so skrec has not made it: move it away"
        )


def make_store(store: Path) -> None:
    """Make a store where there is none.

    Parameters
    ----------
    store : Path
        The folder.

    Raises
    ------
    OSError
        If that fails, or something else is there.
    """
    store.mkdir(parents=True, exist_ok=True)
    marker = store / MARKER
    if not (store.is_symlink() or marker.exists() or os.listdir(store)):
        marker.touch()
    require_ours(store)


def state_path(folder: Path, epoch: int) -> Path:
    """Return the file of a fit after so many epochs.

    Parameters
    ----------
    folder : Path
        That of the fit.
    epoch : int
        Number of epochs.

    Returns
    -------
    Path
        The file.
    """
    return folder / f"{epoch:06d}.npz"


def epochs_in(folder: Path) -> list[int]:
    """Return the numbers of epochs at which a fit is stored.

    Parameters
    ----------
    folder : Path
        That of the fit.

    Returns
    -------
    list of int
        Empty where there is no such folder, or a link in its place.
    """
    try:
        if folder.is_symlink() or folder.parent.is_symlink():
            return []
        names = os.listdir(folder)
    except OSError:
        return []
    epochs = [_epoch_of(name) for name in names]
    return [epoch for epoch in epochs if epoch is not None]


def _epoch_of(name: str) -> int | None:
    found = _STATE.fullmatch(name)
    epoch = int(found[1]) if found else 0
    return epoch if name == f"{epoch:06d}.npz" and epoch else None


# ---- files that are being written --------------------------------------------------


def temporary_path(folder: Path) -> Path:
    """Return a file to write to, whose name says who does.

    Parameters
    ----------
    folder : Path
        That of the fit.

    Returns
    -------
    Path
        The file.
    """
    return folder / f"{this_machine()}-{os.getpid()}-{uuid.uuid4().hex}.tmp"


def _is_being_written(file: StoredFile) -> bool:
    """Tell whether a process may still be at a file that it has not finished."""
    found = _TEMPORARY.fullmatch(file.path.name)
    if not found or time.time() - file.used_at > ABANDONED_SECONDS:
        return False
    return may_live(found[1], int(found[2]))


# ---- looking through ---------------------------------------------------------------


def contents(store: Path) -> Contents:
    """Look through a store; what another process removes meanwhile is left out.

    Parameters
    ----------
    store : Path
        The folder, which need not exist.

    Returns
    -------
    Contents
        What is in it, without following links.
    """
    found = Contents([], [], {}, 0)
    if not os.path.lexists(store):
        return found
    try:
        require_ours(store)
    except OSError as error:
        found.others[store] = str(error)
        return found
    n_bytes = 0
    for entry in _entries(store, found.others):
        if _is_file(entry) and entry.name in (MARKER, LIMIT):
            with contextlib.suppress(OSError):
                n_bytes += entry.stat(follow_symlinks=False).st_size
        elif entry.is_dir(follow_symlinks=False) and _FOLDER.fullmatch(entry.name):
            _look_through(entry.path, found)
        else:
            found.others[Path(entry.path)] = _NOT_OURS
    return found._replace(n_bytes=n_bytes + sum(file.n_bytes for file in found.files))


_NOT_OURS = "its name is none of skrec's, or it is a link"


def _look_through(folder: str, found: Contents) -> None:
    n_entries = 0
    for entry in _entries(folder, found.others):
        n_entries += 1
        path, epoch = Path(entry.path), _epoch_of(entry.name)
        is_ours = epoch is not None or _TEMPORARY.fullmatch(entry.name)
        if not is_ours or not _is_file(entry):
            found.others[path] = _NOT_OURS
            continue
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            found.files.append(StoredFile(path, status.st_mtime, status.st_size, epoch))
    if not n_entries:
        found.empty.append(folder)


def _entries(folder: Path | str, others: dict[Path, str]) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        pass
    except OSError as error:
        others[Path(folder)] = str(error)
    return []


def _is_file(entry: os.DirEntry) -> bool:
    return entry.is_file(follow_symlinks=False)


def looked_at(path: Path) -> StoredFile | None:
    """Look at a file that has the name of a state.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    StoredFile or None
        None if it is gone.
    """
    try:
        status = path.lstat()
    except OSError:
        return None
    return StoredFile(path, status.st_mtime, status.st_size, _epoch_of(path.name))


# ---- removing ----------------------------------------------------------------------


def remove(file: StoredFile) -> str | None:
    """Remove a file that skrec has written, and its folder if that was the last one.

    Parameters
    ----------
    file : StoredFile
        The file.

    Returns
    -------
    str or None
        Why it was not removed; None if it is gone.
    """
    if file.epoch is None and _is_being_written(file):
        return "a process is writing it"
    try:
        with open_regular(file.path) as opened:
            if not begins_as_ours(opened):
                return "it does not begin as what skrec writes"
        discard(file.path)
    except FileNotFoundError:
        return None
    except (OSError, UnusableFileError) as error:
        return str(error)
    return None


def discard(path: Path) -> None:
    """Remove a file that has to be skrec's, and its folder if that was the last one.

    Parameters
    ----------
    path : Path
        A file in the folder of a fit.
    """
    path.unlink(missing_ok=True)
    remove_empty(path.parent)


def remove_empty(folder: Path | str) -> None:
    """Remove the folder of a fit if there is nothing in it.

    Parameters
    ----------
    folder : Path or str
        The folder.
    """
    with contextlib.suppress(OSError):
        os.rmdir(folder)


# ---- the limit ---------------------------------------------------------------------


def read_limit(store: Path) -> int | None:
    """Return the largest size of a store.

    Parameters
    ----------
    store : Path
        The folder.

    Returns
    -------
    int or None
        In bytes; None for no limit.
    """
    try:
        with open_regular(store / LIMIT) as file:
            limit = int(file.read(32))
    except (OSError, ValueError):
        return None
    return limit if limit > 0 else None


def write_limit(store: Path, max_bytes: int | None) -> None:
    """Set the largest size of a store.

    Parameters
    ----------
    store : Path
        A folder that exists.
    max_bytes : int or None
        In bytes; None for no limit.
    """
    if max_bytes is None:
        (store / LIMIT).unlink(missing_ok=True)
        return
    if not _may_be_written(store / LIMIT):
        raise NotOurStoreError(f"{store / LIMIT} is no regular file: move it away")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(store / LIMIT, flags, 0o666), "w") as file:
        file.write(str(int(max_bytes)))


def _may_be_written(path: Path) -> bool:
    """Tell whether nothing is there, or a file: a pipe would wait for a reader."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return True
