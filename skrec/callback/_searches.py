"""What a search is known by, and what it tells of its fits when it is over."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from sklearn.base import clone

from skrec.callback._runs import DIGITS, Path, Plain, plain_params, plain_values
from skrec.model_selection._search_digest import NO_INFLUENCE, SearchDigester

_SCORE = re.compile(r"split(\d+)_((?:test|train)_.+)")


def identity_of(estimator: Any, X: Any, y: Any, metadata: Any) -> str:
    """Return what two searches share that are equal, whichever process makes them.

    Parameters
    ----------
    estimator : estimator
        A search, or an estimator that is fitted alone.
    X, y : array-like
        What it is fitted on.
    metadata : dict or None
        Sample weights and the like.

    Returns
    -------
    str
        `DIGITS` hexadecimal digits.
    """
    return SearchDigester().of([_described(estimator), X, y, metadata])[:DIGITS]


def _described(value: Any) -> Any:
    """Return estimators as class and parameters, fitted or not, however deep."""
    if hasattr(value, "get_params") and not inspect.isclass(value):
        params = value.get_params(deep=False)
        return [type(value), _described(_with_influence(params))]
    if type(value) in (list, tuple):
        return [_described(item) for item in value]
    if type(value) is dict:
        return {name: _described(item) for name, item in value.items()}
    return value


def _with_influence(params: dict[str, Any]) -> dict[str, Any]:
    """Leave out parameters that no score depends on."""
    return {
        name: value
        for name, value in params.items()
        if name.rpartition("__")[2] not in NO_INFLUENCE
    }


def params_of(estimator: Any) -> dict[str, Plain]:
    """Return what a run tells of an estimator.

    Parameters
    ----------
    estimator : estimator
        A search, of which only its own parameters are told, or another estimator.

    Returns
    -------
    dict of str to (str, int, float, bool or None)
        Its parameters, without those that no score depends on.
    """
    params = estimator.get_params(deep=not is_search(estimator))
    return plain_params(_with_influence(params))


def is_search(estimator: Any) -> bool:
    """Tell whether an estimator fits candidates for the parameters of another one."""
    return hasattr(estimator, "estimator") and hasattr(estimator, "cv")


def epoch_values(estimator: Any) -> dict[str, float]:
    """Return the last epoch's values in the ``history_`` of an estimator.

    Parameters
    ----------
    estimator : estimator
        One that has told callbacks of an epoch.

    Returns
    -------
    dict of str to float
        The values.
    """
    history = getattr(estimator, "history_", {})
    longest = max(map(len, history.values()), default=0)
    last = {k: v[-1] for k, v in history.items() if v and len(v) == longest}
    return plain_values(last)


def results_of(search: Any) -> dict[str, Any]:
    """Return what a search that is over tells of its fits, as plain values.

    Parameters
    ----------
    search : BaseSearchCV
        The fitted search.

    Returns
    -------
    dict
        Of each row of ``cv_results_`` the candidate, all parameters of the estimator,
        and the scores of each fold; of searches in rounds the rows that each has
        fitted; and the best row, with its mean scores.
    """
    results = search.cv_results_
    n_splits, rows = search.n_splits_, results["params"]
    scores: list[list[dict]] = [[{} for _ in range(n_splits)] for _ in rows]
    for name, values in results.items():
        if found := _SCORE.fullmatch(name):
            for row, value in enumerate(values):
                scores[row][int(found[1])][found[2]] = float(value)
    best = vars(search).get("best_index_")
    return {
        "estimator": type(search.estimator).__name__,
        "candidates": [plain_params(_with_influence(params)) for params in rows],
        "params": [_whole(search.estimator, params) for params in rows],
        "scores": scores,
        "n_splits": n_splits,
        "rounds": _rounds(search),
        "best_row": None if best is None else int(best),
        "best_scores": {} if best is None else _means(results, best),
    }


def _rounds(search: Any) -> list[list[int | None]] | None:
    """Return the rows that each round has fitted; None of searches without rounds."""
    own = vars(search).get("_rows_of_rounds")
    numbers = search.cv_results_.get("iter")  # of scikit-learn's halving ones
    if own is not None or numbers is None:
        return own
    rows = range(len(numbers))
    return [[r for r in rows if numbers[r] == n] for n in range(max(numbers) + 1)]


def _whole(estimator: Any, params: dict[str, Any]) -> dict[str, Plain]:
    """Return all parameters of an estimator that has those of a candidate."""
    return params_of(clone(estimator).set_params(**clone(params, safe=False)))


def _means(results: dict[str, Any], row: int) -> dict[str, float]:
    names = [name for name in results if re.match(r"mean_(test|train)_", name)]
    return {name: float(results[name][row]) for name in names}


def places(search: Path, results: dict[str, Any]) -> Iterator[tuple[Path, int, int]]:
    """Yield the task, the row and the fold of each fit that a search has made.

    Parameters
    ----------
    search : tuple of int
        The task of the search.
    results : dict
        What :func:`results_of` has returned.

    Yields
    ------
    tuple
        Path of the task, row of ``cv_results_``, number of the fold.
    """
    n_splits = results["n_splits"]
    rounds = results["rounds"]
    if rounds is None:  # all rows, in their order
        rounds = [range(len(results["candidates"]))]
        parents: list[Path] = [(*search, 0)]
    else:
        parents = [(*search, 0, number) for number in range(len(rounds))]
    for parent, rows in zip(parents, rounds, strict=True):
        for place, row in enumerate(rows):
            for split in range(n_splits if row is not None else 0):
                yield (*parent, place * n_splits + split), row, split
