"""Packages of extras, imported where they are used, with an error that names them."""

from importlib import import_module
from typing import Any

ONNX = ("onnx", "tf2onnx", "onnxruntime", "skl2onnx")


def onnx_package(name: str) -> Any:
    """Import a package that writes ONNX files.

    Parameters
    ----------
    name : str
        One of `ONNX`, or of a module in one.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    return require(name, "onnx", "to_onnx")


def require(name: str, extra: str, who: str) -> Any:
    """Import a package that an extra brings.

    Parameters
    ----------
    name : str
        Name of the module.
    extra : str
        Name of the extra.
    who : str
        What needs it, for the message.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        raise ImportError(
            f'{who} needs the package {error.name}: pip install "skrec-keras[{extra}]".'
        ) from error
