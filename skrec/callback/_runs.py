"""A run: what one fit, or one search, has come to so far."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xxhash

from skrec.model_selection._optuna import stable_repr

Path = tuple[int, ...]
Plain = str | int | float | bool | None

DIGITS = 12  # of a digest
LONGEST_TEXT = 500  # a build function may be given a whole table


@dataclass
class Run:
    """What a store keeps of one fit or search.

    Parameters
    ----------
    path : tuple of int
        Numbers of the tasks from the outermost one down to this, which is the key.
    name : str
        Alike in no two runs of one parent.
    params : dict of str to object
        Parameters of the estimator.
    estimator : str
        Its class.
    parent : Run or None
        The run of the search that makes the fit.
    is_search : bool, default=False
        Whether it is a search.
    is_refit : bool, default=False
        Whether it is the fit with the best parameters.
    candidate : dict of str to object
        Of these parameters, the ones that the search has set.
    row, split : int or None
        The candidate's row of ``cv_results_``, and the fold.
    epochs : list of (int, dict of str to float)
        Number, counted from 1, and values of each epoch.
    scores : dict of str to float
        Scores.
    status : {"running", "ended", "finished", "failed"}
        "ended" is a fit whose scores are not known yet.
    started, ended : float
        Times, in seconds since 1970.
    fits : list of Run
        Those that it makes, where it is a search.
    ref : object
        The run as the store knows it; None if it is not there.
    """

    path: Path
    name: str
    params: dict[str, Plain]
    estimator: str
    parent: "Run | None" = None
    is_search: bool = False
    is_refit: bool = False
    candidate: dict[str, Plain] = field(default_factory=dict)
    row: int | None = None
    split: int | None = None
    epochs: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    status: str = "running"
    started: float = field(default_factory=time.time)
    ended: float | None = None
    fits: list["Run"] = field(default_factory=list)
    ref: Any = None

    def __post_init__(self) -> None:
        if self.parent is not None:
            self.parent.fits.append(self)

    @property
    def key(self) -> str:
        """What runs share that have the same parameters."""
        return digest_of(self.params)

    @property
    def digest(self) -> str:
        """What runs share in which the same was done, with the same result."""
        parts = [self.estimator, self.params, self.candidate, self.split]
        return digest_of([*parts, self.epochs, self.scores, self.status])


def digest_of(item: Any) -> str:
    """Return a digest of nested plain values.

    Parameters
    ----------
    item : object
        What JSON can hold.

    Returns
    -------
    str
        `DIGITS` hexadecimal digits.
    """
    text = json.dumps(item, sort_keys=True)
    return xxhash.xxh3_64_hexdigest(text.encode())[:DIGITS]


def plain_params(params: Mapping[str, Any]) -> dict[str, Plain]:
    """Return parameters as numbers and short text.

    Parameters
    ----------
    params : mapping of str to object
        What ``get_params`` returns; an estimator in it is told by its class.

    Returns
    -------
    dict of str to (str, int, float, bool or None)
        The same parameters.
    """
    return {name: _plain(value) for name, value in sorted(params.items())}


def _plain(value: Any) -> Plain:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float):
        return value
    if hasattr(value, "get_params") and not isinstance(value, type):
        value = type(value)
    if not isinstance(value, str):
        value = getattr(value, "__qualname__", None) or stable_repr(value)
    is_long = len(value) > LONGEST_TEXT
    return value[: LONGEST_TEXT - 3] + "..." if is_long else value


def plain_values(values: Mapping[str, Any]) -> dict[str, float]:
    """Return values as numbers: of an array, each by its place.

    Parameters
    ----------
    values : mapping of str to (float or array)
        Losses, metrics or scores.

    Returns
    -------
    dict of str to float
        The numbers.
    """
    plain = {}
    for name, value in values.items():
        numbers = np.ravel(value).tolist()
        for place, number in enumerate(numbers):
            plain[name if len(numbers) == 1 else f"{name}_{place}"] = float(number)
    return plain
