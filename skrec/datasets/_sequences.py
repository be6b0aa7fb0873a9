"""Logs of users and items in order, read from the files that a user has."""

from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrec._sklearn import validate_params
from skrec.datasets._download import Digests, fetch_files

PUBLISHED: dict[str, Digests] = {
    "amazon-beauty": {
        "Beauty.txt": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8"
    },
    "lastfm": {
        "LastFM.txt": "9ded486adb5b0fe9dc761950afa0a9a05e93ff018992e0c52bf11afec529f802"
    },
}
# Where files with these digests were found on 2026-11-26.
WHERE = (
    "It has no official address; the authors of S3-Rec keep it in the folder data of "
    "github.com/RUCAIBox/CIKM2020-S3Rec. Any other file is read by its path."
)

DESCR = """\
Sequences of items
==================
What users did, in order: one line a user, in the layout in which papers on the
next item share their data.

data     user, item, time: the position of the item in its user's line, from 0. It
         orders the events of one user, not those of different users.

amazon-beauty  198,502 reviews of 12,101 beauty products by 22,363 users of Amazon,
               each with at least five; no user has a product twice.
lastfm         52,551 artists that 1,090 users of Last.fm tagged, of 3,646; no user
               has an artist twice.

Terms of use
------------
The files have no official address, and nobody states a licence: they neither come
with this package nor are downloaded by it. The authors of S3-Rec keep them in the
folder data of github.com/RUCAIBox/CIKM2020-S3Rec. Cite their sources.

References
----------
J. McAuley, C. Targett, Q. Shi and A. van den Hengel. 2015. Image-based
recommendations on styles and substitutes. SIGIR. (Amazon)
I. Cantador, P. Brusilovsky and T. Kuflik. 2011. Second workshop on information
heterogeneity and fusion in recommender systems. RecSys. (Last.fm)
K. Zhou, H. Wang, W. X. Zhao, Y. Zhu, S. Wang, F. Zhang, Z. Wang and J.-R. Wen.
2020. S3-Rec: self-supervised learning for sequential recommendation with mutual
information maximization. CIKM. (the layout, and how the events were chosen)
"""


@validate_params(
    {"path": [str, PathLike], "data_home": [str, PathLike, None]},
    prefer_skip_nested_validation=True,
)
def load_sequences(
    path: str | PathLike, *, data_home: str | PathLike | None = None
) -> Bunch:
    r"""Read the items of each user, in order, as events for a recommender.

    Every line of the file is the id of a user and then, in the order of time, those
    of the items, separated by blanks.

    Parameters
    ----------
    path : {"amazon-beauty", "lastfm"} or path-like
        A file; or a published data set, whose file, `Beauty.txt` or `LastFM.txt`, is
        looked for in `data_home`, and then in `$SKREC_DATA_MIRROR`, each time in a
        folder of the data set's name, and read only if its SHA-256 digest is the one
        that published results are of.
    data_home : str or path-like, default=None
        Folder of the published data sets. With None, the environment variable
        `SKREC_DATA`, or else `~/skrec_data`.

    Returns
    -------
    sequences : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : DataFrame of shape (n_events, 3)
            `user`, `item` and `time`, the position of the item in its line, from 0,
            in the order of the file. Ids are integers where all in their column are
            written as such, else str.
        source : str
            Where the file was found.
        DESCR : str
            Description of the layout and of the published data sets, and what to cite.

    Raises
    ------
    OSError
        If the file cannot be found or read; the message says where a published one
        may lie.
    ValueError
        If the file has no line, a line without an item, or two of the same user: the
        message names the line.

    See Also
    --------
    fetch_movielens : Ratings of films, with the time of each.
    fetch_scanner : Purchases of households, with prices.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skrec.datasets import load_sequences
    >>> _ = Path("log.txt").write_text("ann tea milk tea\nbob milk\n")
    >>> load_sequences("log.txt").data
      user  item  time
    0  ann   tea     0
    1  ann  milk     1
    2  ann   tea     2
    3  bob  milk     0
    """
    text, source = _read(path, data_home)
    lines = [line.split() for line in text.splitlines()]
    _check(lines, source)
    lengths = [len(items) - 1 for items in lines]
    data = {
        "user": np.repeat(_ids([line[0] for line in lines]), lengths),
        "item": _ids([item for line in lines for item in line[1:]]),
        "time": np.concatenate([np.arange(length) for length in lengths]),
    }
    return Bunch(data=pd.DataFrame(data), source=source, DESCR=DESCR)


def _read(path: str | PathLike, data_home: str | PathLike | None) -> tuple[str, str]:
    """Return the text of the file, and where it was found."""
    digests = PUBLISHED.get(str(path))
    if digests is not None:
        try:
            files, source = fetch_files(str(path), [digests], {}, data_home=data_home)
        except OSError as error:
            raise FileNotFoundError(f"{error} {WHERE}") from error
        return next(iter(files.values())).decode(), source
    file = Path(path).expanduser()
    try:
        return file.read_text("utf-8"), str(file)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"path must be a file, or one of {', '.join(PUBLISHED)}. Received: {path}."
        ) from None


def _check(lines: list[list[str]], source: str) -> None:
    """Raise where a line is not one user with items."""
    if not lines:
        raise ValueError(
            f"{source} must have at least one line. Received: an empty file."
        )
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if len(line) < 2:
            raise ValueError(
                f"{source}, line {number}: there must be the id of a user and of at "
                f"least one item, separated by blanks. Received: {' '.join(line)!r}."
            )
        first = seen.setdefault(line[0], number)
        if first != number:
            raise ValueError(
                f"{source}, line {number}: all items of a user must be on one line, "
                f"in order. Received: user {line[0]!r}, who has line {first} too."
            )


def _ids(texts: list[str]) -> np.ndarray:
    """Return ids as integers if that is how all are written ("7", not "007")."""
    ids = np.array(texts)
    try:
        numbers = ids.astype(np.int64)
    except (ValueError, OverflowError):
        return ids.astype(object)
    return numbers if (numbers.astype(str) == ids).all() else ids.astype(object)
