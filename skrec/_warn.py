"""Warnings that point at the user's line, not at one of skrec or scikit-learn."""

import sys
import warnings
from pathlib import Path

import sklearn

_INSIDE = (str(Path(__file__).parent), str(Path(sklearn.__file__).parent))


def warn_user(message: str) -> None:
    """Warn as if from the first caller outside skrec and scikit-learn.

    Parameters
    ----------
    message : str
        What to say.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
