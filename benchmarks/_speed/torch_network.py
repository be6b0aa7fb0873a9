"""The networks of the workloads in PyTorch, initialised as Keras does it."""

import os
from typing import Any

import torch
from torch import nn

from _speed.workloads import KERNEL_SIZE, POOL_SIZE, hidden_units

# Also runs in the workers of a search, which import this module.
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


class TorchNetwork(nn.Module):
    """One of the workloads' networks, from rows as Keras takes them to logits."""

    def __init__(
        self,
        family: str,
        input_shape: tuple[int, ...],
        n_classes: int,
        units: Any = None,
        filters: int = 0,
    ) -> None:
        super().__init__()
        self.family = family
        width, dense = input_shape[-1], []
        if family == "conv1d":
            self.convolution = nn.Conv1d(width, filters, KERNEL_SIZE, padding="same")
            self.pooling = nn.MaxPool1d(POOL_SIZE, ceil_mode=True)
            width = -(-input_shape[0] // POOL_SIZE) * filters
        if family == "gru":
            self.recurrent = nn.GRU(width, units, batch_first=True)
            width = units
        else:
            dense = hidden_units(units)
        steps: list[nn.Module] = []
        for n_units in dense:
            steps += [nn.Linear(width, n_units), nn.ReLU()]
            width = n_units
        self.tower = nn.Sequential(*steps, nn.Linear(width, n_classes))
        self._initialise()

    def _initialise(self) -> None:
        """Draw kernels as Glorot and Bengio do, recurrent ones orthogonal; no bias."""
        for name, weight in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
            elif "weight_hh" in name:
                nn.init.orthogonal_(weight)
            else:
                nn.init.xavier_uniform_(weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        if self.family == "conv1d":
            x = torch.relu(self.convolution(x.transpose(1, 2)))
            x = self.pooling(x).flatten(1)
        elif self.family == "gru":
            x = self.recurrent(x)[1][-1]
        return self.tower(x)
