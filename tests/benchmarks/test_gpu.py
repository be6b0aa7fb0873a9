"""benchmarks/gpu.py: what it measures, what it makes of it, and what it leaves out."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import _measure
import gpu as script
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from _gpu import tasks, wheels
from _measure import MeasurementError, environment_of, run_task

OPTIONS = ["--tiny", "--n-jobs", "1", "--networks", "MLP", "DeepFM", "--batches", "64"]


def here(task, spec, **options):
    return getattr(tasks, task.removeprefix("_gpu.tasks:"))(spec)


@pytest.fixture(params=["here", pytest.param("real", marks=pytest.mark.nightly)])
def in_this_process(request, monkeypatch):
    """Run tasks here, since each start of a process takes seconds; by night, there."""
    if request.param == "here":
        monkeypatch.setattr(script, "run_task", here)
        monkeypatch.setattr(script, "COMPARED", ["MLP", "DeepFM, lazy"])
    yield
    tf.config.experimental.enable_tensor_float_32_execution(True)


@pytest.mark.nightly
def test_tables(tmp_path, in_this_process):
    script.main(
        [*OPTIONS, "--only", "equality", "times", "searches", "--out", str(tmp_path)]
    )

    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    stands_in = "/CPU:0 for want of a GPU"
    assert not found["gpu_seen"]
    assert found["card"]["gpus"] == []
    assert found["not_run"] == []
    for row in found["equality"]:
        assert row["device"] == stands_in
        assert row["largest_difference"] < 1e-6
        assert row["is_equal"] and row["repeats"] and not row["note"]
    ways = [(r["network"], r["how"], r["device"]) for r in found["times"]]
    assert ways == [
        ("MLP", "loop", stands_in),
        ("MLP", "all cores", "/CPU:0"),
        ("DeepFM", "loop", stands_in),
        ("DeepFM", "all cores", "/CPU:0"),
    ]
    for row in found["times"]:
        assert row["steps"] == 4  # 200 rows in batches of 64
        steps = row["steps"] * row["microseconds_a_step"]
        assert row["seconds_an_epoch"] == pytest.approx(steps / 1e6) != 0
    assert [(r["device"], r["workers"]) for r in found["searches"]] == [
        (stands_in, 1),
        ("/CPU:0", 1),
    ]
    assert {row["best_score"] for row in found["searches"]} <= {
        found["searches"][0]["best_score"]
    }
    assert {row["from batch"] for row in found["wins"]} == {"no GPU seen"}

    report = (tmp_path / "report.md").read_text("utf-8")
    assert "**No GPU was seen.**" in report
    assert report.rstrip().endswith("Not measured:\n\n- nothing")
    times = pd.read_csv(tmp_path / "times.csv")
    assert times["network"].tolist() == ["MLP", "DeepFM"]


def test_what_fails_is_a_row(monkeypatch):
    def refuse(*args):
        raise tf.errors.UnimplementedError(None, None, "no such kernel\nand more")

    monkeypatch.setattr(tasks.Epochs, "time", refuse)
    spec = {"network": "MLP", "how": "loop", "device": "cpu", "rows": 50, "seed": 0}
    spec |= {"enough": 0, "batches": [32, 64]}
    rows = tasks.time_epochs(spec | {"seconds": 500})
    notes = ["UnimplementedError: no such kernel"] * 2
    assert [row["note"] for row in rows] == notes
    rows = tasks.time_epochs(spec | {"seconds": -1})
    assert [row["note"] for row in rows] == [tasks.NO_TIME] * 2


def test_what_there_is_no_time_for_is_listed(tmp_path, monkeypatch):
    card = {"gpus": [], "cores": 2, "driver": "", "tensorflow_build": {}}

    def only_the_card(task, spec, **options):
        if task == "_gpu.tasks:card":
            return card | {"environment": "here"}
        raise MeasurementError("TimeoutExpired: 1 s")

    monkeypatch.setattr(script, "run_task", only_the_card)
    minutes = (script.RESERVE + script.LEAST + 5) / 60
    script.main([*OPTIONS, "--minutes", str(minutes), "--out", str(tmp_path)])
    found = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert {row["note"] for row in found["times"] + found["searches"]} == {"not run"}
    assert found["equality"][0]["is_equal"] is None
    whats = {one["what"] for one in found["not_run"]}
    assert {
        "epochs, MLP, loop",
        "epochs, DeepFM, all cores",
        "fits to compare, CPU",
    } <= whats
    for part in ("wins.csv", "equality.csv"):
        assert (tmp_path / part).exists()
    report = (tmp_path / "report.md").read_text("utf-8")
    assert "- epochs, MLP, loop: failed: TimeoutExpired: 1 s" in report
    assert "None" not in report

    monkeypatch.setattr(script.Measuring, "left", 0)
    measuring = script.Measuring(script.parse(OPTIONS))
    assert measuring.run("epochs", True, "time_epochs") is None
    assert measuring.not_run == [{"what": "epochs", "why": "no time left"}]


def rows_of(how, *seconds):
    batches = [128, 1024, 8192]
    return [
        {"network": "MLP", "how": how, "batch": batch, "seconds_an_epoch": one}
        for batch, one in zip(batches, seconds, strict=True)
    ]


@pytest.mark.parametrize(
    ("loop", "batch"),
    [
        ((3, 2, 1), "1024"),
        ((1, 1, 1), "128"),
        ((3, 3, 3), "none"),
        ((1, 3, 3), "none"),  # by chance: larger batches suit a GPU better
        ((2, None, 1), "not measured"),
    ],
)
def test_the_batch_from_which_the_gpu_wins(loop, batch):
    rows = rows_of(script.CORES, 2.5, 2.5, 2.5) + rows_of(script.LOOP, *loop)
    expected = [{"network": "MLP", "from batch": batch}]
    assert script.wins(rows, has_gpu=True) == expected
    found = script.wins(rows, has_gpu=False)
    assert found[0]["from batch"] == "no GPU seen"


def test_fits_that_differ_are_told_from_those_that_do_not():
    one = {"MLP/predictions": np.array([0.5, 0.25]), "MLP/0": np.ones(3)}
    near = {"MLP/predictions": np.array([0.5, 0.2505]), "MLP/0": np.ones(3)}
    other = {"MLP/predictions": np.array([0.5, 0.25]), "MLP/0": np.zeros(3)}
    found = script.compared({"GPU": one, "CPU": near, "GPU again": other}, "MLP")
    assert found["largest_difference"] == pytest.approx(0.0005)
    assert found["is_equal"] and not found["repeats"]
    far = {"MLP/predictions": np.array([0.5, 0.252])}
    found = script.compared({"GPU": one, "CPU": far, "GPU again": dict(one)}, "MLP")
    assert not found["is_equal"] and found["repeats"]
    assert script.compared({"GPU": one}, "MLP")["repeats"] is None


def test_threads_are_those_of_any_user_unless_they_are_set(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert "TF_NUM_INTRAOP_THREADS" not in environment_of(None, "gpu")
    variables = environment_of(3, "cpu")
    assert variables["TF_NUM_INTRAOP_THREADS"] == "3"
    assert variables["CUDA_VISIBLE_DEVICES"] == "-1"


def test_a_process_that_takes_too_long_is_ended():
    with pytest.raises(MeasurementError, match="TimeoutExpired"):
        run_task("time:sleep", 600, timeout=0.5)


def test_wheels_are_all_that_is_installed_from(tmp_path, monkeypatch):
    commands = []

    def run(command, **options):
        commands.append([str(part) for part in command])
        return SimpleNamespace(returncode=3 * (len(commands) == 2))

    monkeypatch.setattr(wheels.subprocess, "run", run)
    monkeypatch.setattr(_measure.venv, "create", lambda folder, **_: None)
    options = ["--wheels", str(tmp_path), "--minutes=4", "--tiny", "--extra", "gpu"]
    with pytest.raises(SystemExit) as ended:
        script.main(options)
    assert ended.value.code == 3  # that of the run in the environment
    install, measure = commands
    assert install[1:4] == ["-m", "pip", "install"]
    at = install.index("--no-index")
    assert install[at + 1 : at + 3] == ["--find-links", str(tmp_path)]
    assert install[-1].endswith("source[gpu]")
    assert measure[0] == install[0] != sys.executable
    assert Path(measure[1]) == Path(script.__file__)
    assert measure[2:4] == ["--tiny", "--minutes"]
    assert 3.5 < float(measure[4]) <= 4
    assert len(measure) == 5


@pytest.mark.parametrize(
    "options", [["--minutes", "0"], ["--batches", "0"], ["--wheels", "no-such-folder"]]
)
def test_options_that_make_no_sense_are_refused(options, capsys):
    with pytest.raises(SystemExit):
        script.parse(options)
    assert "Received: " in capsys.readouterr().err
