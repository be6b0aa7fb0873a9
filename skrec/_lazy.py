"""Names of a package that are imported when first asked for, from where they are.

So a server of an exported model, which needs neither TensorFlow nor Keras, does not pay
for them, and does without them where they are not installed.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def on_demand(
    package: str, modules: Mapping[str, Sequence[str]], packages: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its name.
    modules : dict of str to sequence of str
        Modules, and the names in each that the package hands out.
    packages : sequence of str, default=()
        Modules below it that ``import package`` is enough for.

    Returns
    -------
    tuple of (callable, callable)
        The two functions.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def found(name: str) -> Any:
        if name in packages:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *packages})

    return found, listed
