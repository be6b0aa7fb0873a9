"""MovieLens: ratings of movies, with who gave them, when, and the movies' genres."""

import csv
import io
from functools import partial
from os import PathLike

import pandas as pd
from sklearn.utils import Bunch

from skrec._sklearn import StrOptions, validate_params
from skrec.datasets._download import (
    Digests,
    Files,
    download_wheel,
    download_zip,
    fetch_files,
)

URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
WHEEL = "recbole==1.2.1"

OFFICIAL: Digests = {
    "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
    "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
}
RECBOLE: Digests = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}

GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
RATING_COLUMNS = ["user_id", "item_id", "rating", "timestamp"]
USER_COLUMNS = ["user_id", "age", "gender", "occupation", "zip_code"]
ID_COLUMNS = ["user_id", "item_id", "gender", "occupation"]
# Without the dates and the IMDb address, which RecBole's copy leaves out.
OFFICIAL_ITEM_FIELDS = {0: "item_id", 1: "title", **dict(enumerate(GENRES, start=5))}

DESCR = """\
MovieLens 100K
==============
100,000 ratings, from 1 to 5, that 943 users of the MovieLens web site gave to
1,682 movies between September 1997 and April 1998; every user rated at least 20
movies. The GroupLens Research Project at the University of Minnesota collected
them.

ratings  user_id, item_id, rating, timestamp (seconds since 1970, UTC), in the
         order of the published file. Many ratings share a timestamp: sort
         stably.
users    user_id, age, gender, occupation, zip_code (text).
movies   item_id, title, year (of the title; missing for one movie), and one
         0/1 column for each of the 19 genres. Some movies have several genres,
         and some titles occur under two ids.
data     ratings without the rating, joined with users and movies, in the order
         of ratings; with a task, the fields that estimators take.
target   the ratings, row by row with data; with task="click", 1 for ratings of
         4 and 5, 0 for 1 and 2, and no row for 3.

Terms of use
------------
The data set belongs to GroupLens and does not come with this package. It may be
used for research on these conditions: do not suggest that the University of
Minnesota or GroupLens endorses you; cite the paper below in publications; do not
redistribute the data without separate permission; do not use it commercially
without the permission of a faculty member of the GroupLens Research Project.
Neither the university nor the researchers vouch for its correctness.

Reference
---------
F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History
and Context. ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19
(December 2015). https://doi.org/10.1145/2827872
"""


