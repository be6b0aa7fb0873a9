"""Finished fits on disk: what was trained once is found again, and continued.

A seeded fit is a function of its data, parameters and seed. Their digest names a
folder, which holds the state after each number of epochs at which a fit has ended. A
fit that asks for more epochs goes on from the longest one.
"""

import bisect
import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import IO, Any, NamedTuple

from skrec._warn import warn_user
from skrec.training import _fit_store
from skrec.training._fit_file import (
    UnusableFileError,
    open_regular,
    read_fit,
    write_fit,
)
from skrec.training._fit_store import StoredFile, state_path, store_of
from skrec.training.state import Progress, State

# Seconds of training after which a fit that has not ended is stored as far as it got.
CHECKPOINT_SECONDS = 60.0
# A store of so many files that looking through it takes longer than this many seconds
# is looked through again only after WALK_SHARE times as many.
QUICK_WALK, WALK_SHARE = 0.01, 20
# Empty folders that are removed at a time, which takes up to 0.2 ms each.
EMPTY_AT_ONCE = 500
_warned: set[tuple[str, str]] = set()


def is_memory(memory: Any) -> bool:
    """Tell whether fits are to be remembered.

    Parameters
    ----------
    memory : str, path, joblib.Memory or None
        The parameter of an estimator.

    Returns
    -------
    bool
        False for None and for a ``joblib.Memory`` that has no location.
    """
    return getattr(memory, "location", memory) is not None


def warn_once(kind: str, about: str, message: str) -> None:
    """Warn at most once a process about one kind of thing.

    Parameters
    ----------
    kind, about : str
        What must be equal for a second warning to be left out.
    message : str
        What to say.
    """
    if (kind, about) not in _warned:
        _warned.add((kind, about))
        warn_user(message)


@dataclass
class FitMemory:
    """The stored states of one fit.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        Where all fits are stored.
    key : str
        Digest of what the fit depends on.
    continues : bool, default=True
        Whether a longer fit may go on from a shorter one. If not, the number of epochs
        belongs into the key.
    recalls : bool, default=True
        Whether to look for what is stored; if not, states are stored only.
    is_steady : callable, optional
        Tells whether what steers the training is as it was before: a schedule that
        counts its calls could not go on from a stored state.
    """

    memory: Any
    key: str
    continues: bool = True
    recalls: bool = True
    is_steady: Callable[[], bool] = lambda: True
    _saved_at: float = field(default_factory=time.monotonic, init=False)
    _checkpoint: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._store = store_of(self.memory)  # wherever the process goes from here
        self._folder = self._store / self.key

    def recall(self, epochs: int, like: State) -> Progress | None:
        """Return the longest stored training of at most so many epochs.

        Parameters
        ----------
        epochs : int
            Number of epochs that the fit asks for.
        like : State
            An untrained state, whose shapes the stored one must have.

        Returns
        -------
        Progress or None
            None if nothing is stored. Where a longer fit may not go on from a shorter
            one, a training that has not ended has epochs to go.
        """
        if not self.recalls:
            return None
        for epoch in sorted(_fit_store.epochs_in(self._folder), reverse=True):
            if epoch > epochs:
                continue
            path = state_path(self._folder, epoch)
            try:
                with open_regular(path) as file:
                    progress = read_fit(file, self.key, epoch, like)
            except FileNotFoundError:  # another process made room
                continue
            except (OSError, UnusableFileError) as error:
                _discard_unusable(path, error)
                continue
            if self.continues or progress.stopped or epoch < epochs:
                with contextlib.suppress(OSError):
                    os.utime(path)  # the least recently used go first
                return progress
        return None

    def save(self, progress: Progress) -> None:
        """Store the state of a training.

        Where that fails, for example on a full disk, training goes on without.

        Parameters
        ----------
        progress : Progress
            Everything that training changes.
        """
        self._saved_at = time.monotonic()
        if not self.is_steady():
            warn_once(
                "schedule",
                str(self.memory),
                f"A fit is not stored in memory={str(self.memory)!r}, since its "
                "schedule has changed itself in training, and nobody could go on from "
                "there: let the rate depend on the epoch alone.",
            )
            return
        path = state_path(self._folder, progress.state.epoch)
        try:
            self._write(path, progress)
        except OSError as error:
            warn_once(
                "write",
                str(self.memory),
                f"Fits cannot be stored in memory={str(self.memory)!r}, so they would "
                f"be trained again after an interruption: {error}.",
            )
            return
        self._remove_older(progress.state.epoch)
        _make_room(self._store, path)

    def _write(self, path: Path, progress: Progress) -> None:
        """Write a file under another name, so that it is there whole or not at all."""
        _fit_store.make_store(self._store)
        temporary = _fit_store.temporary_path(self._folder)
        try:
            with _opened_in(self._folder, temporary) as file:
                write_fit(file, self.key, progress)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                _fit_store.discard(temporary)
            raise

    def _remove_older(self, epoch: int) -> None:
        """Remove the checkpoints that a later state has made useless."""
        older = [] if self._checkpoint is None else [self._checkpoint]
        if not self.continues:  # those of an interrupted fit too
            older = _fit_store.epochs_in(self._folder)
        for checkpoint in older:
            if checkpoint < epoch:
                with contextlib.suppress(OSError):
                    state_path(self._folder, checkpoint).unlink()
        self._checkpoint = None

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether a long training should be stored before it ends."""
        return time.monotonic() - self._saved_at > CHECKPOINT_SECONDS

    def save_checkpoint(self, progress: Progress) -> None:
        """Store a training that has not ended, in place of its last checkpoint.

        Parameters
        ----------
        progress : Progress
            Everything that training changes.
        """
        epoch = progress.state.epoch
        was_there = state_path(self._folder, epoch).exists()
        self.save(progress)
        self._checkpoint = None if was_there else epoch


def _opened_in(folder: Path, path: Path, attempts: int = 10) -> IO[bytes]:
    """Open a new file in the folder of a fit, which others may just be removing."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    if folder.is_symlink():
        raise _fit_store.NotOurStoreError(f"{folder} is a link, which is not followed")
    try:
        return open(path, "xb")
    except FileNotFoundError:
        if attempts == 1:
            raise
        return _opened_in(folder, path, attempts - 1)


