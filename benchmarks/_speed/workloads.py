"""The searches that are compared: their grids, and what their networks cost."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from sklearn.model_selection import ParameterGrid, StratifiedKFold

KERNEL_SIZE = 3
POOL_SIZE = 2
ARCHITECTURE = (
    "filters",
    "units",
)  # what shapes a network; the rest of a grid trains it


class Layer(NamedTuple):
    """Weights of a layer and its multiplications for one row.

    Of the latter those with the layer's input are counted apart too: a first layer
    needs no gradient of its input.
    """

    parameters: int
    macs: int
    input_macs: int


@dataclass(frozen=True)
class Workload:
    """A grid search over one family of networks.

    Parameters
    ----------
    family : {"conv1d", "mlp", "gru"}
        Which networks.
    grid : dict of str to list
        ``units``, ``learning_rate``, ``batch_size`` and, for "conv1d", ``filters``.
    epochs, n_folds : int
        Of each fit, and of each candidate.
    """

    family: str
    grid: dict[str, list]
    epochs: int = 10
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


def layers(
    family: str, input_shape: tuple[int, ...], n_classes: int, sizes: dict[str, Any]
) -> list[Layer]:
    """Return what the layers with weights cost, from their shapes alone."""
    found = []
    if family == "conv1d":
        (n_steps, width), filters = input_shape, sizes["filters"]
        kernel = KERNEL_SIZE * width * filters
        found.append(Layer(kernel + filters, n_steps * kernel, n_steps * kernel))
        width = math.ceil(n_steps / POOL_SIZE) * filters
    elif family == "gru":
        (n_steps, width), units = input_shape, sizes["units"]
        from_input, from_state = 3 * units * width, 3 * units * units
        found.append(
            Layer(
                from_input + from_state + 2 * 3 * units,
                n_steps * (from_input + from_state),
                n_steps * from_input,
            )
        )
        width = units
    else:
        width = math.prod(input_shape)
    dense = [] if family == "gru" else hidden_units(sizes["units"])
    for n_units in [*dense, n_classes]:
        found.append(Layer(width * n_units + n_units, width * n_units, width * n_units))
        width = n_units
    return found


def n_parameters(
    family: str, input_shape: tuple[int, ...], n_classes: int, sizes: dict[str, Any]
) -> int:
    """Return the number of weights that every system's network must have."""
    found = layers(family, input_shape, n_classes, sizes)
    return sum(layer.parameters for layer in found)


def search_flops(
    workload: Workload, n_rows: int, input_shape: tuple[int, ...], n_classes: int
) -> float:
    """Return the floating-point operations of the matrix products of one search.

    A row costs two operations a multiplication to predict and three times that to
    train (outputs, gradients of the weights, gradients of the input), less the
    gradient of the first layer's input.
    """
    total = 0.0
    n_test = n_rows / workload.n_folds
    n_train = (n_rows - n_test) * workload.epochs
    for candidate in workload.candidates:
        sizes = architecture_of(candidate)
        costs = layers(workload.family, input_shape, n_classes, sizes)
        forward = 2 * sum(layer.macs for layer in costs)
        training = 3 * forward - 2 * costs[0].input_macs
        total += workload.n_folds * (n_train * training + n_test * forward)
    return total
