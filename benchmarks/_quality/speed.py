"""Training time of the same networks in skrec and in FuxiCTR."""

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from _quality.data import movielens_clicks
from _quality.environment import run_job
from _quality.evaluation import Records
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
KEY = ["network", "batch_size", "system", "threads", "round"]
COLUMNS = [*KEY, "cold", "seconds", "auc"]
SYSTEMS = {
    "FuxiCTR, its data loader": {"loader": "own", "num_workers": 0},
    "FuxiCTR, batches cut in memory": {"loader": "memory"},
    "skrec": None,
}


def measure(python: Path, args: argparse.Namespace) -> pd.DataFrame:
    """Train every network in every system, in turn, again and again.

    Parameters
    ----------
    python : Path
        Interpreter of the peers' environment.
    args : Namespace
        Options of the script.

    Returns
    -------
    DataFrame
        One row a process.
    """
    tiny = args.mode == "tiny"
    task = movielens_clicks(1, args.seed, tiny)
    encoder = FieldEncoder().fit(task.X.iloc[task.folds[0].train])
    arrays = fuxi_arrays(encoder, task, {"train": task.folds[0].train})
    job = {
        "task": "timing",
        "fields": fuxi_fields(encoder),
        "epochs": args.speed_epochs,
        "seed": args.seed,
        "tiny": tiny,
    }
    threads = sorted({1, joblib.cpu_count()})
    records = Records(Path(args.out, "speed_rounds.csv"), COLUMNS, KEY)
    rounds = range(args.speed_rounds)
    for k, *names in product(rounds, NETWORKS, args.batch_sizes, SYSTEMS, threads):
        if (*names, k) in records:
            continue
        network, batch_size, system, n = names
        candidates = [{**SETTINGS, "batch_size": batch_size}]
        of_one = {**job, "model": network, "candidates": candidates}
        found = _train(python, of_one, arrays, SYSTEMS[system], n)
        records.add({**dict(zip(KEY, [*names, k], strict=True)), **found})
        print(f"  {names}: {found['seconds']:.2f} s", flush=True)
    return records.frame()


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
    middle = measured.groupby(KEY[:-1], sort=False).median(numeric_only=True)
    middle = middle.drop(columns="round").reset_index()
    training = KEY[:2]
    fastest = middle.groupby([*training, "system"], sort=False)["seconds"].idxmin()
    found = middle.loc[fastest]
    own = found[found["system"] == "skrec"].set_index(training)
    of_skrec = own.loc[pd.MultiIndex.from_frame(found[training])]
    for column in ("seconds", "cold"):
        ratio = found[column].to_numpy() / of_skrec[column].to_numpy()
        found[f"skrec is faster by ({column})"] = ratio
    return found.reset_index(drop=True)
