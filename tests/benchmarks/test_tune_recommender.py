"""benchmarks/tune_recommender.py: what becomes of a log, what is judged and written."""

import joblib
import numpy as np
import pandas as pd
import pytest
import tune_recommender
from _common import Report
from sklearn.model_selection import GridSearchCV

from skrec.metrics import recommender_scorer
from skrec.recommenders import ItemKNNRecommender, PopularRecommender

FILES = {
    "best_model.joblib",
    "candidates.csv",
    "recommended.csv",
    "report.html",
    "report.md",
    "results.csv",
    "searches.csv",
    "tune_recommender.png",
}
MODELS = [
    "Popular",
    "ItemKNN",
    "EASE",
    "SASRec, not tuned",
    "Caser, not tuned",
    "Caser, GridSearchCV",
    "Caser, RandomizedSearchCV",
    "Caser, BayesSearchCV",
]
COLUMNS = ["--user-col", "who", "--item-col", "what"]


@pytest.fixture
def frame():
    """Return 30 shoppers' purchases, a third of them of the same thing again."""
    rng = np.random.default_rng(0)
    when = pd.date_range("2024-01-01", periods=360, freq="h")
    return pd.DataFrame(
        {
            "who": np.tile(np.arange(30), 12),
            "what": [f"thing {k}" for k in rng.integers(40, size=360)],
            "when": when.astype(str),
            "price": rng.normal(size=360),
        }
    )


@pytest.fixture
def load(tmp_path, frame):
    """Load a log of one's own, changed as wanted."""

    def load(*options, **columns):
        frame.assign(**columns).to_csv(tmp_path / "own.csv", index=False)
        argv = ["--tiny", "--csv", str(tmp_path / "own.csv"), *COLUMNS, *options]
        return tune_recommender.load(tune_recommender.parse(argv)[1])

    return load


def split(log):
    return [log.events.iloc[rows] for rows in next(log.last_out.split(log.events))]


# ---- the script --------------------------------------------------------------------


# A minute each, for nightly tests; .ci/run runs the script itself, as README does.
@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["MovieLens", "own log, no times"])
def test_files_and_tables(kind, run_tiny, tmp_path, frame, made_data):
    options = []
    if kind != "MovieLens":
        frame.to_csv(tmp_path / "own.csv", index=False)
        options = ["--csv", str(tmp_path / "own.csv"), *COLUMNS]
    out = run_tiny(tune_recommender, *options)

    assert {path.name for path in out.iterdir()} == FILES
    results = pd.read_csv(out / "results.csv")
    assert results["model"].tolist() == MODELS
    assert results.drop(columns=["model", "seconds"]).stack().between(0, 1).all()
    searches = pd.read_csv(out / "searches.csv")
    assert searches["fits"].tolist() == [8, 2, 2]
    best = joblib.load(out / "best_model.joblib")
    shown = pd.read_csv(out / "recommended.csv")
    (user,) = shown[best.user_col_].unique()
    again = best.recommend([user])
    assert shown[best.item_col_].tolist() == again[best.item_col_].tolist()
    assert ("title" in shown) == (kind == "MovieLens")


# ---- events ------------------------------------------------------------------------


def test_movielens_has_titles_and_times(made_data):
    log = tune_recommender.load(tune_recommender.parse(["--tiny"])[1])

    assert log.events.columns.tolist() == ["user_id", "item_id", "timestamp"]
    assert log.events["timestamp"].is_monotonic_increasing
    assert log.titles[7] == "Film 7"
    assert log.notes == []


def test_a_log_is_cleaned(load, frame):
    log = load("--time-col", "when", who=frame["who"].where(frame.index != 5))
    n_new = len(frame.drop(5).drop_duplicates(["who", "what"]))

    assert log.events.columns.tolist() == ["who", "what", "when"]
    assert log.events["who"].dtype == int
    assert log.events["when"].dtype.kind == "M"
    assert len(log.events) == n_new
    assert log.notes[0] == "dropped 1 rows without one of who, what, when"
    assert log.notes[1].startswith(f"dropped {359 - n_new} events of an item that")


