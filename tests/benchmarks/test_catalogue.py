"""benchmarks/catalogue.py: lists in which each id occurs, and its tables."""

import catalogue as script
import numpy as np
import pandas as pd
import pytest


@pytest.mark.parametrize("n_ids", [7, 500])
def test_each_id_occurs_as_often_as_any_other(n_ids):
    X, y = script.make_rows(100, n_ids, seed=0)
    assert len(X) == len(y) == 100
    counts = np.bincount(np.concatenate(X["items"]), minlength=n_ids)
    assert len(counts) == n_ids
    assert counts.max() - counts.min() <= 1


def test_what_is_measured_of_a_rule():
    found = script.measure(1000, 400, "lazy", "adam", 0)
    weights = 1000 * (script.EMBEDDING_DIM + 1) * 4 / script.MEGABYTE
    assert weights < found["megabytes_of_weights"] < 2 * weights + 1
    assert found["peak_megabytes"] >= found["megabytes_after_a_fit"]
    assert found["milliseconds_to_predict_one_row"] > 0


@pytest.mark.nightly
def test_tables(tmp_path, made_data):
    script.main(["--tiny", "--most-ids", "1000", "--out", str(tmp_path)])
    cost = pd.read_csv(tmp_path / "cost.csv")
    assert cost[["ids", "rule"]].values.tolist() == [[1000, "dense"], [1000, "lazy"]]
    weights = 1000 * (script.EMBEDDING_DIM + 1) * 4 / script.MEGABYTE
    assert (cost["megabytes_of_weights"] > weights).all()
    assert (cost["milliseconds_to_predict_one_row"] > 0).all()
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert scores["rule"].tolist() == ["dense", "lazy"] * 2
    assert scores["auc"].between(0, 1).all()
