"""benchmarks/encode_fields.py: the table that it encodes, and its results."""

import encode_fields as script
import numpy as np
import pandas as pd
import pytest

from skrec.preprocessing import FieldEncoder


def test_the_table_is_as_described():
    log = script.make_log(2000, seed=0)
    ids = log.filter(regex="^C")
    assert ids.shape[1] == script.N_IDS
    assert log.shape[1] == script.N_IDS + script.N_NUMBERS
    assert ids.stack().str.fullmatch("[0-9a-f]{8}").all()
    assert ids["C1"].nunique() == 3
    assert ids["C26"].nunique() > 1000
    assert ids["C13"].value_counts().iloc[0] > 10 * ids["C13"].value_counts().median()
    assert log.isna().mean().to_numpy() == pytest.approx(script.MISSING, abs=0.03)
    pd.testing.assert_frame_equal(log, script.make_log(2000, seed=0))


def test_all_tables_are_encoded_alike():
    made = [make() for make in script.tables(script.make_log(300, seed=1)).values()]
    first, *others = [FieldEncoder().fit_transform(table) for table in made]
    assert len(others) == 3
    for other in others:
        for name, array in first.items():
            np.testing.assert_array_equal(other[name], array)


def test_peak_memory_counts_what_is_there_at_once():
    def call(n):
        del [np.ones(n), np.ones(n)][:]
        return np.ones(n)

    assert script.peak_memory(call, 10**6) == pytest.approx(16e6, rel=0.01)


def test_results(tmp_path, capsys):
    script.main(["--tiny", "--out", str(tmp_path)])

    found = pd.read_csv(tmp_path / "results.csv")
    assert found["step"].tolist() == ["fit_transform", "transform"] * 4
    assert found["ids"].nunique() == 4
    assert (found[["seconds", "cpu_seconds"]] > 0).all(axis=None)
    # 500 rows of 26 codes and 26 numbers of four bytes each are the least.
    assert (found["peak_gigabytes"] > 500 * 52 * 4 / 1e9).all()
    report = (tmp_path / "report.md").read_text("utf-8")
    assert "500 rows, 26 columns of ids" in report
    assert report.rstrip().splitlines()[-1] in capsys.readouterr().out
