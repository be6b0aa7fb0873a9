"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


def as_path(path: Any, example: str) -> Path:
    """Return the place that the parameter `path` names.

    Parameters
    ----------
    path : str or path-like
        What was given.
    example : str
        A name for the error.

    Returns
    -------
    Path
        The place.

    Raises
    ------
    TypeError
        If it is neither text nor a path of text.
    """
    if isinstance(path, str | os.PathLike):
        with suppress(TypeError):  # of a path of bytes
            return Path(path)
    raise TypeError(
        f'path must be the name of a file, a str or a path-like, such as "{example}". '
        f"Received: {path!r}."
    )


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its place, and move it there when the block has ended.

    Parameters
    ----------
    path : Path
        The place; a file that is there is replaced, one that a link leads to in its
        own place, and what is no file, such as a pipe, is written to.

    Yields
    ------
    file object
        To write bytes to.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path} to.")
    if path.exists() and not path.is_file() and not path.is_dir():
        with open(path, "wb") as file:
            yield file
        return
    descriptor, name = tempfile.mkstemp(".part", path.name, path.parent)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())  # which a temporary file does not follow
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
