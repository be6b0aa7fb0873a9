"""Compare recommenders with their peers and with published numbers on real data.

The next item on Amazon Beauty and LastFM, and the held-out films of MovieLens-100K:
every model as it comes and tuned, beside implicit (ALS, BPR, ItemKNN) and RecTools'
SASRec, which get environments of their own. Beauty and LastFM have no address to be
downloaded from: see skrec.datasets.load_sequences.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from _common import Report, add_common_options, as_list, environment, timed
from _measure import MeasurementError, Records, add_environment_options, peers_python
from _quality.tables import for_reading
from _topn import tables
from _topn.data import TASKS, Task
from _topn.evaluation import (
    METRICS,
    PEERS,
    ask_peer,
    draw,
    is_network,
    judge,
    make,
    search,
)
from _topn.models import MODELS, TUNED

EPOCHS, EVERY = 200, 5  # of RecTools: at most, and between two looks at the validation
FAILURES = (MeasurementError, ValueError, FloatingPointError, MemoryError)


def protocol(args: argparse.Namespace, tasks: list[Task], notes: list[str]) -> str:
    """Say what is measured, on what and how."""
    facts = {
        **{task.name: task.facts for task in tasks},
        "ranking": "all items that occur in training, those of the user's training and "
        "validation events left out; users are all those with test events, and one "
        "without recommendations scores 0",
        "metrics": "hit rate, NDCG (log2) and recall at 10: means over users with "
        "their standard errors, then means over seeds; of MovieLens-100K a seed is a "
        "split too",
        "fit": "nobody trains on test events. ItemKNN, EASE, ALS and Popular train on "
        "the training events. A network on Beauty and LastFM is given the validation "
        "events too, which it holds out to choose its epoch by NDCG@10; on "
        "MovieLens-100K it holds out the last training event of each user. Nothing is "
        "trained again after that; what is asked for is asked with the history up to "
        "the test",
        "tuned": "RandomizedSearchCV by NDCG@10 of the validation events alone, "
        f"{args.candidates} candidates ({'run now' if args.tune else 'TUNED in '} "
        "_topn/models.py, some of it from papers, as it says there); of MovieLens-100K "
        "those of the first split, which the other splits may train or test on",
        "peers": "; ".join(", ".join(packages) for packages in PEERS.values())
        + f". RecTools' epoch: the best of every {EVERY}th up to {EPOCHS}, until three "
        "in a row find nothing better. implicit's ALS takes the validation events into "
        "the user's vector, its ItemKNN into the history, as skrec's do",
        "seconds": "of one fit with its validation, tracing included, and of ranking "
        "for all users; medians over seeds",
        "run": f"{args.seeds} seeds" + (", tiny: scores mean nothing" * args.tiny),
        "made with": environment(),
    }
    if notes:
        facts["left out"] = "; ".join(notes)
    return as_list(facts)


# ---- the run -----------------------------------------------------------------------


def find_peers(args: argparse.Namespace, notes: list[str]) -> dict[str, Path]:
    """Return the peers' interpreters, or note why one is left out."""
    found = {}
    for package, pins in PEERS.items():
        if not any(name.startswith(package) for name in args.models):
            continue
        try:
            found[package] = peers_python(args.envs / package, args.install, pins)
        except MeasurementError as error:
            notes.append(f"{package}: {error}")
    return found


def measure(
    args: argparse.Namespace,
    task: Task,
    name: str,
    params: dict[str, Any],
    seed: int,
    pythons: dict[str, Path],
) -> dict[str, Any]:
    """Fit and judge a model with some parameters."""
    package = name.split()[0]
    if package not in PEERS:
        return judge(task, name, _short(args, name, params), seed)
    return ask_peer(task, name, [params], seed, pythons[package], _limits(args, name))


def tune(
    args: argparse.Namespace, task: Task, name: str, pythons: dict[str, Path]
) -> dict[str, Any]:
    """Search the parameters of a model on the validation events."""
    package, seed = name.split()[0], args.seed
    if package in PEERS:
        drawn = draw(name, args.candidates, seed)
        limits = _limits(args, name)
        found = ask_peer(task, name, drawn, seed, pythons[package], limits)
        return {key: found[key] for key in ("score", "parameters")}
    params = _short(args, name, {})
    if is_network(make(name, {}, seed)):  # so that a search that was killed goes on
        params["memory"] = str(Path(args.out, "memory").absolute())
    settings = {"n_jobs": args.n_jobs}
    return search(task, name, params, args.candidates, seed, **settings)


def _short(
    args: argparse.Namespace, name: str, params: dict[str, Any]
) -> dict[str, Any]:
    """Let a network train for two epochs, if that is wanted."""
    is_short = args.tiny and is_network(make(name, {}, args.seed))
    return params | ({"epochs": 2} if is_short else {})


def _limits(args: argparse.Namespace, name: str) -> tuple[int, ...]:
    if not name.startswith("RecTools"):
        return ()
    return (2, 1) if args.tiny else (EPOCHS, EVERY)


