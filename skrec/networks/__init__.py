"""Architectures: pure functions from shapes and sizes to Keras models."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.networks._network import Network
from skrec.networks._sizes import as_sizes
from skrec.networks.autoint import build_autoint
from skrec.networks.bpr import build_bpr
from skrec.networks.caser import build_caser
from skrec.networks.cnn import build_cnn, too_short
from skrec.networks.dcn import build_dcn, check_experts
from skrec.networks.dien import build_dien
from skrec.networks.din import build_din
from skrec.networks.fm import build_deepfm, build_fm
from skrec.networks.gru4rec import build_gru4rec
from skrec.networks.late_fusion import FieldGroup, build_late_fusion, groups_by_kind
from skrec.networks.mlp import build_field_mlp, build_mlp
from skrec.networks.ncf import build_ncf
from skrec.networks.neumf import build_neumf
from skrec.networks.rnn import build_rnn
from skrec.networks.sasrec import build_sasrec
from skrec.networks.two_tower import build_two_tower
from skrec.networks.wide_deep import build_wide_deep
from skrec.preprocessing import _padding

__all__ = [
    "PADDING_VALUE",
    "FieldGroup",
    "Network",
    "as_sizes",
    "build_autoint",
    "build_bpr",
    "build_caser",
    "build_cnn",
    "build_dcn",
    "build_deepfm",
    "build_dien",
    "build_din",
    "build_field_mlp",
    "build_fm",
    "build_gru4rec",
    "build_late_fusion",
    "build_mlp",
    "build_ncf",
    "build_neumf",
    "build_rnn",
    "build_sasrec",
    "build_two_tower",
    "build_wide_deep",
    "check_experts",
    "groups_by_kind",
    "too_short",
]

PADDING_VALUE = _padding.PADDING_VALUE
"""What marks a step as padding in the sequences that a recurrent network takes: -1e6.

`build_rnn` leaves out the steps whose channels all have this value, which no
standardised number comes near. `RNNClassifier` and `RNNRegressor` write it themselves
where they find padding, so it is needed only to feed a network of `build_rnn` by hand:

>>> import numpy as np
>>> from skrec.networks import PADDING_VALUE
>>> lists = [[0.5], [0.1, -0.3]]
>>> x = np.full((2, 2, 1), PADDING_VALUE)
>>> for row, values in zip(x, lists, strict=True):
...     row[len(row) - len(values) :, 0] = values
>>> x[..., 0].tolist()
[[-1000000.0, 0.5], [0.1, -0.3]]
"""
