"""The file as a zip archive: written whole, and every member weighed before it is read.

Members are what skops writes, ``schema.json`` and arrays in NumPy's format, and
``skrec.json``, which says what the file holds.
"""

import io
import json
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from skrec._whole_file import written_whole
from skrec.training._fit_file import UnusableFileError

HEADER, SCHEMA = "skrec.json", "schema.json"
MEMBER = re.compile(r"-?\d+\.np[yz]|[0-9a-f-]{36}\.bin|skrec\.json|schema\.json")
# Texts are compressed to a twentieth; what would be less than this share of itself is
# stored as it is, so that a small file cannot fill the memory.
LEAST_SHARE = 1 / 50
LARGEST = {HEADER: 2**24, SCHEMA: 2**28}
SPARSE_PART = re.compile(
    r"(data|indices|indptr|row|col|coords|offsets|shape|format|_is_array)\.npy"
)


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
    with (
        written_whole(path) as file,
        zipfile.ZipFile(skops_file) as source,
        zipfile.ZipFile(file, "w") as target,
    ):
        _write_members(source, target, header)


def _write_members(
    source: zipfile.ZipFile, target: zipfile.ZipFile, header: dict[str, Any]
) -> None:
    schema = json.loads(source.read(SCHEMA))
    for name, content in ((HEADER, header), (SCHEMA, schema)):
        text = json.dumps(content, separators=(",", ":"))
        content = text.encode()
        if len(content) > LARGEST[name]:
            raise ValueError(
                "The estimator holds too many objects that are no arrays: "
                f"{len(content)} bytes of text describe them, and a file may have "
                f"{LARGEST[name]}."
            )
        _write_compressed(target, name, content)
    for member in source.namelist():
        content = source.read(member)
        if member.endswith(".npz"):
            content = _sparse_parts_compressed(content)
        if member != SCHEMA:
            target.writestr(member, content, zipfile.ZIP_STORED)


def _write_compressed(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Write a member that may be compressed, but no further than is read again."""
    least = len(zlib.compress(content)) >= LEAST_SHARE * len(content)
    how = zipfile.ZIP_DEFLATED if least else zipfile.ZIP_STORED
    target.writestr(name, content, how)


def _sparse_parts_compressed(content: bytes) -> bytes:
    """Write a sparse matrix anew where scipy has compressed it too far."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(buffer, "w") as target,
    ):
        if all(_is_of_its_size(part) for part in source.infolist()):
            return content
        for name in source.namelist():
            _write_compressed(target, name, source.read(name))
    return buffer.getvalue()


def _is_of_its_size(member: zipfile.ZipInfo) -> bool:
    """Tell whether a member can be as large as it says, and is not made to be huge."""
    if member.compress_type == zipfile.ZIP_STORED:
        return member.file_size == member.compress_size
    return member.file_size * LEAST_SHARE <= member.compress_size + 1000


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
        if not _is_of_its_size(member):
            raise UnusableFileError(f"{name!r} says that it is larger than it can be")
    for name, most in LARGEST.items():
        if archive.getinfo(name).file_size > most:
            raise UnusableFileError(f"{name!r} is too long for any estimator")


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
        found = parts.infolist()
        names = {part.filename for part in found}
        if len(names) < len(found) or not all(map(SPARSE_PART.fullmatch, names)):
            raise UnusableFileError(f"{name!r} is no sparse matrix")
        for part in found:
            how = part.compress_type
            known = how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if not known or not _is_of_its_size(part):
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
