"""Processes that may still be at what they have left, told by machine and number."""

import os
import socket
import uuid
from functools import cache
from pathlib import Path

import xxhash


@cache
def this_machine() -> str:
    """Return what all processes have in common that see each other by their number.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        machine = boot + os.readlink("/proc/self/ns/pid")  # another in each container
    except OSError:  # only Linux has them
        machine = f"{socket.gethostname()} {uuid.getnode()}"
    return xxhash.xxh3_64_hexdigest(machine.encode())


def may_live(machine: str, pid: int) -> bool:
    """Tell whether a process may still run.

    Parameters
    ----------
    machine : str
        What :func:`this_machine` returned to it.
    pid : int
        Its number.

    Returns
    -------
    bool
        False where it is known to have ended; True for one of another machine.
    """
    if machine != this_machine() or os.name != "posix":
        return True
    try:
        os.kill(pid, 0)  # does nothing but ask
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
