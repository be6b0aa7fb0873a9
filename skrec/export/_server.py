"""An exported file behind HTTP, without TensorFlow and without Keras."""

import argparse
import os
from collections.abc import Sequence
from typing import Any

from skrec._extras import import_extra
from skrec.export._model import OnnxModel

MAX_BYTES = 2**23


def make_app(path: str | os.PathLike, *, max_bytes: int = MAX_BYTES) -> Any:
    """Make the web application that :func:`serve` runs, for a server of your own.

    Needs the extra ``serve``: ``pip install "skrec-keras[serve]"``.

    Parameters
    ----------
    path : str or path-like
        A file that ``to_onnx`` wrote.
    max_bytes : int, default=8388608
        Longest body of a request that is read.

    Returns
    -------
    fastapi.FastAPI
        The application.

    Raises
    ------
    ImportError
        If the extra is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is none that ``to_onnx`` wrote.

    See Also
    --------
    serve : Run it.

    Examples
    --------
    >>> from skrec.export import make_app
    >>> make_app("nothing.onnx")
    Traceback (most recent call last):
    FileNotFoundError: There is no file to read: ... Received: 'nothing.onnx'.
    """
    import_extra("fastapi", "serve", "Serving a model")
    from skrec.export._app import application

    return application(OnnxModel(path), max_bytes)


def serve(
    path: str | os.PathLike,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Answer requests over HTTP with an exported model, until interrupted.

    ``POST /predict`` takes one row, an object by names of columns, or a list of them;
    ``POST /recommend?n=10&exclude_seen=true``, of a recommender, objects with a
    ``"user"``, a ``"history"`` or both;
    ``GET /schema`` says which columns; ``GET /health`` answers once the model is
    loaded. A value that is not legal gets status 422 and the name of its column. Each
    answer names, in the header ``skrec-version``, the release that wrote the file and,
    in ``model-digest``, the file. ``python -m skrec.export.serve model.onnx`` does the
    same from a shell. TensorFlow is not needed and not imported.

    Needs the extra ``serve``: ``pip install "skrec-keras[serve]"``.

    Parameters
    ----------
    path : str or path-like
        A file that ``to_onnx`` wrote.
    host : str, default="127.0.0.1"
        Address to listen at; "0.0.0.0" for all of the machine's. There is no
        password: put what asks for one in front.
    port : int, default=8000
        Port; 0 for any that is free.
    max_bytes : int, default=8388608
        Longest body of a request that is read.

    Raises
    ------
    ImportError
        If the extra is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is none that ``to_onnx`` wrote.

    See Also
    --------
    make_app : The application, for a server of your own.
    score : Batches, without a server.

    Examples
    --------
    >>> from skrec.export import serve
    >>> serve("nothing.onnx")
    Traceback (most recent call last):
    FileNotFoundError: There is no file to read: ... Received: 'nothing.onnx'.
    """
    server = import_extra("uvicorn", "serve", "Serving a model")
    app = make_app(path, max_bytes=max_bytes)
    server.run(app, host=host, port=port, access_log=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run :func:`serve` from a shell.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Those of the command line; the process's own if None.
    """
    parser = argparse.ArgumentParser(
        prog="python -m skrec.export.serve",
        description="Answer requests over HTTP with an exported model.",
    )
    parser.add_argument("path", help="a file that skrec.export.to_onnx wrote")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    parser.add_argument("--max-bytes", type=int, default=MAX_BYTES)
    given = parser.parse_args(arguments)
    try:
        serve(given.path, given.host, given.port, max_bytes=given.max_bytes)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
