"""Finished fits on disk: what was trained once is found again, and continued.

A seeded fit is a function of its data, parameters and seed. Their digest names a
folder, which holds the state after each number of epochs at which a fit has ended. A
fit that asks for more epochs goes on from the longest one. The files are NumPy archives
that are read without unpickling anything.
"""

import contextlib
import json
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skrec._warn import warn_user
from skrec.training.state import Best, Progress, State

FORMAT = 3  # of the files, and of the training whose results are in them
_LIMIT = "limit"
# Seconds of training after which a fit that has not ended is stored as far as it got.
CHECKPOINT_SECONDS = 60.0
# What reading a torn, truncated or foreign file raises.
_UNUSABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    zipfile.BadZipFile,
)
_warned: set[tuple[str, str]] = set()


def _store_of(memory: Any) -> Path:
    """Return the folder of a path or of a ``joblib.Memory``."""
    location = getattr(memory, "location", memory)
    if not isinstance(location, str | os.PathLike):
        raise TypeError(
            "memory must be a path or a joblib.Memory with a location. "
            f"Received: {memory!r}."
        )
    return Path(location) / "skrec"


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
    """

    memory: Any
    key: str
    continues: bool = True
    recalls: bool = True
    _saved_at: float = field(default_factory=time.monotonic, init=False)
    _checkpoint: Path | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """Folder of this fit."""
        return _store_of(self.memory) / self.key

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
            None if nothing is stored.
        """
        if not self.recalls:
            return None
        for epoch in sorted(self._stored_epochs(), reverse=True):
            if epoch > epochs:
                continue
            try:
                progress = self._read(epoch, like)
            except FileNotFoundError:  # another process made room
                continue
            except _UNUSABLE as error:
                path = self._path(epoch)
                warn_user(
                    f"The stored fit {path} cannot be used ({error}), so it is removed "
                    "and trained again."
                )
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            with contextlib.suppress(OSError):
                os.utime(self._path(epoch))  # the least recently used go first
            return progress
        return None

    def _stored_epochs(self) -> list[int]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        stems = [name.removesuffix(".npz") for name in names if name.endswith(".npz")]
        return [int(stem) for stem in stems if stem.isdecimal()]

    def _path(self, epoch: int) -> Path:
        return self.folder / f"{epoch:06d}.npz"

    def _read(self, epoch: int, like: State) -> Progress:
        with (
            open(self._path(epoch), "rb") as file,
            np.load(file, allow_pickle=False) as archive,
        ):
            about = json.loads(archive["about"].tobytes())
            if (about["format"], about["key"]) != (FORMAT, self.key):
                raise ValueError("it belongs to another fit or format")
            weights = _like(archive, "weight", like.weights)
            optimizer = _like(archive, "optimizer", like.optimizer)
            best = None
            if about["has_best"]:
                best = _like(archive, "best", like.weights)
        return Progress(
            State(weights, optimizer, about["epoch"]),
            about["history"],
            Best(about["best_loss"], about["waited"], best),
            about["stopped"],
        )

    def save(self, progress: Progress) -> None:
        """Store the state of a training.

        Where that fails, for example on a full disk, training goes on without.

        Parameters
        ----------
        progress : Progress
            Everything that training changes.
        """
        self._saved_at = time.monotonic()
        path = self._path(progress.state.epoch)
        temporary = path.with_name(f"{uuid.uuid4().hex}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as file:
                np.savez(file, allow_pickle=False, **self._arrays(progress))
            os.replace(temporary, path)
            _make_room(_store_of(self.memory))
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            warn_once(
                "write",
                str(self.memory),
                f"Fits cannot be stored in memory={str(self.memory)!r}, so they would "
                f"be trained again after an interruption: {error}.",
            )
            return
        if self._checkpoint is not None and self._checkpoint != path:
            with contextlib.suppress(OSError):
                self._checkpoint.unlink()
        self._checkpoint = None

    def _arrays(self, progress: Progress) -> dict[str, np.ndarray]:
        best = progress.best
        about = {
            "format": FORMAT,
            "key": self.key,
            "epoch": progress.state.epoch,
            "history": progress.history,
            "best_loss": best.loss,
            "waited": best.waited,
            "has_best": best.weights is not None,
            "stopped": progress.stopped,
        }
        groups = {
            "weight": progress.state.weights,
            "optimizer": progress.state.optimizer,
            "best": best.weights or [],
        }
        arrays = {
            f"{name}_{place}": array
            for name, group in groups.items()
            for place, array in enumerate(group)
        }
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        return arrays

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether a long training should be stored before it ends."""
        waited = time.monotonic() - self._saved_at
        return self.continues and waited > CHECKPOINT_SECONDS

    def save_checkpoint(self, progress: Progress) -> None:
        """Store a training that has not ended, in place of its last checkpoint.

        Parameters
        ----------
        progress : Progress
            Everything that training changes.
        """
        path = self._path(progress.state.epoch)
        was_there = path.exists()
        self.save(progress)
        self._checkpoint = None if was_there else path


def _like(archive: Any, name: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Read a group of arrays that must have the shapes and dtypes of others."""
    found = [archive[f"{name}_{place}"] for place in range(len(arrays))]
    for ours, theirs in zip(found, arrays, strict=True):
        expected = theirs.shape, theirs.dtype.itemsize
        if (ours.shape, ours.dtype.itemsize) != expected:
            raise ValueError(f"{name} has another shape")
    # NumPy has no name for bfloat16 and writes its bytes.
    return [ours.view(theirs.dtype) for ours, theirs in zip(found, arrays, strict=True)]


# ---- the whole store ---------------------------------------------------------------


class MemoryInfo(NamedTuple):
    """What a folder of finished fits holds.

    Parameters
    ----------
    location : str
        The folder.
    n_fits : int
        Number of fits, each of which may be stored after several numbers of epochs.
    n_states : int
        Number of stored states.
    n_epochs : int
        Number of epochs trained for them.
    n_bytes : int
        Their size on disk.
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


class _File(NamedTuple):
    path: Path
    used_at: float
    n_bytes: int


def _files(store: Path) -> Iterator[_File]:
    """List the stored states; what another process removes meanwhile is left out."""
    for path in store.glob("*/*.npz"):
        with contextlib.suppress(OSError):
            status = path.stat()
            yield _File(path, status.st_mtime, status.st_size)


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
    store = _store_of(memory)
    files = list(_files(store))
    longest: dict[Path, int] = {}
    for file in files:
        epoch = int(file.path.stem)
        longest[file.path.parent] = max(longest.get(file.path.parent, 0), epoch)
    return MemoryInfo(
        location=str(store),
        n_fits=len(longest),
        n_states=len(files),
        n_epochs=sum(longest.values()),
        n_bytes=sum(file.n_bytes for file in files),
        max_bytes=_read_limit(store),
    )


def clear_memory(memory: Any) -> None:
    """Remove every finished fit from a folder, and its limit.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators got as `memory`.

    Examples
    --------
    >>> from skrec.training import clear_memory
    >>> clear_memory("a folder that does not exist")
    """
    shutil.rmtree(_store_of(memory), ignore_errors=True)


def limit_memory(memory: Any, max_bytes: int | None) -> None:
    """Limit the size of a folder of finished fits, now and in the future.

    From then on every process that stores a fit there first removes the states that
    were not used for the longest time.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators get as `memory`.
    max_bytes : int or None
        Largest size in bytes; None for no limit.

    Raises
    ------
    ValueError
        If `max_bytes` is not positive.

    Examples
    --------
    >>> import tempfile
    >>> from skrec.training import limit_memory, memory_info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     limit_memory(folder, 10 * 2**30)
    ...     memory_info(folder).max_bytes
    10737418240
    """
    store = _store_of(memory)
    if max_bytes is None:
        (store / _LIMIT).unlink(missing_ok=True)
        return
    if not max_bytes > 0:
        raise ValueError(f"max_bytes must be positive or None. Received: {max_bytes}.")
    store.mkdir(parents=True, exist_ok=True)
    (store / _LIMIT).write_text(str(int(max_bytes)))
    _make_room(store)


def _read_limit(store: Path) -> int | None:
    try:
        return int((store / _LIMIT).read_text())
    except (OSError, ValueError):
        return None


def _make_room(store: Path) -> None:
    """Remove the least recently used states until the rest is within the limit."""
    limit = _read_limit(store)
    if limit is None:
        return
    files = sorted(_files(store), key=lambda file: file.used_at)
    excess = sum(file.n_bytes for file in files) - limit
    for file in files:
        if excess <= 0:
            return
        with contextlib.suppress(OSError):
            file.path.unlink()
            excess -= file.n_bytes
