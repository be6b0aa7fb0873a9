"""A server in a process of its own, which can import nothing of what trained."""

import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

BLOCKED = ["tensorflow", "keras", "sklearn", "scipy", "pandas", "onnx", "tf2onnx"]
# What blocks modules as if they were not installed.
WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
RUN = """
import runpy
runpy.run_module("skrec.export.serve", run_name="__main__", alter_sys=True)
"""


def without(blocked, code):
    """Return code that runs as if some packages were not installed."""
    return WITHOUT.format(blocked=blocked) + code


def python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@contextmanager
def server(path, *arguments, blocked=BLOCKED):
    """Run ``python -m skrec.export.serve`` and yield its address."""
    command = [sys.executable, "-c", without(blocked, RUN), str(path), *arguments]
    # A file, which never fills up as a pipe does that nobody reads.
    with tempfile.TemporaryFile("a+") as log:
        process = subprocess.Popen([*command, "--port", "0"], stderr=log)
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait()


def _address(process, log):
    """Wait until the server says where it listens."""
    while process.poll() is None:
        log.seek(0)
        if found := re.search(r"running on (http://\S+)", log.read()):
            return found[1]
        time.sleep(0.05)
    log.seek(0)
    raise AssertionError(log.read())
