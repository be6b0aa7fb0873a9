"""What the parts of the benchmark share: sizes, data files and fresh processes."""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from _common import Report
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from _speed.processes import MeasurementError, peers_python, run_task
from _speed.workloads import WORKLOADS, Workload
from skrec.datasets import make_sessions

IN_PEERS = {"skorch", "keras-tuner"}  # the others are skrec's own dependencies

FULL: dict[str, Any] = {
    "search_rows": 2_000,
    "growth": {
        "families": ["mlp", "conv1d"],
        "rows": [100, 1_000, 10_000, 100_000],
        "epochs": 5,
        "n_rows": 200,
        "fits": [10, 100, 1_000],
    },
    "memory": {"n_rows": 200, "fits": 300, "architectures": 8},
    "memory_architectures": 40,
    "latency": {"calls": 300},
    "blocks": {"n_rows": 1_000_000},
    "seeds": 5,
    "matrix": 1024,
    "fits": {
        "conv1d": {"n_rows": 1_333, "batch_size": 32, "epochs": 10},
        "digits": {"n_rows": 1_797, "batch_size": 32, "epochs": 10},
        "large mlp": {"n_rows": 50_000, "batch_size": 4_096, "epochs": 2},
        "gru": {"n_rows": 2_000, "batch_size": 256, "epochs": 5},
    },
    "fit_repeats": 3,
}
TINY: dict[str, Any] = {
    "search_rows": 120,
    "growth": {
        "families": ["mlp"],
        "rows": [100, 200],
        "epochs": 1,
        "n_rows": 100,
        "fits": [10],
    },
    "memory": {"n_rows": 60, "fits": 24, "architectures": 2},
    "memory_architectures": 3,
    "latency": {"calls": 20},
    "blocks": {"n_rows": 20_000},
    "seeds": 2,
    "matrix": 128,
    "fits": {"conv1d": {"n_rows": 100, "batch_size": 32, "epochs": 1}},
    "fit_repeats": 1,
}


def shortened(workload: Workload) -> Workload:
    """Return a search of two candidates and one epoch, for --tiny."""
    grid = {name: values[:1] for name, values in workload.grid.items()}
    grid["learning_rate"] = workload.grid["learning_rate"]
    return dataclasses.replace(workload, grid=grid, epochs=1)


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
    """What the parts share: options, report, data files and the peers' interpreter.

    Parameters
    ----------
    args : Namespace
        Options of the script.
    report : Report
        Where tables go.
    folder : Path
        For data that measured processes read.
    """

    def __init__(self, args: argparse.Namespace, report: Report, folder: Path) -> None:
        self.args, self.report, self.folder = args, report, folder
        self.sizes = TINY if args.tiny else FULL
        self.cores = joblib.cpu_count()
        self.n_jobs = joblib.effective_n_jobs(args.n_jobs)
        self._peers: Path | MeasurementError | None = None

    def run(self, spec: dict[str, Any], threads: int = 1, peer: bool = False) -> Any:
        """Run a task in a fresh process.

        Raises
        ------
        MeasurementError
            If it fails, or there is no environment to run it in.
        """
        python = self._peers_python() if peer else sys.executable
        spec = {"seed": self.args.seed, **spec}
        return run_task(spec, threads=threads, device=self.args.device, python=python)

    def _peers_python(self) -> Path:
        """Return the peers' interpreter, installed at the first call."""
        if self._peers is None:
            try:
                self._peers = peers_python(self.args.peers, self.args.install)
            except MeasurementError as error:
                self._peers = error
        if isinstance(self._peers, MeasurementError):
            raise self._peers
        return self._peers

    def workload(self, name: str) -> Workload:
        """Return a workload in the size that was asked for."""
        return shortened(WORKLOADS[name]) if self.args.tiny else WORKLOADS[name]

    def data(self, name: str) -> tuple[np.ndarray, np.ndarray, str]:
        """Return a workload's data, and the file that measured processes read."""
        path = self.folder / f"{name}.npz"
        X, y = make_data(name, self.sizes["search_rows"], self.args.seed)
        np.savez(path, X=X, y=y)
        return X, y, str(path)

    def search(
        self, system: str, workload: Workload, n_jobs: int, threads: int, **spec: Any
    ) -> dict[str, Any]:
        """Search in a fresh process, once for each of the seeds that are given."""
        spec = {
            "task": "search",
            "system": system,
            "workload": dataclasses.asdict(workload),
            "n_jobs": n_jobs,
            "fold_seed": self.args.seed,
            "torch_device": "cuda" if self.args.device == "gpu" else "cpu",
            **spec,
        }
        return self.run(spec, threads, peer=system in IN_PEERS)
