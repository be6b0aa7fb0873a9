"""An environment made from a folder of wheels, without network, and a run in it."""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
import venv
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# What a build reads, which is copied: a build in the checkout would leave files there.
SOURCES = ("skrec", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def run_in_environment(args: argparse.Namespace, argv: list[str]) -> int:
    """Install the project from wheels alone and run the benchmark there.

    Parameters
    ----------
    args : Namespace
        ``wheels``, a folder; ``extra`` of the project, which may be empty; ``minutes``
        for everything, the installation included.
    argv : list of str
        Options of the script, which are handed on.

    Returns
    -------
    int
        Exit status.
    """
    start = time.monotonic()
    # Nothing of this interpreter's, whose skrec may be another one.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "Scripts/python.exe" if os.name == "nt" else "bin/python")
        print(f"Installing from {args.wheels} ...", flush=True)
        source = Path(folder, "source")
        copy_sources(source)
        command = install_command(python, source, args.wheels, args.extra)
        done = subprocess.run(command, env=variables)
        if done.returncode:
            return done.returncode
        minutes = args.minutes - (time.monotonic() - start) / 60
        script = PROJECT / "benchmarks" / "gpu.py"
        options = [*without_wheels(argv), "--minutes", f"{minutes:.3f}"]
        return subprocess.run([python, script, *options], env=variables).returncode


def copy_sources(folder: Path) -> None:
    """Copy what the project is built from."""
    folder.mkdir()
    for name in SOURCES:
        path = PROJECT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)


def install_command(python: Path, source: Path, wheels: str, extra: str) -> list[str]:
    """Return the command that installs the project, and looks nowhere but there.

    pip builds the project in an environment of its own, so that the folder needs
    setuptools too.
    """
    project = f"{source}[{extra}]" if extra else str(source)
    pip = [str(python), "-m", "pip", "install", "--isolated", "--quiet"]
    return [*pip, "--no-index", "--find-links", wheels, project]


def without_wheels(argv: list[str]) -> list[str]:
    """Leave out the options that say how to install, and the time for all."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--wheels", "--extra", "--minutes"):
        parser.add_argument(option)
    return parser.parse_known_args(argv)[1]
