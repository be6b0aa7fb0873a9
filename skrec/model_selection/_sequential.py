"""The loop that searches share which choose candidates from the scores so far.

A search has all of scikit-learn's ``BaseSearchCV`` but its ``fit``, to which this adds
rows that need no fit, rounds in which all fits fail, the same folds in each round, and
budgets. The steps are scikit-learn's: ``tests/test_private_names.py`` tells if those of
a new release are others.
"""

import time
from abc import abstractmethod
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel

from skrec._docs_address import DocumentedHere
from skrec._sklearn import (
    BaseSearchCV,
    Interval,
    check_method_params,
    fit_context,
    named_scorers,
)
from skrec.model_selection._candidates import (
    CandidateFits,
    CandidateRows,
    Params,
    Split,
)

# Yields lists of candidates and is sent the score of each, higher is better or NaN.
Proposals = Generator[list[Params], np.ndarray, None]


class SequentialSearchMixin(DocumentedHere, BaseSearchCV):
    """Search in rounds; a subclass adds ``__init__`` and :meth:`_propose`.

    The parameters `max_seconds` and `patience` are set by the subclass's ``__init__``.
    """

    _parameter_constraints: dict = {
        **BaseSearchCV._parameter_constraints,
        "max_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
    }

    _rows: CandidateRows  # while the search runs
    _rows_of_rounds: list[list[int | None]]  # when it ends

    @fit_context(prefer_skip_nested_validation=False)  # estimators check their own
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and fit the best candidate on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets.
        **params : dict of str to object
            Parameters for the estimator's ``fit``, the scorer and the splitter, such as
            ``sample_weight`` and ``groups``.

        Returns
        -------
        self : object
            The fitted search.
        """
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = check_method_params(X, params=params)
        routed_params = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        metadata = None if weight is None else {"sample_weight": weight}
        data = {"X": X, "y": y, "metadata": metadata}
        task = self._init_callback_context(
            max_subtasks=1 + (self.refit is not False)
        ).call_on_fit_task_begin(estimator=self, **data)

        splits = self._split(X, y, routed_params.splitter.split)
        self._begin(X, y, splits, routed_params)
        with Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch) as parallel:
            fits = CandidateFits(self, (X, y), splits, scorers, routed_params, parallel)
            self._rows = CandidateRows(fits)
            try:
                results, first_scores = self._run_rounds(task)
                rounds = self._rows.rows_of_rounds
            finally:
                del self._rows

        self.multimetric_ = isinstance(first_scores, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(first_scores)
            refit_metric = self.refit
        self._choose_best(results, refit_metric)
        if self.refit:
            self._fit_best(data, routed_params.estimator.fit, task)
        self.scorer_ = named_scorers(scorers)
        self.cv_results_ = results
        self._rows_of_rounds = rounds  # for callbacks, which know fits by their round
        try:
            task.call_on_fit_task_end(estimator=self, **data)
        finally:
            del self._rows_of_rounds
        return self

    def _split(self, X: Any, y: Any, split_params: dict) -> list[Split]:
        """Draw the folds once: an unseeded splitter would draw new ones each round."""
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **split_params))
        if not splits:
            raise ValueError(f"cv must give at least one fold. Received: {self.cv!r}.")
        self._checked_cv_orig = cv  # as in scikit-learn
        self.n_splits_ = len(splits)
        return splits

    def _begin(self, X: Any, y: Any, splits: list[Split], routed_params: Any) -> None:
        """Check parameters and take note of the data, before the first round."""

    def _choose_best(self, results: dict[str, Any], refit_metric: str) -> None:
        """Set what is known of the best candidate."""
        if not self.refit and self.multimetric_:
            return
        best = self._select_best_index(self.refit, refit_metric, results)
        self.best_index_ = best
        if not callable(self.refit):  # which says nothing of a score
            self.best_score_ = results[f"mean_test_{refit_metric}"][best]
        self.best_params_ = results["params"][best]

    def _fit_best(self, data: dict[str, Any], fit_params: dict, task: Any) -> None:
        """Fit the best candidate on all rows."""
        # A parameter may itself be an estimator, which the results must keep unfitted.
        params = clone(self.best_params_, safe=False)
        best = self.best_estimator_ = clone(self.estimator).set_params(**params)
        task = task.subcontext(task_name="refit-with-best-params")
        with task.propagate_callback_context(best):
            task.call_on_fit_task_begin(estimator=self, **data)
            rows = [data["X"]] if data["y"] is None else [data["X"], data["y"]]
            started = time.time()
            best.fit(*rows, **fit_params)
            self.refit_time_ = time.time() - started
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        task.call_on_fit_task_end(estimator=self, **data)

    # ---- rounds --------------------------------------------------------------------

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

    def _run_rounds(self, task: Any) -> tuple[dict[str, Any], Any]:
        """Return ``cv_results_``, and the scores of its first fold."""
        task = task.subcontext(
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
        found = self._rows.finish()
        task.call_on_fit_task_end(estimator=self)
        return found

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
