"""The searches that are compared: their grids."""

from dataclasses import dataclass
from typing import Any

from sklearn.model_selection import ParameterGrid, StratifiedKFold

KERNEL_SIZE = 3
POOL_SIZE = 2
ARCHITECTURE = ("filters", "units")  # what shapes a network; the rest trains it


@dataclass(frozen=True)
class Workload:
    """A grid search over one family of networks."""

    family: str
    grid: dict[str, list]
    epochs: int = 10  # of each fit
    n_folds: int = 3

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Every point of the grid."""
        return list(ParameterGrid(self.grid))

    @property
    def n_fits(self) -> int:
        """Fits of one search, which does not fit the best candidate again."""
        return len(self.candidates) * self.n_folds

    @property
    def architectures(self) -> list[dict[str, Any]]:
        """Every network of the grid."""
        sizes = {name: self.grid[name] for name in ARCHITECTURE if name in self.grid}
        return list(ParameterGrid(sizes))

    def folds(self, seed: int) -> StratifiedKFold:
        """Return the folds, the same for every system."""
        return StratifiedKFold(self.n_folds, shuffle=True, random_state=seed)


WORKLOADS = {
    "conv1d": Workload(
        "conv1d",
        {
            "filters": [16, 32],
            "units": [64, 128],
            "learning_rate": [0.001, 0.01],
            "batch_size": [32, 128],
        },
    ),
    "mlp": Workload(
        "mlp",
        {
            "units": ["64", "128", "64-64", "128-64"],
            "learning_rate": [0.001, 0.01],
            "batch_size": [32, 128],
        },
        epochs=5,
    ),
    "gru": Workload(
        "gru",
        {"units": [32, 64], "learning_rate": [0.001, 0.01], "batch_size": [128]},
        epochs=5,
    ),
}


def architecture_of(candidate: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a candidate that shapes its network."""
    return {name: candidate[name] for name in ARCHITECTURE if name in candidate}


def hidden_units(units: int | str) -> list[int]:
    """Return the widths of dense layers that are written as 128 or "128-64"."""
    return [int(width) for width in str(units).split("-")]
