"""benchmarks/tune_schedules.py: two searches, one after the other, and their tables."""

import pandas as pd
import pytest
import tune_schedules
from sklearn.model_selection import ParameterGrid

FIRST, SECOND = "MLP, tuned", "MLP, tuned and regularised"


# Minutes, for nightly tests. By day, test_tune_mlp.py runs a script.
@pytest.fixture(scope="module")
def finished(run_tiny):
    return run_tiny(tune_schedules)


def test_full_size_is_the_grid_of_the_article():
    grid = tune_schedules.TRAINING["full"]

    assert len(ParameterGrid(grid)) == 72
    assert len(ParameterGrid(tune_schedules.AGAINST_OVERFITTING["full"])) == 54
    assert grid["learning_rate"] == [0.001, 0.01, 0.1]
    assert grid["batch_size"] == [32, 64, 128]
    assert grid["lr_schedule"] == [None, "step", "exponential", "cosine"]


@pytest.mark.nightly
def test_files_and_fits(finished):
    tables = ["batch_norm", "candidates", "effects", "lr_schedule"]
    names = {f"{name}.csv" for name in [*tables, "results", "searches"]}
    assert {path.name for path in finished.iterdir()} == names | {
        "report.html",
        "report.md",
    }
    searches = pd.read_csv(finished / "searches.csv", index_col="search")
    assert searches["candidates"].to_dict() == {FIRST: 8, SECOND: 4}
    assert searches["fits"].to_dict() == {FIRST: 24, SECOND: 12}


@pytest.mark.nightly
def test_tuned_beats_majority(finished, read_results):
    accuracy = read_results(finished)["accuracy"]

    assert accuracy[FIRST] > accuracy["majority class"] + 0.05
    assert accuracy[SECOND] > accuracy["majority class"] + 0.05


@pytest.mark.nightly
def test_second_search_starts_at_the_best_of_the_first(finished, best_of):
    searches = pd.read_csv(finished / "searches.csv", index_col="search")
    first, second = best_of(finished, FIRST), best_of(finished, SECOND)

    # No dropout and no early stopping is one of its candidates.
    candidates = pd.read_csv(finished / "candidates.csv")
    plain = candidates[
        (candidates["param_dropout"] == 0)
        & (candidates["param_early_stopping"].astype(str) == "False")
    ]
    assert plain["mean_test_accuracy"].tolist() == [first["mean_test_accuracy"]]
    assert second["mean_test_accuracy"] >= first["mean_test_accuracy"]
    assert searches.loc[SECOND, "fold_accuracy"] == pytest.approx(
        second["mean_test_accuracy"]
    )


@pytest.mark.nightly
def test_best_with_each_schedule_and_normalisation(finished, read_results):
    read = {"keep_default_na": False, "na_values": []}
    schedules = pd.read_csv(finished / "lr_schedule.csv", **read)
    norms = pd.read_csv(finished / "batch_norm.csv", **read)
    best = pd.read_csv(finished / "searches.csv").loc[0, "fold_accuracy"]

    assert schedules["lr_schedule"].tolist() == [
        "None",
        "step",
        "exponential",
        "cosine",
    ]
    assert schedules["candidates"].tolist() == [2] * 4
    assert norms["candidates"].tolist() == [4, 4]
    for table in (schedules, norms):
        assert table["fold_accuracy"].max() == pytest.approx(best)
        overall = table.loc[table["fold_accuracy"].idxmax()]
        expected = read_results(finished).loc[FIRST]
        assert overall["accuracy"] == pytest.approx(expected["accuracy"])
        assert overall["accuracy_se"] == pytest.approx(expected["accuracy_se"])
    for name, parameters in zip(
        schedules["lr_schedule"], schedules["best_parameters"], strict=True
    ):
        assert parameters.endswith(f"lr_schedule={name}")


@pytest.mark.nightly
def test_steps_wait_for_the_tenth_epoch(finished):
    # Three epochs are too few for a step, so that it changes nothing.
    effects = pd.read_csv(finished / "effects.csv", keep_default_na=False)
    schedules = effects[effects["parameter"] == "lr_schedule"].set_index("value")

    assert (
        schedules.loc["None", "mean_accuracy"] == schedules.loc["step", "mean_accuracy"]
    )
    assert schedules["mean_accuracy"].nunique() == 3
    assert set(effects["parameter"]) == {
        *tune_schedules.TRAINING["tiny"],
        *tune_schedules.AGAINST_OVERFITTING["tiny"],
    }


@pytest.mark.nightly
def test_report_tells_the_protocol(finished):
    report = (finished / "report.md").read_text("utf-8")
    for fact in (
        "MovieLens-100K (Harper and Konstan, 2015)",
        "users, 500 samples; 500 samples to train and search on",
        "StratifiedGroupKFold(n_splits=3, random_state=0, shuffle=True)",
        "'step' halves the rate every 10 epochs",
        "| majority class |",
    ):
        assert fact in report


# By day, test_tune_cnn.py reads own tables by the same module.
@pytest.mark.nightly
def test_own_table_by_user(run_tiny, read_results, tmp_path, make_csv):
    csv = make_csv(tmp_path / "own.csv")
    options = ["--csv", csv, "--target", "colour", "--user-col", "who"]
    out = run_tiny(tune_schedules, *options)

    assert "6 of 30 users" in (out / "report.md").read_text("utf-8")
    accuracy = read_results(out)["accuracy"]
    assert accuracy[FIRST] > accuracy["majority class"]
