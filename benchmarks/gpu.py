"""What a GPU does for skrec: epochs, searches, and the same numbers as the CPU.

For an MLP, a CNN, a GRU and a DeepFM the time of a step and of an epoch, as skrec
trains on the GPU and on all cores of the CPU; from which batch size on the GPU wins; a
grid search with 1, 2 and 4 workers on one GPU, and on the CPU; how far predictions of a
fit are from the CPU's, TF32 off; and whether a second fit has the same bits. Each
figure comes from a process of its own. What --minutes leave no time for is listed.
Where there is no GPU, the CPU stands in for it, which is said in each row: such figures
show that the script runs, and nothing of a GPU.

With --wheels FOLDER it makes an environment from the wheels in a folder alone, without
network, and runs there.

Written to --out: gpu.json (everything), report.md, times.csv, wins.csv, searches.csv,
equality.csv.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _common import Amount, Report, make_parser, parse_options, timed
from _gpu.wheels import run_in_environment
from _measure import MeasurementError, run_task

AMOUNTS = {
    "rows": Amount(2**18, 2**16, 200, "rows of an epoch that is timed"),
    "fit_rows": Amount(8_000, 4_000, 200, "rows of the fits that are compared"),
    "search_rows": Amount(8_000, 4_000, 120, "rows of the grid search"),
}
NETWORKS = ["MLP", "CNN", "GRU", "DeepFM"]
COMPARED = [*NETWORKS, "DeepFM, lazy"]
BATCHES = {"full": [128, 1024, 8192], "short": [128, 1024, 8192], "tiny": [32, 64]}
ENOUGH = {"full": 5.0, "short": 2.0, "tiny": 0.0}  # seconds that are timed of each
EPOCHS = {"full": 5, "short": 3, "tiny": 1}
WORKERS = {"full": [1, 2, 4], "short": [1, 2, 4], "tiny": [1]}
LIMIT = 1e-3  # of the difference between predictions
LOOP, CORES = "loop", "all cores"
UNITS = {
    "microseconds_a_step": "microseconds a step",
    "seconds_an_epoch": "seconds an epoch",
}
NOT_RUN = "not run"  # the list at the end says why
RESERVE, LEAST = 10, 5  # seconds kept for the end, and that a process needs


class Measuring:
    """Processes that measure until the time is over, and what came of them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.end = time.monotonic() + 60 * args.minutes - RESERVE
        self.has_gpu = False
        self.not_run: list[dict[str, str]] = []

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    @property
    def device(self) -> str:
        """Device that stands for the GPU."""
        return "/GPU:0" if self.has_gpu else "/CPU:0"

    def device_in_words(self, on_gpu: bool) -> str:
        """Return the device as the rows name it."""
        if not on_gpu:
            return "/CPU:0"
        return self.device if self.has_gpu else "/CPU:0 for want of a GPU"

    def run(self, what: str, on_gpu: bool, task: str, **spec: Any) -> Any:
        """Run a task; None where it failed or where no time is left, which is noted."""
        if self.left < LEAST:
            self.note(what, "no time left")
            return None
        print(f"{what} ...", flush=True)
        device = self.device if on_gpu else "/CPU:0"
        # "all cores" alone sets threads: otherwise they are those of any skrec.
        threads = spec.pop("threads", None)
        spec = {"seed": self.args.seed, "device": device, **spec}
        try:
            return run_task(
                f"_gpu.tasks:{task}",
                spec,
                threads=threads,
                device="gpu" if on_gpu else "cpu",
                timeout=max(LEAST, self.left),
            )
        except MeasurementError as error:
            late = self.left <= 0
            self.note(what, "stopped: no time left" if late else f"failed: {error}")
            return None

    def note(self, what: str, why: str) -> None:
        """List what was not measured."""
        print(f"{what}: {why}", flush=True)
        self.not_run.append({"what": what, "why": why})


# ---- the parts ---------------------------------------------------------------------


def equality(m: Measuring) -> list[dict[str, Any]]:
    """Fit on the GPU twice and on the CPU once, and compare."""
    spec = {"rows": m.args.fit_rows, "epochs": EPOCHS[m.args.mode], "batch_size": 128}
    found, wrong = {}, {}
    for name, on_gpu in (("GPU", True), ("CPU", False), ("GPU again", True)):
        what = f"fits to compare, {name}"
        done = m.run(what, on_gpu, "fit_all", networks=COMPARED, **spec)
        if done is not None:
            found[name], failed = done
            wrong |= {n: f"{name}: {why}" for n, why in failed.items()}
    return [
        {
            "network": name,
            "device": m.device_in_words(True),
            **compared(found, name),
            "note": wrong.get(name, ""),
        }
        for name in COMPARED
    ]


