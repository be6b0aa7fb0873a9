"""From raw columns and event logs to the inputs of models."""

from skrec.preprocessing._negatives import sample_negatives
from skrec.preprocessing._spec import FieldSpec, SequenceSpec
from skrec.preprocessing._windows import make_windows
from skrec.preprocessing.fields import FieldEncoder

__all__ = [
    "FieldEncoder",
    "FieldSpec",
    "SequenceSpec",
    "make_windows",
    "sample_negatives",
]
