"""The facts of a search for the report: data, protocol, space, seeds, versions."""

import platform
from importlib.metadata import PackageNotFoundError, version
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

import skrec
from skrec._inside import innermost
from skrec._sklearn import num_samples
from skrec.inspection._report_code import is_generator, kind_of
from skrec.inspection._report_found import Found
from skrec.inspection._report_words import in_a_row, number, plural, seconds, text

MOST_NAMES = 30
_SPACES = ("param_grid", "param_distributions", "search_spaces")
_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "tensorflow", "keras")
# Of searches and estimators that are theirs.
_MORE_PACKAGES = {"BayesSearchCV": "scikit-optimize", "OptunaSearchCV": "optuna"}


class Fact(NamedTuple):
    """A fact.

    Parameters
    ----------
    name : str
        What it is about.
    value : str
        What is so.
    """

    name: str
    value: str


class Searched(NamedTuple):
    """A parameter of the space.

    Parameters
    ----------
    name : str
        Its name.
    space : str
        What it may be.
    tried : str
        What it was.
    best : str
        What it is in the best candidate.
    """

    name: str
    space: str
    tried: str
    best: str


def data_facts(found: Found, train: tuple[Any, Any], X_test: Any) -> list[Fact]:
    """Tell what a search was fitted on.

    Parameters
    ----------
    found : Found
        The search.
    train : tuple of (array-like or None, array-like or None)
        X and y that it was fitted on, if they are at hand.
    X_test : array-like or None
        Rows that it has not seen.

    Returns
    -------
    list of Fact
        The facts.
    """
    search, facts = found.search, []
    if train[0] is not None:
        facts.append(Fact("Rows searched on", f"{num_samples(train[0]):,}"))
    if X_test is not None:
        facts.append(Fact("Rows kept apart", f"{num_samples(X_test):,}"))
    names = _fitted(search, "feature_names_in_")
    if names is None:  # of a pipeline that begins with "passthrough", for one
        names = getattr(X_test if train[0] is None else train[0], "columns", None)
    n_columns = _fitted(search, "n_features_in_")
    if names is not None:
        shown = ", ".join(map(text, names[:MOST_NAMES]))
        rest = len(names) - MOST_NAMES
        more = f" and {rest:,} more" if rest > 0 else ""
        facts.append(Fact("Columns", f"{len(names):,}: {shown}{more}"))
    elif n_columns is not None:
        facts.append(Fact("Columns", f"{n_columns:,}"))
    classes = _fitted(search, "classes_")
    if classes is not None:
        facts.append(Fact("Classes", _listed(np.asarray(classes, object).tolist())))
    best = vars(search).get("best_estimator_")
    if best is not None:
        (inner,) = innermost(best)
        for name in ("users", "items"):  # of a recommender
            ids = _fitted(inner, f"{name}_")
            if ids is not None:
                facts.append(Fact(name.capitalize(), f"{len(ids):,}"))
        weights = _fitted(inner, "n_parameters_")
        if weights is not None:
            facts.append(Fact("Weights of the best network", f"{weights:,}"))
    return facts


def protocol_facts(found: Found) -> list[Fact]:
    """Tell how a search went about it.

    Parameters
    ----------
    found : Found
        The search.

    Returns
    -------
    list of Fact
        The facts.
    """
    search, results = found.search, found.first
    n_folds = results.folds.shape[1]
    measured = in_a_row([metric.label for metric in found.metrics])
    failed = plural(results.n_failed, "candidate")
    facts = [
        Fact("Search", type(search).__name__),
        Fact("Model", text(search.estimator, 400)),
        Fact("Candidates", f"{len(results):,}"),
        Fact("Folds", f"{n_folds}, by {_cv_of(search)}"),
        Fact("Measured", measured),
        Fact("Chosen by", f"{chosen_by(found)}; {_fitted_again(search)}"),
        Fact("Failed", f"{failed} without a score" if results.n_failed else "none"),
    ]
    if results.n_failed:
        facts.append(Fact("Score of a failed fit", text(search.error_score)))
    for name, told in (("max_seconds", "Time limit"), ("patience", "Patience")):
        if getattr(search, name, None) is not None:
            facts.append(Fact(told, text(getattr(search, name))))
    return facts


