"""The loop that searches share which choose candidates from the scores so far.

Scikit-learn fits and scores, in its own ``BaseSearchCV.fit``; this adds what it leaves
out: the same folds in each round, rows that need no training, and budgets.
"""

import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import _insert_error_scores
from sklearn.utils._param_validation import Interval

Params = dict[str, Any]
# What scikit-learn's `_fit_and_score` returns for one fold.
FoldResult = dict[str, Any]
# Yields lists of candidates and is sent the score of each, higher is better or NaN.
Proposals = Generator[list[Params], np.ndarray, None]


class SequentialSearchMixin(BaseSearchCV):
    """Search in rounds; a subclass adds ``__init__`` and :meth:`_propose`.

    The parameters `max_seconds` and `patience` are set by the subclass's ``__init__``.
    """

    _parameter_constraints: dict = {
        **BaseSearchCV._parameter_constraints,
        "max_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
    }

    _checked_cv_orig: Any  # set by scikit-learn's fit

    @abstractmethod
    def _propose(self) -> Proposals:
        """Yield the candidates of each round and take their scores.

        Yields
        ------
        list of dict
            Parameters to evaluate. Those that were evaluated before are not trained
            again. The answer to the ``yield`` is an ndarray with the score of each, in
            their order: higher is better, NaN where fitting or scoring failed.
        """

    @property
    def _max_rounds(self) -> int | None:
        """Largest number of rounds, for a progress bar; None if it is not known."""
        return None

    def _check_input_parameters(self, X: Any, y: Any, split_params: dict) -> None:
        """Draw the folds once: an unseeded splitter would draw new ones each round."""
        super()._check_input_parameters(X, y, split_params)
        self._checked_cv_orig = _FixedSplits(self._checked_cv_orig, X, y, split_params)

    def _run_search(
        self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any
    ) -> None:
        self._rows = _Rows(self, evaluate_candidates)
        task = callback_ctx.subcontext(
            task_name="search", max_subtasks=self._max_rounds
        ).call_on_fit_task_begin(estimator=self)
        scores: np.ndarray | None = None
        with closing(self._propose()) as proposals:
            while True:
                try:
                    params = proposals.send(scores)  # type: ignore[arg-type]
                except StopIteration:
                    break
                scores = self._rows.evaluate(params, task)
                if self._budget_is_spent():
                    self._take_last(proposals, scores)
                    break
        self._rows.finish()
        del self._rows
        self._checked_cv_orig = self._checked_cv_orig.splitter
        task.call_on_fit_task_end(estimator=self)

    def _budget_is_spent(self) -> bool:
        """Tell whether `max_seconds` or `patience` has run out."""
        seconds = time.monotonic() - self._rows.started
        if self.max_seconds is not None and seconds > self.max_seconds:
            return True
        return self.patience is not None and self._rows.n_since_best >= self.patience

    @staticmethod
    def _take_last(proposals: Proposals, scores: np.ndarray) -> None:
        """Hand over the scores of the last round, whatever is proposed next."""
        with suppress(StopIteration):
            proposals.send(scores)

    def _objective_name(self, results: dict[str, Any]) -> str:
        """Return the metric that guides the search."""
        prefix = "mean_test_"
        names = [key[len(prefix) :] for key in results if key.startswith(prefix)]
        return guiding_metric(self.refit, names)


def guiding_metric(refit: Any, names: Sequence[str]) -> str:
    """Return the metric that `refit` names or is about, otherwise the first one."""
    if refit in names:
        return names[names.index(refit)]
    wanted = getattr(refit, "score", None)
    # Of a single metric the name is "score"; a whole column may be named too.
    if isinstance(wanted, str) and "_test_" not in wanted and len(names) > 1:
        raise ValueError(
            f"refit is about the score {wanted!r}, which `scoring` does not have: it "
            f"must be one of {names}."
        )
    return names[0]


class _FixedSplits:
    """The folds that a splitter drew once.

    Parameters
    ----------
    splitter : cross-validation generator
        The splitter.
    X, y : array-like
        What is split.
    split_params : dict
        Metadata for the splitter, such as the groups.
    """

    def __init__(self, splitter: Any, X: Any, y: Any, split_params: dict) -> None:
        self.splitter = splitter
        self.splits = list(splitter.split(X, y, **split_params))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the rows out: scikit-learn sends the search along with each fit."""
        return {"splitter": self.splitter}

    def split(self, *args: Any, **kwargs: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the folds, whatever is passed."""
        return self.splits

    def get_n_splits(self, *args: Any, **kwargs: Any) -> int:
        """Return the number of folds, whatever is passed."""
        return len(self.splits)


