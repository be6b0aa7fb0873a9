"""What encoding a table with FieldEncoder takes: seconds and memory.

The table is like the click logs of Criteo: hexadecimal ids in 26 columns, with 3 to
500,000 different ones each, few of them frequent, and 13 columns of numbers, with
missing values in all of them. Its ids come as objects, as pandas strings, as
categories, and in a polars frame where polars is installed. --full has 1,000,000 rows.

Written to --out: report.md (how and with what result), results.csv.
"""

import argparse
import importlib.util
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import _common as bench
import numpy as np
import pandas as pd

from skrec.preprocessing import FieldEncoder

AMOUNTS = {
    "rows": bench.Amount(1_000_000, 100_000, 500, "rows of the table"),
    "repeats": bench.Amount(3, 2, 1, "runs, of which the fastest counts"),
}
N_IDS, N_NUMBERS = 26, 13
MOST_IDS = 500_000
MISSING = 0.1
GIGABYTE = 1e9


def hexadecimal_ids(n_rows: int, n_ids: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ids, the first ones most often, as strings of eight digits."""
    numbers = rng.choice(2**32, n_ids, replace=False)
    known = np.array([f"{number:08x}" for number in numbers], dtype=object)
    ids = known[(n_ids * rng.random(n_rows) ** 3).astype(int)]
    ids[rng.random(n_rows) < MISSING] = None
    return ids


def make_log(n_rows: int, seed: int) -> pd.DataFrame:
    """Make a table of ids and numbers."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pd.Series] = {}
    for k in range(N_NUMBERS):
        numbers = np.floor(rng.lognormal(2, 2, n_rows))
        numbers[rng.random(n_rows) < MISSING] = np.nan
        columns[f"I{k + 1}"] = pd.Series(numbers)
    for k, n_ids in enumerate(np.geomspace(3, MOST_IDS, N_IDS).round().astype(int)):
        ids = hexadecimal_ids(n_rows, n_ids, rng)
        columns[f"C{k + 1}"] = pd.Series(ids, dtype=object)
    return pd.DataFrame(columns)


def to_polars(log: pd.DataFrame) -> Any:
    """Return a polars frame; NaN becomes missing."""
    import polars as pl

    return pl.DataFrame(
        {name: pl.Series(log[name].to_numpy(), nan_to_null=True) for name in log}
    )


def tables(log: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    """Return what makes the same table with ids of each dtype."""
    ids = [name for name in log if name.startswith("C")]
    found: dict[str, Callable[[], Any]] = {
        "pandas, object": lambda: log,
        "pandas, str": lambda: log.astype(dict.fromkeys(ids, "str")),
        "pandas, category": lambda: log.astype(dict.fromkeys(ids, "category")),
    }
    if importlib.util.find_spec("polars"):
        found["polars, String"] = lambda: to_polars(log)
    return found


def time_both(call: Callable[..., Any], *args: Any) -> tuple[float, float]:
    """Return the seconds that a call takes, and those of the processor."""
    start = time.process_time()
    _, seconds = bench.timed(call, *args)
    return seconds, time.process_time() - start


def peak_memory(call: Callable[..., Any], *args: Any) -> float:
    """Return the bytes that a call has at most, beside what was there before."""
    tracemalloc.start()
    try:
        call(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(table: Any, repeats: int) -> list[dict[str, Any]]:
    """Time learning with encoding, and encoding alone, and weigh each once."""
    encoder = FieldEncoder()
    rows = []
    for step, call in [
        ("fit_transform", encoder.fit_transform),
        ("transform", encoder.transform),
    ]:
        seconds, cpu_seconds = np.min(
            [time_both(call, table) for _ in range(repeats)], axis=0
        )
        rows.append(
            {
                "step": step,
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "peak_gigabytes": peak_memory(call, table) / GIGABYTE,
            }
        )
    return rows


def run(args: argparse.Namespace, log: pd.DataFrame) -> None:
    """Measure each dtype and write what comes out."""
    report = bench.Report(args.out, "What encoding a table takes")
    n_known = log.nunique()[-N_IDS:]
    protocol = {
        "table": f"{len(log)} rows, {N_IDS} columns of ids, with {n_known.min()} to "
        f"{n_known.max()} different ones, {n_known.sum()} in all, and {N_NUMBERS} of "
        f"numbers; {MISSING:.0%} missing",
        "seconds": f"the fewest of {args.repeats} runs, on one thread; on a busy "
        "machine the seconds of the processor tell more",
        "memory": "at most at one time, with the result, beside the table; in a run of "
        "its own, by tracemalloc",
        "settings": "the defaults of FieldEncoder",
        "run": f"{args.mode} size, seed {args.seed}",
        "made with": bench.environment(),
    }
    report.write("\n".join(f"- {name}: {fact}" for name, fact in protocol.items()))
    rows = []
    for name, make in tables(log).items():
        print(f"{name} ...", flush=True)
        rows += [{"ids": name, **row} for row in measure(make(), args.repeats)]
    report.table("results", "Seconds and gigabytes", pd.DataFrame(rows))


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.make_parser(__doc__)
    args = bench.parse_options(parser, argv, AMOUNTS)
    bench.run_script(parser, args, lambda args: make_log(args.rows, args.seed), run)


if __name__ == "__main__":
    main()
