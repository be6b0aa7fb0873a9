"""A search whose process is killed ends, run again, as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skrec.training import memory_info
from tests.model_selection.searches import run

ROOT = Path(__file__).parents[2]


def start(*arguments):
    """Start a search in a process, with its workers, that can be killed as a group."""
    command = [sys.executable, "-m", "tests.model_selection.searches", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_after(n_fits, process, memory):
    """Kill a search as soon as so many fits are stored."""
    while memory_info(memory).n_fits < n_fits:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    out, _ = process.communicate()
    assert "finished" not in out


NIGHTLY = ["random", "halving", "hyperband", "bayes", "optuna", "nested"]


@pytest.mark.parametrize(
    "kind",
    ["grid", *(pytest.param(kind, marks=pytest.mark.nightly) for kind in NIGHTLY)],
)
def test_a_killed_search_trains_what_was_missing_and_ends_the_same(
    kind, tmp_path, trained
):
    kill_after(3, start(kind, str(tmp_path)), tmp_path)
    found = memory_info(tmp_path)
    uninterrupted = run(kind, None)
    n_epochs = len(trained)
    del trained[:]
    assert run(kind, str(tmp_path)) == uninterrupted
    assert 0 < len(trained) <= n_epochs - found.n_epochs
    del trained[:]
    assert run(kind, str(tmp_path)) == uninterrupted
    assert len(trained) == 0


# By day, a search is killed in one process, above.
@pytest.mark.nightly
def test_a_killed_search_over_two_processes_ends_the_same(tmp_path):
    kill_after(3, start("grid", str(tmp_path), "2"), tmp_path)
    assert run("grid", str(tmp_path), 2) == run("grid", None)
