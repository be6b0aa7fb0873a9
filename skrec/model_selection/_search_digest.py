"""A digest of what the scores of a search depend on, for those who find them stored.

It is that of ``memory=``, but for any estimator of anyone's, on rows of any kind. So
what an installed package defines is known by its name, data frames by their columns,
estimators by their class and parameters, and other objects by what ``pickle`` would
keep of them, down to the code of functions of the user's own.
"""

import copyreg
import dis
import inspect
import sys
import types
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from pandas.api.extensions import ExtensionArray
from scipy import sparse, stats
from sklearn.base import BaseEstimator

from skrec._sklearn import requested_metadata
from skrec.training._code import LIBRARIES, codes
from skrec.training._digest import CannotDigestError, Digester
from skrec.training._optimizer_items import is_from_keras

# Parameters of estimators that no score depends on.
NO_INFLUENCE = {"memory", "n_jobs", "verbose"}
# By these, code of the user's own reads what is not in it.
_READS_WORLD = {"open", "eval", "exec", "input", "globals", "__import__", "environ"}
_READS_WORLD |= {"getenv", "load", "fromfile", "loadtxt", "genfromtxt", "memmap"}
_DATES = (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray, pd.arrays.PeriodArray)
_FRAMES = (pd.DataFrame, pd.Series, pd.Index, ExtensionArray)


