"""What a measured process can be asked to do."""

import importlib.metadata
import os
import statistics
import time
from typing import Any

import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from _speed import systems
from _speed.readings import resident_mb, seconds_of
from _speed.workloads import Workload


def start_workers(modules: list[str], n_jobs: int) -> set[int]:
    """Start the processes of a search, each with everything imported; return them."""
    started: set[int] = set()
    while len(started) < n_jobs:  # one of them may have taken two tasks
        started |= set(
            joblib.Parallel(n_jobs)(
                joblib.delayed(import_in_worker)(modules) for _ in range(n_jobs)
            )
        )
    return started


def import_in_worker(modules: list[str]) -> int:
    """Import modules, and say which process that was."""
    systems.import_all(modules)
    return os.getpid()


def search(spec: dict[str, Any]) -> dict[str, Any]:
    """Time a search, once for each seed, in one process with warm workers."""
    system, n_jobs = spec["system"], spec["n_jobs"]
    workload = Workload(**spec["workload"])
    modules = systems.MODULES[system]
    systems.import_all(modules)
    with np.load(spec["data"]) as data:
        X, y = data["X"], data["y"]
    folds = workload.folds(spec["fold_seed"])
    start_seconds = seconds_of(start_workers, modules, n_jobs) if n_jobs > 1 else 0.0
    found: dict[str, Any] = {
        "worker_seconds": start_seconds,
        "start_mb": resident_mb(workers=True),
        "seconds": [],
        "scores": [],
    }
    for seed in spec["seeds"]:
        job = systems.Job(workload, X, y, folds, n_jobs, seed, spec["torch_device"])
        start = time.perf_counter()
        scores = systems.SEARCHES[system](job)
        found["seconds"].append(time.perf_counter() - start)
        found["scores"].append(scores.tolist())
        found.setdefault("end_mb", resident_mb(workers=True))
    if spec.get("count"):
        found["parameters"] = [
            systems.count_parameters(system, job, sizes)
            for sizes in workload.architectures
        ]
    return found


def sgemm(spec: dict[str, Any]) -> float:
    """Return the GFLOP/s of float32 matrix products on one thread."""
    n = spec["n"]
    left, right = np.random.default_rng(0).random((2, n, n), np.float32)
    with threadpool_limits(1):
        times = [seconds_of(np.matmul, left, right) for _ in range(20)]
    return 2 * n**3 / statistics.median(times) / 1e9


def gpus(spec: dict[str, Any]) -> list[str]:
    """Name the GPUs that TensorFlow sees."""
    import tensorflow as tf

    describe = tf.config.experimental.get_device_details
    return [
        describe(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def versions(spec: dict[str, Any]) -> dict[str, str]:
    """Return the versions of packages that are installed."""
    found = {}
    for name in spec["packages"]:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def run(spec: dict[str, Any]) -> Any:
    """Do the task that a specification names."""
    own = {"search": search, "sgemm": sgemm, "gpus": gpus, "versions": versions}
    if spec["task"] in own:
        return own[spec["task"]](spec)
    from _speed import skrec_tasks  # imports skrec, which the peers' environment lacks

    return getattr(skrec_tasks, spec["task"])(spec)
