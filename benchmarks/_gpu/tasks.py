"""What a measured process does: name the card, time epochs, fit, search."""

import shutil
import statistics
import subprocess
import time
from functools import partial
from typing import Any

import joblib
import keras
import numpy as np
import tensorflow as tf
from _common import environment, timed
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from _gpu.workloads import ESTIMATORS, NETWORKS, make_inputs, make_rows
from skrec.training import resolve_device
from skrec.training.program import Program
from skrec.training.rows import Data
from skrec.training.state import Rates

LEARNING_RATE = 0.001
MAX_EPOCHS = 50  # timed; more say no more of the median
NO_TIME = "not run: no time left"
GRID = {
    "filters": [16, 32],
    "learning_rate": [0.001, 0.01],
    "batch_size": [128, 1024],
}
N_FOLDS = 3


# ---- the machine -------------------------------------------------------------------


def card(spec: dict[str, Any]) -> dict[str, Any]:
    """Name the GPUs that TensorFlow sees, its build and the driver."""
    describe = tf.config.experimental.get_device_details
    gpus = [
        {key: str(value) for key, value in describe(gpu).items()}
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    build = {key: str(value) for key, value in tf.sysconfig.get_build_info().items()}
    return {
        "gpus": gpus,
        "driver": driver_version() if gpus else "none",
        "tensorflow_build": build,
        "cores": joblib.cpu_count(),
        "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "environment": environment(),
    }


def driver_version() -> str:
    """Return what nvidia-smi says of the driver; TensorFlow does not know it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    if shutil.which(command[0]) is None:
        return "unknown: there is no nvidia-smi"
    said = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return (said.stdout or said.stderr).strip().replace("\n", ", ")


# ---- epochs ------------------------------------------------------------------------


class Epochs:
    """Epochs of one network on rows that lie on the device.

    It has dense updates and no penalties.
    """

    def __init__(self, name: str, device: str, n_rows: int, seed: int) -> None:
        self.n_rows, self.seed = n_rows, seed
        x, y = make_inputs(name, n_rows, seed)
        self.data = Data.of(x, y, np.ones(n_rows, np.float32), device)
        compiled = {
            "optimizer": keras.optimizers.Adam(LEARNING_RATE),
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
        }
        with tf.device(device):
            self.program = Program(NETWORKS[name].build(), compiled, device)

    def start(self) -> None:
        """Return to the untrained weights."""
        self.program.load(self.program.initial_state(self.seed))

    def train(self, batch_size: int) -> None:
        """Train one epoch, and wait for its end."""
        program = self.program
        order = np.random.default_rng(self.seed).permutation(self.n_rows)
        rates = Rates.of(program.optimizer, {"dropout": 0.0}, program.tuned)
        n_steps = -(-self.n_rows // batch_size)
        learning_rates = np.full(n_steps, LEARNING_RATE)
        seeds = [np.zeros(2, np.uint32)] * program.n_seeds
        program.train_epoch(self.data, order, batch_size, learning_rates, rates, seeds)

    def time(self, batch_size: int, enough: float) -> dict[str, Any]:
        """Time the first epoch, and then those that take `enough` seconds together."""
        self.start()
        _, first = timed(self.train, batch_size)
        times: list[float] = []
        while not times or (sum(times) < enough and len(times) < MAX_EPOCHS):
            times.append(timed(self.train, batch_size)[1])
        seconds, n_steps = statistics.median(times), -(-self.n_rows // batch_size)
        return {
            "microseconds_a_step": 1e6 * seconds / n_steps,
            "seconds_an_epoch": seconds,
            "seconds_of_the_first": first,
            "steps": n_steps,
            "epochs": len(times),
        }


def time_epochs(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Time epochs of a network at each batch size."""
    end = time.monotonic() + spec["seconds"]
    device = resolve_device(spec["device"])
    epochs = Epochs(spec["network"], device, spec["rows"], spec["seed"])
    rows = []
    for batch_size in spec["batches"]:
        row = {"network": spec["network"], "batch": batch_size, "how": spec["how"]}
        if time.monotonic() > end:
            rows.append(row | {"note": NO_TIME})
            continue
        try:
            row |= epochs.time(batch_size, spec["enough"])
        except Exception as error:  # whatever a GPU refuses is a result
            row["note"] = in_one_line(error)
        rows.append(row)
    return rows


def in_one_line(error: Exception) -> str:
    """Return the first line of an error."""
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line[:200]}"


# ---- fits and searches -------------------------------------------------------------


def fit_all(spec: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Fit each estimator shortly, TF32 off; return the weights, and what went wrong."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    arrays: dict[str, np.ndarray] = {}
    wrong: dict[str, str] = {}
    for name in spec["networks"]:
        X, y = make_rows(name, spec["rows"], spec["seed"])
        model = clone(ESTIMATORS[name]).set_params(
            epochs=spec["epochs"],
            batch_size=spec["batch_size"],
            early_stopping=False,
            device=spec["device"],
            random_state=spec["seed"],
        )
        try:
            predicted = model.fit(X, y).predict_proba(X)[:, 1]
        except Exception as error:
            wrong[name] = in_one_line(error)
            continue
        arrays[f"{name}/predictions"] = predicted
        for number, weight in enumerate(model.model_.get_weights()):
            arrays[f"{name}/{number}"] = weight
    return arrays, wrong


def search(spec: dict[str, Any]) -> dict[str, Any]:
    """Search twice: the second time, workers and graphs are there already."""
    X, y = make_rows("CNN", spec["rows"], spec["seed"])
    estimator = ESTIMATORS["CNN"]
    params = {"epochs": spec["epochs"], "random_state": spec["seed"]}
    estimator = clone(estimator).set_params(device=spec["device"], **params)
    make = partial(GridSearchCV, estimator, GRID, cv=N_FOLDS, n_jobs=spec["n_jobs"])
    found, first = timed(make().fit, X, y)
    second = timed(make().fit, X, y)[1] if spec["again"] else None
    return {
        "first_seconds": first,
        "second_seconds": second,
        "best_score": float(found.best_score_),
        "best_parameters": {key: str(v) for key, v in found.best_params_.items()},
    }
