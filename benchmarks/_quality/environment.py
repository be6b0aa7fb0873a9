"""The peers' virtual environment, and jobs in processes of their own."""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

PEERS = ["torch==2.13.0", "fuxictr==2.3.10", "scikit-surprise==1.1.5"]
JOBS = Path(__file__).with_name("jobs")  # a folder that Python runs
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
TIMEOUT = 6 * 3600  # seconds; a guard against hangs


class PeerError(RuntimeError):
    """A peer is not there or failed; says how in one line."""


def default_folder(script: str = "quality_ctr") -> Path:
    """Return where the environment of a script is kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "skrec", script)


def peers_python(folder: Path, install: bool, peers: Sequence[str] = PEERS) -> Path:
    """Return the interpreter of the environment, which is made if it may be.

    Parameters
    ----------
    folder : Path
        The environment.
    install : bool
        Whether it may be made.
    peers : sequence of str, default=PEERS
        What pip installs in it.

    Raises
    ------
    PeerError
        If there is none, or it cannot be made.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / "complete").exists():
        return python
    if not install:
        raise PeerError(f"not installed: no complete environment in {folder}")
    venv.create(folder, with_pip=True, clear=True)
    command = [python, "-m", "pip", "install", "--quiet", *peers]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        raise PeerError(f"pip install failed: {said}")
    (folder / "complete").write_text("\n".join(peers) + "\n")
    return python


def run_job(
    python: Path, job: dict[str, Any], arrays: dict[str, np.ndarray], threads: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Do one job in a fresh process.

    Parameters
    ----------
    python : Path
        Interpreter: of the peers' environment, or this one.
    job : dict of str to object
        ``runner`` and ``task``: a module in `jobs` and a function in it; and whatever
        that needs, as JSON can hold it.
    arrays : dict of str to ndarray
        Data.
    threads : int
        Threads of the process.

    Returns
    -------
    facts : dict of str to object
        What the job says.
    found : dict of str to ndarray
        What it computed.

    Raises
    ------
    PeerError
        If the process fails.
    """
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    # This interpreter's modules are for this interpreter alone.
    own = sys.path if str(python) == sys.executable else []
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, own))
    variables["CUDA_VISIBLE_DEVICES"] = "-1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(job))
        np.savez(folder / "arrays.npz", **arrays)
        done = subprocess.run(
            [python, JOBS, name],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
            raise PeerError(f"exit code {done.returncode}: {said}")
        facts = json.loads((folder / "answer.json").read_text())
        with np.load(folder / "answer.npz") as stored:
            return facts, dict(stored)
