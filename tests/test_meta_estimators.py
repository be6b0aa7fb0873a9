"""Whatever works on ``LogisticRegression`` works on a skrec estimator, unchanged."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skopt import BayesSearchCV
from skopt.space import Categorical, Integer, Real

from skrec import (
    CNNClassifier,
    KerasClassifier,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
)
from skrec.datasets import make_sessions
from skrec.training import cache_clear, cache_info
from tests.plain import STEPS

X, Y = load_iris(return_X_y=True)  # sorted by class: an unstratified split scores 0
DIABETES_X, DIABETES_Y = load_diabetes(return_X_y=True)
SESSIONS, ORDERS = make_sessions(n_samples=150, n_steps=6, random_state=0)
QUICK = {"units": 8, "epochs": 15, "learning_rate": 0.03, "random_state": 0}
NAMED = {**STEPS, **QUICK}


def build(meta, units, learning_rate):
    exclusive = meta["target_type_"] == "multiclass"
    outputs = meta["n_classes_"] if exclusive else 1
    model = keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Flatten(),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dense(outputs, "softmax" if exclusive else "sigmoid"),
        ]
    )
    loss = "sparse_categorical_crossentropy" if exclusive else "binary_crossentropy"
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    return model


FAMILIES = {
    "mlp": MLPClassifier(**NAMED),
    "cnn": CNNClassifier(filters=6, **NAMED),
    "rnn": RNNClassifier(**NAMED),
    # It does not standardise X for the user, and so takes longer.
    "generic": KerasClassifier(
        build, verbose=0, **{**QUICK, "units": 32, "epochs": 40}
    ),
}
MLP = FAMILIES["mlp"]
REGRESSOR = MLPRegressor(**NAMED)

# ---- meta-estimators -----------------------------------------------------------------

META = {
    "pipeline": lambda e: make_pipeline(StandardScaler(), e),
    "grid": lambda e: GridSearchCV(e, {"learning_rate": [1e-5, 0.03]}, cv=3),
    "calibrated": lambda e: CalibratedClassifierCV(e, cv=2),
    "voting": lambda e: VotingClassifier(
        [("a", e), ("b", LogisticRegression())], voting="soft"
    ),
    "stacking": lambda e: StackingClassifier([("a", e)], cv=2),
    "bagging": lambda e: BaggingClassifier(e, n_estimators=2, random_state=0),
    "adaboost": lambda e: AdaBoostClassifier(e, n_estimators=2, random_state=0),
    "one_vs_rest": OneVsRestClassifier,
}
# Those that hand X on as it is.
ANY_DIMENSION = ["grid", "calibrated", "stacking", "one_vs_rest"]


def pairs(metas, always, grid_too):
    """Return (meta, family), nightly but for some families, and the grid for others.

    Families share a life cycle, the named ones and the generic one each their base.
    """
    return [
        pytest.param(
            meta,
            family,
            id=f"{meta}-{family}",
            marks=[]
            if family in always or (meta == "grid" and family in grid_too)
            else [pytest.mark.nightly],
        )
        for meta in metas
        for family in FAMILIES
    ]


# One of each base; for what they share, one is enough by day.
BY_DAY = [
    "mlp",
    "generic",
    *(pytest.param(family, marks=pytest.mark.nightly) for family in ("cnn", "rnn")),
]


@pytest.mark.parametrize(("meta", "family"), pairs(META, ["mlp"], ["generic"]))
def test_every_family_in_every_meta_estimator(family, meta):
    estimator = META[meta](clone(FAMILIES[family])).fit(X, Y)
    assert estimator.score(X, Y) > 0.85
    assert estimator.predict_proba(X).shape == (150, 3)


@pytest.mark.parametrize(("meta", "family"), pairs(ANY_DIMENSION, ["cnn"], []))
def test_sequences_in_meta_estimators_that_let_them_through(family, meta):
    estimator = META[meta](clone(FAMILIES[family])).fit(SESSIONS, ORDERS)
    assert estimator.predict(SESSIONS).shape == (150,)
    assert estimator.score(SESSIONS, ORDERS) > 0.4


@pytest.mark.parametrize(
    ("meta", "floor"),
    [
        (make_pipeline(StandardScaler(), REGRESSOR), 0.4),
        (BaggingRegressor(REGRESSOR, n_estimators=2, random_state=0), 0.4),
        (AdaBoostRegressor(REGRESSOR, n_estimators=2, random_state=0), 0.4),
        (VotingRegressor([("a", REGRESSOR)]), 0.4),
        (StackingRegressor([("a", REGRESSOR)], cv=2), 0.4),
        (TransformedTargetRegressor(REGRESSOR, func=np.log, inverse_func=np.exp), 0.3),
        (GridSearchCV(REGRESSOR, {"epochs": [2, 15]}, cv=2), 0.4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_regressors_in_meta_estimators(meta, floor):
    assert clone(meta).fit(DIABETES_X, DIABETES_Y).score(DIABETES_X, DIABETES_Y) > floor


def test_several_outputs_by_wrapping():
    both = np.column_stack([DIABETES_Y, DIABETES_X[:, 2] * 1e4])
    model = MultiOutputRegressor(REGRESSOR).fit(DIABETES_X, both)
    assert model.predict(DIABETES_X).shape == both.shape
    assert model.score(DIABETES_X, both) > 0.5
    labels = np.column_stack([Y, Y == 1])
    clf = MultiOutputClassifier(MLP).fit(X, labels)
    assert (clf.predict(X) == labels).mean() > 0.85


def test_thresholds_can_be_tuned():
    y = Y == 2
    tuned = TunedThresholdClassifierCV(MLP, scoring="balanced_accuracy", cv=3).fit(X, y)
    assert 0 < tuned.best_threshold_ < 1
    assert balanced_accuracy_score(y, tuned.predict(X)) > 0.9
    never = FixedThresholdClassifier(MLP, threshold=1.1).fit(X, y)
    assert not never.predict(X).any()


def test_bagging_may_take_some_of_the_features():
    bagging = BaggingClassifier(MLP, n_estimators=3, max_features=0.5, random_state=0)
    assert bagging.fit(X, Y).score(X, Y) > 0.8


# ---- pipelines and columns -----------------------------------------------------------


def test_names_of_columns_pass_through_a_pipeline():
    frame = pd.DataFrame(X, columns=list("abcd"))
    pipeline = make_pipeline(StandardScaler(), MLP).set_output(transform="pandas")
    pipeline.fit(frame, Y)
    assert pipeline[-1].feature_names_in_.tolist() == list("abcd")
    assert pipeline[:-1].transform(frame).columns.tolist() == list("abcd")
    assert pipeline.score(frame, Y) > 0.9


@pytest.mark.parametrize(
    "sparse", [pytest.param(False, marks=pytest.mark.nightly), True]
)
def test_a_table_with_a_category_is_encoded_before_the_network(sparse):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["colour"] = pd.Categorical(np.array(["red", "green", "blue"])[Y])
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a"]),
            ("category", OneHotEncoder(sparse_output=sparse), ["colour"]),
        ],
        sparse_threshold=1.0 if sparse else 0.0,
    )
    pipeline = Pipeline([("columns", columns), ("net", MLP)]).fit(frame, Y)
    assert pipeline.score(frame, Y) == 1.0
    search = GridSearchCV(pipeline, {"net__optimizer__beta_1": [0.5, 0.9]}, cv=2)
    assert search.fit(frame, Y).best_score_ > 0.9


# ---- searches ------------------------------------------------------------------------


@pytest.mark.parametrize("family", BY_DAY)
def test_an_integer_cv_is_stratified(family):
    scores = cross_val_score(FAMILIES[family], X, Y, cv=3)
    assert scores.min() > 0.8


@pytest.mark.nightly
def test_a_grid_over_sizes_rates_and_optimizers(no_retracing):
    grid = [
        {"units": ["8", "8-4"], "learning_rate": [1e-4, 0.03]},
        {"optimizer": ["momentum", "nesterov"], "optimizer__momentum": [0.5, 0.9]},
    ]
    cache_clear()
    search = GridSearchCV(MLP, grid, cv=3).fit(X, Y)
    assert cache_info().traces == 4  # two sizes, and two kinds of optimizer
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.9
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    refitted = clone(MLP).set_params(**search.best_params_).fit(X, Y)
    np.testing.assert_array_equal(search.predict_proba(X), refitted.predict_proba(X))


# By day, test_spaces.py searches at random.
@pytest.mark.nightly
def test_a_random_search_over_distributions():
    space = {
        "learning_rate": loguniform(1e-3, 0.1),
        "dropout": [0.0, 0.2],
        "batch_size": [16, 32],
        "units": ["8", "8-4"],
    }
    search = RandomizedSearchCV(MLP, space, n_iter=4, cv=2, random_state=0)
    assert search.fit(X, Y).best_score_ > 0.8


@pytest.mark.parametrize(
    "params",
    [
        {"factor": 2, "min_resources": 60},
        {"factor": 2, "resource": "epochs", "min_resources": 4, "max_resources": 8},
    ],
    ids=["samples", "epochs"],
)
def test_halving(params):
    grid = {"learning_rate": [1e-4, 0.01, 0.05]}
    search = HalvingGridSearchCV(MLP, grid, cv=2, random_state=0, **params).fit(X, Y)
    assert search.n_iterations_ >= 2
    assert search.best_params_["learning_rate"] > 1e-4
    if "resource" in params:
        assert search.best_estimator_.n_iter_ == search.best_params_["epochs"] == 8


# By day, tests/model_selection/test_bayes.py searches over a network.
@pytest.mark.nightly
def test_a_bayesian_search_over_integers_reals_and_categories():
    space = {
        "batch_size": Integer(8, 64),
        "learning_rate": Real(1e-3, 0.1, prior="log-uniform"),
        "dropout": Real(0.0, 0.4),
        "units": Categorical(["8", "8-4"]),
        "batch_norm": Categorical([False, True]),
        "optimizer__beta_1": Real(0.5, 0.95),
    }
    search = BayesSearchCV(MLP, space, n_iter=4, cv=2, random_state=0).fit(X, Y)
    assert search.best_score_ > 0.8
    assert len(search.cv_results_["params"]) == 4
    assert 8 <= search.best_params_["batch_size"] <= 64
    assert search.predict(X).shape == (150,)


# By day, test_scaling.py compares the bits of a convolutional network.
@pytest.mark.nightly
@pytest.mark.parametrize("family", ["cnn", "rnn"])
def test_two_jobs_give_the_bits_of_one(family):
    grid = {"learning_rate": [0.003, 0.03], "dropout": [0.0, 0.2]}
    data = (SESSIONS, ORDERS)
    searches = [
        GridSearchCV(
            FAMILIES[family], grid, cv=2, scoring="neg_log_loss", n_jobs=jobs
        ).fit(*data)
        for jobs in (1, 2)
    ]
    for key in ("split0_test_score", "split1_test_score", "mean_test_score"):
        one, two = (search.cv_results_[key] for search in searches)
        np.testing.assert_array_equal(one, two)
    assert len(set(searches[0].cv_results_["mean_test_score"])) == 4
    one, two = (search.predict_proba(SESSIONS) for search in searches)
    np.testing.assert_array_equal(one, two)


# ---- model selection and inspection --------------------------------------------------


@pytest.mark.parametrize("family", BY_DAY)
def test_cross_validation_with_several_metrics(family):
    scoring = ["accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr"]
    found = cross_validate(
        FAMILIES[family], X, Y, cv=2, scoring=scoring, return_estimator=True
    )
    assert found["test_accuracy"].min() > 0.8
    assert found["test_roc_auc_ovr"].min() > 0.9
    assert (found["test_neg_log_loss"] < 0).all()
    assert [estimator.n_iter_ for estimator in found["estimator"]] == [
        FAMILIES[family].epochs
    ] * 2


def test_nested_cross_validation():
    search = GridSearchCV(MLP, {"learning_rate": [1e-5, 0.03]}, cv=2)
    assert cross_val_score(search, X, Y, cv=3).min() > 0.8


@pytest.mark.parametrize(
    "data", [(X, Y), (SESSIONS, ORDERS)], ids=["table", "sequences"]
)
def test_predictions_across_folds(data):
    for method, shape in [("predict_proba", (150, 3)), ("decision_function", (150, 3))]:
        found = cross_val_predict(FAMILIES["cnn"], *data, cv=3, method=method)
        assert found.shape == shape
    if data[0] is X:
        assert (found.argmax(axis=1) == Y).mean() > 0.85


def test_learning_curves():
    sizes, train_scores, test_scores = learning_curve(
        MLP, X, Y, cv=3, train_sizes=[0.2, 1.0], shuffle=True, random_state=0
    )
    assert sizes.tolist() == [20, 100]
    assert train_scores.shape == test_scores.shape == (2, 3)
    assert test_scores[1].mean() > 0.85
    incremental = learning_curve(
        clone(MLP),
        X,
        Y,
        cv=3,
        train_sizes=[0.3, 1.0],
        shuffle=True,
        random_state=0,
        exploit_incremental_learning=True,
    )
    assert incremental[2].shape == (2, 3)


def test_importance_by_permutation():
    X_one = np.random.default_rng(0).normal(size=(150, 3))
    X_one[:, 1] = Y
    clf = clone(MLP).fit(X_one, Y)
    importance = permutation_importance(clf, X_one, Y, n_repeats=3, random_state=0)
    assert importance.importances_mean.argmax() == 1
    assert importance.importances_mean[1] > 0.3


# ---- metadata routing ----------------------------------------------------------------


def test_weights_and_validation_arrays_are_routed():
    weight = np.where(Y == 2, 0.0, 1.0)
    X_val, y_val = X[::3][:-1], Y[::3][:-1]
    with config_context(enable_metadata_routing=True):
        estimator = clone(MLP).set_fit_request(
            sample_weight=True, X_val=True, y_val=True
        )
        estimator.set_score_request(sample_weight=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("net", estimator)])
        pipeline["scale"].set_fit_request(sample_weight=False)
        grid = {"net__learning_rate": [0.03, 0.05]}
        search = GridSearchCV(pipeline, grid, cv=3)
        search.fit(X, Y, sample_weight=weight, X_val=X_val, y_val=y_val)
    fitted = search.best_estimator_["net"]
    assert len(fitted.history_["val_loss"]) == 15
    assert 2 not in search.predict(X)
    assert search.best_score_ > 0.9  # the rows of class 2 count for nothing


def test_metadata_that_nobody_asked_for_is_an_error():
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(MLP, {"learning_rate": [0.03]}, cv=2)
        with pytest.raises(ValueError, match="sample_weight"):
            search.fit(X, Y, sample_weight=np.ones(150))


def test_the_weights_of_boosting_reach_the_network():
    y = np.median(DIABETES_Y) < DIABETES_Y
    boosted = AdaBoostClassifier(MLP, n_estimators=2, random_state=0)
    second = boosted.fit(DIABETES_X, y).estimators_[1]
    unweighted = clone(second).fit(DIABETES_X, y)
    found, other = (m.predict_proba(DIABETES_X) for m in (second, unweighted))
    assert np.abs(found - other).max() > 0.05


# ---- callbacks of scikit-learn -------------------------------------------------------


class Recorder:
    """Keeps the path of each task, and stops each fit after some epochs."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.ended, self.stop_after = [], stop_after

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        path, node = [], context
        while node is not None:
            path.append(node.source_task_name or node.task_name)
            node = node.parent
        self.ended.append(tuple(path[::-1]))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


