"""benchmarks/_common.py: options of all scripts, scores, and what searches found."""

import ast
import importlib
from pathlib import Path

import _common
import numpy as np
import pandas as pd
import pytest
import tune_cnn
import tune_images
import tune_mlp
import tune_optimizers
import tune_recommender
import tune_schedules
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

ON_TABLES = [tune_cnn, tune_mlp, tune_optimizers, tune_schedules]
SCRIPTS = [*ON_TABLES, tune_images, tune_recommender]


def test_scripts_import_what_there_is():
    """Some of it only in a function that no test by day has the time to call."""
    missing = []
    for path in Path(_common.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.level:
                continue
            if (node.module or "").split(".")[0] != "skrec":
                continue
            try:
                module = importlib.import_module(node.module)
            except ModuleNotFoundError:
                missing.append((path.name, node.module))
                continue
            missing += [
                (path.name, node.module, own.name)
                for own in node.names
                if not hasattr(module, own.name)
            ]
    assert missing == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_what_it_shows_and_writes(script, capsys):
    with pytest.raises(SystemExit, match="0"):
        script.main(["--help"])

    shown = capsys.readouterr().out
    assert script.__doc__.strip() in shown
    assert "Written to --out: report.md" in shown
    options = ["out", "seed", "n-jobs", "full", "tiny"]
    options += [name.replace("_", "-") for name in script.AMOUNTS]
    assert all(f"--{option}" in shown for option in options)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "--epochs must be at least 1. Received: 0"),
        (["--epochs", "few"], "invalid int value: 'few'"),
        (["--n-jobs", "0"], "--n-jobs must be a number of processes, or -1"),
        (["--full", "--tiny"], "not allowed with argument"),
        (["--units", "3"], "unrecognized arguments: --units 3"),
    ],
)
def test_unusable_options(script, options, message, capsys, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        script.main([*options, "--out", str(tmp_path / "out")])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", ON_TABLES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--csv", "nowhere.csv", "--target", "x"], "nowhere.csv"),
        (["--csv", "own.csv"], "--csv and --target go together"),
        (["--user-col", "x"], "--user-col needs --csv"),
    ],
)
def test_unusable_table_options(script, options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        script.main(options)
    assert message in capsys.readouterr().err


def test_class_unseen_in_training_is_scored():
    X = np.zeros((4, 1))
    model = DummyClassifier(strategy="prior").fit(X, ["a", "a", "a", "c"])
    y = np.array(["a", "b", "c", "c"])

    found = _common.scores(model, X, y, classes=np.array(["a", "b", "c"]))
    assert found["accuracy"] == 0.25
    assert found["macro_f1"] == pytest.approx(0.4 / 3)
    tiny = np.finfo(float).eps
    losses = -np.log([0.75, tiny, 0.25, 0.25])
    assert found["neg_log_loss"] == pytest.approx(-losses.mean())


def test_standard_error_of_accuracy():
    correct = np.array([1, 1, 1, 0, 0, 1, 1, 0])

    alone = _common.accuracy_error(correct, np.arange(8))
    assert alone == pytest.approx(np.sqrt(5 / 8 * 3 / 8 / 8))
    together = _common.accuracy_error(np.repeat(correct, 5), np.repeat(np.arange(8), 5))
    assert together == pytest.approx(alone)


def test_markdown():
    frame = pd.DataFrame({"name": ["a|b"], "n": [3], "share": [0.25], "none": [np.nan]})

    assert _common.to_markdown(frame).splitlines() == [
        "| name | n | share | none |",
        "| --- | --- | --- | --- |",
        r"| a\|b | 3 | 0.250 |  |",
    ]


@pytest.fixture(scope="module")
def finished_search():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = np.where((X[:, 0] > 0) == (X[:, 1] > 0), "b", "a")  # one split says nothing
    parts = X[:60], y[:60], np.arange(60), X[60:], y[60:], np.arange(60, 90)
    samples = _common.Samples(*parts, by_user=False, facts={})
    grid = {"max_depth": [1, None], "min_samples_leaf": [1, 12]}
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    scoring = {"accuracy": "accuracy", "neg_log_loss": "neg_log_loss"}
    model = DecisionTreeClassifier(random_state=0)
    search = GridSearchCV(model, grid, cv=cv, scoring=scoring, refit="accuracy")
    return search.fit(*parts[:2]), samples


def test_effects_average_over_the_other_parameters(finished_search):
    search, _ = finished_search
    found = _common.effects_frame({"trees": search})

    accuracy = search.cv_results_["mean_test_accuracy"]  # depth 1, 1, None, None
    assert len(set(accuracy)) == 4
    assert found["parameter"].tolist() == ["max_depth"] * 2 + ["min_samples_leaf"] * 2
    assert found["value"].tolist() == ["1", "None", "1", "12"]
    expected = [accuracy[rows].mean() for rows in ([0, 1], [2, 3], [0, 2], [1, 3])]
    assert found["mean_accuracy"].tolist() == pytest.approx(expected)
    assert found["best_accuracy"].tolist() == [
        accuracy[rows].max() for rows in ([0, 1], [2, 3], [0, 2], [1, 3])
    ]


def test_best_of_each_value_is_fitted_and_judged(finished_search):
    search, samples = finished_search
    found = _common.best_by(search, "min_samples_leaf", samples)

    assert found["min_samples_leaf"].tolist() == ["1", "12"]
    assert found["candidates"].tolist() == [2, 2]
    accuracy = search.cv_results_["mean_test_accuracy"]
    assert found["fold_accuracy"].tolist() == [
        accuracy[0::2].max(),
        accuracy[1::2].max(),
    ]
    rough = DecisionTreeClassifier(max_depth=1, min_samples_leaf=12, random_state=0)
    rough.fit(samples.X_train, samples.y_train)
    assert found["accuracy"][1] == rough.score(samples.X_test, samples.y_test)
    assert found["best_parameters"][1] == "max_depth=1, min_samples_leaf=12"


def test_searches_are_summed_up(finished_search):
    search, samples = finished_search
    results = _common.judge({"trees": search}, samples)
    found = _common.searches_frame({"trees": search}, results).loc[0]

    assert (found["candidates"], found["fits"]) == (4, 12)
    assert found["fold_accuracy"] == search.best_score_
    losses = -search.cv_results_["mean_test_neg_log_loss"]
    assert found["fold_log_loss"] == losses[search.best_index_] > 0
    assert found["seconds"] == results["seconds"][0]


def test_one_score_has_its_name():
    found = GridSearchCV(
        DummyClassifier(), {"strategy": ["prior"]}, scoring="accuracy", cv=2
    ).fit(np.zeros((8, 1)), [0, 0, 0, 0, 0, 0, 1, 1])

    assert _common._fold_scores(found).to_dict("list") == {"fold_accuracy": [0.75]}
