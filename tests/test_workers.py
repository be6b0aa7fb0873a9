"""Which processes end with their parent, and when.

Whole searches whose parent is killed are in tests/model_selection/test_resume.py.
"""

import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from skrec import _workers

HERE = SimpleNamespace(pid=os.getpid())


class Ended(BaseException):
    pass


class StillThere(BaseException):
    pass


@pytest.fixture(autouse=True)
def looks(monkeypatch):
    """Raise instead of ending this process, and instead of a fourth look."""
    left = itertools.count(3, -1)

    def end(code):
        raise Ended

    def look_again(seconds):
        if next(left) == 0:
            raise StillThere

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(_workers, "time", SimpleNamespace(sleep=look_again))


@pytest.fixture
def gone():
    """Return the number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def test_a_process_stays_while_its_parent_does():
    with pytest.raises(StillThere):
        _workers._exit_after(os.getppid())


def test_a_process_stays_whose_parent_started_it_by_way_of_another():
    with pytest.raises(StillThere):
        _workers._exit_after(os.getpid())  # which is not what `os.getppid` says


def test_a_process_ends_that_gets_another_parent(monkeypatch):
    above = iter([7, 7, 7, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(above))
    with pytest.raises(Ended):
        _workers._exit_after(os.getpid())
    assert list(above) == []


def test_a_process_ends_whose_parent_was_gone_before_it_looked(gone):
    with pytest.raises(Ended):
        _workers._exit_after(gone)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_of_the_user_may_outlive_their_parents(method, monkeypatch):
    child = multiprocessing.get_context(method).Process()
    monkeypatch.setattr(multiprocessing, "current_process", lambda: child)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: HERE)
    started = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    _workers.end_with_parent()
    assert started == []
