"""Displays of recommenders: their numbers are those of the metrics."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from skrec.inspection import CoverageDisplay, RankingCurveDisplay
from skrec.metrics import coverage_at_k, evaluate
from skrec.recommenders import ItemKNNRecommender, PopularRecommender

RNG = np.random.default_rng(0)
EVENTS = pd.DataFrame(
    {"user": RNG.integers(30, size=400), "item": RNG.zipf(1.5, size=400) % 40}
).drop_duplicates()
TRAIN, TEST = EVENTS.iloc[::2], EVENTS.iloc[1::2]


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def models():
    return {
        "popular": PopularRecommender().fit(TRAIN),
        "neighbours": ItemKNNRecommender().fit(TRAIN),
    }


def test_curves_have_the_numbers_of_evaluate(models):
    display = RankingCurveDisplay.from_estimators(models, TEST, ks=[1, 3, 8])

    for name, model in models.items():
        for metric in ("recall", "ndcg"):
            own = evaluate(model, TEST, [f"{metric}@{k}" for k in (1, 3, 8)])
            line = display.lines_[name, metric]
            assert line.get_ydata().tolist() == own["score"].tolist()
            assert line.get_xdata().tolist() == [1, 3, 8]
    colors = {line.get_color() for line in display.lines_.values()}
    styles = {line.get_linestyle() for line in display.lines_.values()}
    assert (len(colors), len(styles), len(display.bands_)) == (2, 2, 4)


def test_one_model_has_its_name_in_the_title(models):
    _, ax = plt.subplots()
    display = RankingCurveDisplay.from_estimator(
        models["popular"], TEST, ks=[1, 2], metrics="coverage", ax=ax
    )

    assert display.ax_ is ax
    assert ax.get_title() == "PopularRecommender"
    assert not display.bands_  # coverage has no error


def test_coverage_and_shares_are_those_of_the_lists(models):
    display = CoverageDisplay.from_estimators(models, k=3)

    for name, model in models.items():
        lists = model.recommend(n=3)
        assert display.coverage[name] == coverage_at_k(lists, model.items_, 3)
        own = display.curves[display.curves["model"] == name]
        best_known = TRAIN["item"].value_counts().index[0]
        share = (lists["item"] == best_known).mean()
        assert own["recommended"].iloc[0] == pytest.approx(share)
        assert own["recommended"].iloc[-1] == own["events"].iloc[-1] == 1
    counts = TRAIN["item"].value_counts().to_numpy()
    assert np.allclose(own["events"], np.cumsum(counts) / counts.sum())
    # Lists of the best known alone favour these more than users did.
    popular = display.curves[display.curves["model"] == "popular"]
    assert (popular["recommended"] - popular["events"]).mean() > 0


def test_what_is_no_recommender_is_refused(models):
    with pytest.raises(TypeError, match=r"recommenders.*Received: Ridge"):
        CoverageDisplay.from_estimator(Ridge())
    with pytest.raises(ValueError, match=r"dict of names.*Received: \[\]"):
        RankingCurveDisplay.from_estimators([], TEST)
    with pytest.raises(ValueError, match=r"must not be empty"):
        RankingCurveDisplay.from_estimators(models, TEST, ks=[])
