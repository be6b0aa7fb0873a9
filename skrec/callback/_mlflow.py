"""Runs in MLflow's database."""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skrec._extras import import_extra
from skrec._sklearn import validate_params
from skrec.callback._runs import Run
from skrec.callback._store import Attempt, Kept, Store
from skrec.callback._tracker import Tracker
from skrec.training._processes import may_live, this_machine

_STATUS = {"finished": "FINISHED", "failed": "FAILED"}
_MANY = 100  # what MLflow takes of parameters or metrics at a time
_TAG = "skrec."
_PARENT, _NAME = "mlflow.parentRunId", "mlflow.runName"


class MLflowTracker(Tracker):
    """Callback that keeps fits and searches as runs of MLflow's.

    Set it on a search, a pipeline or an estimator. A search is a run, and each of its
    fits is a child of that, also where processes share the work: parameters, the values
    of each epoch, written as it ends, and the scores of the fold at the end of the
    search. The fitted model, of a search the one with the best parameters, is kept as
    ``model.skops`` where ``skrec.io`` can save it.

    Parameters
    ----------
    uri : str
        A database, such as ``"sqlite:///mlflow.db"``, or the address of a server.
    experiment : str, default="skrec"
        Experiment that the runs belong to; made if it is missing.
    keep_model : bool, default=True
        Whether to keep the model.

    Attributes
    ----------
    max_propagation_depth : None
        The callback reaches estimators however deep in a pipeline, as
        :class:`sklearn.callback.AutoPropagatedCallback` describes it.

    Raises
    ------
    ImportError
        When the fit begins, if MLflow is not installed.
    ValueError
        If `uri` is a folder, which MLflow takes no more.

    Warns
    -----
    UserWarning
        At the end, if the database or the model could not be written: the fits went on
        without.

    See Also
    --------
    TensorBoardTracker : The same as event files, without the model.
    WandbTracker : The same for Weights & Biases.

    Notes
    -----
    Needs the extra ``mlflow``: ``pip install "skrec-keras[mlflow]"``.

    MLflow's own ``autolog`` does not see the fits that searches make.

    The same search on the same data is one run. Made again with the same result it is
    not written again, and one that was broken off is deleted when it has been made to
    its end. A result that differs, as without a seed, is another run.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec.callback import MLflowTracker
    >>> tracker = MLflowTracker("sqlite:///mlflow.db", experiment="shop")
    >>> search = GridSearchCV(LogisticRegression(), {"C": [1, 10]})
    >>> search = search.set_callbacks(tracker)  # and then: search.fit(X, y)
    """

    @validate_params(
        {"uri": [str], "experiment": [str], "keep_model": ["boolean"]},
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self, uri: str, *, experiment: str = "skrec", keep_model: bool = True
    ) -> None:
        super().__init__()
        if "://" not in uri:
            raise ValueError(
                "uri must name a database or a server, such as "
                "'sqlite:///mlflow.db': MLflow keeps runs in plain folders no more. "
                f"Received: {uri!r}."
            )
        self.uri = uri
        self.experiment = experiment
        self.keep_model = keep_model

    def _open(self) -> Store:
        mlflow = import_extra("mlflow", "mlflow", type(self).__name__)
        return Database(mlflow, self.uri, self.experiment, self.keep_model)


