"""The file as a zip archive: written whole, and every member weighed before it is read.

Members are what skops writes, ``schema.json`` and arrays in NumPy's format, and
``skrec.json``, which says what the file holds.
"""

import io
import json
import math
import os
import re
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from skrec.training._fit_file import UnusableFileError

HEADER, SCHEMA = "skrec.json", "schema.json"
MEMBER = re.compile(r"-?\d+\.np[yz]|[0-9a-f-]{36}\.bin|skrec\.json|schema\.json")
# Texts are compressed, to a hundredth at best; more would be made to fill the memory.
LEAST_SHARE, LARGEST_HEADER = 1 / 200, 2**24


def write_archive(path: Path, header: dict[str, Any], skops_file: IO[bytes]) -> None:
    """Write a file beside its place, and move it there when it is whole.

    Parameters
    ----------
    path : Path
        The place.
    header : dict
        What the file holds.
    skops_file : file object
        What skops has written.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path} to.")
    descriptor, name = tempfile.mkstemp(".part", path.name, path.parent)
    try:
        with open(descriptor, "wb") as file:
            with (
                zipfile.ZipFile(skops_file) as source,
                zipfile.ZipFile(file, "w") as target,
            ):
                _write_members(source, target, header)
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


def _write_members(
    source: zipfile.ZipFile, target: zipfile.ZipFile, header: dict[str, Any]
) -> None:
    schema = json.loads(source.read(SCHEMA))
    for name, content in ((HEADER, header), (SCHEMA, schema)):
        text = json.dumps(content, separators=(",", ":"))
        target.writestr(name, text, zipfile.ZIP_DEFLATED)
    for member in source.namelist():
        if member != SCHEMA:
            target.writestr(member, source.read(member), zipfile.ZIP_STORED)


def read_json(archive: zipfile.ZipFile, name: str) -> Any:
    """Read a member of text.

    Parameters
    ----------
    archive : ZipFile
        The file.
    name : str
        Name of the member.

    Returns
    -------
    object
        What it says.
    """
    return json.loads(archive.read(name))


def check_archive(archive: zipfile.ZipFile) -> None:
    """Check that members are what they should be, before any is read as a whole.

    Parameters
    ----------
    archive : ZipFile
        The file.

    Raises
    ------
    UnusableFileError
        If one is missing, there twice, or larger than what it is made of.
    """
    members = archive.infolist()
    names = [member.filename for member in members]
    if HEADER not in names:
        raise UnusableFileError(
            "it was not written by skrec.io.dump"
            + (", but by skops: use skops.io.load" if SCHEMA in names else "")
        )
    if SCHEMA not in names or len(set(names)) < len(names):
        raise UnusableFileError("a member is missing, or there twice")
    for member in members:
        name = member.filename
        if not MEMBER.fullmatch(name):
            raise UnusableFileError(f"it holds {name!r}, which no dump does")
        stored = member.compress_type == zipfile.ZIP_STORED
        compressed = member.compress_type == zipfile.ZIP_DEFLATED
        if member.flag_bits & 1 or not (
            stored or (compressed and name.endswith(".json"))
        ):
            raise UnusableFileError(
                f"{name!r} is compressed or encrypted as no dump is"
            )
        if member.file_size * LEAST_SHARE > member.compress_size + 1000 or (
            stored and member.file_size != member.compress_size
        ):
            raise UnusableFileError(f"{name!r} says that it is larger than it can be")
    if archive.getinfo(HEADER).file_size > LARGEST_HEADER:
        raise UnusableFileError("what it says of itself is too long")


def check_arrays(archive: zipfile.ZipFile) -> None:
    """Check that arrays have the shapes that their sizes allow, and hold no objects.

    Parameters
    ----------
    archive : ZipFile
        The file.
    """
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            with archive.open(member) as file:
                _check_array(file, member.filename, member.file_size)
        elif member.filename.endswith(".npz"):
            _check_sparse(archive.read(member), member.filename)


def _check_array(file: IO[bytes], name: str, size: int) -> None:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read(file)
    numeric = dtype.kind in "biufcmMSU" or dtype.names is not None
    if dtype.hasobject or not numeric:
        raise UnusableFileError(f"array {name!r} is no array of numbers or text")
    if any(length < 0 for length in shape) or (
        file.tell() + math.prod(shape) * dtype.itemsize != size
    ):
        raise UnusableFileError(f"array {name!r} has another size than its shape says")


def _check_sparse(content: bytes, name: str) -> None:
    """Check a sparse matrix whole: wrong positions would read beyond its arrays."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for part in parts.infolist():
            if part.file_size > 2000 * (part.compress_size + 1):
                raise UnusableFileError(
                    f"{name!r} says that it is larger than it can be"
                )
            with parts.open(part) as file:
                _check_array(file, f"{name}/{part.filename}", part.file_size)
    matrix = sparse.load_npz(io.BytesIO(content))
    if hasattr(matrix, "check_format"):
        matrix.check_format(full_check=True)
    elif hasattr(matrix, "_check"):
        matrix._check()
