"""The models of quality_topn.py: what is searched, and what the searches have found."""

from collections.abc import Callable
from typing import Any, NamedTuple

from scipy.stats import loguniform, randint, uniform

from skrec import recommenders


class Model(NamedTuple):
    """A model, and the space of its search; an empty one if nothing is tuned."""

    make: Callable[..., Any] | None  # None for a peer, in an environment of its own
    space: dict[str, Any]


_NETWORK: dict[str, Any] = {
    "dropout": uniform(0.1, 0.7),
    "learning_rate": loguniform(2e-4, 5e-3),
    "batch_size": [128, 256, 512],
}
_PAIRS = {
    "learning_rate": loguniform(2e-4, 1e-2),
    "batch_size": [256, 1024, 4096],
}
_SEQUENCE = {**_NETWORK, "units": [64, 128]}
_TRANSFORMER = {**_SEQUENCE, "num_blocks": [1, 2, 3], "num_heads": [1, 2, 4]}
_FACTORS = {
    "factors": [32, 64, 128, 256],
    "regularization": loguniform(1e-3, 1),
    "alpha": loguniform(1, 40),
    "iterations": [15, 30],
}
MODELS = {
    "Popular": Model(recommenders.PopularRecommender, {}),
    "ItemKNN": Model(
        recommenders.ItemKNNRecommender,
        {"n_neighbors": randint(20, 1000), "shrink": loguniform(0.1, 100)},
    ),
    "EASE": Model(recommenders.EASERecommender, {"l2": loguniform(10, 2000)}),
    "ALS": Model(
        recommenders.ALSRecommender,
        {
            "embedding_dim": [32, 64, 128, 256],
            "l2": loguniform(1, 100),
            "alpha": loguniform(1, 40),
        },
    ),
    "BPR": Model(
        recommenders.BPRRecommender,
        {**_PAIRS, "embedding_dim": [32, 64, 128], "n_negatives": [1, 4]},
    ),
    "NeuMF": Model(
        recommenders.NeuMFRecommender,
        {**_PAIRS, "num_factors": [8, 16, 32], "n_negatives": [1, 4, 8]},
    ),
    "TwoTower": Model(
        recommenders.TwoTowerRecommender,
        {**_PAIRS, "embedding_dim": [32, 64, 128], "temperature": loguniform(0.05, 1)},
    ),
    "GRU4Rec": Model(
        recommenders.GRU4RecRecommender, {**_SEQUENCE, "embedding_dim": [64, 128]}
    ),
    "Caser": Model(
        recommenders.CaserRecommender,
        {**_SEQUENCE, "filters": [4, 16, 32], "max_len": [5, 10]},
    ),
    "SASRec": Model(recommenders.SASRecRecommender, _TRANSFORMER),
    "BSARec": Model(
        recommenders.BSARecRecommender,
        {**_TRANSFORMER, "alpha": uniform(0.1, 0.8), "cutoff": [1, 3, 5, 9]},
    ),
    "implicit ALS": Model(None, _FACTORS),
    "implicit BPR": Model(
        None,
        {
            "factors": [32, 64, 128],
            "learning_rate": loguniform(0.003, 0.1),
            "regularization": loguniform(1e-4, 0.3),
            "iterations": randint(50, 400),
        },
    ),
    "implicit ItemKNN": Model(None, {"K": randint(20, 1000)}),
    "RecTools SASRec": Model(
        None,
        {
            "dropout_rate": uniform(0.1, 0.7),
            "lr": loguniform(2e-4, 5e-3),
            "batch_size": [128, 256, 512],
            "n_factors": [64, 128],
            "n_blocks": [1, 2, 3],
            "n_heads": [1, 2, 4],
            "session_max_len": [50],
        },
    ),
}

# What --tune found, or, where "published", what the source of the published number used
# (targets of data.py). A model that is missing has not been tuned on that set.
_SASREC = {"units": 64, "dropout": 0.6, "learning_rate": 5e-4}
_SASREC |= {"batch_size": 512, "num_blocks": 2, "num_heads": 1, "max_len": 50}
_RECTOOLS = {"n_factors": 64, "dropout_rate": 0.6, "lr": 5e-4, "batch_size": 512}
_RECTOOLS |= {"n_blocks": 2, "n_heads": 1, "session_max_len": 50}
TUNED: dict[str, dict[str, dict[str, Any]]] = {
    "Amazon Beauty": {
        "GRU4Rec": {"dropout": 0.5, "learning_rate": 5e-4},  # published
        "Caser": {"dropout": 0.7, "learning_rate": 5e-3},  # published
        "SASRec": _SASREC,  # published
        "BSARec": _SASREC,  # published
        "RecTools SASRec": _RECTOOLS,  # published
    },
    "LastFM": {"EASE": {"l2": 100.0}},  # published
    "MovieLens-100K": {"EASE": {"l2": 300.0}},  # published
}
