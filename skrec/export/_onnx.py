"""Writes a fitted estimator as one ONNX file, after comparing the two."""

import os
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skrec._inside import without_search
from skrec._whole_file import as_path, written_whole
from skrec.estimators.base import BaseNetwork
from skrec.estimators.wrappers import KerasEstimator
from skrec.export._estimators import named_graph
from skrec.export._generic import generic_graph
from skrec.export._graph import Graph, onnx_package
from skrec.export._pipelines import pipeline_graph
from skrec.export._recommenders import recommender_graph
from skrec.export._schema import KEY, Schema, schema_text
from skrec.export._verify import compared, require_equal
from skrec.export._verify_recommenders import require_equal_lists
from skrec.recommenders.base import BaseRecommender


def to_onnx(
    fitted: Any, path: str | os.PathLike, verify: Any, tol: float = 1e-5
) -> None:
    """Write a fitted estimator as one ONNX file, from the columns of X to predictions.

    What encodes X is inside: vocabularies, scales, what stands for missing values. The
    guide ``docs/shipping.md`` lists the inputs and outputs; the file says them of
    itself, as JSON in its metadata under ``"skrec.schema"``. Networks compute in single
    precision.

    Needs the extra ``onnx``: ``pip install "skrec-keras[onnx]"``.

    Parameters
    ----------
    fitted : estimator
        A classifier, regressor or recommender of this package, a search for one, or a
        pipeline with one at its end.
    path : str or path
        File to write, which is replaced once the graph is found to be equal.
    verify : DataFrame or array-like of shape (n_rows, ...)
        Rows of your own, for which the graph is compared with ``predict`` and
        ``predict_proba``: with ids that are new, and missing values, where some will
        come. For a recommender events, whose users are asked for, by their ids and
        after these events. None, to compare nothing.
    tol : float, default=1e-5
        Largest difference; of numbers beyond 1, relative to their size.

    Raises
    ------
    ImportError
        If a package of the extra is not installed.
    TypeError
        If the estimator is none that can be written.
    ValueError
        If the graph says something else than the estimator, with the row; if ids or
        labels are of a type that ONNX does not have; if a column has the name of an
        output.

    Examples
    --------
    >>> import onnxruntime
    >>> import pandas as pd
    >>> from skrec import FMClassifier
    >>> from skrec.export import to_onnx
    >>> X = pd.DataFrame({"item": ["tea", "jam"] * 20, "price": [3.0, None] * 20})
    >>> clf = FMClassifier(epochs=2, random_state=0).fit(X, ["yes", "no"] * 20)
    >>> to_onnx(clf, "model.onnx", verify=X)
    >>> session = onnxruntime.InferenceSession("model.onnx")
    >>> [(one.name, one.type, one.shape) for one in session.get_inputs()][0]
    ('item', 'tensor(string)', ['batch', 1])
    """
    for name in ("onnx", "tf2onnx", "onnxruntime", "skl2onnx"):
        onnx_package(name)
    check_is_fitted(fitted)
    fitted = without_search(fitted, "write")
    if sparse.issparse(verify):
        raise ValueError(
            "A graph of ONNX takes dense arrays, whatever the estimator was fitted on: "
            "pass verify=X[:1000].toarray(). Received: a sparse matrix."
        )
    graph, about = _graph(fitted, verify)
    text = schema_text(_last(fitted), about)
    content = graph.model({KEY: text}).SerializeToString()
    session = onnx_package("onnxruntime").InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )
    schema, names = Schema.parse(text, path), about["outputs"]

    def run(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, given), strict=True))

    if verify is not None and schema.recommends:
        require_equal_lists(run, schema, fitted, verify, tol)
    elif verify is not None:
        require_equal(run(compared(schema, verify, fitted)), fitted, verify, tol)
    with written_whole(as_path(path, "model.onnx")) as file:
        file.write(content)


def _last(fitted: Any) -> Any:
    """Return what is at the end of a pipeline, or in a search."""
    fitted = without_search(fitted, "write")
    return _last(fitted[-1]) if isinstance(fitted, Pipeline) else fitted


def _graph(fitted: Any, X: Any = None) -> tuple[Graph, dict[str, Any]]:
    """Make the graph of whatever can be written."""
    fitted = without_search(fitted, "write")
    if isinstance(fitted, Pipeline):
        return pipeline_graph(fitted, X, _graph)
    if isinstance(fitted, BaseRecommender):
        return recommender_graph(fitted)
    if isinstance(fitted, BaseNetwork):
        return named_graph(fitted)
    if isinstance(fitted, KerasEstimator):
        return generic_graph(fitted)
    raise TypeError(
        "to_onnx writes the classifiers, regressors and recommenders of this package, "
        "in a pipeline or a search too: give it one of these. Received: "
        f"{type(fitted).__name__}."
    )
