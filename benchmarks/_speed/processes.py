"""Fresh processes to measure in, and the virtual environment of the peers."""

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1]  # on the path of a measured process
THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
PEERS = ["torch==2.13.0", "skorch==1.4.0", "keras-tuner==1.4.8"]
# The peers run on the same versions of what they share with skrec.
SHARED = [
    "numpy",
    "scipy",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "tensorflow",
    "keras",
]
TIMEOUT = 3600  # seconds; a guard against hangs


class MeasurementError(RuntimeError):
    """A measured process failed; says how in one line."""


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
    spec: dict[str, Any],
    *,
    threads: int | None = 1,
    device: str = "cpu",
    python: str | os.PathLike = sys.executable,
    module: str = "_speed",
    timeout: float = TIMEOUT,
) -> Any:
    """Run one task of a package in a fresh process and return its result.

    Raises
    ------
    MeasurementError
        If the process or the task in it fails.
    """
    variables = environment_of(threads, device)
    # This interpreter's modules are for this interpreter alone.
    own = sys.path if python == sys.executable else []
    variables["PYTHONPATH"] = os.pathsep.join([str(FOLDER), *filter(None, own)])
    try:
        done = _run([python, "-m", module], json.dumps(spec), variables, timeout)
        answer = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MeasurementError(f"{type(error).__name__}: {error}") from None
    except (IndexError, json.JSONDecodeError):
        said = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise MeasurementError(f"exit code {done.returncode}: {said}") from None
    if "error" in answer:
        raise MeasurementError(answer["error"])
    return answer["result"]


def _run(
    command: list[Any], given: str, variables: dict[str, str], timeout: float
) -> subprocess.CompletedProcess:
    """Run a command; after the timeout, end it and the workers that it started."""
    with subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of processes that can be ended together
    ) as process:
        try:
            said = process.communicate(given, timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, *said)


def peers_python(folder: Path, install: bool) -> Path:
    """Return the interpreter of the peers' environment, made if it may be.

    Raises
    ------
    MeasurementError
        If there is none, or it cannot be made.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists():
        return python
    if not install:
        raise MeasurementError(f"not installed: there is no {python}")
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in SHARED]
    venv.create(folder, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", *PEERS, *pins]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        raise MeasurementError(f"pip install failed: {said}")
    return python
