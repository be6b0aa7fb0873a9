"""An environment made from a folder of wheels, without network, and a run in it."""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from _measure import MeasurementError, make_environment

PROJECT = Path(__file__).parents[2]
# What a build reads, which is copied: a build in the checkout would leave files there.
SOURCES = ("skrec", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def run_in_environment(args: argparse.Namespace, argv: list[str]) -> int:
    """Install the project from wheels alone and run the benchmark there.

    The time that the installation takes is part of `args.minutes`. `argv` are the
    options of the script, which are handed on. Returns the exit status.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        print(f"Installing from {args.wheels} ...", flush=True)
        source = Path(folder, "source")
        copy_sources(source)
        project = f"{source}[{args.extra}]" if args.extra else str(source)
        # pip builds the project in an environment of its own, so that the folder needs
        # setuptools too, and looks nowhere but there.
        only_here = ("--isolated", "--no-index", "--find-links", args.wheels)
        try:
            python = make_environment(Path(folder, "env"), *only_here, project)
        except MeasurementError as error:
            print(error, flush=True)
            return 1
        minutes = args.minutes - (time.monotonic() - start) / 60
        script = PROJECT / "benchmarks" / "gpu.py"
        options = [*without_wheels(argv), "--minutes", f"{minutes:.3f}"]
        # Nothing of this interpreter's, whose skrec may be another one.
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.run([python, script, *options], env=variables).returncode


def copy_sources(folder: Path) -> None:
    """Copy what the project is built from."""
    folder.mkdir()
    for name in SOURCES:
        path = PROJECT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)


def without_wheels(argv: list[str]) -> list[str]:
    """Leave out the options that say how to install, and the time for all."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--wheels", "--extra", "--minutes"):
        parser.add_argument(option)
    return parser.parse_known_args(argv)[1]
