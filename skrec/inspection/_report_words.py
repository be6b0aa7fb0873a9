"""Values as text for a reader, the same on every run."""

import math
import re
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

LONGEST = 200
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_TYPOGRAPHIC_MINUS = "\u2212"


def number(value: Any, digits: int = 4) -> str:
    """Write a number with a few digits; what is not finite by its name.

    Parameters
    ----------
    value : float
        The number.
    digits : int, default=4
        Significant digits, of what is no whole number.

    Returns
    -------
    str
        Text.
    """
    if isinstance(value, Integral):
        text = f"{int(value):,}"
    elif not math.isfinite(value):
        return str(float(value))
    elif float(value).is_integer() and abs(value) < 1e6:
        text = f"{int(value):,}"
    else:
        text = f"{float(value):.{digits}g}"
        if 1000 <= abs(float(text)) < 1e15:  # 3,030 is read sooner than 3.03e+03
            n_whole = len(str(int(abs(float(text)))))
            text = f"{float(text):,.{max(0, digits - n_whole)}f}"
        elif "e+" in text and abs(value) < 1000:
            text = f"{float(text):.0f}"
    return text.replace("-", _TYPOGRAPHIC_MINUS, 1) if text[0] == "-" else text


def seconds(value: float) -> str:
    """Write a time so that it can be taken in at a glance.

    Parameters
    ----------
    value : float
        Seconds.

    Returns
    -------
    str
        Text, such as ``"3 min 20 s"``.
    """
    if not math.isfinite(value):
        return "unknown"
    if value < 10:
        return f"{value:.2g} s"
    if value < 60:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def text(value: Any, longest: int = LONGEST) -> str:
    """Write any value: numbers short, functions by name, objects without address.

    Parameters
    ----------
    value : object
        The value.
    longest : int, default=200
        Characters at most.

    Returns
    -------
    str
        Text of one line.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or value is None:
        found = str(value)
    elif isinstance(value, str):
        found = value
    elif isinstance(value, Real):
        found = number(value).replace(",", "")
    elif callable(value) and hasattr(value, "__qualname__"):
        found = value.__qualname__
    elif isinstance(value, BaseEstimator):
        found = repr(value)
    elif isinstance(value, list | tuple):
        inner = ", ".join(text(item) for item in value[:longest])
        found = f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    else:
        found = repr(value)
    found = " ".join(_ADDRESS.sub("", found).split())
    return found if len(found) <= longest else found[: longest - 1] + "…"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    Parameters
    ----------
    count : int
        How many.
    one : str
        The noun of one.
    many : str, default=None
        Of several; None adds an s.

    Returns
    -------
    str
        Text.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def in_a_row(words: list[str]) -> str:
    """Join words as in a sentence.

    Parameters
    ----------
    words : list of str
        The words.

    Returns
    -------
    str
        Text.
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


# All control characters but tabulators and ends of lines, and marks of direction, which
# would turn the text around them.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(page: str) -> str:
    r"""Write what no page may hold as Python would: ``\x00``.

    Parameters
    ----------
    page : str
        Text that holds names and values of the user's.

    Returns
    -------
    str
        The same without control characters.
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], page)