class Database(Store):
    """An experiment in a database of MLflow's.

    Parameters
    ----------
    mlflow : module
        MLflow.
    uri, experiment : str
        Where the database is, and what in it.
    keeps_models : bool
        Whether to keep models.
    """

    def __init__(
        self, mlflow: Any, uri: str, experiment: str, keeps_models: bool
    ) -> None:
        self._entities = mlflow.entities
        self._client = mlflow.MlflowClient(tracking_uri=uri)
        known = self._client.get_experiment_by_name(experiment)
        self._experiment = (
            known.experiment_id
            if known is not None
            else self._client.create_experiment(experiment)
        )
        self._keeps_models = keeps_models

    def attempts(self, identity: str) -> list[Attempt]:
        """Return what was kept before of the same search on the same data."""
        runs = list(self._search(f"tags.`{_TAG}identity` = '{identity}'"))
        roots = [run for run in runs if _tag(run, "root") == ""]
        return [
            Attempt(
                _kept(root),
                [_kept(r) for r in runs if _tag(r, "root") == root.info.run_id],
                root.info.status == "RUNNING"
                and may_live(*json.loads(_tag(root, "process"))),
            )
            for root in roots
        ]

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            found = self._client.search_runs(
                [self._experiment], query, page_token=token, max_results=1000
            )
            yield from found
            token = found.token
            if not token:
                return

    def start(self, run: Run, identity: str) -> None:
        """Make a run, with the parameters as far as they are known."""
        tags = {
            f"{_TAG}identity": identity,
            f"{_TAG}root": _root(run),
            f"{_TAG}path": json.dumps(run.path),
            f"{_TAG}status": run.status,
            f"{_TAG}process": json.dumps([this_machine(), os.getpid()]),
            f"{_TAG}key": run.key,
            "estimator": run.estimator,
        }
        if run.parent is not None:
            tags[_PARENT] = run.parent.ref
        made = self._client.create_run(
            self._experiment,
            start_time=int(run.started * 1000),
            tags=tags,
            run_name=run.name,
        )
        run.ref = made.info.run_id
        self._log(run, params=run.params)

    def epoch(self, run: Run, number: int, values: dict[str, float]) -> None:
        """Write the values of an epoch."""
        self._log(run, metrics=values, step=number)

    def end(self, run: Run) -> None:
        """Take note that a fit has ended."""
        self._client.set_tag(run.ref, f"{_TAG}status", run.status)

    def adopt(self, kept: Kept, run: Run) -> None:
        """Make a run the child of another search."""
        assert run.parent is not None
        run.ref = kept.ref
        tags = {_PARENT: run.parent.ref, _NAME: run.name, f"{_TAG}root": _root(run)}
        for name, value in tags.items():
            self._client.set_tag(run.ref, name, value)

    def finish(self, run: Run) -> None:
        """Write scores, what the search has set, and the end."""
        self._log(run, metrics=run.scores, step=len(run.epochs), params=run.params)
        tags = {
            f"{_TAG}digest": run.digest,
            f"{_TAG}key": run.key,
            f"{_TAG}status": run.status,
        }
        if run.row is not None:
            tags |= {"candidate": str(run.row), "fold": str(run.split)}
        for name, value in run.candidate.items():
            tags[f"searched.{_legal(name)}"] = str(value)
        for name, value in tags.items():
            self._client.set_tag(run.ref, name, value)
        ended = None if run.ended is None else int(run.ended * 1000)
        self._client.set_terminated(run.ref, _STATUS[run.status], ended)

    def remove(self, attempt: Attempt) -> None:
        """Delete the runs of an attempt, which MLflow can restore."""
        for kept in [*attempt.runs, attempt.root]:
            self._client.delete_run(kept.ref)

    def keep_model(self, run: Run, model: Any) -> None:
        """Keep a fitted estimator as an artifact of its run."""
        if not self._keeps_models:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.skops")
            if save_model(model, path):
                self._client.log_artifact(run.ref, str(path))

    def _log(
        self,
        run: Run,
        metrics: dict[str, float] | None = None,
        step: int = 0,
        params: dict[str, Any] | None = None,
    ) -> None:
        """Write in batches of the size that MLflow takes."""
        entities = self._entities
        now = int(1000 * time.time())
        figures = [
            entities.Metric(_legal(name), value, now, step)
            for name, value in (metrics or {}).items()
        ]
        settings = [
            entities.Param(_legal(name), str(value))
            for name, value in (params or {}).items()
        ]
        for begin in range(0, max(len(figures), len(settings)), _MANY):
            self._client.log_batch(
                run.ref,
                figures[begin : begin + _MANY],
                settings[begin : begin + _MANY],
            )


def save_model(model: Any, path: Path) -> bool:
    """Save a fitted estimator, if what does it is installed.

    Parameters
    ----------
    model : estimator
        The estimator.
    path : Path
        The file.

    Returns
    -------
    bool
        Whether it was saved.
    """
    try:
        from skrec.io import dump

        dump(model, path)
    except ImportError:
        return False
    return True


def _root(run: Run) -> str:
    """Return the outermost run that a run is a part of, or "" for that itself."""
    root = run
    while root.parent is not None:
        root = root.parent
    return "" if root is run else root.ref


def _tag(run: Any, name: str) -> str:
    return run.data.tags.get(f"{_TAG}{name}", "")


def _kept(run: Any) -> Kept:
    path = json.loads(_tag(run, "path"))
    key, digest, status = (_tag(run, name) for name in ("key", "digest", "status"))
    return Kept(run.info.run_id, key, digest, status, path[-1])


def _legal(name: str) -> str:
    """Return a name that MLflow takes for a parameter or metric."""
    return re.sub(r"[^\w\-. :/]", "_", name)
