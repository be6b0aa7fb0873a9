"""One HTML file of a search: what was searched, what came out, how to repeat it."""

import os
from pathlib import Path
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_consistent_length

from skrec._whole_file import as_path, written_whole
from skrec.inspection._report_page import Page
from skrec.inspection._results import require_search


def search_report(
    search: Any,
    path: str | os.PathLike,
    X_test: Any = None,
    y_test: Any = None,
    *,
    X_train: Any = None,
    y_train: Any = None,
    title: str | None = None,
    n_resamples: int = 50,
) -> Path:
    """Write what a search was and what it found as one HTML file.

    The page shows data and protocol, the space, how much each parameter matters, plots,
    a table of all candidates that sorts itself, the best estimator, versions, seeds,
    and a program that repeats the search. It needs no server and no network, follows
    the light or dark setting of the reader, and says the same of the same search, but
    for the date.

    Parameters
    ----------
    search : estimator
        A fitted search with ``cv_results_``: of scikit-learn, of
        :mod:`skrec.model_selection`, or like them.
    path : str or path-like
        The file, such as ``"report.html"``; one that is there is replaced, and where it
        is a link, the file that it leads to.
    X_test : array-like of shape (n_samples, ...), default=None
        Rows that the search has not seen, on which the best estimator is scored beside
        what any model must beat: the most frequent class or the mean of the targets, a
        linear model where the rows are a table and `X_train` is given, and the most
        popular items beside recommenders.
    y_test : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Their targets; None for recommenders.
    X_train, y_train : array-like, default=None
        What the search was fitted on. Without them the number of rows is not told,
        the constant comes of `y_test`, which flatters it, and there is no linear model.
    title : str, default=None
        Title of the page; None for one that names the model and the metric.
    n_resamples : int, default=50
        Resamples of :func:`param_importances`, at least 19, which take most of the
        time where there are many candidates.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ImportError
        If a package of the extra ``inspection`` is not installed.
    FileNotFoundError
        If there is no folder for the file.
    NotFittedError
        If the search is not fitted.
    TypeError
        If `path` is no name of a file, or `search` no search.
    ValueError
        If of X and y only one is given, or their rows are not as many; if `X_test` is
        given to a search without ``best_estimator_``.

    See Also
    --------
    param_importances : What matters, as a table.
    skrec.io.model_card : A card for the model that was found.

    Notes
    -----
    Needs the extra ``inspection``: ``pip install "skrec-keras[inspection]"``.

    Everything that comes of data is text in the page, never markup, and the page allows
    no script but its own. It holds names of columns, labels of classes and values of
    parameters, and no row of the data.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV, train_test_split
    >>> from skrec.inspection import search_report
    >>> X, y = load_iris(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> model = LogisticRegression(max_iter=1000)
    >>> search = GridSearchCV(model, {"C": [0.01, 0.1, 1]}).fit(X, y)
    >>> search_report(search, "report.html", X_test, y_test).stat().st_size < 2_000_000
    True
    """
    place = as_path(path, "report.html")
    _require_pairs(search, X_test, y_test, X_train, y_train)
    if place.is_dir():
        raise IsADirectoryError(
            f'path must name a file, such as "report.html". Received: {path!r}.'
        )
    with written_whole(place) as file:
        page = Page(search, (X_test, y_test), (X_train, y_train), n_resamples)
        file.write(page.html(title).encode("utf-8", "replace"))
    return place


def _require_pairs(
    search: Any, X_test: Any, y_test: Any, X_train: Any, y_train: Any
) -> None:
    """Raise where rows and targets do not go together."""
    require_search(search)
    needs_y = is_classifier(search.estimator) or is_regressor(search.estimator)
    for kind, X, y in (("test", X_test, y_test), ("train", X_train, y_train)):
        if X is None and y is not None:
            raise ValueError(
                f"y_{kind} needs X_{kind}, the rows that it belongs to. Received: "
                f"X_{kind}=None."
            )
        if X is not None and y is None and needs_y:
            raise ValueError(
                f"X_{kind} needs y_{kind}: {type(search.estimator).__name__} is scored "
                f"against targets. Received: y_{kind}=None."
            )
        if X is not None:
            check_consistent_length(X, y)
    if X_test is not None and "best_estimator_" not in vars(search):
        raise ValueError(
            "X_test needs a search that has fitted its best candidate again: leave it "
            f"out, or fit the search with refit. Received: refit={search.refit!r}."
        )
