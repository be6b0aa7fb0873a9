"""A callback for scikit-learn's searches that ends hopeless fits early."""

import functools
import os
import platform
import tempfile
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import Any

from sklearn.callback import CallbackContext

from skrec._sklearn import Interval, validate_params
from skrec._warn import warn_user
from skrec.model_selection._optuna import import_optuna, open_storage, quiet_optuna
from skrec.model_selection._tasks import EVALUATION, REFIT, lineage, names_of, place_of

# Journals, with the search, that this process could not read or write, and the reason
# until it has been said. A worker gets a new copy of the callback with each fit.
_GIVEN_UP: dict[tuple[str, Any], str] = {}


class PrunedFit(Exception):  # noqa: N818  (it is no error, as with Optuna's TrialPruned)
    """Raised within a fit that :class:`MedianPruning` ends."""


class MedianPruning:
    """Callback that ends fits whose validation loss lies above the median.

    Set it on a search: after each epoch of each fit it compares the lowest validation
    loss so far with the losses after that epoch of the fits that have finished on the
    same fold [1]_, in whichever worker process. A fit that it ends gets scikit-learn's
    `error_score`, so that its candidate has no score and cannot be the best. The final
    fit with the best parameters is never ended.

    Parameters
    ----------
    path : str or path-like
        Journal file of Optuna's through which worker processes share the losses. It is
        made if it is missing, and may be used again: each fold of each search has a
        study of its own in it.
    n_startup_fits : int, default=5
        End no fit before this many have finished on its fold.
    n_warmup_epochs : int, default=1
        End no fit in its first epochs.

    Attributes
    ----------
    max_propagation_depth : None
        The callback reaches estimators however deep in a pipeline, as
        :class:`sklearn.callback.AutoPropagatedCallback` describes it.

    Raises
    ------
    ValueError
        When the search begins, if its `error_score` is not NaN, or if something else
        than a journal is at the path, which is left as it is; and within each fit,
        where scikit-learn records it as the failure of the fit, if the estimator has
        no validation loss.

    Warns
    -----
    UserWarning
        Once a search, if the journal cannot be read or written, for example on a full
        disk: no fit is ended from then on.

    See Also
    --------
    HyperbandSearchCV : Ends candidates early by a schedule, and repeatably.
    OptunaSearchCV : Chooses candidates by the scores so far.

    Notes
    -----
    Needs the extra ``optuna``: ``pip install "skrec-keras[optuna]"``.

    With several workers the result depends on which fit finishes first: it is the one
    part of a search that the same seed does not repeat bit for bit.

    Fits that were ended are not among those whose median counts, so that the rule grows
    stricter as the search goes on: it may end a candidate that is only a little worse
    than the best, or slower to begin with. A larger `n_warmup_epochs` is more careful.

    Losses must be comparable, so candidates should not differ in the loss itself or in
    what is added to it, such as `l1` and `l2`. The callback sees `error_score` of the
    estimator that it is set on and of those within it; where the search is itself
    within something that stops at the first error, a fit that is ended stops that too.

    It takes part in every epoch of estimators that, like those of this package, tell
    callbacks of a task named ``"epoch"`` and keep ``history_["val_loss"]`` up to date.
    Searches that tell callbacks nothing, as scikit-learn's halving ones, are left as
    they are.

    References
    ----------
    .. [1] D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro and D. Sculley,
       "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.2.
       https://doi.org/10.1145/3097983.3098043

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec import MLPClassifier
    >>> from skrec.model_selection import MedianPruning
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(epochs=5, early_stopping=True, random_state=0)
    >>> search = GridSearchCV(model, {"learning_rate": [0.01, 0.1]}, cv=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pruning = MedianPruning(folder + "/prune.journal", n_startup_fits=2)
    ...     search = search.set_callbacks(pruning).fit(X, y)
    >>> bool(search.best_score_ > 0.8)
    True
    """

    max_propagation_depth = None

    @validate_params(
        {
            "path": [str, os.PathLike],
            "n_startup_fits": [Interval(Integral, 1, None, closed="left")],
            "n_warmup_epochs": [Interval(Integral, 0, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        path: str | os.PathLike,
        *,
        n_startup_fits: int = 5,
        n_warmup_epochs: int = 1,
    ) -> None:
        self.path = os.path.abspath(path)  # a worker may run in another folder
        self.n_startup_fits = n_startup_fits
        self.n_warmup_epochs = n_warmup_epochs
        # Running fits in this process, and numbers of folds, by the place of the task.
        self._trials: dict[tuple, Any] = {}
        self._n_splits: dict[tuple, int] = {}
        self._parent: tuple[str, int] | None = None  # host and process of the search

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the running fits, which are those of one process."""
        return {**self.__dict__, "_trials": {}}

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """Check that a fit may fail without ending the search, and the path.

        Parameters
        ----------
        estimator : estimator
            The outermost estimator that the callback is set on.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        import_optuna()
        error_scores = [
            value
            for name, value in estimator.get_params().items()
            if name.rpartition("__")[2] == "error_score"
        ]
        if not error_scores:
            raise ValueError(
                "MedianPruning compares the fits of a search: set it on GridSearchCV "
                f"or another search. Received: {type(estimator).__name__}."
            )
        wrong = [value for value in error_scores if value == "raise" or value == value]
        if wrong:
            raise ValueError(
                "MedianPruning needs a search with error_score=np.nan: a fit that it "
                "ends raises an exception, which must neither end the search nor count "
                f"as a score. Received: error_score={wrong[0]!r}."
            )
        self._parent = platform.node(), os.getpid()
        try:
            self._check_path()
        except OSError as error:
            self._give_up(context, error)

    def _check_path(self) -> None:
        """Refuse what is no journal, without making one."""
        from skrec.model_selection._journal import check_journal, open_journal

        check_journal(self.path, "path of MedianPruning")
        folder = os.path.dirname(self.path)
        exists = os.path.exists(self.path)
        for place in [folder, self.path] if exists else [folder]:
            if not os.access(place, os.W_OK):
                raise PermissionError(f"{place} cannot be written")
        if exists:
            with quiet_optuna():
                open_journal(self.path, "path of MedianPruning")

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Forget the search, and say what a worker could not.

        Parameters
        ----------
        estimator : estimator
            The outermost estimator that the callback is set on.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        for places in (self._trials, self._n_splits):
            for place in [place for place in places if place[0] == context.root_uuid]:
                del places[place]
        was_said = _GIVEN_UP.get(self._search(context)) == ""
        reason = _GIVEN_UP.pop(self._search(context), "")
        with suppress(OSError):
            reason = reason or _note(context).read_text()
            _note(context).unlink()
        if reason and not was_said:
            self._warn(reason)

    def on_fit_task_begin(self, estimator: Any, context: CallbackContext) -> None:
        """Take note of how many folds a search has.

        Parameters
        ----------
        estimator : estimator
            The estimator whose task begins.
        context : sklearn.callback.CallbackContext
            The task.
        """
        if context.task_name == "search" and hasattr(estimator, "n_splits_"):
            self._n_splits[place_of(context)] = estimator.n_splits_

    def on_fit_task_end(self, estimator: Any, context: CallbackContext) -> None:
        """Compare the losses after an epoch, and store them after a fit.

        Parameters
        ----------
        estimator : estimator
            The estimator whose task has ended.
        context : sklearn.callback.CallbackContext
            The task.

        Raises
        ------
        PrunedFit
            If the fit is to end.
        ValueError
            If the estimator has no validation loss.
        """
        if context.task_name == "epoch":
            fold = self._fold(context)
            if fold is not None:
                self._after_epoch(estimator, context, fold)
        elif (trial := self._trials.pop(place_of(context), None)) is not None:
            try:
                with quiet_optuna():
                    trial.study.tell(trial, min(estimator.history_["val_loss"]))
            except Exception as error:
                self._give_up(context, error)

    def _after_epoch(self, estimator: Any, context: CallbackContext, fold: str) -> None:
        losses = getattr(estimator, "history_", {}).get("val_loss")
        if not losses:
            raise ValueError(
                "MedianPruning needs a validation loss after each epoch, which "
                f"{type(estimator).__name__} does not have: set early_stopping=True, "
                "or pass X_val and y_val to fit."
            )
        if self._search(context) in _GIVEN_UP:
            return
        try:
            with quiet_optuna():
                if not self._is_hopeless(losses[-1], context, fold):
                    return
        except Exception as error:  # the fit itself is sound
            self._give_up(context, error)
            return
        raise PrunedFit(
            "MedianPruning ended this fit, which is no error: its lowest validation "
            "loss lies above the median of the finished fits after as many epochs."
        )

    def _is_hopeless(self, loss: float, context: CallbackContext, fold: str) -> bool:
        """Report the loss of an epoch, and tell whether the fit is to end."""
        place = place_of(context.parent)
        if place not in self._trials:
            rule = self.n_startup_fits, self.n_warmup_epochs
            study = _open_study(self.path, context.root_uuid, fold, *rule)
            self._trials[place] = study.ask()
        trial = self._trials[place]
        trial.report(loss, step=context.task_id)
        if not trial.should_prune():
            return False
        trial.study.tell(trial, state=import_optuna().trial.TrialState.PRUNED)
        del self._trials[place]
        return True

    # ---- a journal that fails ------------------------------------------------------

    def _search(self, context: CallbackContext) -> tuple[str, Any]:
        return self.path, context.root_uuid

    def _give_up(self, context: CallbackContext, error: Exception) -> None:
        """End no fit of this search any more, with one warning."""
        self._trials.clear()
        if self._search(context) in _GIVEN_UP:
            return
        _GIVEN_UP[self._search(context)] = ""
        reason = f"{type(error).__name__}: {error}"
        host, pid = self._parent or (platform.node(), os.getpid())
        if host == platform.node() and pid != os.getpid():
            # Nobody sees the warning of a worker: the parent gives it at the end.
            with suppress(FileExistsError, OSError), _note(context).open("x") as note:
                note.write(reason)
            if _note(context).exists():
                return
        try:
            self._warn(reason)
        except UserWarning:  # an error here would count against the fit
            _GIVEN_UP[self._search(context)] = reason

    def _warn(self, reason: str) -> None:
        warn_user(
            "MedianPruning has stopped ending fits of this search, which goes on: its "
            f"journal {self.path!r} could not be read or written. Received: {reason}."
        )

    def _fold(self, context: CallbackContext) -> str | None:
        """Return what identifies the fold that a task trains on; None in a refit.

        What counts is the innermost search, whose fits alone are on the same data.
        """
        for task in lineage(context):
            names = names_of(task)
            if REFIT in names:
                return None
            if EVALUATION in names:
                break
        else:
            return None
        for search in lineage(task):
            n_splits = self._n_splits.get(place_of(search))
            if n_splits is not None:
                return "-".join(map(str, [*place_of(search), task.task_id % n_splits]))
        return None


@functools.lru_cache(maxsize=32)
def _open_study(
    path: str, search: Any, name: str, n_startup_fits: int, n_warmup_epochs: int
) -> Any:
    """Open a study once a process."""
    optuna = import_optuna()
    return optuna.create_study(
        study_name=name,
        storage=_open_journal(path, search),
        sampler=optuna.samplers.RandomSampler(),  # there is nothing to suggest
        pruner=optuna.pruners.MedianPruner(n_startup_fits, n_warmup_epochs),
        direction="minimize",
        load_if_exists=True,
    )


@functools.lru_cache(maxsize=4)
def _open_journal(path: str, search: Any) -> Any:
    """Open a journal once a process and search: it is read from its beginning."""
    return open_storage(path, "path of MedianPruning")


def _note(context: CallbackContext) -> Path:
    """Return the file by which a worker tells the search that the journal failed."""
    return Path(tempfile.gettempdir(), f"skrec-pruning-{context.root_uuid}")
