"""Hyperband: many candidates get a few epochs, the best of them more and more."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import groupby
from numbers import Integral
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from joblib.externals.loky.backend import resource_tracker
from sklearn.model_selection import ParameterSampler
from sklearn.utils import check_random_state

from skrec._sklearn import BaseSearchCV, Interval
from skrec.estimators.base import BaseNetwork
from skrec.estimators.wrappers import KerasEstimator
from skrec.model_selection._candidates import Params, Split, key_of_params
from skrec.model_selection._sequential import Proposals, SequentialSearchMixin
from skrec.training.memory import is_memory, memory_info


class Rung(NamedTuple):
    """One round of a bracket.

    Parameters
    ----------
    n_candidates : int
        Number of candidates.
    n_resources : int
        What each of them gets in all, for example epochs.
    """

    n_candidates: int
    n_resources: int


class _Place(NamedTuple):
    """Where in the search a row of ``cv_results_`` was trained."""

    bracket: int
    iter: int
    n_resources: int


def make_brackets(max_resources: int, factor: int) -> list[list[Rung]]:
    """Return the rungs of each bracket, the bracket with most candidates first.

    Parameters
    ----------
    max_resources : int
        What a candidate gets at most.
    factor : int
        One of so many candidates goes on, with so many times the resources.

    Returns
    -------
    list of list of Rung
        The rungs of each bracket.

    Examples
    --------
    >>> from skrec.model_selection.hyperband import make_brackets
    >>> [[tuple(rung) for rung in bracket] for bracket in make_brackets(9, 3)]
    [[(9, 1), (3, 3), (1, 9)], [(5, 3), (1, 9)], [(3, 9)]]
    """
    most = 0  # halvings of the first bracket
    while factor ** (most + 1) <= max_resources:
        most += 1
    return [
        [
            # Each bracket costs about as much; its first rung is rounded up.
            Rung(
                -(-(most + 1) * factor**n_halvings // (n_halvings + 1)) // factor**i,
                max_resources // factor ** (n_halvings - i),
            )
            for i in range(n_halvings + 1)
        ]
        for n_halvings in range(most, -1, -1)
    ]


@contextmanager
def _temporary_folder() -> Iterator[str]:
    """Return a folder that is removed at the end, even if this process is killed.

    joblib's resource tracker looks after it as after the folders in which joblib maps
    arrays: it outlives this process and its workers.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(
            TemporaryDirectory(prefix="skrec-", ignore_cleanup_errors=True)
        )
        with suppress(ValueError):  # it takes no name that is very long or not ASCII
            resource_tracker.register(folder, "folder")
            stack.callback(resource_tracker.unregister, folder, "folder")
        yield folder


