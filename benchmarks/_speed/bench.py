"""What the parts of the benchmark share: sizes, data and fresh processes."""

import argparse
import dataclasses
import importlib.metadata
import sys
from typing import Any

import joblib
import numpy as np
from _common import Report
from _measure import MeasurementError, peers_python, run_task
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from _speed.systems import Job
from _speed.workloads import WORKLOADS, Workload
from skrec.datasets import make_sessions

IN_PEERS = {"skorch", "keras-tuner"}  # the others are skrec's own dependencies
PEERS = ["torch==2.13.0", "skorch==1.4.0", "keras-tuner==1.4.8"]
# The peers run on the same versions of what they share with skrec.
SHARED = [
    "numpy",
    "scipy",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "tensorflow",
    "keras",
]

FULL: dict[str, Any] = {
    "search_rows": 2_000,
    "memory_rows": 200,
    "memory_fits": 300,
    "memory_architectures": (8, 40),
    "calls": 300,
    "many_rows": 1_000_000,
    # Rows, batch size and epochs.
    "fits": {
        "conv1d": (1_333, 32, 10),
        "digits": (1_797, 32, 10),
        "large mlp": (50_000, 4_096, 2),
        "gru": (2_000, 256, 5),
    },
    "fit_repeats": 3,
}
TINY: dict[str, Any] = {
    "search_rows": 120,
    "memory_rows": 60,
    "memory_fits": 24,
    "memory_architectures": (2, 3),
    "calls": 20,
    "many_rows": 20_000,
    "fits": {"conv1d": (100, 32, 1)},
    "fit_repeats": 1,
}


def make_data(family: str, n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a workload's data as float32, standardised for all systems alike."""
    if family == "mlp":
        X, y = load_digits(return_X_y=True)
        X, y = X[:n_rows], y[:n_rows]
    else:
        X, y = make_sessions(n_rows, n_steps=20, n_channels=8, random_state=seed)
    flat = StandardScaler().fit_transform(X.reshape(len(X), -1))
    return flat.reshape(X.shape).astype(np.float32), y


class Bench:
    """What the parts share: options, report, sizes and the peers' interpreter."""

    def __init__(self, args: argparse.Namespace, report: Report) -> None:
        self.args, self.report = args, report
        self.sizes = TINY if args.tiny else FULL
        self.cores = joblib.cpu_count()
        self.n_jobs = joblib.effective_n_jobs(args.n_jobs)
        self._peers: Any = None

    def run(
        self, task: str, *args: Any, threads: int = 1, system: str | None = None
    ) -> Any:
        """Run a task in a fresh process, in the environment that a system needs.

        Raises
        ------
        MeasurementError
            If it fails, or there is no environment to run it in.
        """
        python = self._peers_python() if system in IN_PEERS else sys.executable
        options = {"threads": threads, "device": self.args.device, "python": python}
        return run_task(task, *args, **options)

    def _peers_python(self) -> Any:
        """Return the peers' interpreter, installed at the first call."""
        if self._peers is None:
            pins = [f"{name}=={importlib.metadata.version(name)}" for name in SHARED]
            try:
                options = self.args.envs, self.args.install, [*PEERS, *pins]
                self._peers = peers_python(*options)
            except MeasurementError as error:
                self._peers = error
        if isinstance(self._peers, MeasurementError):
            raise self._peers
        return self._peers

    def workload(self, name: str) -> Workload:
        """Return a workload in the size that was asked for."""
        workload = WORKLOADS[name]
        if not self.args.tiny:
            return workload
        grid = {key: values[:1] for key, values in workload.grid.items()}
        grid["learning_rate"] = workload.grid["learning_rate"]
        return dataclasses.replace(workload, grid=grid, epochs=1)

    def search(
        self,
        system: str,
        workload: Workload,
        *,
        n_jobs: int = 1,
        threads: int = 1,
        seeds: list[int],
    ) -> dict[str, Any]:
        """Search in a fresh process, once for each of the seeds."""
        seed = self.args.seed
        X, y = make_data(workload.family, self.sizes["search_rows"], seed)
        device = "cuda" if self.args.device == "gpu" else "cpu"
        job = Job(workload, X, y, workload.folds(seed), n_jobs, seed, device)
        task = "_speed.tasks:search"
        return self.run(task, system, job, seeds, threads=threads, system=system)
