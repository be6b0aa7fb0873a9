"""Runs benchmark scripts, which find each other by bare name, and reads results."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture(scope="session")
def run_tiny(tmp_path_factory):
    """Run a script at its smallest size and return the folder of its results."""

    def run(script, *options):
        out = tmp_path_factory.mktemp(script.__name__)
        script.main(["--tiny", "--n-jobs", "1", "--out", str(out), *options])
        return out

    return run


@pytest.fixture(scope="session")
def read_results():
    """Read the results of a script by model, if they can be true."""

    def read(out):
        found = pd.read_csv(out / "results.csv", index_col="model")
        assert np.isfinite(found).all(axis=None)
        shares = ["accuracy", "accuracy_se", "macro_recall", "macro_f1"]
        assert found[shares].stack().between(0, 1).all()
        assert (found[["log_loss", "seconds"]] > 0).all(axis=None)
        assert found.loc["majority class", "macro_f1"] < found["macro_f1"][1:].min()
        return found

    return read


@pytest.fixture(scope="session")
def best_of():
    """Find the candidate of a search with the highest accuracy over the folds."""

    def best(out, search, score="mean_test_accuracy"):
        found = pd.read_csv(out / "candidates.csv")
        found = found[found["search"] == search].dropna(axis=1, how="all")
        return found.loc[found[score].idxmax()]

    return best


@pytest.fixture(scope="session")
def make_csv():
    """Write a log in which the next colour is the last one, in most cases."""

    def make(path, n_users=30, n_events=12):
        rng = np.random.default_rng(0)
        n_rows = n_users * n_events
        colours = np.array(["blue", "green", "red"])
        own = np.repeat(rng.integers(3, size=n_users), n_events)
        colour = colours[
            np.where(rng.random(n_rows) < 0.1, rng.integers(3, size=n_rows), own)
        ]
        frame = pd.DataFrame(
            {
                "who": np.repeat([f"user {i}" for i in range(n_users)], n_events),
                "when": pd.date_range("2024-01-01", periods=n_rows, freq="h"),
                "price": np.where(
                    rng.random(n_rows) < 0.1, np.nan, rng.normal(size=n_rows)
                ),
                "shelf": np.where(
                    colour == "red", "top", rng.choice(["top", "low"], n_rows)
                ),
                "shop": "the only one",
                "comment": [f"comment {i}" for i in range(n_rows)],
                "colour": colour,
            }
        )
        frame.loc[[3, 50], "colour"] = None
        frame.loc[7, "colour"] = "mauve"
        frame.to_csv(path, index=False)
        return str(path)

    return make