class SearchDigester(Digester):
    """The digest of one setting of a search, and what of it cannot be known.

    Parameters
    ----------
    apart : list of object, default=()
        Estimators that are described apart: of them only the class counts.

    Attributes
    ----------
    unknown : list of str
        What has a value that no other process could know, in words.
    """

    def __init__(self, apart: tuple[Any, ...] = ()) -> None:
        super().__init__()
        self.unknown: list[str] = []
        self._apart = {id(estimator) for estimator in apart}
        self._in_object = 0  # what a clone copies as it is, fitted or not

    def of(self, item: Any) -> str:
        """Add a value and return the digest of all so far.

        Parameters
        ----------
        item : object
            Anything.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        try:
            return super().of(item)
        except Exception as error:  # whatever the attributes of an object raise
            kind = "" if isinstance(error, CannotDigestError) else type(error).__name__
            self.unknown.append(f"{kind} {error}".strip())
            return self.hash.hexdigest()

    def add(self, item: Any) -> None:
        """Feed a value.

        Parameters
        ----------
        item : object
            Anything.
        """
        if isinstance(item, np.ma.MaskedArray):
            self.put("masked")
            self.add([np.ma.getdata(item), np.ma.getmaskarray(item), item.fill_value])
        elif type(item) is np.memmap:  # the same numbers, on disk
            self.add(np.asarray(item))
        elif isinstance(item, np.ndarray) and type(item) is not np.ndarray:
            self.put("array of", type(item).__qualname__.encode())
            self._add_array(np.asarray(item))
        elif isinstance(item, np.void):
            self.put("record", str(item.dtype).encode())
            self.add(item.tolist())
        elif sparse.issparse(item):
            self.put(type(item).__qualname__)  # a matrix, or an array
            super().add(item if hasattr(item, "indptr") else item.tocsr())
        else:
            super().add(item)

    # ---- rows ----------------------------------------------------------------------

    def _add_array(self, array: np.ndarray) -> None:
        if array.dtype.hasobject or array.dtype.kind == "T":
            self.put("array", f"{array.dtype} {array.shape}".encode())
            self.add(array.ravel().tolist())
        else:
            super()._add_array(array)

    def _add_items(self, item: Any) -> None:
        """Add many values of one kind at once."""
        kinds = set(map(type, item)) if isinstance(item, list | tuple) else set()
        content = _as_bytes(item, kinds.pop()) if len(kinds) == 1 else None
        if content is None:
            super()._add_items(item)
        else:
            for kind, part in content.items():
                self.put(kind, str(len(part)).encode())
                self.hash.update(part)

    def _add_frame(self, item: Any) -> None:
        """Add a data frame, a column or labels: by column, each with its type."""
        self.put(type(item).__qualname__, str(np.shape(item)).encode())
        if isinstance(item, pd.DataFrame):
            self._add_labels(item.columns)
            self._add_labels(item.index)
            for place in range(item.shape[1]):
                self._add_column(item.iloc[:, place].array)
        elif isinstance(item, pd.Series):
            self.add(item.name)
            self._add_labels(item.index)
            self._add_column(item.array)
        elif isinstance(item, pd.Index):
            self._add_labels(item)
        else:
            self._add_column(item)

    def _add_labels(self, labels: pd.Index) -> None:
        self.add(list(labels.names))
        if isinstance(labels, pd.RangeIndex):
            self.add([labels.start, labels.stop, labels.step])
        elif isinstance(labels, pd.MultiIndex):
            self.add([*labels.levels, *(np.asarray(codes) for codes in labels.codes)])
        else:
            self._add_column(labels.array)

    def _add_column(self, column: ExtensionArray) -> None:
        self.put("column", str(column.dtype).encode())
        if isinstance(column, pd.Categorical):
            self._add_labels(column.categories)
            self.add([column.ordered, np.asarray(column.codes)])
        elif isinstance(column, _DATES):
            self.add(column.astype("int64"))
        elif isinstance(column.dtype, np.dtype):
            self.add(np.asarray(column))
        else:
            missing = np.asarray(column.isna())
            self.add([missing, np.asarray(column[~missing])])

    def _add_columns(self, item: Any) -> None:
        """Add what polars or pyarrow holds."""
        self.put(type(item).__qualname__, str(getattr(item, "schema", "")).encode())
        columns = getattr(item, "columns", None)
        if columns is None:
            self.put("type", str(getattr(item, "dtype", item)).encode()[:1000])
            values = item.to_pylist() if hasattr(item, "to_pylist") else item.to_list()
            self.add(values)
            return
        for place, column in enumerate(columns):
            self._add_columns(item[column] if isinstance(column, str) else item[place])

    # ---- code and objects ----------------------------------------------------------

    def _add_mapping(self, item: Mapping) -> None:
        with self._within_object():
            super()._add_mapping(item)

    def _add_code(self, item: Any) -> None:
        if isinstance(item, types.ModuleType):
            self.put("module", item.__name__.encode())
            if not _is_installed(item.__name__):
                self.unknown.append(f"parts of the module {item.__name__}")
        elif not self._in_object and _is_cloned_by_parameters(item):
            self._add_estimator(item)
        else:
            with self._within_object():
                super()._add_code(item)

    @contextmanager
    def _within_object(self) -> Iterator[None]:
        self._in_object += 1
        yield
        self._in_object -= 1

    def _add_named(self, item: Any) -> None:
        """Add a function or class, by its name if an installed package defines it."""
        if name := _installed_name(item):
            self.put("named", name.encode())
        elif isinstance(item, np.ufunc):  # all of whose attributes say nothing
            self.unknown.append(f"the universal function {item.__name__}")
        elif inspect.isfunction(item):
            self._add_function(item)
        elif inspect.isclass(item):
            super()._add_named(item)
        else:
            self._add_object(item)

    def _add_function(self, item: types.FunctionType) -> None:
        if self.is_known(item):
            return
        self.put("function")
        cells = [_content(cell) for cell in item.__closure__ or ()]
        own = {k: v for k, v in vars(item).items() if k != "__wrapped__"}
        read: dict[str, Any] = {}
        for path, value in _read_by(item):
            if value is _WORLD:
                self.unknown.append(f"what {item.__qualname__} reads by {path}")
            else:
                read[path] = value
        parts = [item.__code__, item.__defaults__, item.__kwdefaults__, cells]
        self._add_by_name({str(place): part for place, part in enumerate(parts)})
        self._add_by_name(read)
        self._add_by_name(own)

    def _add_estimator(self, item: Any) -> None:
        """Add an estimator by its class and parameters, which are all a clone keeps."""
        self.put("estimator")
        self.add(type(item))
        if id(item) in self._apart or self._is_within(item):
            return
        with self._inside(item):
            params = item.get_params(deep=False)
            for name in sorted(set(params) - NO_INFLUENCE):
                self.add([name, params[name]])
            self.add(requested_metadata(item))

    def _add_object(self, item: Any) -> None:
        package = type(item).__module__.split(".")[0]
        if isinstance(item, _FRAMES):
            self._add_frame(item)
        elif package in ("polars", "pyarrow") and hasattr(item, "__len__"):
            self._add_columns(item)
        elif isinstance(item, keras.Model):
            self._add_model(item)
        elif isinstance(item, tf.Tensor | tf.Variable | tf.DType) or any(
            map(is_from_keras, type(item).__mro__)
        ):
            super()._add_object(item)
        elif isinstance(getattr(item, "dist", item), _DISTRIBUTIONS):
            self._add_distribution(item)
        elif not self._is_within(item):
            self._add_reduced(item)

    def _add_model(self, item: keras.Model) -> None:
        """Add a model by its configuration, weights, loss and classes of layers."""
        self.put("model")
        self.add([type(item), item.get_config(), item.get_weights()])
        if item.compiled:
            self.add([item.loss, item.optimizer, item.get_compile_config()])
        models = [item]
        for model in models:
            models += [layer for layer in model.layers if hasattr(layer, "layers")]
            self.add([type(layer) for layer in model.layers])

    def _add_distribution(self, item: Any) -> None:
        """Add a distribution of SciPy's, without the generator that it draws by."""
        dist = getattr(item, "dist", item)
        if self._is_within(dist):
            return
        self.put("distribution")
        state = dist.__getstate__()
        state = {name: state[name] for name in state if name != "_random_state"}
        with self._inside(dist):
            self.add([type(item), type(dist)])
            self.add([getattr(item, "args", ()), getattr(item, "kwds", {})])
            self._add_by_name(state)

    def _add_reduced(self, item: Any) -> None:
        """Add an object by what `pickle` would keep of it."""
        self.put("object")
        try:
            registered = copyreg.dispatch_table.get(type(item))
            reduced = registered(item) if registered else item.__reduce_ex__(4)
        except Exception:
            self.unknown.append(f"an object of type {type(item).__qualname__}")
            self.add(type(item))
            return
        if isinstance(reduced, str):  # by name
            self.add([type(item), reduced])
            return
        make, arguments, state, *items = (*reduced, None, None, None)[:5]
        with self._inside(item):
            self.add([make, arguments])
            if isinstance(state, dict) and all(type(name) is str for name in state):
                self._add_by_name(state)
            else:
                self.add(state)
            for part in items:
                self.add(None if part is None else list(part))


