"""Journal files of Optuna's: told from other files, locked, and written whole."""

import json
import os
import stat
import time
from contextlib import suppress
from typing import Any, BinaryIO

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

GRACE_SECONDS = 30  # a lock is held for the time of one write

_SQLITE = b"SQLite format 3\0"
# What Optuna's first record begins with, which may be all that was written.
_FIRST_BYTES = b'{"op_code":0,"worker_id":"'


def open_journal(path: str, parameter: str) -> JournalStorage:
    """Open a journal, or make it; nothing that is there and is none is changed.

    Parameters
    ----------
    path : str
        Path of the file.
    parameter : str
        What named it, for errors.

    Returns
    -------
    JournalStorage
        The storage.

    Raises
    ------
    ValueError
        If something else is there, or a journal that cannot be read.
    """
    path = os.path.abspath(path)  # a lock and a worker may see another folder
    check_journal(path, parameter)
    journal = _Journal(path)
    try:
        storage = JournalStorage(journal)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            f"{parameter} must be a journal that can be read: this one is damaged, and "
            "was left as it is. Pass another path, or mend it. Received: "
            f"{path!r}, {_first_damage(path) or repr(error)}."
        ) from error
    journal.mend()
    return storage


def check_journal(path: str, parameter: str) -> None:
    """Refuse a path at which there is something else than a journal.

    Parameters
    ----------
    path : str
        Path of the file, which may be missing or empty.
    parameter : str
        What named it, for errors.

    Raises
    ------
    ValueError
        If it is no journal; the message says what it is.
    """
    found = _foreign_content(path)
    if found:
        database = f"sqlite:///{path}"
        hint = f" OptunaSearchCV(storage={database!r}) takes it." * ("SQLite" in found)
        raise ValueError(
            f"{parameter} must be the path of a journal of Optuna's, or of a file that "
            f"is still to be made. What is there is left as it is.{hint} Pass another "
            f"path. Received: {path!r}, which is {found}."
        )
    lock = path + ".lock"
    with suppress(FileNotFoundError):
        status = os.lstat(lock)
        is_lock = stat.S_ISREG(status.st_mode) and status.st_size == 0
        if not is_lock and not stat.S_ISLNK(status.st_mode):
            raise ValueError(
                f"{parameter} must be a path beside which Optuna can make a lock, but "
                "there is something else of that name. Pass another path. "
                f"Received: {path!r}, in the way is {lock!r}."
            )


def _foreign_content(path: str) -> str:
    """Say what is at a path, if that is no journal; "" if it is one or nothing."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        folder = os.path.dirname(os.path.realpath(path))
        return "" if os.path.isdir(folder) else f"in no folder: make {folder!r} first"
    if stat.S_ISDIR(status.st_mode):
        return "a folder"
    if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for its writer
        kind = "a named pipe" if stat.S_ISFIFO(status.st_mode) else "a device or socket"
        return kind
    with open(path, "rb") as file:
        line = file.readline(2**16)
    if not line or _is_first_record(line):
        return ""
    if line.startswith(_SQLITE):
        return "an SQLite database"
    try:
        return f"a text file that begins with {line[:200].decode()[:40]!r}"
    except UnicodeDecodeError:
        return f"a binary file that begins with {line[:16]!r}"


def _is_first_record(line: bytes) -> bool:
    """Tell whether a line is the record with which every journal begins: a study's."""
    record = _record(line)
    if record is None:
        is_cut_off = not line.endswith((b"\n", b"}"))
        return is_cut_off and line.startswith(_FIRST_BYTES)
    return record["op_code"] == 0 and isinstance(record.get("study_name"), str)


def _record(line: bytes) -> dict[str, Any] | None:
    """Return a line's record; None if it is none of Optuna's."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    is_known = type(record.get("op_code")) is int
    return record if is_known and isinstance(record.get("worker_id"), str) else None


def _first_damage(path: str) -> str:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if _record(line) is None:
                return f"whose line {number} is no record: {line[:40]!r}"
    return ""


class _Journal(JournalFileBackend):
    """A journal into which a record is written as a whole or not at all.

    Optuna would go on writing in a line that a full disk or a power failure left
    unfinished, and never be able to read it again.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = _Lock(path)
        super().__init__(path, self.lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write records, each in a line.

        Parameters
        ----------
        logs : list of dict
            The records.
        """
        lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in logs]
        self._write("".join(lines).encode())

    def mend(self) -> None:
        """Cut off a torn last line, if there is one."""
        with open(self.path, "rb") as file:
            is_torn = _is_torn(file)
        if is_torn:  # it may be what another process is writing: look under the lock
            self._write(b"")

    def _write(self, content: bytes) -> None:
        self.lock.acquire()
        try:
            # A journal that was removed is not begun again in the middle.
            place = os.open(self.path, os.O_RDWR | os.O_APPEND)
            with os.fdopen(place, "rb+", buffering=0) as file:
                _mend(file)
                _append(file, content)
        finally:
            self.lock.release()


def _append(file: BinaryIO, content: bytes) -> None:
    size = file.seek(0, os.SEEK_END)
    try:
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            file.truncate(size)
        raise


def _is_torn(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _mend(file: BinaryIO) -> None:
    """Cut off a last line that is no record, and end one that is."""
    if not _is_torn(file):
        return
    file.seek(0)
    content = file.read()
    start = content.rfind(b"\n") + 1
    if _record(content[start:]) is None:
        file.truncate(start)
    else:
        _append(file, b"\n")


class _Lock(JournalFileOpenLock):
    """Optuna's lock, which a process that was killed cannot hold for ever."""

    def __init__(self, path: str) -> None:
        super().__init__(path, grace_period=GRACE_SECONDS)
        self.path = path + ".lock"

    def acquire(self) -> bool:
        """Wait for the lock.

        Returns
        -------
        bool
            True.
        """
        # Optuna takes a lock away once it has watched it for a while, but never a
        # symbolic link (of another kind of lock) that leads nowhere.
        while self._is_stale() or self._leads_nowhere():
            time.sleep(0.01)
        return super().acquire()

    def _is_stale(self) -> bool:
        """Take an old lock away."""
        with suppress(FileNotFoundError):
            if time.time() - os.lstat(self.path).st_mtime > GRACE_SECONDS:
                os.unlink(self.path)
                return True
        return False

    def _leads_nowhere(self) -> bool:
        return os.path.islink(self.path) and not os.path.exists(self.path)
