"""benchmarks/tune_optimizers.py: grids with parameters of their own, and halving."""

import pandas as pd
import pytest
import tune_optimizers
from sklearn.model_selection import ParameterGrid

GRID, HALVING = tune_optimizers.GRID, tune_optimizers.HALVING
OPTIMIZERS = ["sgd", "momentum", "rmsprop", "adam"]


# Minutes, for nightly tests. By day, test_tune_mlp.py runs a script.
@pytest.fixture(scope="module")
def finished(run_tiny):
    return run_tiny(tune_optimizers)


@pytest.fixture(scope="module")
def candidates(finished):
    found = pd.read_csv(finished / "candidates.csv")
    return {name: found[found["search"] == name] for name in (GRID, HALVING)}


def test_spaces_are_the_ones_of_the_article():
    for size in ("short", "full"):
        grids = tune_optimizers.make_grid(size)
        assert [grid["optimizer"] for grid in grids] == [[name] for name in OPTIMIZERS]
        for grid in grids:
            assert grid["learning_rate"] == [1e-2, 1e-3, 1e-4]
            assert grid["lr_schedule"] == [None, "exponential"]
    assert len(ParameterGrid(tune_optimizers.make_grid("full"))) == 6 * (1 + 3 + 8 + 8)
    units = tune_optimizers.SPACE["units"]
    assert (units[0], units[1], units[-1], len(units)) == (32, 64, 512, 16)
    assert tune_optimizers.AMOUNTS["epochs"].full == 10
    assert tune_optimizers.AMOUNTS["n_candidates"].full == len(
        ParameterGrid(tune_optimizers.SPACE)
    )


@pytest.mark.nightly
def test_files_and_fits(finished):
    tables = ["candidates", "optimizers", "rates", "results", "searches"]
    names = {"report.html", "report.md", *(f"{name}.csv" for name in tables)}
    assert {path.name for path in finished.iterdir()} == names
    searches = pd.read_csv(finished / "searches.csv", index_col="search")
    assert searches["candidates"].to_dict() == {GRID: 18, HALVING: 9 + 3}
    assert searches["fits"].to_dict() == {GRID: 54, HALVING: 36}


@pytest.mark.nightly
def test_tuned_beats_majority(finished, read_results):
    accuracy = read_results(finished)["accuracy"]

    assert accuracy[GRID] > accuracy["majority class"] + 0.05
    assert accuracy[HALVING] > accuracy["majority class"] + 0.05


@pytest.mark.nightly
def test_each_optimizer_has_its_own_parameters(candidates):
    grid = candidates[GRID]
    assert grid["param_optimizer"].value_counts().to_dict() == {
        "adam": 8,
        "rmsprop": 4,
        "momentum": 4,
        "sgd": 2,
    }
    for column, owner in (
        ("param_optimizer__momentum", "momentum"),
        ("param_optimizer__rho", "rmsprop"),
        ("param_optimizer__beta_1", "adam"),
        ("param_optimizer__epsilon", "adam"),
    ):
        assert set(grid.loc[grid[column].notna(), "param_optimizer"]) == {owner}
        # The parameter arrives: two of its values do not score the same.
        scores = grid[grid["param_optimizer"] == owner].groupby(column)
        assert scores["mean_test_neg_log_loss"].mean().nunique() == 2


@pytest.mark.nightly
def test_best_of_each_optimizer(finished, candidates, read_results):
    found = pd.read_csv(finished / "optimizers.csv", index_col="optimizer")

    assert found.index.tolist() == OPTIMIZERS
    best = candidates[GRID].groupby("param_optimizer")["mean_test_accuracy"].max()
    assert found["fold_accuracy"].to_dict() == pytest.approx(best.to_dict())
    for name, parameters in found["best_parameters"].items():
        assert f"optimizer={name}" in parameters
    winner = found.loc[found["fold_accuracy"].idxmax()]
    expected = read_results(finished).loc[GRID, "accuracy"]
    assert winner["accuracy"] == pytest.approx(expected)


@pytest.mark.nightly
def test_plain_descent_needs_the_larger_rate(finished):
    rates = pd.read_csv(finished / "rates.csv", index_col="optimizer")

    assert rates.columns.astype(float).tolist() == [0.01, 0.0001]
    assert rates.index.tolist() == OPTIMIZERS
    best = pd.read_csv(finished / "optimizers.csv", index_col="optimizer")
    highest = rates.max(axis=1).to_dict()
    assert highest == pytest.approx(best["fold_accuracy"].to_dict())
    assert rates.loc["sgd", "0.01"] > rates.loc["sgd", "0.0001"]


@pytest.mark.nightly
def test_halving_keeps_the_best_third(finished, candidates):
    first, last = (found for _, found in candidates[HALVING].groupby("iter"))
    assert first["param_epochs"].tolist() == [1] * 9
    assert last["param_epochs"].tolist() == [3] * 3
    keys = ["param_units", "param_learning_rate"]
    kept = first.nlargest(3, "mean_test_score")[keys]
    assert set(kept.itertuples(index=False, name=None)) == set(
        last[keys].itertuples(index=False, name=None)
    )
    report = (finished / "report.md").read_text("utf-8")
    assert "9 candidates for 1 epochs, 3 candidates for 3 epochs: 54 epochs" in report
    assert "all candidates at the most epochs would have been 81" in report
