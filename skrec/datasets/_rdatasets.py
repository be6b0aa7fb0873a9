"""Ordinary tables of the Rdatasets collection: numbers and categories, one target."""

import io
from functools import partial
from os import PathLike
from typing import NamedTuple

import pandas as pd
from sklearn.utils import Bunch

from skrec._sklearn import StrOptions, validate_params
from skrec.datasets._download import Digests, download_files, fetch_files

URL = "https://vincentarelbundock.github.io/Rdatasets/csv"


class _Source(NamedTuple):
    """Where a table is from, and what of it is predicted."""

    package: str
    target: str
    sha256: str
    rows: str  # what a row is, and what its target


TABLES = {
    "Caravan": _Source(
        "ISLR",
        "Purchase",
        "785be82cdfea57df561296dd88f07a8ab7a0676976ac902c6cc66b8104d87838",
        "5,822 customers of an insurer: has one a policy for a caravan?",
    ),
    "Computers": _Source(
        "Ecdat",
        "price",
        "9cfb2d536ea8071941ee43b4765ed857585eefe0db662b1faedf41cd671e7301",
        "6,259 advertisements of personal computers, 1993 to 1995: the price in USD",
    ),
    "CreditCard": _Source(
        "AER",
        "card",
        "3eb5396fd275b2383536a3f1de39b22b9047a93d5c8cb0557bb1b90b1b13e0a9",
        "1,319 applications for a credit card: was it accepted?",
    ),
    "Hitters": _Source(
        "ISLR",
        "Salary",
        "fbbe109f430a9983858135405d0a0914758f1fa1eac6aec8b048ac3b1d12b019",
        "263 baseball players of 1986: the salary in 1,000 USD (59 have none)",
    ),
    "ames": _Source(
        "modeldata",
        "Sale_Price",
        "500eea48e9175223a10ac7ccbc4d57b79693d4a1132628b6269c7c781e974141",
        "2,930 houses sold in Ames, Iowa: the price in USD",
    ),
    "attrition": _Source(
        "modeldata",
        "Attrition",
        "22db7ee590589479392aeb9f44b9e11ea8d9c2458cc0fd942e8c233d95393d4b",
        "1,470 employees, made up by IBM: did one leave?",
    ),
    "concrete": _Source(
        "modeldata",
        "compressive_strength",
        "8882c9faa0ee78caf4a8f67438b90325bc7cd7f823fe7ab89d3bd5e7ae3ceddf",
        "1,030 mixtures of concrete: the compressive strength in MPa",
    ),
    "diamonds": _Source(
        "ggplot2",
        "price",
        "974c2ce1c1ce245508bd357ca11a7fba2b37813ecf0f1158808a9249ebff67a1",
        "53,940 diamonds: the price in USD",
    ),
    "spam7": _Source(
        "DAAG",
        "yesno",
        "c827e9bc30cacd7e30071a1ac6b886c5ac7c46a01f86c368c02e220b6493f6f6",
        "4,601 e-mails by how often they use six words and signs: are they spam?",
    ),
}

DESCR = """\
{name}, of the R package {package}
{line}
{rows}

data     all columns but the target; text is a category.
target   the column {target}.

Terms of use
------------
The file comes from the collection Rdatasets, and not with this package. Rdatasets
calls its data "free to re-distribute as we understand". The source of the data is
described at
https://vincentarelbundock.github.io/Rdatasets/doc/{package}/{name}.html
"""


@validate_params(
    {
        "name": [StrOptions(set(TABLES))],
        "data_home": [str, PathLike, None],
        "download_if_missing": ["boolean"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_table(
    name: str,
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    """Load an ordinary table, downloading it at the first call.

    The file is looked for in this order, and used only if its SHA-256 digest is the
    one that is known here:

    1. the cache, `tables` in `data_home`, which downloads are kept in;
    2. `$SKREC_DATA_MIRROR/tables`, if that environment variable is set: a local
       folder with the files, such as `Caravan.csv`, read where it is;
    3. Rdatasets at vincentarelbundock.github.io.

    Parameters
    ----------
    name : {"Caravan", "Computers", "CreditCard", "Hitters", "ames", "attrition", \
            "concrete", "diamonds", "spam7"}
        Which table. Those with classes as the target are Caravan, CreditCard,
        attrition and spam7; the others have numbers.
    data_home : str or path-like, default=None
        Folder of the cache. With None, the environment variable `SKREC_DATA`,
        or else `~/skrec_data`.
    download_if_missing : bool, default=True
        Whether to download the file if neither cache nor mirror has it.
    return_X_y : bool, default=False
        Whether to return only the columns and the target.

    Returns
    -------
    table : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : DataFrame of shape (n_rows, n_columns)
            The columns, as the file has them; text is a category.
        target : Series of shape (n_rows,)
            Classes, as a str, or numbers. Rows without one are dropped.
        frame : DataFrame of shape (n_rows, n_columns + 1)
            Both.
        DESCR : str
            Description and terms of use.
        source : str
            Where the file was found.
    (data, target) : tuple if `return_X_y` is True
        The columns and the target alone.

    Raises
    ------
    OSError
        If no place has the file; it lists what was tried and what to do.
    ValueError
        If `name` is not one of the legal ones.

    See Also
    --------
    fetch_scanner : Purchases of households, also from Rdatasets.

    Examples
    --------
    >>> from skrec.datasets import fetch_table
    >>> players = fetch_table("Hitters")
    >>> players.data.shape
    (263, 19)
    >>> X, y = fetch_table("concrete", return_X_y=True)
    >>> round(float(y.mean()), 2)
    35.82
    """
    source = TABLES[name]
    digests: Digests = {f"{name}.csv": source.sha256}
    address = f"{URL}/{source.package}"
    files, place = fetch_files(
        "tables",
        [digests],
        {address: partial(download_files, address, digests)},
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    frame = _read(files[f"{name}.csv"], source.target)
    data, target = frame.drop(columns=source.target), frame[source.target]
    if return_X_y:
        return data, target
    described = DESCR.format(
        name=name,
        line="=" * len(f"{name}, of the R package {source.package}"),
        **source._asdict(),
    )
    return Bunch(data=data, target=target, frame=frame, DESCR=described, source=place)


def _read(content: bytes, target: str) -> pd.DataFrame:
    """Return the rows that have a target; text is a category, but not the classes."""
    # R writes NA for what is missing; "None" is a level. The first column numbers or
    # names the rows.
    frame = pd.read_csv(
        io.BytesIO(content), index_col=0, keep_default_na=False, na_values=["NA", ""]
    )
    frame = frame.dropna(subset=[target]).reset_index(drop=True)
    text = frame.columns.difference(frame.select_dtypes("number").columns)
    return frame.astype(dict.fromkeys(text.difference([target]), "category"))
