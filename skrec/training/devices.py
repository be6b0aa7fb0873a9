"""Choice of the device that a fit runs on."""

import contextlib

import tensorflow as tf


def resolve_device(device: str) -> str:
    """Return the TensorFlow name of a device.

    Parameters
    ----------
    device : str
        ``"auto"`` for the first GPU if TensorFlow sees one, else the CPU; or a
        TensorFlow device name, such as ``"/GPU:1"`` or ``"cpu"``.

    Returns
    -------
    str
        Name of a device that exists.

    Raises
    ------
    ValueError
        If there is no such device.

    Examples
    --------
    >>> from skrec.training import resolve_device
    >>> resolve_device("cpu")
    '/CPU:0'
    """
    existing = [
        f"/{logical.device_type}:{logical.name.rsplit(':', 1)[1]}"
        for logical in _logical_devices()
    ]
    if device == "auto":
        gpus = [name for name in existing if name.startswith("/GPU")]
        return gpus[0] if gpus else "/CPU:0"
    name = "/" + device.upper().lstrip("/").removeprefix("DEVICE:")
    name = name if ":" in name else name + ":0"
    if name not in existing:
        raise ValueError(
            f"device must be 'auto' or one of {existing}. Received: {device!r}."
        )
    return name


def _logical_devices() -> list[tf.config.LogicalDevice]:
    """List the devices, with memory growth on where TensorFlow has not started."""
    for gpu in tf.config.list_physical_devices("GPU"):
        # Once TensorFlow has started this raises: the user's choice stands.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    return tf.config.list_logical_devices()
