"""The one writer of a search: what all processes tell becomes runs in a store."""

import threading
import time
from collections.abc import Callable
from typing import Any

from skrec.callback._runs import Path, Run, digest_of
from skrec.callback._searches import places
from skrec.callback._store import Attempt, Store

_WHOLE = ("ended", "finished")  # what becomes of a fit that is not broken off


class Recorder:
    """Runs of a search, or of one fit, while it lasts.

    What was kept before is not kept again: where the same search on the same data has
    come to its end before, nothing is written until it is known whether the result is
    another one.

    Parameters
    ----------
    store : Store
        Where runs are kept.

    Attributes
    ----------
    problems : list of str
        What went wrong, in words, for a warning at the end.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.problems: list[str] = []
        self._runs: dict[Path, Run] = {}
        self._n_splits: dict[Path, int] = {}
        self._identity = ""
        self._attempts: list[Attempt] = []
        self._is_live = True
        self._is_broken = self._is_over = False
        self._lock = threading.RLock()  # each worker's messages come in a thread

    def take(self, message: tuple[str, dict[str, Any]]) -> None:
        """Do what a message says, whichever process sent it.

        Parameters
        ----------
        message : tuple of str and dict
            The name of a method without the underscore, and its arguments.
        """
        kind, arguments = message
        with self._lock:
            if not self._is_over:  # a worker that was slow to end
                getattr(self, f"on_{kind}")(**arguments)

    # ---- messages ------------------------------------------------------------------

    def on_begin(self, path: Path, identity: str | None = None, **told: Any) -> None:
        """Start a run; the outermost one is told with the identity of all."""
        parent = self._parent_of(path)
        if identity is not None:
            self._identity = identity
            self._attempts = self._safely(self.store.attempts, identity) or []
            self._is_live = not any(a.is_finished for a in self._attempts)
        name = told.pop("name", None) or self._name(path, told["is_refit"])
        run = self._runs[path] = Run(path=path, name=name, parent=parent, **told)
        if self._is_live:
            self._safely(self.store.start, run, self._identity)

    def on_folds(self, path: Path, n_splits: int) -> None:
        """Take note of how many folds a search has."""
        self._n_splits[path] = n_splits

    def on_epoch(self, path: Path, number: int, values: dict[str, float]) -> None:
        """Add an epoch to a run."""
        run = self._runs[path]
        run.epochs.append((number, values))
        if self._is_live:
            self._safely(self.store.epoch, run, number, values)

    def on_end(self, path: Path) -> None:
        """Take note that a fit has ended."""
        run = self._runs[path]
        run.status, run.ended = "ended", time.time()
        if self._is_live:
            self._safely(self.store.end, run)

    def on_search(self, path: Path, search: Path, results: dict[str, Any]) -> None:
        """Take over candidates and scores; make runs of fits that told nothing.

        Parameters
        ----------
        path : tuple of int
            Of the run that the search is, or is a part of.
        search : tuple of int
            Task of the search itself.
        results : dict
            What it tells of its fits.
        """
        parent, n_missing = self._runs[path], 0
        is_told_of = search in self._n_splits
        self._n_splits[search] = results["n_splits"]
        fitted = set()
        for place, row, split in places(search, results):
            n_missing += place not in self._runs
            self._fill(place, row, split, results, parent)
            fitted.add(row)
        if n_missing and is_told_of:  # searches of others may know no callbacks
            self.problems.append(
                f"{n_missing} fits ran where it could not be reached, so that their "
                "runs have scores and no epochs"
            )
        best = results["best_row"]
        if best is not None:
            parent.scores.update(results["best_scores"], best_index=float(best))
            for run in self._runs.values():
                if run.is_refit and run.path[:-1] == search:
                    run.candidate = results["candidates"][best]
                    run.params = run.params or results["params"][best]
        if self._is_live:
            # The last ones first: earlier ones may be those of another search.
            for row in reversed(range(len(results["candidates"]))):
                for split in range(results["n_splits"] if row not in fitted else 0):
                    self._adopt(row, split, results, parent)

    def finish(self, status: str, model: Any = None) -> None:
        """Write what is left, if it was not kept before.

        Parameters
        ----------
        status : {"finished", "failed"}
            How it ended.
        model : estimator, default=None
            The fitted estimator that is to be kept.
        """
        with self._lock:
            if self._is_over or not self._runs:
                return
            self._is_over = True
            self._close_runs(status)
            if self._is_live or not self._is_known():
                self._write(model)
            self._safely(self.store.close)

    # ---- runs ----------------------------------------------------------------------

    def _parent_of(self, path: Path) -> Run | None:
        """Return the innermost run that a task is a part of."""
        above = (path[:n] for n in range(len(path) - 1, 0, -1))
        return next((self._runs[place] for place in above if place in self._runs), None)

    def _name(self, path: Path, is_refit: bool) -> str:
        """Return a name for a fit within a search, from its task."""
        if is_refit:
            return "refit"
        for depth in range(len(path) - 1, 0, -1):
            n_splits = self._n_splits.get(path[:depth])
            if n_splits:
                row, split = divmod(path[-1], n_splits)
                rounds = [f"round-{number}" for number in path[depth + 1 : -1]]
                return "-".join([*rounds, f"candidate-{row}-fold-{split}"])
        return "-".join(["fit", *map(str, path[1:])])

    def _fill(
        self, place: Path, row: int, split: int, results: dict, parent: Run
    ) -> None:
        run = self._runs.get(place)
        if run is None:
            name, params = self._name(place, False), results["params"][row]
            about = results["estimator"]
            run = Run(place, name, params, about, parent, status="ended")
            self._runs[place] = run
            if self._is_live:
                self._safely(self.store.start, run, self._identity)
        run.params = run.params or results["params"][row]
        run.candidate, run.row, run.split = results["candidates"][row], row, split
        run.scores.update(results["scores"][row][split])

    def _adopt(self, row: int, split: int, results: dict, parent: Run) -> None:
        """Take over the run of a fit that was stored, from an attempt broken off."""
        # A fit that told nothing of its parameters told nothing else, so that any one
        # stands for it.
        keys = {digest_of(results["params"][row]), digest_of({})}
        for attempt in self._broken_off():
            for kept in attempt.runs:
                fold = None if kept.fold is None else kept.fold % results["n_splits"]
                if kept.key in keys and fold == split and kept.status in _WHOLE:
                    path = (*parent.path, -1, row, split)  # no task of this search
                    name = f"stored-candidate-{row}-fold-{split}"
                    params, about = results["params"][row], results["estimator"]
                    run = Run(path, name, params, about, parent, status="ended")
                    self._runs[path] = run
                    self._safely(self.store.adopt, kept, run)
                    attempt.runs.remove(kept)
                    self._fill(path, row, split, results, parent)
                    return

    def _broken_off(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts if attempt.is_broken_off]

    # ---- the end -------------------------------------------------------------------

    def _close_runs(self, status: str) -> None:
        """Say of each run whether it came to an end; of a fit without scores, not."""
        root, *others = self._runs.values()
        for run in others:
            lost = bool(run.scores) and all(v != v for v in run.scores.values())
            run.status = "failed" if run.status == "running" or lost else "finished"
        root.status = status
        root.ended = time.time()

    def _is_known(self) -> bool:
        """Tell whether all of this was kept before."""
        digests = {run.digest for run in self._runs.values()}
        return any(a.is_finished and digests <= a.digests for a in self._attempts)

    def _write(self, model: Any) -> None:
        """Write all runs to their end, the outermost last: it says that all is done."""
        root, *others = self._runs.values()
        if not self._is_live:
            for run in [root, *others]:
                self._safely(self.store.start, run, self._identity)
                for number, values in run.epochs:
                    self._safely(self.store.epoch, run, number, values)
        if model is not None:
            fits = [run for run in others if run.is_refit and run.parent is root]
            self._keep_model((fits or [root])[0], model)
        for run in [*others, root]:
            self._safely(self.store.finish, run)
        if root.status == "finished" and not self._is_broken:
            for attempt in self._broken_off():
                self._safely(self.store.remove, attempt)

    def _keep_model(self, run: Run, model: Any) -> None:
        if self._is_broken:
            return
        try:
            self.store.keep_model(run, model)
        except Exception as error:  # the figures are worth having without it
            self.problems.append(
                f"the model was not kept: {type(error).__name__}: {error}"
            )

    def _safely(self, write: Callable[..., Any], *arguments: Any) -> Any:
        """Write to the store; one that fails ends the record, never the fits."""
        if self._is_broken:
            return None
        try:
            return write(*arguments)
        except Exception as error:
            self._is_broken = True
            self.problems.append(
                f"it ended its record, and the fits went on: {type(error).__name__}: "
                f"{error}"
            )
            return None
