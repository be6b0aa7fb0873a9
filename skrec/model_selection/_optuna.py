"""Optuna where it is used: its import, storage and silence, names that stay alike."""

import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from skrec._extras import import_extra
from skrec._optuna_private import database_url


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
    return import_extra("optuna", "optuna", "This")


def open_storage(storage: Any, parameter: str = "storage") -> Any:
    """Turn what a user names as a storage into what Optuna takes.

    Parameters
    ----------
    storage : str, path-like, Optuna storage or None
        A path names a journal file, which is made if it is missing; text with ``://``
        is the URL of a database; anything else is returned as it is.
    parameter : str, default="storage"
        What named it, for errors.

    Returns
    -------
    Optuna storage, str or None
        The storage.

    Raises
    ------
    ValueError
        If there is something else than a journal at the path.
    """
    is_url = isinstance(storage, str) and "://" in storage
    if is_url or not isinstance(storage, (str, os.PathLike)):
        return storage
    from skrec.model_selection._journal import open_journal

    return open_journal(os.fspath(storage), parameter)


def copy_in_memory(study: Any) -> Any:
    """Return a study in memory, with the trials of one that is stored elsewhere.

    Parameters
    ----------
    study : optuna.Study
        The study.

    Returns
    -------
    optuna.Study
        The copy, which needs no file and no database.
    """
    optuna = import_optuna()
    copy = optuna.create_study(
        study_name=study.study_name, sampler=study.sampler, direction=study.direction
    )
    for name, value in study.user_attrs.items():
        copy.set_user_attr(name, value)
    copy.add_trials(study.get_trials())
    return copy


def portable_storage(storage: Any) -> Any:
    """Return what stands for a storage in a pickle.

    Parameters
    ----------
    storage : str, path-like, Optuna storage or None
        A storage.

    Returns
    -------
    str, path-like, None or object
        Text, path or None as it is; in place of an object something that loads as it,
        or where its database is not, as the URL of that.
    """
    if storage is None or isinstance(storage, (str, os.PathLike)):
        return storage
    return _Portable(storage)


class _Portable:
    """An Optuna storage that connects to its database when it is loaded, if it can."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage

    def __reduce__(self) -> tuple[Any, ...]:
        content = pickle.dumps(self.storage)
        return _load_storage, (content, database_url(self.storage))


def _load_storage(content: bytes, url: str | None) -> Any:
    try:
        return pickle.loads(content)
    except Exception:
        if url is None:
            raise
        return url


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
