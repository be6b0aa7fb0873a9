"""What training costs as the catalogue grows, by rule of updating the vectors of ids.

A DeepFM with the default network is trained on lists of five ids, each id as often as
any other. `dense` updates all vectors at each step, `lazy` those of the ids in the
batch; `auto` is lazy for large tables. Each figure comes from a process of its own.
A second part shows what the rule does to scores, on MovieLens. --full goes up to
10,000,000 ids and takes further optimizers.

Written to --out: report.md (how and with what result), cost.csv, scores.csv.
"""

import argparse
import gc
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import _common as bench
import numpy as np
import pandas as pd
from _quality import data

from skrec import DeepFMClassifier, NeuMFClassifier

AMOUNTS = {
    "rows": bench.Amount(200_000, 200_000, 400, "rows to train on, of one epoch"),
    "most_ids": bench.Amount(10_000_000, 1_000_000, 1_000, "ids of the largest table"),
    "splits": bench.Amount(10, 2, 1, "random splits of MovieLens"),
}
LIST_LENGTH, EMBEDDING_DIM, BATCH_SIZE = 5, 16, 1024
SIZES = (1_000, 100_000, 200_000, 1_000_000, 10_000_000)
MOST_DENSE = 1_000_000  # ids; a step on more takes the dense rule half a second
OPTIMIZERS = {"full": ("adam", "adagrad", "sgd"), "short": ("adam",), "tiny": ("adam",)}
N_PREDICTIONS = 200
MEGABYTE = 1e6


# ---- cost --------------------------------------------------------------------------


def make_rows(n_rows: int, n_ids: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw lists in which each id occurs, as often as any other, and random classes."""
    rng = np.random.default_rng(seed)
    ids = np.resize(np.arange(n_ids), (n_rows, LIST_LENGTH))
    rng.shuffle(ids.reshape(-1))
    table = pd.DataFrame({"items": pd.Series(list(ids))})
    return table, rng.integers(0, 2, n_rows)


def resident() -> float:
    """Return the bytes of memory that this process holds."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(n_ids: int, n_rows: int, rule: str, optimizer: str, seed: int) -> dict:
    """Train on a catalogue, in a process of its own; return what it takes."""
    n_rows = max(n_rows, -(-n_ids // LIST_LENGTH))
    X, y = make_rows(n_rows, n_ids, seed)

    def fitted(epochs: int, rows: slice = slice(None)) -> tuple[Any, float]:
        model = DeepFMClassifier(
            embedding_dim=EMBEDDING_DIM,
            embedding_update=rule,
            optimizer=optimizer,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            early_stopping=False,
            random_state=seed,
        )
        start = time.process_time()
        model.fit(X[rows], y[rows])
        return model, time.process_time() - start

    fitted(1, slice(2 * BATCH_SIZE))  # what comes with the first fit of a process
    before = resident()
    model, _ = fitted(1)
    after = resident()
    peak = max(after, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    tables = model.n_parameters_ * np.dtype("float32").itemsize
    seconds = predict_seconds(model, X[:1])
    del model
    (_, of_one), (_, of_three) = fitted(1), fitted(3)  # both find a program, or neither
    return {
        "ids": n_ids,
        "rows": n_rows,
        "optimizer": optimizer,
        "rule": rule,
        "cpu_seconds_an_epoch": (of_three - of_one) / 2,
        "megabytes_of_weights": tables / MEGABYTE,
        "megabytes_after_a_fit": (after - before) / MEGABYTE,
        "times_the_weights": (after - before) / tables,
        "peak_megabytes": (peak - before) / MEGABYTE,
        "milliseconds_to_predict_one_row": seconds * 1000,
    }


def predict_seconds(model: Any, row: pd.DataFrame) -> float:
    """Return the median time of predicting one row."""
    model.predict_proba(row)
    return float(
        np.median(
            [bench.timed(model.predict_proba, row)[1] for _ in range(N_PREDICTIONS)]
        )
    )


def cost(args: argparse.Namespace, report: bench.Report) -> None:
    """Measure each size of the catalogue with each rule."""
    rows = []
    for optimizer in OPTIMIZERS[args.mode]:
        for n_ids in (size for size in SIZES if size <= args.most_ids):
            for rule in ("dense", "lazy"):
                if rule == "dense" and n_ids > MOST_DENSE:
                    continue
                print(f"{optimizer}, {n_ids:,} ids, {rule} ...", flush=True)
                spec = (n_ids, args.rows, rule, optimizer, args.seed)
                context = multiprocessing.get_context("spawn")
                with ProcessPoolExecutor(1, mp_context=context) as process:
                    rows.append(process.submit(measure, *spec).result())
    title = "What an epoch, a fit and a prediction cost, by number of ids"
    report.table("cost", title, pd.DataFrame(rows))


# ---- scores ------------------------------------------------------------------------


def scores(args: argparse.Namespace, report: bench.Report) -> None:
    """Compare the rules on data whose tables are small enough for either."""
    task = data.movielens_clicks(args.splits, args.seed, args.mode == "tiny")
    rows = []
    for kind in (DeepFMClassifier, NeuMFClassifier):
        for rule in ("dense", "lazy"):
            print(f"{kind.__name__}, {rule} ...", flush=True)
            found = []
            for number, fold in enumerate(task.folds):
                seed = args.seed + number
                model = kind(embedding_update=rule, random_state=seed)
                train, test = fold.training_part, fold.test
                model.fit(task.X.iloc[train], task.y[train])
                predicted = model.predict_proba(task.X.iloc[test])
                found.append(task.scores(test, predicted))
            means = pd.DataFrame(found).mean()
            rows.append({"model": kind.__name__, "rule": rule, **means})
    title = f"Scores by rule: {task.name}, {len(task.folds)} splits"
    report.table("scores", title, pd.DataFrame(rows))


PARTS = {"cost": cost, "scores": scores}


def run(args: argparse.Namespace, parts: list[str]) -> None:
    """Run the parts and write what comes out."""
    report = bench.Report(args.out, "What training costs as the catalogue grows")
    protocol = {
        "network": f"DeepFM, defaults, embedding_dim={EMBEDDING_DIM}, batches of "
        f"{BATCH_SIZE:,}, one list of {LIST_LENGTH} ids a row, random classes",
        "an epoch": "half of the difference between fits of three epochs and of one; "
        "where there are more ids than the rows have places, there are more rows",
        "memory": "resident, of the process, less what it was before the fit; the "
        "peak includes the encoding of the table",
        "prediction": f"median of {N_PREDICTIONS} calls of predict_proba on a frame",
        "scores": "defaults, on the test part of each split",
        "made with": bench.environment(),
    }
    report.write("\n".join(f"- {name}: {fact}" for name, fact in protocol.items()))
    for name in parts:
        PARTS[name](args, report)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.make_parser(__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run"
    )
    args = bench.parse_options(parser, argv, AMOUNTS)
    bench.run_script(parser, args, lambda args: args.only, run)


if __name__ == "__main__":
    main()
