"""Choice of the device that a fit runs on."""

import contextlib
import multiprocessing
import re
import sys

import tensorflow as tf

from skrec.training._fork import refuse_after_fork


def resolve_device(device: str) -> str:
    """Return the TensorFlow name of a device.

    Parameters
    ----------
    device : str
        ``"auto"`` for a GPU if TensorFlow sees one, else the CPU; or a TensorFlow
        device name, such as ``"/GPU:1"`` or ``"cpu"``. Where there are several GPUs,
        ``"auto"`` is the first in the main process, and the worker processes of a
        search take them in turn.

    Returns
    -------
    str
        Name of a device that exists.

    Raises
    ------
    ValueError
        If there is no such device.
    RuntimeError
        If this process was forked from one in which TensorFlow had started.

    Examples
    --------
    >>> from skrec.training import resolve_device
    >>> resolve_device("cpu")
    '/CPU:0'
    """
    refuse_after_fork()
    existing = _device_names()
    if device == "auto":
        gpus = [name for name in existing if name.startswith("/GPU")]
        return gpus[_worker_number() % len(gpus)] if gpus else "/CPU:0"
    name = "/" + device.upper().lstrip("/").removeprefix("DEVICE:")
    name = name if ":" in name else name + ":0"
    if name not in existing:
        raise ValueError(
            f"device must be 'auto' or one of {existing}. Received: {device!r}."
        )
    return name


def _worker_number() -> int:
    """Return the number of this worker among those of its pool, from 0.

    Dask numbers its workers by name, which a worker that is started again keeps. Ray
    does not number them, but shows each a GPU of its own where it is asked to.
    """
    if "distributed" in sys.modules:  # otherwise this is no worker of Dask's
        with contextlib.suppress(ValueError):  # raised outside of a task
            name = str(sys.modules["distributed"].get_worker().name)
            number = re.search(r"(?:^|-)(\d+)$", name)  # not an address with a port
            if number:
                return int(number[1])
    identity = multiprocessing.current_process()._identity
    return identity[-1] - 1 if identity else 0


def _device_names() -> list[str]:
    """List the devices, with memory growth on where TensorFlow has not started."""
    for gpu in tf.config.list_physical_devices("GPU"):
        # Once TensorFlow has started this raises: the user's choice stands.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    return [
        f"/{logical.device_type}:{logical.name.rsplit(':', 1)[1]}"
        for logical in tf.config.list_logical_devices()
    ]
