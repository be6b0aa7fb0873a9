"""Copies of a file of today in which something is another."""

import io
import json
import zipfile

import numpy as np

from tests.io.today import FILES

CANARY = "canary"  # a file that is there if code of another file has run
TABLE, LOG = FILES / "table-1.skrec", FILES / "events-1.skrec"


def with_members(folder, changes=(), more=(), source=TABLE):
    """Write a copy in which members are others, or stand beside others."""
    path = folder / "changed.skrec"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = dict(changes).get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in dict(more).items():
            new.writestr(name, content)
    return path


def schema_of(source=TABLE):
    with zipfile.ZipFile(source) as archive:
        return json.loads(archive.read("schema.json"))


def attribute(schema, *names):
    """Return the node of an attribute of an attribute, of an object or a dict."""
    node = schema
    for name in names:
        node = node["content"]
        if isinstance(node, dict) and "__loader__" in node:
            node = node["content"]
        node = node[name]
    return node


def with_schema(folder, change, source=TABLE):
    schema = schema_of(source)
    change(schema)
    content = json.dumps(schema).encode()
    return with_members(folder, {"schema.json": content}, source=source)


def with_array(folder, change, *names, source=TABLE):
    """Write a copy in which one array is another."""
    member = attribute(schema_of(source), *names)["file"]
    with zipfile.ZipFile(source) as archive:
        array = np.load(io.BytesIO(archive.read(member)))
    content = io.BytesIO()
    np.save(content, change(array))
    return with_members(folder, {member: content.getvalue()}, source=source)


def node(loader, name, **more):
    module, _, kind = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": kind, **more}


def text(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def plain_list(*nodes):
    return node("ListNode", "builtins.list", content=list(nodes))


def put(schema, own, *names):
    """Put a node in the place of an attribute."""
    last = names[-1]
    parent = attribute(schema, *names[:-1]) if names[:-1] else schema
    content = parent["content"]
    content = content["content"] if "__loader__" in content else content
    content[last] = own
