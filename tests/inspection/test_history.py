"""The epochs of a fit: whatever was fitted, and which one was kept."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrec import KerasClassifier, MLPClassifier, MLPRegressor
from skrec.inspection import HistoryDisplay
from skrec.recommenders import BPRRecommender

X, Y = make_classification(120, n_features=5, random_state=0)


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def test_the_epochs_of_a_classifier_and_the_one_that_was_kept():
    model = MLPClassifier(8, epochs=6, scoring="roc_auc", random_state=0).fit(X, Y)
    _, ax = plt.subplots()

    display = HistoryDisplay.from_estimator(model, ax=ax)

    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    for name, line in display.lines_.items():
        assert line.get_ydata().tolist() == model.history_[name]
        assert line.get_xdata().tolist() == [*range(1, model.n_iter_ + 1)]
    assert display.lines_["val_loss"].axes is ax
    assert display.lines_["val_auc"].axes is display.right_ax_
    assert display.best_line_.get_xdata() == [model.best_epoch_] * 2
    assert display.ax_.get_legend().get_title().get_text() == "MLPClassifier"


def test_the_best_estimator_of_a_search_over_a_pipeline_is_shown():
    pipe = make_pipeline(StandardScaler(), MLPRegressor(4, epochs=2, random_state=0))
    search = GridSearchCV(pipe, {"mlpregressor__l2": [0.0, 0.1]}, cv=2).fit(X, Y)

    display = HistoryDisplay.from_estimator(search, name="best")

    history = search.best_estimator_[-1].history_
    assert display.lines_["loss"].get_ydata().tolist() == history["loss"]
    assert display.right_ax_ is None


def test_a_user_s_own_network_has_its_metrics():
    def build(meta):
        layers = [keras.Input(meta["X_shape_"][1:]), keras.layers.Dense(1, "sigmoid")]
        return keras.Sequential(layers)

    model = KerasClassifier(
        build, loss="binary_crossentropy", metrics=["accuracy"], epochs=2, verbose=0
    ).fit(X, Y)

    every = HistoryDisplay.from_estimator(model)
    one = HistoryDisplay.from_estimator(model, metrics=["accuracy"])

    assert set(every.lines_) == {"loss", "accuracy"}
    assert every.best_line_ is None
    assert set(one.lines_) == {"accuracy"}
    assert one.right_ax_ is None
    with pytest.raises(ValueError, match=r"\['loss', 'accuracy'\]. Received: \['f1'\]"):
        HistoryDisplay.from_estimator(model, metrics=["f1"])


def test_a_recommender_has_epochs_too():
    events = pd.DataFrame({"user": np.repeat(range(12), 4)})
    events["item"] = (events.index + events["user"]) % 7
    model = BPRRecommender(epochs=2, random_state=0).fit(events)

    display = HistoryDisplay.from_estimator(model)

    assert set(display.lines_) == set(model.history_)


def test_what_has_no_epochs_is_refused():
    with pytest.raises(TypeError, match=r"trained network of skrec.*Received: Ridge"):
        HistoryDisplay.from_estimator(Ridge().fit(X, Y))
    with pytest.raises(NotFittedError):
        HistoryDisplay.from_estimator(MLPClassifier())
