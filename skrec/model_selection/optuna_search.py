"""Search with Optuna's samplers, resumable and shared, as a scikit-learn search."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skrec._sklearn import HasMethods, Interval
from skrec.model_selection._candidates import Split
from skrec.model_selection._optuna import (
    copy_in_memory,
    import_optuna,
    open_storage,
    portable_storage,
    quiet_optuna,
)
from skrec.model_selection._optuna_space import suggester
from skrec.model_selection._optuna_trials import Trials
from skrec.model_selection._sequential import (
    Proposals,
    SequentialSearchMixin,
    guiding_metric,
)
from skrec.model_selection._study_settings import Settings

DEFAULT_STUDY = "skrec"
SECONDS_BETWEEN_LOOKS = 0.2  # at what other processes have finished


class OptunaSearchCV(SequentialSearchMixin):
    """Search over hyper-parameters with a sampler of Optuna.

    Each trial of the study is a candidate that scikit-learn fits and scores on every
    fold. With a `storage` the search survives: run again, it continues where it was
    interrupted, and several processes or machines may work on one study.

    Parameters
    ----------
    estimator : estimator object
        What is tuned. It needs a ``score`` method unless `scoring` is given.
    param_distributions : dict or callable
        Names of parameters with what they may be:

        - a **list** or an array is a set of choices, of any type;
        - a **tuple** ``(low, high)``, or ``(low, high, "log-uniform")``, is a range of
          whole numbers if both bounds are, otherwise of real ones;
        - a ``range`` is a range of whole numbers, in steps;
        - a distribution of **Optuna's** is taken as it is;
        - one of **SciPy's**, as in
          :class:`~sklearn.model_selection.RandomizedSearchCV`: ``uniform``,
          ``loguniform`` and ``randint`` are ranges, and any other is drawn by its
          quantiles, which the study knows as ``"name (quantile)"``. Of an object that
          has `rvs` alone the study has the seed, ``"name (seed)"``, from which no
          sampler learns.

        Or a function that is given an Optuna trial and returns a dict of parameters,
        for spaces in which one parameter decides on others. It must return the same for
        the same suggestions.
    n_trials : int, default=50
        Number of candidates, those found in the `storage` and those of other processes
        included.
    n_points : int, default=1
        Number of candidates that are evaluated at once. Larger values keep more jobs
        busy, but more candidates are chosen without knowing the last scores.
    sampler : optuna.samplers.BaseSampler, default=None
        What suggests candidates; None is the tree-structured Parzen estimator [1]_,
        seeded by `random_state`. A copy is used. The search ends early where the
        sampler has tried all, as ``GridSampler`` and ``BruteForceSampler`` do.
    storage : str, path-like, Optuna storage or None, default=None
        Where the trials are kept: a path to a journal file, which also works on a
        network file system, the URL of a database, or a storage object. None keeps
        them in memory. A file that is no journal is refused and left as it is.
    study_name : str, default=None
        Name of the study in the storage; None is ``"skrec"``.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in :class:`~sklearn.model_selection.GridSearchCV`. Of several metrics the one
        that `refit` names, or a `CheapestWithin` in it, guides the search, otherwise
        the first.
    n_jobs : int, default=None
        Number of fits at a time, in processes of joblib.
    refit : bool, str or callable, default=True
        As in :class:`~sklearn.model_selection.GridSearchCV`.
    cv : int, cross-validation generator or iterable, default=None
        As in :class:`~sklearn.model_selection.GridSearchCV`. The folds are drawn once.
    verbose : int, default=0
        As in :class:`~sklearn.model_selection.GridSearchCV`; from 1 on Optuna logs too.
    pre_dispatch : int or str, default="2*n_jobs"
        As in :class:`~sklearn.model_selection.GridSearchCV`.
    random_state : int, RandomState instance or None, default=None
        Seed of the suggestions. With an int, an interrupted and resumed search of one
        process ends in the same rows as an uninterrupted one.
    error_score : "raise" or numeric, default=np.nan
        Score of a candidate that fails. Where it is NaN, Optuna is told that the trial
        failed; a number is told as it is. A score of NaN is a failure too.
    return_train_score : bool, default=False
        Whether to score on the training folds as well.
    max_seconds : float, default=None
        Begin no round but the first after this time and return what there is.
    patience : int, default=None
        End after this many candidates without a better score, those found in the
        storage included.

    Attributes
    ----------
    study_ : optuna.Study
        The study, for Optuna's plots and importances. Choices that Optuna cannot store
        are text there. With a `storage` it is a copy in memory of what was stored when
        the search ended, so that the search can be pickled, and loaded where the
        storage is not; :func:`optuna.load_study` opens the stored one.
    cv_results_ : dict of ndarray
        One row for each trial that has finished, in their order, whichever process
        evaluated it.
    best_estimator_ : estimator
        Refitted with the best parameters, if `refit`.
    best_params_ : dict
        Parameters of the best candidate.
    best_score_ : float
        Its mean score on the folds.
    best_index_ : int
        Its row in ``cv_results_``.
    scorer_ : callable or dict
        What scores.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the last fit, if `refit`.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        Labels, of a classifier.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if X has any.

    Raises
    ------
    ValueError
        If there is something else than a journal at a path given as `storage`, if the
        study there is of another search, or if something in `param_distributions` is no
        set of values.

    Warns
    -----
    UserWarning
        If some of what scores depend on has no value to compare with that of a study.

    See Also
    --------
    BayesSearchCV : The same with a Gaussian process or a forest instead of Optuna.
    sklearn.model_selection.RandomizedSearchCV : Candidates without regard to scores.

    Notes
    -----
    Needs the extra ``optuna``: ``pip install "skrec-keras[optuna]"``.

    A stored trial is never trained again: the results of its folds are in the storage.
    A study is continued only with the same estimator, space, metrics, folds, X, y and
    parameters of `fit`, by value: functions and classes of your own count by their code
    and all that it reads, other objects by what :mod:`pickle` would keep of them, and
    what an installed package defines by its name, whatever the version. `memory`,
    `n_jobs` and `verbose` do not count. An error names what differs; a warning names
    what cannot be compared, such as a file that a function reads. A scorer that counts
    its calls is another one afterwards, unless its ``__getstate__`` leaves the count
    out. A search nested in another one has other folds each time: give it no storage,
    but the estimator a ``memory``.

    A trial whose process has died is put back: it is marked as failed in the study, has
    no row, and its parameters are evaluated by whoever asks next. On the same host the
    process is looked up. A trial of another host is taken for dead after an hour or ten
    times as long as the longest trial took, whichever is more. A search whose
    process still lives puts its trials back itself when it is stopped by an error.

    A search waits, within `max_seconds`, for the trials that other processes run, so
    that all of them return the same rows.

    References
    ----------
    .. [1] J. Bergstra, R. Bardenet, Y. Bengio and B. Kégl, "Algorithms for
       Hyper-Parameter Optimization", NeurIPS 2011.
       https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skrec.model_selection import OptunaSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": (1e-3, 1e3, "log-uniform"), "class_weight": [None, "balanced"]}
    >>> search = OptunaSearchCV(
    ...     LogisticRegression(max_iter=1000), space, n_trials=8, random_state=0
    ... ).fit(X, y)
    >>> len(search.cv_results_["params"])
    8
    >>> bool(search.best_score_ > 0.95)
    True
    """

    _parameter_constraints: dict = {
        **SequentialSearchMixin._parameter_constraints,
        "param_distributions": [dict, callable],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "n_points": [Interval(Integral, 1, None, closed="left")],
        "sampler": [HasMethods("sample_independent"), None],
        "storage": [str, os.PathLike, HasMethods("create_new_study"), None],
        "study_name": [str, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: dict[str, Any] | Callable[[Any], dict[str, Any]],
        *,
        n_trials: int = 50,
        n_points: int = 1,
        sampler: Any = None,
        storage: Any = None,
        study_name: str | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True,
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
        self.n_trials = n_trials
        self.n_points = n_points
        self.sampler = sampler
        self.storage = storage
        self.study_name = study_name
        self.random_state = random_state
        self.max_seconds = max_seconds
        self.patience = patience

    def __getstate__(self) -> dict[str, Any]:
        """Return what can be loaded where the storage is not."""
        state = dict(super().__getstate__())
        state["storage"] = portable_storage(self.storage)
        return state

    @property
    def _max_rounds(self) -> int:
        if self.storage is not None:  # where others may have broken up the rounds
            return self.n_trials
        return -(-self.n_trials // self.n_points)

    def _begin(self, X: Any, y: Any, splits: list[Split], routed_params: Any) -> None:
        """Take note of what the scores depend on, for those who find them stored."""
        if self.storage is not None:
            self._settings = Settings(
                self.estimator,
                {
                    "param_distributions": self.param_distributions,
                    "scoring": self.scoring,
                    "metric that guides the search": self._guide(),
                    "return_train_score": bool(self.return_train_score),
                    "error_score": self.error_score,
                    "X": X,
                    "y": y,
                    "fit parameters": routed_params.estimator.fit,
                    "score parameters": routed_params.scorer.score,
                    "folds": [
                        [np.asarray(part, dtype=np.int64) for part in split]
                        for split in splits
                    ],
                },
            )
            self._settings.warn_of_unknown()

    def _guide(self) -> str | None:
        """Return which of several metrics guides the search, as far as it is known."""
        if isinstance(self.scoring, list | tuple | dict):
            return guiding_metric(self.refit, list(self.scoring))
        return self.refit if isinstance(self.refit, str) else None

    def _propose(self) -> Proposals:
        import_optuna()
        self.__dict__.pop(
            "study_", None
        )  # it would travel to the workers with each fit
        with quiet_optuna(self.verbose):
            with closing(self._open_trials()) as trials:
                yield from self._propose_from(trials)
            self.study_ = trials.study
            if self.storage is not None:
                self.study_ = copy_in_memory(trials.study)

    def _propose_from(self, trials: Trials) -> Proposals:
        while True:
            trials.put_back_stale()
            n_finished = trials.n_finished
            if n_finished != len(self._rows.params):
                self._rows.replace(trials.rows())
            is_over = n_finished > 0 and self._budget_is_spent()
            if is_over or n_finished >= self.n_trials:
                break
            candidates = trials.take(self.n_points)
            if candidates:
                scores = yield candidates
                trials.record(self._rows.folds[-len(candidates) :], scores)
            elif trials.is_over and not trials.n_running:
                break
            else:  # other processes run what remains
                time.sleep(SECONDS_BETWEEN_LOOKS)
        self._rows.replace(trials.rows())

    def _open_trials(self) -> Trials:
        """Open the study and check that it is one of this search."""
        optuna = import_optuna()
        study = self._open_study(optuna)
        seed = None
        if self.sampler is None:
            random = check_random_state(self.random_state)
            seed = int(random.randint(np.iinfo(np.int32).max))
        suggest = suggester(self.param_distributions)
        return Trials(study, suggest, self.n_trials, seed)

    def _open_study(self, optuna: Any) -> Any:
        sampler = deepcopy(self.sampler)
        if self.storage is None:
            return optuna.create_study(
                study_name=self.study_name, sampler=sampler, direction="maximize"
            )
        storage = optuna.storages.get_storage(open_storage(self.storage))
        name = DEFAULT_STUDY if self.study_name is None else self.study_name
        try:  # without a write, which Optuna makes even where there is a study
            study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)
        except KeyError:
            study = optuna.create_study(
                study_name=name,
                storage=storage,
                sampler=sampler,
                direction="maximize",
                load_if_exists=True,  # somebody else may have been as fast
            )
        self.__dict__.pop("_settings").sign_or_refuse(study)
        return study
