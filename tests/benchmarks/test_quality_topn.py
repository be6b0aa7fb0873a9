"""benchmarks/quality_topn.py: its splits, who may see what, peers' scores, tables."""

import json
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import quality_topn
from _measure import MeasurementError
from _topn import data, evaluation, models, peer_scores, tables

from skrec.metrics import ndcg_at_k


@pytest.fixture(scope="module", autouse=True)
def folder(made_data):
    """Return the mirror of made-up files, where all tests here find their data."""
    return made_data


@pytest.fixture(params=list(data.TASKS))
def task(request):
    return data.TASKS[request.param](0, False)


def run(out, *options):
    nowhere = str(out / "envs")
    argv = ["--tiny", "--no-install", "--envs", nowhere, "--out", str(out), *options]
    quality_topn.main([*argv, "--n-jobs", "1"])
    path = out / "results.tiny.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---- the script --------------------------------------------------------------------

CLOSED = ["--models", "Popular", "EASE", "RecTools SASRec"]


@pytest.fixture(scope="module")
def tiny(folder, tmp_path_factory):
    """Run models that are solved, and a peer that is not there."""
    out = tmp_path_factory.mktemp("topn")
    return out, run(out, *CLOSED, "--seeds", "2")


def test_each_model_is_judged_once_where_nothing_is_drawn(tiny):
    out, rows = tiny
    found = pd.DataFrame(rows).groupby(["task", "model", "variant"]).size()

    assert found["Amazon Beauty"].to_dict() == {
        ("EASE", "default"): 1,
        ("Popular", "default"): 1,
    }
    # Two splits.
    assert found["MovieLens-100K"].to_dict() == {
        ("EASE", "default"): 2,
        ("EASE", "tuned"): 2,
        ("Popular", "default"): 2,
    }
    report = (out / "report.md").read_text()
    assert "RecTools: not installed" in report
    assert "| S3-Rec | published |" in report
    assert "EASE tuned: published NDCG" in report
    assert (out / "lastfm_curves.png").exists()


def test_a_second_run_fits_what_is_missing(tiny, monkeypatch):
    out, rows = tiny
    fitted = []
    judge = evaluation.judge

    def noted(task, name, params, seed):
        fitted.append((task.name, name, seed))
        return judge(task, name, params, seed)

    monkeypatch.setattr(quality_topn, "judge", noted)
    assert run(out, *CLOSED, "--seeds", "2") == rows
    assert fitted == []
    run(out, *CLOSED, "--seeds", "3")
    assert fitted == [
        ("MovieLens-100K", name, 2) for name in ("Popular", "EASE", "EASE")
    ]


def test_tuning_is_done_again_once(tmp_path, monkeypatch):
    options = ["--sets", "lastfm", "--models", "EASE", "--tune", "--candidates", "3"]
    rows = run(tmp_path, *options)
    (line,) = (tmp_path / "tuned.tiny.jsonl").read_text().splitlines()
    found = json.loads(json.loads(line)["parameters"])

    assert found.keys() == {"l2"} and 10 <= found["l2"] <= 2000
    assert [row["parameters"] for row in rows] == ["{}", json.dumps(found)]

    monkeypatch.setattr(quality_topn, "search", None)
    assert run(tmp_path, *options) == rows


@pytest.mark.parametrize("variant", ["default", "tuned"])
def test_either_variant_is_run_alone(variant, tmp_path, monkeypatch):
    if variant == "default":  # nothing is searched for it
        monkeypatch.setattr(quality_topn, "search", None)
    options = ["--models", "EASE", "--tune", "--candidates", "2"]
    rows = run(tmp_path, "--sets", "lastfm", *options, "--variants", variant)
    assert [row["variant"] for row in rows] == [variant]


def test_a_failure_is_told_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    judge = evaluation.judge

    def fails(task, name, params, seed):
        if name == "Popular":
            raise ValueError("no luck")
        return judge(task, name, params, seed)

    monkeypatch.setattr(quality_topn, "judge", fails)
    rows = run(tmp_path, "--sets", "lastfm", "--models", "Popular", "ItemKNN")
    assert {row["model"] for row in rows} == {"ItemKNN"}
    assert "Popular failed: ValueError: no luck" in capsys.readouterr().out


