"""benchmarks/quality_ctr.py: its splits, features, baselines and tables."""

import numpy as np
import pandas as pd
import pytest
import quality_ctr
from _measure import MeasurementError, Records, run_task
from _quality import baselines, data, evaluation, peers, tables
from _quality.estimators import CopyLastChoice, Loyalty, SeedAverage
from sklearn.ensemble import ExtraTreesClassifier

from skrec.preprocessing import FieldEncoder


@pytest.fixture(scope="module", autouse=True)
def folder(made_data):
    """Return the mirror of made-up files, where all tests here find their data."""
    return made_data


# A minute, for nightly tests; by day, each part of it is tested below.
@pytest.fixture(scope="module")
def tiny(folder, run_tiny, tmp_path_factory):
    """Run all parts but those that need the peers."""
    nowhere = str(tmp_path_factory.mktemp("envs") / "none")
    options = ["--no-install", "--envs", nowhere, "--epochs", "1"]
    return run_tiny(quality_ctr, *options), options


def records_of(out):
    return Records(out / "folds.jsonl", ["task", "model", "fold"])


# ---- the script --------------------------------------------------------------------


@pytest.mark.nightly
def test_every_model_is_judged_on_every_task(tiny):
    out, _ = tiny
    found = pd.DataFrame(records_of(out).rows)

    assert found.groupby("task")["model"].nunique().to_dict() == {
        "MovieLens-100K ratings": 4,
        "MovieLens-100K clicks": 6,
        "criteo-8k": 6,
        "Yogurt choice": 9,
        "Catsup choice": 9,
    }
    for part, metrics in data.METRICS.items():
        own = found[found["part"] == part]
        assert np.isfinite(own[[*metrics, "seconds"]]).all(axis=None)
    assert found["auc"].dropna().between(0, 1).all()
    report = (out / "report.md").read_text()
    assert "FuxiCTR and Surprise are left out: not installed" in report
    assert "better than logistic regression by" in report


@pytest.mark.nightly
def test_baselines_find_the_household_and_the_past(tiny):
    out, _ = tiny
    found = pd.DataFrame(records_of(out).rows)
    found = found.set_index(["task", "model"])["accuracy"]
    prices = "logistic regression: prices"

    for name in ("yogurt", "catsup"):
        panel, task = data.fetch_scanner(name), f"{name.capitalize()} choice"
        again = panel.data["last_choice"].astype(str) == panel.target
        # As long as each late purchase has an earlier one, as here.
        assert found[task, "copy the last choice"] == pytest.approx(
            again[panel.test].mean()
        )
        assert found[task, prices + ", household id"] > found[task, prices] + 0.05


@pytest.mark.nightly
def test_a_second_run_fits_nothing(tiny, monkeypatch):
    out, options = tiny
    before = (out / "folds.jsonl").read_text()

    def fit_again(*args, **kwargs):
        raise AssertionError("was done")

    monkeypatch.setattr(quality_ctr, "tune_and_judge", fit_again)
    quality_ctr.main(["--tiny", "--n-jobs", "1", "--out", str(out), *options])

    assert (out / "folds.jsonl").read_text() == before


@pytest.mark.nightly
def test_other_settings_need_another_folder(tiny, capsys):
    out, options = tiny
    with pytest.raises(SystemExit):
        quality_ctr.main(["--tiny", "--seed", "7", "--out", str(out), *options])
    assert "results of other settings" in capsys.readouterr().err


# ---- splits ------------------------------------------------------------------------


def test_folds_are_disjoint_and_test_every_rating_once():
    task = data.movielens_rating(5, seed=0, tiny=True)

    tested = np.concatenate([fold.test for fold in task.folds])
    assert np.array_equal(np.sort(tested), np.arange(len(task.X)))
    for fold in task.folds:
        rows = np.concatenate(fold)
        assert np.array_equal(np.sort(rows), np.arange(len(task.X)))


def test_clicks_are_tested_once_in_each_repetition(folder):
    task = data.criteo_clicks(data.criteo_folder(None), 2, seed=0, tiny=False)

    assert data.criteo_folder(None) == folder / "criteo-8k"
    assert len(task.folds) == 10
    for folds in (task.folds[:5], task.folds[5:]):
        tested = np.concatenate([fold.test for fold in folds])
        assert np.array_equal(np.sort(tested), np.arange(700))


def test_choices_are_judged_on_the_end_of_each_household():
    task = data.scanner_choice("yogurt", 1, seed=0, tiny=True)
    fold = task.folds[0]

    purchases = pd.Series(task.groups).value_counts()
    assert len(fold.test) == np.ceil(purchases / 5).sum()
    place = pd.Series(np.arange(len(task.y)))
    for part, later in ((fold.train, fold.valid), (fold.valid, fold.test)):
        last = place[part].groupby(task.groups[part]).max()
        first = place[later].groupby(task.groups[later]).min()
        assert (last < first[last.index]).all()


# ---- features and baselines --------------------------------------------------------


