"""What a function or class of the user's own reads beside its arguments.

Two functions do the same if their code, defaults, closures and all that the code reads
of its module are the same. What a function reads can be told from its bytecode as long
as it reads plain names and attributes of modules; where it reads the world (files, the
environment, a clock, random numbers), nothing says whether two calls do the same.
"""

import builtins
import dis
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

# What these define is known by its name: their versions are part of a digest.
_PINNED = {"keras", "tensorflow", "numpy", "scipy", "sklearn", "skrec"}
LIBRARIES = _PINNED | set(sys.stdlib_module_names)
# Of the standard library, what gives the same for the same arguments, everywhere.
_PURE = _PINNED | {"builtins", "math", "cmath", "functools", "itertools", "operator"}
_PURE |= {"collections", "typing", "abc", "numbers", "dataclasses", "enum", "types"}
_PURE |= {"fractions", "decimal", "statistics", "copy", "string", "__future__"}
_PURE |= {"contextlib", "inspect", "warnings"}
# Attributes by which code draws, reads a file, or calls Python back at each step.
_IMPURE = {"random", "py_function", "numpy_function", "py_func", "init_scope", "load"}
_IMPURE |= {"fromfile", "loadtxt", "genfromtxt", "memmap", "read_file", "environ"}
_READS_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM")
_IMPURE_BUILTINS = {"open", "eval", "exec", "compile", "input", "globals", "locals"}
_IMPURE_BUILTINS |= {"vars", "__import__", "id", "breakpoint"}


class CannotDigestError(TypeError):
    """Something has no value by which another process could know it."""


def name_in_library(item: Any) -> str:
    """Return the name by which a library's function or class can be found, or "".

    Parameters
    ----------
    item : function, class or ufunc
        The function or class.

    Returns
    -------
    str
        Module and qualified name.

    Raises
    ------
    CannotDigestError
        If it is a function that does not always give the same.
    """
    if isinstance(item, np.ufunc):
        return f"numpy.{item.__name__}"
    module = getattr(item, "__module__", None) or "builtins"
    library = module.split(".")[0]
    found: Any = sys.modules.get(module)
    for part in getattr(item, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    if found is not item or found is None or library not in LIBRARIES:
        return ""
    name = f"{module}.{item.__qualname__}"
    is_random = "random" in (module if isinstance(item, type) else name).split(".")
    if library.lstrip("_") not in _PURE or is_random or "random_ops" in name:
        raise CannotDigestError(f"{name}, which may give another value")
    return name


def name_of_module(module: types.ModuleType) -> str:
    """Return the name of a library's module, of which code may read any part.

    Parameters
    ----------
    module : module
        The module.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    CannotDigestError
        If it is the user's own, whose variables may change.
    """
    if module.__name__.split(".")[0] not in _PURE or "random" in module.__name__:
        raise CannotDigestError(
            f"the module {module.__name__}, of which parts are read"
        )
    return module.__name__


def values_read(function: types.FunctionType) -> dict[str, Any]:
    """Return what a function reads of its module, by name.

    Parameters
    ----------
    function : function
        A function of the user's own.

    Returns
    -------
    dict of str to object
        Values of the globals, and of attributes of the user's modules, that its code
        and that of the functions inside it read. Names in pure libraries are strings.

    Raises
    ------
    CannotDigestError
        If it reads something that has no value here and now.
    """
    found: dict[str, Any] = {}
    known = function.__globals__
    for code in codes(function.__code__):
        for name, attributes in _reads(code, function.__qualname__):
            if name in known:
                path, value = _resolve(name, known[name], attributes)
                found[path] = value
            elif not hasattr(builtins, name):
                continue  # an error, should the line ever run
            elif name in _IMPURE_BUILTINS:
                raise CannotDigestError(
                    f"the function {function.__qualname__}, which calls {name}()"
                )
    return found


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those of the functions inside it.

    Parameters
    ----------
    code : code object
        Of a function.

    Yields
    ------
    code object
        The code and what is defined in it.
    """
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def _reads(code: types.CodeType, function: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each global name that code reads, with the attributes read right after."""
    instructions = list(dis.get_instructions(code))
    for place, instruction in enumerate(instructions):
        operation = instruction.opname
        if operation in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise CannotDigestError(
                f"the function {function}, which sets the global {instruction.argval}"
            )
        if operation == "IMPORT_NAME":
            if instruction.argval.split(".")[0] not in _PURE:
                raise CannotDigestError(
                    f"the function {function}, which imports {instruction.argval}"
                )
        elif operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            attributes = []
            for following in instructions[place + 1 :]:
                if following.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                    break
                attributes.append(following.argval)
            yield instruction.argval, attributes
        elif operation in _READS_ATTRIBUTE and instruction.argval in _IMPURE:
            raise CannotDigestError(
                f"the function {function}, which reads .{instruction.argval}"
            )


def _resolve(name: str, value: Any, attributes: list[str]) -> tuple[str, Any]:
    """Follow attributes from module to module, to what is not a module."""
    path = name
    for attribute in attributes:
        if not isinstance(value, types.ModuleType):
            break
        path = f"{path}.{attribute}"
        library = value.__name__.split(".")[0]
        if library in LIBRARIES and library not in _PURE:
            raise CannotDigestError(f"a function that reads {path}")
        try:
            value = getattr(value, attribute)
        except AttributeError:
            raise CannotDigestError(f"a function that reads {path}") from None
    if isinstance(value, types.ModuleType):
        if value.__name__.split(".")[0] not in _PURE:
            raise CannotDigestError(f"a function that hands on the module {path}")
    elif path != name:  # a library's function may have no public name
        return path, _by_name(value)
    return path, value


def _by_name(value: Any) -> Any:
    module = getattr(value, "__module__", None) or ""
    if callable(value) and module.split(".")[0] in _PINNED:
        return f"{module}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    return value