def compared(found: dict[str, dict[str, np.ndarray]], name: str) -> dict[str, Any]:
    """Compare the fits of one network; None for what there is not."""
    runs = {
        run: {key: array for key, array in arrays.items() if key.split("/")[0] == name}
        for run, arrays in found.items()
    }
    row: dict[str, Any] = dict.fromkeys(("largest_difference", "is_equal", "repeats"))
    gpu, cpu, again = (runs.get(run) for run in ("GPU", "CPU", "GPU again"))
    if gpu and cpu:
        key = f"{name}/predictions"
        difference = float(np.abs(gpu[key] - cpu[key]).max())
        row |= {"largest_difference": difference, "is_equal": difference < LIMIT}
    if gpu and again:
        row["repeats"] = all(np.array_equal(gpu[key], again[key]) for key in gpu)
    return row


def times(m: Measuring) -> list[dict[str, Any]]:
    """Time epochs of all networks at all batch sizes."""
    rows = []
    for name in m.args.networks:
        for how in (LOOP, CORES):
            on_gpu = how != CORES
            what = f"epochs, {name}, {how}"
            spec = {
                "network": name,
                "how": how,
                "rows": m.args.rows,
                "batches": m.args.batches,
                "enough": ENOUGH[m.args.mode],
                "seconds": 0.8 * m.left,  # the last size may take longer
                "threads": m.cores if how == CORES else None,
            }
            found = m.run(what, on_gpu, "time_epochs", **spec) or [
                {"network": name, "batch": batch, "how": how, "note": NOT_RUN}
                for batch in m.args.batches
            ]
            device = m.device_in_words(on_gpu)
            rows += [{**row, "device": device} for row in found]
    return rows


def searches(m: Measuring) -> list[dict[str, Any]]:
    """Search with several workers on one GPU, and on the CPU."""
    plans = [(True, n_workers) for n_workers in m.args.workers]
    plans.insert(1, (False, m.args.n_jobs))
    rows = []
    for on_gpu, n_jobs in plans:
        device = m.device_in_words(on_gpu)
        spec = {
            "n_jobs": n_jobs,
            "rows": m.args.search_rows,
            "epochs": EPOCHS[m.args.mode],
            "again": m.args.mode != "tiny",
        }
        n_workers = m.cores if n_jobs == -1 else n_jobs
        what = f"grid search, {device}, {n_workers} workers"
        found = m.run(what, on_gpu, "search", **spec) or {"note": NOT_RUN}
        rows.append({"device": device, "workers": n_workers, **found})
    return rows


PARTS = {"equality": equality, "times": times, "searches": searches}


# ---- what comes out ----------------------------------------------------------------


