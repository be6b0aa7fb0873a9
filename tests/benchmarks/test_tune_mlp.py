"""benchmarks/tune_mlp.py: the space it searches, what it writes, a table of pixels."""

import _tables
import numpy as np
import pandas as pd
import pytest
import tune_mlp
from PIL import Image
from sklearn.datasets import load_digits

from skrec import MLPClassifier

TUNED = tune_mlp.SEARCH


@pytest.fixture(scope="module")
def finished(run_tiny):
    return run_tiny(tune_mlp)


def test_space_is_the_one_of_the_article():
    units, rates = tune_mlp.SPACE["units"], tune_mlp.SPACE["learning_rate"]

    assert (len(units), units[0], units[1], units[-1]) == (16, 16, 48, 496)
    assert len(rates) == 20
    assert rates[0] == pytest.approx(1e-5) and rates[-1] == pytest.approx(1)
    assert np.diff(np.log10(rates)) == pytest.approx(5 / 19)
    assert tune_mlp.AMOUNTS["n_iter"].full * tune_mlp.N_FOLDS == 500
    assert tune_mlp.AMOUNTS["epochs"].full == 10


@pytest.mark.nightly
def test_files_and_candidates(finished):
    names = {
        "candidates.csv",
        "report.html",
        "report.md",
        "results.csv",
        "searches.csv",
    }
    assert {path.name for path in finished.iterdir()} == {*names, "tune_mlp.png"}
    candidates = pd.read_csv(finished / "candidates.csv")
    assert candidates["param_units"].isin(tune_mlp.SPACE["units"]).all()
    drawn = candidates[["param_units", "param_learning_rate"]]
    assert len(drawn.drop_duplicates()) == 4
    assert pd.read_csv(finished / "searches.csv")["fits"].tolist() == [20]
    with Image.open(finished / "tune_mlp.png") as image:
        assert np.asarray(image.convert("L")).std() > 10  # something is drawn


def test_tuned_beats_majority_and_its_short_default(finished, read_results):
    accuracy = read_results(finished)["accuracy"]

    assert accuracy["majority class"] < 0.2
    assert accuracy[TUNED] > 0.8
    assert accuracy[TUNED] > accuracy["MLP, plain, epochs=3"]


def test_best_is_trained_again_and_judged_on_new_images(
    finished, read_results, best_of
):
    table = _tables.clean(tune_mlp.digits_table())
    samples = _tables.make_samples(table, tune_mlp.AMOUNTS["rows"].tiny, seed=0)
    best = best_of(finished, TUNED)
    found = {
        "units": int(best["param_units"]),
        "learning_rate": best["param_learning_rate"],
    }
    model = MLPClassifier(
        **{**tune_mlp.bench.PLAIN_MLP, **found}, epochs=3, random_state=0
    ).fit(samples.X_train, samples.y_train)

    score = model.score(samples.X_test, samples.y_test)
    assert read_results(finished).loc[TUNED, "accuracy"] == pytest.approx(score)
    assert not set(samples.groups_train) & set(samples.groups_test)


def test_report_tells_the_protocol(finished):
    report = (finished / "report.md").read_text("utf-8")
    for fact in (
        "8 x 8 pixels, since the 28 x 28 ones of the article cannot be had offline",
        "400 of 1437 rows drawn in the training part",
        "360 samples; 400 samples to train and search on",
        "StratifiedKFold(n_splits=5, random_state=0, shuffle=True)",
        "4 drawn without replacement, the best by accuracy",
        "scikit-learn 1.9",
        f"| {TUNED} |",
    ):
        assert fact in report


# By day, test_tune_cnn.py reads own tables by the same module.
@pytest.mark.nightly
def test_own_table_of_pixels(run_tiny, read_results, tmp_path):
    X, y = load_digits(return_X_y=True)
    rows = np.flatnonzero(y < 3)[:200]
    frame = pd.DataFrame(X[rows], columns=[f"pixel{i}" for i in range(64)])
    frame.assign(label=y[rows]).to_csv(tmp_path / "own.csv", index=False)
    csv = str(tmp_path / "own.csv")
    out = run_tiny(tune_mlp, "--csv", csv, "--target", "label", "--n-iter", "2")

    report = (out / "report.md").read_text("utf-8")
    assert f"- data: {csv}" in report and "as constant: pixel0" in report
    assert len(pd.read_csv(out / "candidates.csv")) == 2
    assert read_results(out).loc["logistic regression", "accuracy"] > 0.9
