"""Criteo: clicks on display advertisements, read from the files that a user has."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals
from sklearn.utils import Bunch

from skrec._sklearn import Interval, validate_params

LABEL = "label"
NUMBERS = [f"I{k}" for k in range(1, 14)]
CATEGORIES = [f"C{k}" for k in range(1, 27)]
COLUMNS = [LABEL, *NUMBERS, *CATEGORIES]
SUFFIXES = {".csv", ".tsv", ".txt"}
PARTS = ["train", "dev", "test"]  # in a folder, these come first, in this order

DESCR = """\
Criteo display advertising
==========================
Advertisements that Criteo showed on web pages, one row each, in the layout of the
Kaggle Display Advertising Challenge of 2014: tab-separated lines without a header.
Clicks and other rows were sampled at different rates, so the click rate is not that
of the traffic. Criteo does not tell what the columns mean.

data     I1 to I13: numbers, mostly counts, some negative; C1 to C26: hashed
         categories. An empty field is a missing value.
target   1 if the advertisement was clicked.

Terms of use
------------
The data belongs to Criteo and neither comes with this package nor is downloaded by
it. Whoever downloads it agrees to the terms that Criteo states there; they are for
research.

Reference
---------
Criteo Labs. 2014. Display Advertising Challenge. Kaggle.
https://www.kaggle.com/c/criteo-display-ad-challenge
"""


@validate_params(
    {
        "path": [str, PathLike, list, tuple],
        "n_rows": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def load_criteo(
    path: str | PathLike | Sequence[str | PathLike], *, n_rows: int | None = None
) -> Bunch:
    r"""Read clicks in the layout of Criteo's Display Advertising Challenge.

    Every line is a label (1 for a click, 0 for none), 13 numbers and 26 categories,
    separated by tabs, without a header; an empty field is a missing value.

    Parameters
    ----------
    path : str or path-like, or sequence of them
        A file, several files, or a folder, of which all files that end in `.csv`,
        `.tsv` or `.txt` are read: first those called train, dev and test, in this
        order, then the others in alphabetical order.
    n_rows : int, default=None
        Read only this many rows, the first ones. With None, read all.

    Returns
    -------
    criteo : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : DataFrame of shape (n_rows, 39)
            `I1` to `I13` as floats, `C1` to `C26` as categories, with missing
            values; a table that the estimators take as it is.
        target : ndarray of int of shape (n_rows,)
            1 for a click, else 0.
        part : ndarray of int of shape (n_rows,)
            Which of `files` the row came from, for users who keep to the split that
            their files make.
        files : list of Path
            The files that were read.
        DESCR : str
            Description, terms of use and what to cite.

    Raises
    ------
    FileNotFoundError
        If `path` does not exist, or is a folder without such files.
    ValueError
        If a file is empty, or a line has another number of columns, a label that is
        not 0 or 1, or text for a number: the message names the file and the line.

    See Also
    --------
    make_clicks : Synthetic clicks that need no files.
    fetch_movielens : With `task="click"`, clicks made of ratings.

    References
    ----------
    .. [1] Criteo Labs, "Display Advertising Challenge", Kaggle, 2014,
       https://www.kaggle.com/c/criteo-display-ad-challenge

    Examples
    --------
    >>> from pathlib import Path
    >>> from skrec.datasets import load_criteo
    >>> line = "\t".join(["1", "5", *[""] * 12, "68fd1e64", *[""] * 25])
    >>> _ = Path("clicks.txt").write_text(line + "\n")
    >>> criteo = load_criteo("clicks.txt")
    >>> criteo.data[["I1", "I2", "C1", "C2"]]
        I1  I2        C1   C2
    0  5.0 NaN  68fd1e64  NaN
    >>> criteo.target
    array([1])
    """
    files = _find_files(path)
    tables: list[pd.DataFrame] = []
    for file in files:
        n_left = None if n_rows is None else n_rows - sum(map(len, tables))
        if n_left != 0:
            tables.append(_read(file, n_left))
    table = _concatenate(tables)
    return Bunch(
        data=table[NUMBERS + CATEGORIES],
        target=table[LABEL].to_numpy().astype(int),
        part=np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
        files=files[: len(tables)],
        DESCR=DESCR,
    )


def _find_files(path: str | PathLike | Sequence[str | PathLike]) -> list[Path]:
    """Return the files that `path` stands for, in the order to read them."""
    if isinstance(path, (list, tuple)):
        if not path:
            raise ValueError("path must name at least one file. Received: [].")
        return [Path(file).expanduser() for file in path]
    folder = Path(path).expanduser()  # type: ignore[arg-type]
    if not folder.is_dir():
        return [folder]
    files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES]
    if not files:
        raise FileNotFoundError(
            f"path must be a file or a folder of files that end in "
            f"{', '.join(sorted(SUFFIXES))}. Received: {folder}."
        )

    def order(file: Path) -> tuple[int, str]:
        name = file.stem.lower()
        return (PARTS.index(name) if name in PARTS else len(PARTS), file.name)

    return sorted(files, key=order)


def _read(file: Path, n_rows: int | None) -> pd.DataFrame:
    """Read one file, with errors that name the line."""
    _check_columns(file, n_rows)
    dtypes = dict.fromkeys([LABEL, *NUMBERS], "float64")
    try:
        table = _parse(file, n_rows, dtypes | dict.fromkeys(CATEGORIES, "category"))
    except ValueError as error:
        raise _wrong_number(file, n_rows) from error
    legal = table[LABEL].isin([0, 1]).to_numpy()
    if not legal.all():
        line = int(np.argmin(legal))
        raise ValueError(
            f"{file}, line {line + 1}: the label must be 0 or 1. Received: "
            f"{table[LABEL].iat[line]}."
        )
    return table


def _parse(file: Path, n_rows: int | None, dtypes: dict[str, str]) -> pd.DataFrame:
    return pd.read_csv(
        file,
        sep="\t",
        names=COLUMNS,
        dtype=dtypes,
        nrows=n_rows,
        quoting=csv.QUOTE_NONE,
        keep_default_na=False,
        na_values=[""],
        skip_blank_lines=False,
    )


def _check_columns(file: Path, n_rows: int | None) -> None:
    """Count the tabs: pandas would take a short line as one with missing values."""
    number = 0
    for number, line in enumerate(_lines(file, n_rows), start=1):
        n_columns = line.count(b"\t") + 1
        if n_columns != len(COLUMNS):
            raise ValueError(
                f"{file}, line {number}: there must be {len(COLUMNS)} columns, "
                "separated by tabs: label, I1 to I13, C1 to C26. (The test file of "
                "the challenge has no labels, so it cannot be read.) Received: "
                f"{n_columns} columns."
            )
    if not number:
        raise ValueError(
            f"{file} must have at least one line. Received: an empty file."
        )


def _lines(file: Path, n_rows: int | None) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from islice(stream, n_rows)


def _wrong_number(file: Path, n_rows: int | None) -> ValueError:
    """Find the first field that should be a number and is not."""
    texts = _parse(file, n_rows, dict.fromkeys(COLUMNS, "str"))[[LABEL, *NUMBERS]]
    numbers = texts.apply(pd.to_numeric, errors="coerce")
    rows, columns = np.nonzero((numbers.isna() & texts.notna()).to_numpy())
    return ValueError(
        f"{file}, line {rows[0] + 1}: {texts.columns[columns[0]]} must be a number "
        f"or empty. Received: {texts.iat[rows[0], columns[0]]!r}."
    )


def _concatenate(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables below each other; a category keeps its dtype with all values."""
    if len(tables) == 1:
        return tables[0]
    joined = pd.concat([table[[LABEL, *NUMBERS]] for table in tables])
    joined = joined.reset_index(drop=True)
    categories = {
        name: union_categoricals([table[name] for table in tables])
        for name in CATEGORIES
    }
    return pd.concat([joined, pd.DataFrame(categories)], axis=1)
