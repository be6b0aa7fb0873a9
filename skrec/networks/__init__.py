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
from skrec.networks.rnn import PADDING_VALUE, build_rnn
from skrec.networks.sasrec import build_sasrec
from skrec.networks.two_tower import build_two_tower
from skrec.networks.wide_deep import build_wide_deep

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
