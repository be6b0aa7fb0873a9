"""Events to a table with labels: what users had, and drawn items that they had not."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skrec._sklearn import Interval, num_samples, validate_params
from skrec._warn import warn_user
from skrec.preprocessing._frames import as_frame, as_table, is_polars
from skrec.preprocessing._interactions import codes, find_columns, id_factor
from skrec.preprocessing._kinds import chosen_columns
from skrec.preprocessing._unseen import Unseen
from skrec.preprocessing._vocabulary import Vocabulary

_COLUMN = [str, Integral, None]
_NAME = type("sample_negatives", (), {})()  # whom the messages of the checks name


@validate_params(
    {
        "n": [Interval(Integral, 1, None, closed="left")],
        "user_col": _COLUMN,
        "item_col": _COLUMN,
        "item_features": [list, tuple],
        "popularity": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sample_negatives(
    X: Any,
    n: int = 4,
    *,
    user_col: Any = None,
    item_col: Any = None,
    item_features: Sequence = (),
    popularity: float = 0.0,
    known: Any = None,
    random_state: Any = None,
) -> tuple[Any, np.ndarray]:
    """Make the table that a classifier needs of events that are all positive.

    Clicks and purchases say what users took, not what they left. Behind each event come
    `n` rows of the same user with items that the user never had, drawn independently of
    each other, so that one may come twice.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_events, n_columns)
        Events, one a row, of pandas, polars or NumPy; ids of any type.
    n : int, default=4
        Number of negatives for each event.
    user_col : str or int, default=None
        Name or position of the column of users; None for the first column that is not
        the other one.
    item_col : str or int, default=None
        Name or position of the column of items; None for the first column that is not
        the other one.
    item_features : list of str or int, default=()
        Names or positions of the columns that describe the item, such as its category.
        A negative has there what the drawn item has, in its last row. In all other
        columns, such as the user's age or the time, it has what the event has.
    popularity : float, default=0.0
        Items are drawn in proportion to this power of their number of events: 0 is
        evenly, 1 as often as they occur, and 0.75 in between.
    known : DataFrame or array-like of shape (n_known, n_columns), default=None
        Further events, of the kind and with the columns of X, such as those that were
        trained on where X is what is scored. They are no rows of the result, but their
        users had their items, and these can be drawn.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.

    Returns
    -------
    X_sampled : DataFrame or ndarray of shape (n_rows, n_columns)
        Of the kind of X, with its columns in its dtypes: each event, and its negatives
        behind it.
    y : ndarray of int of shape (n_rows,)
        1 for events, 0 for negatives.

    Raises
    ------
    ValueError
        If a column is missing, or an id is.

    Warns
    -----
    UserWarning
        Where users have had every item: their events have no negatives. Where another
        column has one value for each item, so that it should be in `item_features`.

    Notes
    -----
    A classifier that is trained on such a table ranks, but its probabilities are those
    of the table: with `n` negatives, 1 / (n + 1) on average.

    Ranking an item among drawn ones does not estimate its rank in the catalogue: score
    a recommender with :func:`skrec.metrics.evaluate`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.preprocessing import sample_negatives
    >>> X = pd.DataFrame(
    ...     {
    ...         "user": ["ann", "ann", "bob"],
    ...         "item": ["tea", "milk", "rice"],
    ...         "age": [30, 30, 40],
    ...         "aisle": ["drinks", "cold", "dry"],
    ...     }
    ... )
    >>> X_sampled, y = sample_negatives(
    ...     X, n=1, item_features=["aisle"], random_state=0
    ... )
    >>> X_sampled.assign(y=y)
      user  item  age   aisle  y
    0  ann   tea   30  drinks  1
    1  ann  rice   30     dry  0
    2  ann  milk   30    cold  1
    3  ann  rice   30     dry  0
    4  bob  rice   40     dry  1
    5  bob   tea   40  drinks  0
    """
    events, frame = _read(X, known)
    n_events = num_samples(X)
    names = list(frame.columns)
    columns = find_columns(names, user_col, item_col, None, "sample_negatives")
    features = chosen_columns(item_features, names, "item_features")
    if columns.user in features:
        raise ValueError(
            "item_features describe items, and not the user. Received: "
            f"{item_features!r}, with the users in {names[columns.user]!r}."
        )
    user, item = (_codes(frame, place) for place in columns[:2])
    others = set(range(len(names))) - {columns.user, columns.item, *features}
    _warn_of_item_features(frame, user, item, sorted(others))

    unseen = Unseen.of(user, item, item.max() + 1, popularity)
    full = _has_all(unseen, user.max() + 1)
    n_negatives = np.where(full[user[:n_events]], 0, n)
    rows = np.repeat(np.arange(n_events), 1 + n_negatives)
    y = np.zeros(len(rows), dtype=np.int64)
    y[np.cumsum(1 + n_negatives) - 1 - n_negatives] = 1
    rng = check_random_state(random_state)
    drawn = unseen.draw(user[rows[y == 0]], rng)
    last_row = np.empty(item.max() + 1, dtype=np.intp)
    last_row[item] = np.arange(len(item))
    item_rows = rows.copy()
    item_rows[y == 0] = last_row[drawn]
    return _take(events, rows, item_rows, [columns.item, *features]), y


def _read(X: Any, known: Any) -> tuple[Any, pd.DataFrame]:
    """Return all events as they came, those of X first, and the same in pandas."""
    if not isinstance(X, pd.DataFrame | np.ndarray) and not is_polars(X):
        X = as_frame(as_table(X, _NAME)).to_numpy()
    events = X if known is None else _stacked(X, known)
    return events, as_frame(as_table(events, _NAME))


def _stacked(X: Any, known: Any) -> Any:
    """Put known events behind those of X."""
    if isinstance(X, np.ndarray):
        known = np.asarray(known)
        fits = known.ndim == X.ndim == 2 and known.shape[1] == X.shape[1]
    else:
        fits = type(known) is type(X) and set(X.columns) <= set(known.columns)
    if not fits:
        raise ValueError(
            "known must be a table of the kind of X, with all of its columns. "
            f"Received: {type(known).__name__} beside {type(X).__name__}, with "
            f"{list(getattr(known, 'columns', np.shape(known)[1:]))}."
        )
    if isinstance(X, np.ndarray):
        return np.concatenate([X, known])
    if isinstance(X, pd.DataFrame):
        return pd.concat([X, known[list(X.columns)]], ignore_index=True)
    import polars

    return polars.concat([X, known.select(X.columns)])


def _codes(frame: pd.DataFrame, place: int) -> np.ndarray:
    """Return codes of ids, in their order."""
    factor = id_factor(frame.iloc[:, place], frame.columns[place])
    return codes(Vocabulary.learn([factor], [None], 1), factor).astype(np.int64)


def _has_all(unseen: Unseen, n_users: int) -> np.ndarray:
    """Tell which users have had every item, and warn of them."""
    full = unseen.has_all(n_users)
    if full.any():
        warn_user(
            f"{full.sum()} of {len(full)} users have had all {unseen.n_items} items, "
            "so there are no negatives for their events."
        )
    return full


def _warn_of_item_features(
    frame: pd.DataFrame, user: np.ndarray, item: np.ndarray, places: list[int]
) -> None:
    """Warn of columns that describe the item as far as one can tell.

    Where no item has two rows, every column has one value for each item.
    """
    if len(np.unique(item)) == len(item):
        return
    found = []
    for place in places:
        try:
            values, _ = pd.factorize(frame.iloc[:, place], use_na_sentinel=False)
        except TypeError:  # lists
            continue
        if _is_constant(values, item) and not _is_constant(values, user):
            found.append(frame.columns[place])
    if found:
        warn_user(
            f"columns {found} have one value for each item, but negatives have that of "
            "the event: name them in item_features if they describe the item."
        )


def _is_constant(values: np.ndarray, groups: np.ndarray) -> bool:
    """Tell whether all rows of a group have one value."""
    some = np.empty(groups.max() + 1, dtype=values.dtype)
    some[groups] = values
    return bool((some[groups] == values).all())


def _take(
    events: Any, rows: np.ndarray, item_rows: np.ndarray, places: list[int]
) -> Any:
    """Return rows of a table, with some columns from other rows of it."""
    if isinstance(events, np.ndarray):
        taken = events[rows]
        for place in places:
            taken[:, place] = events[item_rows, place]
        return taken
    if isinstance(events, pd.DataFrame):
        taken = events.iloc[rows].reset_index(drop=True)
        for place in places:
            values = events.iloc[:, place].array.take(item_rows)
            taken.isetitem(place, values)
        return taken
    columns = [events.columns[place] for place in places]
    return events[rows].with_columns(events[item_rows].select(columns))
