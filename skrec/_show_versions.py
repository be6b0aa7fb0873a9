"""What a report of a bug has to say about the machine: versions, devices, threads."""

import contextlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from threadpoolctl import threadpool_info

from skrec import __version__

DISTRIBUTION = "skrec-keras"
# Extras that hold no package which skrec itself imports.
OF_DEVELOPERS = {"test", "dev", "docs", "browser", "trackers"}
# What changes how a fit computes, each by its whole name: others, however alike, may
# hold paths and passwords.
VARIABLES = {
    "BLIS_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "MKL_DYNAMIC",
    "MKL_NUM_THREADS",
    "OMP_DYNAMIC",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "SCIPY_ARRAY_API",
    "TF_CPP_MAX_VLOG_LEVEL",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_CUDNN_DETERMINISTIC",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_THREAD_COUNT",
    "TF_GPU_THREAD_MODE",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
}
WIDTH = 20


def show_versions(devices: bool = False) -> None:
    """Print what a report of a bug should begin with.

    Versions of Python, of skrec and of every package that it or one of its extras
    needs, how many processors and threads there are, and the devices of TensorFlow. No
    path and no name of a user or of a machine is among it, so it can be posted as it
    is; only where TensorFlow cannot be imported, its error is shown in full.

    Parameters
    ----------
    devices : bool, default=False
        Whether to start TensorFlow, which takes seconds, for the devices that it sees.
        Where it has been imported already they are shown in any case.

    Examples
    --------
    >>> import skrec
    >>> skrec.show_versions()  # doctest: +ELLIPSIS
    System
                  python: 3...
                   skrec: ...
    """
    sections = {
        "System": _system(),
        "Dependencies": _packages(),
        "Extras": _packages(of_extras=True),
        "Threads": _threads(),
        "Environment": _environment(),
        "Devices": _devices(devices),
    }
    for number, (title, lines) in enumerate(sections.items()):
        print("\n" * bool(number) + title)
        for name, value in lines:
            print(f"{name:>{WIDTH}}: {value}")


def _system() -> Iterator[tuple[str, object]]:
    yield "python", sys.version.replace("\n", " ")
    yield "skrec", __version__
    yield "machine", platform.platform()


def _packages(of_extras: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the packages that skrec needs, or those that its extras add."""
    try:
        needed = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # a copy of the folder alone
        yield DISTRIBUTION, "not installed, so that its dependencies are not known"
        return
    extras: dict[str, set[str]] = {}
    for requirement in needed:
        name, *_ = re.split(r"[^\w.-]", requirement, maxsplit=1)
        extra = re.search(r"extra == .([\w-]+)", requirement)
        extras.setdefault(name, set()).add(extra[1] if extra else "")
    for name, found in extras.items():
        is_extra = "" not in found and not found <= OF_DEVELOPERS
        if name != DISTRIBUTION and ("" in found, is_extra)[of_extras]:
            yield name, _version(name)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _threads() -> Iterator[tuple[str, object]]:
    yield "processors", os.cpu_count()
    if hasattr(os, "sched_getaffinity"):  # on Linux: a container may have fewer
        yield "of this process", len(os.sched_getaffinity(0))
    with contextlib.suppress(ImportError):  # its pools are known once they are loaded
        import_module("sklearn.linear_model")
    for pool in threadpool_info():
        told = f"{pool['num_threads']} threads, {pool['version'] or 'unknown version'}"
        yield pool["internal_api"], told


def _environment() -> list[tuple[str, str]]:
    found = [item for item in os.environ.items() if item[0] in VARIABLES]
    return sorted(found) or [("variables", "none of those that skrec depends on")]


def _devices(start: bool) -> Iterator[tuple[str, object]]:
    if not start and "tensorflow" not in sys.modules:
        yield "not asked for", "show_versions(devices=True) starts TensorFlow"
        return
    try:
        import_module("skrec._runtime")  # first: it starts TensorFlow as fits find it
        import tensorflow as tf
    except ImportError as error:  # which may be what the report is about
        yield "tensorflow", f"cannot be imported: {error}"
        return
    yield "intra-op threads", tf.config.threading.get_intra_op_parallelism_threads()
    for name in ("cuda_version", "cudnn_version"):
        if name in tf.sysconfig.get_build_info():
            yield f"built with {name[:-8]}", tf.sysconfig.get_build_info()[name]
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        yield device.name.removeprefix("/physical_device:"), details or "no details"