def _cv_of(search: Any) -> str:
    cv = search.cv
    if cv is None or isinstance(cv, int):
        # Whether scikit-learn keeps the shares of the classes depends on these.
        classes = _fitted(search, "classes_")
        known = classes if isinstance(classes, np.ndarray) else None
        is_shared = is_classifier(search.estimator)
        return text(check_cv(cv, known, classifier=is_shared))
    if hasattr(cv, "split"):
        return text(cv)
    return "splits that were given"


def chosen_by(found: Found) -> str:
    """Tell how a search chose its candidate.

    Parameters
    ----------
    found : Found
        The search.

    Returns
    -------
    str
        What it went by, in words.
    """
    refit, first = found.search.refit, found.metrics[0]
    if found.first.rounds.any():  # scikit-learn's halving searches ask no `refit`
        return f"mean {first.label} over the folds, among those of the last round"
    if callable(refit):
        return f"the rule refit={text(refit)}"
    if isinstance(refit, str) and refit != first.name and len(found.metrics) > 1:
        # Scikit-learn takes the greatest of whatever it is, of a cost too.
        return f"the greatest mean {refit} over the folds (refit={refit!r})"
    return f"mean {first.label} over the folds"


def _fitted_again(search: Any) -> str:
    if search.refit is False:
        return "the best was not fitted again (refit=False)"
    return "the best was fitted again on all rows"


def time_facts(found: Found) -> list[Fact]:
    """Tell what a search took.

    Parameters
    ----------
    found : Found
        The search.

    Returns
    -------
    list of Fact
        The facts.
    """
    facts = [
        Fact(
            "All fits and their scores",
            f"{seconds(found.seconds)} for {plural(found.n_fits, 'fit')}, added up "
            f"(n_jobs={found.search.n_jobs})",
        )
    ]
    last = vars(found.search).get("refit_time_")
    if last is not None:
        facts.append(Fact("Last fit, on all rows", seconds(last)))
    return facts


def seed_facts(search: Any) -> list[Fact]:
    """Tell the seeds of a search, its folds and its estimator.

    Parameters
    ----------
    search : estimator
        The search.

    Returns
    -------
    list of Fact
        The parameters that are seeds.
    """
    return [Fact(name, _seed(own)) for name, own in sorted(_seeds(search).items())]


def generators_of(search: Any) -> list[str]:
    """Name the seeds that are generators: what they draw next, nobody can repeat.

    Parameters
    ----------
    search : estimator
        The search.

    Returns
    -------
    list of str
        Names of parameters.
    """
    return [name for name, own in sorted(_seeds(search).items()) if is_generator(own)]


def _seeds(search: Any) -> dict[str, Any]:
    found = {
        name: value
        for name, value in search.get_params(deep=True).items()
        if name.rpartition("__")[2] in ("random_state", "seed")
    }
    if hasattr(search.cv, "random_state"):
        found["cv.random_state"] = search.cv.random_state
    return found


def _seed(value: Any) -> str:
    if value is None:
        return "none: numbers differ from run to run"
    if is_generator(value):
        return f"{kind_of(value)}, which is not kept: numbers cannot be repeated"
    return text(value)


def start_words(search: Any) -> list[str]:
    """Say what it means where training has brought nothing.

    Parameters
    ----------
    search : estimator
        The search.

    Returns
    -------
    list of str
        A sentence or two; nothing where an epoch was kept.
    """
    best = vars(search).get("best_estimator_")
    if best is None:
        return []
    (inner,) = innermost(best)
    if _fitted(inner, "best_epoch_") != 0:
        return []
    is_linear = bool(getattr(inner, "linear_start", False))
    start = "the linear model with which training starts" if is_linear else "its start"
    return [
        f"Fitted again on all rows, the network kept {start} (best_epoch_ is 0): no "
        "epoch predicted the rows that were set aside any better. So nothing that was "
        "trained is in it, and how it was trained has no effect on what it predicts."
    ]


