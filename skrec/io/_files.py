"""A fitted estimator as one file, which runs no code when it is loaded."""

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from skrec._extras import import_extra
from skrec._left_out import leaving_out
from skrec._whole_file import as_path
from skrec.io import _types
from skrec.io._archive import (
    HEADER,
    SCHEMA,
    check_archive,
    check_arrays,
    read_json,
    write_archive,
)
from skrec.io._audit import require_kept, untrusted
from skrec.io._describe import described, require_readable
from skrec.io._plain import as_plain, restored
from skrec.io._sound import make_sound
from skrec.training._fit_file import UnusableFileError, open_regular


def dump(
    estimator: Any,
    path: str | os.PathLike,
    optimizer: bool = False,
    *,
    metrics: dict[str, float] | None = None,
) -> None:
    """Save an estimator as one file, of numbers and text alone.

    Parameters
    ----------
    estimator : estimator
        Any of skrec's, or a pipeline, a search or another meta-estimator of
        scikit-learn around some, fitted or not. It is left as it is.
    path : str or path-like
        The file; one that is there is replaced when the new one is whole.
    optimizer : bool, default=False
        Whether to keep the state of the optimizer, which is twice as large as the
        weights for Adam: ``partial_fit`` and ``warm_start`` then go on bit for bit.
        Without, the optimizer starts anew there, with a warning.
    metrics : dict of str to float, default=None
        What is known of the estimator, such as scores on test data, for :func:`info`.

    Raises
    ------
    ImportError
        If skops is not installed.
    ValueError
        If it holds a function or an object that cannot be kept.

    Notes
    -----
    ``callbacks`` and ``memory`` are left out, and are None in what is loaded. Of a
    search ``cv_results_`` and ``best_estimator_`` are kept, and not its storage, its
    sampler or the distributions that it drew from.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> import skrec.io
    >>> from skrec import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.skrec"
    ...     skrec.io.dump(model, path, metrics={"accuracy": 0.9})
    ...     loaded = skrec.io.load(path)
    ...     print(skrec.io.info(path)["class"])
    skrec.estimators.mlp.MLPClassifier
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    place = as_path(path, "model.skrec")
    skops_io = import_extra("skops.io", "io", "skrec.io")
    buffer = io.BytesIO()
    left = ("code",) if optimizer else ("code", "optimizer")
    with leaving_out(*left):
        plain, left_out = as_plain(estimator)
        try:
            skops_io.dump(plain, buffer)
        except Exception as error:
            raise ValueError(
                f"{type(estimator).__name__} holds something that cannot be kept in a "
                f"file of numbers and text: {error}"
            ) from error
    with zipfile.ZipFile(buffer) as archive:
        schema = read_json(archive, SCHEMA)
    try:
        require_kept(schema)
        needed = untrusted(schema, ())
    except UnusableFileError as error:
        raise ValueError(
            f"{type(estimator).__name__} could not be loaded again: {error}."
        ) from None
    about = {
        "optimizer": bool(optimizer),
        "left_out": left_out,
        "trusted": needed,
        "metrics": metrics,
    }
    write_archive(place, described(estimator, about), buffer)


def without_optimizer() -> AbstractContextManager[None]:
    """Leave the state of optimizers out of what is pickled inside a ``with`` block.

    Returns
    -------
    context manager
        Pickles and copies that are made inside are a third as large, for Adam; where
        they are trained on, the optimizer starts anew, with a warning.

    Examples
    --------
    >>> import pickle
    >>> from sklearn.datasets import load_iris
    >>> from skrec import MLPClassifier
    >>> from skrec.io import without_optimizer
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(epochs=2, random_state=0).fit(X, y)
    >>> with without_optimizer():
    ...     content = pickle.dumps(model)
    >>> len(content) < len(pickle.dumps(model)) / 2
    True
    """
    return leaving_out("optimizer")


def load(path: str | os.PathLike, trusted: Sequence[Any] = ()) -> Any:
    """Load what :func:`dump` has saved; nothing of the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of str, classes and functions, default=()
        Classes and functions that are not skrec's, such as a build function of your
        own, or their names: they are imported, and called where they build a model.
        :func:`info` lists what a file asks for; trust it if you know where the file is
        from.

    Returns
    -------
    estimator
        As it was saved; it predicts the same, bit for bit.

    Raises
    ------
    ImportError
        If skops is not installed.
    OSError
        If there is no such file.
    UnusableFileError
        If the file is damaged, not written by :func:`dump`, written by a newer release,
        or asks for something that is not trusted.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skrec.io
    >>> from skrec import MLPClassifier
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skrec.io.dump(MLPClassifier(units=8), Path(folder) / "new.skrec")
    ...     skrec.io.load(Path(folder) / "new.skrec")
    MLPClassifier(units=8)
    """
    skops_io = import_extra("skops.io", "io", "skrec.io")
    names = [one if isinstance(one, str) else _types.name_of(one) for one in trusted]
    with _opened(path) as archive:
        header = read_json(archive, HEADER)
        require_readable(header)
        if wrong := untrusted(read_json(archive, SCHEMA), names):
            raise UnusableFileError(
                f"it asks for {wrong}, which no list of skrec has: if you know where "
                f"the file is from, pass trusted={wrong}"
            )
        check_arrays(archive)
        archive.fp.seek(0)  # type: ignore[union-attr]
        loaded = skops_io.load(archive.fp, trusted=sorted(_types.ALL | set(names)))
        return make_sound(restored(loaded))


def info(path: str | os.PathLike) -> dict[str, Any]:
    """Tell what a file holds, without loading it.

    Parameters
    ----------
    path : str or path-like
        A file that :func:`dump` has saved.

    Returns
    -------
    dict
        ``"class"``, ``"parameters"``, ``"columns"`` (name and dtype, where X was a
        table), ``"classes"``, ``"metrics"``, ``"optimizer"``, ``"left_out"``,
        ``"trusted"`` (what :func:`load` has to be told to trust, by the file's own
        account), ``"versions"``, ``"format"`` and ``"n_parameters"``.

    Raises
    ------
    UnusableFileError
        If the file is damaged, or not written by :func:`dump`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skrec.io
    >>> from skrec import MLPClassifier
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skrec.io.dump(MLPClassifier(units=8), Path(folder) / "new.skrec")
    ...     said = skrec.io.info(Path(folder) / "new.skrec")
    >>> said["parameters"]["units"], said["fitted"]
    (8, False)
    """
    with _opened(path) as archive:
        header = read_json(archive, HEADER)
        require_readable(header)
        return header


@contextmanager
def _opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Open a file as an archive; whatever is wrong with it becomes one error."""
    with open_regular(as_path(path, "model.skrec").resolve()) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                check_archive(archive)
                yield archive
        # Damage makes zipfile, json, NumPy, skops and pandas raise what they come to.
        except Exception as error:
            raise UnusableFileError(
                f"{path} cannot be loaded: {_reason(error)}."
            ) from error


def _reason(error: Exception) -> str:
    reason = str(error)[:1000] or type(error).__name__
    if isinstance(error, zipfile.BadZipFile):
        return f"it is not whole, or no file of skrec.io.dump ({reason})"
    if isinstance(error, RecursionError):
        return "it is nested deeper than any estimator"
    if isinstance(error, ImportError | AttributeError):
        return f"something that it asks for is not there ({reason})"
    if isinstance(error, UnusableFileError):
        return reason
    return f"its content is not as it was written ({reason})"
