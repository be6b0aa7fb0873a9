"""End the worker processes of a search whose parent process is gone.

SIGTERM and SIGKILL end Python without any cleaning up. What remains of a search are the
workers of loky, joblib's default backend: they train what they had been sent, wait five
minutes for more, and hold the memory, the GPU and the files on disk that they share.
Once they have ended, joblib's resource tracker, a process that outlives them, removes
the files.
"""

import multiprocessing
import os
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5


def end_with_parent() -> None:
    """Let a worker of loky end as soon as its parent has; do nothing anywhere else.

    Other processes have a right to outlive their parents, and Dask and Ray look after
    their workers themselves.
    """
    process = type(multiprocessing.current_process())
    is_worker = process.__module__.endswith("loky.backend.process")
    parent = multiprocessing.parent_process()
    # Windows tells no process that its parent is gone, and its `os.kill` asks nothing.
    if is_worker and parent is not None and os.name == "posix":
        threading.Thread(
            target=_exit_after, args=[parent.pid], name="skrec-parent", daemon=True
        ).start()


def _exit_after(parent: int) -> None:
    """End this process once that of a number is gone.

    The process above this one is usually the parent itself, dead or a zombie when
    another takes its place. But the interpreter may be a script that starts another.

    No signal of the parent's death is asked for (``PR_SET_PDEATHSIG``): Linux sends it
    when the thread ends that started the worker, which may be any thread.
    """
    above = os.getppid()
    while os.getppid() == above and _exists(parent):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)  # no signal, a question
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return True
