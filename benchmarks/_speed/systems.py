"""The systems that are compared: each searches the same grid, in its own way.

The peers' environment has no skrec, and importing scikeras changes Keras: so a function
imports what it alone needs. `MODULES` are imported before the clock starts.
"""

import importlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
from sklearn.model_selection import BaseCrossValidator, GridSearchCV

from _speed.workloads import (
    KERNEL_SIZE,
    POOL_SIZE,
    Workload,
    architecture_of,
    hidden_units,
)

LOSS = "sparse_categorical_crossentropy"
MODULES = {
    "keras": ["tensorflow", "keras"],
    "scikeras": ["tensorflow", "keras", "scikeras.wrappers"],
    "skorch": ["torch", "skorch", "_speed.torch_network"],
    "keras-tuner": ["tensorflow", "keras", "keras_tuner"],
    "skrec": ["skrec"],
    "skrec-generic": ["skrec"],
}


@dataclass
class Job:
    """One search: what is trained on which rows, and judged on which folds of them."""

    workload: Workload
    X: np.ndarray
    y: np.ndarray
    folds: BaseCrossValidator
    n_jobs: int  # processes
    seed: int
    device: str  # "cpu" or "cuda": where PyTorch trains, which does not choose itself

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return self.X.shape[1:]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(np.unique(self.y))

    @property
    def meta(self) -> dict[str, Any]:
        """What scikeras tells a build function."""
        return {"X_shape_": self.X.shape, "n_classes_": self.n_classes}


def import_all(modules: list[str]) -> None:
    """Import modules by name."""
    for name in modules:
        importlib.import_module(name)


# ---- the networks ------------------------------------------------------------------


def build(
    meta: dict[str, Any], family: str, units: int | str = 64, filters: int = 16
) -> Any:
    """Build a network of a family: with dense layers, unless it is recurrent."""
    import keras

    layers = keras.layers
    first = {
        "conv1d": lambda: [
            layers.Conv1D(filters, KERNEL_SIZE, activation="relu", padding="same"),
            layers.MaxPooling1D(POOL_SIZE, padding="same"),
            layers.Flatten(),
        ],
        "gru": lambda: [layers.GRU(units)],
        "mlp": list,
    }[family]()
    hidden = [] if family == "gru" else hidden_units(units)
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            *first,
            *(layers.Dense(n_units, activation="relu") for n_units in hidden),
            layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


# ---- the searches: mean test accuracy of each candidate ----------------------------


def fit_and_score(
    job: Job, candidate: dict[str, Any], train: np.ndarray, test: np.ndarray
) -> float:
    """Build, compile and fit a new Keras model, and return its accuracy."""
    import keras

    keras.utils.set_random_seed(job.seed)
    sizes = architecture_of(candidate)
    model = build(job.meta, job.workload.family, **sizes)
    model.compile(
        optimizer=keras.optimizers.Adam(candidate["learning_rate"]),
        loss=LOSS,
        metrics=["accuracy"],
    )
    model.fit(
        job.X[train],
        job.y[train],
        batch_size=candidate["batch_size"],
        epochs=job.workload.epochs,
        verbose=0,
    )
    return model.evaluate(job.X[test], job.y[test], verbose=0)[1]


def search_keras(job: Job) -> np.ndarray:
    """Search as tutorials do: a loop over candidates and folds."""
    splits = list(job.folds.split(job.X, job.y))
    scores = joblib.Parallel(job.n_jobs)(
        joblib.delayed(fit_and_score)(job, candidate, train, test)
        for candidate in job.workload.candidates
        for train, test in splits
    )
    return np.reshape(scores, (-1, len(splits))).mean(axis=1)


def search_keras_tuner(job: Job) -> np.ndarray:
    """Search with Keras Tuner's grid search; a trial is a candidate with its folds."""
    import keras_tuner

    class FoldsTuner(keras_tuner.GridSearch):
        def run_trial(self, trial: Any, **_: Any) -> dict[str, float]:
            scores = [
                fit_and_score(job, trial.hyperparameters.values, train, test)
                for train, test in job.folds.split(job.X, job.y)
            ]
            return {"accuracy": float(np.mean(scores))}

    space = keras_tuner.HyperParameters()
    for name, values in job.workload.grid.items():
        space.Choice(name, values)
    with tempfile.TemporaryDirectory() as folder:
        tuner = FoldsTuner(
            objective=keras_tuner.Objective("accuracy", "max"),
            hyperparameters=space,
            tune_new_entries=False,
            directory=folder,
        )
        tuner.search(verbose=0)
        trials = tuner.oracle.trials.values()
    return np.array([trial.score for trial in trials])


