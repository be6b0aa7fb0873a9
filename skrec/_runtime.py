"""Start TensorFlow once, quietly, with Keras on top of it and a known thread count.

Importing this module is the only thing in skrec that touches process-wide state, and
it does so only before TensorFlow has started and only where the user has not chosen.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from skrec._workers import end_with_parent


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hide what native code writes to standard error, unless the block fails.

    TensorFlow 2.21 logs before it reads ``TF_CPP_MIN_LOG_LEVEL``, so the variable alone
    does not silence a worker process.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            hidden.seek(0)
            os.write(saved, hidden.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _require_tensorflow_backend(name: str | None) -> None:
    """Raise if Keras is, or is about to be, on a backend other than TensorFlow."""
    if name not in (None, "tensorflow"):
        raise ImportError(
            "skrec trains Keras models on TensorFlow. Set KERAS_BACKEND=tensorflow (or "
            'remove "backend" from ~/.keras/keras.json) before Keras is imported. '
            f"Received: backend {name!r}."
        )


def _start() -> None:
    """Import TensorFlow and Keras and fix the number of intra-op threads.

    One intra-op thread is the default because the networks that searches are made of
    are small: ten epochs of a Conv1D network on 1,333 x 20 x 8 at batch 32 take 0.12 s
    on one thread and 0.31 s on two, and the largest network measured, 400-400-400 at
    batch 4,096, takes 1.69 s and 0.99 s (2-core machine, 2026-11-22). One number of
    threads in the parent and in every worker is also what makes ``n_jobs=1`` and
    ``n_jobs=2`` give the same bits.
    """
    _require_tensorflow_backend(os.environ.get("KERAS_BACKEND"))
    import tensorflow as tf

    user_chose_threads = (
        "TF_NUM_INTRAOP_THREADS" in os.environ
        or tf.config.threading.get_intra_op_parallelism_threads() != 0
    )
    if not user_chose_threads:
        # Once TensorFlow has started this raises: its threads are fixed, the user's.
        with suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(1)

    import keras

    _require_tensorflow_backend(keras.backend.backend())
    tf.config.list_physical_devices("GPU")  # logs once where a driver is missing


end_with_parent()  # first, since the rest takes seconds
# "3" hides everything; a worker process inherits it from its parent.
if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3":
    with _quiet_stderr():
        _start()
else:
    _start()