@validate_params(
    {
        "size": [StrOptions({"100k"})],
        "task": [StrOptions({"rating", "click"}), None],
        "data_home": [str, PathLike, None],
        "download_if_missing": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_movielens(
    size: str = "100k",
    *,
    task: str | None = None,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
) -> Bunch:
    """Load the MovieLens ratings of movies, downloading them at the first call.

    The files are looked for in this order, and used only if their SHA-256
    digests are the published ones:

    1. the cache, `movielens-100k` in `data_home`, which downloads are kept in;
    2. `$SKREC_DATA_MIRROR/movielens-100k`, if that environment variable is set:
       a local folder with `u.data`, `u.item` and `u.user`, read where it is;
    3. the zip archive at files.grouplens.org;
    4. the copy inside the wheel `recbole==1.2.1` on the package index, which
       `pip download` fetches and which is not installed.

    All of them give the same frames. A damaged file in the cache is reported,
    removed and fetched again.

    Parameters
    ----------
    size : {"100k"}, default="100k"
        Which of the MovieLens data sets to load.
    task : {"rating", "click"} or None, default=None
        What `data` and `target` are made for. With a task, `data` is a table that
        the estimators take as it is: ids have the category dtype, and the genres
        of a movie are one list. With "click", ratings of 4 and 5 are clicks, 1 and
        2 are none, and those of 3 are left out, as in many comparisons of click
        models. With None, `data` is the plain join of the three files.
    data_home : str or path-like, default=None
        Folder of the cache. With None, the environment variable `SKREC_DATA`,
        or else `~/skrec_data`.
    download_if_missing : bool, default=True
        Whether to download the files if neither cache nor mirror has them.

    Returns
    -------
    movielens : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        ratings : DataFrame of shape (100000, 4)
            `user_id`, `item_id`, `rating`, `timestamp`, in the order of the
            published file, because many timestamps are equal. Without the rating
            it is a log of events for a recommender.
        users : DataFrame of shape (943, 5)
            `user_id`, `age`, `gender`, `occupation`, `zip_code`.
        movies : DataFrame of shape (1682, 22)
            `item_id`, `title`, `year` (nullable integer) and the genres as
            columns of 0 and 1. Not called `items`, which on a Bunch, as on every
            dictionary, is a method.
        genres : list of 19 str
            Names of the genre columns.
        data : DataFrame of shape (100000, 28), (100000, 7) or (72855, 7)
            `ratings` without `rating`, joined with `users` and `movies`. With a
            task: `user_id`, `item_id`, `gender` and `occupation` as categories,
            `age` and `year` as floats (the year of one movie is NaN) and `genres`
            as lists of str, in the order of `ratings`, whose index they keep. The
            zip code is left out, because almost every user has one of their own,
            and so is the time, in which the ratings of a random test set lie
            between those of the training set: `ratings` and `users` have both.
        target : Series of shape (100000,) or (72855,)
            `rating` from 1 to 5, as integers, or as floats if `task="rating"`;
            `click`, 0 or 1, if `task="click"`.
        DESCR : str
            Description, terms of use and the paper to cite.
        source : str
            Where the files were found.

    Raises
    ------
    OSError
        If no place has the files; it lists what was tried and what to do.
    ValueError
        If `size` is not one of the legal ones.

    See Also
    --------
    fetch_scanner : Purchases of households, with prices.
    load_sequences : Logs without times, in order.
    make_clicks : Synthetic clicks that need no files.
    skrec.preprocessing.make_windows : Turn such events into sequences.

    References
    ----------
    .. [1] F. M. Harper and J. A. Konstan, "The MovieLens Datasets: History and
       Context", ACM Transactions on Interactive Intelligent Systems 5 (4), 2015,
       https://doi.org/10.1145/2827872

    Examples
    --------
    >>> from skrec.datasets import fetch_movielens
    >>> movielens = fetch_movielens()
    >>> movielens.ratings.shape
    (100000, 4)
    >>> round(float(movielens.target.mean()), 5)
    3.52986
    >>> movielens.movies["title"].head(3).tolist()
    ['Toy Story', 'GoldenEye', 'Four Rooms']

    As a log of events for a recommender, and the titles of its items:

    >>> movielens.ratings[["user_id", "item_id", "timestamp"]].head(2)
       user_id  item_id  timestamp
    0      196      242  881250949
    1      186      302  891717742
    >>> movielens.movies.set_index("item_id")["title"].loc[[242, 302]].tolist()
    ['Kolya', 'L.A. Confidential']

    As a table for a click model:

    >>> clicks = fetch_movielens(task="click")
    >>> clicks.data.iloc[0]
    user_id                         22
    item_id                        377
    gender                           M
    occupation                  writer
    age                           25.0
    year                        1994.0
    genres        [Children's, Comedy]
    Name: 2, dtype: object
    >>> round(float(clicks.target.mean()), 3)
    0.76
    """
    files, source = fetch_files(
        f"movielens-{size}",
        [OFFICIAL, RECBOLE],
        {
            URL: partial(download_zip, URL, "ml-100k", OFFICIAL),
            f"pip download {WHEEL}": partial(
                download_wheel, WHEEL, "recbole/dataset_example/ml-100k", RECBOLE
            ),
        },
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    parse = _parse_official if files.keys() == OFFICIAL.keys() else _parse_recbole
    ratings, users, movies = parse(files)
    joined = ratings.merge(users, how="left", on="user_id", validate="many_to_one")
    joined = joined.merge(movies, how="left", on="item_id", validate="many_to_one")
    data, target = joined.drop(columns="rating"), joined["rating"]
    if task is not None:
        data, target = _fields(joined, movies), target.astype(float)
    if task == "click":
        is_clear = target != 3
        data, target = data[is_clear], (target[is_clear] > 3).astype(int)
        target = target.rename("click")
    return Bunch(
        ratings=ratings,
        users=users,
        movies=movies,
        genres=list(GENRES),
        data=data,
        target=target,
        DESCR=DESCR,
        source=source,
    )


def _fields(joined: pd.DataFrame, movies: pd.DataFrame) -> pd.DataFrame:
    """Type the columns so that they say which field each of them is."""
    flags = movies.set_index("item_id")[GENRES].astype(bool)
    genres = {
        movie: flags.columns[row].tolist()
        for movie, row in zip(flags.index, flags.to_numpy(), strict=True)
    }
    data = joined[ID_COLUMNS].astype("category")
    data["age"] = joined["age"].astype(float)
    data["year"] = joined["year"].astype(float)
    data["genres"] = joined["item_id"].map(genres)
    return data


def _read_table(content: bytes, sep: str, **kwargs) -> pd.DataFrame:
    # Neither quotes nor words such as "NA" have a meaning in these files.
    return pd.read_csv(
        io.BytesIO(content),
        sep=sep,
        quoting=csv.QUOTE_NONE,
        keep_default_na=False,
        dtype={"zip_code": str},
        **kwargs,
    )


def _parse_official(files: Files) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the files as GroupLens publishes them."""
    ratings = _read_table(files["u.data"], "\t", names=RATING_COLUMNS)
    users = _read_table(files["u.user"], "|", names=USER_COLUMNS)
    movies = _read_table(
        files["u.item"],
        "|",
        header=None,
        encoding="latin-1",
        usecols=list(OFFICIAL_ITEM_FIELDS),
    ).rename(columns=OFFICIAL_ITEM_FIELDS)
    return ratings, users, _split_title(movies)


def _parse_recbole(files: Files) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read RecBole's atomic files, which name and type the columns in a header."""
    ratings = _read_table(
        files["ml-100k.inter"], "\t", names=RATING_COLUMNS, skiprows=1
    )
    users = _read_table(files["ml-100k.user"], "\t", names=USER_COLUMNS, skiprows=1)
    fields = _read_table(
        files["ml-100k.item"],
        "\t",
        names=["item_id", "title", "year", "genres"],
        skiprows=1,
        encoding="utf-8",
    )
    # RecBole cut the official title at its last parenthesis; the one movie that
    # has neither title nor year, it calls "unkonwn".
    unknown = fields["title"] == "unkonwn"
    fields["title"] = (fields["title"] + " (" + fields["year"] + ")").mask(
        unknown, "unknown"
    )
    flags = fields["genres"].str.get_dummies(" ").reindex(columns=GENRES, fill_value=0)
    return ratings, users, _split_title(fields[["item_id", "title"]].join(flags))


def _split_title(movies: pd.DataFrame) -> pd.DataFrame:
    """Move the year out of titles such as "Toy Story (1995)", once "(1995) (V)"."""
    parts = movies["title"].str.extract(r"^(.*?) *(?:\((\d{4})\)(?: \(V\))?)? *$")
    year = pd.to_numeric(parts[1]).astype("Int64")
    movies = movies.assign(title=parts[0])
    movies.insert(2, "year", year)
    return movies
