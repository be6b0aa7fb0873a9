"""Scanner panels: which brand a household bought, at which prices and displays."""

import io
from functools import partial
from os import PathLike

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrec._sklearn import StrOptions, validate_params
from skrec.datasets._download import Digests, download_files, fetch_files
from skrec.datasets._rdatasets import URL as COLLECTION

URL = f"{COLLECTION}/Ecdat"

PANELS: dict[str, Digests] = {
    "yogurt": {
        "Yogurt.csv": "522552372b313d537a7c8b9d7acf28a3d9a6ba8950c69a0dd78d86f0e164cf0d"
    },
    "catsup": {
        "Catsup.csv": "ba79575c3b7709b7476b242cd4eeee57f455a7921221f01dad635b14d37473ac"
    },
}

DESCR = """\
Scanner panels of yogurt and catsup
===================================
Purchases of households, recorded at the tills of supermarkets, one row each, in the
order of purchase within a household:

yogurt   2,412 purchases by 100 households in Springfield, Missouri, of the brands
         dannon, hiland, weight (Weight Watchers) and yoplait.
catsup   2,798 purchases by 300 households of heinz28, heinz32, heinz41 and
         hunts32 (brand and ounces).

data     household; price.*, feat.* (1 where a newspaper advertisement featured
         the brand) and, for catsup, disp.* (1 where the shop displayed it), of
         every brand at that purchase; last_choice and history, which are the
         brands that this household had bought before.
target   the brand bought.

Terms of use
------------
The files come from the collection Rdatasets, out of the R package Ecdat, and not
with this package. Rdatasets calls its data "free to re-distribute as we
understand"; cite the paper below.

Reference
---------
Dipak C. Jain, Naufel J. Vilcassim and Pradeep K. Chintagunta. 1994. A
Random-Coefficients Logit Brand-Choice Model Applied to Panel Data. Journal of
Business & Economic Statistics 12, 3, 317-328.
https://doi.org/10.1080/07350015.1994.10524547
"""


@validate_params(
    {
        "name": [StrOptions(set(PANELS))],
        "data_home": [str, PathLike, None],
        "download_if_missing": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_scanner(
    name: str,
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
) -> Bunch:
    """Load the purchases of a scanner panel, downloading them at the first call.

    The file is looked for in this order, and used only if its SHA-256 digest is the
    one that is known here:

    1. the cache, `ecdat-scanner` in `data_home`, which downloads are kept in;
    2. `$SKREC_DATA_MIRROR/ecdat-scanner`, if that environment variable is set: a
       local folder with `Yogurt.csv` and `Catsup.csv`, read where it is;
    3. Rdatasets at vincentarelbundock.github.io.

    Parameters
    ----------
    name : {"yogurt", "catsup"}
        Which panel.
    data_home : str or path-like, default=None
        Folder of the cache. With None, the environment variable `SKREC_DATA`,
        or else `~/skrec_data`.
    download_if_missing : bool, default=True
        Whether to download the file if neither cache nor mirror has it.

    Returns
    -------
    panel : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : DataFrame of shape (2412, 11) or (2798, 15)
            One row for each purchase, in the order of the published file, which is
            the order of purchase within a household: `household` (category);
            `price.*` (float) and `feat.*` and, for catsup, `disp.*` (0 or 1) of the
            brands; `last_choice` (category; missing at the first purchase), the
            brand that the household bought the time before; and `history`, the list
            of all brands that it bought before, the latest last.
        target : Series of shape (2412,) or (2798,)
            `choice`, the brand bought, as a str.
        groups : Series of shape (2412,) or (2798,)
            The household, for the splitters of scikit-learn that take groups.
        test : ndarray of bool of shape (2412,) or (2798,)
            True for the last 20 % of each household's purchases. Parts of a
            purchase are rounded up: `ceil(n / 5)` of `n` are True, 519 rows of
            yogurt and 674 of catsup.
        brands : list of 4 str
            The classes, in alphabetical order.
        DESCR : str
            Description, terms of use and the paper to cite.
        source : str
            Where the file was found.

    Raises
    ------
    OSError
        If no place has the file; it lists what was tried and what to do.
    ValueError
        If `name` is not one of the legal ones.

    See Also
    --------
    fetch_movielens : Ratings or clicks of movies.

    References
    ----------
    .. [1] D. C. Jain, N. J. Vilcassim and P. K. Chintagunta, "A Random-Coefficients
       Logit Brand-Choice Model Applied to Panel Data", Journal of Business &
       Economic Statistics 12 (3), 1994,
       https://doi.org/10.1080/07350015.1994.10524547

    Examples
    --------
    >>> from skrec.datasets import fetch_scanner
    >>> yogurt = fetch_scanner("yogurt")
    >>> yogurt.data.shape
    (2412, 11)
    >>> yogurt.data["history"].head(4).tolist()
    [[], ['weight'], ['weight', 'dannon'], ['weight', 'dannon', 'dannon']]

    How often the brand of the last time is bought again:

    >>> test = yogurt.data[yogurt.test]
    >>> again = test["last_choice"].astype(str) == yogurt.target[yogurt.test]
    >>> round(float(again.mean()), 3)
    0.848
    """
    digests = PANELS[name]
    files, source = fetch_files(
        "ecdat-scanner",
        [digests],
        {URL: partial(download_files, URL, digests)},
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    (content,) = files.values()
    # The first column numbers the rows.
    purchases = pd.read_csv(io.BytesIO(content), index_col=0).reset_index(drop=True)
    groups = purchases["id"].rename("household")
    choice = purchases["choice"]
    return Bunch(
        data=_with_past(purchases.drop(columns=["id", "choice"]), groups, choice),
        target=choice,
        groups=groups,
        test=_last_fifth(groups),
        brands=sorted(choice.unique()),
        DESCR=DESCR,
        source=source,
    )


def _with_past(
    shelf: pd.DataFrame, groups: pd.Series, choice: pd.Series
) -> pd.DataFrame:
    """Put the household before what was on the shelf, and its past choices behind."""
    data = shelf.copy()
    data.insert(0, "household", groups.astype("category"))
    before = choice.groupby(groups)
    data["last_choice"] = before.shift().astype("category")
    data["history"] = before.transform(
        lambda own: pd.Series(
            [own.iloc[:k].tolist() for k in range(len(own))], index=own.index
        )
    )
    return data


def _last_fifth(groups: pd.Series) -> np.ndarray:
    """Mark the last fifth of each group's rows, rounded up."""
    by_group = groups.groupby(groups)
    place = by_group.cumcount()
    return (place >= by_group.transform("size") * 4 // 5).to_numpy()
