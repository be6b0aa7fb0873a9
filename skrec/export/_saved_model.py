"""Writes a fitted estimator as a SavedModel, whose signature takes the raw columns."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from sklearn.utils.validation import check_is_fitted
from tensorflow.core.protobuf import saved_model_pb2

from skrec._inside import without_search
from skrec.estimators._targets import Numbers
from skrec.estimators.base import BaseNetwork
from skrec.export._described import described
from skrec.export._estimators import predicting
from skrec.export._lookups import Lookups
from skrec.export._network import single_precision
from skrec.export._schema import Column, Schema, schema_text
from skrec.export._verify import compared, require_equal
from skrec.recommenders.base import BaseRecommender

SIGNATURE = "serving_default"


def to_saved_model(
    fitted: Any, path: str | os.PathLike, verify: Any, tol: float = 1e-5
) -> None:
    """Write a fitted estimator as a SavedModel, as TensorFlow Serving reads it.

    Its signature ``"serving_default"`` has an input for each column of X, by its name:
    of shape (batch,), (batch, length) for lists, and (batch, ...) for arrays; or the
    one input ``"X"`` where the estimator takes arrays. Its outputs are ``"label"`` and
    ``"probabilities"``, or ``"prediction"``. Ids are strings or integers of 64 bits,
    numbers have 64 bits; what stands for missing ones and fills up lists is the same as
    in an ONNX file, and is described in ``assets.extra/skrec.json``. It loads
    without skrec.

    Parameters
    ----------
    fitted : estimator
        A named classifier or regressor, or a search around one.
    path : str or path-like
        Folder to write, which is replaced once the model is found to be equal.
        TensorFlow Serving wants it to be called by a number, such as ``"clicks/1"``.
    verify : DataFrame or array-like of shape (n_rows, ...)
        Rows of your own, for which the model is compared with `predict` and
        `predict_proba`: with ids that are new, and missing values, where there are
        some. None, to compare nothing.
    tol : float, default=1e-5
        Largest difference; of numbers beyond 1, relative to their size.

    Raises
    ------
    TypeError
        If the estimator is none that can be written.
    ValueError
        If the model says something else than the estimator.

    See Also
    --------
    to_onnx : A file that needs no TensorFlow.

    Examples
    --------
    >>> import pandas as pd
    >>> import tensorflow as tf
    >>> from skrec import FMClassifier
    >>> from skrec.export import to_saved_model
    >>> X = pd.DataFrame({"item": ["tea", "jam"] * 20, "price": range(40)})
    >>> model = FMClassifier(epochs=1, random_state=0).fit(X, [0, 1] * 20)
    >>> to_saved_model(model, "clicks/1", verify=X)
    >>> served = tf.saved_model.load("clicks/1").signatures["serving_default"]
    >>> price = tf.constant([3.0], tf.float64)
    >>> found = served(item=tf.constant(["tea"]), price=price)
    >>> sorted(found)
    ['label', 'probabilities']
    """
    fitted = without_search(fitted, "write")
    if not isinstance(fitted, BaseNetwork) or isinstance(fitted, BaseRecommender):
        raise TypeError(
            "to_saved_model writes the named classifiers and regressors of skrec: of "
            "recommenders, to_onnx does; of KerasClassifier and KerasRegressor, "
            f"model_.export(path). Received: {type(fitted).__name__}."
        )
    check_is_fitted(fitted)
    served = _served(fitted)
    if verify is not None:
        schema = Schema.parse(served.text, path)
        given = compared(schema, verify, fitted)
        found = served.function(*_tensors(schema, given))
        numpy = {name: _plain(value) for name, value in found.items()}
        require_equal(numpy, fitted, verify, tol)
    _write(served, Path(path))


class _Served(NamedTuple):
    """A graph from columns to predictions.

    Parameters
    ----------
    function : tf.function
        Takes the columns in their order.
    held : list
        Variables and tables that it uses.
    text : str
        What it says of itself, as JSON.
    """

    function: Any
    held: list[Any]
    text: str


def _served(estimator: BaseNetwork) -> _Served:
    """Make the graph of an estimator."""
    own, held = described(estimator), list[Any]()
    if own.encoder is not None:
        lookups = Lookups(own.encoder, own.ids)
        held += lookups.resources
        fields: Callable[[list[Any]], dict[str, Any]] = lookups.fields
    else:
        fields = _of_array if own.input == "array" else _of_numbers
    network = single_precision(estimator._spec, estimator._current_state().weights)
    held += [weight.value for weight in network.variables]
    run = predicting(network, estimator)
    named = _named(estimator)

    def predicted(*tensors: Any) -> dict[str, Any]:
        return named(run(fields(list(tensors))))

    specs = [_spec(column, k) for k, column in enumerate(own.columns)]
    function = tf.function(predicted, input_signature=specs, autograph=False)
    about = {"input": own.input, "columns": own.columns}
    return _Served(function, held, schema_text(estimator, about))


def _of_array(tensors: list[Any]) -> dict[str, Any]:
    return {"numbers": tensors[0]}


def _of_numbers(tensors: list[Any]) -> dict[str, Any]:
    return {"numbers": tf.stack(tensors, axis=1)}


def _named(estimator: BaseNetwork) -> Callable[[list[Any]], dict[str, Any]]:
    """Return what names the outputs, and makes labels of codes."""
    target: Any = estimator._target
    if isinstance(target, Numbers):
        return lambda outputs: {"prediction": outputs[0]}
    classes = tf.constant(target.classes.tolist())

    def named(outputs: list[Any]) -> dict[str, Any]:
        codes, p = outputs
        labels = codes if target.multilabel else tf.gather(classes, codes)
        return {"label": labels, "probabilities": p}

    return named


def _spec(own: Column, k: int) -> tf.TensorSpec:
    """Say what a column is, under a name that TensorFlow lets a tensor have."""
    is_single = own.kind in ("id", "number")
    shape = [None] if is_single else [None, *own.shape]
    return tf.TensorSpec(shape, tf.as_dtype(own.dtype), name=_inner(k))


def _inner(k: int) -> str:
    return f"column_{k}"


def _tensors(schema: Schema, given: dict[str, np.ndarray]) -> list[Any]:
    """Turn rows into what the graph takes."""
    tensors = []
    for own in schema.columns.values():
        values = given[own.name]
        if own.kind in ("id", "number"):
            values = values[:, 0]
        tensors.append(tf.constant(values, own.dtype))
    return tensors


def _plain(tensor: Any) -> np.ndarray:
    """Return an array, of strings where TensorFlow has bytes."""
    values = tensor.numpy()
    if values.dtype != object:
        return values
    return np.array([value.decode() for value in values], dtype=object)


# ---- the folder ----------------------------------------------------------------------


def _write(served: _Served, path: Path) -> None:
    """Replace a folder as a whole, so that nobody reads half of it."""
    own = path.with_name(f".{path.name}.{os.getpid()}")
    module = tf.Module()
    module.held = served.held
    try:
        signatures = {SIGNATURE: served.function}
        tf.saved_model.save(module, str(own), signatures=signatures)
        _rename(own, list(Schema.parse(served.text, path).columns))
        extra = own / "assets.extra"
        extra.mkdir()
        (extra / "skrec.json").write_text(served.text, "utf-8")
        if path.exists():
            shutil.rmtree(path)
        own.rename(path)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _rename(folder: Path, names: list[str]) -> None:
    """Give inputs the names of columns, which may hold what names of tensors may not.

    They stand in the signature, which servers read, and in the function behind it,
    which Python calls.
    """
    file = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    graph = saved.meta_graphs[0]
    inputs = graph.signature_def[SIGNATURE].inputs
    inner = {_inner(k): name for k, name in enumerate(names)}
    tensors = {
        inner[key]: type(info).FromString(info.SerializeToString())
        for key, info in inputs.items()
    }
    inputs.clear()
    for name, info in tensors.items():
        inputs[name].CopyFrom(info)
    for node in graph.object_graph_def.nodes:
        keywords = node.bare_concrete_function.argument_keywords
        if node.WhichOneof("kind") == "bare_concrete_function" and keywords:
            keywords[:] = [inner[key] for key in keywords]
    file.write_bytes(saved.SerializeToString())
    (folder / "fingerprint.pb").unlink(missing_ok=True)  # that of the former file
