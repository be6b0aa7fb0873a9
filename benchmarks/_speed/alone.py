"""The parts that measure skrec alone."""

from typing import Any

import pandas as pd

from _speed import tables
from _speed.bench import Bench

SETTLED_FITS = 20  # after which memory should not grow any more
TASKS = "_speed.skrec_tasks:"


def memory_part(bench: Bench) -> None:
    """Watch resident memory over many fits, and over many architectures."""
    rows = []
    n_networks, n_new = bench.sizes["memory_architectures"]
    n_fits = bench.sizes["memory_fits"]
    for system in tables.SUBJECTS:
        for fits, networks, settled in (
            (n_fits, n_networks, SETTLED_FITS),
            (n_new, n_new, 1),
        ):
            sizes = system, bench.sizes["memory_rows"], fits, networks, bench.args.seed
            found = tables.memory_row(*bench.run(TASKS + "memory", *sizes), settled)
            counts = {"estimator": system, "fits": fits, "architectures": networks}
            rows.append(counts | found)
        rows[-1]["mb_per_architecture"] = rows[-1]["growth_mb"] / (n_new - 1)
    bench.report.table("memory", "Resident memory over fits", pd.DataFrame(rows))


def predict_part(bench: Bench) -> None:
    """Time one-row predictions, and watch memory while predicting many rows."""
    seed = bench.args.seed
    found = bench.run(TASKS + "latency", bench.sizes["calls"], seed)
    bench.report.table("latency", "Prediction of one row", pd.DataFrame(found))
    rows = [
        bench.run(TASKS + "blocks", system, bench.sizes["many_rows"], seed)
        for system in tables.SUBJECTS
    ]
    bench.report.table("blocks", "Prediction of many rows", pd.DataFrame(rows))


def threads_part(bench: Bench) -> None:
    """Time one fit with one thread and with all, for small networks and large ones."""
    rows = []
    for family, sizes in bench.sizes["fits"].items():
        names = ("n_rows", "batch_size", "epochs")
        row: dict[str, Any] = {"fit": family, **dict(zip(names, sizes, strict=True))}
        spec = family, *sizes, bench.sizes["fit_repeats"], bench.args.seed
        for threads in sorted({1, bench.cores}):
            found = bench.run(TASKS + "one_fit", *spec, threads=threads)
            row[f"seconds with {threads}"] = found
        rows.append(row)
    title = "One fit of skrec by number of intra-op threads; programs warm"
    bench.report.table("threads", title, pd.DataFrame(rows))