@pytest.mark.parametrize("options", [[], ["--time-col", "when"]])
def test_the_last_new_item_is_held_out(load, frame, options):
    # The last row of the file comes first in time.
    log = load(*options, when=frame["when"].to_numpy()[::-1])
    train, test = split(log)

    in_time = frame[::-1] if options else frame
    new = in_time.drop_duplicates(["who", "what"])
    expected = new.groupby("who")["what"].last()
    assert test.set_index("who")["what"].sort_index().equals(expected)
    assert len(test) + len(train) == len(new)
    assert not test.merge(train, on=["who", "what"]).size


def test_many_users_are_drawn(load):
    log = load("--users", "12")

    assert log.events["who"].nunique() == 12
    assert log.notes[-1] == "drew 12 users"
    assert set(load("--users", "12").events["who"]) == set(log.events["who"])


def test_ties_at_the_last_event_are_counted(load):
    # Three events an hour: of users 0, 1, 2 and so on, whose own never meet.
    assert tune_recommender._n_ties(load("--time-col", "when")) == 0
    assert tune_recommender._n_ties(load("--time-col", "when", when=5)) == 30
    assert tune_recommender._n_ties(load()) == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"who": 1}, "at least 10 users with two different items. Received: 1 in"),
        ({"what": "x"}, "at least 10 users with two different items. Received: 0 in"),
        ({"when": "soon"}, "the column 'when' must hold numbers or dates"),
    ],
)
def test_unusable_logs(load, columns, message):
    with pytest.raises(ValueError, match=message):
        load("--time-col", "when", **columns)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--csv", "x.csv", "--user-col", "u"], "go together: give all or none"),
        (["--item-col", "i"], "go together: give all or none"),
        (["--time-col", "t"], "--time-col needs --csv"),
        (["--csv", "nowhere.csv", *COLUMNS], "nowhere.csv"),
    ],
)
def test_unusable_options(options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        tune_recommender.main(options)
    assert message in capsys.readouterr().err


def test_unknown_columns_are_named_by_their_option(load):
    with pytest.raises(ValueError, match=r"no column 'whom': name .* --item-col"):
        load("--item-col", "whom")


# ---- results -----------------------------------------------------------------------


@pytest.fixture
def judged(load):
    """Judge a model, and a search over one that needs no training."""
    log = load("--time-col", "when")
    train, test = split(log)
    ids = {"user_col": "who", "item_col": "what"}
    search = GridSearchCV(
        ItemKNNRecommender(**ids),
        {"n_neighbors": [2, 10]},
        scoring=recommender_scorer(tune_recommender.METRICS),
        refit="ndcg@10",
        cv=log.last_out,
    )
    models = {"Popular": PopularRecommender(**ids), "search": search}
    return log, test, search, tune_recommender.judge(models, train, test)


def test_models_are_scored_on_what_was_held_out(judged):
    _, test, search, results = judged
    users = test["who"].to_numpy()
    found = search.best_estimator_.recommend(users)
    hits = found.merge(test, on=["who", "what"])

    assert results["model"].tolist() == ["Popular", "search"]
    row = results.set_index("model").loc["search"]
    assert row["hit_rate@10"] == pytest.approx(len(hits) / len(users))
    ndcg = (1 / np.log2(hits["rank"] + 1)).sum() / len(users)
    assert row["ndcg@10"] == pytest.approx(ndcg)


def test_recommended_has_titles_and_what_was_next(judged):
    log, test, search, _ = judged
    log.titles = {f"thing {k}": f"Thing {k}" for k in range(40)}
    shown = tune_recommender.recommended_frame(log, search.best_estimator_, test)

    assert (shown["who"] == 0).all()
    assert shown["title"].str.lower().tolist() == shown["what"].tolist()
    last = test.set_index("who")["what"][0]
    assert (shown["was next"] == "yes").tolist() == (shown["what"] == last).tolist()


def test_the_saved_model_is_the_best_one(judged, tmp_path):
    _, _, search, _ = judged
    tune_recommender.save_best("search", search, Report(tmp_path, "Title"))

    saved = joblib.load(tmp_path / "best_model.joblib")
    assert saved.get_params() == search.best_estimator_.get_params()
    report = (tmp_path / "report.md").read_text()
    assert f"search, n_neighbors={search.best_params_['n_neighbors']}." in report
