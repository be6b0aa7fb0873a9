"""benchmarks/defaults.py: same splits for all, lines that are kept, its sums."""

import sys
from pathlib import Path

import defaults
import numpy as np
import pandas as pd
import pytest
import sklearn
from _defaults import report, runs, systems
from _defaults.tables import TABLES, Part, scores
from _measure import MeasurementError

import skrec


@pytest.fixture(scope="module", autouse=True)
def folder(made_data):
    """Return the mirror of made-up files, where all tests here find their data."""
    return made_data


def run(out, *options):
    defaults.main(["--tiny", "--no-install", "--out", str(out), *options])
    return runs.Results(Path(out), tiny=True).frame()


# ---- the script --------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(folder, tmp_path_factory):
    """Run systems of every kind but peers, on classes and on numbers."""
    out = tmp_path_factory.mktemp("defaults")
    options = ["--envs", str(out / "none"), "--splits", "2"]
    options += ["--systems", "linear", "boosting", "FM", "NeuMF", "CNN", "RealMLP"]
    options += ["--tables", "iris", "ratings, new items"]
    return out, run(out, *options), options


@pytest.mark.nightly
def test_each_system_is_judged_on_each_split_of_its_tables(tiny):
    _, found, _ = tiny
    counts = found.groupby(["system", "table"]).size()

    assert (counts == 2).all()
    assert counts["NeuMF"].index.tolist() == ["ratings, new items"]
    assert "CNN" not in counts
    for system in ("linear", "boosting", "FM"):
        assert len(counts[system]) == 2
    assert (found[["seconds", "cpu_seconds"]] > 0).all(axis=None)
    iris = found[found["table"] == "iris"].groupby("system")["score"].mean()
    assert (iris[["linear", "boosting"]] > 0.8).all()
    versions = found.groupby("system")["version"].first()
    assert versions["linear"] == sklearn.__version__
    assert versions["FM"].split()[0] == skrec.__version__
    first = found[found["system"] == "FM"].groupby("split")["is_first"].all()
    assert first.tolist() == [True, False]


# By day, reports are made of results that are made up, below.
@pytest.mark.nightly
def test_report_has_both_halves_and_names_what_is_left_out(tiny):
    out, _, _ = tiny
    text = (out / "report.md").read_text()

    assert "RealMLP and TabM are left out: not installed" in text
    for title in ("Tables choosing: all 1 together", "Tables held out: all 1 together"):
        assert title in text
    scored = pd.read_csv(out / "choosing_score.csv", index_col="table")
    assert scored.index.tolist() == ["iris"]
    assert scored.columns.tolist() == ["linear", "boosting", "FM"]
    held_out = pd.read_csv(out / "held_out_score.csv", index_col="table")
    assert held_out.columns.tolist() == ["linear", "boosting", "FM", "NeuMF"]


# By day, test_quality_topn.py runs a script twice.
@pytest.mark.nightly
def test_second_run_fits_what_is_missing(tiny, monkeypatch):
    out, before, options = tiny
    fitted = []
    measure = runs.measure

    def noted(system, *args):
        fitted.append(system)
        return measure(system, *args)

    monkeypatch.setattr(runs, "measure", noted)
    assert run(out, *options).equals(before)
    assert fitted == []

    lines = (out / "linear.tiny.jsonl").read_text().splitlines()
    (out / "linear.tiny.jsonl").write_text("\n".join(lines[1:]) + "\n")
    assert len(run(out, *options)) == len(before)
    assert fitted == ["linear"]

    fitted.clear()
    assert len(run(out, *options, "--again", "boosting")) == len(before)
    assert set(fitted) == {"boosting"}
    assert len(fitted) == 4


def test_what_fails_is_told_and_the_others_go_on(tmp_path, capsys):
    found = runs.Results(tmp_path, tiny=True)
    python = Path(sys.executable)  # has no pytabkit
    runs.run_table("iris", ["RealMLP", "linear"], 1, found, python)

    assert (
        "RealMLP failed on iris, split 0: ModuleNotFoundError: No module named"
        in capsys.readouterr().out
    )
    assert found.frame()["system"].tolist() == ["linear"]
    missing = found.missing("iris", ["RealMLP", "linear", "CNN"], 1)
    assert missing == [("RealMLP", 0)]


def test_a_table_has_a_process_of_its_own(tmp_path, monkeypatch, capsys):
    tasks = []

    def noted(task, *args, **options):
        tasks.append((task, args))
        if args[0] == "Hitters":
            raise MeasurementError("exit code 1: killed")

    monkeypatch.setattr(defaults, "run_task", noted)
    args = defaults.parse(["--out", str(tmp_path), "--half", "choosing"])
    defaults.run(args, None)

    assert [args[0] for _, args in tasks] == list(TABLES)[:10]
    task, (_, names, n_splits, results, python) = tasks[0]
    assert task == "_defaults.runs:run_table"
    assert (names, n_splits, python) == (list(systems.SYSTEMS), 5, None)
    assert len(results.frame()) == 0
    assert "Hitters: exit code 1: killed" in capsys.readouterr().out


# ---- splits, scores and columns ----------------------------------------------------


def test_half_of_the_tables_choose():
    halves = pd.Series({name: table.half for name, table in TABLES.items()})

    assert halves.value_counts().to_dict() == {"choosing": 10, "held out": 12}
    assert halves[["iris", "criteo-8k", "Yogurt"]].eq("choosing").all()
    assert halves[["wine", "Catsup", "genre windows"]].eq("held out").all()


