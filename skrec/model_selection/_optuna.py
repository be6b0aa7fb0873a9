"""Optuna where it is used: its import, storage and silence, names that stay alike."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def import_optuna() -> ModuleType:
    """Import Optuna.

    Returns
    -------
    module
        Optuna.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "This needs Optuna, which is not installed: "
            'pip install "skrec-keras[optuna]".'
        ) from error
    return optuna


def open_storage(storage: Any) -> Any:
    """Turn what a user names as a storage into what Optuna takes.

    Parameters
    ----------
    storage : str, path-like, Optuna storage or None
        A path names a journal file, which is made if it is missing; text with ``://``
        is the URL of a database; anything else is returned as it is.

    Returns
    -------
    Optuna storage, str or None
        The storage.
    """
    is_url = isinstance(storage, str) and "://" in storage
    if is_url or not isinstance(storage, (str, os.PathLike)):
        return storage
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    path = os.fspath(storage)
    lock = JournalFileSymlinkLock(path)
    _mend_journal(path, lock)
    return JournalStorage(JournalFileBackend(path, lock))


def _mend_journal(path: str, lock: Any) -> None:
    """Cut off a last line that a full disk or a power failure left unfinished.

    Optuna would go on writing in that line, and never be able to read it again.
    """
    if not os.path.exists(path):
        return
    lock.acquire()
    try:
        with open(path, "rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
    finally:
        lock.release()


@contextmanager
def quiet_optuna(verbose: int = 0) -> Iterator[None]:
    """Hold back the lines that Optuna logs about each trial, unless `verbose`."""
    logging = import_optuna().logging
    level = logging.get_verbosity()
    if not verbose:
        logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(level)


def stable_repr(value: Any) -> str:
    """Return the ``repr`` of a value without addresses, alike in every process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
