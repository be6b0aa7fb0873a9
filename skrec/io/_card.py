"""A model card: what a model is and was trained with, and blanks for what it is for."""

import os
from typing import Any

import numpy as np
import pandas as pd

from skrec._extras import import_extra
from skrec._sklearn import BaseSearchCV
from skrec._whole_file import as_path
from skrec.io._describe import columns_of, found, innermost, versions
from skrec.io._plain import as_plain

BEST_ROWS, SHOWN_IDS = 10, 20
_ABOUT, _START = "Model description", "How to Get Started with the Model"
_HOW_TO_LOAD = """```python
import skrec.io

model = skrec.io.load("model.skrec")  # written by skrec.io.dump
```"""


def model_card(estimator_or_search: Any, path: str | os.PathLike) -> None:
    """Write a model card, a page of Markdown to be completed by hand.

    Parameters
    ----------
    estimator_or_search : estimator
        A fitted estimator, pipeline or search.
    path : str or path-like
        The file, such as ``"README.md"``; one that is there is replaced.

    Raises
    ------
    ImportError
        If skops is not installed.
    TypeError
        If `path` is no name of a file.

    Notes
    -----
    It is a card of skops (``skops.card``): load it with ``skops.card.parse_modelcard``
    to fill it in by a program. What it is for, its limits and who answers for it only
    you know.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skrec import MLPClassifier
    >>> from skrec.io import model_card
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model_card(model, Path(folder) / "README.md")
    ...     text = (Path(folder) / "README.md").read_text()
    >>> "Intended uses" in text
    True
    """
    place = as_path(path, "README.md")
    Card = import_extra("skops.card", "io", "model_card").Card
    estimator = estimator_or_search
    model = innermost(estimator)
    # Without what belongs to this process, which the file is without too.
    card = Card(as_plain(estimator)[0], model_diagram=False)
    card.delete(f"{_ABOUT}/Training Procedure/Model Plot")
    card.add(**{_ABOUT: _summary(estimator, model), _START: _HOW_TO_LOAD})
    columns = columns_of(estimator)
    if columns is not None:
        _add_table(card, f"{_ABOUT}/Columns", pd.DataFrame(columns).fillna(""))
    if training := _training(model):
        _add_table(card, f"{_ABOUT}/Training Procedure/Training", _as_table(training))
    if isinstance(estimator, BaseSearchCV) and hasattr(estimator, "cv_results_"):
        best = _best_rows(estimator)
        _add_table(card, f"{_ABOUT}/Evaluation Results/Search", best)
    _add_table(card, "Versions", _as_table(versions()))
    card.save(place)


def _add_table(card: Any, place: str, table: pd.DataFrame) -> None:
    card.add_table(**{place: table})
    card.select(place).title = place.rpartition("/")[2]  # skops gives the whole place


def _summary(estimator: Any, model: Any) -> str:
    kind = type(estimator).__name__
    text = (
        f"`{kind}`" if model is estimator else f"`{type(model).__name__}` in `{kind}`"
    )
    classes = found(estimator, "classes_")
    if classes is not None:
        shown = ", ".join(map(str, np.asarray(classes).tolist()[:SHOWN_IDS]))
        rest = len(classes) - SHOWN_IDS
        text += f"\n\nClasses: {shown}" + (f" and {rest} more" if rest > 0 else "")
    return text


def _training(model: Any) -> dict[str, Any]:
    """Tell what came of the training."""
    found_of = {
        "Weights": found(model, "n_parameters_"),
        "Epochs": found(model, "n_iter_"),
        "Best epoch": found(model, "best_epoch_"),
    }
    history = found(model, "history_")
    if isinstance(history, dict):
        last = {
            f"Last {name}": values[-1] for name, values in history.items() if values
        }
        found_of |= last
    return {name: value for name, value in found_of.items() if value is not None}


def _as_table(values: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame({"": list(values), "value": list(map(str, values.values()))})


def _best_rows(search: Any) -> pd.DataFrame:
    """Return the best candidates with their scores, what the search chose first."""
    from skrec.inspection._results import Results  # with it Keras, for a card alone

    results = pd.DataFrame(search.cv_results_)
    order = Results.of_search(search).order()[:BEST_ROWS]
    kept = ("param_", "mean_test_"), ("rank_test_",)
    names = [name for start in kept for name in results if name.startswith(start)]
    return results.iloc[order][names]
