"""Explanations of models: scikit-learn's on our tables, and ours of ids and lists."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import (
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrec import DeepFMClassifier, DeepFMRegressor, DINClassifier, FMRegressor
from skrec.inspection import embedding_vectors, feature_effects, nearest_ids
from skrec.recommenders import ALSRecommender, PopularRecommender

RNG = np.random.default_rng(0)
CITIES = ["Bonn", "Kiel", "Ulm"]
N = 400
X = pd.DataFrame(
    {
        "city": RNG.choice(CITIES, N),
        "noise": RNG.choice(["x", "y"], N),
        "age": RNG.uniform(20, 60, N),
        "visits": RNG.integers(0, 5, N),
    }
)
X.loc[::10, "age"] = np.nan
LISTS = X.assign(seen=[list(RNG.choice(["tea", "jam"], k % 3)) for k in range(N)])
HEIGHT = X["city"].map({"Bonn": 0.0, "Kiel": 2.0, "Ulm": 4.0}).to_numpy()
Y = HEIGHT + X["age"].fillna(40).to_numpy() / 20
LIKED = np.median(Y) < Y
FIT = {"learning_rate": 0.01, "random_state": 0}


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    return DeepFMRegressor(epochs=30, **FIT).fit(X, Y)


@pytest.fixture(scope="module")
def clicks():
    return DeepFMClassifier(epochs=15, **FIT).fit(LISTS, LIKED)


def test_permutation_importance_works_on_mixed_columns(clicks):
    found = permutation_importance(clicks, LISTS, LIKED, n_repeats=3, random_state=0)

    means = dict(zip(LISTS, found.importances_mean, strict=True))
    assert max(means, key=means.get) == "city"
    assert means["city"] > 0.15
    assert max(abs(means["noise"]), abs(means["seen"])) < 0.05


def test_partial_dependence_works_on_numbers_and_on_ids(model):
    found = partial_dependence(model, X.dropna(), ["age"], grid_resolution=5)
    ids = partial_dependence(model, X.dropna(), ["city"], categorical_features=["city"])
    _, ax = plt.subplots(1, 2)
    display = PartialDependenceDisplay.from_estimator(
        model, X.dropna(), ["age", "city"], categorical_features=["city"], ax=ax
    )

    assert (np.diff(found["average"][0]) > 0).all()
    assert ids["grid_values"][0].tolist() == CITIES
    assert np.allclose(ids["average"][0] - ids["average"][0][0], [0, 2, 4], atol=0.4)
    assert display.axes_.tolist() == [*ax]


def test_calibration_is_scikit_learn_s_own(clicks):
    display = CalibrationDisplay.from_estimator(clicks, LISTS, LIKED, n_bins=4)

    assert (np.diff(display.prob_true) >= 0).all()
    assert display.prob_true[-1] > 0.9 > 0.1 > display.prob_true[0]


def test_effects_of_numbers_are_those_of_partial_dependence(model):
    whole = X.dropna().astype({"visits": float})  # as scikit-learn wants it
    ours = feature_effects(model, whole, "visits", max_rows=None)
    theirs = partial_dependence(model, whole, ["visits"])

    assert np.allclose(ours["effect"], theirs["average"][0], atol=1e-5)
    assert ours["value"].tolist() == theirs["grid_values"][0].tolist()
    assert (
        ours["count"].tolist() == whole["visits"].value_counts().sort_index().tolist()
    )


def test_effects_of_ids_and_of_quantiles(model):
    found = feature_effects(model, X, ["city", "age"], n_values=5)

    city = found[found["feature"] == "city"]
    assert city["value"].tolist() == CITIES
    assert city["count"].tolist() == X["city"].value_counts()[CITIES].tolist()
    steps = city["effect"].to_numpy() - city["effect"].iloc[0]
    assert np.allclose(steps, [0, 2, 4], atol=0.4)
    age = found[found["feature"] == "age"]
    assert len(age) == 5
    assert age["count"].sum() == X["age"].notna().sum()
    assert (np.diff(age["effect"].astype(float)) > 0).all()


def test_a_missing_id_is_a_value(clicks):
    some = LISTS.assign(city=LISTS["city"].where(LISTS.index % 4 > 0, None))
    found = feature_effects(clicks, some, "city")

    assert found["value"].isna().sum() == 1
    assert found["count"].sum() == len(some)


def test_an_item_of_lists_has_the_effect_of_a_list_of_it_alone(clicks):
    found = feature_effects(clicks, LISTS, "seen", max_rows=50)

    assert found["value"].tolist() == ["jam", "tea"]
    holds = [sum(item in cell for cell in LISTS["seen"]) for item in ("jam", "tea")]
    assert found["count"].tolist() == holds


def test_each_row_has_its_curve(model):
    named = X.iloc[:6].set_axis([f"r{k}" for k in range(6)])
    curves = feature_effects(model, named, "city", kind="individual")
    means = feature_effects(model, named, "city")

    assert curves["row"].tolist() == [*named.index] * 3
    by_value = curves.groupby("value")["effect"].mean()
    assert np.allclose(by_value, means["effect"])
    own = curves[curves["value"] == named["city"].iloc[0]]["effect"].iloc[0]
    assert own == pytest.approx(model.predict(named)[0], abs=1e-5)


@pytest.mark.nightly
def test_the_probability_of_a_class_is_asked_for():
    y = pd.cut(Y, 3, labels=["low", "middle", "high"]).astype(str)
    model = DeepFMClassifier(epochs=5, **FIT).fit(X, y)

    high = feature_effects(model, X, "city", target="high")

    assert high["effect"].is_monotonic_increasing
    with pytest.raises(ValueError, match=r"one of \['high', 'low', 'middle'\].*None"):
        feature_effects(model, X, "city")


def test_polars_searches_and_pipelines(model):
    pipe = make_pipeline(DeepFMRegressor(epochs=1, random_state=0))
    search = GridSearchCV(pipe, {"deepfmregressor__l1": [0.0]}, cv=2).fit(X, Y)
    frame = pl.from_pandas(X)

    assert len(feature_effects(search, X, 0)) == 3
    ours = feature_effects(model, frame, "city")
    assert ours.equals(feature_effects(model, X, "city"))
    with pytest.raises(ValueError, match=r"some of \['city', .*Received: 'town'"):
        feature_effects(model, X, ["city", "town"])
    with pytest.raises(ValueError, match=r"target is for classifiers"):
        feature_effects(model, X, "city", target=1)


def test_ids_that_mean_the_same_are_near_each_other():
    rng = np.random.default_rng(1)
    item = rng.integers(0, 12, 3000)
    user = rng.integers(0, 20, 3000)
    likes = np.where((item % 2) == (user % 2), 2.0, -2.0)
    table = pd.DataFrame({"user": user.astype(str), "item": item.astype(str)})
    model = FMRegressor(epochs=20, **FIT).fit(table, likes)

    found = nearest_ids(model, "item", ["3", "4"], n=5)

    assert found["item"].tolist() == ["3"] * 5 + ["4"] * 5
    assert found["rank"].tolist() == [1, 2, 3, 4, 5] * 2
    same = found["similar"].astype(int) % 2 == found["item"].astype(int) % 2
    assert same.all()
    vectors = embedding_vectors(model, "item")
    a, b = vectors.loc["3"], vectors.loc[found["similar"].iloc[0]]
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert found["score"].iloc[0] == pytest.approx(cosine, abs=1e-5)
    assert len(nearest_ids(model, "item", "3", n=50)) == 11  # all others
    with pytest.raises(ValueError, match=r"Received: '77', and 0 more"):
        nearest_ids(model, "item", ["3", "77"])


@pytest.mark.nightly
def test_a_history_has_the_vectors_of_its_target():
    table = pd.DataFrame(
        {"item": ["tea", "jam"] * 20, "before": [["jam"], ["tea"]] * 20}
    )
    model = DINClassifier(
        "4", shared_embeddings=[("item", "before")], epochs=1, random_state=0
    ).fit(table, [0, 1] * 20)

    both = embedding_vectors(model, "item"), embedding_vectors(model, "before")
    assert np.array_equal(*both)
    assert nearest_ids(model, "before", "tea")["similar"].tolist() == ["jam"]


def test_recommenders_have_vectors_of_items():
    events = pd.DataFrame({"who": [1, 1, 2, 2, 3], "what": [5, 6, 5, 7, 7]})
    model = ALSRecommender(embedding_dim=2, random_state=0).fit(events)

    near = nearest_ids(model, "what", [5], n=1)
    assert near["similar"].iloc[0] == model.similar_items([5], n=1)["similar"].iloc[0]
    with pytest.raises(ValueError, match=r"must be 'what'.*Received: 'who'"):
        nearest_ids(model, "who", [1])
    with pytest.raises(TypeError, match=r"Received: PopularRecommender"):
        embedding_vectors(PopularRecommender().fit(events), "what")
