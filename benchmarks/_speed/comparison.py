"""The part that compares the systems: rounds of searches, and the tables of them."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from _measure import MeasurementError

from _speed import tables
from _speed.bench import Bench
from _speed.workloads import Workload

BLANK = dict.fromkeys(
    ("seconds", "fits_per_second", "best_score", "start_mb", "end_mb"), np.nan
)


def search_part(bench: Bench) -> None:
    """Compare the systems on every workload, rounds interleaved."""
    choices: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for name in bench.args.workloads:
        workload = bench.workload(name)
        chosen = choose_threads(bench, name, workload)
        found = run_rounds(bench, name, workload, chosen)
        check_parameters(found)
        choices += chosen
        rows += found
        measurements = pd.DataFrame(rows).drop(columns="parameters")
        measurements.to_csv(bench.report.out / "measurements.csv", index=False)
    report = bench.report
    report.table("threads_chosen", "Threads of one process", pd.DataFrame(choices))
    medians = tables.summary(measurements)
    report.table("searches", "Searches, medians of the rounds", medians)
    factors = tables.ratios(measurements)
    if len(factors):
        title = "Seconds of a peer for one of skrec's, medians over the rounds"
        report.table("ratios", title, factors)


def choose_threads(bench: Bench, name: str, workload: Workload) -> list[dict[str, Any]]:
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
                    system, part, threads=threads, seeds=[bench.args.seed]
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
    bench: Bench, name: str, workload: Workload, choices: list[dict[str, Any]]
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
                    found = measure(bench, found[0], workload)
                rows += found
                said = found[0]["note"] or f"{found[0]['seconds']:.1f} s"
                what = f"{name}, round {number}, n_jobs={n_jobs}, {system}"
                print(f"{what}: {said}", flush=True)
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
        **BLANK,
        "parameters": None,
        "note": note,
    }


def measure(
    bench: Bench, row: dict[str, Any], workload: Workload
) -> list[dict[str, Any]]:
    """Measure once: a row for each of the states that one process passes through."""
    system, n_jobs = row["system"], row["n_jobs"]
    seeds = [bench.args.seed] * (2 if system in tables.SUBJECTS else 1)
    try:
        found = bench.search(
            system, workload, n_jobs=n_jobs, threads=row["threads"], seeds=seeds
        )
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


def check_parameters(rows: list[dict[str, Any]]) -> None:
    """Raise if two systems trained networks of different sizes."""
    counts = {row["system"]: row["parameters"] for row in rows if row["parameters"]}
    if len({tuple(numbers) for numbers in counts.values()}) > 1:
        raise RuntimeError(
            "the networks must have the same numbers of weights in every system. "
            f"Received: {counts}."
        )
