"""What is known of users or items beside events: a row for each id."""

from typing import Any

import numpy as np
import pandas as pd

from skrec._warn import warn_user
from skrec.preprocessing._frames import as_frame, as_table, is_polars
from skrec.preprocessing._interactions import codes, id_factor
from skrec.preprocessing._packed import pack_frame, unpack_frame
from skrec.preprocessing._vocabulary import Factor, Vocabulary
from skrec.recommenders._questions import some_of


def read_by_id(
    X: Any, id_col: str, what: str, estimator: Any
) -> tuple[Factor, pd.DataFrame]:
    """Find the ids among the columns of a table that describes them.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_ids, n_columns)
        What describes ids, one a row.
    id_col : str
        Name of the column of ids; the first column where there is none of it.
    what : str
        Name of the parameter, for the messages.
    estimator : estimator
        Who asks.

    Returns
    -------
    ids : Factor
        Ids, each once.
    others : DataFrame
        The other columns, by their names as strings, in the order of the rows.

    Raises
    ------
    ValueError
        If an id is missing or there twice.
    """
    table = as_frame(as_table(X, estimator))
    names = [str(name) for name in table.columns]
    table = table.set_axis(names, axis=1)
    id_col = id_col if id_col in names else names[0]
    try:
        ids = id_factor(table[id_col], id_col)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    if len(ids.values) < len(table):
        twice = ids.values[np.bincount(ids.positions) > 1]
        raise ValueError(
            f"{what} must have one row for each id of its column {id_col!r}, which is "
            f"the one named as in X, or else the first. Received: rows for "
            f"{some_of(twice)} more than once."
        )
    return ids, table.drop(columns=id_col).reset_index(drop=True)


class Features:
    """Columns that describe users or items, found by their ids.

    Parameters
    ----------
    ids : Vocabulary
        Ids that are described.
    frame : DataFrame
        Their columns, in the order of the ids.
    what : str
        Name of the parameter, for the messages.
    """

    def __init__(self, ids: Vocabulary, frame: pd.DataFrame, what: str) -> None:
        self.ids, self.frame, self.what = ids, frame, what

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "frame": pack_frame(self.frame)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, frame=unpack_frame(state["frame"]))

    @classmethod
    def read(cls, frame: Any, id_col: str, what: str, estimator: Any) -> "Features":
        """Check a frame.

        Parameters
        ----------
        frame : DataFrame
            Of pandas or polars.
        id_col : str
            Name of the column of ids; the first column where there is none of it.
        what : str
            Name of the parameter.
        estimator : estimator
            Who asks.

        Returns
        -------
        Features
            Its rows by id.

        Raises
        ------
        TypeError
            If it is no frame.
        ValueError
            If an id is missing or there twice.
        """
        if not (isinstance(frame, pd.DataFrame) or is_polars(frame)):
            raise TypeError(
                f"{what} must be a pandas or polars frame: a column of ids, and what "
                f"describes them. Received: {type(frame).__name__}."
            )
        factor, table = read_by_id(frame, id_col, what, estimator)
        ids = Vocabulary.learn([factor], [None], 1)
        table = table.iloc[np.argsort(codes(ids, factor))]
        flags = table.select_dtypes("bool").columns  # of which none can be missing
        return cls(ids, table.astype(dict.fromkeys(flags, "boolean")), what)

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Find rows.

        Parameters
        ----------
        ids : ndarray of shape (n_ids,)
            Ids of users or items.

        Returns
        -------
        ndarray of int of shape (n_ids,)
            Positions; -1 for ids that have none.
        """
        try:
            return codes(self.ids, id_factor(ids, self.what))
        except ValueError as error:
            raise ValueError(
                f"the ids of {self.what} are not those of X: {error}"
            ) from None

    def require_ids(self, ids: np.ndarray) -> None:
        """Warn where ids of the events are not described, and raise where none is.

        Parameters
        ----------
        ids : ndarray of shape (n_ids,)
            Ids, each once.

        Raises
        ------
        ValueError
            If there is none of them.
        """
        n_missing = int((self.rows(ids) < 0).sum())
        if n_missing == len(ids):
            raise ValueError(
                f"{self.what} has none of the {n_missing} ids of X: name its column of "
                "ids as in X, or put it first. Received: ids such as "
                f"{self.ids.ids[:3].tolist()}, where X has {ids[:3].tolist()}."
            )
        if n_missing:
            warn_user(
                f"{self.what} has no row for {n_missing} of {len(ids)} ids of X: what "
                "describes them is missing (NaN) in what the ranker gets."
            )

    def take(self, rows: np.ndarray) -> dict[str, Any]:
        """Return columns.

        Parameters
        ----------
        rows : ndarray of int
            Positions; -1 for what is missing.

        Returns
        -------
        dict of str to array
            Columns in the dtypes that they have; missing numbers make floats of
            integers.
        """
        return {
            str(name): pd.api.extensions.take(column.array, rows, allow_fill=True)
            for name, column in self.frame.items()
        }
