"""Code in a process of its own in which skrec is imported and nothing has been trained.

Importing TensorFlow takes seconds. So one server does it, with another seed of hashes
than these tests have, and each process is a fork of it. What an import does, and what
hangs on the environment or on signals, is tested with `subprocess`.
"""

import contextlib
import io
import multiprocessing
import sys
import textwrap
import traceback
import types
from multiprocessing.forkserver import ensure_running

import pytest

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["skrec.estimators"])


def run_fresh(code, *arguments):
    """Run code with these in ``sys.argv[1:]``, and return what it has printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "1")
        ensure_running()
    receiving, sending = SERVER.Pipe(duplex=False)
    process = SERVER.Process(
        target=_run, args=(textwrap.dedent(code), [*map(str, arguments)], sending)
    )
    process.start()
    sending.close()
    try:
        printed, error = receiving.recv()
    except EOFError:
        process.join()
        raise AssertionError(f"the process died: {process.exitcode}") from None
    process.join()
    assert error is None, error
    return printed


def _run(code, arguments, sending):
    """Run code as if it were a script; send what it has printed and how it failed."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.argv = ["-c", *arguments]
    error = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(compile(code, "<code>", "exec"), vars(main))
        except BaseException:
            error = traceback.format_exc()
    sending.send((printed.getvalue(), error))
