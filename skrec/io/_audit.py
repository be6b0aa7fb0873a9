"""What a file would make, read before anything of it is made.

skops asks whether each type is trusted. Here each kind of node is tied to the types
that it may make too, so that, say, no function stands where a type is called.
"""

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from skrec.io import _types
from skrec.training._fit_file import UnusableFileError

# Kinds of nodes whose classes are called with what a file holds: containers, numbers
# and dates alone, whatever else somebody trusts for another purpose.
_CALLED = {
    "JsonNode": {"builtins.str"},
    "DictNode": {
        "builtins.dict",
        "collections.OrderedDict",
        "sklearn.utils._bunch.Bunch",
    },
    "DefaultDictNode": {"collections.defaultdict"},
    "ListNode": {"builtins.list"},
    "SetNode": {"builtins.set"},
    "BytesNode": {"builtins.bytes"},
    "SliceNode": {"builtins.slice"},
    "DTypeNode": {"numpy.dtype"},
    "MaskedArrayNode": {"numpy.ma.MaskedArray"},
    "RandomStateNode": {"numpy.random.mtrand.RandomState"},
    "RandomGeneratorNode": {"numpy.random._generator.Generator"},
    "NdArrayNode": {"numpy.ndarray", *_types.SCALARS},
    "SparseMatrixNode": _types.SPARSE,
    "ConstructorFromReduceNode": _types.CONSTRUCTED,
    "LossNode": frozenset(),  # those of scikit-learn, of which skops has a list
}
# Kinds that find something by its name, and those that nobody needs.
_LISTED = {
    "ObjectNode": _types.OBJECTS,
    "TupleNode": {"builtins.tuple", *_types.NAMED_TUPLES},
    "FunctionNode": _types.FUNCTIONS,
    "TypeNode": _types.CLASSES,
    "TreeNode": frozenset(),
    "MethodNode": frozenset(),
    "PartialNode": frozenset(),
    "OperatorFuncNode": frozenset(),
}
_NOTHING = {"content": "null"}
# What skops 0.16 writes; older ones are read by other classes of skops.
_PROTOCOLS = (2,)
_ROOT_KEYS = {"__class__", "__module__", "__loader__", "__id__", "content"}
_ROOT_KEYS |= {"protocol", "_skops_version"}
# What a file would make, at most, as a multiple of what is in it: skops writes an
# object anew wherever it stands, so that honest files make as much as they hold.
_MOST_MADE = 10
_LOSSES = ("sklearn._loss.", "sklearn.linear_model._sgd_fast.", "_loss.")


def untrusted(schema: Any, trusted: Collection[str]) -> list[str]:
    """List what a file would make that nobody trusts.

    Parameters
    ----------
    schema : dict
        Its ``schema.json``.
    trusted : collection of str
        Names that the user trusts.

    Returns
    -------
    list of str
        Names, sorted.

    Raises
    ------
    UnusableFileError
        If it is no tree of nodes such as skops writes.
    """
    _require_root(schema)
    _require_size(schema)
    found = set()
    for node in _nodes(schema):
        loader, name = node["__loader__"], _name(node)
        if loader in _CALLED:
            if name not in _CALLED[loader] and not _is_loss(loader, name):
                raise UnusableFileError(f"it would call {name}, which may do anything")
        elif loader not in _LISTED:
            raise UnusableFileError(f"it holds a node of the unknown kind {loader!r}")
        elif name not in _LISTED[loader]:
            found.add(name)
        if loader == "DictNode":
            _require_plain_keys(node)
        if loader == "JsonNode" and not isinstance(node.get("content"), str):
            raise UnusableFileError("a value in it is no text of JSON")
        if loader == "MethodNode":
            found.add(f"{name}.{node['content']['func']}")
    return sorted(found - set(trusted))


