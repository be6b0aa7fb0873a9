"""A server in a process of its own, which can import nothing of what trained."""

import os
import re
import subprocess
import sys
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
    process = subprocess.Popen(
        [*command, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                yield found[1]
                return
        raise AssertionError("".join(lines))
    finally:
        process.terminate()
        process.communicate()
