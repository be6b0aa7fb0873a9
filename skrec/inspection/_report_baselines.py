"""The best estimator on new rows, beside models that have not been searched for."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils import resample

from skrec._inside import innermost
from skrec._sklearn import num_samples
from skrec.inspection._report_words import plural, text
from skrec.inspection._score_method import comparable
from skrec.preprocessing._frames import as_frame
from skrec.recommenders import PopularRecommender
from skrec.recommenders.base import BaseRecommender

MOST_ROWS = 20_000  # that the linear model is fitted on: it is there for a figure
MOST_CATEGORIES = 100  # of a column, the most frequent ones


class Scored(NamedTuple):
    """A model and its scores on the test rows.

    Parameters
    ----------
    name : str
        What it is.
    about : str
        What it was fitted on, for the reader.
    scores : dict of str to float
        By metric, as the scorers have them; nothing where it could not be scored.
    problem : str, default=""
        Why it has no scores.
    """

    name: str
    about: str
    scores: dict[str, float]
    problem: str = ""


def scored(search: Any, test: tuple[Any, Any], train: tuple[Any, Any]) -> list[Scored]:
    """Score the best estimator of a search, and models to compare it with.

    Parameters
    ----------
    search : estimator
        The fitted search, with ``best_estimator_``.
    test : tuple of (array-like, array-like or None)
        X and y of the test rows.
    train : tuple of (array-like or None, array-like or None)
        Those that the search was fitted on, if they are at hand.

    Returns
    -------
    list of Scored
        The best estimator first.
    """
    best = search.best_estimator_
    found = [Scored("Best of the search", "", _scores(search.scorer_, best, test))]
    (inner,) = innermost(best)
    if isinstance(inner, BaseRecommender):
        models = [_popular(best, inner)]
    elif is_classifier(best) or is_regressor(best):
        models = [_constant(best, test, train)]
        if train[0] is not None and train[1] is not None and _is_table(train[0]):
            models.append(_linear(best, train))
    else:
        models = []
    scorers = (
        search.scorer_ if isinstance(search.scorer_, dict) else {None: search.scorer_}
    )
    fair = {name: own for name, own in scorers.items() if comparable(search, name)}
    return found + [_tried(fair, *model, test) for model in models if fair]


def _scores(scorer: Any, model: Any, test: tuple[Any, Any]) -> dict[str, float]:
    """Score a model with what a search scores with."""
    X, y = test
    arguments = (X,) if y is None else (X, y)
    if isinstance(scorer, dict):
        return {name: float(own(model, *arguments)) for name, own in scorer.items()}
    values = scorer(model, *arguments)
    if isinstance(values, dict):
        return {name: float(value) for name, value in values.items()}
    return {"score": float(values)}


def _tried(
    scorers: dict[Any, Any],
    name: str,
    about: str,
    make: Callable[[], Any],
    test: tuple[Any, Any],
) -> Scored:
    """Fit and score a baseline, which may not suit the rows or the metric at all."""
    found: dict[str, float] = {}
    problems = []
    with warnings.catch_warnings():
        # Such as that the linear model has not converged: no news of the search.
        warnings.simplefilter("ignore")
        model = None
        for metric, own in scorers.items():
            try:
                model = model or make()
                found |= _scores({metric: own} if metric else own, model, test)
            except Exception as error:  # whatever code of the user's own raises
                problems.append(f"{type(error).__name__}: {text(str(error))}")
    return Scored(name, about, found, "" if found else problems[0])


# ---- baselines ---------------------------------------------------------------------

Baseline = tuple[str, str, Callable[[], Any]]


def _constant(best: Any, test: tuple[Any, Any], train: tuple[Any, Any]) -> Baseline:
    """Return what predicts the same for all rows."""
    is_known = train[1] is not None
    y = train[1] if is_known else test[1]
    if is_classifier(best):
        model: Any = DummyClassifier(strategy="prior")
        name, what = "Most frequent class", "shares of the classes"
    else:
        model, name, what = DummyRegressor(), "Mean of the targets", "mean"
    where = "training rows" if is_known else "test rows, which flatters it"
    return name, f"{what} in the {where}", lambda: model.fit(np.zeros((len(y), 1)), y)


def _linear(best: Any, train: tuple[Any, Any]) -> Baseline:
    """Return a linear model on one-hot categories and scaled numbers.

    Behind a pipeline's own steps, so that what these add is not counted as the model's.
    """
    X, y = train
    n_rows = num_samples(X)
    if n_rows > MOST_ROWS:
        X, y = resample(X, y, replace=False, n_samples=MOST_ROWS, random_state=0)
    kind = LogisticRegression(max_iter=500) if is_classifier(best) else RidgeCV()
    drawn = f", drawn of {n_rows:,}" if n_rows > MOST_ROWS else ""
    name = "Logistic regression" if is_classifier(best) else "Linear (ridge) regression"
    before = _steps_before(best, X)
    behind = " behind the steps of the pipeline" if before else ""
    steps = [*before, FunctionTransformer(_framed), _columns(), kind]
    return (
        name,
        f"{plural(min(n_rows, MOST_ROWS), 'training row')}{drawn}; one-hot categories, "
        f"scaled numbers{behind}",
        lambda: make_pipeline(*steps).fit(X, y),
    )


def _steps_before(best: Any, X: Any) -> list[Any]:
    """Return what a pipeline does before its model, unless no frame comes of it."""
    if not isinstance(best, Pipeline) or len(best) == 1:
        return []
    before = best[:-1]
    return [] if sparse.issparse(before.transform(X[:2])) else [clone(before)]


def _columns() -> Any:
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES
    )
    is_number = make_column_selector(dtype_include=["number", "bool"])
    is_category = make_column_selector(dtype_exclude=["number", "bool"])
    return make_column_transformer((numbers, is_number), (categories, is_category))


def _framed(X: Any) -> pd.DataFrame:
    """Read any table: names and all that is no number as text."""
    frame = as_frame(X)
    frame = frame.set_axis(map(str, frame.columns), axis=1)
    categories = frame.select_dtypes(exclude=["number", "bool"]).columns
    return frame.astype(dict.fromkeys(categories, str))


def _is_table(X: Any) -> bool:
    if sparse.issparse(X):
        return False
    return len(getattr(X, "shape", np.shape(X))) == 2 and num_samples(X) > 0


def _popular(best: Any, inner: BaseRecommender) -> Baseline:
    """Return what recommends the same items to everybody, on the same events."""
    log, columns = inner._log, inner._interactions.columns
    # With as many columns as the test rows have, of which it is told the same.
    events = pd.DataFrame(0, index=range(len(log.users)), columns=inner._names)
    events = events.astype(object)
    events.isetitem(columns.user, inner.users_[log.users])
    events.isetitem(columns.item, inner.items_[log.items])
    has_names = hasattr(inner, "feature_names_in_")
    rows = events if has_names else events.to_numpy()

    def make() -> Any:
        ids = inner._names[columns.user], inner._names[columns.item]
        model: Any = PopularRecommender(user_col=ids[0], item_col=ids[1])
        model.fit(rows, log.weights)
        if isinstance(best, Pipeline):
            model = Pipeline([*best.steps[:-1], ("popular", model)])
        return model

    about = f"{plural(len(events), 'event')} that the best was fitted on"
    return "Most popular items", about, make
