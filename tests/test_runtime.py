"""Start-up: quiet, on TensorFlow, with the threads that the user chose."""

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import skrec

SKREC = Path(skrec.__file__).parent

FIT = """
import numpy as np
from skrec import MLPClassifier
X = np.arange(40.0).reshape(20, 2)
clf = MLPClassifier(units=2, epochs=2).fit(X, np.arange(20) % 2)
clf.predict_proba(X)
clf.model_.predict(X, verbose=0)
"""
UNSET = (
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_NUM_INTRAOP_THREADS",
    "KERAS_BACKEND",
    "TF_ENABLE_ONEDNN_OPTS",
)


def run(code, **environment):
    """Run code in a new process whose environment has none of the variables above."""
    inherited = {key: val for key, val in os.environ.items() if key not in UNSET}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, **environment},
    )


THREADS = """
import tensorflow as tf
print(tf.config.threading.get_intra_op_parallelism_threads())
"""


def test_skrec_starts_tensorflow_with_the_first_thing_that_needs_it():
    code = """
    import sys
    import skrec
    import skrec.preprocessing, skrec.datasets, skrec.drift, skrec.export
    assert "MLPClassifier" in dir(skrec)
    print("tensorflow" in sys.modules, "keras" in sys.modules)
    """
    assert run(textwrap.dedent(code)).stdout == "False False\n"


def test_every_package_that_imports_keras_starts_it_first():
    """On the threads, the backend and the silence that skrec wants."""
    packages = set()
    for path in SKREC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            names = [alias.name for alias in node.names]
            names.append(getattr(node, "module", None) or "")
            if {"keras", "tensorflow"} & {name.split(".")[0] for name in names}:
                packages.add(path.parent)
    # skrec/_runtime.py itself, and what imports an estimator before Keras.
    packages -= {SKREC, SKREC / "export"}
    assert packages > {SKREC / "estimators", SKREC / "training"}
    for package in packages:
        text = (package / "__init__.py").read_text("utf-8")
        first = next(line for line in text.splitlines() if line.startswith("from"))
        assert first.startswith("from skrec import _runtime"), package


def test_another_backend_is_a_clear_error_at_import():
    done = run("from skrec import MLPClassifier", KERAS_BACKEND="jax")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: skrec trains Keras models on TensorFlow.")
    assert "KERAS_BACKEND=tensorflow" in last
    assert last.endswith("Received: backend 'jax'.")


@pytest.mark.nightly
def test_the_variables_for_threads_and_for_the_log_level_are_respected():
    level = "import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
    done = run(
        f"import skrec\n{FIT}{THREADS}{level}",
        TF_NUM_INTRAOP_THREADS="3",
        TF_CPP_MIN_LOG_LEVEL="1",
    )
    # TensorFlow reads the variable where its own setting is left at 0.
    assert done.stdout == "0\n1\n"


@pytest.mark.nightly
def test_the_setting_for_threads_is_respected():
    chosen = "import tensorflow as tf\n" + (
        "tf.config.threading.set_intra_op_parallelism_threads(2)\n"
    )
    assert run(f"{chosen}import skrec\n{FIT}{THREADS}").stdout == "2\n"


@pytest.mark.nightly
def test_import_works_after_tensorflow_has_started():
    started = "import tensorflow as tf\ntf.constant(1) + 1\n"
    done = run(f"{started}import skrec\n{FIT}{THREADS}")
    assert (done.returncode, done.stdout) == (0, "0\n")


def test_import_and_fit_print_nothing_and_use_one_thread():
    done = run(f"import skrec\n{FIT}{THREADS}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


# By day, in one process, above.
@pytest.mark.nightly
def test_import_and_fit_print_nothing_and_use_one_thread_in_workers_too():
    """And what the user prints and later errors still show."""
    code = """
    from joblib import Parallel, delayed

    def fit(number):
        MLPClassifier(units=2, epochs=1).fit(X, np.arange(20) % 2).predict(X)
        import tensorflow as tf
        return tf.config.threading.get_intra_op_parallelism_threads()

    print(Parallel(n_jobs=2)(delayed(fit)(number) for number in range(2)))
    import sys
    print("err", file=sys.stderr)
    1 / 0
    """
    done = run(f"import skrec\n{FIT}{THREADS}{textwrap.dedent(code)}")
    assert (done.returncode, done.stdout) == (1, "1\n[1, 1]\n")
    assert done.stderr.startswith("err\nTraceback ")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