def times_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row a network and batch size, with a pair of columns each way."""
    columns = ["network", "batch", "how", "device", *UNITS]
    table = pd.DataFrame(rows).reindex(columns=columns)
    on_gpu = table[table["how"] == LOOP].set_index(["network", "batch"])["device"]
    pairs = table.pivot_table(
        index=["network", "batch"],
        columns="how",
        values=list(UNITS),
        sort=False,
        dropna=False,
    ).reindex(on_gpu.index)
    frame = on_gpu.to_frame()
    for how in (LOOP, CORES):
        for column, unit in UNITS.items():
            frame[f"{how}, {unit}"] = pairs.get((column, how), np.nan)
    return frame.reset_index()


def in_digits(number: float | None) -> str:
    """Write a small number, which three decimals would make zero."""
    return "" if pd.isna(number) else f"{number:.1e}"


def wins(rows: list[dict[str, Any]], has_gpu: bool) -> list[dict[str, Any]]:
    """Return, by network, the batch size from which on the GPU takes less time.

    Where a size was not timed, there is no answer.
    """
    seconds = {
        (row["network"], row["how"], row["batch"]): row.get("seconds_an_epoch")
        for row in rows
    }
    sizes = sorted({row["batch"] for row in rows}, reverse=True)
    found = []
    for name in dict.fromkeys(row["network"] for row in rows):
        pairs = [
            (seconds.get((name, LOOP, b)), seconds.get((name, CORES, b)), b)
            for b in sizes
        ]
        batch = winning_batch(pairs, has_gpu)
        found.append({"network": name, "from batch": batch})
    return found


def winning_batch(pairs: list[tuple[Any, Any, int]], has_gpu: bool) -> str:
    """Return the smallest size down to which the GPU wins, from the largest on."""
    if not has_gpu:
        return "no GPU seen"
    if any(gpu is None or cpu is None for gpu, cpu, _ in pairs):
        return "not measured"
    smallest = "none"
    for gpu, cpu, batch in pairs:
        if gpu >= cpu:
            break
        smallest = str(batch)
    return smallest


def save(out: Path, results: dict[str, Any]) -> None:
    """Write all that is known, of which an interruption loses nothing."""
    text = json.dumps(results, indent=1, allow_nan=False)
    (out / "gpu.json").write_text(text + "\n", "utf-8")


def headline(m: Measuring, results: dict[str, Any]) -> str:
    """Say which card this is about, and how it was measured."""
    card = results["card"]
    if m.has_gpu:
        names = [gpu.get("device_name", "a GPU without a name") for gpu in card["gpus"]]
        first = f"GPU: {', '.join(names)}; the first of them is measured"
    else:
        first = (
            "**No GPU was seen.** The CPU stands in for it: the figures show that the "
            "script runs, and say nothing of a GPU"
        )
    build = card["tensorflow_build"]
    facts = [
        first,
        f"driver {card['driver']}; TensorFlow built with CUDA "
        f"{build.get('cuda_version', 'none')}, cuDNN "
        f"{build.get('cudnn_version', 'none')}; TF32 on, except for the comparison",
        f"an epoch: {m.args.rows:,} made-up rows that lie on the device, Adam, dense "
        f"updates, no dropout; the median of those in {ENOUGH[m.args.mode]:g} s after "
        "the first, or of one that takes longer",
        f"{LOOP}: as a fit trains; {CORES}: the same on the CPU with {m.cores} threads",
        f"searches: 8 candidates of a CNN, 3 folds, {m.args.search_rows:,} rows, and "
        "the fit of the best; one thread a worker; first: with all starts and traces",
        f"equality: largest difference between predicted probabilities, TF32 off; "
        f"equal: below {LIMIT:g}; repeats: the same bits in another process",
        f"{m.args.mode} size, seed {m.args.seed}, {card['environment']}",
    ]
    return "\n".join(f"- {fact}" for fact in facts)


def write_report(m: Measuring, results: dict[str, Any], report: Report) -> None:
    """Write the tables of all parts that ran."""
    report.write(headline(m, results))
    rows = results.get("times", [])
    if rows:
        report.table("times", "Steps and epochs", times_frame(rows))
        results["wins"] = wins(rows, m.has_gpu)
        title = "The batch size from which on the GPU beats all cores"
        report.table("wins", title, pd.DataFrame(results["wins"]))
        notes = [
            f"- {row['network']} at {row['batch']}, {row['how']}: {row['note']}"
            for row in rows
            if row.get("note", NOT_RUN) != NOT_RUN
        ]
        if notes:
            report.write("\n".join(notes))
    for name, title in (("searches", "A grid search"), ("equality", "Equality")):
        if name in results:
            frame = pd.DataFrame(results[name]).fillna(np.nan)  # None is no number
            frame = frame.drop(columns="best_parameters", errors="ignore")
            if "largest_difference" in frame:
                frame = frame.assign(
                    largest_difference=frame["largest_difference"].map(in_digits)
                )
            report.table(name, title, frame)
    missing = [f"- {one['what']}: {one['why']}" for one in m.not_run]
    report.write("Not measured:\n\n" + "\n".join(missing or ["- nothing"]))


def run(args: argparse.Namespace) -> None:
    """Run the parts in the order of their importance, and write what comes out."""
    m = Measuring(args)
    report = Report(args.out, "skrec on a GPU")
    card = m.run("the card", True, "card")
    if card is None:
        raise SystemExit(f"TensorFlow does not start: {m.not_run[0]['why']}")
    m.has_gpu, m.cores = bool(card["gpus"]), card["cores"]
    options = {key: value for key, value in vars(args).items() if key != "out"}
    results = {"gpu_seen": m.has_gpu, "card": card, "options": options}
    for name, part in PARTS.items():
        if name in args.only:
            results[name] = part(m)
            save(report.out, results | {"not_run": m.not_run})
    write_report(m, results, report)
    save(report.out, results | {"not_run": m.not_run})


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = make_parser(__doc__)
    parser.allow_abbrev = False  # --wheels is taken out of what is handed on
    parser.add_argument(
        "--minutes", type=float, default=8.5, help="time for all (default: 8.5)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run"
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument(
        "--batches", type=int, nargs="+", help="default: 128 1024 8192; --tiny: 32 64"
    )
    parser.add_argument(
        "--workers", type=int, nargs="+", help="on one GPU (default: 1 2 4; --tiny: 1)"
    )
    parser.add_argument("--wheels", help="folder of wheels to install and run from")
    parser.add_argument(
        "--extra",
        default="gpu",
        help="extra to install with --wheels; '' for the CPU alone (default: gpu)",
    )
    args = parse_options(parser, argv, AMOUNTS)
    args.batches = args.batches or BATCHES[args.mode]
    args.workers = args.workers or WORKERS[args.mode]
    if args.minutes <= 0 or min(*args.batches, *args.workers) < 1:
        parser.error(
            "--minutes must be positive, --batches and --workers at least 1. Received: "
            f"{args.minutes}, {args.batches}, {args.workers}."
        )
    if args.wheels is not None and not Path(args.wheels).is_dir():
        parser.error(f"--wheels must be a folder. Received: {args.wheels!r}.")
    return args


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    args = parse(argv)
    if args.wheels is not None:
        given = sys.argv[1:] if argv is None else argv
        raise SystemExit(run_in_environment(args, given))
    _, seconds = timed(run, args)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


if __name__ == "__main__":
    main()
