"""What measurements share: fresh processes, environments of peers, and records.

This module is also what a measured process runs, in any environment: it imports the
standard library alone.
"""

import argparse
import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent  # on the path of a measured process
THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
TIMEOUT = 6 * 3600  # seconds; a guard against hangs


class MeasurementError(RuntimeError):
    """A measured process failed, or has no environment; says how in one line."""


# ---- environments ------------------------------------------------------------------


def add_environment_options(parser: argparse.ArgumentParser, script: str) -> None:
    """Add the options for the environment that is kept between runs of a script."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parser.add_argument(
        "--envs",
        "--peers",
        type=lambda folder: Path(folder).absolute(),
        default=Path(cache, "skrec", script),
        metavar="DIR",
        help="virtual environment of the peers, made if it is not there (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--no-install",
        dest="install",
        action="store_false",
        help="do not make that environment: without it the peers are left out",
    )


def peers_python(folder: Path, install: bool, packages: Sequence[str]) -> Path:
    """Return the interpreter of an environment with packages, made if it may be.

    An environment of other packages, or of other versions, is made anew.
    """
    complete, wanted = folder / "complete", "\n".join(packages) + "\n"
    if complete.exists() and complete.read_text() == wanted:
        return _python_of(folder)
    if not install:
        raise MeasurementError(
            f"not installed: there is no complete environment in {folder}"
        )
    is_new = not folder.exists() or not any(folder.iterdir())
    if not is_new and not (folder / "pyvenv.cfg").exists():
        raise MeasurementError(
            "not installed: --envs must name an environment or a new folder, since "
            f"what is in it is removed. Received: {folder}"
        )
    python = make_environment(folder, *packages)
    complete.write_text(wanted)
    return python


def make_environment(folder: Path, *packages: str) -> Path:
    """Make a virtual environment; return its interpreter."""
    venv.create(folder, with_pip=True, clear=True)
    python = _python_of(folder)
    # Nothing of this interpreter's, whose skrec may be another one.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [str(python), "-m", "pip", "install", "--quiet", *packages]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        raise MeasurementError(f"pip install failed: {said}")
    return python


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# ---- processes ---------------------------------------------------------------------


def environment_of(threads: int | None, device: str) -> dict[str, str]:
    """Return the environment variables of a measured process and its workers.

    Without a number of threads they have as many as if a user had started them.
    """
    chosen = {} if threads is None else dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables = {
        **{k: v for k, v in os.environ.items() if k not in THREAD_VARIABLES},
        **chosen,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # two processes may share a GPU
    }
    if device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = "-1"
    return variables


def run_task(
    task: str,
    *args: Any,
    threads: int | None = 1,
    device: str = "cpu",
    python: str | os.PathLike = sys.executable,
    timeout: float | None = TIMEOUT,
    show: bool = False,
) -> Any:
    """Call a function in a fresh process and return its result.

    Parameters
    ----------
    task : str
        Module and name of the function, such as ``"_speed.tasks:search"``.
    *args : object
        What it is called with, to be pickled.
    threads : int or None, default=1
        Threads of the process; as many as any user has, if None.
    device : {"cpu", "gpu"}, default="cpu"
        "cpu" hides GPUs.
    python : path-like, default=sys.executable
        Interpreter: of the peers' environment, or this one.
    timeout : float or None, default=6 hours
        Seconds after which the process and its workers are ended.
    show : bool, default=False
        Whether what it prints is shown.

    Raises
    ------
    MeasurementError
        If the process or the function fails.
    """
    variables = environment_of(threads, device)
    # This interpreter's modules are for this interpreter alone.
    own = sys.path if str(python) == sys.executable else []
    variables["PYTHONPATH"] = os.pathsep.join([str(FOLDER), *filter(None, own)])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "task.pickle")
        file.write_bytes(pickle.dumps((task, args)))
        command = [str(python), "-m", "_measure", str(file)]
        try:
            status, said = _run(command, variables, timeout, show)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MeasurementError(f"{type(error).__name__}: {error}") from None
        if status:
            last = (said.strip().splitlines() or ["nothing on stderr"])[-1]
            raise MeasurementError(f"exit code {status}: {last}")
        answer = pickle.loads(file.read_bytes())
    if "error" in answer:
        raise MeasurementError(answer["error"])
    return answer["result"]


def _run(
    command: list[str], variables: dict[str, str], timeout: float | None, show: bool
) -> tuple[int, str]:
    """Run a command; after the timeout, end it and the workers that it started."""
    with subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=None if show else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of processes that can be ended together
    ) as process:
        try:
            _, said = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said


def _main(file: Path) -> None:
    """Do the task that a file holds, and write its result there."""
    task, args = pickle.loads(file.read_bytes())
    module, _, name = task.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        answer = {"result": function(*args)}
    except Exception as error:  # a result too, for a row that says so
        traceback.print_exc()
        first_line = (str(error).splitlines() or [""])[0]
        answer = {"error": f"{type(error).__name__}: {first_line}"}
    file.write_bytes(pickle.dumps(answer))


# ---- results -----------------------------------------------------------------------


class Records:
    """Rows in a file of JSON lines, which grows row by row.

    Parameters
    ----------
    path : Path
        The file; what is in it is not done again.
    key : sequence of str
        What of a row says what was done.
    """

    def __init__(self, path: Path, key: Sequence[str]) -> None:
        self.path, self.key = path, key
        path.parent.mkdir(parents=True, exist_ok=True)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def done(self) -> set[tuple]:
        """Keys of all rows."""
        return {tuple(row[name] for name in self.key) for row in self.rows}

    def add(self, row: dict[str, Any]) -> None:
        """Write a row at once."""
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
