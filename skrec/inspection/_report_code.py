"""A search as the Python program that makes it again, as far as code can tell."""

import ast
import contextlib
import functools
import inspect
import math
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    get_routing_for_object,
)

from skrec.inspection._report_words import text
from skrec.model_selection.pareto import with_costs

MOST_ITEMS = 200
# Where functions are that make scorers: of scikit-learn, and of recommenders.
_MAKERS = ("sklearn.metrics", "skrec.metrics")
_LINE = 88


class Program:
    """The code of values, and what it has to import.

    Attributes
    ----------
    imports : dict of str to set of str
        Names by the module that they are imported from.
    own : list of str
        Names that the reader has to define: no module has them.
    left_out : list of str
        What stands as ``...`` in the code, in words.
    """

    def __init__(self) -> None:
        self.imports: dict[str, set[str]] = {}
        self.own: list[str] = []
        self.left_out: list[str] = []

    def code(self, value: Any) -> str:
        """Write an expression.

        Parameters
        ----------
        value : object
            Its value.

        Returns
        -------
        str
            Python.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if isinstance(value, str):
            # A storage may have a password in its address, and a page is passed on.
            shown = repr(re.sub(r"://[^/@\s]*@", "://...@", value))
            is_plain = not set(value) & set("\"'\\")
            return f'"{shown[1:-1]}"' if is_plain else shown
        if value is None or isinstance(value, bool | int | float | bytes):
            return repr(value)
        if type(value) is range:
            return repr(value)
        if type(value) in (list, tuple, set, dict) and len(value) <= MOST_ITEMS:
            return self._collection(value)
        if isinstance(value, np.ndarray) and value.size <= MOST_ITEMS:
            self.imports.setdefault("numpy", set()).add("array")
            return f"array({self.code(value.tolist())})"
        if isinstance(value, functools.partial):
            return self._partial(value)
        if inspect.isroutine(value) or inspect.isclass(value):
            return self._named(value)
        if is_generator(value):
            return self._left_out(
                f"{kind_of(value)}, what it would draw next is not kept"
            )
        if isinstance(value, ModuleType):  # whose repr is a path
            return self._left_out(f"the module {value.__name__}")
        if hasattr(value, "dist") and hasattr(value, "kwds"):  # frozen, of SciPy
            return self._distribution(value)
        return self._object(value)

    # ---- kinds of values -----------------------------------------------------------

    def _collection(self, value: Any) -> str:
        if isinstance(value, dict) and _ends_in_costs(value):
            self.imports.setdefault("skrec.model_selection", set()).add("with_costs")
            return f"with_costs({self.code(dict([*value.items()][:-2]))})"
        if isinstance(value, dict):
            items = [f"{self.code(k)}: {self.code(v)}" for k, v in value.items()]
            return _bracketed("{", items, "}")
        items = [self.code(item) for item in value]
        if isinstance(value, set):
            return _bracketed("{", sorted(items), "}") if items else "set()"
        if isinstance(value, tuple):
            return f"({items[0]},)" if len(items) == 1 else _bracketed("(", items, ")")
        return _bracketed("[", items, "]")

    def _partial(self, value: functools.partial) -> str:
        self.imports.setdefault("functools", set()).add("partial")
        named = [f"{name}={self.code(own)}" for name, own in value.keywords.items()]
        parts = [self.code(value.func), *map(self.code, value.args), *named]
        return _bracketed("partial(", parts, ")")

    def _named(self, value: Any) -> str:
        """Write a function or class, imported where its module hands it out."""
        name = getattr(value, "__qualname__", "")
        module = _public_module(value)
        if module is not None:
            self.imports.setdefault(module, set()).add(name)
            return name
        if not name.isidentifier():
            return self._left_out(value)
        if name not in self.own:
            self.own.append(name)
        return name

    def _distribution(self, value: Any) -> str:
        name = getattr(value.dist, "name", "")
        stats = sys.modules.get("scipy.stats")
        if getattr(stats, name, None) is None:
            return self._left_out(value)
        self.imports.setdefault("scipy.stats", set()).add(name)
        named = [f"{key}={self.code(own)}" for key, own in value.kwds.items()]
        return _bracketed(f"{name}(", [*map(self.code, value.args), *named], ")")

    def _object(self, value: Any) -> str:
        """Write the call that makes an object, where its attributes tell that."""
        arguments = _arguments(value)
        module = _public_module(type(value))
        if type(value).__name__.startswith("_"):
            return self._made_by_function(value)
        if arguments is None or module is None:
            return self._left_out(value)
        name = type(value).__qualname__
        self.imports.setdefault(module, set()).add(name)
        parts = [
            self.code(own) if is_first else f"{key}={self.code(own)}"
            for key, own, is_first in arguments
        ]
        return _bracketed(f"{name}(", parts, ")")

    def _made_by_function(self, value: Any) -> str:
        """Write an object of a private class, whose ``repr`` names what makes it."""
        shown = repr(value)
        try:
            parts = [*ast.walk(ast.parse(shown, mode="eval"))]
        except SyntaxError:
            return self._left_out(value)
        places = {
            name: next(
                (place for place in _MAKERS if hasattr(sys.modules.get(place), name)),
                None,
            )
            for name in sorted(part.id for part in parts if isinstance(part, ast.Name))
        }
        if not places or None in places.values():
            return self._left_out(value)
        for name, place in places.items():
            self.imports.setdefault(str(place), set()).add(name)
        return shown

    def _left_out(self, value: Any) -> str:
        shown = text(value)
        if shown not in self.left_out:
            self.left_out.append(shown)
        return "..."

    # ---- the whole -----------------------------------------------------------------

    def header(self) -> str:
        """Write the imports, and what is missing as comments.

        Returns
        -------
        str
            Lines of Python.
        """
        lines = [
            f"from {module} import {', '.join(sorted(names))}"
            for module, names in sorted(self.imports.items())
        ]
        if self.own:
            lines.append(f"# Yours, from where you wrote them: {', '.join(self.own)}.")
        lines += [f"# Stands as ... below: {shown}" for shown in self.left_out]
        return "\n".join(lines)


def program_of(search: Any, call: str) -> str:
    """Write the program that makes a search and fits it.

    Parameters
    ----------
    search : estimator
        The search.
    call : str
        How it is fitted, such as ``"search.fit(X, y)"``.

    Returns
    -------
    str
        Python. What code cannot tell stands as ``...``, and in words above it.
    """
    program = Program()
    made = program.code(search)
    enabling = _ENABLING.get(type(search).__name__, "")
    header = "\n".join(filter(None, [enabling, program.header()]))
    return f"{header}\n\nsearch = {made}\n{call}"


def is_generator(value: Any) -> bool:
    """Tell whether numbers are drawn from a value, so that it is no seed.

    Parameters
    ----------
    value : object
        Such as a `random_state`.

    Returns
    -------
    bool
        True for NumPy's generators, and for the global one.
    """
    kinds = np.random.RandomState, np.random.Generator, np.random.BitGenerator
    return isinstance(value, kinds) or value is np.random


def kind_of(generator: Any) -> str:
    """Name a generator.

    Parameters
    ----------
    generator : object
        As :func:`is_generator` tells.

    Returns
    -------
    str
        Words.
    """
    is_global = generator is np.random
    return "the global generator" if is_global else f"a {type(generator).__name__}"


def fit_parameters(search: Any) -> list[str]:
    """Name what a search cannot be fitted without, beside X and y.

    Parameters
    ----------
    search : estimator
        The search.

    Returns
    -------
    list of str
        Parameters of `fit`: groups of a splitter, and what was asked for by metadata
        routing.
    """
    asked: dict[str, None] = {}
    for owner in (search, getattr(search, "cv", None)):
        # Objects of the user's own may raise anything.
        with contextlib.suppress(Exception):
            asked |= dict.fromkeys(_asked_for(get_routing_for_object(owner)))
    return list(asked)


def _asked_for(routing: MetadataRequest | MetadataRouter) -> Iterator[str]:
    """Yield the names of metadata that somebody asks for."""
    if isinstance(routing, MetadataRouter):
        for _, pair in routing:
            yield from _asked_for(pair.router)
        return
    for method in ("fit", "split", "score"):
        for name, alias in getattr(routing, method).requests.items():
            if alias is True or (isinstance(alias, str) and alias.isidentifier()):
                yield name if alias is True else alias


# Without this line scikit-learn does not hand its halving searches out.
_HALVING = "from sklearn.experimental import enable_halving_search_cv  # noqa: F401"
_ENABLING = {"HalvingGridSearchCV": _HALVING, "HalvingRandomSearchCV": _HALVING}


def _arguments(value: Any) -> list[tuple[str, Any, bool]] | None:
    """Return what the constructor was given: name, value, and whether by position."""
    try:
        parameters = inspect.signature(type(value)).parameters
    except (TypeError, ValueError):
        return None
    if isinstance(value, BaseEstimator):
        given = value.get_params(deep=False)
    else:
        given = {k: getattr(value, k) for k in parameters if hasattr(value, k)}
    found = []
    for name, own in given.items():
        default = getattr(parameters.get(name), "default", _UNKNOWN)
        if name not in parameters:
            return None
        if not _same(own, default):
            found.append((name, own, default is inspect.Parameter.empty))
    known = {name for name, _, _ in found} | set(given)
    needed = {
        name
        for name, own in parameters.items()
        if own.default is own.empty and own.kind not in (own.VAR_KEYWORD,)
    }
    if not needed <= known or any(
        own.kind in (own.VAR_POSITIONAL, own.POSITIONAL_ONLY)
        for own in parameters.values()
    ):
        return None
    # In the order of the signature, those that must be given first.
    order = list(parameters)
    return sorted(found, key=lambda own: (not own[2], order.index(own[0])))


_UNKNOWN = object()


def _ends_in_costs(value: dict) -> bool:
    """Tell whether a dict of scorers is one of :func:`with_costs`."""
    kinds = [type(own) for own in value.values()]
    return len(kinds) > 2 and kinds[-2:] == _COSTS


_COSTS = [type(own) for own in with_costs().values()][-2:]


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if type(value) is not type(default):
        return False
    if isinstance(value, float) and math.isnan(value):
        return math.isnan(default)
    plain = isinstance(value, bool | int | float | str | tuple)
    return plain and value == default


def _public_module(value: Any) -> str | None:
    """Return the shortest public module that hands a function or class out."""
    module, name = (
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", ""),
    )
    if module is None or module == "__main__" or not name.isidentifier():
        return None
    parts = module.split(".")
    names = [".".join(parts[: k + 1]) for k in range(len(parts))]
    for found in names:
        is_private = any(part.startswith("_") for part in found.split("."))
        if not is_private and getattr(sys.modules.get(found), name, None) is value:
            return found
    # A private module of the reader's own is still theirs to import from.
    return module if getattr(sys.modules.get(module), name, None) is value else None


def _bracketed(opening: str, items: list[str], closing: str) -> str:
    """Write on one line what fits there, otherwise an item a line."""
    whole = f"{opening}{', '.join(items)}{closing}"
    if len(whole) <= _LINE - 20 and "\n" not in whole:
        return whole
    if not items:
        return whole
    inner = ",\n".join(items).replace("\n", "\n    ")
    return f"{opening}\n    {inner},\n{closing}"
