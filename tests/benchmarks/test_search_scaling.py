"""benchmarks/search_scaling.py: a simulation that is right, and a report on it."""

import pandas as pd
import pytest
import search_scaling
from _scaling import measure
from _scaling.simulate import (
    ASSUMPTIONS,
    Costs,
    Fit,
    last_that_helps,
    scaling_frame,
    simulate,
)
from _speed.workloads import Workload
from hypothesis import given
from hypothesis import strategies as st

NOTHING = Costs(start=0, dispatch=0, send=0, trace={"a": 0})


# ---- the simulation, by hand -------------------------------------------------------


@pytest.mark.parametrize(
    ("n_workers", "seconds"),
    [
        # Ready at 6; 6.1 + 2 + 1 = 9.1; 9.2 + 1 = 10.2; 10.3 + 3 + 2 = 15.3.
        (1, 15.3),
        # Ready at 6 and 7: 9.1 on the first, 7.1 + 2 + 1 = 10.1 on the second, which
        # has to trace too; the first is free again: 9.2 + 3 + 2 = 14.2.
        (2, 14.2),
        # The third is ready at 8: 8.1 + 3 + 2 = 13.1.
        (3, 13.1),
        (9, 13.1),
    ],
)
def test_a_search_by_hand(n_workers, seconds):
    fits = [Fit(1, "a"), Fit(1, "a"), Fit(2, "b")]
    costs = Costs(start=5, dispatch=0.1, send=1, trace={"a": 2, "b": 3})
    assert simulate(fits, n_workers, costs) == pytest.approx(seconds)


def test_one_process_hands_out_all_fits():
    costs = Costs(start=0, dispatch=0.05, send=0, trace={"a": 0})
    # The hundredth begins after 100 times 0.05 seconds, however many workers wait.
    assert simulate([Fit(0.1, "a")] * 100, 512, costs) == pytest.approx(5.1)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=30), st.integers(1, 12))
def test_no_better_than_possible_and_within_grahams_bound(seconds, n_workers):
    # Graham (1966), Bounds for certain multiprocessing anomalies.
    found = simulate([Fit(each, "a") for each in seconds], n_workers, NOTHING)
    share = sum(seconds) / n_workers
    assert found >= max(share, max(seconds)) - 1e-9
    assert found <= share + (1 - 1 / n_workers) * max(seconds) + 1e-9


def test_frame_of_a_search_without_costs():
    found = scaling_frame([Fit(1, "a")] * 48, [1, 2], [1, 8, 64], NOTHING)
    assert found["fits"].tolist() == [48, 48, 48, 96, 96, 96]
    assert found["seconds"].tolist() == [48, 6, 1, 96, 12, 2]
    assert found["times_faster"].tolist() == [1, 8, 48, 1, 8, 48]
    assert found["percent_in_fits"].tolist() == [100, 100, 75, 100, 100, 75]
    assert found["last_that_helps"].tolist() == [64] * 6


@pytest.mark.parametrize(
    ("start", "most"),
    [
        (0, 64),  # 48 seconds alone; 64 workers take 1 second, 32 take 2
        (30, 32),  # 54, 42, 36, 33, 32, 31: 33 and 31 save too little
        (100, 1),
    ],
)
def test_last_number_of_workers_that_helps(start, most):
    costs = Costs(start=start, dispatch=0, send=0, trace={"a": 0})
    assert last_that_helps([Fit(1, "a")] * 48, costs, 512) == most


def test_trace_is_what_the_first_search_took_longer():
    workload = Workload(
        "mlp", {"learning_rate": [0.1, 0.2], "units": [4, 8]}, n_folds=2
    )
    assert [c["units"] for c in workload.candidates] == [4, 8, 4, 8]
    found = measure.trace_seconds(workload, [3, 2, 1, 1], [1, 1, 1, 1.5])
    assert found == {"{'units': 4}": 4, "{'units': 8}": 1}


# ---- measuring and the report ------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run the script; the processes that it measures are this one."""
    out = tmp_path_factory.mktemp("scaling")
    with pytest.MonkeyPatch.context() as patch:
        alone = {"engine": "loky", "workers": 1}
        patch.setattr(
            search_scaling,
            "in_fresh_process",
            lambda spec: measure.measure({**spec, **alone}),
        )
        search_scaling.main(["--tiny", "--engines", "loky", "ray", "--out", str(out)])
    return out


def test_measured(results):
    found = pd.read_csv(results / "speed.csv")
    assert found["engine"].tolist() == ["loky", "loky", "ray", "ray"]
    assert found["workers"].tolist() == [1, 2, 1, 2]
    assert (found.iloc[:, 2:] > 0).all(axis=None)
    n_fits = found["second_fits_a_second"] * found["second_search_seconds"]
    assert n_fits.tolist() == pytest.approx([6] * 4)


def test_simulated(results):
    found = pd.read_csv(results / "simulated.csv")
    assert len(found) == 2 * 3 * len(search_scaling.SIMULATED)
    assert set(found["fits"]) == {6, 60, 600}
    assert found["percent_in_fits"].between(0, 100).all()
    one = found[(found["engine"] == "loky") & (found["workers"] == 2)]
    assert one["seconds"].is_monotonic_increasing


def test_report_says_how(results):
    report = (results / "report.md").read_text("utf-8")
    for line in (*ASSUMPTIONS, " cores", "joblib ", "ray "):
        assert line in report
    assert all(line in search_scaling.__doc__ for line in ASSUMPTIONS)


def test_options_that_make_no_sense_are_refused(capsys):
    with pytest.raises(SystemExit):
        search_scaling.parse(["--n-jobs", "1"])
    assert "--n-jobs must be at least 2" in capsys.readouterr().err


@pytest.mark.nightly
def test_engines(tmp_path):
    search_scaling.main(["--tiny", "--out", str(tmp_path)])
    found = pd.read_csv(tmp_path / "check.csv")
    assert found["engine"].tolist() == ["loky", "dask", "ray"]
    ratio = found["simulated_seconds"] / found["measured_seconds"]
    assert ratio.between(0.1, 10).all()
