"""Fits a second of a grid search with one and two workers, and with many in theory.

The engines are joblib's loky, Dask and Ray; the search is that over Conv1D networks in
search_speed.py. What 8, 64 and 512 workers would do is simulated. Measured for it are
the seconds of each fit, of the first trace of each architecture, of starting workers
and of handing out a fit; the bandwidth is an option. The simulation assumes that:

"""

import argparse
import importlib.metadata
from statistics import median
from typing import Any

import pandas as pd
from _common import Report, add_common_options, environment, timed
from _scaling.measure import ENGINES, in_fresh_process, trace_seconds
from _scaling.simulate import (
    ASSUMPTIONS,
    Costs,
    Fit,
    scaling_frame,
)
from _speed.bench import make_data, shortened
from _speed.workloads import WORKLOADS, Workload, architecture_of

__doc__ += "\n".join(f"- {line};" for line in ASSUMPTIONS)
SIMULATED = [2, 8, 64, 512]
Measured = dict[tuple[str, int], list[dict[str, Any]]]


def measure_all(args: argparse.Namespace, workload: Workload) -> Measured:
    """Measure every engine with one worker and with several, in turn."""
    found: Measured = {}
    for turn in range(args.repeats):
        for name in args.engines:
            for n_workers in (1, args.n_jobs):
                print(f"{name}, {n_workers} workers, {turn + 1} ...", flush=True)
                spec = {
                    "engine": name,
                    "workers": n_workers,
                    "workload": workload,
                    "rows": args.rows,
                    "seed": args.seed,
                    "idle_fits": args.idle_fits,
                }
                measured = in_fresh_process(spec)
                found.setdefault((name, n_workers), []).append(measured)
    return found


def middle(measured: list[dict[str, Any]], key: str) -> float:
    """Return the median of the rounds."""
    return median(one[key] for one in measured)


def middle_fits(measured: list[dict[str, Any]], key: str) -> list[float]:
    """Return the median over the rounds of the seconds of each candidate's fits."""
    return [median(each) for each in zip(*(one[key] for one in measured), strict=True)]


def speed_frame(measured: Measured, n_fits: int) -> pd.DataFrame:
    """Return how fast each engine was."""
    return pd.DataFrame(
        [
            {
                "engine": name,
                "workers": n_workers,
                "start_seconds": middle(rounds, "start"),
                "first_search_seconds": middle(rounds, "first"),
                "second_search_seconds": middle(rounds, "second"),
                "first_fits_a_second": n_fits / middle(rounds, "first"),
                "second_fits_a_second": n_fits / middle(rounds, "second"),
                "dispatch_milliseconds": 1e3 * middle(rounds, "dispatch"),
            }
            for (name, n_workers), rounds in measured.items()
        ]
    )


def fits_of(workload: Workload, alone: list[dict[str, Any]]) -> list[Fit]:
    """Return the fits of a search with their seconds in one process."""
    return [
        Fit(seconds, str(architecture_of(candidate)))
        for candidate, seconds in zip(
            workload.candidates, middle_fits(alone, "second_fits"), strict=True
        )
        for _ in range(workload.n_folds)
    ]


