"""A model behind HTTP: real sockets, and nothing of what trained it."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import onnxruntime
import pandas as pd
import pytest

import skrec.export
from skrec import FMClassifier
from skrec.export import make_app, to_onnx
from skrec.export._server import main
from tests.export import made
from tests.export.servers import python, server, without

ROW = {
    "item": "tea",
    "user id": made.BIG,
    "price": 0.25,
    "history": [7, 7, 1],
    "image": [[1, 2], [3, 4.5]],
}
MAX_BYTES = 100_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return made.write(tmp_path_factory.mktemp("files") / "model.onnx")


@pytest.fixture(scope="module")
def client(path):
    with (
        server(path, "--max-bytes", str(MAX_BYTES)) as address,
        httpx.Client(base_url=address) as client,
    ):
        yield client


def score(client, **changes):
    """Return the score of ROW, changed."""
    row = {name: cell for name, cell in {**ROW, **changes}.items() if cell != "absent"}
    response = client.post("/predict", content=json.dumps(row))
    assert response.status_code == 200, response.text
    return response.json()["score"][0]


def refusal(client, **changes):
    """Return what is said of ROW, changed: the place and the message."""
    row = {name: cell for name, cell in {**ROW, **changes}.items() if cell != "absent"}
    response = client.post("/predict", content=json.dumps(row))
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    return problem["loc"], problem["msg"]


# ---- answers -------------------------------------------------------------------------


def test_one_row_gets_an_object_and_several_a_list(client):
    one = client.post("/predict", json=ROW).json()
    many = client.post("/predict", json=[ROW, {**ROW, "item": "jam"}]).json()

    assert one == {"label": "yes", "probabilities": [0.0, 1.0], "score": [2036.0]}
    assert [row["score"] for row in many] == [[2036.0], [2035.0]]
    assert client.post("/predict", json=[ROW]).json() == [one]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 1 + 10 + 25 + 2000, id="all as trained"),
        pytest.param({"item": "jam"}, 2035, id="unknown string"),
        pytest.param({"item": "tea\x00x"}, 2035, id="a zero within a string"),
        pytest.param({"item": "\ud800"}, 2035, id="half a character"),
        pytest.param({"item": None}, 2035.5, id="missing string"),
        pytest.param({"user id": made.BIG - 1}, 2026, id="neighbour of a large id"),
        pytest.param({"user id": None}, 2026, id="missing number of an id"),
        pytest.param({"user id": True}, 2026, id="a flag is 1"),
        pytest.param({"history": [7.0]}, 1036, id="whole float"),
        pytest.param({"history": []}, 36, id="empty list"),
        pytest.param({"history": None}, 36, id="no list"),
        pytest.param({"tags": ["hot", None, "new", "hot"]}, 22036, id="strings"),
        pytest.param({"tags": "hot| hot||new"}, 22036, id="list in a string"),
        pytest.param({"history": [7, None]}, 1036, id="missing in a list"),
        pytest.param({"user id": 2**63}, 2026, id="id beyond 64 bits"),
        pytest.param({"history": "absent"}, 36, id="column that may be left out"),
        pytest.param({"price": None}, 2010, id="missing number"),
        pytest.param({"price": 1}, 2111, id="integer for a number"),
        pytest.param({"image": [[None, 1], [2, 3]]}, 2036, id="missing pixel"),
    ],
)
def test_values_are_read_as_the_model_was_trained(client, changes, expected):
    assert score(client, **changes) == expected


def test_not_a_number_is_a_missing_one(client):
    # JSON has no NaN, but Python's own writes it.
    body = json.dumps({**ROW, "price": float("nan")})
    assert client.post("/predict", content=body).json()["score"] == [2010.0]


def test_eight_clients_at_once_get_the_answers_of_the_session(client, path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    prices = np.random.default_rng(0).normal(size=400)
    feeds = {
        "item": np.full((400, 1), "tea", dtype=object),
        "user id": np.full((400, 1), 5),
        "price": prices[:, None],
        "history": np.zeros((400, 0), np.int64),
        "tags": np.zeros((400, 0), object),
        "image": np.zeros((400, 2, 2)),
    }
    expected = session.run(["score"], feeds)[0].ravel()

    def ask(part):
        with httpx.Client(base_url=client.base_url) as own:
            return [
                score(own, price=price, history=[], **{"user id": 5})
                for price in prices[part::8].tolist()
            ]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))

    for part, answer in enumerate(answers):
        assert answer == expected[part::8].tolist()


def test_a_body_that_a_thread_answers_has_the_same_answers(client):
    rows = [{**ROW, "price": k} for k in range(300)]

    response = client.post("/predict", json=rows)

    assert len(response.request.content) > 2**14  # longer ones go to a thread
    scores = [row["score"][0] for row in response.json()]
    assert scores == [2011.0 + 100 * k for k in range(300)]


# ---- refusals ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "column", "message"),
    [
        ({"item": 3}, "item", "must be a string. Received: 3."),
        ({"item": True}, "item", "must be a string. Received: true."),
        ({"item": ["tea"]}, "item", 'must be a string. Received: ["tea"].'),
        ({"item": "absent"}, "item", "is missing: send it, as null where"),
        ({"user id": "5"}, "user id", 'must be a number. Received: "5".'),
        ({"user id": 1.5}, "user id", "must be a whole number. Received: 1.5."),
        ({"user id": -float("inf")}, "user id", "must be a finite number."),
        ({"price": "dear"}, "price", 'must be a number. Received: "dear".'),
        ({"price": float("inf")}, "price", "must be a finite number."),
        ({"price": {}}, "price", "must be a number. Received: {}."),
        ({"history": 7}, "history", "must be a list. Received: 7."),
        ({"history": ["7"]}, "history", "items must be a number. Received"),
        ({"image": [[1, 2]]}, "image", "must be of shape (2, 2). Received: shape (1,"),
        ({"image": [[1, 2], [3]]}, "image", "must be lists of numbers"),
        ({"image": [["a", 2], [3, 4]]}, "image", "must be lists of numbers, which"),
        ({"\ud800": 1}, "\ud800", "is not one of the model's"),
        ({"prise": 1}, "prise", "is not one of the model's: leave it out."),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_column(
    client, changes, column, message
):
    place, said = refusal(client, **changes)

    assert place == ["body", column]
    assert said.startswith(f"column {column!r}")
    assert message in said


def test_each_bad_column_of_several_rows_is_named_with_its_first_row(client):
    rows = [ROW, {**ROW, "item": 1, "x": 0}, {**ROW, "item": 2, "price": "a"}]

    details = client.post("/predict", json=rows).json()["detail"]

    places = [problem["loc"] for problem in details]
    assert places == [["body", 1, "x"], ["body", 1, "item"], ["body", 2, "price"]]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "Received: an empty body."),
        (b"item=tea", 400, "The body must be JSON"),
        (b'{"item": "tea", "item": "jam"}', 400, '"item" twice in one object.'),
        (b"\xff\xfe", 400, "The body must be JSON"),
        (b"[" * 50_000, 400, "The body must be JSON"),
        (b"1" * 50_000, 400, "The body must be JSON"),
        (b"[]", 422, "a list of at least one object. Received: []."),
        (b"3", 422, "The body must be an object"),
        (b"[3]", 422, "Row 0 must be an object. Received: 3."),
        (b" " * (MAX_BYTES + 1), 413, f"at most {MAX_BYTES} bytes"),
    ],
    ids=lambda value: repr(value[:8]) if isinstance(value, bytes) else None,
)
def test_a_body_that_is_no_rows_is_refused(client, body, status, message):
    response = client.post("/predict", content=body)

    assert response.status_code == status
    assert message in response.text.replace('\\"', '"')
    assert client.get("/health").status_code == 200


def test_an_unknown_address_and_method_are_refused_in_json(client):
    assert client.get("/nothing").json() == {"detail": "Not Found"}
    assert client.get("/predict").status_code == 405


# ---- a model of a shop ---------------------------------------------------------------


def test_a_shop_asks_with_its_own_rows_and_gets_what_predict_says(tmp_path):
    random = np.random.default_rng(0)
    n = 200
    shop = pd.DataFrame(
        {
            "item": random.choice(np.array(["tea", "größe", None], dtype=object), n),
            "user id": random.integers(0, 20, n) + 2**60,
            "price": np.where(random.random(n) < 0.1, np.nan, random.normal(size=n)),
            "seen": [list(random.choice(["tea", "jam"], k % 3)) for k in range(n)],
            "shelf": random.choice([0.5, 1.5], n),
        }
    )
    model = FMClassifier(
        categorical_features=["user id", "shelf"], epochs=2, random_state=0
    ).fit(shop, np.array(["no", "yes"])[random.integers(0, 2, n)])
    asked = shop[:30].astype({"user id": object, "shelf": object})
    asked.loc[0, ["item", "user id", "shelf"]] = ["new", 2**64 + 1, 9]
    asked.loc[1, ["item", "user id", "shelf", "price"]] = None
    asked.at[2, "seen"] = ["new", "tea"] * 40
    to_onnx(model, tmp_path / "model.onnx", None)
    rows = asked.astype(object).where(asked.notna(), None).to_dict("records")

    with server(tmp_path / "model.onnx") as address:
        response = httpx.post(f"{address}/predict", json=rows)

    found = response.json()
    expected = model.predict_proba(asked)
    given = [row["probabilities"] for row in found]
    np.testing.assert_allclose(given, expected, atol=1e-6)
    assert [row["label"] for row in found] == model.predict(asked).tolist()
    batch = skrec.export.score(tmp_path / "model.onnx", asked)
    np.testing.assert_allclose(batch["probabilities_yes"], expected[:, 1], atol=1e-6)


# ---- what the server says of itself --------------------------------------------------


def test_schema_health_headers_and_documentation(client):
    schema, health = client.get("/schema"), client.get("/health")

    assert schema.json() == made.SCHEMA
    assert health.json() == {"status": "ok", "model": "model.onnx"}
    for response in (schema, health, client.post("/predict", content=b"")):
        assert response.headers["skrec-version"] == "0.1.0"
        assert len(response.headers["model-digest"]) == 16
    described = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    row = described["requestBody"]["content"]["application/json"]["schema"]["oneOf"][0]
    assert row["properties"]["history"]["items"] == {"type": "integer"}
    assert row["required"] == ["item", "user id", "price", "image"]


def test_export_needs_neither_tensorflow_nor_scikit_learn(path):
    code = """
    import sys
    import skrec.export
    from skrec.export import make_app, serve
    make_app(sys.argv[1])
    print(serve.__name__, skrec.__version__)
    """
    blocked = ["tensorflow", "keras", "sklearn", "scipy", "pandas"]
    code = "\n".join(line.strip() for line in code.splitlines())

    done = python(without(blocked, code), path)

    assert (done.stdout, done.stderr) == ("serve 0.1.0\n", "")


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "onnxruntime"])
def test_what_is_not_installed_is_named_with_its_extra(path, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    wanted = 'needs the package .*: pip install "skrec-keras.serve."'
    with pytest.raises(ImportError, match=wanted):
        skrec.export.serve(path)


# ---- files that are none of ours -----------------------------------------------------


def test_files_that_are_none_of_ours_are_refused(tmp_path, path, capsys):
    with pytest.raises(FileNotFoundError, match="There is no file to read"):
        make_app(tmp_path / "nothing.onnx")
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="is no ONNX file that onnxruntime"):
        make_app(torn)
    foreign = made.write(tmp_path / "foreign.onnx", format=None)
    with pytest.raises(ValueError, match=r"without 'skrec\.schema' in its"):
        make_app(foreign)
    newer = made.write(tmp_path / "newer.onnx", format=2, skrec="9.0")
    with pytest.raises(ValueError, match=r"wrote it, 9.0, .*Received: format 2\.$"):
        make_app(newer)
    other = made.write(tmp_path / "other.onnx", columns=made.COLUMNS[:2])
    with pytest.raises(ValueError, match="does not hold what it says"):
        make_app(other)
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "nothing.onnx")])
    assert stopped.value.code == 2
    assert "There is no file to read" in capsys.readouterr().err


def test_the_function_stands_where_its_module_does():
    import importlib

    module = importlib.import_module("skrec.export.serve")

    assert skrec.export.serve is module
    assert callable(module)
