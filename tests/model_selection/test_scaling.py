"""Searches on joblib's backends: the same bits, data sent once, workers that die."""

import gc
import multiprocessing.pool
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial

import joblib
import numpy as np
import pytest
import ray
from distributed import Client, LocalCluster
from distributed.client import FutureCancelledError
from distributed.protocol import dask_serialize
from distributed.protocol.numpy import serialize_numpy_ndarray
from joblib.externals.loky import get_reusable_executor
from joblib.pool import PicklingPool
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV

from skrec.model_selection import register_ray
from skrec.training import memory_info
from tests.model_selection import scaling
from tests.model_selection.scaling import (
    SENT,
    Counted,
    X,
    Y,
    split_scores_and_best,
    split_test_scores,
)

N_FITS = 12
IRIS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def expected():
    """Search in this process alone, which has trained from then on."""
    return split_scores_and_best(scaling.small_search().fit(X, Y))


@pytest.fixture(scope="module")
def on_dask():
    """Start two worker processes of Dask."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two,
        Client(two) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def on_ray():
    """Start Ray with two CPUs; its workers see the GPUs that this process sees."""
    ray.init(
        "local", num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False
    )
    register_ray()
    yield
    ray.shutdown()


@pytest.fixture
def sent():
    del SENT[:]
    return SENT


@dask_serialize.register(Counted)
def _count(x, context=None):
    """Count for Dask too, which does not pickle arrays."""
    SENT.append(x.shape)
    return serialize_numpy_ndarray(np.asarray(x))


# ---- the same bits, and data sent once ---------------------------------------------


@pytest.mark.nightly
def test_loky_maps_one_file(tmp_path):
    def n_files(estimator, X, y):
        return sum(path.suffix == ".pkl" for path in tmp_path.rglob("*"))

    rows = np.zeros((20_000, 10))  # joblib maps arrays of more than 1 MB
    grid = {"strategy": ["prior", "uniform"]}
    search = GridSearchCV(DummyClassifier(), grid, scoring=n_files, refit=False)
    get_reusable_executor().shutdown()  # workers keep the folder they have started with
    with joblib.parallel_config(backend="loky", n_jobs=2, temp_folder=tmp_path):
        search.fit(rows, np.arange(len(rows)) % 2)
    get_reusable_executor().shutdown()
    assert (search.cv_results_["mean_test_score"] == 1).all()


@pytest.mark.nightly
def test_loky_after_the_parent_has_trained(expected):
    found = scaling.small_search(n_jobs=2).fit(X, Y)
    assert split_scores_and_best(found) == expected


@pytest.mark.nightly
def test_dask(expected, on_dask, sent):
    with joblib.parallel_config(backend="dask"):
        found = scaling.small_search().fit(X.view(Counted), Y)
    assert split_scores_and_best(found) == expected
    assert sent == [X.shape]


@pytest.mark.nightly
def test_ray(expected, on_ray, sent):
    with joblib.parallel_config(backend="ray", n_jobs=2):
        found = scaling.small_search().fit(X.view(Counted), Y)
    assert split_scores_and_best(found) == expected
    assert sent == [X.shape]
    assert PicklingPool.__bases__ == (multiprocessing.pool.Pool,)


@pytest.mark.nightly
def test_other_backends_are_none_of_rays_after_it(on_ray, capfd):
    for backend in ("ray", "multiprocessing", "ray", "multiprocessing"):
        with joblib.parallel_config(backend=backend, n_jobs=2):
            parents = joblib.Parallel()(joblib.delayed(os.getppid)() for _ in range(4))
        assert (set(parents) == {os.getpid()}) == (backend == "multiprocessing")
    with joblib.parallel_config(backend="ray", n_jobs=2), joblib.Parallel():
        assert PicklingPool.__bases__ == (multiprocessing.pool.Pool,)
    gc.collect()
    assert "Exception ignored" not in capfd.readouterr().err


def test_scores_tell_fits_apart(expected):
    scores, _ = expected
    weights = [scores[name] for name in scores if name.endswith("weights")]
    assert len(np.unique(weights)) == N_FITS


def test_backend_without_ray_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install .*\[ray\].* Received: "):
        register_ray()


# ---- a GPU for each worker ---------------------------------------------------------


@pytest.mark.nightly
def test_workers_of_dask_have_numbers_in_a_row(on_dask):
    with joblib.parallel_config(backend="dask"):
        found = joblib.Parallel()(joblib.delayed(scaling.number)() for _ in range(8))
    assert set(found) == {0, 1}


RAY_GPUS = """
import os
import joblib
import ray
from skrec.model_selection import register_ray

def visible():
    return os.environ["CUDA_VISIBLE_DEVICES"]

