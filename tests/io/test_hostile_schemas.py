"""Files whose nodes are others: nothing is made that nobody trusts."""

import json
import os
import sys
import zipfile

import pytest

from skrec.io import UnusableFileError, load
from tests.io.changed import (
    CANARY,
    TABLE,
    attribute,
    node,
    plain_list,
    put,
    schema_of,
    text,
    with_members,
    with_schema,
)

TOUCH = plain_list(text(f"touch {CANARY}"))
RUNS = {
    "a call of a class": node(
        "ConstructorFromReduceNode", "subprocess.Popen", content=TOUCH
    ),
    "a function": node("FunctionNode", "os.system"),
    "a class": node("TypeNode", "subprocess.Popen"),
    "an object": node("ObjectNode", "subprocess.Popen", content=text(1)),
    "a partial": node(
        "PartialNode",
        "functools.partial",
        content={
            "func": node("FunctionNode", "os.system"),
            "args": node("TupleNode", "builtins.tuple", content=[text("touch canary")]),
            "kwds": text({}),
            "namespace": text(None),
        },
    ),
    "a method": node(
        "MethodNode",
        "pathlib.Path",
        content={"func": "touch", "obj": node("ObjectNode", "pathlib.Path")},
    ),
    "a name of operator": node(
        "OperatorFuncNode", "operator.methodcaller", attrs=TOUCH
    ),
    "a tuple": node("TupleNode", "subprocess.Popen", content=[text("touch canary")]),
    "an array": node(
        "NdArrayNode", "os.system", type="json", content=[], shape=text([0])
    ),
    "a tree": node("TreeNode", "sklearn.tree._tree.Tree", content=text(1)),
    "a loss": node("LossNode", "os.system", content=text(1)),
}


