"""What a model predicts if a column is set to each of its values."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skrec._sklearn import Interval, StrOptions, validate_params
from skrec.preprocessing._frames import as_frame, is_polars, named_columns
from skrec.preprocessing._lists import LIST_TYPES

ROWS_AT_ONCE = 50_000


@validate_params(
    {
        "features": [str, list, tuple, Integral],
        "n_values": [Interval(Integral, 1, None, closed="left")],
        "max_rows": [Interval(Integral, 1, None, closed="left"), None],
        "kind": [StrOptions({"average", "individual"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def feature_effects(
    estimator: Any,
    X: Any,
    features: Any,
    *,
    target: Any = None,
    n_values: int = 20,
    max_rows: int | None = 1000,
    kind: str = "average",
    random_state: Any = 0,
) -> pd.DataFrame:
    """Return the mean prediction with a column set to each of its values.

    For numbers it is what :func:`sklearn.inspection.partial_dependence` computes, which
    works on our estimators too; here columns of ids and of lists of ids have effects as
    well, as they stand in the table.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or regressor on tables, of whichever library; a pipeline, or
        a search.
    X : DataFrame of shape (n_rows, n_columns)
        Rows as `predict` takes them, of pandas or polars.
    features : str, int or list of them
        Columns, by name or position.
    target : object, default=None
        The class whose probability is predicted; None for the second of two.
    n_values : int, default=20
        Values of each column: of numbers as many quantiles, or all values where there
        are fewer; of others the most frequent ones.
    max_rows : int, default=1000
        Rows that take each of the values, drawn if there are more; None for all.
    kind : {"average", "individual"}, default="average"
        Whether to return the mean over rows, or a curve for each row (ICE).
    random_state : int, RandomState instance or None, default=0
        Seeds the draw of rows.

    Returns
    -------
    DataFrame
        A row for each column and value: ``feature``, ``value``, ``effect``, the mean
        prediction, and ``count``, the rows of X that have the value, or of quantiles
        those from it to below the next one. A missing id is a value too. Of a column of
        lists ``value`` is an item, the prediction is that with a list of it alone, and
        ``count`` the lists that hold it. With ``kind="individual"`` there is a row for
        each row of X too, named in ``row``.

    Raises
    ------
    ValueError
        If there is no such column or class, or there are more than two classes and
        none is named.

    See Also
    --------
    sklearn.inspection.PartialDependenceDisplay : Draws the effects of numbers.

    Notes
    -----
    The values of a column are joined with rows that may never have them, such as an
    item with the price of another. What is rare or unseen is predicted as unknown, and
    `count` says how much an effect is to be trusted.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import DeepFMRegressor
    >>> from skrec.inspection import feature_effects
    >>> X = pd.DataFrame({"city": ["Bonn", "Ulm"] * 40, "age": range(80)})
    >>> y = [1.0, 3.0] * 40
    >>> model = DeepFMRegressor(learning_rate=0.01, random_state=0).fit(X, y)
    >>> feature_effects(model, X, "city").round(1)
      feature value  effect  count
    0    city  Bonn     1.0     40
    1    city   Ulm     3.0     40
    """
    check_is_fitted(estimator)
    frame = named_columns(X, list(X.columns), "X") if is_polars(X) else as_frame(X)
    frame = frame.reset_index(drop=True)
    names = _names(frame, features)
    labels = X.index if isinstance(X, pd.DataFrame) else frame.index
    predict = _prediction(estimator, target)
    rows = np.arange(len(frame))
    if max_rows is not None and len(rows) > max_rows:
        rng = check_random_state(random_state)
        rows = np.sort(rng.choice(len(frame), max_rows, replace=False))
    some = frame.iloc[rows]
    parts = [
        _effects(predict, some, labels[rows], name, frame[name], n_values, kind)
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def _names(frame: pd.DataFrame, features: Any) -> list[Any]:
    """Return the names of the columns that were asked for."""
    wanted = [features] if isinstance(features, str | Integral) else list(features)
    names = []
    for one in wanted:
        if one in frame.columns:
            names.append(one)
        elif isinstance(one, Integral) and 0 <= int(one) < len(frame.columns):
            names.append(frame.columns[int(one)])
        else:
            raise ValueError(
                f"features must be columns of X, some of {list(frame.columns)}. "
                f"Received: {one!r}."
            )
    return names


def _prediction(estimator: Any, target: Any) -> Any:
    """Return what predicts one number for a row."""
    if not is_classifier(estimator):
        if target is not None:
            raise ValueError(
                "target is for classifiers: a regressor predicts numbers. Received: "
                f"target={target!r}."
            )
        return lambda X: np.asarray(estimator.predict(X), dtype=float)
    classes = list(estimator.classes_)
    if target is None and len(classes) == 2:
        place = 1
    elif target in classes:
        place = classes.index(target)
    else:
        raise ValueError(
            f"target must be the class whose probability is predicted, one of "
            f"{classes}. Received: {target!r}."
        )
    return lambda X: estimator.predict_proba(X)[:, place]


def _effects(
    predict: Any,
    some: pd.DataFrame,
    labels: pd.Index,
    name: Any,
    column: pd.Series,
    n_values: int,
    kind: str,
) -> pd.DataFrame:
    """Set one column to each of its values."""
    values, counts, cells = _values(column, n_values)
    n_rows, predictions = len(some), []
    at_once = max(1, ROWS_AT_ONCE // max(1, n_rows))
    for start in range(0, len(cells), at_once):
        part = cells[start : start + at_once]
        whole = pd.concat([some] * len(part), ignore_index=True)
        whole[name] = _repeated(part, n_rows, column)
        predictions.append(predict(whole).reshape(len(part), n_rows, -1))
    found = np.concatenate(predictions)
    if found.shape[2] > 1:
        raise ValueError(
            "estimator must predict one number for a row: take one target at a time. "
            f"Received: {found.shape[2]} outputs."
        )
    found = found[..., 0]
    table = pd.DataFrame({"feature": name, "value": values})
    if kind == "average":
        return table.assign(effect=found.mean(axis=1), count=counts)
    table = table.loc[table.index.repeat(n_rows)].reset_index(drop=True)
    table.insert(2, "row", np.tile(np.asarray(labels), len(values)))
    return table.assign(effect=found.ravel(), count=np.repeat(counts, n_rows))


def _repeated(cells: Sequence[Any], n_rows: int, column: pd.Series) -> pd.Series:
    """Make a column of the same dtype, each cell for all rows."""
    if column.dtype == object:  # which may hold lists
        whole = np.empty(len(cells) * n_rows, dtype=object)
        for k, cell in enumerate(cells):
            whole[k * n_rows : (k + 1) * n_rows] = [cell] * n_rows
        return pd.Series(whole)
    dtype: Any = column.dtype
    return pd.Series(cells, dtype=dtype).repeat(n_rows).reset_index(drop=True)


def _values(column: pd.Series, n_values: int) -> tuple[list, list[int], list]:
    """Return values, how many rows have each, and the cells that stand for them."""
    present = column[column.notna()]
    if len(present) and isinstance(present.iloc[0], LIST_TYPES):
        items = pd.Series([item for cell in present for item in dict.fromkeys(cell)])
        frequent = items.value_counts().head(n_values).sort_index()
        values = frequent.index.tolist()
        return values, frequent.tolist(), [[value] for value in values]
    is_number = pd.api.types.is_numeric_dtype(column)
    is_number = is_number and not pd.api.types.is_bool_dtype(column)
    if is_number and present.nunique() > n_values:
        return _quantiles(present, n_values)
    frequent = column.value_counts(dropna=False, sort=True)
    if isinstance(frequent.index.dtype, pd.CategoricalDtype):
        # Unless they have an order of their own, values go before that of categories.
        kept = frequent.index.dtype.ordered
        frequent.index = frequent.index if kept else frequent.index.astype(object)
    frequent = frequent[frequent > 0].head(n_values)  # of categories without a row
    if all(map(_is_there, frequent.index)) or is_number:
        frequent = frequent.sort_index()
    values = frequent.index.tolist()
    return values, frequent.tolist(), values


def _is_there(value: Any) -> bool:
    return not pd.isna(value)


def _quantiles(present: pd.Series, n_values: int) -> tuple[list, list[int], list]:
    """Return quantiles, with the rows from each to the next."""
    numbers = present.to_numpy(dtype=float)
    # Whole numbers may be ids: none is made up between two of them.
    is_whole = pd.api.types.is_integer_dtype(present)
    how: Any = "nearest" if is_whole else "linear"
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, n_values), method=how))
    place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, None)
    counts = np.bincount(place, minlength=len(edges))
    values = [int(edge) for edge in edges] if is_whole else edges.tolist()
    return values, counts.tolist(), values
