"""What is measured of skrec alone: growth, memory, predictions, threads."""

import statistics
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skrec
from _speed.readings import peak_mb, reset_peak, resident_mb, seconds_of
from _speed.systems import BUILD, LOSS, PLAIN
from skrec.datasets import make_sessions

N_STEPS, N_CHANNELS = 20, 8


def sessions(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences and their classes."""
    X, y = make_sessions(n_rows, N_STEPS, N_CHANNELS, random_state=seed)
    return X.astype(np.float32), y


def table(n_rows: int, n_columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of numbers and a class that a network can learn from them."""
    X = np.random.default_rng(seed).standard_normal((n_rows, n_columns), np.float32)
    return X, np.digitize(X[:, 0] * X[:, 1] + X[:, 2], [-0.5, 0.5])


def small_network(family: str, **parameters: Any) -> Any:
    """Return an estimator of the least surprising size."""
    named = {**PLAIN, "random_state": 0, **parameters}
    if family == "mlp":
        return skrec.MLPClassifier(units=64, **named)
    if family == "conv1d":
        return skrec.CNNClassifier(filters=16, units=64, **named)
    if family == "gru":
        return skrec.RNNClassifier(units=128, **named)
    return skrec.KerasClassifier(
        BUILD["conv1d"],
        loss=LOSS,
        optimizer="adam",
        optimizer__learning_rate=0.001,
        batch_size=32,
        verbose=0,
        random_state=0,
        model__filters=16,
        model__units=64,
        **parameters,
    )


def data_of(family: str, n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return data of the shape that a family of networks takes."""
    if family == "mlp":
        return table(n_rows, N_STEPS, seed)
    return sessions(n_rows, seed)


def growth_in_rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Time one fit on more and more rows, the program being traced already."""
    rows = []
    for family in spec["families"]:
        estimator = small_network(family, epochs=spec["epochs"])
        X, y = data_of(family, max(spec["rows"]), spec["seed"])
        estimator.fit(X[:100], y[:100])
        for n in spec["rows"]:
            calls = 3 if n <= 10_000 else 1
            times = [seconds_of(estimator.fit, X[:n], y[:n]) for _ in range(calls)]
            seconds = statistics.median(times)
            per_row = seconds / (n * spec["epochs"])
            rows.append(
                {
                    "network": family,
                    "rows": n,
                    "epochs": spec["epochs"],
                    "seconds": seconds,
                    "microseconds_per_row_and_epoch": 1e6 * per_row,
                }
            )
    return rows


def growth_in_fits(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Time searches of more and more candidates, the program being traced already."""
    rows = []
    n_folds = 5
    for family in spec["families"]:
        estimator = small_network(family, epochs=spec["epochs"])
        X, y = data_of(family, spec["n_rows"], spec["seed"])
        estimator.fit(X, y)
        for n in spec["fits"]:
            grid = {"learning_rate": np.geomspace(1e-4, 1e-2, n // n_folds)}
            search = GridSearchCV(estimator, grid, cv=n_folds, refit=False)
            seconds = seconds_of(search.fit, X, y)
            rows.append(
                {
                    "network": family,
                    "rows": spec["n_rows"],
                    "epochs": spec["epochs"],
                    "candidates": n // n_folds,
                    "folds": n_folds,
                    "fits": n,
                    "seconds": seconds,
                    "milliseconds_per_fit": 1e3 * seconds / n,
                }
            )
    return rows


def growth(spec: dict[str, Any]) -> dict[str, Any]:
    """Time more and more rows, and more and more fits."""
    return {"rows": growth_in_rows(spec), "fits": growth_in_fits(spec)}


def memory(spec: dict[str, Any]) -> dict[str, Any]:
    """Fit again and again, architectures in turn, and watch the resident memory.

    With fewer fits than architectures each of them is new.
    """
    X, y = sessions(spec["n_rows"], spec["seed"])
    generic = spec["estimator"] == "skrec-generic"
    template = small_network("generic" if generic else "conv1d", epochs=1)
    prefix, rate = ("model__", "optimizer__") if generic else ("", "")
    start, seen = resident_mb(), []
    for i in range(spec["fits"]):
        network = i % spec["architectures"]
        parameters = {
            f"{prefix}filters": 8 + 8 * (network % 2),
            f"{prefix}units": 16 + 8 * (network // 2),
            f"{rate}learning_rate": 0.001 * (1 + i / spec["fits"]),
        }
        clone(template).set_params(**parameters).fit(X, y)
        seen.append(resident_mb())
    return {"start_mb": start, "after_mb": seen}


def latency(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Time one-row predictions, of skrec and of the Keras model it hands out."""
    rows = []
    for family in ("conv1d", "mlp", "generic"):
        X, y = data_of(family, 500, spec["seed"])
        estimator = small_network(family, epochs=1).fit(X, y)
        model = clone(estimator).fit(X, y).model_  # handing it out binds an estimator

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
                seconds_of(call, X[row % 500 : row % 500 + 1])
                for row in range(spec["calls"])
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


def blocks(spec: dict[str, Any]) -> dict[str, Any]:
    """Predict many rows at once, and see how much memory that takes at its peak."""
    X, y = table(2_000, 20, spec["seed"])
    if spec["estimator"] == "skrec":
        estimator = small_network("mlp", epochs=1)
    else:
        estimator = skrec.KerasClassifier(
            BUILD["mlp"], loss=LOSS, optimizer="adam", verbose=0, random_state=0
        )
    estimator.fit(X, y).predict(X)
    many, _ = table(spec["n_rows"], 20, spec["seed"])
    reset_peak()
    before = resident_mb()
    seconds = seconds_of(estimator.predict, many)
    return {
        "estimator": spec["estimator"],
        "rows": len(many),
        "input_mb": many.nbytes / 2**20,
        "peak_mb_above_input": peak_mb() - before,
        "seconds": seconds,
    }


def one_fit(spec: dict[str, Any]) -> dict[str, Any]:
    """Time one fit, the program being traced already."""
    if spec["family"] == "large mlp":
        X, y = table(spec["n_rows"], 40, spec["seed"])
        estimator = skrec.MLPClassifier(units="400-400-400", **PLAIN, random_state=0)
    elif spec["family"] == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        X, y = X[: spec["n_rows"]], y[: spec["n_rows"]]
        estimator = small_network("mlp")
    else:
        X, y = sessions(spec["n_rows"], spec["seed"])
        estimator = small_network(spec["family"])
    estimator.set_params(batch_size=spec["batch_size"], epochs=spec["epochs"])
    estimator.fit(X, y)
    times = [seconds_of(estimator.fit, X, y) for _ in range(spec["repeats"])]
    return {"seconds": statistics.median(times)}
