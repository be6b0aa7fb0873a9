"""Runs as folders of event files, which TensorBoard shows."""

import json
import os
import time
from pathlib import Path
from typing import Any

from skrec._extras import import_extra
from skrec._sklearn import validate_params
from skrec.callback._runs import Plain, Run
from skrec.callback._store import Attempt, Kept, Store
from skrec.callback._tracker import Tracker
from skrec.training._processes import may_live, this_machine

NOTE = "skrec-run.json"  # beside the event files: what cannot be read from them
_STATUS = {"finished": "STATUS_SUCCESS", "failed": "STATUS_FAILURE"}


class TensorBoardTracker(Tracker):
    """Callback that writes fits and searches as event files of TensorBoard's.

    Set it on a search, a pipeline or an estimator. Each fit is a run of its own, in a
    folder below that of its search, also where processes share the work: scalars of
    each epoch, written as it ends, and the scores of its fold at the end of the
    search, which is the experiment that the HParams tab compares.

    Parameters
    ----------
    dir : str or path-like
        Folder for ``tensorboard --logdir``; made if it is missing.

    Attributes
    ----------
    max_propagation_depth : None
        The callback reaches estimators however deep in a pipeline, as
        :class:`sklearn.callback.AutoPropagatedCallback` describes it.

    Raises
    ------
    ImportError
        When the fit begins, if TensorBoard is not installed.

    Warns
    -----
    UserWarning
        At the end, if the files could not be written: the fits went on without.

    See Also
    --------
    MLflowTracker : The same in MLflow's database, with the model.
    WandbTracker : The same for Weights & Biases.

    Notes
    -----
    Needs the extra ``tensorboard``: ``pip install "skrec-keras[tensorboard]"``.

    The same search on the same data is one experiment. Made again with the same result
    it is not written again, and one that was broken off is replaced when it has been
    made to its end. A result that differs, as without a seed, is another experiment.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec.callback import TensorBoardTracker
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [1, 10]}, cv=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     search = search.set_callbacks(TensorBoardTracker(folder)).fit(X, y)
    ...     runs = sorted(path.name for path in Path(folder).glob("*/*/"))
    >>> runs[:3]
    ['candidate-0-fold-0', 'candidate-0-fold-1', 'candidate-1-fold-0']
    """

    @validate_params({"dir": [str, os.PathLike]}, prefer_skip_nested_validation=True)
    def __init__(self, dir: str | os.PathLike) -> None:
        super().__init__()
        self.dir = os.path.abspath(dir)

    def _open(self) -> Store:
        import_extra("tensorboard", "tensorboard", type(self).__name__)
        os.makedirs(self.dir, exist_ok=True)
        return EventFiles(Path(self.dir))


