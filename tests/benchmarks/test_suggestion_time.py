"""benchmarks/suggestion_time.py: the functions it is about, and its tables."""

import numpy as np
import pandas as pd
import pytest
import suggestion_time as script
from scipy.optimize import minimize


@pytest.mark.parametrize("name", list(script.PROBLEMS))
def test_functions_have_the_minimum_that_they_say(name):
    loss = script.PROBLEMS[name].loss
    where, least = {
        "like_a_network": (
            {
                "learning_rate": 10**-2.5,
                "dropout": 0.2,
                "units": 32,
                "activation": "relu",
                "l2": 1e-4,
            },
            0.0,
        ),
        "hartmann": (
            dict(
                zip(
                    [f"x{i}" for i in range(6)],
                    [0.20169, 0.15001, 0.476874, 0.275332, 0.311652, 0.6573],
                    strict=True,
                )
            ),
            -3.32237,
        ),
        "ackley": ({f"x{i}": 0.0 for i in range(5)}, 0.0),
    }[loss.__name__]

    assert loss(where) == pytest.approx(least, abs=1e-5)
    numbers = [key for key, value in where.items() if not isinstance(value, str)]
    start = np.array([where[key] for key in numbers])
    found = minimize(
        lambda x: loss({**where, **dict(zip(numbers, x, strict=True))}),
        start,
        method="Nelder-Mead",
        options={"maxiter": 50},
    )
    assert found.fun == pytest.approx(least, abs=1e-4)


def test_tables(tmp_path, monkeypatch, capsys):
    name = "like a network, 5 parameters"
    monkeypatch.setattr(script, "PROBLEMS", {name: script.PROBLEMS[name]})
    script.main(["--tiny", "--points", "11", "--out", str(tmp_path)])

    searches = pd.read_csv(tmp_path / "searches.csv")
    kinds = [script.AT_RANDOM, script.SKOPT, script.SKREC]
    assert searches["search"].tolist() == [kind for kind in kinds for _ in range(2)]
    assert searches["seed"].tolist() == [0, 1] * 3
    results = pd.read_csv(tmp_path / "results.csv", index_col="search")
    for kind, rows in searches.groupby("search"):
        assert results.loc[kind, "best"] == pytest.approx(rows["best"].median())
        assert results.loc[kind, "seconds"] == pytest.approx(rows["seconds"].median())
    assert (results["best_25"] <= results["best_75"]).all()
    assert (results[["seconds", "cpu_seconds", "best"]] > 0).all(axis=None)
    report = (tmp_path / "report.md").read_text("utf-8")
    assert "median of 2 seeds from 0 on, 11 candidates a search" in report
    assert report.rstrip().splitlines()[-1] in capsys.readouterr().out