def _discard_unusable(path: Path, error: Exception) -> None:
    """Remove a file that has the name of a state and is none, and say so."""
    said = f"The stored fit {path} cannot be used ({error}), so it is"
    try:
        _fit_store.require_ours(path.parents[1])
        _fit_store.discard(path)
    except OSError as reason:
        what = f"trained again; the file could not be removed ({reason})"
        warn_once("unusable", str(path), f"{said} {what}.")
    else:
        warn_user(f"{said} removed and trained again.")


# ---- the whole store ---------------------------------------------------------------


class MemoryInfo(NamedTuple):
    """What a folder of finished fits holds.

    Parameters
    ----------
    location : str
        The folder of the store, in the one that was given.
    n_fits : int
        Number of fits, each of which may be stored after several numbers of epochs.
    n_states : int
        Number of stored states.
    n_epochs : int
        Number of epochs trained for them.
    n_bytes : int
        Size of all that skrec has in it, with what killed processes have left.
    max_bytes : int or None
        Largest size, see :func:`limit_memory`; None for no limit.

    Examples
    --------
    >>> from skrec.training import memory_info
    >>> memory_info("a folder that does not exist").n_fits
    0
    """

    location: str
    n_fits: int
    n_states: int
    n_epochs: int
    n_bytes: int
    max_bytes: int | None


def memory_info(memory: Any) -> MemoryInfo:
    """Tell what a folder of finished fits holds.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators got as `memory`.

    Returns
    -------
    MemoryInfo
        Counts and sizes.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skrec import MLPClassifier
    >>> from skrec.training import memory_info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf = MLPClassifier(epochs=3, random_state=0, memory=folder)
    ...     clf = clf.fit(*load_iris(return_X_y=True))
    ...     memory_info(folder).n_epochs
    3
    """
    store = store_of(memory)
    found = _fit_store.contents(store)
    longest: dict[Path, int] = {}
    states = [file for file in found.files if file.epoch is not None]
    for file in states:
        folder = file.path.parent
        longest[folder] = max(longest.get(folder, 0), file.epoch or 0)
    return MemoryInfo(
        location=str(store),
        n_fits=len(longest),
        n_states=len(states),
        n_epochs=sum(longest.values()),
        n_bytes=found.n_bytes,
        max_bytes=_fit_store.read_limit(store),
    )


