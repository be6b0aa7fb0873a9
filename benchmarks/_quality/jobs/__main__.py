"""Do one job in a process of its own: from a file of arrays and one of settings.

The folder that is the only argument holds ``job.json`` and ``arrays.npz``; the answer
goes to ``answer.npz`` and ``answer.json`` in it.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Read the job, do it, and write what came of it."""
    job = json.loads((folder / "job.json").read_text())
    with np.load(folder / "arrays.npz") as stored:
        arrays = dict(stored)
    runner = importlib.import_module(job["runner"])
    facts, found = getattr(runner, job["task"])(job, arrays, folder)
    np.savez(folder / "answer.npz", **found)
    (folder / "answer.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
