"""The candidates of a search: their fits, and the rows of ``cv_results_``.

Scikit-learn's ``BaseSearchCV.fit`` fits every row of ``cv_results_`` itself, and ends
where all fits of a round fail. The searches here have rows that need no fit, since they
are repeated or stored, and go on after such a round.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.parallel import Parallel, delayed

from skrec._sklearn import (
    fit_and_score,
    insert_error_scores,
    warn_or_raise_about_fit_failures,
)

Params = dict[str, Any]
# What scikit-learn's `_fit_and_score` returns for one fold.
FoldResult = dict[str, Any]
Split = tuple[np.ndarray, np.ndarray]


class CandidateFits:
    """Fits of candidates on each fold, as scikit-learn's searches make them.

    Parameters
    ----------
    search : BaseSearchCV
        The search.
    data : tuple
        X and y.
    splits : list of (ndarray, ndarray)
        Positions of the training rows and of the test rows of each fold.
    scorers : callable
        What ``BaseSearchCV._get_scorers`` returns.
    routed_params : Bunch
        Metadata for the estimator's ``fit`` and for the scorers.
    parallel : Parallel
        What runs the fits.

    Attributes
    ----------
    estimator : estimator
        A clone of the search's estimator from which each fit starts.
    """

    def __init__(
        self,
        search: Any,
        data: tuple[Any, Any],
        splits: list[Split],
        scorers: Any,
        routed_params: Any,
        parallel: Parallel,
    ) -> None:
        self.search = search
        self.estimator = clone(search.estimator)
        self._data = data
        self._splits = splits
        self._parallel = parallel
        self._settings = {
            "scorer": scorers,
            "fit_params": routed_params.estimator.fit,
            "score_params": routed_params.scorer.score,
            "return_train_score": search.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "error_score": search.error_score,
            "verbose": search.verbose,
            "caller": search,
        }

    def run(self, candidates: list[Params], task: Any) -> list[list[FoldResult]]:
        """Fit and score candidates, and warn of fits that failed.

        Parameters
        ----------
        candidates : list of dict
            Their parameters.
        task : CallbackContext
            The task that the search is at.

        Returns
        -------
        list of list of dict
            For each candidate, what came of each fold.
        """
        n_candidates, n_splits = len(candidates), len(self._splits)
        n_fits = n_candidates * n_splits
        if self.search.verbose > 0:
            print(
                f"Fitting {n_splits} folds for each of {n_candidates} candidates, "
                f"totalling {n_fits} fits"
            )
        task = task.subcontext(
            task_name="round", max_subtasks=n_fits, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self.search)
        results = self._parallel(self._calls(candidates, task))
        self._warn_of_failures(results)
        task.call_on_fit_task_end(estimator=self.search)
        return [results[i : i + n_splits] for i in range(0, n_fits, n_splits)]

    def _calls(self, candidates: list[Params], task: Any) -> Iterator[Any]:
        """Yield the calls that make the fits, those of one candidate after another."""
        n_candidates, n_splits = len(candidates), len(self._splits)
        X, y = self._data
        # Before the first call: a task may be on its way to a worker when the next one
        # is made, which changes its parent.
        tasks = [
            task.subcontext(task_name="candidate-split-evaluation", task_id=number)
            for number in range(n_candidates * n_splits)
        ]
        pairs = product(enumerate(candidates), enumerate(self._splits))
        for fold_task, pair in zip(tasks, pairs, strict=True):
            (number, params), (split, (train, test)) = pair
            yield delayed(fit_and_score)(
                clone(self.estimator),
                X,
                y,
                train=train,
                test=test,
                parameters=params,
                split_progress=(split, n_splits),
                candidate_progress=(number, n_candidates),
                callback_ctx=fold_task,
                **self._settings,
            )

    def _warn_of_failures(self, results: list[FoldResult]) -> None:
        """Warn of fits that failed, even where scikit-learn would end the search."""
        try:
            warn_or_raise_about_fit_failures(results, self.search.error_score)
        except ValueError as error:
            warnings.warn(str(error), FitFailedWarning, stacklevel=2)


class CandidateRows:
    """The rows of ``cv_results_`` while they are gathered.

    Parameters
    ----------
    fits : CandidateFits
        What fits the candidates that are new.

    Attributes
    ----------
    params : list of dict
        The candidate of each row.
    folds : list of list of dict
        What came of each of its folds.
    started : float
        When the search began, by ``time.monotonic``.
    rounds : list of list of tuple
        The keys of the candidates that each round has fitted.
    """

    def __init__(self, fits: CandidateFits) -> None:
        self.fits = fits
        self.search = fits.search
        self.started = time.monotonic()
        self.params: list[Params] = []
        self.folds: list[list[FoldResult]] = []
        self.rounds: list[list[tuple]] = []
        self._known: dict[tuple, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave all out: scikit-learn sends the search along with each fit."""
        return {}

    @property
    def trained(self) -> list[int]:
        """Positions of the rows that are not copies of earlier ones."""
        return list(self._known.values())

    @property
    def rows_of_rounds(self) -> list[list[int | None]]:
        """The row of each candidate that each round has fitted; None if it is gone."""
        return [[self._known.get(key) for key in keys] for keys in self.rounds]

    def add(self, params: Params, folds: list[FoldResult]) -> None:
        """Add a row that needs no fit, with the results of its folds."""
        self._known.setdefault(key_of_params(params), len(self.params))
        self.params.append(params)
        self.folds.append(folds)

    def replace(self, rows: Iterable[tuple[Params, list[FoldResult]]]) -> None:
        """Start again from rows that need no fit."""
        self._known.clear()
        self.params.clear()
        self.folds.clear()
        for params, folds in rows:
            self.add(params, folds)

    @property
    def n_since_best(self) -> int:
        """Number of rows after the best one; all of them where none has a score."""
        scores = self.scores() if self.params else np.array([])
        if np.isnan(scores).all():
            return len(scores)
        return len(scores) - 1 - int(np.nanargmax(scores))

    def evaluate(self, candidates: list[Params], task: Any) -> np.ndarray:
        """Add a row for each candidate, train those that are new, return the scores."""
        keys = [key_of_params(params) for params in candidates]
        new = {
            key: params
            for key, params in zip(keys, candidates, strict=True)
            if key not in self._known
        }
        trained = self.fits.run(list(new.values()), task) if new else []
        if new:
            self.rounds.append(list(new))
        folds_of = dict(zip(new, trained, strict=True))
        for key, params in zip(keys, candidates, strict=True):
            known = key in self._known
            self.add(params, self.folds[self._known[key]] if known else folds_of[key])
        return self.scores()[-len(candidates) :]

    def scores(self) -> np.ndarray:
        """Return the score of each row that guides the search, NaN where it failed."""
        with _quiet_about_scores():
            results = self._results(self._all_folds())
        return results[f"mean_test_{self.search._objective_name(results)}"]

    def finish(self) -> tuple[dict[str, Any], Any]:
        """Return ``cv_results_`` and the scores of its first fold, a number or a dict.

        Raises
        ------
        ValueError
            If there are no rows, or none with a fit that succeeded.
        """
        if not self.folds:
            raise ValueError(
                "No candidate was evaluated: the search space or the number of "
                "candidates is empty."
            )
        fits = [fold for row in self.trained for fold in self.folds[row]]
        if all(fold["fit_error"] is not None for fold in fits):
            warn_or_raise_about_fit_failures(fits, self.search.error_score)
        folds = self._all_folds()
        return self._results(folds), folds[0]["test_scores"]

    def _all_folds(self) -> list[FoldResult]:
        """Return the results of all folds, which scikit-learn may change."""
        folds = [dict(fold) for row in self.folds for fold in row]
        if callable(self.search.scoring):  # a failed fit does not tell the names
            insert_error_scores(folds, self.search.error_score)
        return folds

    def _results(self, folds: list[FoldResult]) -> dict[str, Any]:
        return self.search._format_results(
            list(self.params), self.search.n_splits_, folds
        )


def key_of(value: Any) -> tuple[type, Any]:
    """Return what values share that are of one type and equal, down to their parts.

    What cannot be pickled, a lambda for example, is equal to itself alone.
    """
    try:
        return type(value), joblib.hash(value)
    except Exception:  # pickling runs whatever code the object brings along
        return type(value), id(value)


def key_of_params(params: Params) -> tuple:
    """Return what equal parameters share."""
    return tuple((name, key_of(value)) for name, value in sorted(params.items()))


@contextmanager
def _quiet_about_scores() -> Iterator[None]:
    """Hold back the warning that scores are not finite until the search is over."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*scores are non-finite")
        yield
