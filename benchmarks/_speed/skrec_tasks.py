"""What a measured process does to measure skrec alone."""

import statistics
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits

import skrec
from _speed.readings import peak_mb, reset_peak, resident_mb, seconds_of
from _speed.systems import LOSS, PLAIN, build
from skrec.datasets import make_sessions


def table(n_rows: int, n_columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of numbers and a class that a network can learn from them."""
    X = np.random.default_rng(seed).standard_normal((n_rows, n_columns), np.float32)
    return X, np.digitize(X[:, 0] * X[:, 1] + X[:, 2], [-0.5, 0.5])


def data_of(family: str, n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return data of the shape that a family of networks takes."""
    if family == "large mlp":
        return table(n_rows, 40, seed)
    if family == "mlp":
        return table(n_rows, 20, seed)
    if family == "digits":
        X, y = load_digits(return_X_y=True)
        return X[:n_rows], y[:n_rows]
    X, y = make_sessions(n_rows, 20, 8, random_state=seed)
    return X.astype(np.float32), y


def network(family: str, **parameters: Any) -> Any:
    """Return an estimator of the least surprising size."""
    kind, sizes = {
        "conv1d": (skrec.CNNClassifier, {"filters": 16, "units": 64}),
        "gru": (skrec.RNNClassifier, {"units": 128}),
        "large mlp": (skrec.MLPClassifier, {"units": "400-400-400"}),
    }.get(family, (skrec.MLPClassifier, {"units": 64}))
    return kind(**sizes | PLAIN | {"random_state": 0} | parameters)


def generic_network(family: str, **parameters: Any) -> Any:
    """Return the same from a build function."""
    fixed = {"loss": LOSS, "optimizer": "adam", "verbose": 0, "random_state": 0}
    return skrec.KerasClassifier(build, model__family=family, **fixed, **parameters)


def memory(
    system: str, n_rows: int, n_fits: int, n_architectures: int, seed: int
) -> tuple[float, list[float]]:
    """Fit again and again, architectures in turn; return the memory before and after.

    With fewer fits than architectures each of them is new.
    """
    X, y = data_of("conv1d", n_rows, seed)
    make, prefix, rate = network, "", ""
    if system == "skrec-generic":
        make, prefix, rate = generic_network, "model__", "optimizer__"
    start, after = resident_mb(), []
    for i in range(n_fits):
        number = i % n_architectures
        parameters = {
            f"{prefix}filters": 8 + 8 * (number % 2),
            f"{prefix}units": 16 + 8 * (number // 2),
            f"{rate}learning_rate": 0.001 * (1 + i / n_fits),
        }
        make("conv1d", epochs=1, batch_size=32, **parameters).fit(X, y)
        after.append(resident_mb())
    return start, after


def latency(n_calls: int, seed: int) -> list[dict[str, Any]]:
    """Time one-row predictions, of skrec and of the Keras model it hands out."""
    rows = []
    for family in ("conv1d", "mlp", "generic"):
        X, y = data_of(family, 500, seed)
        estimator = network(family, epochs=1)
        if family == "generic":
            estimator = generic_network("conv1d", batch_size=32)
        # Handing the model out binds an estimator, so that it is another one's.
        model = clone(estimator.fit(X, y)).fit(X, y).model_

        def keras_predict(row: np.ndarray, model: Any = model) -> np.ndarray:
            return model.predict(row, verbose=0)

        for name, call in (
            ("skrec predict", estimator.predict),
            ("skrec predict_proba", estimator.predict_proba),
            ("Model.predict", keras_predict),
        ):
            for row in range(20):  # traced and warm
                call(X[row : row + 1])
            times = [
                seconds_of(call, X[row % 500 : row % 500 + 1]) for row in range(n_calls)
            ]
            rows.append(
                {
                    "network": family,
                    "call": name,
                    "calls": len(times),
                    "median_ms": 1e3 * statistics.median(times),
                    "p95_ms": 1e3 * float(np.quantile(times, 0.95)),
                }
            )
    return rows


def blocks(system: str, n_rows: int, seed: int) -> dict[str, Any]:
    """Predict many rows at once, and see how much memory that takes at its peak."""
    X, y = table(2_000, 20, seed)
    make = generic_network if system == "skrec-generic" else network
    estimator = make("mlp", epochs=1)
    estimator.fit(X, y).predict(X)
    many, _ = table(n_rows, 20, seed)
    reset_peak()
    before = resident_mb()
    seconds = seconds_of(estimator.predict, many)
    return {
        "estimator": system,
        "rows": len(many),
        "input_mb": many.nbytes / 2**20,
        "peak_mb_above_input": peak_mb() - before,
        "seconds": seconds,
    }


def one_fit(
    family: str, n_rows: int, batch_size: int, epochs: int, repeats: int, seed: int
) -> float:
    """Return the seconds of one fit, the program being traced already."""
    X, y = data_of(family, n_rows, seed)
    estimator = network(family).set_params(batch_size=batch_size, epochs=epochs)
    estimator.fit(X, y)
    return statistics.median(seconds_of(estimator.fit, X, y) for _ in range(repeats))
