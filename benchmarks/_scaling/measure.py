"""Searches on joblib's backends, each measured in a process of its own."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from _common import timed
from _speed.bench import make_data
from _speed.processes import THREAD_VARIABLES
from _speed.systems import Job, named_estimator
from _speed.workloads import Workload, architecture_of
from joblib.externals.loky import get_reusable_executor
from sklearn.model_selection import GridSearchCV

ENGINES = ["loky", "dask", "ray"]


def in_fresh_process(spec: dict[str, Any]) -> dict[str, Any]:
    """Run `measure` in a new process, whose workers have one thread each."""
    context = multiprocessing.get_context("spawn")
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    # Where workers find this module, which Ray does not tell them.
    paths = [str(Path(__file__).parents[1]), before.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(measure, spec).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def engine(name: str, n_workers: int) -> Iterator[None]:
    """Start an engine, and have searches run on it."""
    with ExitStack() as stack:
        backend = {"backend": name, "n_jobs": n_workers}
        if name == "loky":  # whose workers outlive a process that is not the main one
            stack.callback(lambda: get_reusable_executor().shutdown())
        if name == "dask":
            from distributed import Client, LocalCluster

            cluster = LocalCluster(
                n_workers=n_workers, threads_per_worker=1, dashboard_address=None
            )
            stack.enter_context(cluster)
            stack.enter_context(Client(cluster))
        if name == "ray":
            import ray

            from skrec.model_selection import register_ray

            ray.init(
                "local",
                num_cpus=n_workers,
                include_dashboard=False,
                log_to_driver=False,
            )
            stack.callback(ray.shutdown)
            register_ray()
        stack.enter_context(joblib.parallel_config(**backend))
        yield


def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """Measure an engine: its start, a search twice, and fits that do nothing.

    Parameters
    ----------
    spec : dict
        ``engine``, ``workers``, ``workload`` (Workload), ``rows``, ``seed`` and
        ``idle_fits``, a number of fits.

    Returns
    -------
    dict
        Seconds: ``start`` until all workers have imported skrec, ``first`` of the first
        search, ``all`` from nothing to its end, ``second`` of the same search again,
        ``dispatch`` of a fit that does nothing; ``first_fits`` and ``second_fits``,
        those of each candidate's fits.
    """
    workload: Workload = spec["workload"]
    X, y = make_data(workload.family, spec["rows"], spec["seed"])
    folds = workload.folds(spec["seed"])
    job = Job(workload, X, y, folds, spec["workers"], spec["seed"], "cpu")
    with ExitStack() as stack:
        _, started = timed(stack.enter_context, engine(spec["engine"], spec["workers"]))
        _, imported = timed(import_everywhere, spec["workers"])
        found: dict[str, Any] = {"start": started + imported}
        for turn in ("first", "second"):
            search = GridSearchCV(
                named_estimator(job), workload.grid, cv=folds, refit=False
            )
            _, found[turn] = timed(search.fit, X, y)
            times = search.cv_results_
            each = times["mean_fit_time"] + times["mean_score_time"]
            found[f"{turn}_fits"] = each.tolist()
        # Ray's workers end with the search for which they were started.
        again = 0.0 if spec["engine"] == "ray" else imported
        found["all"] = started + again + found["first"]
        found["dispatch"] = dispatch_seconds(X, y, spec["idle_fits"])
        return found


def import_everywhere(n_workers: int) -> None:
    """Have every worker import skrec."""
    pids: set[int] = set()
    while len(pids) < n_workers:  # one of them may have taken two tasks
        tasks = (joblib.delayed(import_skrec)() for _ in range(n_workers))
        pids |= set(joblib.Parallel()(tasks))


def import_skrec() -> int:
    """Import skrec, and say in which process."""
    import skrec  # noqa: F401

    return os.getpid()


def dispatch_seconds(X: np.ndarray, y: np.ndarray, n_fits: int) -> float:
    """Return the seconds of a fit that does nothing, on data that are sent."""
    rows = np.arange(len(X))
    # Joblib makes batches of what takes less than 0.2 s, which most fits do not.
    with joblib.Parallel(batch_size=1) as parallel:
        for _ in range(2):  # the first time, workers may be starting
            tasks = (joblib.delayed(idle)(X, y, rows, rows) for _ in range(n_fits))
            _, seconds = timed(parallel, tasks)
    return seconds / n_fits


def idle(X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Stand for a fit."""
    return 0.0


def trace_seconds(
    workload: Workload, first_fits: list[float], second_fits: list[float]
) -> dict[str, float]:
    """Return what the first search took longer for each architecture."""
    found: dict[str, float] = {}
    more = workload.n_folds * (np.array(first_fits) - second_fits)
    for candidate, seconds in zip(workload.candidates, more, strict=True):
        name = str(architecture_of(candidate))
        found[name] = found.get(name, 0.0) + seconds
    return {name: max(0.0, seconds) for name, seconds in found.items()}