# ---- what can be known -------------------------------------------------------------

_DISTRIBUTIONS = (stats.rv_continuous, stats.rv_discrete)
_WORLD = object()


def _as_bytes(items: Any, kind: type) -> dict[str, bytes] | None:
    """Return the content of a list of one kind; None if it has to be walked."""
    if kind is str:
        lengths = array("q", map(len, items)).tobytes()
        text = "".join(items).encode("utf-8", "surrogatepass")
        return {"lengths": lengths, "text": text}
    if kind is float:
        return {"floats": array("d", items).tobytes()}
    if kind is bool:
        return {"booleans": bytes(items)}
    if kind is int:
        try:
            return {"integers": array("q", items).tobytes()}
        except OverflowError:
            return None
    return None


def _is_cloned_by_parameters(item: Any) -> bool:
    """Tell an estimator of which a clone keeps parameters alone; unlike a frozen one's.

    Of what stands in an object that is none, or in a dict, a clone is a copy.
    """
    if not hasattr(item, "get_params") or inspect.isclass(item):
        return False
    own = getattr(type(item), "__sklearn_clone__", BaseEstimator.__sklearn_clone__)
    return own is BaseEstimator.__sklearn_clone__


def _is_installed(module: str) -> bool:
    """Tell whether a module is part of Python or of an installed package."""
    root = module.split(".")[0]
    if root in LIBRARIES:
        return True
    # By the module's own file: a package without `__init__.py`, such as `tests`, may
    # have parts in several folders, some installed and some not.
    found = sys.modules.get(module) or sys.modules.get(root)
    file = getattr(found, "__file__", None)
    places = [file] if file else list(getattr(found, "__path__", ()))
    return bool(places) and all(
        {"site-packages", "dist-packages"} & set(Path(place).parts) for place in places
    )


def _installed_name(item: Any) -> str:
    """Return the name by which an installed function or class is found, or ""."""
    name = str(getattr(item, "__qualname__", None) or getattr(item, "__name__", ""))
    modules: list[str] = [getattr(item, "__module__", None) or "builtins"]
    if isinstance(item, np.ufunc):
        modules = ["numpy", "scipy.special"]
    for module in modules:
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is item and _is_installed(module):
            return f"{module}.{name}"
    return ""


def _read_by(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function reads of its module, by its path; _WORLD for the world."""
    known = function.__globals__
    for code in codes(function.__code__):
        instructions = list(dis.get_instructions(code))
        for place, instruction in enumerate(instructions):
            name, operation = str(instruction.argval), instruction.opname
            if operation in ("LOAD_GLOBAL", "LOAD_NAME") and name in known:
                yield _follow(name, known[name], instructions[place + 1 :])
            elif operation in _READING and (
                name in _READS_WORLD or name.startswith("read_")
            ):
                yield name, _WORLD
            elif operation == "IMPORT_NAME" and not _is_installed(name):
                yield f"import {name}", _WORLD


_READING = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM")


def _follow(
    path: str, value: Any, instructions: list[dis.Instruction]
) -> tuple[str, Any]:
    """Follow the attributes that are read of a module, to what is none."""
    for instruction in instructions:
        is_attribute = instruction.opname in ("LOAD_ATTR", "LOAD_METHOD")
        if not isinstance(value, types.ModuleType) or not is_attribute:
            break
        is_installed = _is_installed(value.__name__)
        value = getattr(value, instruction.argval, None)
        path = f"{path}.{instruction.argval}"
        if is_installed and not isinstance(value, types.ModuleType):
            return path, None  # known by its path
    return path, value


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
