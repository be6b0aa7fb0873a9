"""Recommenders as ONNX files: from a user, or a history, to the best items."""

import numpy as np
import pandas as pd
import pytest

from skrec.export import to_onnx
from skrec.recommenders import (
    BPRRecommender,
    BSARecRecommender,
    CaserRecommender,
    EASERecommender,
    GRU4RecRecommender,
    ItemKNNRecommender,
    NeuMFRecommender,
    PopularRecommender,
    SASRecRecommender,
    TwoTowerRecommender,
)
from tests.export.graphs import Written
from tests.night import by_day
from tests.recommenders.logs import random_log

TINY = {
    "epochs": 2,
    "batch_size": 16,
    "random_state": 0,
    "early_stopping": False,
    "time_col": "time",
}
SHORT = {**TINY, "units": 6, "max_len": 4}


def case(model, name=None):
    return pytest.param(model, id=name or type(model).__name__)


MODELS = [
    case(BPRRecommender(**TINY, embedding_dim=4)),
    case(NeuMFRecommender(**TINY, num_factors=2, units="6-4")),
    case(TwoTowerRecommender(**TINY, embedding_dim=3, units="5-4")),
    case(SASRecRecommender(**SHORT)),
    case(SASRecRecommender(**SHORT, loss="bce", num_heads=2), "drawn"),
    case(BSARecRecommender(**SHORT)),
    case(GRU4RecRecommender(**SHORT, embedding_dim=4)),
    case(
        GRU4RecRecommender(**SHORT, embedding_dim=4, loss="bpr_max", cell="lstm"), "l"
    ),
    case(CaserRecommender(**SHORT, embedding_dim=4, filters=2)),
    case(EASERecommender(time_col="time")),
    case(ItemKNNRecommender(time_col="time")),
    case(PopularRecommender(time_col="time")),
]


def events(seed=0):
    log = random_log(seed=seed)
    names = {
        "user": "u" + log["user"].astype(str),
        "item": "i" + log["item"].astype(str),
    }
    return log.assign(**names)


def ask(written, user, history, n=5, exclude_seen=True):
    rows = [row + ["<padding>"] * (4 - len(row)) for row in history]
    return written.run(
        {
            "user": np.array(user, dtype=object)[:, None],
            "history": np.array(rows, dtype=object).reshape(len(user), 4),
            "n": np.array([n]),
            "exclude_seen": np.array([exclude_seen]),
        }
    )


def answers(found):
    return [
        [item for item, score in zip(*row, strict=True) if np.isfinite(score)]
        for row in zip(found["items"], found["scores"], strict=True)
    ]


@pytest.mark.parametrize(
    "model", by_day(MODELS, "BPRRecommender", "CaserRecommender", "EASERecommender")
)
@pytest.mark.filterwarnings("ignore:.*get fewer than n")
def test_a_graph_recommends_what_the_recommender_does(model, tmp_path):
    log = events()
    model = model.fit(log)
    histories = {
        "u1": ["i3", "i5", "i3"],  # known, with other events than in fit
        "new": ["i1", "i2", "never"],
        "strange": ["never"],
    }
    rows = [(u, i, t) for u, items in histories.items() for t, i in enumerate(items)]
    after = pd.DataFrame(rows, columns=log.columns)
    path = tmp_path / "model.onnx"
    written = Written(model, path, pd.concat([log[:99], after]))
    users = list(histories)
    for history, given in (
        (None, [[] for _ in users]),
        (after, list(histories.values())),
    ):
        for seen in (True, False):
            wanted = model.recommend(users, 5, history=history, exclude_seen=seen)
            found = ask(written, users, given, exclude_seen=seen)
            by_user = wanted.groupby("user")["item"].agg(list)
            assert answers(found) == [by_user[user] for user in users]
            for user, scores in zip(users, found["scores"], strict=True):
                right = wanted.loc[wanted["user"] == user, "score"]
                kept = scores[np.isfinite(scores)]
                np.testing.assert_allclose(kept, right, rtol=1e-5, atol=1e-6)
    one = ask(written, ["u1"], [["i3", "i5", "i3"]])
    assert answers(one)[0] == answers(ask(written, users, histories.values()))[0]
    assert ask(written, [], [])["items"].shape[0] == 0
    assert ask(written, ["u1"], [[]], n=99)["items"].shape == (1, len(model.items_))


