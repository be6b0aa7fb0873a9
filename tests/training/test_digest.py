"""Two things have one digest exactly if a fit is given the same with either."""

import functools
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skrec.training._digest import CannotDigestError, digest
from tests.fresh import run_fresh

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.binary(max_size=3),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner)
    ),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_values_have_one_digest_exactly_if_their_representations_are_equal(a, b):
    assert (digest(a) == digest(b)) == (canonical(a) == canonical(b))


def canonical(value):
    """Return the value in a form that tells 1, 1.0 and True apart."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=repr)
        return "dict", [(canonical(k), canonical(v)) for k, v in pairs]
    if isinstance(value, list):
        return "list", [canonical(item) for item in value]
    return type(value).__name__, repr(value)


ARRAYS = {
    "values": np.arange(6.0).reshape(2, 3),
    "shape": np.arange(6.0).reshape(3, 2),
    "dtype": np.arange(6.0, dtype="float32").reshape(2, 3),
    "one value": np.array([[0, 1, 2], [3, 4, 5 + 1e-9]]),
    "bytes as integers": np.arange(6.0).reshape(2, 3).view("int64"),
    "strings": np.array([["a", "b", "c"], ["d", "e", "f"]]),
    "objects": np.array([["a", "b", "c"], ["d", "e", None]], dtype=object),
    "list": np.arange(6.0).reshape(2, 3).tolist(),
    "sparse": sparse.csr_array(np.arange(6.0).reshape(2, 3)),
    "empty": np.zeros((0, 3)),
}


def test_arrays_count_by_content_dtype_and_shape():
    assert len({digest(array) for array in ARRAYS.values()}) == len(ARRAYS)


def test_the_layout_of_an_array_in_memory_or_on_disk_does_not_count(
    tmp_path, monkeypatch
):
    array = np.random.default_rng(0).normal(size=(50, 7))
    np.save(tmp_path / "array.npy", array)
    layouts = [
        array,
        np.asfortranarray(array),
        np.repeat(array, 2, axis=0)[::2],
        np.load(tmp_path / "array.npy", mmap_mode="r"),
    ]
    assert len({digest(layout) for layout in layouts}) == 1
    monkeypatch.setattr("skrec.training._digest._BLOCK_BYTES", 200)
    assert {digest(layout) for layout in layouts} == {digest(array)}


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo", "dia", "lil"])
def test_a_sparse_matrix_counts_by_what_it_stores(form):
    one = sparse.csr_array(np.eye(4)).asformat(form)
    other = sparse.csr_array(np.diag([1.0, 1, 1, 2])).asformat(form)
    moved = sparse.csr_array(np.eye(4)[::-1]).asformat(form)
    assert digest(one) == digest(one.copy())
    assert len({digest(matrix) for matrix in (one, other, moved)}) == 3
    with pytest.raises(CannotDigestError, match="of the format 'dok'"):
        digest(one.todok())


def test_an_array_that_comes_twice_is_told_from_another_that_comes_once():
    a, b = np.zeros(3), np.ones(3)
    assert digest([a, b, a]) != digest([a, b, b])
    assert digest([a, a]) == digest([a, a])


def make(source, name="f", **names):
    namespace = {"np": np, "keras": keras, **names}
    exec(textwrap.dedent(source), namespace)
    return namespace[name]


FUNCTIONS = {
    "plain": make("def f(x): return x + 1"),
    "constant": make("def f(x): return x + 2"),
    "name": make("def f(x): return np.abs(x)"),
    "other name": make("def f(x): return np.sign(x)"),
    "default": make("def f(x, y=1): return x + y"),
    "other default": make("def f(x, y=2): return x + y"),
    "keyword": make("def f(x, *, y=1): return x + y"),
    "other keyword": make("def f(x, *, y=2): return x + y"),
    "global": make("def f(x): return x + G", G=1),
    "other global": make("def f(x): return x + G", G=2),
    "helper": make("def g(x): return x\ndef f(x): return g(x)"),
    "other helper": make("def g(x): return -x\ndef f(x): return g(x)"),
    "inner": make("def f(x):\n    def g(y): return y + 1\n    return g(x)"),
    "other inner": make("def f(x):\n    def g(y): return y + 2\n    return g(x)"),
    "closure": make("def h(c):\n    def f(x): return x + c\n    return f\nf = h(1)"),
    "other closure": make(
        "def h(c):\n    def f(x): return x + c\n    return f\nf = h(2)"
    ),
    "recursive": make("def f(x): return f(x - 1) if x else 0"),
    "partial": functools.partial(make("def f(x, y): return x + y"), y=1),
    "other partial": functools.partial(make("def f(x, y): return x + y"), y=2),
    "ufunc": np.less,
    "other ufunc": np.greater,
    "builtin": abs,
    "class": make("class f:\n    def g(self): return 1"),
    "other class": make("class f:\n    def g(self): return 2"),
    "property": make("class f:\n    @property\n    def g(self): return 1"),
    "other property": make("class f:\n    @property\n    def g(self): return 2"),
    "base": make("class B:\n    a = 1\nclass f(B): pass"),
    "other base": make("class B:\n    a = 2\nclass f(B): pass"),
}


def test_functions_and_classes_count_by_what_they_do():
    assert len({digest(item) for item in FUNCTIONS.values()}) == len(FUNCTIONS)


def test_the_same_source_is_the_same_function_wherever_it_stands():
    source = "def f(x, y=1):\n    '''{}'''\n    return np.abs(x) + y * G"
    one = make(source.format("same"), G=3)
    moved = make("\n\n\n" + source.format("same"), G=3)
    assert digest(one) == digest(moved)


def test_keras_objects_count_by_their_configuration():
    schedules = keras.optimizers.schedules
    one = schedules.ExponentialDecay(0.1, 10, 0.5)
    assert digest(one) == digest(schedules.ExponentialDecay(0.1, 10, 0.5))
    assert digest(one) != digest(schedules.ExponentialDecay(0.1, 10, 0.6))
    scaled = [
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(rate), name=name)
        for rate, name in ((0.1, "a"), (0.1, "b"), (0.2, "b"))
    ]
    assert digest(scaled[0]) == digest(scaled[1]) != digest(scaled[2])


@pytest.mark.parametrize("item", [object(), iter([]), {"a": [object()]}])
def test_what_another_process_cannot_know_is_refused(item):
    with pytest.raises(CannotDigestError, match="of type"):
        digest(item)


@pytest.mark.nightly
def test_digests_of_functions_of_main_are_the_same_in_another_process():
    script = """
    import keras, numpy as np
    from skrec.training._digest import digest
    SCALE = 2
    def helper(x): return x * SCALE
    def f(x, y={"a", "b", "c"}): return helper(x) + np.abs(1)
    class Layer(keras.layers.Dense):
        def call(self, x): return f(super().call(x))
    print(digest([f, Layer, {"x", "y", "z"}]))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    own = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(own.strip()) == 32
    assert own == run_fresh(script)
