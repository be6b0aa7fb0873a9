"""Batches of rows, in frames, to the outputs of an exported model."""

import math
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skrec.export._cells import blocks
from skrec.export._columns import Lists, read_rows
from skrec.export._model import OnnxModel
from skrec.export._schema import Schema
from skrec.preprocessing._frames import is_polars

BATCH_ROWS = 2**13


def score(
    path: str | os.PathLike,
    frame: Any,
    *,
    batch_size: int = BATCH_ROWS,
    threads: int = 0,
) -> Any:
    """Compute what an exported model says of the rows of a frame.

    TensorFlow is not needed and not imported. A partition of a Dask frame is a frame:
    ``ddf.map_partitions(partial(score, "model.onnx"))``. Each process opens a file
    once.

    Needs the extra ``serve``: ``pip install "skrec-keras[serve]"``.

    Parameters
    ----------
    path : str or path-like
        A file that ``to_onnx`` wrote.
    frame : DataFrame or ndarray of shape (n_rows, ...)
        Rows, in pandas or polars, with the columns of the model, in any order; further
        ones are passed over. Where X had no names, columns are in the order of X. An
        array where the model was trained on arrays.
    batch_size : int, default=8192
        Rows that are computed at a time; fewer where one of them has a long list.
    threads : int, default=0
        Threads that a computation may use; 0 for one for each core.

    Returns
    -------
    DataFrame of shape (n_rows, n_outputs)
        A column for each output, such as ``"label"`` or ``"prediction"``, and one for
        each class or number of an output that has several, such as
        ``"probabilities_yes"``; with the index of `frame`. A polars frame where `frame`
        is one.

    Raises
    ------
    ImportError
        If the extra is not installed.
    FileNotFoundError
        If there is no such file.
    TypeError
        If `frame` is none.
    ValueError
        If the file is none of ours, a column is missing, or a value is not legal.

    See Also
    --------
    serve : The same over HTTP.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.export import score
    >>> score("nothing.onnx", pd.DataFrame({"item": ["tea"]}))
    Traceback (most recent call last):
    FileNotFoundError: There is no file to read: ... Received: 'nothing.onnx'.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1. Received: {batch_size}.")
    model = _opened(str(path), threads, *_stamp(path))
    if model.schema.recommends:
        raise ValueError(
            "score computes rows of a table, and the file holds a recommender: serve "
            f"it, or run it in onnxruntime. Received: {str(path)!r}."
        )
    columns = read_rows(model.schema, frame, "frame")
    parts = [
        model.run({name: own[part] for name, own in columns.items()}, part.start)
        for part in blocks(_widths(columns, len(frame)), 1, batch_size)
    ]
    outputs = {
        name: np.concatenate([part[name] for part in parts]) for name in model.outputs
    }
    found = _flat(outputs, model.schema)
    if is_polars(frame):
        lists = {name: values.tolist() for name, values in found.items()}
        return sys.modules["polars"].DataFrame(lists)
    return pd.DataFrame(found, index=getattr(frame, "index", None))


def _widths(columns: dict[str, Any], n_rows: int) -> list[int]:
    """Return the length of the longest list of each row."""
    lengths = [own.lengths for own in columns.values() if isinstance(own, Lists)]
    return np.max([np.zeros(n_rows, np.int64), *lengths], axis=0).tolist()


@lru_cache(maxsize=4)
def _opened(path: str, threads: int, changed: int, size: int) -> OnnxModel:
    """Open a file, once as long as it does not change."""
    return OnnxModel(path, threads)


def _stamp(path: str | os.PathLike) -> tuple[int, int]:
    """Tell one state of a file from another."""
    if not Path(path).exists():
        return 0, 0
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size


def _flat(outputs: dict[str, Any], schema: Schema) -> dict[str, np.ndarray]:
    """Make a column of each number of the outputs."""
    found = {}
    classes = schema.text.get("classes") or []
    for name, values in outputs.items():
        values = values.reshape(len(values), math.prod(values.shape[1:]))
        width = values.shape[1]
        ends = classes if len(classes) == width else range(width)
        for k, end in enumerate(ends):
            found[name if width == 1 else f"{name}_{end}"] = values[:, k]
    return found
