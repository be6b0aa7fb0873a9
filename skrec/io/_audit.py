"""What a file would make, read before anything of it is made.

skops asks whether each type is trusted. Here each kind of node is tied to the types
that it may make too, so that, say, no function stands where a type is called.
"""

import sys
from collections.abc import Collection, Iterator
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
    if not isinstance(schema, dict) or not isinstance(schema.get("__loader__"), str):
        raise UnusableFileError("its schema is no node")
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
