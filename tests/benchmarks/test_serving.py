"""benchmarks/serving.py: every form is asked, and what is timed is an answer."""

import time

import numpy as np
import pandas as pd
import pytest
import serving
from _serving import ways


# Seven processes, most of them with TensorFlow; by day, the piece below.
@pytest.mark.nightly
def test_every_way_is_timed(run_tiny):
    out = run_tiny(serving, "--models", "DeepFM", "--batches", "1", "7")

    found = pd.read_csv(out / "serving.csv")
    expected = [*ways.WAYS, ways.HTTP]
    assert found["way"].drop_duplicates().tolist() == expected
    assert found["clients"].tolist() == [1] * (2 * len(expected)) + [8]
    figures = found[["start", "p50 ms", "p99 ms", "rows a second"]]
    assert np.isfinite(figures).all(axis=None) and (figures > 0).all(axis=None)
    assert "tiny: the numbers mean nothing" in (out / "report.md").read_text()


def test_times_are_of_answers_and_rows_of_all_clients():
    asked = []

    def ask(n):
        def once():
            asked.append(n)
            time.sleep(0.002)

        return once

    one = ways.timings(ask, 10, 0.05, clients=1)
    asked.clear()
    many = ways.timings(ask, 10, 0.05, clients=4)

    assert 2 <= one["p50 ms"] <= one["p99 ms"]
    assert one["rows a second"] <= 10 / 0.002
    assert many["rows a second"] > one["rows a second"]
