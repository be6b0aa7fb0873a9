"""What several files of tests for estimators use."""

import numpy as np
import pytest


def freeze(value):
    """Return a value in a form that compares deeply, arrays as bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: freeze(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [freeze(item) for item in value]
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return type(value).__name__, freeze(vars(value))
    return repr(value)


@pytest.fixture
def snapshot():
    """Return a function that returns everything an estimator holds."""
    return lambda estimator: freeze(vars(estimator))
