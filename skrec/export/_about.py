"""What an exported file says of itself: its columns, its task and its outputs."""

import json
from dataclasses import dataclass, field
from typing import Any

KEY = "skrec.schema"
FORMAT = 1
DTYPES: dict[str, Any] = {
    "string": object,
    "int64": "int64",
    "float32": "float32",
    "float64": "float64",
}


@dataclass(frozen=True)
class Column:
    """A column of the table that a file takes.

    Parameters
    ----------
    name : str
        Its name.
    kind : str
        What it holds: "id" or "number", "list" of ids, or "array" of numbers.
    dtype : {"string", "int64", "float32", "float64"}
        Of its tensor.
    shape : tuple of (int or None)
        Of one cell; () for single values, None for any length.
    missing : str, int or None
        What stands for a missing value; None where a value must be there, but for
        floats, where it is always NaN.
    required : bool
        Whether rows must have it.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int | None, ...] = ()
    missing: Any = None
    required: bool = True

    @property
    def is_float(self) -> bool:
        """Whether it holds floats, in which NaN is missing."""
        return self.dtype.startswith("float")


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
        columns = [_column(one) for one in parsed["columns"]]
        return cls(parsed, {column.name: column for column in columns})

    @property
    def task(self) -> str:
        """The task: "classifier", "regressor" or "recommender"."""
        return self.text["task"]


def _column(entry: dict[str, Any]) -> Column:
    return Column(
        name=entry["name"],
        kind=entry["kind"],
        dtype=entry["dtype"],
        shape=tuple(entry.get("shape", ())),
        missing=entry.get("missing"),
        required=entry.get("required", True),
    )