def version_facts(search: Any) -> list[Fact]:
    """Tell the versions of what made a search.

    Parameters
    ----------
    search : estimator
        The search.

    Returns
    -------
    list of Fact
        Packages.
    """
    facts = [
        Fact("Python", platform.python_version()),
        Fact("skrec", skrec.__version__),
    ]
    more = _MORE_PACKAGES.get(type(search).__name__)
    for name in (*_PACKAGES, *([more] if more else [])):
        try:
            facts.append(Fact(name, version(name)))
        except PackageNotFoundError:  # such as tensorflow-cpu, under another name
            continue
    return facts


# ---- the space -----------------------------------------------------------------------


def space_of(found: Found) -> list[Searched]:
    """Tell what was searched, and what of it was tried.

    Parameters
    ----------
    found : Found
        The search.

    Returns
    -------
    list of Searched
        The parameters, in the order of the candidates.
    """
    known = [getattr(found.search, name, None) for name in _SPACES]
    has_ranges = getattr(found.search, "search_spaces", None) is not None
    given = next((space for space in known if space is not None), None)
    parts = given if isinstance(given, list | tuple) else [given]
    # BayesSearchCV takes a space with its number of candidates too.
    parts = [own[0] if isinstance(own, tuple) else own for own in parts]
    rows = []
    for name in found.parameters:
        own = [p[name] for p in parts if isinstance(p, dict) and name in p]
        spaces = [_described(value, has_ranges) for value in own]
        if callable(given):
            spaces = [f"set by {text(given)}"]
        elif not spaces:
            spaces = ["set by the search"]
        best = ""
        if found.best is not None:
            params = found.first.params[found.best]
            best = text(params[name]) if name in params else "not set"
        shown = "; or ".join(dict.fromkeys(spaces))
        rows.append(Searched(name, shown, _tried(found, name), best))
    return rows


def _tried(found: Found, name: str) -> str:
    values = found.first.column(name)
    kept = values.numbers[values.is_set]
    n_different = len(np.unique(kept))
    if values.labels is not None:
        return plural(n_different, "value")
    if n_different == 1:
        return number(kept[0])
    shown = f"{number(kept.min())} to {number(kept.max())}"
    return f"{shown}, {plural(n_different, 'value')}"


def _described(space: Any, has_ranges: bool) -> str:
    """Tell what a parameter may be, in words; a tuple may be a range, or its values."""
    if isinstance(space, range):
        return f"whole numbers {space.start} to {space[-1]} by {space.step}"
    if isinstance(space, tuple) and has_ranges:
        return _range_of(space)
    if isinstance(space, list | tuple | np.ndarray):
        return _listed(list(space))
    if hasattr(space, "dist") and hasattr(space, "kwds"):
        return _distribution(space)
    return text(space)


def _range_of(space: tuple) -> str:
    """Tell a range of skrec's searches: its bounds, and how numbers are drawn."""
    is_range = len(space) in (2, 3) and all(isinstance(v, Real) for v in space[:2])
    if not is_range:
        return _listed(list(space))
    how = f", {text(space[2])}" if len(space) == 3 else ""
    return f"{number(space[0])} to {number(space[1])}{how}"


def _distribution(space: Any) -> str:
    """Tell a distribution of SciPy's by its bounds and name."""
    name = getattr(space.dist, "name", "")
    low, high = map(float, space.support())
    if np.isfinite([low, high]).all():
        drawn = "whole numbers, evenly" if name == "randint" else name
        return f"{number(low)} to {number(high)}, {drawn}"
    given = [text(v) for v in space.args]
    given += [f"{key}={text(v)}" for key, v in space.kwds.items()]
    return f"{name}({', '.join(given)})"


def _listed(values: list) -> str:
    shown = ", ".join(text(value, 80) for value in values[:MOST_NAMES])
    rest = len(values) - MOST_NAMES
    return shown + (f" and {rest:,} more" if rest > 0 else "")


def _fitted(estimator: Any, name: str) -> Any:
    """Return a fitted attribute, or None where there is none or it cannot be had."""
    try:
        return getattr(estimator, name, None)
    except Exception:  # an estimator of the user's own may raise anything
        return None