def variants(
    args: argparse.Namespace, task: Task, name: str, pythons: dict[str, Path]
) -> dict[str, dict[str, Any]]:
    """Return the parameters to judge a model with, tuned ones where there are some."""
    found: dict[str, dict[str, Any]] = {}
    if "default" in args.variants:
        found["default"] = {}
    if "tuned" not in args.variants:
        return found
    if args.tune and MODELS[name].space:
        records = Records(_file(args, "tuned"), ["task", "model"])
        if (task.name, name) not in records.done:
            best = tune(args, task, name, pythons)
            records.add({"task": task.name, "model": name} | best)
            print(f"  {name}, tuned: {best['parameters']}", flush=True)
        for row in records.rows:
            if (row["task"], row["model"]) == (task.name, name):
                found["tuned"] = json.loads(row["parameters"])
    elif name in TUNED[task.name]:
        found["tuned"] = TUNED[task.name][name]
    return found


def _file(args: argparse.Namespace, name: str) -> Path:
    return Path(args.out, f"{name}.tiny.jsonl" if args.tiny else f"{name}.jsonl")


def seeds_of(args: argparse.Namespace, task: Task, name: str) -> range:
    """Return the seeds that change something: of a model, or of the split."""
    fixed = name == "implicit ItemKNN"
    if name.split()[0] not in PEERS:
        fixed = "random_state" not in make(name, {}, 0).get_params()
    n_seeds = 1 if fixed and task.by_time else args.seeds
    return range(args.seed, args.seed + n_seeds)


def run_set(
    args: argparse.Namespace, key: str, pythons: dict[str, Path], records: Records
) -> None:
    """Judge all models on a set, each run that is not in the records."""
    split = partial(TASKS[key], tiny=args.tiny)
    task = split(args.seed)
    print(f"{task.name} ...", flush=True)
    for name in args.models:
        if (package := name.split()[0]) in PEERS and package not in pythons:
            continue
        try:
            for variant, params in variants(args, task, name, pythons).items():
                for seed in seeds_of(args, task, name):
                    line = (task.name, name, variant, seed)
                    if line in records.done:
                        continue
                    row = measure(args, split(seed), name, params, seed, pythons)
                    records.add(dict(zip(records.key, line, strict=True)) | row)
                    shown = ", ".join(f"{m} {row[m]:.4f}" for m in METRICS)
                    print(f"  {', '.join(map(str, line[1:]))}: {shown}", flush=True)
        except FAILURES as error:
            print(f"  {name} failed: {type(error).__name__}: {error}", flush=True)


def write(report: Report, runs: pd.DataFrame, task: str) -> None:
    """Write the tables of a set, if it has been run."""
    own = runs[runs["task"] == task] if len(runs) else runs
    if own.empty:
        return
    name = task.lower().replace(" ", "_").replace("-", "_")
    table = tables.summary(own, task)
    report.table(name, task, for_reading(table))
    aims = tables.aims(table, task)
    report.table(f"{name}_aims", f"{task}: what was aimed at", for_reading(aims))
    tables.draw_curves(own, report.out / f"{name}_curves.png")


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Written to --out: report.md, and of each set a table, its aims and the "
        "learning curves; results.jsonl has every run, and tuned.jsonl what --tune "
        "found. Both grow as the run does: the same command goes on where it was "
        "interrupted. All of it takes a day on two cores.",
    )
    add_common_options(parser)
    add = parser.add_argument
    for name, choices in (
        ("sets", list(TASKS)),
        ("models", list(MODELS)),
        ("variants", ["default", "tuned"]),
    ):
        shown = ", ".join(choices)
        settings: dict[str, Any] = {"nargs": "+", "choices": choices}
        add(f"--{name}", **settings, default=choices, metavar="NAME", help=shown)
    add("--seeds", type=int, default=3, help="runs of a model that draws (default: 3)")
    add("--tune", action="store_true", help="search the tuned parameters again")
    add("--candidates", type=int, default=20, help="of each such search (default: 20)")
    add("--tiny", "--quick", action="store_true", help="few users; means nothing")
    add_environment_options(parser, "quality_topn")
    args = parser.parse_args(argv)
    for name in ("seeds", "candidates"):
        if getattr(args, name) < 1:
            parser.error(
                f"--{name} must be at least 1. Received: {getattr(args, name)}."
            )
    return args


def run(args: argparse.Namespace) -> None:
    """Run the chosen models on the chosen sets."""
    notes: list[str] = []
    tasks: dict[str, Task] = {}
    for key in args.sets:
        try:
            tasks[key] = TASKS[key](args.seed, args.tiny)
        except OSError as error:
            notes.append(f"{key}: {error}")
    pythons = find_peers(args, notes)
    report = Report(args.out, "Next items and top-N")
    report.write(protocol(args, list(tasks.values()), notes))
    records = Records(_file(args, "results"), ["task", "model", "variant", "seed"])
    for key, task in tasks.items():
        run_set(args, key, pythons, records)
        write(report, pd.DataFrame(records.rows), task.name)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    args = parse(argv)
    _, seconds = timed(run, args)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


if __name__ == "__main__":
    main()
