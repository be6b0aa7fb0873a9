"""Which stored fit is this one? The key of everything that its result depends on."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import keras
import tensorflow as tf

import skrec
from skrec.training._callback_notes import STEERING
from skrec.training._digest import CannotDigestError, digest
from skrec.training._fit_file import FORMAT
from skrec.training._optimizer_items import keras_settings
from skrec.training.loop import Plan
from skrec.training.memory import FitMemory, warn_once
from skrec.training.rows import Rows

# What computes a fit; the last two solve the linear model where training may start.
SOFTWARE = ("tensorflow", "keras", "numpy", "scikit-learn", "scipy")


def fit_memory(
    memory: Any,
    about: Callable[[], Any],
    rows: Rows,
    validation: Rows | None,
    plan: Plan,
    callbacks: Sequence[keras.callbacks.Callback],
    device: str,
    recalls: bool,
) -> FitMemory | None:
    """Return the place where a fit is, or will be, stored.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        Parameter of the estimator.
    about : callable
        Returns what else the result depends on: class, architecture, initial weights,
        loss, optimizer, scaling.
    rows, validation : Rows
        Training and validation rows, as they are before they are prepared.
    plan : Plan
        How to train.
    callbacks : sequence of keras.callbacks.Callback
        Keras callbacks.
    device : str
        TensorFlow device name.
    recalls : bool
        Whether to look for what is stored, or only to store.

    Returns
    -------
    FitMemory or None
        None, after one warning, where something has no value to know it by.
    """
    plan_items = {
        name: getattr(plan, name)
        for name in ("seed", "batch_size", "learning_rate", "schedule", "shuffle")
    }
    plan_items |= {"rates": asdict(plan.rates), "patience": plan.patience}
    plan_items["evaluation_batch_size"] = plan.evaluation_batch_size
    plan_items["scores"] = plan.scores, plan.maximize
    # Averages of the weights take their place after the last epoch, whichever it is.
    continues = not callbacks and plan.schedule != "cosine" and not plan.averages
    if not continues:
        plan_items["epochs"] = plan.epochs, plan.total_epochs
    try:
        key = digest(
            [
                _software(device),
                about(),
                plan_items,
                [_callback_items(callback) for callback in callbacks],
                _row_items(rows),
                None if validation is None else _row_items(validation),
            ]
        )
    except CannotDigestError as error:
        warn_once(
            "digest",
            str(error),
            f"This fit is not stored in memory={str(memory)!r}, since it could not be "
            f"known again: {error}.",
        )
        return None

    def steering() -> list[Any]:
        return [plan.schedule, *(getattr(c, "schedule", None) for c in callbacks)]

    before = digest(steering())
    return FitMemory(
        memory, key, continues, recalls, lambda: digest(steering()) == before
    )


def _software(device: str) -> list[Any]:
    """Return what makes two machines give the same bits."""
    kind: Any = device.strip("/").split(":")[0]
    if kind == "GPU":
        gpu = tf.config.list_physical_devices("GPU")[int(device.rsplit(":", 1)[1])]
        details = tf.config.experimental.get_device_details(gpu)
        tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
        kind = details.get("device_name", kind), tf32
    return [
        FORMAT,
        skrec.__version__,
        *(version(name) for name in SOFTWARE),
        kind,
        tf.config.threading.get_intra_op_parallelism_threads(),
        *keras_settings(),
    ]


def _row_items(rows: Rows) -> list[Any]:
    return [rows.x, rows.y, rows.weight, rows.index, rows.weighted, rows.renew]


def _callback_items(callback: keras.callbacks.Callback) -> list[Any]:
    kind = type(callback)
    if kind not in STEERING:
        raise CannotDigestError(
            f"a callback of type {kind.__name__} may do more than steer whole epochs"
        )
    names = [name for name in inspect.signature(kind).parameters if name != "verbose"]
    return [kind, {name: getattr(callback, name, None) for name in names}]
