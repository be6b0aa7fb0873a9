"""The parts that measure skrec alone, or its scores against those of plain Keras."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from _speed import tables
from _speed.bench import Bench

SETTLED_FITS = 20  # after which memory should not grow any more


def growth_part(bench: Bench) -> None:
    """Show that cost is linear in rows and in fits."""
    found = bench.run({"task": "growth", **bench.sizes["growth"]})
    title = "One fit, from few rows to many; programs warm"
    bench.report.table("growth_rows", title, pd.DataFrame(found["rows"]))
    title = "Searches, from few fits to many; programs warm"
    bench.report.table("growth_fits", title, pd.DataFrame(found["fits"]))


def memory_part(bench: Bench) -> None:
    """Watch resident memory over many fits, and over many architectures."""
    rows = []
    n_networks = bench.sizes["memory_architectures"]
    for system in tables.SUBJECTS:
        spec = {"task": "memory", "estimator": system, **bench.sizes["memory"]}
        new = {"fits": n_networks, "architectures": n_networks}
        for sizes, settled in ((spec, SETTLED_FITS), ({**spec, **new}, 1)):
            found = bench.run(sizes)
            row = tables.memory_row(found["start_mb"], found["after_mb"], settled)
            counts = {name: sizes[name] for name in ("fits", "architectures")}
            rows.append({"estimator": system, **counts, **row})
        rows[-1]["mb_per_architecture"] = row["growth_mb"] / (n_networks - 1)
    bench.report.table("memory", "Resident memory over fits", pd.DataFrame(rows))


def predict_part(bench: Bench) -> None:
    """Time one-row predictions, and watch memory while predicting many rows."""
    found = bench.run({"task": "latency", **bench.sizes["latency"]})
    bench.report.table("latency", "Prediction of one row", pd.DataFrame(found))
    rows = [
        bench.run({"task": "blocks", "estimator": system, **bench.sizes["blocks"]})
        for system in tables.SUBJECTS
    ]
    bench.report.table("blocks", "Prediction of many rows", pd.DataFrame(rows))


def scores_part(bench: Bench) -> None:
    """Compare scores over several seeds with those of plain Keras, on fixed folds."""
    workload = bench.workload("conv1d")
    grid = {name: values[:1] for name, values in workload.grid.items()}
    grid["learning_rate"] = workload.grid["learning_rate"]
    workload = dataclasses.replace(workload, grid=grid)
    *_, path = bench.data("conv1d")
    seeds = list(range(bench.args.seed, bench.args.seed + bench.sizes["seeds"]))
    scores = {}
    for system in ("keras", *tables.SUBJECTS):
        found = bench.search(system, workload, 1, 1, data=path, seeds=seeds)
        scores[system] = np.array(found["scores"])
    table = tables.score_table(scores, workload.candidates)
    bench.report.table("scores", "Mean test score over seeds, conv1d", table)


def threads_part(bench: Bench) -> None:
    """Time one fit with one thread and with all, for small networks and large ones."""
    rows = []
    for family, sizes in bench.sizes["fits"].items():
        row: dict[str, Any] = {"fit": family, **sizes}
        spec = {"task": "one_fit", "family": family, **sizes}
        for threads in sorted({1, bench.cores}):
            found = bench.run({**spec, "repeats": bench.sizes["fit_repeats"]}, threads)
            row[f"seconds with {threads}"] = found["seconds"]
        rows.append(row)
    title = "One fit of skrec by number of intra-op threads; programs warm"
    bench.report.table("threads", title, pd.DataFrame(rows))
