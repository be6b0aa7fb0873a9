"""The part that compares the systems: rounds of searches, and the tables of them."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from _speed import tables
from _speed.bench import Bench
from _speed.processes import MeasurementError
from _speed.workloads import Workload, n_parameters, search_flops


def search_part(bench: Bench) -> None:
    """Compare the systems on every workload, rounds interleaved."""
    rate = bench.run({"task": "sgemm", "n": bench.sizes["matrix"]})
    gflop: dict[str, float] = {}
    choices: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for name in bench.args.workloads:
        workload = bench.workload(name)
        X, y, path = bench.data(name)
        n_classes = len(np.unique(y))
        gflop[name] = search_flops(workload, len(y), X.shape[1:], n_classes) / 1e9
        chosen = choose_threads(bench, name, workload, path)
        found = run_rounds(bench, name, workload, path, chosen)
        check_parameters(found, workload, X.shape[1:], n_classes)
        choices += chosen
        rows += found
        measurements = pd.DataFrame(rows).drop(columns="parameters")
        measurements.to_csv(bench.report.out / "measurements.csv", index=False)
    write_tables(bench, measurements, pd.DataFrame(choices), gflop, rate)


def write_tables(
    bench: Bench,
    measurements: pd.DataFrame,
    choices: pd.DataFrame,
    gflop: dict[str, float],
    rate: float,
) -> None:
    """Report medians, ratios and the share of the machine's rate."""
    report, medians = bench.report, tables.summary(measurements)
    report.table("threads_chosen", "Threads of one process", choices)
    report.table("searches", "Searches, medians of the rounds", medians)
    factors = tables.ratios(measurements)
    if len(factors):
        title = "Seconds of a peer for one of skrec's, medians over the rounds"
        report.table("ratios", title, factors)
    shares = tables.efficiency(medians, gflop, rate)
    if len(shares):
        report.table("efficiency", "Share of the matrix product rate", shares)
        report.write(
            f"One thread multiplies float32 matrices of {bench.sizes['matrix']} rows "
            f"and columns at {rate:.1f} GFLOP/s (NumPy, median of 20). A search is "
            "counted from its layers' shapes: for a row 2 operations a multiplication "
            "to predict, 3 times that to train, less the gradient of the first layer's "
            "input; element-wise operations and the optimizer are not counted."
        )


def choose_threads(
    bench: Bench, name: str, workload: Workload, path: str
) -> list[dict[str, Any]]:
    """Find each system's best number of threads, on one candidate."""
    first = {key: values[:1] for key, values in workload.grid.items()}
    part = dataclasses.replace(workload, grid=first)
    rows = []
    for system in bench.args.systems:
        row: dict[str, Any] = {"workload": name, "system": system}
        seconds = {}
        try:
            for threads in sorted({1, bench.cores}):
                found = bench.search(
                    system, part, 1, threads, data=path, seeds=[bench.args.seed]
                )
                seconds[threads] = found["seconds"][0]
                row[f"seconds with {threads}"] = seconds[threads]
            row |= {"threads": min(seconds, key=seconds.__getitem__), "note": ""}
        except MeasurementError as error:
            row |= {"threads": 0, "note": str(error)}
        outcome = row["note"] or f"threads={row['threads']}"
        print(f"{name}, {system}: {outcome}", flush=True)
        rows.append(row)
    return rows


def run_rounds(
    bench: Bench,
    name: str,
    workload: Workload,
    path: str,
    choices: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Measure every system once a round, with one process and with several."""
    rows: list[dict[str, Any]] = []
    for number in range(1, bench.args.repeats + 1):
        for n_jobs in sorted({1, bench.n_jobs}):
            for choice in choices:
                system, note = choice["system"], choice["note"]
                threads = choice["threads"] if n_jobs == 1 else 1
                if n_jobs > 1 and system == "keras-tuner" and not note:
                    note = "Keras Tuner has no n_jobs"
                found = [blank(name, number, n_jobs, system, threads, note)]
                if not note:
                    found = measure(bench, found[0], workload, path)
                print_row(found[0])
                rows += found
    return rows


def blank(
    name: str, number: int, n_jobs: int, system: str, threads: int, note: str
) -> dict[str, Any]:
    """Return a row of no measurement, which says why."""
    return {
        "workload": name,
        "round": number,
        "system": system,
        "n_jobs": n_jobs,
        "state": tables.WARM,
        "threads": threads,
        "fits": 0,
        "seconds": np.nan,
        "fits_per_second": np.nan,
        "best_score": np.nan,
        "start_mb": np.nan,
        "end_mb": np.nan,
        "parameters": None,
        "note": note,
    }


def measure(
    bench: Bench, row: dict[str, Any], workload: Workload, path: str
) -> list[dict[str, Any]]:
    """Measure once: a row for each of the states that one process passes through."""
    system, n_jobs = row["system"], row["n_jobs"]
    seeds = [bench.args.seed] * (2 if system in tables.SUBJECTS else 1)
    spec = {"data": path, "seeds": seeds, "count": n_jobs == 1}
    try:
        found = bench.search(system, workload, n_jobs, row["threads"], **spec)
    except MeasurementError as error:
        return [{**row, "note": str(error)}]
    states = {tables.WARM: found["seconds"][0]}
    if n_jobs > 1:
        states[tables.COLD] = found["worker_seconds"] + found["seconds"][0]
    if len(seeds) > 1:
        states[tables.TRACED] = found["seconds"][1]
    return [
        {
            **row,
            "state": state,
            "fits": workload.n_fits,
            "seconds": seconds,
            "fits_per_second": workload.n_fits / seconds,
            "best_score": max(found["scores"][0]),
            "start_mb": found["start_mb"],
            "end_mb": found["end_mb"],
            "parameters": found.get("parameters"),
        }
        for state, seconds in states.items()
    ]


def print_row(row: dict[str, Any]) -> None:
    """Say how far the rounds are."""
    what = "{workload}, round {round}, n_jobs={n_jobs}, {system}".format(**row)
    print(f"{what}: {row['note'] or '{:.1f} s'.format(row['seconds'])}", flush=True)


def check_parameters(
    rows: list[dict[str, Any]],
    workload: Workload,
    input_shape: tuple[int, ...],
    n_classes: int,
) -> None:
    """Raise if a system trained networks of another size than the workload's."""
    expected = [
        n_parameters(workload.family, input_shape, n_classes, sizes)
        for sizes in workload.architectures
    ]
    for row in rows:
        if row["parameters"] not in (None, expected):
            raise RuntimeError(
                f"the networks of {workload.architectures} must have {expected} "
                f"weights in every system. Received: {row['parameters']} from "
                f"{row['system']}."
            )