def _require_root(schema: Any) -> None:
    """Raise where the first node is none, or says more than skops would."""
    if not isinstance(schema, dict) or not isinstance(schema.get("__loader__"), str):
        raise UnusableFileError("its schema is no node")
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in _PROTOCOLS:
        raise UnusableFileError(
            f"it has protocol {protocol!r} of skops, which no release of skrec wrote"
        )
    if more := sorted(schema.keys() - _ROOT_KEYS):
        raise UnusableFileError(f"its schema says {more[0]!r}, which no dump does")


def _require_size(schema: dict[str, Any]) -> None:
    """Raise where nodes refer to each other so that little text makes much, or a cycle.

    A node whose ``__id__`` was there before stands for the earlier one, whatever it
    says itself. Each counts as the largest of its id, in letters and nodes.
    """
    parts: dict[Any, list[list[Any]]] = defaultdict(list)  # of each node of an id
    sizes: dict[Any, int] = {}
    files: dict[Any, Any] = {}
    written = 0
    waiting: list[tuple[Any, list[Any]]] = [(schema, [])]
    while waiting:
        value, own_parts = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("__loader__"), str):
                name, size = _identity(value), 1 + _length(value.get("content"))
                own_parts.append(name)
                own_parts = []
                parts[name].append(own_parts)
                sizes[name] = max(size, sizes.get(name, 0))
                written += size
                file = str(value.get("file"))
                if "file" in value and files.setdefault(file, name) != name:
                    raise UnusableFileError("an array in it stands for several objects")
            waiting.extend((inner, own_parts) for inner in value.values())
        elif isinstance(value, list):
            waiting.extend((inner, own_parts) for inner in value)
    graph = {name: set().union(*own) for name, own in parts.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        raise UnusableFileError("objects in it hold each other in a circle") from None
    for name in order:
        sizes[name] += max(sum(sizes[part] for part in own) for own in parts[name])
        if sizes[name] > _MOST_MADE * written:
            raise UnusableFileError("it would make far more than it holds")


def _identity(node: dict[str, Any]) -> Any:
    known = node.get("__id__")
    if known is not None and type(known) is not int:
        raise UnusableFileError(
            f"a node in it has the id {known!r}, which is no number"
        )
    return known or ("without an id", id(node))


def _length(content: Any) -> int:
    return len(content) if isinstance(content, str) else 0


def _is_loss(loader: str, name: str) -> bool:
    return loader == "LossNode" and name.startswith(_LOSSES)


def require_kept(schema: Any) -> None:
    """Raise where something was written of which nothing can be read again.

    Parameters
    ----------
    schema : dict
        The ``schema.json`` that skops has written of objects of this process.

    Raises
    ------
    UnusableFileError
        If an object has neither attributes nor a state, such as a lock.
    """
    for node in _nodes(schema):
        name = _name(node)
        if node["__loader__"] != "ObjectNode" or name in _types.OBJECTS:
            continue
        if node.get("content", _NOTHING).get("content") != _NOTHING["content"]:
            continue
        module, _, kind = name.rpartition(".")
        made = getattr(sys.modules.get(module), kind, None)
        if not getattr(made, "__dictoffset__", 0):
            raise UnusableFileError(f"nothing of an object of type {name} can be kept")


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Walk over all nodes, however deep."""
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("__loader__"), str):
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _name(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _require_plain_keys(node: dict[str, Any]) -> None:
    """Raise where keys are of types that text does not tell, such as False."""
    types = node["key_types"]
    content = node["content"]
    names = [_name(own) for own in types["content"]]
    kinds = {own.get("__loader__") for own in types["content"]}
    if types["__loader__"] != "ListNode" or not kinds <= {"TypeNode"}:
        raise UnusableFileError("types of keys are no types")
    if wrong := sorted(set(names) - _types.KEYS):
        raise UnusableFileError(
            f"a dict in it has keys of type {wrong[0]}, which text does not tell"
        )
    if len(names) != len(content):
        raise UnusableFileError("a dict in it has not as many keys as values")
