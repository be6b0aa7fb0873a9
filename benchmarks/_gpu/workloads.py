"""The networks that are timed, on made-up rows, alone and as estimators."""

from typing import Any

import numpy as np

from skrec import CNNClassifier, DeepFMClassifier, MLPClassifier, RNNClassifier
from skrec.networks import Network, build_cnn, build_deepfm, build_mlp, build_rnn
from skrec.preprocessing import FieldSpec

N_FEATURES, N_STEPS, N_CHANNELS = 40, 20, 8
N_IDS = (5_000, 20_000, 100)  # of each column of ids; "auto" updates all of them
FIRST_CODE = 2  # of an id, after padding and unknown ids
UNITS, FILTERS, GRU_UNITS, EMBEDDING_DIM = (128, 64), (32,), (64,), 16

FIELDS = FieldSpec(tables=tuple(n_ids + FIRST_CODE for n_ids in N_IDS), ids=(0, 1, 2))
SEQUENCES = {"input_shape": (N_STEPS, N_CHANNELS), "n_outputs": 1}
NETWORKS = {
    "MLP": Network.of(build_mlp, input_shape=(N_FEATURES,), n_outputs=1, units=UNITS),
    "CNN": Network.of(build_cnn, filters=FILTERS, **SEQUENCES),
    "GRU": Network.of(build_rnn, cell="gru", units=GRU_UNITS, **SEQUENCES),
    "DeepFM": Network.of(
        build_deepfm,
        fields=FIELDS,
        units=UNITS,
        embedding_dim=EMBEDDING_DIM,
        n_outputs=1,
    ),
}
LAZY_DEEPFM = "DeepFM, lazy"
ESTIMATORS = {
    "MLP": MLPClassifier(units=UNITS),
    "CNN": CNNClassifier(filters=FILTERS),
    "GRU": RNNClassifier(cell="gru", units=GRU_UNITS),
    "DeepFM": DeepFMClassifier(
        embedding_update="dense", categorical_features=[0, 1, 2], units=UNITS
    ),
    LAZY_DEEPFM: DeepFMClassifier(
        embedding_update="lazy", categorical_features=[0, 1, 2], units=UNITS
    ),
}


def make_rows(name: str, n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows for an estimator, and classes that they say something about."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=n_rows)
    if name.startswith("DeepFM"):
        X = np.column_stack([rng.integers(0, n_ids, n_rows) for n_ids in N_IDS])
        return X, (X[:, 2] / N_IDS[2] + noise > 0.5).astype(int)
    shape = (N_FEATURES,) if name == "MLP" else (N_STEPS, N_CHANNELS)
    X = rng.normal(size=(n_rows, *shape)).astype(np.float32)
    return X, (X.reshape(n_rows, -1)[:, :4].sum(axis=1) + noise > 0).astype(int)


def make_inputs(name: str, n_rows: int, seed: int) -> tuple[Any, np.ndarray]:
    """Return the same rows and classes as the network takes them."""
    X, y = make_rows(name, n_rows, seed)
    if name == "DeepFM":
        X = {"ids": (X + FIRST_CODE).astype(np.int32)}
    return X, y[:, None].astype(np.float32)
