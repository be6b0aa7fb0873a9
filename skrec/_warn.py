"""Warnings that point at the user's line, not at one of skrec or scikit-learn."""

import sys
import warnings
from pathlib import Path

import joblib
import sklearn

# joblib too, which stands between a search and the fits that it runs in this process.
_INSIDE = tuple(
    str(Path(file).parent) for file in (__file__, sklearn.__file__, joblib.__file__)
)


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn as if from the first caller outside skrec and scikit-learn.

    Parameters
    ----------
    message : str
        What to say.
    category : type, default=UserWarning
        Class of the warning.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