# Networks, minutes; by day, a stand-in shows what each model is given.
@pytest.mark.nightly
def test_every_network_is_judged_as_it_comes_and_tuned(folder, tmp_path):
    networks = [
        name
        for name, model in models.MODELS.items()
        if model.make and evaluation.is_network(evaluation.make(name, {}, 0))
    ]
    options = ["--sets", "lastfm", "--seeds", "1", "--tune", "--candidates", "1"]
    rows = pd.DataFrame(run(tmp_path, *options, "--models", *networks))

    assert rows["model"].tolist() == np.repeat(networks, 2).tolist()
    assert rows["variant"].tolist() == ["default", "tuned"] * len(networks)
    assert np.isfinite(rows[list(evaluation.METRICS)]).all(axis=None)
    assert rows["curve"].map(len).eq(2).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sets", "ml-1m"], "invalid choice: 'ml-1m'"),
        (["--models", "Luck"], "invalid choice: 'Luck'"),
        (["--seeds", "0"], "--seeds must be at least 1. Received: 0"),
    ],
)
def test_unusable_options(options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        quality_topn.main(options)
    assert message in capsys.readouterr().err


# ---- who may see what --------------------------------------------------------------


def test_parts_share_no_event_and_lose_none(task):
    parts = task.train, task.valid, task.test
    every = pd.concat(parts)

    assert every.index.is_unique and len(every) == every.index.max() + 1
    assert task.history.index.is_monotonic_increasing
    assert len(task.history) + len(task.test) == len(every)
    users = set(every["user"])
    assert all(set(part["user"]) == users for part in parts)


@pytest.mark.parametrize("name", ["beauty", "lastfm"])
def test_the_last_events_are_held_out(name):
    task = data.TASKS[name](3, False)
    last = task.history.groupby("user")["time"].max()
    test, valid = (part.set_index("user")["time"] for part in (task.test, task.valid))

    assert test.index.is_unique and (test > last).all()
    assert valid.index.is_unique and (valid == last).all()


def test_films_are_held_out_at_random():
    first, again, second = (data.TASKS["movielens"](seed, False) for seed in (0, 0, 1))

    pd.testing.assert_frame_equal(first.test, again.test)
    assert set(first.test.index) != set(second.test.index)
    n_events = pd.concat([first.history, first.test]).groupby("user").size()
    for part in (first.valid, first.test):
        assert (part.groupby("user").size() == np.ceil(n_events / 10)).all()


class Spy:
    """A network, or not, that notes what it is given."""

    def __init__(self, is_network):
        self.is_network = is_network

    def get_params(self):
        return {"early_stopping": True} if self.is_network else {}

    def fit(self, X):
        self.fitted = X

    def recommend(self, users, n, history=None):
        self.asked = history
        return pd.DataFrame({"user": users, "item": 1, "rank": 1})


@pytest.mark.parametrize("is_network", [True, False])
def test_nobody_trains_on_what_judges(task, is_network, monkeypatch):
    spy = Spy(is_network)
    monkeypatch.setattr(evaluation, "make", lambda *args: spy)
    evaluation.judge(task, "Spy", {}, 0)

    # A network holds the last event of each user out itself.
    if is_network and task.by_time:
        pd.testing.assert_frame_equal(spy.fitted, task.history)
        assert spy.asked is None
    else:
        pd.testing.assert_frame_equal(spy.fitted, task.train)
        pd.testing.assert_frame_equal(spy.asked, task.history)


def test_searches_see_no_test_event(monkeypatch):
    task = data.TASKS["lastfm"](0, True)
    seen = []
    fit = evaluation.RandomizedSearchCV.fit

    def noted(search, X):
        seen.append((X, [X.iloc[rows] for rows in next(search.cv.split())]))
        return fit(search, X)

    monkeypatch.setattr(evaluation.RandomizedSearchCV, "fit", noted)
    found = evaluation.search(task, "EASE", {}, 2, 0)

    ((X, (train, valid)),) = seen
    pd.testing.assert_frame_equal(X, task.history)
    pd.testing.assert_frame_equal(train, task.train)
    pd.testing.assert_frame_equal(valid, task.valid)
    assert 0 < found["score"] <= 1


# ---- peers -------------------------------------------------------------------------


def test_codes_of_peers_stand_for_events(task):
    parts, users, items = evaluation.parts_of(task)

    for name, own in (("train", task.train), ("known", task.history)):
        assert users[parts[name][:, 0]].tolist() == own["user"].tolist()
        assert items[parts[name][:, 1]].tolist() == own["item"].tolist()
    assert parts["shape"] == (len(users), len(items))
    ranked = np.full((len(users), 2), -1)
    ranked[1] = [3, -1]
    found = evaluation.frame_of(ranked, users, items)
    assert found.to_numpy().tolist() == [[users[1], items[3], 1]]


def test_peers_choose_by_the_ndcg_of_skrec():
    rng = np.random.default_rng(0)
    ranked = np.array([rng.permutation(30)[:10] for _ in range(50)])
    ranked[rng.random(ranked.shape) < 0.1] = -1
    pairs = rng.choice(40 * 30, size=200, replace=False)
    relevant = np.column_stack([pairs // 30, pairs % 30])
    frame = evaluation.frame_of(ranked, pd.RangeIndex(50), pd.RangeIndex(30))
    expected = ndcg_at_k(frame, pd.DataFrame(relevant, columns=["user", "item"]))

    assert len(np.unique(relevant[:, 0])) < 50  # users without any do not count
    assert peer_scores.ndcg(ranked, relevant) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "module"),
    [("implicit BPR", "implicit_models"), ("RecTools SASRec", "rectools_sasrec")],
)
def test_what_a_peer_ranks_is_judged(name, module, monkeypatch):
    task = data.TASKS["lastfm"](0, False)
    _, users, items = evaluation.parts_of(task)
    last = task.test.set_index("user")["item"]
    asked = []

    def answer(task, *args, **options):
        asked.append((task, args, options["python"]))
        ranked = items.get_indexer(last[users])[:, np.newaxis].copy()
        ranked[0] = -1  # none for the first user
        return {"params": {"lr": 0.5}, "seconds": 1.0, "ranked": ranked}

    monkeypatch.setattr(evaluation, "run_task", answer)
    found = evaluation.ask_peer(task, name, [{}, {"lr": 0.5}], 7, "python", (9, 3))

    (asked_task, args, python) = asked[0]
    assert (asked_task, python) == (f"_topn.{module}:search", "python")
    assert args[:3] == (name, [{}, {"lr": 0.5}], 7) and args[4:] == (9, 3)
    assert found["hit rate"] == found["NDCG"] == pytest.approx(1 - 1 / len(users))
    assert found["parameters"] == '{"lr": 0.5}'


def test_peers_have_environments_of_their_own(tmp_path, monkeypatch):
    def made(folder, install, packages):
        if "RecTools" in str(folder):
            raise MeasurementError("not installed")
        return folder / "python"

    monkeypatch.setattr(quality_topn, "peers_python", made)
    notes = []
    args = quality_topn.parse(["--envs", str(tmp_path)])
    found = quality_topn.find_peers(args, notes)
    assert found == {"implicit": tmp_path / "implicit" / "python"}
    assert notes == ["RecTools: not installed"]
    args = quality_topn.parse(["--models", "EASE"])
    assert quality_topn.find_peers(args, notes) == {}


# ---- tables ------------------------------------------------------------------------


@pytest.fixture
def runs():
    """Return runs of Beauty: a tuned network with two seeds, and two defaults."""
    scored = {
        ("Popular", "default"): [(0.02, 0.01)],
        ("SASRec", "default"): [(0.08, 0.05)],
        ("SASRec", "tuned"): [(0.0986, 0.058), (0.1, 0.060)],
        ("RecTools SASRec", "default"): [(0.09, 0.005)],
    }
    rows = [
        {"task": "Amazon Beauty", "model": model, "variant": variant, "seed": seed}
        | {"hit rate": hit, "NDCG": ndcg, "recall": hit, "seconds": 1.0}
        | {"rank_seconds": 0.1, "parameters": "{}", "best_epoch": np.nan}
        | {f"{name} se": 0.002 for name in evaluation.METRICS}
        for (model, variant), found in scored.items()
        for seed, (hit, ndcg) in enumerate(found)
    ]
    rows[2] |= {"curve": [0.01, 0.05], "best_epoch": 2.0}
    return pd.DataFrame(rows)


def test_summary_has_means_over_seeds_and_what_is_published(runs):
    table = tables.summary(runs, "Amazon Beauty").set_index(["model", "variant"])
    tuned = table.loc[("SASRec", "tuned")]

    assert tuned[["hit rate", "NDCG"]].tolist() == pytest.approx([0.0993, 0.059])
    assert tuned["NDCG se"] == pytest.approx(0.002)
    assert tuned["NDCG of seeds"] == "0.0580 to 0.0600"
    assert table.loc[("HSTU", "published"), "NDCG"] == 0.0543


def test_aims_say_by_how_much(runs):
    table = tables.summary(runs, "Amazon Beauty")
    found = tables.aims(table, "Amazon Beauty").set_index("aim")["passed by"]

    assert found.to_dict() == {
        "SASRec tuned: published hit rate": pytest.approx(0.0007),
        "SASRec tuned: published NDCG": pytest.approx(-0.0007),
        "SASRec default: NDCG of Popular default": pytest.approx(0.04),
    }


def test_curves_are_drawn_where_there_are_some(runs, tmp_path):
    for own in (runs, runs.drop(columns="curve")):
        tables.draw_curves(own, tmp_path / "curves.png")
        assert (tmp_path / "curves.png").stat().st_size > 0


def test_spaces_and_tuned_parameters_are_of_parameters():
    tuned = [of_set.items() for of_set in models.TUNED.values()]
    spaces = [(name, model.space) for name, model in models.MODELS.items()]
    for name, params in [*spaces, *chain.from_iterable(tuned)]:
        if models.MODELS[name].make:
            legal = evaluation.make(name, {}, 0).get_params()
            assert params.keys() <= legal.keys(), name
