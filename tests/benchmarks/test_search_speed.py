"""benchmarks/search_speed.py: that systems do the same work, and what is made of it."""

import argparse
import dataclasses
import importlib
import os
from itertools import pairwise

import _measure
import joblib
import numpy as np
import pandas as pd
import pytest
import search_speed
from _measure import MeasurementError, environment_of, run_task
from _speed import bench as bench_module
from _speed import comparison, systems, tables, tasks
from _speed.bench import Bench, make_data
from _speed.workloads import WORKLOADS, Workload

import skrec


def made_up(task, *args, **options):
    """Measure nothing: skrec takes half the time, and less where it has traced."""
    assert task == "_speed.tasks:search"
    system, job, seeds = args
    seconds = [4.0, 1.0] if system == "skrec" else [8.0]
    return {
        "worker_seconds": 6.0 * (job.n_jobs > 1),
        "start_mb": 500.0 * (job.n_jobs if job.n_jobs == 1 else job.n_jobs + 1),
        "end_mb": 600.0 * (job.n_jobs if job.n_jobs == 1 else job.n_jobs + 1),
        "seconds": seconds[: len(seeds)],
        "scores": [[0.25] * len(job.workload.candidates)] * len(seeds),
    }


@pytest.fixture(
    scope="module", params=["made up", pytest.param("real", marks=pytest.mark.nightly)]
)
def compared(request, tmp_path_factory):
    """Compare three systems, one of which is missing, in processes of their own.

    Their starts take a minute, so that by day what they measure is made up.
    """
    out = tmp_path_factory.mktemp("compared")
    options = (
        "--tiny --parts search --workloads mlp --repeats 1 --n-jobs 2 --no-install"
    )
    options = [*options.split(" "), "--envs", str(out / "none")]
    options += ["--systems", "keras", "skorch", "skrec"]
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "made up":
            patch.setattr(bench_module, "run_task", made_up)
        search_speed.main([*options, "--out", str(out)])
    return out


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Run the other parts; none of them needs processes of their own for this."""

    def in_this_process(task, *args, **options):
        module, _, name = task.partition(":")
        return getattr(importlib.import_module(module), name)(*args)

    out = tmp_path_factory.mktemp("alone")
    parts = ["memory", "predict", "threads"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_module, "run_task", in_this_process)
        search_speed.main(["--tiny", "--out", str(out), "--parts", *parts])
    return out


def a_bench(tmp_path, **options):
    """Return a bench that is only looked at."""
    given = {"seed": 0, "tiny": True, "n_jobs": 2, "device": "cpu", "repeats": 1}
    given |= {"envs": tmp_path / "none", "install": False, **options}
    return Bench(argparse.Namespace(**given), None)


# ---- the same work -----------------------------------------------------------------


def test_grids_and_their_fits():
    n_fits = {name: workload.n_fits for name, workload in WORKLOADS.items()}
    assert n_fits == {"conv1d": 48, "mlp": 48, "gru": 12}
    assert len(WORKLOADS["conv1d"].architectures) == 4
    assert len(WORKLOADS["mlp"].architectures) == 4


def n_parameters(family, sizes):
    """Count the weights of a network by hand."""
    dense = [int(width) for width in str(sizes["units"]).split("-")]
    if family == "gru":  # three gates of an input of 8, a state and two biases
        (units,) = dense
        return 3 * units * (8 + units + 2) + units * 3 + 3
    n_inputs, n_classes, total = 64, 10, 0
    if family == "conv1d":  # kernels of 3 steps; pooling leaves 10 of 20 steps
        total = 3 * 8 * sizes["filters"] + sizes["filters"]
        n_inputs, n_classes = 10 * sizes["filters"], 3
    widths = [n_inputs, *dense, n_classes]
    return total + sum((width + 1) * following for width, following in pairwise(widths))


@pytest.mark.nightly
@pytest.mark.parametrize("family", WORKLOADS)
def test_networks_have_the_weights_that_shapes_say(family):
    X, y = make_data(family, 60, seed=0)
    workload = WORKLOADS[family]
    job = systems.Job(workload, X, y, workload.folds(0), 1, 0, "cpu")

    for sizes in workload.architectures:
        for system in ("keras", "skrec"):
            found = systems.count_parameters(system, job, sizes)
            assert found == n_parameters(family, sizes)


def test_generic_estimator_builds_with_the_build_function():
    X, y = make_data("conv1d", 60, seed=0)
    workload = Workload("conv1d", {"filters": [4], "units": [8]}, epochs=1)
    job = systems.Job(workload, X, y, workload.folds(0), 1, 0, "cpu")

    fitted = systems.wrapped(skrec.KerasClassifier, job).fit(X, y)
    expected = n_parameters("conv1d", {"filters": 4, "units": 8})
    assert fitted.model_.count_params() == expected


@pytest.mark.parametrize("system", ["skrec", "skrec-generic"])
def test_search_learns(system):
    X, y = make_data("mlp", 300, seed=0)
    workload = dataclasses.replace(
        WORKLOADS["mlp"],
        grid={"units": ["64"], "learning_rate": [1e-6, 0.01], "batch_size": [32]},
    )
    job = systems.Job(workload, X, y, workload.folds(0), 1, 0, "cpu")

    slow, fast = systems.SEARCHES[system](job)
    assert slow < 0.3 and fast > 0.7


def test_another_number_of_weights_raises():
    rows = [
        {"system": "skorch", "parameters": [26, 50]},
        {"system": "scikeras", "parameters": None},
        {"system": "skrec", "parameters": [26, 50]},
    ]
    comparison.check_parameters(rows)
    rows.append({"system": "keras", "parameters": [27, 50]})
    with pytest.raises(RuntimeError, match=r"skorch.*\[26, 50\].*keras.*\[27, 50\]"):
        comparison.check_parameters(rows)


# ---- the comparison ----------------------------------------------------------------


def test_rows_of_the_comparison(compared):
    found = pd.read_csv(compared / "searches.csv", keep_default_na=False)
    states = ["warm imports", "cold imports", "warm programs"]
    keys = found[["n_jobs", "system", "state"]].itertuples(index=False, name=None)
    assert list(keys) == [
        (1, "keras", states[0]),
        (1, "skorch", states[0]),
        (1, "skrec", states[0]),
        (1, "skrec", states[2]),
        (2, "keras", states[0]),
        (2, "keras", states[1]),
        (2, "skorch", states[0]),
        (2, "skrec", states[0]),
        (2, "skrec", states[1]),
        (2, "skrec", states[2]),
    ]
    missing = found[found["system"] == "skorch"]
    assert missing["note"].str.startswith("not installed: there is no ").all()
    assert (missing["seconds"] == "").all()
    rest = found[found["system"] != "skorch"]
    assert (rest["note"] == "").all() and (rest["fits"] == 6).all()
    numbers = rest[["seconds", "best_score", "start_mb", "end_mb"]].astype(float)
    assert (numbers > 0).all(axis=None)
    assert (numbers["best_score"] <= 1).all()


def test_states_of_a_search(compared):
    found = pd.read_csv(compared / "searches.csv").set_index(
        ["n_jobs", "system", "state"]
    )
    seconds, memory = found["seconds"], found["start_mb"]
    for n_jobs in (1, 2):
        own = seconds[n_jobs, "skrec"]
        assert own["warm programs"] < own["warm imports"]
    for system in ("keras", "skrec"):
        several = seconds[2, system]
        assert several["warm imports"] < several["cold imports"]
        # The workers' memory counts too.
        one = memory[1, system, "warm imports"]
        assert memory[2, system, "warm imports"] > 2 * one


def test_ratios_are_those_of_the_rows(compared):
    rows = pd.read_csv(compared / "measurements.csv")
    seconds = rows.set_index(["n_jobs", "system", "state"])["seconds"]
    found = pd.read_csv(compared / "ratios.csv")

    assert found["peer"].unique().tolist() == ["keras"]
    assert len(found) == 4
    for row in found.itertuples():
        peer_state = row.state if row.n_jobs_peer == row.n_jobs else "warm imports"
        peer = seconds[row.n_jobs_peer, "keras", peer_state]
        own = seconds[row.n_jobs, "skrec", row.state]
        assert row.skrec == pytest.approx(peer / own)


def test_report_tells_the_protocol(compared):
    report = (compared / "report.md").read_text("utf-8")
    for fact in (
        "StratifiedKFold(3, shuffle=True, random_state=0)",
        "- peers: not installed: there is no",
        "- device: CPU",
        "tensorflow 2.21",
        "grid of mlp: units ['64'], learning_rate [0.001, 0.01], batch_size [32]",
        "| mlp | 2 | cold imports | skrec |",
    ):
        assert fact in report


def test_rounds_are_interleaved_and_failures_are_rows(tmp_path, monkeypatch):
    bench = a_bench(tmp_path, systems=["keras", "keras-tuner", "skrec"], repeats=2)
    calls = []

    def search(system, workload, *, n_jobs=1, threads, seeds):
        calls.append((n_jobs, system, threads))
        if system == "keras" and calls.count((2, "keras", 1)) == 2:
            raise MeasurementError("ValueError: no more")
        seconds = [8.0 / threads, 1.0] if system == "keras" else [2.0 * threads, 1.0]
        return {
            "seconds": seconds[: len(seeds)],
            "worker_seconds": 5.0,
            "scores": [[0.25, 0.75]],
            "start_mb": 1.0,
            "end_mb": 2.0,
        }

    monkeypatch.setattr(bench, "search", search)
    bench.cores = bench.n_jobs = 2
    chosen = comparison.choose_threads(bench, "mlp", WORKLOADS["mlp"])
    assert [row["threads"] for row in chosen] == [2, 1, 1]
    calls.clear()
    rows = comparison.run_rounds(bench, "mlp", WORKLOADS["mlp"], chosen)

    one_round = [(1, "keras", 2), (1, "keras-tuner", 1), (1, "skrec", 1)]
    one_round += [(2, "keras", 1), (2, "skrec", 1)]
    assert calls == 2 * one_round
    frame = pd.DataFrame(rows).drop(columns="parameters")
    notes = frame[frame["seconds"].isna()][["round", "n_jobs", "system", "note"]]
    assert notes.to_numpy().tolist() == [
        [1, 2, "keras-tuner", "Keras Tuner has no n_jobs"],
        [2, 2, "keras", "ValueError: no more"],
        [2, 2, "keras-tuner", "Keras Tuner has no n_jobs"],
    ]
    cold = frame[(frame["state"] == tables.COLD) & (frame["system"] == "skrec")]
    assert cold["seconds"].tolist() == [7.0, 7.0]
    assert frame["best_score"].dropna().unique().tolist() == [0.75]


def measurements_of(seconds):
    """Return measurements of a workload: (system, n_jobs, state): seconds a round."""
    rows = []
    for (system, n_jobs, state), times in seconds.items():
        for number, value in enumerate(times, start=1):
            row = comparison.blank("mlp", number, n_jobs, system, 1, "")
            rows.append({**row, "state": state, "seconds": value, "fits": 6})
    return pd.DataFrame(rows).drop(columns="parameters")


def test_ratios_are_paired_by_round():
    measurements = measurements_of(
        {
            ("scikeras", 1, tables.WARM): [10.0, 40.0, 30.0],
            ("skrec", 1, tables.WARM): [1.0, 8.0, 2.0],
            ("skrec", 1, tables.TRACED): [0.1, 0.1, 0.1],
            ("skrec-generic", 1, tables.WARM): [5.0, 5.0, np.nan],
        }
    )
    (row,) = tables.ratios(measurements).to_dict("records")
    # Medians over medians would be 15 and 6.
    assert (row["skrec"], row["skrec lowest"], row["skrec highest"]) == (10, 5, 15)
    assert row["skrec-generic"] == 5  # of two rounds


def test_one_process_is_compared_with_several():
    measurements = measurements_of(
        {
            ("keras-tuner", 1, tables.WARM): [60.0],
            ("skrec", 1, tables.WARM): [6.0],
            ("skrec", 2, tables.WARM): [3.0],
            ("skrec", 2, tables.COLD): [9.0],
        }
    )
    found = tables.ratios(measurements)
    assert found[["n_jobs_peer", "n_jobs", "skrec"]].to_numpy().tolist() == [
        [1, 1, 10],
        [1, 2, 20],
    ]


# ---- skrec alone -------------------------------------------------------------------


@pytest.mark.nightly
def test_memory_table(alone):
    found = pd.read_csv(alone / "memory.csv")
    assert found["estimator"].tolist() == 2 * ["skrec"] + 2 * ["skrec-generic"]
    assert found["architectures"].tolist() == [2, 3, 2, 3]
    growth = found["end_mb"] - found["settled_mb"]
    np.testing.assert_allclose(found["growth_mb"], growth)
    assert found["mb_per_architecture"].notna().tolist() == [False, True, False, True]
    np.testing.assert_allclose(
        found["mb_per_architecture"][1::2], found["growth_mb"][1::2] / 2
    )


def test_memory_growth_is_counted_once_settled():
    found = tables.memory_row(1.0, [5.0, 9.0, 10.0, 12.0], settled=2)
    assert (found["settled_mb"], found["end_mb"], found["growth_mb"]) == (9, 12, 3)


# By day, what a system measures is made up: a fit of each takes half a minute.
@pytest.mark.nightly
def test_predictions_are_faster_than_keras_own(alone):
    found = pd.read_csv(alone / "latency.csv").pivot(
        index="network", columns="call", values="median_ms"
    )
    assert found.shape == (3, 3)
    assert (found["skrec predict"] < found["Model.predict"]).all()
    blocks = pd.read_csv(alone / "blocks.csv")
    assert blocks["rows"].tolist() == [20_000, 20_000]
    assert blocks["input_mb"].iloc[0] == pytest.approx(20_000 * 20 * 4 / 2**20)
    assert blocks["peak_mb_above_input"].between(0, 100).all()


@pytest.mark.nightly
def test_threads_table(alone):
    found = pd.read_csv(alone / "threads.csv")
    columns = {f"seconds with {n}" for n in (1, joblib.cpu_count())}
    assert columns <= set(found.columns)
    assert (found[sorted(columns)] > 0).all(axis=None)


# ---- processes and options ---------------------------------------------------------


def test_threads_and_device_are_set_by_the_environment():
    found = environment_of(threads=3, device="cpu")
    assert found["TF_NUM_INTRAOP_THREADS"] == found["OMP_NUM_THREADS"] == "3"
    assert found["CUDA_VISIBLE_DEVICES"] == "-1"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    assert environment_of(1, device="gpu").get("CUDA_VISIBLE_DEVICES") == hidden


def test_failure_in_a_process_is_one_line():
    with pytest.raises(MeasurementError, match=r"^KeyError: 'n'$"):
        run_task("operator:getitem", {"m": 1}, "n")
    with pytest.raises(MeasurementError, match=r"^exit code 3: nothing on stderr$"):
        run_task("os:_exit", 3)
    array = np.arange(3)
    assert run_task("operator:neg", array).tolist() == [0, -1, -2]


def test_an_environment_is_made_anew_for_other_versions(tmp_path, monkeypatch):
    made = []

    def make(folder, *packages):
        folder.mkdir(exist_ok=True)
        (folder / "pyvenv.cfg").touch()
        made.append(packages)
        return folder / "python"

    monkeypatch.setattr(_measure, "make_environment", make)
    folder = tmp_path / "env"
    with pytest.raises(MeasurementError, match="not installed: there is no complete"):
        _measure.peers_python(folder, False, ["a==1"])
    for packages in (["a==1"], ["a==1"], ["a==2", "b==1"]):
        _measure.peers_python(folder, True, packages)
    assert made == [("a==1",), ("a==2", "b==1")]
    python = _measure.peers_python(folder, False, ["a==2", "b==1"])
    assert python.parent.parent == folder


def test_a_folder_of_something_else_is_not_cleared(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(MeasurementError, match=r"--envs must name an environment"):
        _measure.peers_python(tmp_path, True, ["a==1"])
    assert (tmp_path / "thesis.tex").exists()


def test_missing_interpreter_is_one_line(tmp_path):
    with pytest.raises(MeasurementError, match="FileNotFoundError"):
        run_task("os:getpid", python=tmp_path / "python")


def test_workers_that_were_started_do_the_work():
    started = tasks.start_workers(["json"], 2)
    assert len(started) == 2 and os.getpid() not in started
    used = joblib.Parallel(2)(joblib.delayed(os.getpid)() for _ in range(8))
    assert set(used) <= started


def test_part_that_fails_is_reported(tmp_path, monkeypatch):
    def fail(task, *args, **options):
        raise MeasurementError("KilledWorker: out of memory")

    monkeypatch.setattr(bench_module, "run_task", fail)
    with pytest.raises(SystemExit, match=r"Failed: predict, threads\."):
        search_speed.main(
            ["--tiny", "--parts", "predict", "threads", "--out", str(tmp_path)]
        )
    report = (tmp_path / "report.md").read_text("utf-8")
    assert "The part 'predict' failed: KilledWorker: out of memory" in report


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "gpu"], "needs a GPU that TensorFlow sees"),
        (["--repeats", "0"], "--repeats must be at least 1. Received: 0"),
        (["--systems", "sklearn"], "invalid choice: 'sklearn'"),
    ],
)
def test_unusable_options(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(search_speed, "run_task", lambda task, **_: [])
    with pytest.raises(SystemExit, match="2"):
        search_speed.main([*options, "--out", str(tmp_path / "out")])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_gpu_is_reported(monkeypatch):
    monkeypatch.setattr(search_speed, "run_task", lambda task, **_: ["NVIDIA A100"])
    assert search_speed.device_name("gpu") == "NVIDIA A100"


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit, match="0"):
        search_speed.main(["--help"])
    shown = capsys.readouterr().out
    options = "out seed n-jobs parts workloads systems repeats tiny device envs peers"
    assert all(f"--{option}" in shown for option in [*options.split(" "), "no-install"])
