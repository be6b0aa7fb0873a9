"""One fit after the other, each a line of a file: what is there is not done again."""

import subprocess
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from _measure import MeasurementError, Records, run_task
from threadpoolctl import threadpool_limits

import skrec
from _defaults.systems import PEERS, SYSTEMS, peer_name, peer_rows
from _defaults.tables import TABLES, Split, Table, scores

COLUMNS = [
    "table",
    "system",
    "split",
    "version",
    "score",
    "loss",
    "seconds",
    "cpu_seconds",
    "is_first",  # of its system and table in a process: skrec's traces its network
]


class Results:
    """Lines of results in a folder, a file a system; tiny ones have their own."""

    def __init__(self, folder: Path, tiny: bool) -> None:
        self.tiny = tiny
        ending = "tiny.jsonl" if tiny else "jsonl"
        self.of_system = {
            system: Records(
                folder / f"{system.replace(' ', '_')}.{ending}", ["table", "split"]
            )
            for system in SYSTEMS
        }

    def forget(self, system: str) -> None:
        """Put a system's results aside, so that all of them are missing."""
        file = self.of_system[system].path
        if file.exists():
            file.replace(file.with_suffix(".old"))

    def frame(self) -> pd.DataFrame:
        """Return all results."""
        rows = [row for records in self.of_system.values() for row in records.rows]
        return pd.DataFrame(rows, columns=COLUMNS)

    def missing(
        self, table: str, systems: list[str], n_splits: int
    ) -> list[tuple[str, int]]:
        """Return the systems and splits of a table that have no result yet."""
        return [
            (system, k)
            for system in systems
            if SYSTEMS[system].fits(TABLES[table])
            for k in range(n_splits)
            if (table, k) not in self.of_system[system].done
        ]


@cache
def version_of(package: str) -> str:
    """Return the version of a package; of skrec also the commit, in a checkout."""
    if package == "pytabkit":
        return PEERS[0].partition("==")[2]
    if package == "scikit-learn":
        return sklearn.__version__
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    folder = Path(skrec.__file__).parent
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    commit = f" {said.stdout.strip()}" if said.returncode == 0 else ""
    return skrec.__version__ + commit


def run_table(
    name: str,
    systems: list[str],
    n_splits: int,
    results: Results,
    python: Path | None,
) -> None:
    """Fit the systems on the splits of a table for which there is no result."""
    table, seen = TABLES[name], set()
    for system, k in results.missing(name, systems, n_splits):
        try:
            found = measure(system, table, table.split(k, results.tiny), k, python)
        except (MeasurementError, ValueError, FloatingPointError) as error:
            print(f"  {system} failed on {name}, split {k}: {error}", flush=True)
            continue
        line = {"table": name, "system": system, "split": k, **found}
        line |= {
            "version": version_of(SYSTEMS[system].package),
            "is_first": system not in seen,
        }
        seen.add(system)
        results.of_system[system].add(line)
        shown = f"{line['score']:.4f}, {line['cpu_seconds']:.1f} CPU seconds"
        print(f"  {name}, {system}, split {k}: {shown}", flush=True)


def measure(
    system: str, table: Table, split: Split, seed: int, python: Path | None
) -> dict[str, float]:
    """Fit a system on a split and score it on the rows held out."""
    classes = None
    if not table.is_numbers:
        classes, codes = np.unique(split.train.y, return_inverse=True)
    if SYSTEMS[system].make is None:
        assert python is not None
        y = split.train.y if classes is None else codes
        train, test = peer_rows(split.train.X, split.test.X)
        task = "_defaults.tabkit:fit", peer_name(system, table), train, y, test, seed
        facts, predicted = run_task(*task, python=python)
    else:
        facts, predicted = _fit_here(system, table, split, seed)
    return {**scores(table, split.test.y, predicted, classes), **facts}


def _fit_here(
    system: str, table: Table, split: Split, seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """Fit an estimator in this process; what it does to the columns counts too."""
    how = SYSTEMS[system]
    assert how.make is not None
    X, X_test = how.rows(table, split.train), how.rows(table, split.test)
    model = how.make(table, X, seed)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged, ids unknown: as defaults are
        start, start_cpu = time.perf_counter(), time.process_time()
        model.fit(X, split.train.y)
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        predict = model.predict if table.is_numbers else model.predict_proba
        return {"seconds": seconds, "cpu_seconds": cpu}, predict(X_test)