class _Rows:
    """The rows of ``cv_results_`` while they are gathered.

    Scikit-learn has no way to add a row that needs no fit, and it stops where every fit
    of a round fails. So its ``evaluate_candidates`` is given each round as if it were
    the first, and the lists in which it gathers are filled with all rows at the end.

    Parameters
    ----------
    search : SequentialSearchMixin
        The search.
    evaluate_candidates : callable
        What scikit-learn passes to ``_run_search``.
    """

    def __init__(
        self, search: SequentialSearchMixin, evaluate_candidates: Callable[..., Any]
    ) -> None:
        self.search = search
        self.started = time.monotonic()
        self.params: list[Params] = []
        self.folds: list[list[FoldResult]] = []
        self._evaluate_candidates = evaluate_candidates
        self._theirs = dict(
            zip(
                evaluate_candidates.__code__.co_freevars,
                evaluate_candidates.__closure__ or (),
                strict=True,
            )
        )
        self._known: dict[tuple, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave all out: scikit-learn sends the search along with each fit."""
        return {}

    @property
    def base_estimator(self) -> Any:
        """The clone of the search's estimator that each fit starts from."""
        return self._theirs["base_estimator"].cell_contents

    @property
    def trained(self) -> list[int]:
        """Positions of the rows that are not copies of earlier ones."""
        return list(self._known.values())

    def add(self, params: Params, folds: list[FoldResult]) -> None:
        """Add a row that needs no fit, with the results of its folds."""
        self._known.setdefault(_key(params), len(self.params))
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
        keys = [_key(params) for params in candidates]
        new = {
            key: params
            for key, params in zip(keys, candidates, strict=True)
            if key not in self._known
        }
        trained = self._train(list(new.values()), task) if new else []
        folds_of = dict(zip(new, trained, strict=True))
        for key, params in zip(keys, candidates, strict=True):
            known = key in self._known
            self.add(params, self.folds[self._known[key]] if known else folds_of[key])
        return self.scores()[-len(candidates) :]

    def _train(self, candidates: list[Params], task: Any) -> list[list[FoldResult]]:
        n_splits = self.search.n_splits_
        n_fits = len(candidates) * n_splits
        context = task.subcontext(
            task_name="round", max_subtasks=n_fits, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self.search)
        params = self._theirs["all_candidate_params"].cell_contents
        folds = self._theirs["all_out"].cell_contents
        params.clear()
        folds.clear()
        started = time.time()
        try:
            with _quiet_about_scores():
                self._evaluate_candidates(candidates, callback_ctx=context)
            results = list(folds)
        except ValueError as error:
            every_fit_failed = f"All the {n_fits} fits failed" in str(error)
            if self.search.error_score == "raise" or not every_fit_failed:
                raise
            warnings.warn(str(error), FitFailedWarning, stacklevel=2)
            seconds = (time.time() - started) / n_fits
            results = self._failed_folds(str(error), seconds) * len(candidates)
        context.call_on_fit_task_end(estimator=self.search)
        return [results[i : i + n_splits] for i in range(0, n_fits, n_splits)]

    def _failed_folds(self, message: str, seconds: float) -> list[FoldResult]:
        """Return what scikit-learn records for the folds of a candidate that fails."""
        score: Any = self.search.error_score
        scorers, _ = self.search._get_scorers()
        names = getattr(scorers, "_scorers", None)
        if names is not None:
            score = dict.fromkeys(names, score)
        folds = [
            {
                "fit_error": message,
                "test_scores": score,
                "n_test_samples": len(test),
                "fit_time": seconds,
                "score_time": 0.0,
            }
            for _, test in self.search._checked_cv_orig.splits
        ]
        if self.search.return_train_score:
            folds = [{**fold, "train_scores": score} for fold in folds]
        return folds

    def scores(self) -> np.ndarray:
        """Return the score of each row that guides the search, NaN where it failed."""
        with _quiet_about_scores():
            results = self._format()
        return results[f"mean_test_{self.search._objective_name(results)}"]

    def _format(self) -> dict[str, Any]:
        folds = [dict(fold) for row in self.folds for fold in row]
        if callable(self.search.scoring):  # a failed fit does not tell the names
            _insert_error_scores(folds, self.search.error_score)
        self._theirs["all_candidate_params"].cell_contents[:] = self.params
        self._theirs["all_out"].cell_contents[:] = folds
        return self.search._format_results(
            list(self.params), self.search.n_splits_, folds
        )

    def finish(self) -> None:
        """Give scikit-learn the rows, if a fit of one of them succeeded."""
        if not self.folds:
            raise ValueError(
                "No candidate was evaluated: the search space or the number of "
                "candidates is empty."
            )
        errors = [fold["fit_error"] for row in self.folds for fold in row]
        if all(error is not None for error in errors):
            raise ValueError(errors[-1])
        self._theirs["results"].cell_contents = self._format()


def key_of(value: Any) -> tuple[type, Any]:
    """Return what values share that are of one type and equal, down to their parts.

    What cannot be pickled, a lambda for example, is equal to itself alone.
    """
    try:
        return type(value), joblib.hash(value)
    except Exception:  # pickling runs whatever code the object brings along
        return type(value), id(value)


def _key(params: Params) -> tuple:
    """Return what equal parameters share."""
    return tuple((name, key_of(value)) for name, value in sorted(params.items()))


@contextmanager
def _quiet_about_scores() -> Iterator[None]:
    """Hold back the warning that scores are not finite until the search is over."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*scores are non-finite")
        yield
