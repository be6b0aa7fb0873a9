"""What is read in a measured process: a clock, and resident memory.

Memory comes from /proc; it is NaN on systems that have none.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROC = Path("/proc")
MB = 2**20


def seconds_of(call: Callable[..., Any], *args: Any) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call(*args)
    return time.perf_counter() - start


def _status(pid: int | str, name: str) -> float:
    """Read one entry of a process's status, in MB."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / MB
    return 0.0  # a process that has ended has no memory


def _descendants() -> list[int]:
    """Return the processes that this one has started, and theirs."""
    parents = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold spaces.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(folder.name)] = int(fields[1])
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def resident_mb(workers: bool = False) -> float:
    """Return resident memory now, with that of all workers if asked for."""
    if not PROC.is_dir():
        return float("nan")
    total = _status("self", "VmRSS")
    for pid in _descendants() if workers else []:
        try:
            total += _status(pid, "VmRSS")
        except OSError:
            continue
    return total


def reset_peak() -> None:
    """Let :func:`peak_mb` start from what is resident now."""
    if PROC.is_dir():
        (PROC / "self" / "clear_refs").write_text("5")


def peak_mb() -> float:
    """Return the most memory resident since :func:`reset_peak`."""
    return _status("self", "VmHWM") if PROC.is_dir() else float("nan")
