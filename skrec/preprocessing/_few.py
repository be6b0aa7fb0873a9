"""Codes of the ids of a few rows: cell by cell, which spares the cost of a column."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skrec.preprocessing._vocabulary import Vocabulary

FEW_ROWS = 32  # from about here on, whole columns are faster


def few_codes(
    frame: pd.DataFrame, positions: Sequence[int], tables: Sequence[Vocabulary]
) -> tuple[np.ndarray, set[int]]:
    """Look up the ids of a few rows.

    Parameters
    ----------
    frame : DataFrame
        Table.
    positions : sequence of int
        Its columns of ids.
    tables : sequence of Vocabulary
        What each of them is looked up in.

    Returns
    -------
    ndarray of int32 of shape (n_rows, n_ids)
        Codes.
    set of int
        The positions of those columns whose codes they are. Others need the whole way:
        all where there are more than a few rows, else those with an id of a rare type.
    """
    codes = np.empty((len(frame), len(positions)), dtype=np.int32)
    if len(frame) > FEW_ROWS:
        return codes, set()
    undone = set()
    for row in range(len(frame)):
        # Of columns of several dtypes, objects; of numbers alone, perhaps floats, in
        # which `code` takes no number so large that it may have been another one.
        cells = frame.iloc[row].tolist()
        for k, (position, table) in enumerate(zip(positions, tables, strict=True)):
            code = table.code(cells[position])
            if code is None:
                undone.add(position)
            else:
                codes[row, k] = code
    return codes, set(positions) - undone
