"""Fits run where they are told to, and workers take the GPUs in turn."""

import sys
from types import SimpleNamespace

import distributed
import pytest
import tensorflow as tf
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from skrec.training import devices, fit_key, resolve_device
from tests.fresh import run_fresh

# Placement shows on logical devices, which can be made only before TensorFlow starts.
SCRIPT = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
parts = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
tf.config.set_logical_device_configuration(cpu, parts)

import keras
from tensorflow.python.eager import context

from skrec import CNNClassifier, DeepFMClassifier, KerasClassifier
from skrec import MLPClassifier, RNNClassifier
from skrec.estimators import wrappers
from skrec.training import own_models
from skrec.training.cache import PROGRAMS
from skrec.training.rows import Data, Stream
import skrec.training.rows as rows

assert tf.config.experimental.tensor_float_32_execution_enabled()
tf.config.experimental.enable_tensor_float_32_execution(False)
FLOATS = (tf.float32.as_datatype_enum, tf.float64.as_datatype_enum)
# What moves or repeats values; the loop itself, a part of it, runs on the host.
MOVES = {
    *("_Arg", "_DeviceArg", "_Retval", "_DeviceRetval", "_Send", "_Recv", "_HostSend"),
    *("_HostRecv", "Enter", "Exit", "Merge", "Switch", "NextIteration", "Identity"),
    *("Const", "_EagerConst", "Shape"),
}

def place(name):
    return name.rsplit("/", 1)[-1].replace("device:", "")

seen = set()
make = Data.of
def spy(*args):
    data = make(*args)
    tensors = tf.nest.flatten((data.x, data.y, data.weight))
    seen.update(place(tensor.device) for tensor in tensors)
    return data
Data.of = spy

def computed_on(work):
    # Do some work; return where graphs that first ran in it compute with floats.
    context.context().enable_graph_collection()
    work()
    graphs = context.context().export_run_metadata().function_graphs
    return {
        place(node.device)
        for one in graphs
        for graph in one.partition_graphs
        for node in graph.node
        if node.op not in MOVES and node.attr["T"].type in FLOATS
    }

X = np.random.default_rng(0).normal(size=(40, 6, 2)).astype("float32")
y = (X[:, 0, 0] > 0).astype(int)
found = {}
for device in ("CPU:1", "cpu"):
    name = "CPU:1" if device == "CPU:1" else "CPU:0"
    sequences = (CNNClassifier, RNNClassifier) if device == "CPU:1" else ()
    for cls in (*sequences, MLPClassifier):
        for limit in (2**30, 0):
            rows.MAX_DEVICE_BYTES = limit
            model = cls(units=4, epochs=2, device=device, dropout=0.2, random_state=0)
            def work():
                model.fit(X, y, X_val=X, y_val=y)
                found[device, cls, limit] = model.predict_proba(X)
            places = computed_on(work)
            assert places == ({name} if limit else set()), (cls, limit, places)
    assert seen == {name}, seen
    print(name)
    seen.clear()

# Tables of ids that are updated lazily.
table = np.arange(80).reshape(40, 2) % 7
lazy = DeepFMClassifier(
    embedding_update="lazy", categorical_features=[0, 1], units=4, epochs=2,
    device="CPU:1", random_state=0,
)
assert computed_on(lambda: lazy.fit(table, y).predict_proba(table)) == {"CPU:1"}
assert seen == {"CPU:1"}, seen

idle = list(PROGRAMS._idle)
for key, program in idle:
    for variable in [*program.model.variables, *program.optimizer.variables]:
        assert key[-1] == "/" + place(variable.value.device), key
for (device, cls, limit), proba in found.items():
    np.testing.assert_array_equal(proba, found["CPU:1", cls, 0])
assert [program.is_lazy for _, program in idle].count(True) == 1
print(len(idle))

# Callbacks between batches, and networks of the user's own: what "auto" names.
batches = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
model = MLPClassifier(units=4, epochs=1, device="CPU:1", callbacks=[batches])
assert computed_on(lambda: model.fit(X, y)) == {"CPU:1"}

class Own(keras.layers.Dense):
    pass  # no layer that programs are shared for

def build(layer):
    return keras.Sequential([keras.Input((12,)), layer(3), keras.layers.Dense(1)])

for module in (own_models, wrappers):
    module.resolve_device = lambda device: "/CPU:1"
