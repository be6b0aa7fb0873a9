"""benchmarks/search_efficiency.py: equal terms for all searches, costs counted."""

import pandas as pd
import pytest
import search_efficiency

SEARCHES = ["grid", "random", "halving", "Hyperband", "Bayes", "Optuna"]


# Minutes, for nightly tests. By day, test_tune_mlp.py runs a script,
# and the tests of each search count its fits.
@pytest.fixture(
    scope="module",
    params=[pytest.param(n_seeds, marks=pytest.mark.nightly) for n_seeds in (1, 2)],
)
def n_seeds(request):
    return request.param


@pytest.fixture(scope="module")
def finished(run_tiny, n_seeds):
    options = ["--rows", "120", "--repetitions", str(n_seeds)]
    return run_tiny(search_efficiency, *options)


@pytest.fixture(scope="module")
def searches(finished):
    return pd.read_csv(finished / "searches.csv")


def test_every_search_runs_on_every_task_with_every_seed(finished, searches, n_seeds):
    counts = searches.groupby(["task", "repetition"])["search"].agg(list)
    assert counts.tolist() == [SEARCHES] * 2 * n_seeds
    assert searches[["best_score", "held_out"]].stack().between(0, 1).all()
    names = {"searches.csv", "summary.csv", "hyperband.csv", "report.md"}
    assert {path.name for path in finished.iterdir()} == names


def test_epochs_are_those_that_were_trained(searches):
    epochs = searches.groupby("search")["epochs"].unique()
    for name in ("grid", "random", "Bayes", "Optuna"):
        # 8 candidates, 3 folds, 3 epochs each; a candidate drawn twice is trained once.
        assert epochs[name].max() <= 72 and epochs[name].max() > 60
    # Of 8 candidates for an epoch, 3 go on for two more; then 2 in full, 1 of them new.
    assert epochs["halving"].tolist() == [3 * (8 + 2 * 3)]
    # A bracket with 3 candidates for an epoch and 1 for two more; one with 2 in full.
    assert epochs["Hyperband"].tolist() == [3 * (3 + 2) + 3 * 2 * 3]


def test_hyperband_is_compared_with_the_training_of_all_its_candidates(finished):
    found = pd.read_csv(finished / "hyperband.csv")
    # 5 candidates of 3 epochs each.
    assert found["share_of_epochs"].to_numpy() == pytest.approx(33 / 45)
    assert (found["best_score"] <= found["best_of_full_training"] + 1e-12).all()
    limit = found["best_of_full_training"] - found["its_se"]
    assert (found["within_one_se"] == (found["best_score"] >= limit)).all()


def test_summary_pairs_each_search_with_the_random_one_of_its_seed():
    rows = [
        {"search": name, "repetition": seed, "best_score": score}
        for name, scores in {"random": [0.5, 0.7], "grid": [0.6, 0.7]}.items()
        for seed, score in enumerate(scores)
    ]
    same = {"task": "t", "rows": 9, "fits": 27, "epochs": 81, "held_out": 0.5}
    frame = pd.DataFrame(rows).assign(seconds=1.0, **same)
    found = search_efficiency.summarise(frame).set_index("search")
    assert found.loc["random", "score_minus_random"] == 0
    assert found.loc["grid", "score_minus_random"] == pytest.approx(0.05)
    assert found.loc["grid", "its_se"] == pytest.approx(0.05)