def grid_search(job: Job, estimator: Any, names: dict[str, str]) -> np.ndarray:
    """Search with scikit-learn; `names` are the estimator's for those of the grid."""
    grid = {names[name]: values for name, values in job.workload.grid.items()}
    search = GridSearchCV(
        estimator,
        grid,
        scoring="accuracy",
        cv=job.folds,
        n_jobs=job.n_jobs,
        refit=False,
        error_score="raise",
    )
    return search.fit(job.X, job.y).cv_results_["mean_test_score"]


def search_skorch(job: Job) -> np.ndarray:
    """Search with skorch, in PyTorch."""
    import torch
    from skorch import NeuralNetClassifier

    from _speed.torch_network import TorchNetwork

    torch.manual_seed(job.seed)
    estimator = NeuralNetClassifier(
        TorchNetwork,
        module__family=job.workload.family,
        module__input_shape=job.input_shape,
        module__n_classes=job.n_classes,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__eps=1e-7,
        max_epochs=job.workload.epochs,
        iterator_train__shuffle=True,
        train_split=None,
        device=job.device,
        verbose=0,
    )
    names = {
        "filters": "module__filters",
        "units": "module__units",
        "learning_rate": "lr",
        "batch_size": "batch_size",
    }
    return grid_search(job, estimator, names)


def wrapped(wrapper: type, job: Job) -> Any:
    """Wrap the build function in scikeras's classifier, or in skrec's."""
    sizes = {"family": job.workload.family, **job.workload.architectures[0]}
    return wrapper(
        build,
        loss=LOSS,
        optimizer="adam",
        epochs=job.workload.epochs,
        verbose=0,
        random_state=job.seed,
        **{f"model__{name}": value for name, value in sizes.items()},
    )


def search_wrapped(job: Job, wrapper: type) -> np.ndarray:
    """Search with a wrapper that takes build functions."""
    names = {
        "filters": "model__filters",
        "units": "model__units",
        "learning_rate": "optimizer__learning_rate",
        "batch_size": "batch_size",
    }
    return grid_search(job, wrapped(wrapper, job), names)


def search_scikeras(job: Job) -> np.ndarray:
    """Search with scikeras."""
    from scikeras.wrappers import KerasClassifier

    return search_wrapped(job, KerasClassifier)


def search_skrec_generic(job: Job) -> np.ndarray:
    """Search with skrec's estimator for a build function, which is scikeras's."""
    from skrec import KerasClassifier

    return search_wrapped(job, KerasClassifier)


# What the others do: skrec's defaults would stop early, and drop units out.
PLAIN: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate": 0.001,
    "dropout": 0.0,
    "early_stopping": False,
}


def named_estimator(job: Job) -> Any:
    """Return skrec's estimator of the family; the data are standardised already."""
    import skrec

    estimators = {
        "conv1d": skrec.CNNClassifier,
        "mlp": skrec.MLPClassifier,
        "gru": skrec.RNNClassifier,
    }
    own: dict[str, Any] = {}
    if job.workload.family == "mlp":  # the network of the others, and no more
        own = {"number_embedding": None, "linear_start": False}
    return estimators[job.workload.family](
        epochs=job.workload.epochs,
        standardize=False,
        random_state=job.seed,
        **PLAIN,
        **own,
    )


def search_skrec(job: Job) -> np.ndarray:
    """Search with skrec's estimator of the family."""
    return grid_search(job, named_estimator(job), {n: n for n in job.workload.grid})


SEARCHES: dict[str, Callable[[Job], np.ndarray]] = {
    "keras": search_keras,
    "scikeras": search_scikeras,
    "skorch": search_skorch,
    "keras-tuner": search_keras_tuner,
    "skrec": search_skrec,
    "skrec-generic": search_skrec_generic,
}


def count_parameters(system: str, job: Job, sizes: dict[str, Any]) -> int:
    """Return how many weights the network has that a system trains."""
    if system == "skorch":
        from _speed.torch_network import TorchNetwork

        network = TorchNetwork(
            job.workload.family, job.input_shape, job.n_classes, **sizes
        )
        return sum(weight.numel() for weight in network.parameters())
    if system == "skrec":
        estimator = named_estimator(job).set_params(epochs=1, **sizes)
        weights = estimator.fit(job.X, job.y).model_.get_weights()
        return sum(weight.size for weight in weights)
    return build(job.meta, job.workload.family, **sizes).count_params()
