"""Compare the speed of a search in skrec with that in other systems.

These are plain Keras in a loop, scikeras, skorch (PyTorch) and Keras Tuner. All search
the same grid on the same data and folds, with the same epochs, batch sizes, networks
and initialisation, and every measurement is a process of its own.
"""

import argparse
import sys
from collections.abc import Callable

from _common import Report, add_common_options, as_list, environment, timed
from _measure import MeasurementError, add_environment_options, run_task
from _speed import alone, tables
from _speed.bench import IN_PEERS, PEERS, Bench
from _speed.comparison import search_part
from _speed.workloads import WORKLOADS

SYSTEMS = ["keras", "scikeras", "skorch", "keras-tuner", "skrec", "skrec-generic"]
PARTS: dict[str, Callable[[Bench], None]] = {
    "search": search_part,
    "memory": alone.memory_part,
    "predict": alone.predict_part,
    "threads": alone.threads_part,
}


def protocol(bench: Bench, device: str) -> str:
    """Say what is measured, on what and how."""
    args, rows = bench.args, bench.sizes["search_rows"]
    facts = {
        "device": device,
        "conv1d, gru": f"make_sessions({rows}, 20, 8), three classes; Conv1D(filters, "
        "3)-MaxPooling(2)-Dense(units)-Dense, or GRU(units)-Dense",
        "mlp": f"load_digits, at most {rows} rows; Dense layers",
        "all": "float32, standardised beforehand; Glorot uniform kernels, zero biases, "
        "orthogonal recurrent kernels; Adam (epsilon 1e-7); numbers of weights are "
        "checked to be equal. skrec's named GRU masks padded steps besides",
        "folds": f"StratifiedKFold(3, shuffle=True, random_state={args.seed}), given "
        "to every system; accuracy; no refit",
        "processes": "each measurement is a new process; medians of "
        f"{args.repeats} rounds, in each of which every system has its turn; ratios "
        "are of the same round",
        "threads": "with one process 1 or all cores, whichever is faster on the first "
        "candidate; with several processes 1 each",
        tables.WARM: "the clock starts when the process, and its workers, have "
        "imported everything; no network has been built",
        tables.COLD: "the seconds in which workers start and import are added",
        tables.TRACED: "the same search a second time in the same processes",
        "memory": "resident, in MB, of the process and its workers together, before "
        "and after the first search",
        "made with": environment(),
    }
    if {*args.systems} & IN_PEERS and "search" in args.parts:
        facts["peers"] = peer_versions(bench)
    for name in args.workloads:
        workload = bench.workload(name)
        grid = ", ".join(f"{key} {values}" for key, values in workload.grid.items())
        facts[f"grid of {name}"] = f"{grid}; {workload.epochs} epochs"
    return as_list(facts)


def peer_versions(bench: Bench) -> str:
    """Name the versions of the peers, or say why there are none."""
    packages = [pin.partition("==")[0] for pin in PEERS]
    try:
        found = bench.run("_speed.tasks:versions", packages, system="skorch")
    except MeasurementError as error:
        return str(error)
    return ", ".join(f"{name} {version}" for name, version in found.items())


def device_name(device: str) -> str:
    """Name the device, and raise if there is no such one."""
    if device == "cpu":
        return "CPU"
    found = run_task("_speed.tasks:gpus", device=device)
    if not found:
        raise MeasurementError(
            "--device gpu needs a GPU that TensorFlow sees: install skrec-keras[gpu] "
            "and a driver, or use --device cpu. Received: no GPU."
        )
    return ", ".join(found)


def parse(argv: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="All of it takes about an hour on two cores, half of that in the "
        "workload conv1d. Written to --out: report.md (how and with what result) and "
        "each of its tables as a csv file; measurements.csv has the rounds one by one.",
    )
    add_common_options(parser)
    for name, choices, text in (
        ("parts", list(PARTS), "what to measure"),
        ("workloads", list(WORKLOADS), "searches to compare the systems on"),
        ("systems", SYSTEMS, "systems to compare"),
    ):
        parser.add_argument(
            f"--{name}",
            nargs="+",
            choices=choices,
            default=choices,
            metavar="NAME",
            help=f"{text}: {', '.join(choices)} (default: all)",
        )
    parser.add_argument(
        "--repeats", type=int, default=3, help="rounds of the searches (default: 3)"
    )
    parser.add_argument(
        "--tiny",
        "--quick",
        action="store_true",
        help="a minute or two; the numbers mean nothing",
    )
    parser.add_argument(
        "--device",
        choices=["cpu", "gpu"],
        default="cpu",
        help="what to train on (default: cpu)",
    )
    add_environment_options(parser, "search_speed")
    args = parser.parse_args(argv)
    if args.repeats < 1:
        parser.error(f"--repeats must be at least 1. Received: {args.repeats}.")
    return parser, args


def run(args: argparse.Namespace, device: str) -> list[str]:
    """Measure what was asked for, and return the parts that failed."""
    report, failed = Report(args.out, "The speed of a search"), []
    bench = Bench(args, report)
    report.write(protocol(bench, device))
    for name in args.parts:
        print(f"{name} ...", flush=True)
        try:
            _, seconds = timed(PARTS[name], bench)
        except MeasurementError as error:
            report.write(f"The part {name!r} failed: {error}")
            failed.append(name)
        else:
            print(f"{name}: {seconds:.0f} seconds", flush=True)
    return failed


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser, args = parse(argv)
    try:
        device = device_name(args.device)
    except MeasurementError as error:
        parser.error(str(error))
    failed, seconds = timed(run, args, device)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
