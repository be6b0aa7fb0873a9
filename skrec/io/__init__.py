"""A fitted estimator as one file, which runs no code when it is loaded."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.io._card import model_card
from skrec.io._files import dump, info, load, without_optimizer
from skrec.training._fit_file import UnusableFileError

__all__ = [
    "UnusableFileError",
    "dump",
    "info",
    "load",
    "model_card",
    "without_optimizer",
]
