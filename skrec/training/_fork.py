"""A clear error where TensorFlow would hang: in a fork of a process that has used it.

A fork copies the memory of a process but none of its threads, so that TensorFlow waits
for its thread pool for ever. Before its first operation there is no such pool: a fork
of a process that has only imported skrec works.

The error can come from the fork alone, where it fits or predicts: in the parent nothing
of skrec's is asked, and Python prints and ignores what a function given to
`os.register_at_fork(before=)` raises. A fork that hangs before that, on a lock that
another thread held when the process was forked, is out of reach here: with threads
about, no fork is safe.
"""

import os

from tensorflow.python.eager import context as tf_context

_started_before_fork = False


def _note_fork() -> None:
    """Remember, in a process just forked, whether TensorFlow had started before."""
    global _started_before_fork
    context = tf_context.context_safe()
    if context is not None and context._initialized:
        _started_before_fork = True


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_note_fork)


def refuse_after_fork() -> None:
    """Raise if TensorFlow cannot work in this process.

    Raises
    ------
    RuntimeError
        If it had started in the process from which this one was forked.
    """
    if _started_before_fork:
        raise RuntimeError(
            "TensorFlow had started before this process was forked, and would wait "
            'here for ever. Use joblib\'s default backend="loky" instead of '
            'backend="multiprocessing" (or start processes of your own with '
            'multiprocessing.get_context("spawn")). Received: a process forked after '
            "the first fit or prediction."
        )