@pytest.mark.parametrize("what", RUNS)
@pytest.mark.parametrize("place", [("units",), ("_inputs", "encoder", "min_count")])
def test_nothing_is_made_that_is_not_trusted(what, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = with_schema(tmp_path, lambda schema: put(schema, RUNS[what], *place))
    with pytest.raises(
        UnusableFileError, match=r"asks for \['.*pass trusted=|would call"
    ):
        load(path)
    assert not os.path.exists(CANARY)


@pytest.mark.parametrize("what", ["a call of a class", "an array", "a loss"])
def test_nothing_is_called_that_is_trusted_for_another_purpose(
    what, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = with_schema(tmp_path, lambda schema: put(schema, RUNS[what], "units"))
    with pytest.raises(UnusableFileError, match="would call"):
        load(path, trusted=["subprocess.Popen", "os.system"])
    assert not os.path.exists(CANARY)


def test_what_a_file_says_of_trust_is_not_believed(tmp_path):
    with zipfile.ZipFile(TABLE) as archive:
        header = json.loads(archive.read("skrec.json"))
    header["trusted"] = ["os.system"]
    schema = schema_of()
    put(schema, RUNS["a function"], "units")
    changes = {"skrec.json": json.dumps(header), "schema.json": json.dumps(schema)}
    path = with_members(tmp_path, changes)
    with pytest.raises(UnusableFileError, match=r"\['os.system'\]"):
        load(path)


def keys_that_call(schema):
    dicts = attribute(schema, "history_")
    dicts["key_types"]["content"][0] = node(
        "TypeNode", "skrec.estimators.mlp.MLPClassifier"
    )


def keys_of_a_function(schema):
    types = attribute(schema, "history_")["key_types"]["content"]
    types[0] = node("FunctionNode", "skrec.networks.fm.build_fm")


def unknown_node(schema):
    put(schema, node("CachedNode", "builtins.str"), "units")


def deep(schema):
    inner = text(1)
    # Since 3.12 a comprehension is no frame, and json has a limit of its own.
    for _ in range(300 if sys.version_info < (3, 12) else 600):
        inner = plain_list(inner)
    put(schema, inner, "units")


def cycle(schema):
    schema["__id__"] = 7
    put(schema, {**plain_list(), "__id__": 7}, "units")


def laughs(schema):
    """Refer twice to the tuple before, which refers twice to the one before it."""

    def twice(parts, own):
        return node("TupleNode", "builtins.tuple", content=parts, __id__=own)

    inner = twice([], 1)
    for k in range(2, 20):
        inner = twice([inner, twice([], k - 1)], k)
    pairs = attribute(schema, "_spec", "options")["content"]
    pairs[0]["content"][1] = inner


def laughs_of_text(schema):
    long = {**text("a" * 10**4), "__id__": 1}
    again = [{**text(""), "__id__": 1} for _ in range(200)]
    put(schema, plain_list(long, *again), "units")


def one_array_for_many(schema):
    known = attribute(schema, "_target", "classes")
    many = [{**known, "__id__": k} for k in range(1, 4)]
    put(schema, plain_list(*many), "units")


def id_of_text(schema):
    put(schema, {**text(3), "__id__": "7"}, "units")


def more_at_the_root(schema):
    schema["trusted"] = ["os.system"]


def old_protocol(schema):
    """Have a function read from another field, in which nobody looked."""
    schema["protocol"] = 0


def protocol_before(schema):
    schema["protocol"] = 1


def more_layers(schema):
    pairs = attribute(schema, "_spec", "options")["content"]
    units = next(p["content"] for p in pairs if p["content"][0]["content"] == '"units"')
    units[1]["content"] *= 40


def no_estimator(schema):
    inner = dict(schema)
    schema.clear()
    schema.update(plain_list(inner), protocol=inner["protocol"])


def another_protocol(schema):
    schema["protocol"] = 99


def no_dict(schema):
    attribute(schema, "history_")["content"] = 3


def no_state(schema):
    put(schema, text([1, 2]), "_state")


def another_builder(schema):
    put(schema, node("FunctionNode", "skrec.networks.fm.build_fm"), "_spec", "builder")


def another_table(schema):
    column = attribute(schema, "_inputs", "encoder", "columns_")["content"][0]
    column["content"][3] = text(9)


def another_kind(schema):
    column = attribute(schema, "_inputs", "encoder", "columns_")["content"][0]
    column["content"][1] = text("number")


def fewer_columns(schema):
    del attribute(schema, "_inputs", "encoder", "columns_")["content"][0]


def no_encoder(schema):
    put(schema, text(None), "_inputs")


def options_that_are_lists(schema):
    pairs = attribute(schema, "_spec", "options")["content"]
    pairs[0]["content"][1] = plain_list(text("relu"))


SCHEMAS = {
    keys_that_call: "keys of type skrec",
    keys_of_a_function: "types of keys are no types",
    unknown_node: "unknown kind 'CachedNode'",
    deep: "cannot be loaded",
    cycle: "in a circle",
    laughs: "far more than it holds",
    laughs_of_text: "far more than it holds",
    one_array_for_many: "for several objects",
    more_layers: "one more of shape",
    id_of_text: "the id '7'",
    more_at_the_root: "says 'trusted'",
    old_protocol: "protocol 0 of skops",
    protocol_before: "protocol 1 of skops",
    no_estimator: "no estimator but list",
    another_protocol: "protocol 99",
    no_dict: "not as it was written",
    no_state: "it has no weights",
    another_builder: "cannot be loaded",
    another_table: "for other columns than it encodes",
    another_kind: "cannot be loaded",
    fewer_columns: "cannot be loaded",
    no_encoder: "nothing that encodes X",
    options_that_are_lists: "unhashable",
}


@pytest.mark.parametrize("change", SCHEMAS, ids=lambda change: change.__name__)
def test_a_schema_that_was_changed_is_refused(change, tmp_path):
    path = with_schema(tmp_path, change)
    with pytest.raises(UnusableFileError, match=SCHEMAS[change]):
        load(path)