def test_a_search_shows_candidates_folds_and_epochs():
    recorder = Recorder()
    estimator = clone(MLP).set_params(epochs=3)
    search = GridSearchCV(estimator, {"learning_rate": [0.01, 0.03]}, cv=2)
    search.set_callbacks(recorder).fit(X, Y)
    counts = {path: recorder.ended.count(path) for path in recorder.ended}
    fold = ("fit", "search", "candidate-split-evaluation")
    refit = ("fit", "refit-with-best-params")
    assert counts[(*fold, "epoch")] == 2 * 2 * 3
    assert counts[(*refit, "epoch")] == 3
    assert counts[fold] >= 4
    assert counts[refit] >= 1


def test_a_callback_stops_training_at_the_end_of_an_epoch():
    estimator = clone(MLP).set_callbacks(Recorder(stop_after=3)).fit(X, Y)
    assert estimator.n_iter_ == len(estimator.history_["loss"]) == 3
    plain = clone(MLP).set_params(epochs=3).fit(X, Y)
    np.testing.assert_array_equal(estimator.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_the_score_of_every_epoch_is_monitored_inside_a_search(n_jobs):
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = clone(MLP).set_params(epochs=4, linear_start=False)
    estimator.set_callbacks(monitor)
    search = GridSearchCV(
        estimator, {"learning_rate": [1e-4, 0.05]}, cv=2, n_jobs=n_jobs
    )
    search.fit(X, Y)
    logs = monitor.get_logs().data_as_pandas
    epochs = logs[logs["task_name"] == "epoch"]
    assert len(epochs) == 2 * 2 * 4 + 4
    refit = epochs[
        epochs["task_id_path"].map(len) == epochs["task_id_path"].map(len).min()
    ]
    assert refit["task_id"].tolist() == [0, 1, 2, 3]
    assert refit["accuracy"].iloc[-1] == pytest.approx(search.score(X, Y))
    assert refit["accuracy"].iloc[-1] > refit["accuracy"].iloc[0]


def test_the_monitored_score_of_an_epoch_is_that_of_a_shorter_fit():
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clone(MLP).set_params(epochs=3).set_callbacks(monitor).fit(X, Y)
    logs = monitor.get_logs().data_as_pandas
    for epochs in (1, 2, 3):
        shorter = clone(MLP).set_params(epochs=epochs).fit(X, Y)
        expected = -log_loss(Y, shorter.predict_proba(X))
        row = logs[(logs["task_name"] == "epoch") & (logs["task_id"] == epochs - 1)]
        assert row["neg_log_loss"].item() == pytest.approx(expected, abs=1e-6)


def test_progress_is_shown_down_to_the_epoch(capsys):
    search = GridSearchCV(clone(MLP).set_params(epochs=2), {"epochs": [2]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert "MLPClassifier" in shown
    assert "100%" in shown
