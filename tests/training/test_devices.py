"""Fits run where they are told to, and workers take the GPUs in turn."""

import subprocess
import sys
from types import SimpleNamespace

import distributed
import pytest
from joblib import Parallel, delayed

from skrec.training import devices, resolve_device

# Placement shows on logical devices, which can be made only before TensorFlow starts.
SCRIPT = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
parts = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
tf.config.set_logical_device_configuration(cpu, parts)

from skrec import CNNClassifier, MLPClassifier, RNNClassifier
from skrec.training.cache import PROGRAMS
from skrec.training.rows import Data, Stream
import skrec.training.rows as rows

seen = set()
make = Data.of
def spy(*args):
    data = make(*args)
    seen.update(tensor.device for tensor in (data.x, data.y, data.weight))
    return data
Data.of = spy

X = np.random.default_rng(0).normal(size=(40, 6, 2)).astype("float32")
y = (X[:, 0, 0] > 0).astype(int)
found = {}
for device in ("CPU:1", "cpu"):
    for cls in (CNNClassifier, RNNClassifier, MLPClassifier):
        for limit in (2**30, 0):
            rows.MAX_DEVICE_BYTES = limit
            model = cls(units=4, epochs=2, device=device, dropout=0.2, random_state=0)
            model.fit(X, y, X_val=X, y_val=y)
            found[device, cls, limit] = model.predict_proba(X)
    (name,) = {device.rsplit("/", 1)[1] for device in seen}
    print(name)
    seen.clear()
for key, program in PROGRAMS._idle:
    for variable in [*program.model.variables, *program.optimizer.variables]:
        place = variable.value.device.rsplit("/", 1)[1].replace("device:", "")
        assert key[-1] == f"/{place}", (key[-1], place)
for (device, cls, limit), proba in found.items():
    np.testing.assert_array_equal(proba, found["cpu", cls, 0])
print(len(PROGRAMS._idle))
"""


def test_data_and_variables_are_placed_on_the_device_that_was_named():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split() == ["device:CPU:1", "device:CPU:0", "6"]


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


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_workers_of_a_pool_have_numbers_in_a_row(backend):
    assert devices._worker_number() == 0
    with Parallel(n_jobs=2, backend=backend) as parallel:
        numbers = parallel(delayed(number_after_a_while)() for _ in range(8))
    assert len(set(numbers)) == 2
    assert max(numbers) - min(numbers) == 1


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
    return devices._worker_number()


def test_a_device_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"'/CPU:0'.*Received: 'GPU:7'"):
        resolve_device("GPU:7")
