"""What the trackers share: hooks of scikit-learn's callbacks, in all processes."""

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

from sklearn.callback import CallbackContext

from skrec._sklearn import close_listener, open_listener, send, without_callbacks
from skrec._warn import warn_user
from skrec.callback._recorder import Recorder
from skrec.callback._runs import Path
from skrec.callback._searches import (
    epoch_values,
    identity_of,
    is_search,
    params_of,
    results_of,
)
from skrec.callback._store import Store
from skrec.model_selection._tasks import EVALUATION, REFIT, lineage, names_of

# Of the fits that were begun in this process, by the address that workers write to.
_RECORDERS: dict[str, Recorder] = {}
# What scikit-learn calls the task of each `fit`, that of a search's fits together, and
# that of a pipeline's step, before its name.
_FIT, _SEARCH, _STEP = "fit", "search", "fit-transform-"


class Tracker(ABC):
    """Callback that makes a run of each fit; a subclass says where runs are kept.

    Attributes
    ----------
    max_propagation_depth : None
        The callback reaches estimators however deep in a pipeline, as
        :class:`sklearn.callback.AutoPropagatedCallback` describes it.
    """

    max_propagation_depth = None

    def __init__(self) -> None:
        # To the process that began a fit, by the tree of tasks.
        self._handles: dict[Any, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker gets; other fits may begin meanwhile."""
        return {**self.__dict__, "_handles": dict(self._handles)}

    @abstractmethod
    def _open(self) -> Store:
        """Open the store, or raise an error that says what is wrong with it."""

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """Open the store.

        Parameters
        ----------
        estimator : estimator
            The outermost estimator that the callback is set on.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        recorder = Recorder(self._open())
        handle = self._handles[context.root_uuid] = open_listener(recorder.take)
        _RECORDERS[handle.address] = recorder

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Write what is left where the fit failed, and say what went wrong.

        Parameters
        ----------
        estimator : estimator
            The outermost estimator that the callback is set on.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        handle = self._handles.pop(context.root_uuid, None)
        if handle is None:  # the store could not be opened
            return
        recorder = _RECORDERS.pop(handle.address)
        recorder.finish("failed")
        close_listener(handle)
        for problem in recorder.problems:
            warn_user(f"{type(self).__name__}: {problem}.")

    def on_fit_task_begin(
        self,
        estimator: Any,
        context: CallbackContext,
        *,
        X: Any = None,
        y: Any = None,
        metadata: Any = None,
    ) -> None:
        """Begin a run, where a fit or a search begins.

        Parameters
        ----------
        estimator : estimator
            The estimator whose task begins.
        context : sklearn.callback.CallbackContext
            The task.
        X, y : array-like
            What it is fitted on.
        metadata : dict or None
            Sample weights and the like.
        """
        if context.task_name == _SEARCH and hasattr(estimator, "n_splits_"):
            search, n_splits = _path(context)[:-1], estimator.n_splits_
            self._tell(context, "folds", search, n_splits=n_splits)
        if not _is_run(context):
            return
        told: dict[str, Any] = {"is_refit": REFIT in names_of(context)}
        if context.parent is None:
            told["identity"] = identity_of(estimator, X, y, metadata)
            told["name"] = type(estimator).__name__
        if context.task_name in (EVALUATION, REFIT):
            # The search tells it, for an estimator that knows no callbacks.
            told |= {"params": {}, "estimator": type(estimator.estimator).__name__}
        else:
            told |= {
                "params": params_of(estimator),
                "estimator": type(estimator).__name__,
                "is_search": is_search(estimator),
            }
        self._tell(context, "begin", _path(context), **told)

    def on_fit_task_end(self, estimator: Any, context: CallbackContext) -> None:
        """Add an epoch to a run, or end it.

        Parameters
        ----------
        estimator : estimator
            The estimator whose task has ended.
        context : sklearn.callback.CallbackContext
            The task.
        """
        run = next(task for task in lineage(context) if _is_run(task))
        if context.task_name == "epoch":
            values = epoch_values(estimator)
            step = _step(context.parent, run)
            values = {step + name: value for name, value in values.items()}
            number = context.task_id + 1
            self._tell(context, "epoch", _path(run), number=number, values=values)
            return
        is_over = is_search(estimator) and hasattr(estimator, "cv_results_")
        if context.task_name == _FIT and is_over:
            self._tell(
                context,
                "search",
                _path(run),
                search=_path(context),
                results=results_of(estimator),
            )
        if run is context:
            self._tell(context, "end", _path(context))
        if context.parent is None:
            handle = self._handles[context.root_uuid]
            _RECORDERS[handle.address].finish("finished", _fitted(estimator))

    def _tell(
        self, context: CallbackContext, kind: str, path: Path, **told: Any
    ) -> None:
        """Send a message to the process that began the outermost fit.

        One that cannot be reached, from another machine for example, finds in the
        results of the search what it was not told.
        """
        with suppress(OSError, EOFError, KeyError):
            handle = self._handles[context.root_uuid]
            send(handle, (kind, {"path": path, **told}))


def _is_run(context: CallbackContext) -> bool:
    """Tell whether a task is a run: the outermost fit, and each that a search makes."""
    return context.parent is None or bool(names_of(context) & {EVALUATION, REFIT})


def _path(context: CallbackContext) -> Path:
    """Return the numbers of a task and of those around it, outermost first."""
    return tuple(task.task_id for task in lineage(context))[::-1]


def _step(task: CallbackContext | None, run: CallbackContext) -> str:
    """Return what to put before values of a pipeline's step, but for its last one."""
    names = ""
    while task is not None and task is not run:
        source = task.source_task_name or ""
        if source.startswith(_STEP):
            names = f"{source.removeprefix(_STEP)}/{names}"
        task = task.parent
    return names


def _fitted(estimator: Any) -> Any:
    """Return the model that has come of it; None of a search without `refit`."""
    if is_search(estimator):
        return getattr(estimator, "best_estimator_", None)
    return without_callbacks(estimator)
