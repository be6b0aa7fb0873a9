"""Training time of the same networks in skrec and in FuxiCTR."""

import sys
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from _quality.data import movielens_clicks
from _quality.environment import run_job
from _quality.peer_models import fuxi_arrays, fuxi_fields
from skrec.preprocessing import FieldEncoder

NETWORKS = ["DeepFM", "DCNv2"]
SETTINGS = {
    "units": "256-128-64",
    "dropout": 0.2,
    "embedding_regularizer": 1e-5,
    "net_regularizer": 0.0,
    "learning_rate": 0.001,
    "embedding_dim": 10,
    "cross_layers": 3,
}
SYSTEMS = {
    "FuxiCTR, its data loader": {"loader": "own", "num_workers": 0},
    "FuxiCTR, batches cut in memory": {"loader": "memory"},
    "skrec": None,
}


def measure(
    python: Path, batch_size: int, epochs: int, n_rounds: int, seed: int, tiny: bool
) -> pd.DataFrame:
    """Train every network in every system, in turn, `n_rounds` times.

    Returns
    -------
    DataFrame
        One row a training.
    """
    task = movielens_clicks(1, seed, tiny)
    encoder = FieldEncoder().fit(task.X.iloc[task.folds[0].train])
    arrays = fuxi_arrays(encoder, task, {"train": task.folds[0].train})
    job = {
        "task": "timing",
        "fields": fuxi_fields(encoder),
        "candidates": [{**SETTINGS, "batch_size": batch_size}],
        "epochs": epochs,
        "seed": seed,
        "tiny": tiny,
    }
    threads = sorted({1, joblib.cpu_count()})
    rows = []
    for k, network, system, n in product(range(n_rounds), NETWORKS, SYSTEMS, threads):
        of_one = {**job, "model": network}
        found = _train(python, of_one, arrays, SYSTEMS[system], n)
        names = {"network": network, "system": system, "threads": n, "round": k}
        rows.append({**names, **found})
        seconds = f"{found['seconds']:.2f} s"
        print(f"  {network}, {system}, threads {n}: {seconds}", flush=True)
    return pd.DataFrame(rows)


def _train(
    python: Path,
    job: dict[str, Any],
    arrays: dict[str, Any],
    loader: dict[str, Any] | None,
    threads: int,
) -> dict[str, float]:
    if loader is None:
        own = Path(sys.executable)
        return run_job(own, {**job, "runner": "skrec_fit"}, {}, threads)[0]
    return run_job(python, {**job, **loader, "runner": "fuxi"}, arrays, threads)[0]


def speed_table(measured: pd.DataFrame) -> pd.DataFrame:
    """Return medians over rounds, with the threads that suit each system best."""
    by = ["network", "system", "threads"]
    middle = measured.groupby(by, sort=False).median(numeric_only=True).reset_index()
    fastest = middle.groupby(["network", "system"], sort=False)["seconds"].idxmin()
    found = middle.loc[fastest].drop(columns="round")
    own = found[found["system"] == "skrec"].set_index("network")
    times = found["network"].map(own["seconds"])
    cold = found["network"].map(own["cold"])
    found["skrec is faster by"] = found["seconds"] / times
    found["its first fit by"] = found["seconds"] / cold
    return found.reset_index(drop=True)