def simulated_frames(
    args: argparse.Namespace, workload: Workload, measured: Measured, n_bytes: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate every engine; compare the simulation with what was measured."""
    alone = measured[args.engines[0], 1]
    fits = fits_of(workload, alone)
    firsts = middle_fits(alone, "first_fits")
    trace = trace_seconds(workload, firsts, middle_fits(alone, "second_fits"))
    frames, checks = [], []
    for name in args.engines:
        rounds = measured[name, args.n_jobs]
        costs = Costs(
            start=middle(rounds, "start"),
            dispatch=middle(rounds, "dispatch"),
            send=n_bytes / (1e6 * args.bandwidth),
            trace=trace,
        )
        frame = scaling_frame(fits, args.sizes, SIMULATED, costs)
        frame.insert(0, "engine", name)
        frames.append(frame)
        both = scaling_frame(fits, [1], [args.n_jobs], costs)
        checks.append(
            {
                "engine": name,
                "workers": args.n_jobs,
                "measured_seconds": middle(rounds, "all"),
                "simulated_seconds": both["seconds"].iloc[0],
            }
        )
    return pd.concat(frames, ignore_index=True), pd.DataFrame(checks)


def engine_versions(engines: list[str]) -> str:
    """Name the versions of the engines, of which joblib brings loky."""
    packages = ["joblib" if name == "loky" else name for name in engines]
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def protocol(args: argparse.Namespace, workload: Workload) -> str:
    """Say what is measured, on what and how."""
    grid = ", ".join(f"{key} {values}" for key, values in workload.grid.items())
    facts = {
        "search": f"GridSearchCV, CNNClassifier on make_sessions({args.rows}, 20, 8), "
        f"{workload.n_folds} folds, no refit; {workload.n_fits} fits of "
        f"{workload.epochs} epochs; {grid}",
        "one worker": "with loky and Ray the searching process itself; with Dask one "
        "worker process",
        "start": "from nothing until the engine runs and its workers have imported "
        "skrec. Ray starts new workers for each search, which is in its seconds",
        "first, second": "the same search twice; the second finds the architectures "
        "traced, except with Ray",
        "dispatch": f"one of {args.idle_fits} tasks that get the data and do nothing",
        "threads": "one a worker",
        "medians": f"of {args.repeats} rounds, in each of which every engine has its "
        "turn in a process of its own",
        "run": f"seed {args.seed}",
        "made with": f"{environment()}, {engine_versions(args.engines)}",
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser)
    parser.set_defaults(n_jobs=2)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[1, 10, 100],
        help="searches to simulate, in sizes of the one measured (default: 1 10 100)",
    )
    parser.add_argument(
        "--bandwidth",
        type=float,
        default=100.0,
        help="MB a second from one machine to another (default: 100)",
    )
    parser.add_argument(
        "--tiny", action="store_true", help="a minute or two; the numbers mean nothing"
    )
    args = parser.parse_args(argv)
    if args.n_jobs < 2 or args.repeats < 1 or min(args.sizes) < 1:
        parser.error(
            "--n-jobs must be at least 2, --repeats and --sizes at least 1. Received: "
            f"{args.n_jobs}, {args.repeats}, {args.sizes}."
        )
    args.rows, args.idle_fits = (120, 20) if args.tiny else (2_000, 200)
    args.repeats = 1 if args.tiny else args.repeats
    return args


def run(args: argparse.Namespace) -> None:
    """Measure, simulate and report."""
    workload = WORKLOADS["conv1d"]
    workload = shortened(workload) if args.tiny else workload
    report = Report(args.out, "Searches over several workers")
    report.write(protocol(args, workload))
    measured = measure_all(args, workload)
    n_bytes = sum(part.nbytes for part in make_data("conv1d", args.rows, args.seed))
    report.table("speed", "Measured", speed_frame(measured, workload.n_fits))
    simulated, checked = simulated_frames(args, workload, measured, n_bytes)
    report.write(
        "The simulation assumes that\n\n"
        + "\n".join(f"- {line};" for line in ASSUMPTIONS)
        + f"\n- the bandwidth is {args.bandwidth:g} MB a second; the data have "
        f"{n_bytes / 1e6:.3g} MB."
    )
    report.table("check", "The simulation beside what was measured", checked)
    report.table("simulated", "Simulated, from nothing to the last score", simulated)
    report.write(
        "`times_faster` compares with one process that trains alone. `last_that_helps` "
        "is the largest power of two, up to "
        f"{SIMULATED[-1]}, with which the search is at least 10 % faster than with any "
        "smaller one."
    )


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    args = parse(argv)
    _, seconds = timed(run, args)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


if __name__ == "__main__":
    main()