def clear_memory(memory: Any) -> None:
    """Remove every finished fit from a folder, and what killed processes have left.

    Only files that skrec has written are removed, known by their names and their first
    bytes; links are not followed. A warning names what is left, and why. The empty
    store and its limit stay: other processes may be about to write there.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators got as `memory`.

    Examples
    --------
    >>> from skrec.training import clear_memory
    >>> clear_memory("a folder that does not exist")
    """
    found = _fit_store.contents(store_of(memory))
    reasons = {path: why for path, why in found.others.items() if os.path.lexists(path)}
    for file in found.files:
        reason = _fit_store.remove(file)
        if reason is not None:
            reasons[file.path] = reason
    for folder in found.empty:
        _fit_store.remove_empty(folder)
    if reasons:
        named = "; ".join(f"{path}: {why}" for path, why in list(reasons.items())[:5])
        more = f", and {len(reasons) - 5} more" * (len(reasons) > 5)
        warn_user(f"clear_memory has left what it could not remove: {named}{more}.")


def _is_size(max_bytes: Any) -> bool:
    is_integer = isinstance(max_bytes, Integral) and not isinstance(max_bytes, bool)
    return is_integer and int(max_bytes) > 0


def limit_memory(memory: Any, max_bytes: int | None) -> None:
    """Limit the size of a folder of finished fits, now and in the future.

    From then on every process that stores a fit there removes the states that were not
    used for the longest time, and what killed processes have left.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators get as `memory`.
    max_bytes : int or None
        Largest size in bytes; None for no limit.

    Raises
    ------
    ValueError
        If `max_bytes` is neither None nor an integer above 0.
    OSError
        If the folder cannot be written to, or is none that skrec has made.

    Examples
    --------
    >>> import tempfile
    >>> from skrec.training import limit_memory, memory_info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     limit_memory(folder, 10 * 2**30)
    ...     memory_info(folder).max_bytes
    10737418240
    """
    if max_bytes is not None and not _is_size(max_bytes):
        raise ValueError(
            "max_bytes must be a number of bytes, an integer above 0 such as 10 * "
            f"2**30, or None. Received: {max_bytes!r}."
        )
    store = store_of(memory)
    if max_bytes is None and not store.exists():
        return
    _fit_store.make_store(store)
    _fit_store.write_limit(store, max_bytes)
    _make_room(store)


class _Walk:
    """What was found in a store, from the least recently used, and has come since."""

    def __init__(self, store: Path) -> None:
        start = time.monotonic()
        found = _fit_store.contents(store)
        self.files = [file for file in found.files if file.epoch is not None]
        self.files.sort(key=_by_use)
        self.n_bytes = found.n_bytes
        for file in found.files:
            if file.epoch is None and _fit_store.remove(file) is None:
                self.n_bytes -= file.n_bytes
        for folder in found.empty[:EMPTY_AT_ONCE]:
            _fit_store.remove_empty(folder)
        took = time.monotonic() - start
        self.until = start + WALK_SHARE * took if took > QUICK_WALK else start

    def add(self, file: StoredFile) -> None:
        """Take note of a file that was stored, or used again."""
        bisect.insort(self.files, file, key=_by_use)
        self.n_bytes += file.n_bytes

    def remove_until(self, limit: int) -> None:
        """Remove what was not used for the longest time, until the rest is small."""
        kept = []
        while self.n_bytes > limit and self.files:
            file = self.files.pop()
            self.n_bytes -= file.n_bytes
            now = _fit_store.looked_at(file.path)
            if now is None:  # another process has removed it
                continue
            if now.used_at > file.used_at:
                self.add(now)
            elif reason := _fit_store.remove(now):
                kept.append(now)
                warn_once(
                    "remove",
                    str(now.path),
                    f"The limit of the store cannot be kept, since {now.path} could "
                    f"not be removed: {reason}.",
                )
        for file in kept:
            self.add(file)


def _by_use(file: StoredFile) -> float:
    """Order files so that the least recently used is the last."""
    return -file.used_at


_walks: dict[Path, _Walk] = {}
_walking = threading.Lock()


def _make_room(store: Path, stored: Path | None = None) -> None:
    """Remove the least recently used states until the rest is within the limit."""
    limit = _fit_store.read_limit(store)
    if limit is None:
        return
    with _walking:
        walk = _walks.get(store)
        if walk is None or stored is None or time.monotonic() >= walk.until:
            walk = _walks[store] = _Walk(store)
        elif (file := _fit_store.looked_at(stored)) is not None:
            walk.add(file)
        walk.remove_until(limit)
