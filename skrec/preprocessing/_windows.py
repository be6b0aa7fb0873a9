"""Windows over an event log: what a user did before, to predict what comes next."""

from collections.abc import Hashable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_any_real_numeric_dtype, is_bool_dtype

from skrec._sklearn import Interval, validate_params
from skrec.preprocessing._ids import objects


@validate_params(
    {
        "events": [pd.DataFrame],
        "features": [list, tuple, pd.Index, None],
        "target": [Hashable],
        "user": [Hashable],
        "time": [Hashable],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "min_history": [Interval(Integral, 1, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "history_features": [list, tuple, pd.Index, None],
        "context_features": [list, tuple, pd.Index, None],
        "n_popular": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def make_windows(
    events: pd.DataFrame,
    *,
    features: Sequence | None = None,
    target: str,
    user: str = "user_id",
    time: str = "timestamp",
    n_steps: int = 20,
    min_history: int = 1,
    stride: int = 1,
    history_features: Sequence | None = None,
    context_features: Sequence | None = None,
    n_popular: int | None = None,
) -> tuple[np.ndarray | pd.DataFrame, np.ndarray, np.ndarray]:
    """Turn an event log into sequences of what came before, and what came next.

    Each event that has enough earlier events of the same user gives one sample:
    the features of those events as a sequence, and the target of the event
    itself. So nothing of an event, nor of a later one, is in its own sequence.

    Numbers make an array, as :class:`~skrec.RNNClassifier` takes it. Ids make a table
    with lists, as :class:`~skrec.DINClassifier` and all other families on tables do.

    Parameters
    ----------
    events : DataFrame
        The log, one row per event, in any order. It is not changed.
    features : list of str, default=None
        Names of the columns that describe an event; numbers or booleans. None is for
        `history_features` alone.
    target : str
        Name of the column to predict. It may also be one of the features: then
        the sequences hold its earlier values.
    user : str, default="user_id"
        Name of the column that says whose event it is; ids of any type.
    time : str, default="timestamp"
        Name of the column that says when it happened; numbers or dates. Events
        of one user at the same time keep the order that they have in the table.
    n_steps : int, default=20
        Number of steps of a sequence: at most so many earlier events, the latest
        of them last.
    min_history : int, default=1
        Number of earlier events that an event must have to give a sample. A user
        with fewer gives none.
    stride : int, default=1
        Take every `stride`-th of the events that could give a sample, from each
        user's first on.
    history_features : list of str, default=None
        Names of columns of ids of any type. With them, X is a table that holds, for
        each, the list of its last `n_steps` earlier values.
    context_features : list of str, default=None
        Names of columns of the event itself that are known before its target is, for
        example the item that is shown where the target says whether it is clicked.
        They are columns of the table that `history_features` makes.
    n_popular : int, default=None
        Keep those samples alone whose target is one of so many most frequent ones
        among all events, such as the items that are worth a class of their own. Other
        events still are in the sequences.

    Returns
    -------
    X : ndarray of shape (n_samples, n_steps, n_features), or DataFrame
        The sequences, as 64-bit floats. Shorter ones have all-zero steps in
        front, which models with masking skip; an event whose features are all
        zero looks the same. Add a feature that is always 1 where there are such
        events, or tell an RNN that ``padding="front"``.
        With `history_features`, a table: the user, `context_features`, the list
        ``<name>_history`` for each history feature, the latest value last, and
        ``window``, the sequence of `features`, if there are some.
    y : ndarray of shape (n_samples,)
        The targets.
    groups : ndarray of shape (n_samples,)
        The users, to keep each of them on one side of a split. Samples are sorted
        by user and, within a user, by time.

    Raises
    ------
    ValueError
        If a column is missing or occurs twice, is not numeric or has missing
        values, or if no user has enough events.

    See Also
    --------
    sklearn.model_selection.StratifiedGroupKFold : Splits that respect `groups`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.preprocessing import make_windows
    >>> events = pd.DataFrame(
    ...     {
    ...         "user_id": ["ann", "bob", "ann", "ann", "bob"],
    ...         "timestamp": [1, 1, 3, 2, 2],
    ...         "price": [10.0, 20.0, 30.0, 40.0, 50.0],
    ...         "bought": ["tea", "milk", "tea", "milk", "milk"],
    ...     }
    ... )
    >>> X, y, groups = make_windows(
    ...     events, features=["price"], target="bought", n_steps=3
    ... )
    >>> X[:, :, 0]
    array([[ 0.,  0., 10.],
           [ 0., 10., 40.],
           [ 0.,  0., 20.]])
    >>> y.tolist()
    ['milk', 'tea', 'milk']
    >>> groups.tolist()
    ['ann', 'ann', 'bob']

    The same log as a table with histories, of which the next item is the target:

    >>> X, y, groups = make_windows(
    ...     events, history_features=["bought"], target="bought", n_steps=3
    ... )
    >>> X
      user_id bought_history
    0     ann          [tea]
    1     ann    [tea, milk]
    2     bob         [milk]
    """
    features, histories, context = (
        [] if names is None else list(names)
        for names in (features, history_features, context_features)
    )
    _check_columns(events, features, histories, context, [target, user, time])
    _check_times(events[time])
    for column in dict.fromkeys((user, time, target, *histories)):
        _check_rows(column, events[column].isna(), "missing values")
    values = _feature_values(events, features)

    order, n_earlier = _by_user_and_time(events, user, time, min_history)
    eligible = (n_earlier >= min_history) & ((n_earlier - min_history) % stride == 0)
    if n_popular is not None:
        popular = _most_frequent(events[target], n_popular)
        eligible &= popular[order]
        if not eligible.any():
            raise ValueError(
                f"no event with {min_history} earlier ones has one of the {n_popular} "
                f"most frequent values of {target!r}: raise n_popular. Received: "
                f"n_popular={n_popular}."
            )
    predicted = np.flatnonzero(eligible)
    n_back = np.minimum(n_earlier[predicted], n_steps)
    rows = order[predicted]
    X = _windows(values[order], predicted, n_back, n_steps) if features else None
    if histories:
        lists = {
            f"{name}_history": _histories(events[name].iloc[order], predicted, n_back)
            for name in histories
        }
        own = {name: events[name].iloc[rows].array for name in (user, *context)}
        X = _table(own, lists, X)
    return X, events[target].to_numpy()[rows], events[user].to_numpy()[rows]


def _table(
    own: dict[Any, Any], lists: dict[str, np.ndarray], windows: np.ndarray | None
) -> pd.DataFrame:
    """Put columns of the events beside their lists and windows."""
    others = lists if windows is None else {**lists, "window": objects(list(windows))}
    doubled = [name for name in others if name in own]
    if doubled:
        raise ValueError(
            "the table would have two columns of the same name: rename those of the "
            f"events. Received: user or context_features {doubled}."
        )
    return pd.DataFrame({**own, **others})


def _by_user_and_time(
    events: pd.DataFrame, user: str, time: str, min_history: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows by user and time, and how many earlier ones each user has."""
    codes, users = _codes(events[user])
    by_time = events[time].argsort(kind="stable").to_numpy()
    order = by_time[np.argsort(codes[by_time], kind="stable")]
    counts = np.bincount(codes, minlength=len(users))
    if not (counts > min_history).any():
        _raise_too_short(users, counts, min_history)
    return order, np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)


def _codes(ids: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Give ids numbers, in their order; in that of the rows, if they have none."""
    try:
        codes, different = pd.factorize(ids, sort=True)
    except TypeError:
        codes, different = pd.factorize(ids)
    return codes, pd.Index(different)


def _most_frequent(values: pd.Series, n: int) -> np.ndarray:
    """Tell which rows have one of the n most frequent values."""
    codes, different = _codes(values)
    counts = np.bincount(codes, minlength=len(different))
    chosen = np.zeros(len(different), dtype=bool)
    chosen[np.argsort(-counts, kind="stable")[:n]] = True
    return chosen[codes]


def _windows(
    values: np.ndarray, predicted: np.ndarray, n_back: np.ndarray, n_steps: int
) -> np.ndarray:
    """Return the rows before each predicted one, zeros before a user's first."""
    steps_back = np.arange(n_steps, 0, -1)
    window = predicted[:, np.newaxis] - steps_back
    # What lies before the user's first event points to a last row of zeros.
    window[steps_back > n_back[:, np.newaxis]] = len(values)
    return np.vstack([values, np.zeros(values.shape[1])])[window]


def _histories(
    ordered: pd.Series, predicted: np.ndarray, n_back: np.ndarray
) -> np.ndarray:
    """Return the list of values before each predicted row."""
    values = ordered.tolist()
    ends = predicted.tolist()
    starts = (predicted - n_back).tolist()
    return objects([values[i:j] for i, j in zip(starts, ends, strict=True)])


def _check_columns(
    events: pd.DataFrame, features: list, histories: list, context: list, others: list
) -> None:
    """Raise unless every column is there, and there once."""
    if not features and not histories:
        raise ValueError(
            "features or history_features must name at least one column. Received: []."
        )
    if context and not histories:
        raise ValueError(
            "context_features are columns of the table that history_features makes: "
            f"name some. Received: context_features={context}."
        )
    wanted = list(dict.fromkeys([*features, *histories, *context, *others]))
    missing = [name for name in wanted if name not in events.columns]
    if missing:
        raise ValueError(
            f"events lacks the columns {missing}: correct features, target, user or "
            f"time. Received: columns {events.columns.tolist()}."
        )
    doubled = [name for name in wanted if events.columns.tolist().count(name) > 1]
    if doubled:
        raise ValueError(
            f"events has more than one column of the same name: rename {doubled}. "
            f"Received: columns {events.columns.tolist()}."
        )


def _check_times(times: pd.Series) -> None:
    """Raise for text and the like, which would be sorted as text."""
    if not (is_any_real_numeric_dtype(times) or times.dtype.kind == "M"):
        raise ValueError(
            f"time column {times.name!r} must hold numbers or dates: convert it, for "
            f"example with pandas.to_datetime. Received: dtype {times.dtype}."
        )


def _check_rows(column: str, wrong: pd.Series | np.ndarray, what: str) -> None:
    """Raise if any row is wrong, and say which ones, counted from 0."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise ValueError(
            f"column {column!r} has {what}: drop or fill these rows. Received: "
            f"{len(rows)} of {len(wrong)} rows, by position {shown}."
        )


def _feature_values(events: pd.DataFrame, features: list) -> np.ndarray:
    """Return the features as one array of finite floats."""
    others = {
        name: str(events[name].dtype)
        for name in features
        if not (is_any_real_numeric_dtype(events[name]) or is_bool_dtype(events[name]))
    }
    if others:
        raise ValueError(
            f"feature columns must be numbers or booleans: encode {list(others)}, for "
            f"example with pandas.get_dummies. Received: dtypes {others}."
        )
    values = events[features].to_numpy(dtype=np.float64, na_value=np.nan)
    for name, column in zip(features, values.T, strict=True):
        _check_rows(name, ~np.isfinite(column), "missing or infinite values")
    return values


def _raise_too_short(users: pd.Index, counts: np.ndarray, min_history: int) -> None:
    """Say that no user has a history long enough, and how long the longest are."""
    longest = np.argsort(-counts, kind="stable")[:5]
    names = users[longest].tolist()
    found = ", ".join(
        f"user {name!r} has {count}"
        for name, count in zip(names, counts[longest], strict=True)
    )
    raise ValueError(
        f"no user has the {min_history + 1} events that min_history={min_history} "
        f"needs: lower min_history or give longer histories. Received: "
        f"{len(users)} users; {found or 'no events'}."
    )
