"""The web application around one exported file; needs FastAPI."""

import json
import math
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from skrec.export._model import OnnxModel
from skrec.export._requests import (
    RequestError,
    blocks_of,
    columns_of,
    parse,
    problem,
    read_body,
    rows_of,
)
from skrec.export._schema import Column

# Shorter bodies are answered in less time than handing them to a thread takes.
SMALL_BODY = 2**14
MOST_ITEMS = 2**20  # of all rows of one answer
N = Annotated[int, Query(ge=1, le=2**31)]
LISTED = ("known", "items", "scores")


def application(model: OnnxModel, max_bytes: int) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    model : OnnxModel
        The file, opened.
    max_bytes : int
        Longest body of a request that is read.

    Returns
    -------
    FastAPI
        The application.
    """
    text = model.schema.text
    app = FastAPI(
        title=f"{text.get('estimator')} ({model.path.name})",
        version=str(text.get("skrec")),
        redoc_url=None,
    )
    headers = {"skrec-version": str(text.get("skrec")), "model-digest": model.digest}

    def answer(content: Any, status: int = 200) -> Response:
        body = json.dumps(content, allow_nan=False)
        return Response(body, status, headers, "application/json")

    async def refused(request: Request, error: Any) -> Response:
        status = getattr(error, "status", None) or error.status_code
        return answer({"detail": error.detail}, status)

    async def misspelt(request: Request, error: Any) -> Response:
        return answer({"detail": jsonable_encoder(error.errors())}, 422)

    async def failed(request: Request, error: Exception) -> Response:
        detail = "The model failed on this request: see the log of the server."
        return answer({"detail": detail}, 500)

    async def asked(request: Request, respond: Callable[[bytes], Any]) -> Response:
        body = await read_body(request.stream(), max_bytes)
        if len(body) <= SMALL_BODY:
            return answer(respond(body))
        return answer(await run_in_threadpool(respond, body))

    async def known_options(request: Request) -> None:
        unknown = set(request.query_params) - {"n", "exclude_seen"}
        if unknown:
            name = min(unknown)
            words = "there is no such option: give n, exclude_seen, or none"
            wrong = {"type": "extra_forbidden", "loc": ["query", name], "msg": words}
            raise RequestError(422, [wrong])

    async def health() -> Response:
        """Tell that the model is loaded."""
        return answer({"status": "ok", "model": model.path.name})

    async def schema() -> Response:
        """Return the columns, their kinds, and the outputs."""
        return answer(text)

    async def predict(request: Request) -> Response:
        """Predict one row, an object by names of columns, or a list of them."""
        return await asked(request, lambda body: predicted(model, body))

    async def recommend(
        request: Request, n: N = 10, exclude_seen: bool = True
    ) -> Response:
        """Rank items for one user, by id, history or both, or for a list of them."""
        await known_options(request)
        options = {"n": np.array([n]), "exclude_seen": np.array([exclude_seen])}
        return await asked(request, lambda body: recommended(model, body, options))

    app.add_exception_handler(RequestError, refused)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, misspelt)
    app.add_exception_handler(Exception, failed)
    app.add_api_route("/health", health)
    app.add_api_route("/schema", schema)
    path, endpoint = "/predict", predict
    if model.schema.recommends:
        path, endpoint = "/recommend", recommend
    described = _described(model.schema.columns)
    app.add_api_route(path, endpoint, methods=["POST"], openapi_extra=described)
    return app


def predicted(model: OnnxModel, body: bytes) -> Any:
    """Answer a request for predictions.

    Parameters
    ----------
    model : OnnxModel
        The model.
    body : bytes
        What was sent.

    Returns
    -------
    dict or list of dict
        The outputs of each row by name; no list where one row came without.
    """
    outputs, is_one = _outputs(model, body, {})
    values = [outputs[name].tolist() for name in model.outputs]
    found = [
        dict(zip(model.outputs, row, strict=True)) for row in zip(*values, strict=True)
    ]
    return found[0] if is_one else found


def recommended(model: OnnxModel, body: bytes, options: dict[str, Any]) -> Any:
    """Answer a request for recommendations.

    Parameters
    ----------
    model : OnnxModel
        The model.
    body : bytes
        What was sent.
    options : dict of str to ndarray
        How many items, and which.

    Returns
    -------
    dict or list of dict
        Whether anything is known of each user, and the best items with their scores;
        no list where one row came without.
    """
    outputs, is_one = _outputs(model, body, options)
    rows = zip(*(outputs[name].tolist() for name in LISTED), strict=True)
    found = [
        {
            "known": known,
            "items": [
                {"item": item, "score": score}
                for item, score in zip(items, scores, strict=True)
                if score > -math.inf  # which is not to be recommended
            ],
        }
        for known, items, scores in rows
    ]
    return found[0] if is_one else found


def _outputs(
    model: OnnxModel, body: bytes, options: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Run the model on a body; tell too whether it is one row without a list."""
    rows, is_one = rows_of(parse(body))
    schema, parts = model.schema, []
    if schema.recommends:
        _require_few(len(rows), options["n"][0], schema.text["n_items"])
    for part in blocks_of(rows, schema.columns, schema.text.get("n_items", 1)):
        columns = columns_of(rows[part], schema.columns, is_one, part.start)
        try:
            parts.append(model.run({**columns, **options}, part.start))
        except ValueError as error:
            raise RequestError(422, [problem([], str(error))]) from None
    outputs = {
        name: np.concatenate([found[name] for found in parts]) for name in model.outputs
    }
    return outputs, is_one


def _require_few(n_rows: int, n: int, n_items: int) -> None:
    """Refuse an answer of so many items that it would not fit into memory."""
    if n_rows * min(int(n), n_items) > MOST_ITEMS:
        message = (
            f"An answer holds at most {MOST_ITEMS} items: send fewer rows at a time, "
            f"or ask for fewer items. Received: {n_rows} rows and n={n}."
        )
        raise RequestError(422, [problem([], message)])


def _described(columns: dict[str, Column]) -> dict[str, Any]:
    """Describe the body of a request in OpenAPI's words, for the page at /docs."""
    row = {
        "type": "object",
        "properties": {name: _cell(column) for name, column in columns.items()},
        "required": [name for name, column in columns.items() if column.required],
        "additionalProperties": False,
    }
    either = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}
    content = {"application/json": {"schema": either}}
    return {"requestBody": {"required": True, "content": content}}


def _cell(column: Column) -> dict[str, Any]:
    """Describe a value of a column."""
    names = {"string": "string", "int64": "integer", "float64": "number"}
    described: dict[str, Any] = {"type": names[column.dtype]}
    depth = {"list": 1, "array": len(column.shape)}.get(column.kind, 0)
    for _ in range(depth):
        described = {"type": "array", "items": described}
    return {**described, "nullable": True}
