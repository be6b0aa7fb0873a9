"""A digest of what a fit depends on, the same in every process that is given the same.

Arrays count by their content, functions and classes of the user's own by their code,
defaults, closure and all that they read, objects by their class and attributes.
"""

import inspect
import re
import struct
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import xxhash
from keras.src.utils.naming import to_snake_case
from keras.src.utils.tracking import Tracker
from scipy import sparse

from skrec.training._code import (
    CannotDigestError,
    name_in_library,
    name_of_module,
    values_read,
)
from skrec.training._optimizer_items import (
    OF_TRAINING,
    is_from_keras,
    optimizer_items,
)

__all__ = ["CannotDigestError", "Digester", "digest"]

_BLOCK_BYTES = 2**24


def digest(item: Any) -> str:
    """Return the digest of nested values.

    Parameters
    ----------
    item : object
        Numbers, strings, arrays, sparse matrices, functions, classes, objects, and
        containers of them.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    CannotDigestError
        If a value is none of these, or hangs on what has no value.
    """
    return Digester().of(item)


class Digester:
    """Feeds nested values to a hash; :meth:`_add_object` is what a subclass extends."""

    def __init__(self) -> None:
        # Data are read 14 times as fast as by SHA-256; nobody gains by a collision.
        self.hash = xxhash.xxh3_128()
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used twice
        self._around: list[int] = []  # containers around the present value
        self._in_code = 0  # functions, classes and objects around it

    def of(self, item: Any) -> str:
        """Add a value and return the digest of all so far.

        Parameters
        ----------
        item : object
            See :func:`digest`.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        try:
            self.add(item)
        except RecursionError:
            raise CannotDigestError("something nested too deeply") from None
        return self.hash.hexdigest()

    def put(self, kind: str, content: bytes = b"") -> None:
        """Feed a kind of value and its bytes, so that no two things look alike.

        Parameters
        ----------
        kind : str
            What follows.
        content : bytes, default=b""
            Its value.
        """
        head = kind.encode()
        self.hash.update(struct.pack("<II", len(head), len(content)) + head + content)

    def is_known(self, item: Any) -> bool:
        """Refer back to something that was added before, by its place.

        Parameters
        ----------
        item : object
            Something with an identity.

        Returns
        -------
        bool
            False the first time.
        """
        if id(item) in self._seen:
            self.put("again", str(self._seen[id(item)]).encode())
            return True
        self._seen[id(item)] = len(self._seen)
        self._kept.append(item)
        return False

    def add(self, item: Any) -> None:
        """Feed a value.

        Parameters
        ----------
        item : object
            See :func:`digest`.
        """
        if item is None or item is ... or type(item) in _CONSTANTS:
            self.put(type(item).__name__, repr(item).encode())
        elif isinstance(item, np.generic):
            self.put(str(item.dtype), item.tobytes())
        elif _is_plain(item, Mapping):
            self._add_mapping(item)
        elif _is_plain(item, list | tuple | set | frozenset):
            self._add_items(item)
        elif type(item) in (np.ndarray, np.memmap):
            self._add_array(item)
        elif isinstance(item, np.ndarray):
            raise CannotDigestError(f"an array of type {type(item).__qualname__}")
        elif sparse.issparse(item):
            self._add_sparse(item)
        else:
            self._add_code(item)

    def _add_mapping(self, item: Mapping) -> None:
        if not self._is_within(item):
            self.put("mapping", str(len(item)).encode())
            with self._inside(item):
                # Code can tell the order of a dict; parameters and plans have none.
                pairs = list(item.items())
                if not self._in_code:
                    pairs.sort(key=lambda pair: repr(pair[0]))
                for key, value in pairs:
                    self.add(key)
                    self.add(value)

    def _add_by_name(self, members: Mapping[str, Any]) -> None:
        """Add what is found by name, in code or in an object, in no order."""
        self.put("members", str(len(members)).encode())
        self._in_code += 1
        for name in sorted(members):
            self.add(name)
            self.add(members[name])
        self._in_code -= 1

    def _add_items(self, item: Any) -> None:
        if isinstance(item, set | frozenset):
            self.put("set", "".join(sorted(type(self)().of(i) for i in item)).encode())
        elif not self._is_within(item):
            self.put("sequence", str(len(item)).encode())
            with self._inside(item):
                for value in item:
                    self.add(value)

    def _is_within(self, item: Any) -> bool:
        """Refer to a container that holds itself."""
        if id(item) not in self._around:
            return False
        self.put("around", str(self._around.index(id(item))).encode())
        return True

    @contextmanager
    def _inside(self, item: Any) -> Iterator[None]:
        self._around.append(id(item))
        yield
        self._around.pop()

    def _add_array(self, array: np.ndarray) -> None:
        if self.is_known(array):
            return
        self.put("array", f"{array.dtype.str} {array.shape}".encode())
        if array.dtype.kind == "O":
            self.add(array.ravel().tolist())
            return
        for block in _blocks(array):
            self.hash.update(
                np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            )

    def _add_sparse(self, item: Any) -> None:
        """Add a sparse matrix as it is stored, since code can tell its format."""
        names = [name for name in _SPARSE if hasattr(item, name)]
        if not names:
            raise CannotDigestError(f"a sparse matrix of the format {item.format!r}")
        self.put("sparse", f"{item.format} {item.shape}".encode())
        self.add([getattr(item, name) for name in names])

    def _add_code(self, item: Any) -> None:
        if isinstance(item, types.ModuleType):
            self.put("module", name_of_module(item).encode())
        elif isinstance(item, types.CodeType):
            self.put("code", item.co_code + item.co_exceptiontable)
            self.put("flags", f"{item.co_flags} {item.co_argcount}".encode())
            self.put("more", f"{item.co_kwonlyargcount}".encode())
            names = [item.co_names, item.co_varnames, item.co_freevars]
            self.add([item.co_consts, *names])
        elif isinstance(item, partial):
            self.put("partial")
            self.add([item.func, item.args, item.keywords])
        elif inspect.ismethod(item):
            self.put("method")
            self.add([item.__func__, item.__self__])
        elif isinstance(item, staticmethod | classmethod):
            self.put(type(item).__name__)
            self.add(item.__func__)
        elif isinstance(item, property | cached_property):
            self.put("property")
            self.add([getattr(item, name, None) for name in ("fget", "fset", "func")])
        elif (
            inspect.isroutine(item)
            or inspect.isclass(item)
            or isinstance(item, np.ufunc)
        ):
            self._add_named(item)
        else:
            self._add_object(item)

    def _add_named(self, item: Any) -> None:
        """Add a function or class, by its name if a library defines it."""
        if name := name_in_library(item):
            self.put("named", name.encode())
            return
        if self.is_known(item):
            return
        if inspect.isclass(item):
            self.put("class", item.__name__.encode())
            members = {
                name: value
                for name, value in vars(item).items()
                if name not in _NOT_CODE and not isinstance(value, _SLOTS)
            }
            self.add([*([] if type(item) is type else [type(item)]), *item.__bases__])
            self._add_by_name(members)
        elif inspect.isfunction(item):
            self.put("function")
            cells = [_content(cell) for cell in item.__closure__ or ()]
            parts = [item.__code__, item.__defaults__, item.__kwdefaults__, cells]
            self._add_by_name({str(place): part for place, part in enumerate(parts)})
            self._add_by_name(values_read(item))
            own = {k: v for k, v in vars(item).items() if k != "__wrapped__"}
            self._add_by_name(own)
        elif hasattr(item, "__qualname__"):
            raise CannotDigestError(f"the built-in function {item.__qualname__}")
        else:  # such as scikit-learn's `set_fit_request`, an object with `__get__`
            self._add_object(item)

    def _add_object(self, item: Any) -> None:
        """Add an object by its class and attributes."""
        if isinstance(item, keras.Variable | tf.Variable):
            if not self.is_known(item):
                value = item.numpy()
                self.put("variable")
                self.add([value.dtype.str, value.shape, value])
        elif isinstance(item, keras.Initializer):
            # Its seed, if it has none of its own, is drawn anew in each process.
            self.put("configured")
            self.add([type(item), _unnamed(item.get_config())])
        elif isinstance(item, tf.Tensor) and hasattr(item, "numpy"):
            if item.dtype in (tf.resource, tf.variant):
                raise CannotDigestError("a table or another resource of TensorFlow's")
            self.put("tensor")
            self.add(item.numpy())
        elif isinstance(item, keras.optimizers.Optimizer) and is_from_keras(type(item)):
            self.put("optimizer")
            self.add([type(item), optimizer_items(item)])
        elif isinstance(item, np.dtype | tf.DType | re.Pattern):
            self.put(type(item).__name__, repr(item).encode())
        elif isinstance(item, np.random.RandomState):
            self.put("random")
            self.add(item.get_state())
        elif not hasattr(item, "__dict__") and not isinstance(item, tuple):
            raise CannotDigestError(f"an object of type {type(item).__qualname__}")
        elif not self._is_within(item):
            self.put("object")
            with self._inside(item):
                self.add(type(item))
                self._add_by_name(self._attributes(item))

    def _attributes(self, item: Any) -> dict[str, Any]:
        """Return the attributes that say what an object does."""
        if isinstance(item, Mapping | list | tuple | set | frozenset):
            items = item.items() if isinstance(item, Mapping) else item
            return {**getattr(item, "__dict__", {}), "": list(items)}
        for plain in _CONSTANTS:
            if isinstance(item, plain):  # of a class of the user's own, such as an Enum
                return {**vars(item), "": plain.__repr__(item)}
        for kind in type(item).__mro__:
            if "__slots__" in vars(kind) and vars(kind)["__slots__"]:
                raise CannotDigestError(
                    f"an object of type {type(item).__qualname__} with slots"
                )
        values = {k: v for k, v in vars(item).items() if k != "__orig_class__"}
        if any(map(is_from_keras, type(item).__mro__)):
            skip = _NOT_STATE
            if isinstance(item, keras.optimizers.Optimizer):
                skip = skip | OF_TRAINING
            values = {
                name: value
                for name, value in values.items()
                if name not in skip | OF_TRACKING and not isinstance(value, Tracker)
            }
            if is_made_up(str(values.get("name")), type(item)) and not reads_name(item):
                del values["name"]
        return values


_NOT_CODE = {"__module__", "__doc__", "__dict__", "__weakref__", "__qualname__"}
_NOT_CODE |= {"__firstlineno__", "__static_attributes__", "__abstractmethods__"}
_NOT_CODE |= {"_abc_impl", "__annotations__", "__parameters__"}
_NOT_CODE |= {"_parameter_constraints"}  # of what is checked before a fit
_SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)
# What Keras notes of calls, and where a thing stands.
_NOT_STATE = {"_auto_config", "_lock", "_path", "_build_shapes_dict"}
# What TensorFlow notes of an object that holds variables.
OF_TRACKING = {"_self_setattr_tracking", "_self_update_uid"}
OF_TRACKING |= {"_self_name_based_restores", "_self_saveable_object_factories"}
OF_TRACKING |= {"_self_unconditional_checkpoint_dependencies"}
OF_TRACKING |= {"_self_unconditional_deferred_dependencies"}
OF_TRACKING |= {"_self_unconditional_dependency_names"}


def is_made_up(name: str, kind: type) -> bool:
    """Tell whether Keras made a name up, by counting what was made before.

    Parameters
    ----------
    name : str
        Name of an object.
    kind : type
        Its class.

    Returns
    -------
    bool
        Whether the name is that of the class, perhaps with a number.
    """
    return bool(re.fullmatch(rf"{to_snake_case(kind.__name__)}(_\d+)?", name))


def reads_name(item: Any) -> bool:
    """Tell whether code of the user's own in an object's class asks for a name.

    Parameters
    ----------
    item : object
        An object with a name that Keras may have made up.

    Returns
    -------
    bool
        Whether the name may change what the object does.
    """
    return any(
        "name" in code.co_names or "name" in code.co_consts
        for kind in type(item).__mro__
        if not name_in_library(kind)
        for code in _codes(kind)
    )


def _codes(kind: type) -> Iterator[types.CodeType]:
    """Walk over the code of a class's methods, and of the functions in them."""
    members = list(vars(kind).values())
    for member in members:
        if isinstance(member, _WRAPPING):
            members += [getattr(member, n) for n in _WRAPPED if hasattr(member, n)]
    codes = [m.__code__ for m in members if inspect.isfunction(m)]
    for code in codes:
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
        yield code


# What stands in the place of a method, and where it keeps it.
_WRAPPING = (property, cached_property, classmethod, staticmethod, types.FunctionType)
_WRAPPED = ("fget", "func", "__wrapped__")

# What holds the values of sparse matrices; each format has some.
_SPARSE = ("data", "indices", "indptr", "coords", "offsets", "rows")
_CONSTANTS = (bool, int, float, complex, str, bytes, range)
_PLAIN = (dict, list, tuple, set, frozenset, types.MappingProxyType)


def _is_plain(item: Any, kinds: Any) -> bool:
    """Tell a container that does nothing else from one of the user's own class."""
    if not isinstance(item, kinds):
        return False
    module = type(item).__module__.split(".")[0]  # Keras and TensorFlow track theirs
    return type(item) in _PLAIN or module in ("keras", "tensorflow")


def _unnamed(config: Mapping) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "name"}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Walk an array, which may be a file, a few rows at a time."""
    if array.nbytes <= _BLOCK_BYTES or array.ndim == 0:
        yield array
        return
    size = max(1, _BLOCK_BYTES * len(array) // array.nbytes)
    for start in range(0, len(array), size):
        yield array[start : start + size]
