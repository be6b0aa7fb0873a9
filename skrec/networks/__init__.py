"""Architectures: pure functions from shapes and sizes to Keras models."""

from skrec.networks._network import Network
from skrec.networks._sizes import as_sizes
from skrec.networks.cnn import build_cnn, too_short
from skrec.networks.mlp import build_mlp
from skrec.networks.rnn import PADDING_VALUE, build_rnn

__all__ = [
    "PADDING_VALUE",
    "Network",
    "as_sizes",
    "build_cnn",
    "build_mlp",
    "build_rnn",
    "too_short",
]
