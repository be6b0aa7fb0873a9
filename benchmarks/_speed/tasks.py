"""What a measured process does to compare systems, also in the peers' environment."""

import importlib.metadata
import os
import time
from typing import Any

import joblib

from _speed import systems
from _speed.readings import resident_mb, seconds_of


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
    """Import modules, and say in which process that was."""
    systems.import_all(modules)
    return os.getpid()


def search(system: str, job: systems.Job, seeds: list[int]) -> dict[str, Any]:
    """Time a search, once for each seed, in one process with warm workers."""
    modules = systems.MODULES[system]
    systems.import_all(modules)
    starting = 0.0
    if job.n_jobs > 1:
        starting = seconds_of(start_workers, modules, job.n_jobs)
    found: dict[str, Any] = {
        "worker_seconds": starting,
        "start_mb": resident_mb(workers=True),
        "seconds": [],
        "scores": [],
    }
    for seed in seeds:
        job.seed = seed
        start = time.perf_counter()
        scores = systems.SEARCHES[system](job)
        found["seconds"].append(time.perf_counter() - start)
        found["scores"].append(scores.tolist())
        found.setdefault("end_mb", resident_mb(workers=True))
    if job.n_jobs == 1:
        found["parameters"] = [
            systems.count_parameters(system, job, sizes)
            for sizes in job.workload.architectures
        ]
    return found


def gpus() -> list[str]:
    """Name the GPUs that TensorFlow sees."""
    import tensorflow as tf

    describe = tf.config.experimental.get_device_details
    return [
        describe(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def versions(packages: list[str]) -> dict[str, str]:
    """Return the versions of packages."""
    return {name: importlib.metadata.version(name) for name in packages}
