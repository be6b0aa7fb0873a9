"""Trials of one Optuna study that several processes work on, and may die at."""

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from skrec.model_selection._optuna import import_optuna

Params = dict[str, Any]
FoldResult = dict[str, Any]

# Attributes of a trial: the process that runs it, and what came of it.
OWNER, OUTCOME = "skrec:owner", "skrec:outcome"

# Attributes of a trial that Optuna's GridSampler gives it.
_GRID = {"grid_id", "search_space"}

# Between asking for a trial and signing it lie two writes.
UNSIGNED = timedelta(seconds=10)
# A process on another host cannot be looked up: only time tells that it has died.
ELSEWHERE = timedelta(hours=1)
TIMES_LONGEST = 10

# Searches of this process that are under way: it may outlive those that were stopped.
UNDER_WAY: set[str] = set()


class Trials:
    """Trials of a study, each asked for by one of several processes.

    Parameters
    ----------
    study : optuna.Study
        The study.
    suggest : callable
        Draws a candidate from a trial.
    n_trials : int
        How many trials the study is to have, those of all processes together.
    seed : int or None
        Seed of the suggestions; with None the study's own sampler makes them.
    """

    def __init__(
        self,
        study: Any,
        suggest: Callable[[Any], Params],
        n_trials: int,
        seed: int | None,
    ) -> None:
        optuna = import_optuna()
        self.study = study
        # Optuna lets a sampler end its own loop alone, whose place this class takes.
        study.stop = self._stop
        self.is_over = False
        self.suggest = suggest
        self.n_trials = n_trials
        self.seed = seed
        self._states = optuna.trial.TrialState
        self._sampler = optuna.samplers.TPESampler
        self._exhaustive = (
            optuna.samplers.GridSampler,
            optuna.samplers.BruteForceSampler,
        )
        self._gone = (optuna.exceptions.UpdateFinishedTrialError, ValueError)
        self._owner: dict[str, Any] = {
            "host": platform.node(),
            "pid": os.getpid(),
            "started": _start_of(os.getpid()),
            "search": uuid4().hex,
        }
        UNDER_WAY.add(self._owner["search"])
        self._open: list[Any] = []

    # ---- what there is -------------------------------------------------------------

    def rows(self) -> list[tuple[Params, list[FoldResult]]]:
        """Return candidates and results of the finished trials of all processes."""
        try:
            return [
                (self.suggest(deepcopy(trial)), trial.user_attrs[OUTCOME]["folds"])
                for trial in self._finished()
            ]
        except ValueError as error:
            raise ValueError(
                f"The study {self.study.study_name!r} holds trials of another search "
                f"space: pass another study_name. Received: {error}"
            ) from error

    @property
    def n_finished(self) -> int:
        """Number of finished trials."""
        return len(self._finished())

    def _finished(self) -> list[Any]:
        return [trial for trial in self._counted() if trial.state.is_finished()]

    def _running(self) -> list[Any]:
        return [trial for trial in self._counted() if not trial.state.is_finished()]

    def _counted(self) -> list[Any]:
        """Return the trials that run or have finished, as they are at one moment."""
        trials = self.study.get_trials(deepcopy=False)
        return [
            trial
            for trial in trials
            if trial.state == self._states.RUNNING
            # Those that were put back have no outcome.
            or (trial.state.is_finished() and OUTCOME in trial.user_attrs)
        ]

    @property
    def n_running(self) -> int:
        """Number of trials that are under way, in whichever process."""
        return len(self._running())

    # ---- asking and telling --------------------------------------------------------

    def _stop(self) -> None:
        """Ask for no more: what a sampler calls when all has been tried."""
        self.is_over = True

    def take(self, n_points: int) -> list[Params]:
        """Ask for the next round.

        Rounds begin at multiples of `n_points`, so that a search that was interrupted
        within a round comes back into step.

        Parameters
        ----------
        n_points : int
            Largest number of candidates.

        Returns
        -------
        list of dict
            The candidates; none where the study has all its trials.
        """
        if self.study.get_trials(deepcopy=False, states=(self._states.WAITING,)):
            self.is_over = False  # somebody has put back a trial, or wants another one
        n_known = len(self._counted())
        n_asked = min(n_points - n_known % n_points, self.n_trials - n_known)
        candidates = []
        for _ in range(n_asked):
            if not self.is_over and (params := self._ask()) is not None:
                candidates.append(params)
        return candidates

    def _ask(self) -> Params | None:
        """Ask for one candidate; None where there is none, or others were faster."""
        trial = self.study.ask()
        self._open.append(trial)
        trial.set_user_attr(OWNER, {**self._owner, "asked": time.time()})
        position = sum(other.number < trial.number for other in self._counted())
        if position >= self.n_trials:
            self._put_back(self._open.pop().number)
            return None
        if self.seed is not None:
            # Anew for each trial: what it suggests depends on the seed, the position
            # and the trials so far, but not on which process is asked, or how often.
            sequence = np.random.SeedSequence([self.seed, position])
            seed = int(sequence.generate_state(1)[0])
            self.study.sampler = self._sampler(seed=seed, constant_liar=True)
        params = self.suggest(trial)
        if isinstance(self.study.sampler, self._exhaustive) and self._has_come(trial):
            self.study.tell(self._open.pop().number, state=self._states.FAIL)
            self.is_over = True
            return None
        return params

    def _has_come(self, trial: Any) -> bool:
        """Tell whether an exhaustive sampler begins again, having nothing left."""
        drawn = {
            repr(sorted(other.params.items()))
            for other in self._counted()
            if other.number != trial.number
        }
        return repr(sorted(trial.params.items())) in drawn

    def record(self, folds: list[list[FoldResult]], scores: np.ndarray) -> None:
        """Store the results of the round.

        Parameters
        ----------
        folds : list of list of dict
            For each candidate of :meth:`take`, the results of its folds.
        scores : ndarray
            For each of them the score, NaN where it failed.
        """
        for results, score in zip(folds, scores, strict=True):
            trial = self._open[0]
            outcome = {
                "score": float(score),
                "folds": [_as_json(result) for result in results],
            }
            # Another host may have taken it for dead, and done it as well.
            with suppress(*self._gone):
                trial.set_user_attr(OUTCOME, outcome)
                self._tell(trial.number, outcome)
            self._open.pop(0)

    def _tell(self, number: int, outcome: dict[str, Any]) -> None:
        if np.isnan(outcome["score"]):
            self.study.tell(number, state=self._states.FAIL)
        else:
            self.study.tell(number, outcome["score"])

    # ---- putting back --------------------------------------------------------------

    def close(self) -> None:
        """Put back what was asked for and not evaluated."""
        UNDER_WAY.discard(self._owner["search"])
        vars(self.study).pop("stop", None)
        for trial in self._open:
            self._put_back(trial.number)
        self._open.clear()

    def put_back_stale(self) -> None:
        """Put back the trials of processes that have died."""
        for trial in self._running():
            if not self._is_alive(trial):
                self._put_back(trial.number)

    def _put_back(self, number: int) -> None:
        """Give up a running trial, to be done by whoever asks next."""
        trial = self.study.get_trials()[number]
        with suppress(*self._gone):
            if OUTCOME in trial.user_attrs:  # it only remained to be told
                self._tell(number, trial.user_attrs[OUTCOME])
                return
            self.study.tell(number, state=self._states.FAIL)
            kept = self._params_to_keep(trial)
            attributes = {"fixed_params": kept} if kept else {}
            # A grid knows its points by what it notes of them.
            for name in _GRID & trial.system_attrs.keys():
                attributes[name] = trial.system_attrs[name]
            if attributes:
                waiting = import_optuna().trial.create_trial(
                    state=self._states.WAITING, system_attrs=attributes
                )
                self.study.add_trial(waiting)

    def _params_to_keep(self, trial: Any) -> Params:
        """Return the trial's parameters if all were drawn, else those it was given.

        The rest must be drawn together: part of them would shift the random numbers.
        """
        try:
            self.suggest(deepcopy(trial))
        except ValueError:
            return trial.system_attrs.get("fixed_params", {})
        return trial.params

    def _is_alive(self, trial: Any) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is None:
            return datetime.now() - trial.datetime_start < UNSIGNED
        if owner["host"] == self._owner["host"] and os.name == "posix":
            if _start_of(owner["pid"]) != owner["started"]:
                return False
            return owner["pid"] != os.getpid() or owner["search"] in UNDER_WAY
        durations = [other.duration for other in self._finished()]
        longest = max(durations, default=timedelta(0))
        age = timedelta(seconds=time.time() - owner["asked"])
        return age < max(ELSEWHERE, TIMES_LONGEST * longest)


def _start_of(pid: int) -> int | None:
    """Return when a process started; 0 where that cannot be told, None if it is gone.

    Ids of processes are used again, and a killed child keeps its own until its parent
    has asked how it ended. See proc_pid_stat(5) of the Linux manual for the fields.
    """
    if Path("/proc/self/stat").exists():
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        state, *fields = status.rpartition(")")[2].split()
        return None if state == "Z" else int(fields[18])
    if os.name == "posix":  # elsewhere the call would end the process
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
    return 0


def _as_json(result: FoldResult) -> FoldResult:
    """Return a fold's results with plain numbers, which JSON keeps to the last bit."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: float(score) for name, score in value.items()}
        return float(value)

    scores = {
        key: plain(value) for key, value in result.items() if key.endswith("_scores")
    }
    return {**result, **scores, "n_test_samples": int(result["n_test_samples"])}
