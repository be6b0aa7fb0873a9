"""Runs of Weights & Biases, in a folder that can be sent there later."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from skrec._extras import import_extra
from skrec._sklearn import StrOptions, validate_params
from skrec.callback._runs import DIGITS, Run
from skrec.callback._store import Attempt, Kept, Store
from skrec.callback._tracker import Tracker

_FAILED = "failed"
# A root: identity, digest, and whether it failed. A fit: its place and digest behind.
_ID = re.compile(
    rf"(?:offline-)?run-\d+_\d+-(?P<root>(?P<identity>[0-9a-f]{{{DIGITS}}})"
    rf"-(?P<digest>[0-9a-f]{{{DIGITS}}})(?P<failed>-{_FAILED})?)"
    rf"(?P<fit>-[0-9._]+-(?P<own>[0-9a-f]{{{DIGITS}}}))?"
)


class WandbTracker(Tracker):
    """Callback that keeps fits and searches as runs of Weights & Biases.

    Set it on a search, a pipeline or an estimator. A search is a group of runs: one for
    each of its fits, also where processes share the work, with parameters, the values
    of each epoch and the scores of the fold, and one for the search itself. They are
    written when the outermost fit ends, whether it fails or not; what is killed has
    none.

    Parameters
    ----------
    mode : {"offline", "online"}, default="offline"
        ``"offline"`` writes to the folder alone; ``wandb sync`` sends that later.
        ``"online"`` sends the runs to the server that ``wandb login`` knows.
    project : str, default="skrec"
        Project that the runs belong to.
    dir : str or path-like, default="."
        Folder in which W&B makes its folder ``wandb``; made if it is missing.

    Attributes
    ----------
    max_propagation_depth : None
        The callback reaches estimators however deep in a pipeline, as
        :class:`sklearn.callback.AutoPropagatedCallback` describes it.

    Raises
    ------
    ImportError
        When the fit begins, if W&B is not installed.

    Warns
    -----
    UserWarning
        At the end, if the runs could not be written: the fits went on without.

    See Also
    --------
    TensorBoardTracker : The same as event files.
    MLflowTracker : The same in MLflow's database, with the model.

    Notes
    -----
    Needs the extra ``wandb``: ``pip install "skrec-keras[wandb]"``.

    The same search on the same data is one group. Made again with the same result it is
    not written again, as long as the folder is there, and one that failed is removed
    from the folder when it has been made to its end. A result that differs, as without
    a seed, is another group.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skrec.callback import WandbTracker
    >>> search = GridSearchCV(LogisticRegression(), {"C": [1, 10]})
    >>> search = search.set_callbacks(WandbTracker())  # and then: search.fit(X, y)
    """

    @validate_params(
        {
            "mode": [StrOptions({"offline", "online"})],
            "project": [str],
            "dir": [str, os.PathLike],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        mode: str = "offline",
        *,
        project: str = "skrec",
        dir: str | os.PathLike = ".",
    ) -> None:
        super().__init__()
        self.mode = mode
        self.project = project
        self.dir = os.path.abspath(dir)

    def _open(self) -> Store:
        wandb = import_extra("wandb", "wandb", type(self).__name__)
        os.makedirs(self.dir, exist_ok=True)
        return RunFolders(wandb, self.mode, self.project, Path(self.dir))


class RunFolders(Store):
    """The folders that W&B makes, one a run, whose names tell what is in them.

    Parameters
    ----------
    wandb : module
        W&B.
    mode, project : str
        Of the runs.
    folder : Path
        Where W&B makes its folder.
    """

    def __init__(self, wandb: Any, mode: str, project: str, folder: Path) -> None:
        self._wandb = wandb
        self._mode, self._project, self._folder = mode, project, folder

    def attempts(self, identity: str) -> list[Attempt]:
        """Return what was kept before of the same search on the same data."""
        roots: dict[str, Kept] = {}
        fits: dict[str, list[Kept]] = {}
        for path in self._folders(f"{identity}-*"):
            if found := _ID.fullmatch(path.name):
                status = "failed" if found["failed"] else "finished"
                kept = Kept(path, "", found["own"] or found["digest"], status, None)
                if found["fit"]:
                    fits.setdefault(found["root"], []).append(kept)
                else:
                    roots[found["root"]] = kept
        # Without its root, which comes last, it was broken off while it was written.
        return [
            Attempt(kept, fits.get(name, []), may_live=False)
            for name, kept in roots.items()
        ]

    def _folders(self, name: str) -> list[Path]:
        return sorted((self._folder / "wandb").glob(f"*run-*-{name}"))

    def start(self, run: Run, identity: str) -> None:
        """Take note of the identity: W&B could not add scores to a run that is over."""
        run.ref = identity

    def epoch(self, run: Run, number: int, values: dict[str, float]) -> None:
        """Do nothing: the run has its epochs."""

    def adopt(self, kept: Kept, run: Run) -> None:
        """Do nothing: what was broken off has no runs."""

    def finish(self, run: Run) -> None:
        """Write a whole run."""
        root = run
        while root.parent is not None:
            root = root.parent
        name = f"{root.ref}-{root.digest}"
        name += f"-{_FAILED}" if root.status == "failed" else ""
        group = name
        if run is not root:
            place = ".".join(str(number).replace("-", "_") for number in run.path[1:])
            name += f"-{place}-{run.digest}"
        for path in self._folders(name):  # broken off while it was written
            shutil.rmtree(path)
        written = self._wandb.init(
            id=name,
            name=run.name,
            group=group if root.fits else None,
            job_type="search" if run.is_search else "fit",
            project=self._project,
            dir=str(self._folder),
            mode=self._mode,
            config={**run.params, "estimator": run.estimator} | _place(run),
            reinit="create_new",
            settings=self._wandb.Settings(
                console="off", silent=True, save_code=False, x_disable_stats=True
            ),
        )
        for number, values in run.epochs:
            written.log(values, step=number)
        written.summary.update(run.scores)
        written.finish(exit_code=int(run.status == "failed"))

    def remove(self, attempt: Attempt) -> None:
        """Remove the folders of an attempt."""
        for kept in [*attempt.runs, attempt.root]:
            shutil.rmtree(kept.ref)


def _place(run: Run) -> dict[str, Any]:
    """Return where in its search a fit stands, and what that has set."""
    place: dict[str, Any] = {}
    if run.candidate:
        place["searched"] = run.candidate
    if run.row is not None:
        place |= {"candidate": run.row, "fold": run.split}
    return place
