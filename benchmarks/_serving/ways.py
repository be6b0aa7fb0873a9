"""Ways to get predictions: each is timed in a process of its own."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np

# From a number of rows to what answers a question of so many.
Ask = Callable[[int], Callable[[], Any]]


def _loaded(name: str, folder: Path) -> Any:
    import joblib

    return joblib.load(folder / f"{name}.joblib")


def _skrec(name: str, folder: Path) -> Ask:
    """From the shop's rows to probabilities."""
    model, rows = _loaded(name, folder)
    return lambda n: lambda rows=rows[:n]: model.predict_proba(rows)


def _keras(name: str, folder: Path) -> Ask:
    """From what the encoder made of rows, which is not timed, to probabilities."""
    model, rows = _loaded(name, folder)
    network = model.model_
    given = model.encoder_.transform(rows) if name != "CNN" else rows

    def ask(n: int) -> Callable[[], Any]:
        is_dict = isinstance(given, dict)
        some = {k: v[:n] for k, v in given.items()} if is_dict else given[:n]
        return lambda: network.predict(some, batch_size=n, verbose=0)

    return ask


def _onnx(name: str, folder: Path) -> Ask:
    """From tensors of strings and numbers to probabilities, in onnxruntime."""
    from skrec.export._model import OnnxModel

    model = OnnxModel(folder / f"{name}.onnx")
    given = _saved_feeds(name, folder)

    def ask(n: int) -> Callable[[], Any]:
        some = {key: values[:n] for key, values in given.items()}
        return lambda: model.session.run(["probabilities"], some)

    return ask


def _saved_model(name: str, folder: Path) -> Ask:
    """From tensors of strings and numbers to probabilities, in TensorFlow."""
    import tensorflow as tf

    served = tf.saved_model.load(str(folder / name / "1"))
    signature = served.signatures["serving_default"]
    given = _saved_feeds(name, folder)

    def ask(n: int) -> Callable[[], Any]:
        some = {
            key: tf.constant(
                values[:n, 0].tolist() if values.shape[1:] == (1,) else values[:n]
            )
            for key, values in given.items()
        }
        some = {
            key: tf.cast(own, tf.float64) if own.dtype.is_floating else own
            for key, own in some.items()
        }
        return lambda: (served, signature(**some)["probabilities"].numpy())

    return ask


def _saved_feeds(name: str, folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / f"{name}.npz", allow_pickle=True) as own:
        return {key: own[key] for key in own.files}


def save_feeds(name: str, folder: Path) -> None:
    """Write the tensors that the exported forms are asked by, and their JSON."""
    from skrec.export._columns import read_rows
    from skrec.export._model import OnnxModel

    _, rows = _loaded(name, folder)
    columns = read_rows(OnnxModel(folder / f"{name}.onnx").schema, rows, "rows")
    given = {key: values[:] for key, values in columns.items()}
    np.savez(folder / f"{name}.npz", **given)
    n_rows = len(next(iter(given.values())))
    lists = {
        key: (values[:, 0] if values.shape[1:] == (1,) else values).tolist()
        for key, values in given.items()
    }
    rows = [{key: lists[key][k] for key in lists} for k in range(n_rows)]
    (folder / f"{name}.json").write_text(json.dumps(rows))


@contextmanager
def server(path: Path) -> Iterator[tuple[str, int]]:
    """Run a server; yield its address."""
    command = [sys.executable, "-m", "skrec.export.serve", str(path), "--port", "0"]
    with tempfile.TemporaryFile("a+") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            while True:
                log.seek(0)
                said = log.read()
                if found := re.search(r"running on http://([^:]+):(\d+)", said):
                    break
                if process.poll() is not None:
                    raise RuntimeError(said)
                time.sleep(0.01)
            yield found[1], int(found[2])
        finally:
            process.terminate()
            process.wait()


def _http(name: str, folder: Path, address: tuple[str, int]) -> Ask:
    """From JSON to JSON, over a socket of this machine."""
    rows = json.loads((folder / f"{name}.json").read_text())

    def ask(n: int) -> Callable[[], Any]:
        body = json.dumps(rows[0] if n == 1 else rows[:n]).encode()
        connection = HTTPConnection(*address)

        def once() -> bytes:
            connection.request("POST", "/predict", body)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(answer.decode())
            return answer

        return once

    return ask


WAYS = {
    "Keras predict": _keras,
    "skrec predict_proba": _skrec,
    "ONNX": _onnx,
    "SavedModel": _saved_model,
}
HTTP = "HTTP"


def measure(
    way: str, name: str, folder: Path, batches: list[int], seconds: float, clients: int
) -> list[dict[str, Any]]:
    """Time a way from the start of a process: the first answer, and then many."""
    start = time.perf_counter()
    served = server(folder / f"{name}.onnx") if way == HTTP else nullcontext(None)
    with served as address:
        if address is None:
            ask = WAYS[way](name, folder)
        else:
            ask = _http(name, folder, address)
        ask(1)()
        first = time.perf_counter() - start
        found = [
            {"rows": n, "clients": 1, "start": first, **timings(ask, n, seconds, 1)}
            for n in batches
        ]
        if way == HTTP:
            many = timings(ask, 1, seconds, clients)
            found.append({"rows": 1, "clients": clients, "start": first, **many})
    return [{"model": name, "way": way, **row} for row in found]


def timings(ask: Ask, n: int, seconds: float, clients: int) -> dict[str, float]:
    """Ask again and again; return quantiles of the seconds of an answer."""

    def client(_: int) -> list[float]:
        once, own = ask(n), []
        once()  # not timed: what is made for this number of rows
        end = time.perf_counter() + seconds
        while (before := time.perf_counter()) < end or not own:
            once()
            own.append(time.perf_counter() - before)
        return own

    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        times = np.concatenate(list(pool.map(client, range(clients))))
        took = time.perf_counter() - began
    p50, p99 = 1000 * np.quantile(times, [0.5, 0.99])
    a_second = n * len(times) / (took if clients > 1 else times.sum())
    return {"p50 ms": p50, "p99 ms": p99, "rows a second": a_second}
