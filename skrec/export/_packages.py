"""Imports the packages of the extra `onnx` where they are used."""

from types import ModuleType
from typing import Any, NamedTuple


class Packages(NamedTuple):
    """What writes and runs ONNX files.

    Parameters
    ----------
    onnx, tf2onnx, onnxruntime : module
        The packages.
    """

    onnx: ModuleType
    tf2onnx: ModuleType
    onnxruntime: ModuleType


def onnx_packages() -> Packages:
    """Import them.

    Returns
    -------
    Packages
        The modules.

    Raises
    ------
    ImportError
        If one is not installed; the message says how to install it.
    """
    try:
        import onnx
        import onnxruntime
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx, tf2onnx and onnxruntime, of which one is not "
            f'installed ({error.name}): pip install "skrec-keras[onnx]".'
        ) from error
    return Packages(onnx, tf2onnx, onnxruntime)


def skl2onnx_package() -> Any:
    """Import skl2onnx, which converts pipelines of scikit-learn.

    Returns
    -------
    module
        skl2onnx.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        import skl2onnx
        import skl2onnx.common.data_types
    except ImportError as error:
        raise ImportError(
            "to_onnx needs skl2onnx for pipelines, which is not installed: "
            'pip install "skrec-keras[onnx]".'
        ) from error
    return skl2onnx