def test_loyalty_is_a_smoothed_share():
    X = pd.DataFrame({"history": [[], ["a"], ["a", "a", "b"]]})

    found = Loyalty(["a", "b"], carry_overs=[0.5], prior=0.2).transform(X)

    # Of the last row: .25 + .5 for a, 1 for b, .1 each for the prior.
    shares = np.exp(found["loyalty.0.5.a"])
    assert np.allclose(shares, [0.5, 1.1 / 1.2, 0.85 / 1.95])
    assert np.allclose(np.expm1(found["run"]), [0, 1, 1])
    assert np.allclose(np.expm1(found["purchases"]), [0, 1, 3])


def test_copying_the_last_choice_knows_how_often_that_is_right():
    last = pd.Series(["a", "b", "a", "b", None], dtype="category")
    X, y = pd.DataFrame({"last_choice": last}), np.array(["a", "b", "c", "b", "a"])

    model = CopyLastChoice().fit(X, y)

    assert model.rate_ == 0.75  # three of four with a last choice
    assert model.predict(X[:2]).tolist() == ["a", "b"]
    proba = model.predict_proba(X)
    assert np.allclose(proba.sum(axis=1), 1)
    assert np.allclose(proba[0], [0.75, 0.25 * 2 / 3, 0.25 / 3])
    assert np.allclose(proba[4], [0.4, 0.4, 0.2])


def test_tuning_sees_the_training_part_alone():
    task = data.scanner_choice("yogurt", 1, seed=0, tiny=True)
    model = baselines.choice_models(task)[1]
    fold = task.folds[0]
    options = {"model": model, "n_candidates": 3, "n_jobs": 1}

    found = evaluation.tune_and_judge(fold, 0, task=task, **options)
    task.y[fold.test] = np.roll(task.y[fold.test], 1)
    other = evaluation.tune_and_judge(fold, 0, task=task, **options)

    assert found["parameters"] == other["parameters"]
    assert found["accuracy"] != other["accuracy"]


def test_the_mean_over_seeds_is_one_of_different_copies():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    forest = ExtraTreesClassifier(3)

    model = SeedAverage(forest, n_seeds=4, random_state=0).fit(X[:40], y[:40])
    again = SeedAverage(forest, n_seeds=4, random_state=0).fit(X[:40], y[:40])

    each = np.array([copy.predict_proba(X[40:]) for copy in model.estimators_])
    assert np.ptp(each, axis=0).max() > 0
    assert np.array_equal(model.predict_proba(X[40:]), each.mean(axis=0))
    assert np.array_equal(model.predict_proba(X[40:]), again.predict_proba(X[40:]))


# ---- peers -------------------------------------------------------------------------


def test_fields_are_handed_over_as_the_encoder_made_them():
    X = pd.DataFrame(
        {
            "item": pd.Categorical(["tea", "milk", "tea"]),
            "price": [1.0, 2.0, 3.0],
            "seen": [["x"], [], ["x", "y"]],
        }
    )
    task = data.Task("clicks", "clicks", X, np.array([0, 1, 1]), [], "")
    encoder = FieldEncoder().fit(X)

    fields = peers.fuxi_fields(encoder)
    arrays = peers.fuxi_arrays(encoder, task, np.array([0, 2]))

    kinds = {name: field["type"] for name, field in fields.items()}
    assert list(kinds.values()) == ["categorical", "numeric", "sequence"]
    assert arrays["id_0"].tolist() == [3, 3]
    assert arrays["id_0"].max() < fields["id_0"]["vocab_size"]
    assert arrays["sequence_0"].shape == (2, fields["sequence_0"]["max_len"])
    assert arrays["label"].tolist() == [0, 1]


def test_candidates_can_be_written_down():
    found = peers.candidates(peers.FUXI_SPACE, 3, seed=0)

    assert found == peers.candidates(peers.FUXI_SPACE, 3, seed=0)
    assert len(found) == 3
    assert all(type(params["learning_rate"]) is float for params in found)
    assert all(type(params["batch_size"]) is int for params in found)


def test_a_job_that_fails_says_how():
    with pytest.raises(MeasurementError, match="No module named 'surprise'"):
        run_task("_quality.surprise_svd:search")


# ---- tables ------------------------------------------------------------------------


def test_gains_are_over_the_best_reference_fold_by_fold():
    records = pd.DataFrame(
        {
            "part": "rating",
            "task": "ratings",
            "model": ["bad", "bad", "good", "good", "ours", "ours"],
            "fold": [0, 1, 0, 1, 0, 1],
            "rmse": [1.0, 1.0, 0.9, 0.8, 0.7, 0.7],
            "mae": 0.5,
            "seconds": [1, 3, 1, 1, 1, 1],
            "search_seconds": 0.0,
            "candidates": 2,
        }
    )
    found = tables.summary(records, "ratings", [["bad", "good", "none"]])

    assert found["model"].tolist() == ["bad", "good", "ours"]
    assert np.allclose(found["better than good by"], [-0.15, 0, 0.15])
    assert np.allclose(found["its se (good)"], [0.05, 0, 0.05])
    assert np.allclose(found["rmse se"], [0, 0.05, 0])
    assert found["seconds"][0] == 2
    read = tables.for_reading(found)
    assert read["rmse"].tolist() == ["1.0000", "0.8500", "0.7000"]
    assert read["seconds"].tolist() == ["2.0", "1.0", "1.0"]
