"""Time predictions of one model in every form in which it can be served.

Keras's `predict`, skrec's, an ONNX file in onnxruntime, a SavedModel in TensorFlow, and
HTTP, for one row, 32 and 1,024, and for eight clients at once: the middle and the
slowest hundredth of answers, rows a second, and the seconds from the start of a process
to its first answer.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
from _common import Report, add_common_options, as_list, environment, timed
from _measure import MeasurementError, run_task
from _serving.ways import HTTP, WAYS

MODELS = ["MLP", "DeepFM", "CNN"]
BATCHES = [1, 32, 1024]


def protocol(args: argparse.Namespace) -> str:
    """Say what is measured, on what and how."""
    facts = {
        "models": "MLP and DeepFM on eight columns of strings, of 10 to 1,000 ids, and "
        "five of numbers; CNN on sequences of make_sessions; defaults, one epoch",
        "from": "the shop's rows in a frame (skrec), codes of ids that the encoder has "
        "made before (Keras), tensors of strings and numbers (ONNX, SavedModel), JSON "
        "(HTTP); to probabilities",
        "start": "seconds from the start of the work of a fresh process, in which "
        "nothing but NumPy is imported, to its first answer; of HTTP, from the start "
        "of a server",
        "times": f"{args.seconds} seconds of answers, one after the other, or by "
        f"{args.clients} clients at once, whose process shares the cores with the "
        "server; processes have one thread for each operation",
        "run": "tiny: the numbers mean nothing" if args.tiny else "full size",
        "made with": environment(),
    }
    return as_list(facts)


def measured(args: argparse.Namespace, folder: Path) -> pd.DataFrame:
    """Write each model, and time every way of asking it."""
    rows: list[dict] = []
    for name in args.models:
        run_task("_serving.models:write", name, folder, args.tiny, args.seed)
        run_task("_serving.ways:save_feeds", name, folder)
        for way in [*WAYS, HTTP]:
            job = name, folder, args.batches, args.seconds, args.clients
            try:
                rows += run_task("_serving.ways:measure", way, *job)
            except MeasurementError as error:
                rows.append({"model": name, "way": way, "note": str(error)})
    return pd.DataFrame(rows)


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Written to --out: report.md, and the table as serving.csv.",
    )
    add_common_options(parser)
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, default=MODELS, metavar="M")
    add("--batches", nargs="+", type=int, default=BATCHES, metavar="N")
    add("--clients", type=int, default=8, help="at once, over HTTP (default: 8)")
    add("--seconds", type=float, default=5.0, help="of answers (default: 5)")
    add("--tiny", "--quick", action="store_true", help="small; means nothing")
    args = parser.parse_args(argv)
    if args.tiny:
        args.seconds = min(args.seconds, 0.1)
    return args


def run(args: argparse.Namespace) -> None:
    """Time everything."""
    report = Report(args.out, "The speed of served models")
    report.write(protocol(args))
    with tempfile.TemporaryDirectory() as folder:
        report.table("serving", "Answers", measured(args, Path(folder)))


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
