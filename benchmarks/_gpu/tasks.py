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
from _gpu.xla import EpochInXla
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

    Parameters
    ----------
    name : str
        Of the network.
    device : str
        TensorFlow device.
    n_rows, seed : int
        Rows of an epoch, and from where randomness starts.
    """

    def __init__(self, name: str, device: str, n_rows: int, seed: int) -> None:
        self.name, self.device, self.n_rows, self.seed = name, device, n_rows, seed
        x, y = make_inputs(name, n_rows, seed)
        self.data = Data.of(x, y, np.ones(n_rows, np.float32), device)

    def program(self, kind: Any = Program, **options: Any) -> Program:
        """Build the program of the network, dense updates and no penalties."""
        compiled = {
            "optimizer": keras.optimizers.Adam(LEARNING_RATE),
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
        }
        with tf.device(self.device):
            return kind(NETWORKS[self.name].build(), compiled, self.device, **options)

    def start(self, program: Program) -> None:
        """Set the program to its untrained weights."""
        program.load(program.initial_state(self.seed))

    def train(self, program: Program, batch_size: int) -> None:
        """Train one epoch, and wait for its end."""
        order = np.random.default_rng(self.seed).permutation(self.n_rows)
        rates = Rates.of(program.optimizer, {"dropout": 0.0}, program.tuned)
        n_steps = -(-self.n_rows // batch_size)
        learning_rates = np.full(n_steps, LEARNING_RATE)
        seeds = [np.zeros(2, np.uint32)] * program.n_seeds
        program.train_epoch(self.data, order, batch_size, learning_rates, rates, seeds)

    def median_seconds(
        self, program: Program, batch_size: int, enough: float
    ) -> tuple[float, int]:
        """Return the median of epochs that take `enough` seconds together."""
        times: list[float] = []
        while not times or (sum(times) < enough and len(times) < MAX_EPOCHS):
            times.append(timed(self.train, program, batch_size)[1])
        return statistics.median(times), len(times)


def time_epochs(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Time epochs of a network at each batch size: ``loop`` or ``XLA``."""
    end = time.monotonic() + spec["seconds"]
    device = resolve_device(spec["device"])
    epochs = Epochs(spec["network"], device, spec["rows"], spec["seed"])
    loop = epochs.program()
    rows = []
    for batch_size in spec["batches"]:
        row = {"network": spec["network"], "batch": batch_size, "how": spec["how"]}
        if time.monotonic() > end:
            rows.append(row | {"note": NO_TIME})
            continue
        measure = time_xla if spec["how"] == "XLA" else time_loop
        try:
            row |= measure(epochs, loop, batch_size, spec["enough"])
        except Exception as error:  # whatever XLA, or a GPU, refuses is a result
            first_line = (str(error).splitlines() or [""])[0]
            row["note"] = f"{type(error).__name__}: {first_line[:200]}"
        rows.append(row)
    return rows


def time_loop(
    epochs: Epochs, program: Program, batch_size: int, enough: float
) -> dict[str, Any]:
    """Time epochs as a fit does them."""
    epochs.start(program)
    _, first = timed(epochs.train, program, batch_size)
    seconds, n_epochs = epochs.median_seconds(program, batch_size, enough)
    n_steps = -(-epochs.n_rows // batch_size)
    return {
        "microseconds_a_step": 1e6 * seconds / n_steps,
        "seconds_an_epoch": seconds,
        "seconds_of_the_first": first,
        "steps": n_steps,
        "epochs": n_epochs,
    }


def time_xla(
    epochs: Epochs, loop: Program, batch_size: int, enough: float
) -> dict[str, Any]:
    """Time compiled epochs, and compare the weights after the first with the loop's."""
    sizes = {"n_rows": epochs.n_rows, "batch_size": batch_size}
    compiled = epochs.program(EpochInXla, **sizes)
    for program in (loop, compiled):
        epochs.start(program)
        _, first = timed(epochs.train, program, batch_size)
    pairs = zip(loop.get_weights(), compiled.get_weights(), strict=True)
    difference = max(float(np.abs(one - other).max()) for one, other in pairs)
    found = time_loop(epochs, compiled, batch_size, enough)
    found["seconds_of_the_first"] = first  # with the compilation
    return found | {"largest_difference_to_loop": difference}


# ---- fits and searches -------------------------------------------------------------


def fit_all(spec: dict[str, Any]) -> dict[str, str]:
    """Fit each estimator shortly, TF32 off; write weights and predictions to a file.

    Returns what went wrong, by network.
    """
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
            first_line = (str(error).splitlines() or [""])[0]
            wrong[name] = f"{type(error).__name__}: {first_line[:200]}"
            continue
        arrays[f"{name}/predictions"] = predicted
        for number, weight in enumerate(model.model_.get_weights()):
            arrays[f"{name}/{number}"] = weight
    np.savez(spec["file"], **arrays)
    return wrong


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


TASKS = {"card": card, "epochs": time_epochs, "fits": fit_all, "search": search}


def run(spec: dict[str, Any]) -> Any:
    """Do the task that a specification names."""
    return TASKS[spec["task"]](spec)
