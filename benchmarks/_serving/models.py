"""Models that are served, written in every form that is timed."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from skrec import CNNClassifier, DeepFMClassifier, MLPClassifier
from skrec.datasets import make_sessions
from skrec.export import to_onnx, to_saved_model

N_ROWS, TINY_ROWS, N_IDS = 20_000, 1_100, 1_000
N_ASKED = 1024
MODELS = {"MLP": MLPClassifier, "DeepFM": DeepFMClassifier, "CNN": CNNClassifier}


def write(name: str, folder: Path, tiny: bool, seed: int) -> None:
    """Train a model for an epoch, and write it with the rows to ask about."""
    X, y = sessions(tiny, seed) if name == "CNN" else shop(tiny, seed)
    model = MODELS[name](epochs=1, random_state=seed).fit(X, y)
    asked = X[:N_ASKED] if len(X) >= N_ASKED else X
    joblib.dump((model, asked), folder / f"{name}.joblib")
    to_onnx(model, folder / f"{name}.onnx", asked)
    to_saved_model(model, folder / name / "1", asked)


def shop(tiny: bool, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw a table of eight columns of strings and five of numbers."""
    random = np.random.default_rng(seed)
    n_rows = TINY_ROWS if tiny else N_ROWS
    ids = np.array([f"id {k}" for k in range(N_IDS)], dtype=object)
    columns: dict[str, Any] = {
        f"id_{k}": random.choice(ids[: 10 * 2**k], n_rows) for k in range(8)
    }
    columns |= {f"number_{k}": random.normal(size=n_rows) for k in range(5)}
    return pd.DataFrame(columns), random.integers(0, 2, n_rows)


def sessions(tiny: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make sequences and the class of each."""
    X, y = make_sessions(random_state=seed)
    return (X[:TINY_ROWS], y[:TINY_ROWS]) if tiny else (X, y)