for layer in (keras.layers.Dense, Own):
    for callbacks in (None, batches):
        own = KerasClassifier(
            build, layer=layer, loss=keras.losses.BinaryCrossentropy(from_logits=True),
            callbacks=callbacks, epochs=1, random_state=0, verbose=0,
        )
        flat = X.reshape(40, 12)
        places = computed_on(lambda: own.fit(flat, y).predict(flat))
        assert places == {"CPU:1"}, places
        assert {place(v.value.device) for v in own.model_.variables} == {"CPU:1"}
assert not tf.config.experimental.tensor_float_32_execution_enabled()
"""


@pytest.mark.nightly
def test_a_fit_lies_and_computes_on_the_device_that_was_named():
    assert run_fresh(SCRIPT).split() == ["CPU:1", "CPU:0", "5"]


@pytest.fixture
def three_gpus(monkeypatch):
    names = ["/CPU:0", "/GPU:0", "/GPU:1", "/GPU:2"]
    monkeypatch.setattr(devices, "_device_names", lambda: names)


@pytest.mark.parametrize(
    ("worker", "expected"), [(0, "/GPU:0"), (1, "/GPU:1"), (2, "/GPU:2"), (4, "/GPU:1")]
)
def test_workers_take_the_gpus_in_turn(three_gpus, monkeypatch, worker, expected):
    monkeypatch.setattr(devices, "_worker_number", lambda: worker)
    assert resolve_device("auto") == expected
    assert resolve_device("GPU:1") == "/GPU:1"
    assert resolve_device("cpu") == "/CPU:0"


@pytest.mark.parametrize(
    "backend", ["multiprocessing", pytest.param("loky", marks=pytest.mark.nightly)]
)
def test_workers_of_a_pool_have_numbers_in_a_row_and_gpus_of_their_own(backend):
    assert devices._worker_number() == 0
    get_reusable_executor().shutdown(wait=True)  # workers of other tests, some replaced
    with Parallel(n_jobs=2, backend=backend) as parallel:
        found = set(parallel(delayed(number_after_a_while)() for _ in range(8)))
    (first, one), (second, other) = sorted(found)
    assert second - first == 1
    assert {one, other} == {"/GPU:0", "/GPU:1"}


@pytest.mark.parametrize(
    ("name", "number"),
    [(0, 0), (3, 3), ("gpu-1", 1), ("SLURMCluster-0-12", 12), ("tcp://10.0.0.1:41", 0)],
)
def test_dask_numbers_its_workers_by_name(monkeypatch, name, number):
    fake = SimpleNamespace(get_worker=lambda: SimpleNamespace(name=name))
    monkeypatch.setitem(sys.modules, "distributed", fake)
    assert devices._worker_number() == number


def test_outside_of_a_task_of_dask_the_process_counts():
    assert sys.modules["distributed"] is distributed
    assert devices._worker_number() == 0


def number_after_a_while():
    import time

    time.sleep(0.2)
    with pytest.MonkeyPatch.context() as patch:
        names = ["/CPU:0", "/GPU:0", "/GPU:1"]
        patch.setattr(devices, "_device_names", lambda: names)
        patch.setattr(devices, "refuse_after_fork", lambda: None)  # TensorFlow rests
        return devices._worker_number(), resolve_device("auto")


def test_a_device_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"'/CPU:0'.*Received: 'GPU:7'"):
        resolve_device("GPU:7")


def test_memory_of_all_gpus_grows_from_before_tensorflow_starts(monkeypatch):
    calls = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind, "2nd"])
    monkeypatch.setattr(
        tf.config, "list_logical_devices", lambda: calls.append("starts") or []
    )

    def set_memory_growth(gpu, enable):
        calls.append((gpu, enable))
        raise RuntimeError("already started")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", set_memory_growth)
    assert resolve_device("auto") == "/CPU:0"
    assert calls == [("GPU", True), ("2nd", True), "starts"]


def test_fits_on_a_gpu_are_known_by_its_name_and_by_tf32(monkeypatch):
    names = ["card of one kind", "card of another"]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: names)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": gpu}
    )

    def with_tf32(on, device):
        enabled = "tensor_float_32_execution_enabled"
        monkeypatch.setattr(tf.config.experimental, enabled, lambda: on)
        return fit_key._software(device)

    assert with_tf32(True, "/GPU:0") == with_tf32(True, "/GPU:0")
    assert with_tf32(True, "/GPU:0") != with_tf32(False, "/GPU:0")
    assert with_tf32(True, "/GPU:0") != with_tf32(True, "/GPU:1")
    assert with_tf32(True, "/CPU:0") == with_tf32(False, "/CPU:0")
