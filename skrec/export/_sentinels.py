"""What stands for a missing value, for filling up lists, and for no id at all.

JSON and ONNX have no None, and onnxruntime makes the string "None" of it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

_LOWEST_INT = -(2**63)
_LOWEST_FLOAT = float(np.finfo(np.float64).min)


def free_text(word: str, ids: Iterable[Any]) -> str:
    """Return a string that is none of some ids.

    Parameters
    ----------
    word : str
        What it says.
    ids : iterable
        Ids that are known.

    Returns
    -------
    str
        The word in angle brackets, with as many "_" behind as needed.
    """
    taken, text = set(ids), f"<{word}>"
    while text in taken:
        text += "_"
    return text


def sentinels(dtype: str, ids: np.ndarray) -> dict[str, Any]:
    """Choose what stands for special values in a column of ids.

    Parameters
    ----------
    dtype : {"string", "int64", "float64"}
        Of the ids.
    ids : ndarray
        Ids that are known, none of which is chosen.

    Returns
    -------
    dict
        ``"missing"``, None where it is NaN, ``"padding"`` and ``"unknown"``.
    """
    if dtype == "string":
        words = ("missing", "padding", "unknown")
        return {word: free_text(word, ids) for word in words}
    if dtype == "float64":
        low = [_LOWEST_FLOAT * share for share in (1.0, 0.5)]
        padding, unknown = (_free_number(value, ids, 0.9) for value in low)
        return {"missing": None, "padding": padding, "unknown": unknown}
    taken, free = set(ids.tolist()), list[int]()
    value = _LOWEST_INT
    while len(free) < 3:
        if value not in taken:
            free.append(value)
        value += 1
    return dict(zip(("missing", "padding", "unknown"), free, strict=True))


def _free_number(value: float, ids: np.ndarray, factor: float) -> float:
    while (ids == value).any():
        value *= factor
    return value
