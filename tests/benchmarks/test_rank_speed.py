"""benchmarks/rank_speed.py: what is timed, in turns, and what is said of failures."""

import numpy as np
import pandas as pd
import pytest
import rank_speed
from _measure import MeasurementError
from _topn import peer_scores, speed


@pytest.fixture(scope="module", autouse=True)
def folder(made_data):
    """Return the mirror of made-up files, where all tests here find their data."""
    return made_data


# Four processes with TensorFlow; by day, the pieces below.
@pytest.mark.nightly
def test_both_parts_are_timed_without_peers(run_tiny, tmp_path_factory):
    nowhere = str(tmp_path_factory.mktemp("envs") / "none")
    out = run_tiny(rank_speed, "--no-install", "--envs", nowhere, "--repeats", "1")

    for part, peer in (("ranking", "implicit"), ("epoch", "RecTools")):
        found = pd.read_csv(out / f"{part}.csv", index_col="system")
        assert found.index.tolist() == ["skrec", peer]
        assert np.isfinite(found.loc["skrec", "seconds"])
        assert found.loc[peer, "rounds"] == 0
        assert "not installed" in found.loc[peer, "note"]
    assert "tiny: the numbers mean nothing" in (out / "report.md").read_text()


def test_events_have_every_user_and_item():
    sizes = peer_scores.RankSizes(n_users=50, n_items=70, n_factors=4, n_seen=3)
    events = peer_scores.draw_events(sizes, 0)

    assert np.unique(events[:, 0]).tolist() == list(range(50))
    assert np.unique(events[:, 1]).tolist() == list(range(70))
    assert len(np.unique(events, axis=0)) == len(events) <= 150


def test_the_ranking_that_is_timed_is_that_of_the_factors():
    sizes = peer_scores.RankSizes(n_users=50, n_items=70, n_factors=4, n_seen=3)
    found = speed.rank(sizes, 10, 0)
    users, items = peer_scores.draw_factors(sizes, 0)
    scores = users @ items.T
    scores[tuple(peer_scores.draw_events(sizes, 0).T)] = -np.inf

    assert found["seconds"] > 0 and found["MB above"] < 100
    assert found["ranked"].tolist() == np.argsort(-scores, axis=1)[:, :10].tolist()


def test_systems_take_turns_and_a_failure_is_a_row():
    asked = []

    def call(system, seconds):
        asked.append(system)
        if seconds is None:
            raise MeasurementError("no luck")
        ranked = np.array([[1, 2], [3, 5 if system == "skrec" else 4]])
        return {"seconds": seconds.pop(0), "MB above": 50.0, "ranked": ranked}

    runs = {
        "skrec": lambda: call("skrec", own),
        "implicit": lambda: call("implicit", others),
        "RecTools": lambda: call("RecTools", None),
    }
    own, others = [2.0, 4.0, 3.0], [5.0, 7.0, 6.0]
    found = rank_speed.summary(rank_speed.measure(runs, 3)).set_index("system")

    assert asked == ["skrec", "implicit", "RecTools"] * 3
    assert found.loc["skrec", ["seconds", "lowest", "highest"]].tolist() == [3, 2, 4]
    assert found["times skrec"].tolist()[:2] == [1.0, 2.0]
    assert found["same users"].tolist()[:2] == [1.0, 0.5]
    assert found["rounds"].tolist() == [3, 3, 0]
    assert found.loc["RecTools", "note"] == "no luck"
    assert np.isnan(found.loc["RecTools", "seconds"])


def test_an_epoch_is_of_all_but_the_last_two_events(monkeypatch, tmp_path):
    args = rank_speed.parse(["--envs", str(tmp_path), "--no-install"])
    asked = []

    def ask(task, params, events, n_more, python="own"):
        asked.append((task, params, events, python))

    for call in rank_speed.epoch_runs(args, ask).values():
        call()
    (own, own_params, events, _), (peer, params, same, python) = asked
    assert (own, peer) == ("_topn.speed:epoch", "_topn.rectools_sasrec:epoch")
    assert events is same and isinstance(python, MeasurementError)
    n_events = np.bincount(rank_speed.TASKS["beauty"](0, False).history["user"])[1:]
    assert np.bincount(events[:, 0]).tolist() == (n_events - 1).tolist()
    same_names = {
        "n_factors": "units",
        "dropout_rate": "dropout",
        "lr": "learning_rate",
    }
    same_names |= {"n_blocks": "num_blocks", "n_heads": "num_heads"}
    same_names |= {"session_max_len": "max_len"}
    assert own_params == {same_names.get(k, k): v for k, v in params.items()}


@pytest.mark.parametrize("option", ["--repeats", "--threads"])
def test_unusable_options(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        rank_speed.main([option, "0"])
    assert f"{option} must be at least 1. Received: 0." in capsys.readouterr().err
