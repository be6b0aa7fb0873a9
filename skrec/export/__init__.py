"""Fitted models as files that other programs read, and what reads them.

Reading them, by `serve` and `score`, needs neither TensorFlow nor Keras.
"""

from typing import TYPE_CHECKING

from skrec._lazy import on_demand

if TYPE_CHECKING:
    from skrec.export._build_index import to_index, user_vectors
    from skrec.export._index import ItemIndex, load_index
    from skrec.export._onnx import to_onnx
    from skrec.export._saved_model import to_saved_model
    from skrec.export._score import score
    from skrec.export._server import make_app, serve

__all__ = [
    "ItemIndex",
    "load_index",
    "make_app",
    "score",
    "serve",
    "to_index",
    "to_onnx",
    "to_saved_model",
    "user_vectors",
]

__getattr__, __dir__ = on_demand(
    __name__,
    {
        "skrec.export._build_index": ["to_index", "user_vectors"],
        "skrec.export._index": ["ItemIndex", "load_index"],
        "skrec.export._onnx": ["to_onnx"],
        "skrec.export._saved_model": ["to_saved_model"],
        "skrec.export._score": ["score"],
        "skrec.export._server": ["make_app", "serve"],
    },
)