def test_whose_answer_is_a_guess_is_told(tmp_path):
    log = events()
    model = PopularRecommender(time_col="time").fit(log)
    written = Written(model, tmp_path / "model.onnx", log)
    found = ask(written, ["u1", "new", "new"], [[], [], ["i1"]])
    assert found["known"].tolist() == [True, False, True]
    assert written.schema["task"] == "recommender"
    assert written.schema["n_items"] == len(model.items_)


@pytest.mark.filterwarnings("ignore:.*get fewer than n")
def test_to_strangers_nothing_is_recommended_if_they_are_an_error(tmp_path):
    log = events()
    model = EASERecommender(time_col="time", unknown="error").fit(log)
    written = Written(model, tmp_path / "model.onnx", log)
    assert answers(ask(written, ["new"], [[]])) == [[]]
    assert len(answers(ask(written, ["new"], [["i1"]]))[0]) == 5


def test_weights_of_events_and_ids_of_numbers(tmp_path):
    log = random_log()
    weights = np.random.default_rng(0).integers(1, 6, len(log))
    model = EASERecommender(time_col="time").fit(log, weights)
    written = Written(model, tmp_path / "model.onnx", log)
    dtypes = {own["name"]: own["dtype"] for own in written.schema["columns"]}
    assert dtypes == {"user": "int64", "history": "int64"}
    wanted = model.recommend([3], 4)
    found = written.run(
        {
            "user": np.array([[3]]),
            "history": np.empty((1, 0), np.int64),
            "n": np.array([4]),
            "exclude_seen": np.array([True]),
        }
    )
    assert found["items"][0].tolist() == wanted["item"].tolist()
    np.testing.assert_allclose(found["scores"][0], wanted["score"], rtol=1e-5)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:.*get fewer than n")
def test_items_that_came_later_are_in_the_order_of_their_ids(tmp_path):
    log = events()
    model = BPRRecommender(**TINY, embedding_dim=2).fit(log)
    more = pd.DataFrame(
        {"user": ["u1", "u2"], "item": ["a", "i10b"], "time": [999, 999]}
    )
    model.partial_fit(more)
    Written(model, tmp_path / "model.onnx", pd.concat([log, more]))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:.*get fewer than n")
def test_towers_know_users_and_items_by_their_features(tmp_path):
    log = random_log()
    items = pd.DataFrame({"item": range(40), "kind": ["a", "b"] * 20})
    users = pd.DataFrame({"user": range(50), "age": np.arange(50.0)})
    model = TwoTowerRecommender(**TINY, units="6-4", embedding_dim=4)
    model.fit(log, user_features=users, item_features=items)
    more = pd.DataFrame({"user": [45, 99], "item": [3, 4], "time": [0, 0]})
    Written(model, tmp_path / "model.onnx", pd.concat([log, more]))


def test_another_list_is_an_error_with_its_user(tmp_path, monkeypatch):
    log = events()
    model = EASERecommender(time_col="time").fit(log)
    path = tmp_path / "model.onnx"
    to_onnx(model, path, log)
    wrong = model.item_weights_[:, ::-1].copy()
    recommend = type(model).recommend

    def other(self, *args, **kwargs):
        monkeypatch.setattr(self, "item_weights_", wrong)
        return recommend(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "recommend", other)
    with pytest.raises(ValueError, match=r"differs .* for user 'u\d+' at rank"):
        to_onnx(model, tmp_path / "other.onnx", log)
    assert not (tmp_path / "other.onnx").exists()


def test_recommenders_that_solve_for_each_user_are_refused(tmp_path):
    from skrec.recommenders import ALSRecommender

    log = events()
    model = ALSRecommender(time_col="time").fit(log)
    with pytest.raises(TypeError, match="computes more for each user"):
        to_onnx(model, tmp_path / "model.onnx", log)
