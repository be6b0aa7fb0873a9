"""What an exported file says of itself: its columns, its task and its outputs.

It is kept in the file's metadata as JSON, under `KEY`, for whoever serves it.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

import skrec

KEY = "skrec.schema"
FORMAT = 1
DTYPES: dict[str, Any] = {
    "string": object,
    "int64": "int64",
    "float64": "float64",
}


@dataclass(frozen=True)
class Column:
    """A column of the table that a file takes.

    Parameters
    ----------
    name : str
        Its name.
    kind : {"id", "number", "list", "array"}
        What it holds; a list is one of ids, an array one of numbers.
    dtype : {"string", "int64", "float64"}
        Of its tensor.
    shape : tuple of (int or None)
        Of its tensor, without the rows.
    position : int
        Where it stood in X.
    required : bool
        Whether rows must have it.
    missing, unknown, padding : str, int, float or None
        What stands, among ids, for a missing one, for one that no tensor of the dtype
        holds, and for none at all at the end of a list; None for NaN.
    separator : str or None
        What stands between the ids of lists that are given as strings.
    filler : str, int, float or None
        An id with which lists were filled up in fit: it is no item.
    max_len : int or None
        Items of a list that the model reads: its last ones; all if None.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int | None, ...] = (1,)
    position: int = 0
    required: bool = True
    missing: Any = None
    unknown: Any = None
    padding: Any = None
    separator: str | None = None
    filler: Any = None
    max_len: int | None = None

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "Column":
        """Read an entry of the schema, and pass over what is not for us.

        Parameters
        ----------
        entry : dict
            What is said of the column.

        Returns
        -------
        Column
            The column.
        """
        own = {key: entry[key] for key in cls.__dataclass_fields__ if key in entry}
        return cls(**{**own, "shape": tuple(own["shape"])})

    @property
    def entry(self) -> dict[str, Any]:
        """What the schema says of it."""
        return asdict(self)

    @property
    def is_text(self) -> bool:
        """Whether it holds strings."""
        return self.dtype == "string"

    @property
    def nothing(self) -> Any:
        """What stands for a missing value, which a column of ids may not have."""
        if self.dtype == "float64":
            return math.nan
        if self.missing is None:
            raise ValueError(
                "must have a value in every row: fill it in. Received: a missing one."
            )
        return self.missing

    @property
    def fillers(self) -> tuple:
        """What is no item of a list: nothing, or an id."""
        return () if self.filler is None else (self.filler,)

    def tensor(self, values: Iterable[Any]) -> np.ndarray:
        """Put values in an array of the column's dtype.

        Parameters
        ----------
        values : iterable
            Of that dtype, or what stands for special ones.

        Returns
        -------
        ndarray of shape (n_values,)
            The values.
        """
        listed = list(values)
        tensor = np.empty(len(listed), DTYPES[self.dtype])
        tensor[:] = listed
        return tensor

    def items(self, cell: Any) -> Any:
        """Split a string of ids; return everything else as it is.

        Parameters
        ----------
        cell : object
            Cell of a column of lists.

        Returns
        -------
        object
            A list where the cell was a string and the column has a separator.
        """
        if self.separator is None or not isinstance(cell, str):
            return cell
        parts = [part.strip() for part in cell.split(self.separator)]
        return [part for part in parts if part]


@dataclass(frozen=True)
class Schema:
    """All that a file says.

    Parameters
    ----------
    text : dict
        The parsed JSON.
    columns : dict of str to Column
        By name, in their order.
    """

    text: dict[str, Any]
    columns: dict[str, Column] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None, path: Any) -> "Schema":
        """Read what stands in a file's metadata.

        Parameters
        ----------
        text : str or None
            JSON; None where the file has none.
        path : str
            Name of the file, for the messages.

        Returns
        -------
        Schema
            What it says.

        Raises
        ------
        ValueError
            If it is none of ours, or of a later release.
        """
        if text is None:
            raise ValueError(
                f"{path} says nothing of its columns: give a file that "
                f"skrec.export.to_onnx wrote. Received: a model without {KEY!r} in "
                "its metadata."
            )
        parsed = json.loads(text)
        written = parsed.get("format")
        if written != FORMAT:
            raise ValueError(
                f"{path} was written in another format than this release reads, "
                f"{FORMAT}: use the release that wrote it, {parsed.get('skrec')}, or "
                f"export the model anew. Received: format {written!r}."
            )
        columns = [Column.of(one) for one in parsed["columns"]]
        return cls(parsed, {column.name: column for column in columns})

    @property
    def recommends(self) -> bool:
        """Whether the model ranks items for users."""
        return self.text.get("task") == "recommender"

    @property
    def inputs(self) -> set[str]:
        """Names of all inputs: the columns, and options of the whole call."""
        options = self.text.get("options", [])
        return {*self.columns, *(option["name"] for option in options)}

    @property
    def takes_arrays(self) -> bool:
        """Whether the model takes an array, and no table."""
        return self.text.get("input") == "array"


def schema_text(estimator: Any, about: dict[str, Any]) -> str:
    """Write what a file says of itself.

    Parameters
    ----------
    estimator : estimator
        What it was made of.
    about : dict
        ``"columns"``, a list of Column, and whatever else its reader needs.

    Returns
    -------
    str
        JSON.
    """
    head = {
        "format": FORMAT,
        "skrec": skrec.__version__,
        "estimator": type(estimator).__name__,
    }
    columns = [column.entry for column in about["columns"]]
    return json.dumps({**head, **about, "columns": columns})
