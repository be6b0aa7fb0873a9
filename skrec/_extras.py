"""Packages of the extras, imported where they are used."""

import importlib
from types import ModuleType


def import_extra(module: str, extra: str, user: str) -> ModuleType:
    """Import a module of a package that only an extra installs.

    Parameters
    ----------
    module : str
        The module.
    extra : str
        The extra.
    user : str
        What needs it, for the error.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        is_missing = isinstance(error, ModuleNotFoundError) and error.name == package
        raise ImportError(
            f'{user} needs the package {package}: pip install "skrec-keras[{extra}]".'
            + ("" if is_missing else f" Received: {error}.")
        ) from error