class EventFiles(Store):
    """A folder of runs.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.plugins.hparams import api, api_pb2, summary

        self.folder = folder
        self._hparams, self._sessions, self._api_pb2 = api, summary, api_pb2
        self._writers: dict[Path, Any] = {}

    def attempts(self, identity: str) -> list[Attempt]:
        """Return what was kept before of the same search on the same data."""
        found = []
        for path in sorted(self.folder.glob(f"*/{NOTE}")):
            note = _read(path.parent)
            if note.get("identity") == identity:
                below = [p.parent for p in sorted(path.parent.rglob(f"*/{NOTE}"))]
                found.append(
                    Attempt(
                        _kept(path.parent, note),
                        [_kept(run, _read(run)) for run in below],
                        note["status"] == "running" and may_live(*note["process"]),
                    )
                )
        return found

    def start(self, run: Run, identity: str) -> None:
        """Make the folder of a run."""
        if run.parent is None:
            name, number = f"{run.name}-{identity[:8]}", 2
            run.ref = self.folder / name
            while run.ref.exists():
                run.ref, number = self.folder / f"{name}-{number}", number + 1
        else:
            run.ref = run.parent.ref / run.name
        run.ref.mkdir()
        self._note(run, identity=identity)

    def epoch(self, run: Run, number: int, values: dict[str, float]) -> None:
        """Write the scalars of an epoch."""
        self._write_scalars(run, values, number)
        self._writers[run.ref].flush()

    def end(self, run: Run) -> None:
        """Close the file of a fit: a writer holds a thread."""
        self._note(run)
        self._close(run)

    def adopt(self, kept: Kept, run: Run) -> None:
        """Move the folder of a run."""
        assert run.parent is not None
        run.ref = run.parent.ref / run.name
        kept.ref.rename(run.ref)

    def finish(self, run: Run) -> None:
        """Write the scores of a run, and its parameters for the HParams tab."""
        self._write_scalars(run, run.scores, len(run.epochs))
        api = self._hparams
        if run.candidate:
            params = {name: _shown(value) for name, value in run.candidate.items()}
            # Folds of one candidate are one row of the tab, with their mean.
            group = run.name if run.row is None else f"candidate-{run.row}"
            self._write(run, api.hparams_pb(params, group, run.started))
            status = getattr(self._api_pb2, _STATUS[run.status])
            self._write(run, self._sessions.session_end_pb(status, run.ended))
        if run.fits:
            self._write_experiment(run)
        self._note(run, digest=run.digest)
        self._close(run)

    def _write_experiment(self, run: Run) -> None:
        """Tell the HParams tab what a search compares, and by what."""
        api = self._hparams
        params = sorted({name for fit in run.fits for name in fit.candidate})
        scores = sorted({name for fit in run.fits for name in fit.scores})
        self._write(
            run,
            api.hparams_config_pb(
                [api.HParam(name) for name in params],
                [api.Metric(name) for name in scores],
            ),
        )

    def remove(self, attempt: Attempt) -> None:
        """Remove the folders of an attempt, and in them what these trackers wrote."""
        for kept in [*reversed(attempt.runs), attempt.root]:
            for path in [*kept.ref.glob("events.out.tfevents.*"), kept.ref / NOTE]:
                path.unlink(missing_ok=True)
            if not any(kept.ref.iterdir()):
                kept.ref.rmdir()

    def close(self) -> None:
        """Close all files."""
        for path in list(self._writers):
            self._writers.pop(path).close()

    # ---- files ---------------------------------------------------------------------

    def _write_scalars(self, run: Run, values: dict[str, float], step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=k, simple_value=v) for k, v in values.items()]
        if scalars:
            self._write(run, Summary(value=scalars), step)

    def _write(self, run: Run, summary: Any, step: int = 0) -> None:
        """Write a summary, of TensorBoard's class or of TensorFlow's."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if run.ref not in self._writers:
            self._writers[run.ref] = EventFileWriter(str(run.ref))
        summary = Summary.FromString(summary.SerializeToString())
        event = Event(wall_time=time.time(), step=step, summary=summary)
        self._writers[run.ref].add_event(event)

    def _close(self, run: Run) -> None:
        writer = self._writers.pop(run.ref, None)
        if writer is not None:
            writer.close()

    def _note(self, run: Run, **more: str) -> None:
        """Write what cannot be read from the event files; in whole or not at all."""
        note = _read(run.ref) | {
            "estimator": run.estimator,
            "path": list(run.path),
            "key": run.key,
            "params": run.params,
            "status": run.status,
            "process": [this_machine(), os.getpid()],
            **more,
        }
        part = run.ref / f"{NOTE}.part"
        part.write_text(json.dumps(note, indent=1))
        part.replace(run.ref / NOTE)


def _read(folder: Path) -> dict[str, Any]:
    """Return the note of a run; an empty one where there is none, or a torn one."""
    try:
        return json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return {}


def _kept(folder: Path, note: dict[str, Any]) -> Kept:
    path = note.get("path", [])
    return Kept(
        ref=folder,
        key=note.get("key", ""),
        digest=note.get("digest", ""),
        status=note.get("status", "running"),
        fold=path[-1] if path else None,
    )


def _shown(value: Plain) -> str | int | float | bool:
    return "None" if value is None else value