@pytest.mark.parametrize("name", TABLES)
def test_splits_of_a_table(name):
    table = TABLES[name]
    first, again, second = (table.split(k, True) for k in (0, 0, 1))
    train, test = first

    pd.testing.assert_frame_equal(test.X, again.test.X)
    assert not test.X.equals(second.test.X)
    assert len(train.X) == len(train.y) > len(test.X) == len(test.y) > 0
    assert (train.arrays is None) == (table.arrays is None)
    if train.arrays is not None:
        assert train.arrays.ndim == {"sequences": 3, "images": 4}[table.arrays]
        assert np.array_equal(train.X, train.arrays.reshape(len(train.X), -1))
    if name.startswith("ratings, new"):
        column = "user_id" if "users" in name else "item_id"
        assert not set(train.X[column]) & set(test.X[column])
    elif name != "genre windows":
        assert len(test.X) == pytest.approx(0.25 * (len(test.X) + len(train.X)), abs=1)


def test_scores_are_auc_accuracy_or_r2():
    two, three, numbers = TABLES["Caravan"], TABLES["iris"], TABLES["Hitters"]
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    y = np.array(["No", "Yes", "No"])

    found = scores(two, y, proba, np.array(["No", "Yes"]))
    assert found["score"] == 1.0
    assert found["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4]).mean())
    proba = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1]])
    assert scores(three, np.array([0, 1]), proba, np.arange(3))["score"] == 0.5
    found = scores(numbers, np.array([1.0, 3.0]), np.array([2.0, 3.0]), None)
    assert found == {"score": pytest.approx(0.5), "loss": pytest.approx(0.5**0.5)}


def test_peers_get_numbers_without_gaps_and_codes_of_ids():
    colours = pd.Categorical(["red", "blue", None, "red"])
    seen = [["a"], ["a", "b"], [], ["b"]]
    X = pd.DataFrame({"size": [1.0, np.nan, 5.0, 9.0], "colour": colours, "seen": seen})
    train = Part(X[:3], np.arange(3))
    test = Part(X[1:].assign(colour=["green", None, "blue"]), np.arange(3))
    test.X["colour"] = test.X["colour"].astype("category")

    (numbers, codes), (test_numbers, test_codes) = systems.peer_rows(train.X, test.X)
    assert numbers.tolist() == [[1, 1, 0], [3, 1, 1], [5, 0, 0]]
    assert test_numbers.tolist() == [[3, 1, 1], [5, 0, 0], [9, 0, 1]]
    assert codes.ravel().tolist() == [1, 0, -2]
    assert test_codes.ravel().tolist() == [-1, -2, 0]


def test_boosting_takes_few_categories_as_such_and_codes_of_many():
    rng = np.random.default_rng(0)
    codes = {"few": rng.integers(5, size=2000), "many": rng.integers(400, size=2000)}
    X = pd.DataFrame(codes).astype("category").assign(size=rng.normal(size=2000))
    y = np.isin(codes["few"], [1, 3]).astype(int)
    model = systems.SYSTEMS["boosting"].make(TABLES["Caravan"], X, 0).fit(X, y)

    assert model[-1].is_categorical_.tolist() == [True, False, False]
    assert model.score(X, y) == 1.0


# ---- sums --------------------------------------------------------------------------


@pytest.fixture
def results():
    """Scores of two tables and splits; one system lacks a split, one a table."""
    scored = {
        ("iris", "linear"): [0.8, 0.9],
        ("iris", "boosting"): [0.7, 0.8],
        ("iris", "MLP"): [0.9, 0.9],
        ("Hitters", "linear"): [0.5, 0.1],
        ("Hitters", "boosting"): [0.6, 0.9],
        ("Hitters", "MLP"): [0.4],
        ("iris", "FM"): [1.0, 1.0],
    }
    lines = [
        {"table": table, "system": system, "split": k, "score": score, "loss": 1.0}
        | {"version": f"1.{k}", "seconds": 1.0, "cpu_seconds": 2.0, "is_first": k == 0}
        for (table, system), found in scored.items()
        for k, score in enumerate(found)
    ]
    return pd.DataFrame(lines)


def test_ranks_and_shortfalls(results):
    found = report.summary(results).set_index("system")

    assert found.index.tolist() == ["linear", "boosting", "MLP"]  # FM lacks a table
    assert found["mean rank"].tolist() == [2, 2, 2]
    assert found["on classes"].tolist() == [2, 3, 1]
    # The second split of Hitters does not count, since MLP has none.
    assert found["mean shortfall"].tolist() == pytest.approx([0.05, 0.05, 0.075])
    assert found["clipped at 0"].tolist() == pytest.approx([0.05, 0.05, 0.1])
    assert found.loc["MLP", ["greatest", "on"]].tolist() == [
        pytest.approx(0.2),
        "Hitters",
    ]
    to_linear = found.loc["MLP", ["greatest to linear", "on it"]].tolist()
    assert to_linear == [pytest.approx(0.1), "Hitters"]


def test_ranks_alone_where_there_are_no_baselines(results):
    found = report.summary(results[results["system"] == "MLP"])

    assert found.columns.tolist() == ["system", "mean rank", "on classes"]


def test_report_says_which_splits_and_versions(results, tmp_path):
    written = report.Report(tmp_path, "Defaults")
    report.write_half(written, results, "choosing")
    text = (tmp_path / "report.md").read_text()

    assert "MLP on Hitters: 1" in text
    assert "Versions: linear 1.0, 1.1; boosting 1.0, 1.1" in text
    assert "2.0 (1.0)" in text
    scored = pd.read_csv(tmp_path / "choosing_score.csv", index_col="table")
    assert scored.loc["Hitters", "boosting"] == 0.75
    assert np.isnan(scored.loc["Hitters", "FM"])
