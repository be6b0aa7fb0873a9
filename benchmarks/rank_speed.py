"""Time the ranking of a large catalogue, and an epoch of SASRec, beside their peers.

Ranking: ten of 50,000 items for each of 100,000 users, from vectors of 64 numbers, the
items that a user has had left out; beside implicit. An epoch: SASRec on Amazon Beauty
with softmax over all items; beside RecTools at the same settings.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from _common import Report, add_common_options, as_list, environment, timed
from _measure import (
    MeasurementError,
    add_environment_options,
    peers_python,
    run_task,
)
from _topn.data import TASKS
from _topn.evaluation import PEERS, parts_of
from _topn.models import TUNED
from _topn.peer_scores import RankSizes

N = 10
SIZES = RankSizes(n_users=100_000, n_items=50_000, n_factors=64, n_seen=20)
TINY = RankSizes(n_users=2_000, n_items=300, n_factors=8, n_seen=5)
EPOCHS = 3  # timed together, after a first one
Runs = dict[str, Callable[[], dict[str, Any]]]


def protocol(args: argparse.Namespace) -> str:
    """Say what is measured, on what and how."""
    sizes = TINY if args.tiny else SIZES
    facts = {
        "ranking": f"{sizes.n_users} users, {sizes.n_items} items, {sizes.n_factors} "
        f"drawn factors, about {sizes.n_seen} items a user had, left out; the {N} "
        "best. From recommend(users) to skrec's data frame, and to implicit's arrays "
        "(BLAS with one thread or with all, whichever is faster)",
        "same users": "share of users for whom the items are those of skrec",
        "MB above": "the most memory resident while ranking, less what was resident "
        "before, with the factors and the events",
        "epoch": f"{TUNED['Amazon Beauty']['SASRec']}; all but the last two events of "
        f"each user; the mean of {EPOCHS} after a first one, in which networks are "
        "traced. RecTools has the same layers and sizes",
        "processes": f"each time is of a new process with {args.threads} threads; "
        f"medians of {args.repeats} rounds, in which the systems take turns",
        "peers": "; ".join(", ".join(packages) for packages in PEERS.values()),
        "run": "tiny: the numbers mean nothing" if args.tiny else "full size",
        "made with": environment(),
    }
    return as_list(facts)


# ---- the parts ---------------------------------------------------------------------


def rank_runs(args: argparse.Namespace, ask: Callable) -> Runs:
    """Return what times the ranking of the same factors."""
    job = TINY if args.tiny else SIZES, N, args.seed
    peer = partial(ask, "_topn.implicit_models:rank", python=_python(args, "implicit"))
    return {
        "skrec": partial(ask, "_topn.speed:rank", *job),
        "implicit": partial(peer, *job),
    }


def epoch_runs(args: argparse.Namespace, ask: Callable) -> Runs:
    """Return what times an epoch on the same events at the same settings."""
    parts, _, _ = parts_of(TASKS["beauty"](args.seed, args.tiny))
    python, tuned = _python(args, "RecTools"), TUNED["Amazon Beauty"]
    job = parts["train"], EPOCHS
    peer = partial(ask, "_topn.rectools_sasrec:epoch", python=python)
    return {
        "skrec": partial(ask, "_topn.speed:epoch", tuned["SASRec"], *job),
        "RecTools": partial(peer, tuned["RecTools SASRec"], *job),
    }


PARTS = {"ranking": rank_runs, "epoch": epoch_runs}


def _python(args: argparse.Namespace, package: str) -> Path | MeasurementError:
    """Return a peer's interpreter, or why there is none."""
    try:
        return peers_python(args.envs / package, args.install, PEERS[package])
    except MeasurementError as error:
        return error


def ask(threads: int, task: str, *args: Any, python: Any = sys.executable) -> Any:
    """Run a task in a fresh process, in an environment if there is one."""
    if isinstance(python, MeasurementError):
        raise python
    return run_task(task, *args, threads=threads, python=python)


def measure(runs: Runs, repeats: int) -> pd.DataFrame:
    """Let the systems take turns; a row of none says why."""
    rows: list[dict[str, Any]] = []
    ranked: dict[str, np.ndarray] = {}
    for _ in range(repeats):
        for system, call in runs.items():
            row: dict[str, Any] = {"system": system, "note": "", "seconds": None}
            try:
                row |= call()
            except MeasurementError as error:
                row["note"] = str(error)
            if "ranked" in row:
                ranked[system] = np.sort(row.pop("ranked"), axis=1)
                if "skrec" in ranked:
                    same = ranked[system] == ranked["skrec"]
                    row["same users"] = same.all(axis=1).mean()
            rows.append(row)
    return pd.DataFrame(rows).astype({"seconds": float})


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each system, its extremes, and how many skrecs it is."""
    found = rows.groupby("system", sort=False)
    seconds = found["seconds"].agg(["median", "min", "max", "count"])
    table = seconds.set_axis(["seconds", "lowest", "highest", "rounds"], axis=1)
    table["times skrec"] = table["seconds"] / table.loc["skrec", "seconds"]
    for name in ("MB above", "same users"):
        if name in rows:
            table[name] = found[name].median()
    table["note"] = found["note"].first()
    return table.reset_index()


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Written to --out: report.md, and each table as a csv file.",
    )
    add_common_options(parser)
    add, names = parser.add_argument, list(PARTS)
    shown = f"what to time: {', '.join(names)} (default: both)"
    add("--parts", nargs="+", choices=names, default=names, metavar="P", help=shown)
    add("--repeats", type=int, default=3, help="rounds (default: 3)")
    cores = joblib.cpu_count()
    add("--threads", type=int, default=cores, help="of each process (default: all)")
    add("--tiny", "--quick", action="store_true", help="small; means nothing")
    add_environment_options(parser, "quality_topn")
    args = parser.parse_args(argv)
    for name in ("repeats", "threads"):
        if getattr(args, name) < 1:
            parser.error(
                f"--{name} must be at least 1. Received: {getattr(args, name)}."
            )
    return args


def run(args: argparse.Namespace) -> None:
    """Time the chosen parts."""
    report = Report(args.out, "The speed of recommenders")
    report.write(protocol(args))
    for name in args.parts:
        runs = PARTS[name](args, partial(ask, args.threads))
        report.table(name, name, summary(measure(runs, args.repeats)))


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    args = parse(argv)
    try:
        _, seconds = timed(run, args)
    except (MeasurementError, OSError) as error:
        sys.exit(f"Failed: {error}")
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


if __name__ == "__main__":
    main()
