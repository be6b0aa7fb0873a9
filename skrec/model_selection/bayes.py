"""Bayesian search: scikit-optimize's `BayesSearchCV` without what stops a long one."""

import warnings
from collections.abc import Callable
from math import ceil
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import skopt
from scipy.optimize import OptimizeResult
from scipy.stats import rankdata
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import UNUSED
from skopt.callbacks import check_callback
from skopt.utils import eval_callbacks

from skrec._sklearn import Interval
from skrec.model_selection._sequential import Proposals, SequentialSearchMixin
from skrec.model_selection._suggestions import (
    Suggestions,
    make_dimension,
    make_optimizer,
)

Space = dict[str, Any]


class BayesSearchCV(SequentialSearchMixin):
    """Search in which a model of the scores so far chooses what to try next.

    It has the parameters of scikit-optimize's class of the same name and its optimizer,
    and behaves as scikit-learn's searches do [1]_: a candidate that fails does not end
    it, metadata are routed, callbacks see each candidate and fold. The first candidates
    are drawn at random. From then on a Gaussian process is fitted to the scores, and
    the candidate that promises most by it comes next: by expected improvement, by its
    chance to improve or by a confidence bound, whichever has done best so far [2]_.

    Parameters
    ----------
    estimator : estimator
        What is tuned: it has a ``score`` method, or `scoring` is given.
    search_spaces : dict, list of dict, or list of (dict, int)
        Values to try by name of parameter; or several such spaces, searched one after
        the other, each for `n_iter` candidates or for the number beside it. The values
        are one of:

        - a **list** or other iterable: a set of choices of any type. ``[16, 32]`` is 16
          or 32, and ``[(32,), (32, 64)]`` and ``[None, 0.5]`` are two choices each;
        - a **tuple of two numbers**: a range with both ends. ``(16, 32)`` is any whole
          number from 16 to 32, and ``(0.0, 0.5)`` any number. A prior and its base may
          follow: ``(1e-4, 1e-1, "log-uniform")``. Other tuples are sets of choices;
        - a dimension of scikit-optimize: ``Real``, ``Integer`` or ``Categorical``.
    optimizer_kwargs : dict, default=None
        Parameters of :class:`skopt.Optimizer`. They go before the defaults here, which
        make a suggestion cheaper than scikit-optimize's own: a Gaussian process fitted
        from one start instead of three, ``acq_optimizer_kwargs`` of
        ``{"n_points": 1000, "n_restarts_optimizer": 2}`` instead of 10,000 and 5, and
        ``model_queue_size=1``, which keeps the last Gaussian process alone. With
        ``avoid_duplicates=False`` a candidate may come again, which is then not trained
        again.
    n_iter : int, default=50
        Number of candidates; fewer where a space has fewer.
    scoring : str, callable, list, tuple or dict, default=None
        How predictions are scored; several metrics as in
        :class:`~sklearn.model_selection.GridSearchCV`. By default the estimator's
        ``score``.
    fit_params : dict, default=None
        Parameters for the estimator's ``fit``; those given to :meth:`fit` go first.
    n_jobs : int, default=None
        Number of processes that fit at the same time, each a candidate and fold; -1 for
        one a core. None is 1 unless in a :class:`joblib.parallel_config` context.
    n_points : int, default=1
        Number of candidates chosen at once, between which the model of the scores does
        not learn. More of them keep more processes busy.
    iid : object, default='deprecated'
        Not used; here so that other parameters keep their places.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows. With several metrics, the name of
        the one that guides the search and chooses the best; or False or a callable that
        chooses a row of ``cv_results_``, and then the first metric guides the search,
        or that of :class:`CheapestWithin`.
    cv : int, cross-validation generator or iterable, default=None
        How to split; by default five folds. A splitter that shuffles without a seed
        draws its folds once, for all candidates.
    verbose : int, default=0
        Larger numbers print more.
    pre_dispatch : int or str, default='2*n_jobs'
        Number of fits that are handed to the processes in advance.
    random_state : int, RandomState instance or None, default=None
        Seed of the candidates. They are a function of it, of the space and of the
        scores, so that a search that is run again goes the same way.
    error_score : 'raise' or float, default=np.nan
        Score of a candidate whose fit fails. The search takes NaN for the worst
        score so far; 'raise' ends it with the error.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has scores on the training rows too.
    max_seconds : float, default=None
        The search ends after the first round that ends later than this.
    patience : int, default=None
        The search ends once so many candidates in a row have not raised the best score.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        A row for each candidate, as in :class:`~sklearn.model_selection.GridSearchCV`;
        with `return_train_score` also ``rank_train_<metric>``.
    best_estimator_ : estimator
        The best candidate, fitted on all rows; unless ``refit=False``.
    best_params_ : dict
        Parameters of the best candidate, as numbers and strings of Python's own.
    best_score_ : float
        Mean score of the best candidate.
    best_index_ : int
        Its row in ``cv_results_``.
    optimizers_ : list of Optimizer
        Scikit-optimize's optimizer of each space.
    optimizer_results_ : list of OptimizeResult
        What each optimizer was told: points in ``x_iters``, whose values follow the
        sorted names of the parameters, and their losses in ``func_vals``.
    total_iterations : int
        Number of candidates over all spaces.
    n_splits_ : int
        Number of folds.
    multimetric_ : bool
        Whether there are several metrics.
    scorer_ : callable or dict of callable
        What scored.
    refit_time_ : float
        Seconds of the last fit.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Tries all combinations.
    sklearn.model_selection.RandomizedSearchCV : Tries combinations at random.
    skopt.BayesSearchCV : The class whose place this one takes.

    Notes
    -----
    A candidate that was evaluated before is not suggested again; where a space has no
    other, the search goes on to the next space or ends. Candidates that failed are told
    to the optimizer with the worst finite score so far, and before there is any, not at
    all. Where several candidates are chosen at once, each but the first is chosen as if
    those before it had scored as the best so far ("constant liar" [3]_).

    References
    ----------
    .. [1] T. Head et al. "scikit-optimize", 2021. doi:10.5281/zenodo.5565057
    .. [2] M. Hoffman, E. Brochu and N. de Freitas. "Portfolio Allocation for Bayesian
       Optimization". Uncertainty in Artificial Intelligence, 2011.
       https://arxiv.org/abs/1009.5419
    .. [3] D. Ginsbourger, R. Le Riche and L. Carraro. "Kriging Is Well-Suited to
       Parallelize Optimization". Computational Intelligence in Expensive Optimization
       Problems, 2010. doi:10.1007/978-3-642-10701-6_6

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skrec.model_selection import BayesSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> spaces = {"C": (0.01, 100.0, "log-uniform"), "kernel": ["linear", "rbf"]}
    >>> search = BayesSearchCV(SVC(), spaces, n_iter=12, random_state=0).fit(X, y)
    >>> len(search.cv_results_["params"])
    12
    >>> print(f"{search.best_score_:.2f}")
    0.99
    """

    _parameter_constraints: dict = {
        **SequentialSearchMixin._parameter_constraints,
        "search_spaces": [dict, list],
        "optimizer_kwargs": [dict, None],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "n_points": [Interval(Integral, 1, None, closed="left")],
        "fit_params": [dict, None],
        "random_state": ["random_state"],
    }
    # Scikit-optimize's own parameter of `fit` is no metadata.
    __metadata_request__fit: ClassVar[dict] = {"callback": UNUSED}

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any,
        optimizer_kwargs: dict[str, Any] | None = None,
        n_iter: int = 50,
        scoring: Any = None,
        fit_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        n_points: int = 1,
        iid: Any = "deprecated",
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
        self.search_spaces = search_spaces
        self.optimizer_kwargs = optimizer_kwargs
        self.n_iter = n_iter
        self.fit_params = fit_params
        self.n_points = n_points
        self.iid = iid
        self.random_state = random_state
        self.max_seconds = max_seconds
        self.patience = patience

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        callback: Callable[..., Any] | list[Callable[..., Any]] | None = None,
        **params: Any,
    ) -> "BayesSearchCV":
        """Search, and fit the best candidate on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets.
        callback : callable or list of callable, default=None
            Called as ``callback(result)`` after each round with the `OptimizeResult` of
            the space that is searched. If one returns True, the search of that space
            ends. For progress see :meth:`set_callbacks`.
        **params : dict of str to object
            Parameters for the estimator's ``fit``, the scorer and the splitter, such as
            ``sample_weight`` and ``groups``.

        Returns
        -------
        self : BayesSearchCV
            The fitted search.
        """
        if not (isinstance(self.iid, str) and self.iid == "deprecated"):
            warnings.warn(
                "The parameter iid is not used. Leave it out. "
                f"Received: iid={self.iid!r}.",
                FutureWarning,
                stacklevel=2,
            )
        self._callbacks = check_callback(callback)
        try:
            super().fit(X, y, **{**(self.fit_params or {}), **params})
        finally:
            del self._callbacks
        if self.return_train_score:
            self._rank_train_scores()
        return self

    def _rank_train_scores(self) -> None:
        """Rank scores on training rows too, as scikit-optimize does."""
        prefix = "mean_train_"
        for key in [key for key in self.cv_results_ if key.startswith(prefix)]:
            rank = rankdata(-self.cv_results_[key], method="min", nan_policy="omit")
            worst = np.nan_to_num(rank, nan=np.nanmax(rank, initial=0) + 1)
            name = f"rank_train_{key.removeprefix(prefix)}"
            self.cv_results_[name] = worst.astype(int)

    @property
    def total_iterations(self) -> int:
        """Number of candidates over all spaces."""
        return sum(n_iter for _, n_iter in self._spaces())

    @property
    def _max_rounds(self) -> int:
        return sum(ceil(n_iter / self.n_points) for _, n_iter in self._spaces())

    def _spaces(self) -> list[tuple[Space, int]]:
        """Return each space with its number of candidates."""
        given = self.search_spaces
        spaces = [
            space if isinstance(space, tuple) else (space, self.n_iter)
            for space in (given if isinstance(given, list) else [given])
        ]
        for space in spaces:
            valid = (
                len(space) == 2
                and isinstance(space[0], dict)
                and len(space[0]) > 0
                and isinstance(space[1], Integral)
                and int(space[1]) >= 0
            )
            if not valid:
                raise ValueError(
                    "search_spaces must be a dict that is not empty, or a list of such "
                    "dicts or of tuples (dict, number of candidates). "
                    f"Received: {given!r}."
                )
        return spaces

    def _propose(self) -> Proposals:
        rng = check_random_state(self.random_state)
        spaces = self._spaces()
        optimizers = [self._make_optimizer(space, rng) for space, _ in spaces]
        results: list[OptimizeResult] = []
        try:
            for (space, n_iter), optimizer in zip(spaces, optimizers, strict=True):
                yield from self._propose_from(space, n_iter, optimizer, results)
        finally:
            # Not before: while it runs, the search goes to the worker processes.
            self.optimizers_, self.optimizer_results_ = optimizers, results

    def _make_optimizer(
        self, params_space: Space, rng: np.random.RandomState
    ) -> skopt.Optimizer:
        """Return the optimizer of a space, whose dimensions are sorted by name."""
        dimensions = [
            make_dimension(name, params_space[name]) for name in sorted(params_space)
        ]
        return make_optimizer(dimensions, self.optimizer_kwargs or {}, rng)

    def _propose_from(
        self,
        space: Space,
        n_iter: int,
        optimizer: skopt.Optimizer,
        results: list[OptimizeResult],
    ) -> Proposals:
        """Propose candidates of one space, and add what came of them to `results`."""
        suggestions = Suggestions(optimizer)
        place = len(results)
        while n_iter > 0:
            points = suggestions.ask(min(n_iter, self.n_points))
            if not points:
                break
            names = sorted(space)
            scores = yield [dict(zip(names, point, strict=True)) for point in points]
            n_iter -= len(points)
            result = suggestions.tell(points, scores)
            results[place:] = [result]
            if eval_callbacks(self._callbacks, result):
                break