ray.init("local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
register_ray()
one = {"num_gpus": 1}
with joblib.parallel_config(backend="ray", n_jobs=2, ray_remote_args=one):
    print(sorted(set(joblib.Parallel()(joblib.delayed(visible)() for _ in range(4)))))
"""


@pytest.mark.nightly
def test_workers_of_ray_see_a_gpu_each_where_they_are_asked_to():
    # In a process of its own: Ray offers no more GPUs than the environment shows.
    two_gpus = os.environ | {"CUDA_VISIBLE_DEVICES": "0,1"}
    run = subprocess.run(
        [sys.executable, "-c", RAY_GPUS],
        env=two_gpus,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-1] == "['0', '1']"


# ---- parents that die --------------------------------------------------------------


@pytest.mark.nightly
def test_workers_of_loky_alone_watch_their_parent(on_dask):
    """What a watch does is in tests/test_workers.py and test_resume.py."""
    watches = {}
    for backend in ("loky", "dask"):
        with joblib.parallel_config(backend=backend, n_jobs=2):
            call = joblib.delayed(scaling.watches_its_parent)
            watches[backend] = joblib.Parallel()(call() for _ in range(4))
    assert watches == {"loky": [True] * 4, "dask": [False] * 4}
    assert not scaling.watches_its_parent()


# ---- workers that die --------------------------------------------------------------


def kill_a_worker(folder):
    """Kill a worker as soon as it has left its number and two fits are stored."""
    while memory_info(folder).n_fits < 2 or not list(folder.glob("*.pid")):
        time.sleep(0.002)
    os.kill(int(next(folder.glob("*.pid")).stem), signal.SIGKILL)


@pytest.fixture
def stored(tmp_path):
    """Return a function that lists the fits in memory: a new file has a new number."""
    return lambda: {path: path.stat().st_ino for path in tmp_path.rglob("*.npz")}


@pytest.fixture
def killed(tmp_path):
    """Return a search during which a worker is killed, and the killer."""
    scoring = partial(scaling.accuracy_and_pid, tmp_path)
    killer = threading.Thread(target=kill_a_worker, args=[tmp_path], daemon=True)
    killer.start()
    return scaling.long_search(scoring, tmp_path)


@pytest.fixture(scope="module")
def undisturbed():
    """Return the scores of the search without memory, in this process."""
    return split_test_scores(
        scaling.long_search("accuracy").set_params(n_jobs=1).fit(*IRIS)
    )


@pytest.fixture
def resumed(stored, undisturbed):
    """Return a check that a search, run again, trains what is missing and no more."""

    def check(search):
        before = stored()
        assert len(before) >= 2
        assert split_test_scores(search.fit(*IRIS)) == undisturbed
        assert before.items() <= stored().items()
        assert len(stored()) == 8

    return check


@pytest.mark.nightly
def test_loky_says_that_a_worker_was_killed_and_goes_on_when_run_again(killed, resumed):
    with pytest.raises(BrokenProcessPool, match="SIGKILL"):
        killed.fit(*IRIS)
    resumed(killed)


@pytest.mark.nightly
def test_dask_survives_or_goes_on_when_run_again(killed, resumed, on_dask):
    with joblib.parallel_config(backend="dask"):
        with suppress(FutureCancelledError):  # if that worker had the only copy of X
            assert len(killed.fit(*IRIS).cv_results_["params"]) == 4
        resumed(killed)


@pytest.mark.nightly
def test_ray_says_that_a_worker_was_killed_and_goes_on_when_run_again(
    killed, resumed, on_ray
):
    with joblib.parallel_config(backend="ray"):
        with pytest.raises(ray.exceptions.RayError, match="died"):
            killed.fit(*IRIS)
        resumed(killed)


# ---- fork --------------------------------------------------------------------------

FORK = """
import joblib
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skrec import MLPClassifier

X, y = load_iris(return_X_y=True)
model = MLPClassifier(units=2, epochs=1, random_state=0)
grid = {"learning_rate": [0.01, 0.1]}
search = GridSearchCV(model, grid, cv=2, n_jobs=2, refit=False, error_score="raise")
with joblib.parallel_config(backend="multiprocessing"):
    search.fit(X, y)
    print(len(search.cv_results_["params"]), flush=True)
    model.fit(X, y)
    try:
        search.fit(X, y)
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.nightly
def test_fork_works_before_the_first_fit_and_is_refused_after_it():
    run = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    before, after = run.stdout.splitlines()
    assert before == "2"
    assert after.startswith("TensorFlow had started before this process was forked")
    assert 'backend="loky" instead of backend="multiprocessing"' in after
    assert after.endswith("forked after the first fit or prediction.")
