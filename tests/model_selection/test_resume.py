"""A search that is killed or interrupted ends, run again, as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from skrec.training import memory_info
from tests.model_selection.searches import run

ROOT = Path(__file__).parents[2]
KINDS = ["grid", "random", "halving", "hyperband", "bayes", "optuna", "nested"]
# What has to be gone is waited for. joblib's idle workers would stay for 300 seconds.
SECONDS_TO_WAIT = 120


@pytest.fixture
def memory(tmp_path):
    """Return the folder that keeps the fits."""
    return tmp_path / "fits"


@pytest.fixture
def temporary(tmp_path):
    """Return the folder in which a search and its workers make theirs."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def start(memory, temporary):
    """Return a function that starts searches in a process of its own group."""
    started = []

    def start(n_jobs, *kinds, memory=memory):
        command = [sys.executable, "-m", "tests.model_selection.searches"]
        folders = dict.fromkeys(["TMPDIR", "JOBLIB_TEMP_FOLDER"], str(temporary))
        process = subprocess.Popen(
            [*command, str(memory), str(n_jobs), *kinds],
            cwd=ROOT,
            env=os.environ | folders,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):  # where all has ended, as it should
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(n_fits, process, memory):
    """Return as soon as so many fits are stored."""
    while memory_info(memory).n_fits < n_fits:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def outputs(process):
    """Return what was printed, once no process is left that could print more."""
    return process.communicate(timeout=SECONDS_TO_WAIT)


def check_resumed(kind, memory, trained):
    """Run a search again, which trains what was missing and no more."""
    found = memory_info(memory)
    del trained[:]
    uninterrupted = run(kind, None)
    n_epochs = len(trained)
    del trained[:]
    assert run(kind, str(memory)) == uninterrupted
    assert 0 < len(trained) <= n_epochs - found.n_epochs
    del trained[:]
    assert run(kind, str(memory)) == uninterrupted
    assert len(trained) == 0


# By day, tests/callback/test_resumed.py kills a search, and tests/recommenders/ a fit.
@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_search_trains_what_was_missing_and_ends_the_same(
    kind, start, memory, trained
):
    process = start(1, kind)
    wait_for(3, process, memory)
    os.killpg(process.pid, signal.SIGKILL)
    assert "finished" not in outputs(process)[0]
    check_resumed(kind, memory, trained)


@pytest.mark.nightly
def test_a_killed_search_over_two_processes_ends_the_same(start, memory):
    process = start(2, "grid")
    wait_for(3, process, memory)
    os.killpg(process.pid, signal.SIGKILL)
    outputs(process)
    assert run("grid", str(memory), 2) == run("grid", None)


# ---- the parent alone is told to end, or everything in the terminal is ---------------


@pytest.mark.nightly
def test_interrupted_and_terminated_searches_leave_nothing(start, memory, temporary):
    """A search, interrupted as in a notebook, and after it another, terminated."""
    process = start(2, "random", "halving")
    wait_for(2, process, memory)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "random interrupted\n"
    wait_for(memory_info(memory).n_fits + 2, process, memory)
    assert len(os.listdir(temporary)) > 0
    process.terminate()

    assert outputs(process)[0] == ""
    assert process.returncode == -signal.SIGTERM
    assert os.listdir(temporary) == []
    for kind in ("random", "halving"):
        assert run(kind, str(memory)) == run(kind, None)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_search_over_two_processes_ends_with_its_parent(
    kind, name, start, memory, temporary, trained
):
    process = start(2, kind)
    wait_for(2, process, memory)
    number = getattr(signal, name)
    process.send_signal(number)

    printed, _ = outputs(process)
    assert printed == (f"{kind} interrupted\n" if name == "SIGINT" else "")
    assert process.returncode == (0 if name == "SIGINT" else -number)
    assert os.listdir(temporary) == []
    check_resumed(kind, memory, trained)


@pytest.mark.nightly
def test_a_killed_hyperband_leaves_no_memory_of_its_own(start, temporary):
    process = start(1, "hyperband", memory="")
    while not list(temporary.glob("skrec-*/**/*.npz")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.kill()
    outputs(process)
    assert os.listdir(temporary) == []