class HyperbandSearchCV(SequentialSearchMixin):
    """Search by successive halving in several brackets, with cross-validation.

    A bracket draws candidates and trains each for a few epochs; the best ones, one of
    `factor`, go on to `factor` times the epochs, and so on up to `max_epochs`. The
    first bracket has most candidates and the fewest epochs to begin with, the last one
    trains a few candidates in full, so that candidates which learn slowly have a chance
    in some bracket.

    A candidate of a skrec estimator goes on from its shorter fit, bit for bit as if
    trained anew, by way of the estimator's `memory`. Where that is None, the search
    keeps its fits in a temporary folder until it ends. Where the estimator's
    `random_state` is None, all fits of the search get one seed, which is drawn from the
    search's `random_state`; without that a longer fit would be another one. Neither
    shows in ``best_estimator_`` or ``best_params_``. Candidates with
    ``lr_schedule="cosine"`` or with callbacks depend on the total number of epochs and
    are trained anew, as those of other estimators are.

    Parameters
    ----------
    estimator : estimator
        The estimator, which may be a pipeline.
    param_distributions : dict or list of dict
        Lists or SciPy distributions to draw each parameter from, as for
        :class:`~sklearn.model_selection.RandomizedSearchCV`.
    max_epochs : int, default=27
        Most epochs that a candidate gets, or most of another `resource`. There are
        ``1 + floor(log(max_epochs) / log(factor))`` brackets.
    factor : int, default=3
        One of so many candidates of a round goes on, with so many times the epochs.
    resource : str, default="epochs"
        The parameter of `estimator` that the rounds raise, an integer that is at least
        1: ``"clf__epochs"`` for the step ``clf`` of a pipeline, ``"n_estimators"`` for
        a forest.
    n_brackets : int, default=None
        Number of brackets, those with most candidates first; None for all.
    scoring : str, callable, list, tuple or dict, default=None
        Score of the test folds; None for the estimator's own.
    n_jobs : int, default=None
        Number of fits at a time.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all samples. With several scores, the name
        of the one that guides the search; a callable chooses ``best_index_`` from all
        rows of ``cv_results_``, while the first score guides the search, or that of
        :class:`CheapestWithin`.
    cv : int, cross-validation generator or iterable, default=None
        Folds, which are drawn once; None for 5.
    verbose : int, default=0
        How much to print of each round.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of fits handed out at a time.
    random_state : int, RandomState instance or None, default=None
        Seeds the candidates and, if it has no seed, the estimator.
    error_score : "raise" or float, default=np.nan
        Score of a fit that fails. A candidate whose score is NaN never goes on.
    return_train_score : bool, default=False
        Whether to score the training folds too.
    max_seconds : float, default=None
        Start no round after so many seconds.
    patience : int, default=None
        Start no round after so many rows of ``cv_results_`` without a better score. The
        first rounds of a bracket seldom beat the last one of another, so it should be
        larger than the number of rows of a bracket.

    Attributes
    ----------
    cv_results_ : dict of str to array
        As in :class:`~sklearn.model_selection.GridSearchCV`, a row for each candidate
        of each round, with the columns ``bracket``, ``iter`` and ``n_resources`` more.
    n_resources_ : list of list of int
        Epochs in each round of each bracket.
    n_candidates_ : list of list of int
        Candidates in each round of each bracket: fewer than planned where fits failed.
    trained_resources_ : float
        Epochs really trained a fold: where fits go on from shorter ones, as counted in
        `memory`, to which this process must have access.
    full_resources_ : int
        Epochs a fold if all candidates had been trained for `max_epochs`.
    best_index_ : int
        The best row, whatever its number of epochs: a network that over-fits is best
        before its last one. Of equals, that with the most epochs.
    best_params_ : dict
        Parameters of that row, with the number of epochs.
    best_score_ : float
        Mean score of that row; not there if `refit` is a callable.
    best_estimator_ : estimator
        The estimator with these parameters, fitted on all samples.
    scorer_ : callable or dict
        The scores.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds that the last fit took.
    multimetric_ : bool
        Whether there are several scores.

    See Also
    --------
    search_space : Ready distributions.
    sklearn.model_selection.HalvingRandomSearchCV : A single bracket.

    References
    ----------
    .. [1] L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, "Hyperband:
       a novel bandit-based approach to hyperparameter optimization", Journal of Machine
       Learning Research 18(185), 2018.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skrec import MLPClassifier
    >>> from skrec.model_selection import HyperbandSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = HyperbandSearchCV(
    ...     MLPClassifier(units=8), {"learning_rate": loguniform(1e-3, 1e-1)},
    ...     max_epochs=9, cv=3, random_state=0,
    ... )
    >>> search.fit(X, y).n_candidates_
    [[9, 3, 1], [5, 1], [3]]
    >>> search.best_params_["epochs"]
    9
    >>> search.trained_resources_, search.full_resources_
    (69.0, 153)
    """

    _parameter_constraints: dict = {
        **SequentialSearchMixin._parameter_constraints,
        "param_distributions": [dict, list],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "factor": [Interval(Integral, 2, None, closed="left")],
        "resource": [str],
        "n_brackets": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: dict[str, Any] | list[dict[str, Any]],
        *,
        max_epochs: int = 27,
        factor: int = 3,
        resource: str = "epochs",
        n_brackets: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        max_seconds: float | None = None,
        patience: int | None = None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.max_epochs = max_epochs
        self.factor = factor
        self.resource = resource
        self.n_brackets = n_brackets
        self.random_state = random_state
        self.max_seconds = max_seconds
        self.patience = patience

    def _begin(self, X: Any, y: Any, splits: list[Split], routed_params: Any) -> None:
        """Check that the search alone sets the resource."""
        if self.resource not in self.estimator.get_params():
            raise ValueError(
                f"resource must be a parameter of {type(self.estimator).__name__}, for "
                "example 'epochs', or 'clf__epochs' for the step clf of a pipeline. "
                f"Received: {self.resource!r}."
            )
        spaces = self.param_distributions
        for space in [spaces] if isinstance(spaces, dict) else spaces:
            if self.resource in space:
                raise ValueError(
                    f"The search itself sets {self.resource!r}: leave it out of "
                    f"param_distributions. Received: {space!r}."
                )

    # ---- the search ----------------------------------------------------------------

    @property
    def _brackets(self) -> list[list[Rung]]:
        return make_brackets(self.max_epochs, self.factor)[: self.n_brackets]

    @property
    def _max_rounds(self) -> int:
        return sum(len(bracket) for bracket in self._brackets)

    def _propose(self) -> Proposals:
        random_state = check_random_state(self.random_state)
        self._places: list[_Place] = []
        with self._continuation(random_state):
            for bracket, rungs in enumerate(self._brackets):
                sampler = ParameterSampler(
                    self.param_distributions,
                    rungs[0].n_candidates,
                    random_state=random_state,
                )
                yield from self._halve(bracket, rungs, list(sampler))

    def _halve(
        self, bracket: int, rungs: list[Rung], candidates: list[Params]
    ) -> Proposals:
        """Train all candidates a little, and the best of them more and more."""
        for i, (n_candidates, n_resources) in enumerate(rungs):
            candidates = candidates[:n_candidates]
            if not candidates:  # all of them failed
                return
            self._places += [_Place(bracket, i, n_resources)] * len(candidates)
            scores = yield [
                {**params, self.resource: n_resources} for params in candidates
            ]
            candidates = [
                candidates[place]
                for place in np.argsort(-scores, kind="stable")
                if not np.isnan(scores[place])
            ]

    def _format_results(
        self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None
    ) -> dict[str, Any]:
        columns = zip(*self._places[: len(candidate_params)], strict=True)
        more_results = dict(zip(_Place._fields, map(list, columns), strict=True))
        return super()._format_results(candidate_params, n_splits, out, more_results)

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: str, results: Any) -> int:
        """Return the best row; of equals, that with the most resources."""
        if callable(refit):
            return BaseSearchCV._select_best_index(refit, refit_metric, results)
        scores = np.nan_to_num(results[f"mean_test_{refit_metric}"], nan=-np.inf)
        best = np.flatnonzero(scores == scores.max())
        return int(best[results["n_resources"][best].argmax()])

    # ---- continuation --------------------------------------------------------------

    @contextmanager
    def _continuation(self, random_state: np.random.RandomState) -> Iterator[None]:
        """Give the fits a memory and a seed for as long as the search lasts."""
        owner, _, name = self.resource.rpartition("__")
        estimator = self._rows.fits.estimator  # not the one of the last fit
        network = estimator.get_params()[owner] if owner else estimator
        if not isinstance(network, BaseNetwork | KerasEstimator):
            try:
                yield
            finally:
                self._count(None)
            return
        if network.random_state is None:
            network.set_params(random_state=int(random_state.randint(2**31 - 1)))
        with _temporary_folder() as folder:
            if not is_memory(network.memory):
                network.set_params(memory=folder)
            memory = network.memory
            n_before = memory_info(memory).n_epochs
            try:
                yield
            finally:
                info = memory_info(memory)
                is_counted = info.n_fits and name == "epochs"
                self._count(info.n_epochs - n_before if is_counted else None)

    def _count(self, n_stored: int | None) -> None:
        """Record what was trained.

        Parameters
        ----------
        n_stored : int or None
            Epochs of all folds that went into the memory; None if it holds no fits.
        """
        rows = self._rows
        self.n_resources_: list[list[int]] = []
        self.n_candidates_: list[list[int]] = []
        for place, group in groupby(self._places[: len(rows.params)]):
            if place.iter == 0:
                self.n_resources_.append([])
                self.n_candidates_.append([])
            self.n_resources_[-1].append(place.n_resources)
            self.n_candidates_[-1].append(len(list(group)))
        if n_stored is None:
            anew = sum(self._places[row].n_resources for row in rows.trained)
            self.trained_resources_ = float(anew)
        else:
            self.trained_resources_ = n_stored / self.n_splits_
        candidates = {
            key_of_params({k: v for k, v in params.items() if k != self.resource})
            for params in rows.params
        }
        self.full_resources_ = len(candidates) * self.max_epochs
