"""A digest of what a fit depends on, the same in every process that is given the same.

Arrays count by their content, functions and classes of the user's own by their code,
defaults, closure and the globals that they read, Keras objects by their configuration.
"""

import dis
import inspect
import struct
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import xxhash
from scipy import sparse

# What these define is known by its name: their versions are part of the digest.
_BY_NAME = {"keras", "tensorflow", "numpy", "scipy", "sklearn", "skrec"}
_BY_NAME |= set(sys.stdlib_module_names)
_BLOCK_BYTES = 2**24


class CannotDigestError(TypeError):
    """Something has no value by which another process could know it."""


def digest(item: Any) -> str:
    """Return the digest of nested values.

    Parameters
    ----------
    item : object
        Numbers, strings, arrays, sparse matrices, functions, classes, Keras objects,
        and containers of them.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    CannotDigestError
        If a value is none of these.
    """
    digester = _Digester()
    digester.add(item)
    return digester.hash.hexdigest()


class _Digester:
    def __init__(self) -> None:
        # Data are read 14 times as fast as by SHA-256; nobody gains by a collision.
        self.hash = xxhash.xxh3_128()
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used twice

    def _put(self, kind: str, content: bytes = b"") -> None:
        head = kind.encode()
        self.hash.update(struct.pack("<II", len(head), len(content)) + head + content)

    def _is_known(self, item: Any) -> bool:
        """Refer back to an array, function or class that was added before."""
        if id(item) in self._seen:
            self._put("again", str(self._seen[id(item)]).encode())
            return True
        self._seen[id(item)] = len(self._seen)
        self._kept.append(item)
        return False

    def add(self, item: Any) -> None:
        if item is None or isinstance(item, bool | int | float | complex | str | bytes):
            self._put(type(item).__name__, repr(item).encode())
        elif isinstance(item, np.generic):
            self._put(str(item.dtype), item.tobytes())
        elif isinstance(item, Mapping):
            self._put("mapping", str(len(item)).encode())
            for key, value in sorted(item.items(), key=lambda pair: repr(pair[0])):
                self.add(key)
                self.add(value)
        elif isinstance(item, list | tuple):
            self._put("sequence", str(len(item)).encode())
            for value in item:
                self.add(value)
        elif isinstance(item, set | frozenset):
            self._put("set", "".join(sorted(map(digest, item))).encode())
        elif is_dataclass(item) and not inspect.isclass(item):
            self._put("dataclass")
            values = {field.name: getattr(item, field.name) for field in fields(item)}
            self.add([type(item), values])
        elif isinstance(item, np.ndarray):
            self._add_array(item)
        elif sparse.issparse(item):
            self._put("sparse", f"{item.format} {item.shape}".encode())
            self.add([item.data, item.indices, item.indptr])
        else:
            self._add_code(item)

    def _add_array(self, array: np.ndarray) -> None:
        if self._is_known(array):
            return
        self._put("array", f"{array.dtype.str} {array.shape}".encode())
        if array.dtype.kind == "O":
            self.add(array.ravel().tolist())
            return
        for block in _blocks(array):
            self.hash.update(
                np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            )

    def _add_code(self, item: Any) -> None:
        if isinstance(item, types.ModuleType):
            self._put("module", item.__name__.encode())
        elif isinstance(item, types.CodeType):
            self._put("code", item.co_code)
            self.add([item.co_consts, item.co_names, item.co_varnames])
        elif isinstance(item, partial):
            self._put("partial")
            self.add([item.func, item.args, item.keywords])
        elif inspect.ismethod(item):
            self._put("method")
            self.add([item.__func__, item.__self__])
        elif isinstance(item, staticmethod | classmethod):
            self._put(type(item).__name__)
            self.add(item.__func__)
        elif isinstance(item, property | cached_property):
            self._put("property")
            self.add([getattr(item, name, None) for name in ("fget", "fset", "func")])
        elif inspect.isroutine(item) or inspect.isclass(item) or _is_ufunc(item):
            self._add_named(item)
        elif callable(getattr(item, "get_config", None)):
            self._put("configured")
            self.add([type(item), _without_names(item.get_config())])
        else:
            raise CannotDigestError(f"an object of type {type(item).__qualname__}")

    def _add_named(self, item: Any) -> None:
        """Add a function or class, by its name if a library defines it."""
        if name := _name_in_library(item):
            self._put("named", name.encode())
            return
        if self._is_known(item):
            return
        if inspect.isclass(item):
            self._put("class", item.__name__.encode())
            members = {
                name: value
                for name, value in vars(item).items()
                if name not in _NOT_CODE and not isinstance(value, _SLOTS)
            }
            self.add([item.__bases__, members])
        elif inspect.isfunction(item):
            self._put("function")
            cells = [_content(cell) for cell in item.__closure__ or ()]
            self.add([item.__code__, item.__defaults__, item.__kwdefaults__, cells])
            self.add(_globals_read(item))
        else:
            raise CannotDigestError(f"the built-in function {item.__qualname__}")


_NOT_CODE = {"__module__", "__doc__", "__dict__", "__weakref__", "__qualname__"}
_NOT_CODE |= {"__firstlineno__", "__static_attributes__", "__abstractmethods__"}
_NOT_CODE |= {"_abc_impl", "__annotations__", "__parameters__"}
_NOT_CODE |= {"_parameter_constraints"}  # of what is checked before a fit
_SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)


def _without_names(config: Any) -> Any:
    """Leave out the names that Keras gives, which count what was made before."""
    if isinstance(config, Mapping):
        return {k: _without_names(v) for k, v in config.items() if k != "name"}
    return config


def _is_ufunc(item: Any) -> bool:
    return isinstance(item, np.ufunc)


def _name_in_library(item: Any) -> str:
    """Return the name by which a library's function or class can be found, or ""."""
    if _is_ufunc(item):
        return f"numpy.{item.__name__}"
    module = getattr(item, "__module__", None) or "builtins"
    found: Any = sys.modules.get(module)
    for part in item.__qualname__.split("."):
        found = getattr(found, part, None)
    is_known = found is item and module.split(".")[0] in _BY_NAME
    return f"{module}.{item.__qualname__}" if is_known else ""


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _globals_read(function: Any) -> dict[str, Any]:
    """Return the module's variables that a function reads, with their values."""
    names = {
        instruction.argval
        for code in _codes(function.__code__)
        for instruction in dis.get_instructions(code)
        if instruction.opname == "LOAD_GLOBAL"
    }
    known = function.__globals__
    return {name: known[name] for name in names if name in known}


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Walk an array, which may be a file, a few rows at a time."""
    if array.nbytes <= _BLOCK_BYTES or array.ndim == 0:
        yield array
        return
    size = max(1, _BLOCK_BYTES * len(array) // array.nbytes)
    for start in range(0, len(array), size):
        yield array[start : start + size]
