"""Ranges for searches: what each kind holds, and that the estimators take them."""

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import RandomSampler
from optuna.study import create_study
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from skopt.space import Dimension, Space

import skrec
from skrec import recommenders
from skrec.datasets import make_sessions
from skrec.model_selection import (
    BayesSearchCV,
    HyperbandSearchCV,
    OptunaSearchCV,
    search_space,
)
from skrec.networks import as_sizes
from tests.night import by_day

CLASSIFIERS = [skrec.CNNClassifier, skrec.RNNClassifier, skrec.MLPClassifier]
REGRESSORS = [skrec.CNNRegressor, skrec.RNNRegressor, skrec.MLPRegressor]
ON_TABLES = [
    skrec.FMRegressor,
    skrec.DeepFMClassifier,
    skrec.WideDeepRegressor,
    skrec.DCNClassifier,
    skrec.AutoIntClassifier,
    skrec.DINClassifier,
    skrec.DIENRegressor,
    skrec.NeuMFClassifier,
    skrec.LateFusionRegressor,
]
RECOMMENDERS = [
    recommenders.EASERecommender,
    recommenders.ItemKNNRecommender,
    recommenders.SASRecRecommender,
    recommenders.GRU4RecRecommender,
    recommenders.CaserRecommender,
    recommenders.BPRRecommender,
    recommenders.NeuMFRecommender,
]
NAMED = CLASSIFIERS + REGRESSORS + ON_TABLES + RECOMMENDERS
KINDS = ["grid", "random", "bayes", "optuna"]
X, Y = make_sessions(n_samples=40, n_steps=4, random_state=0)


def draw(space, kind, n, seed=0):
    """Return n candidates, drawn as the search of that kind draws them."""
    if kind == "grid":
        candidates = list(ParameterGrid(space))
        return [
            candidates[i]
            for i in np.random.RandomState(seed).randint(len(candidates), size=n)
        ]
    if kind == "random":
        return list(ParameterSampler(space, n, random_state=seed))
    if kind == "bayes":
        points = Space(list(space.values())).rvs(n, random_state=seed)
        return [dict(zip(space, point, strict=True)) for point in points]
    study = create_study(sampler=RandomSampler(seed=seed))
    return [study.ask(space).params for _ in range(n)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("estimator", NAMED)
def test_every_draw_is_a_legal_parameter(estimator, kind):
    space = search_space(estimator, kind)

    for params in draw(space, kind, n=50):
        assert set(params) == set(space)
        candidate = estimator().set_params(**params)
        candidate._validate_params()
        if "units" in params:
            as_sizes(candidate.units, "units")


# All kinds lie in the same ranges, which a test below holds.
@pytest.mark.parametrize("kind", by_day(KINDS, "random"))
@pytest.mark.parametrize(
    "estimator",
    by_day(
        [*CLASSIFIERS, *REGRESSORS, skrec.DeepFMRegressor],
        "MLPClassifier",
        "RNNClassifier",
        "CNNRegressor",
    ),
)
def test_a_draw_can_be_trained(estimator, kind):
    y = Y if estimator in CLASSIFIERS else X.sum(axis=(1, 2))
    data = X[:, 0] if estimator is skrec.DeepFMRegressor else X
    network = estimator(epochs=1, random_state=0)

    (params,) = draw(search_space(network, kind), kind, n=1)
    fitted = clone(network).set_params(**params).fit(data, y)

    assert np.isfinite(fitted.history_["loss"]).all()


@pytest.mark.parametrize(
    ("estimator", "size"),
    [
        (skrec.CNNRegressor, 81),
        (skrec.RNNRegressor, 54),
        (skrec.MLPRegressor, 27),
        (skrec.FMClassifier, 27),
        (skrec.DCNRegressor, 27),
        (skrec.NeuMFRegressor, 27),
        (recommenders.SASRecRecommender, 27),
        (recommenders.CaserRecommender, 27),
        (recommenders.BPRRecommender, 27),
        (recommenders.EASERecommender, 4),
    ],
)
def test_grids_are_small(estimator, size):
    assert len(ParameterGrid(search_space(estimator, "grid"))) == size


def test_kinds_hold_what_their_search_takes():
    spaces = {kind: search_space(skrec.MLPClassifier, kind) for kind in KINDS}

    assert all(isinstance(values, list) for values in spaces["grid"].values())
    assert spaces["random"]["units"] == list(range(16, 513, 16))
    assert spaces["random"]["learning_rate"].support() == (1e-5, 1.0)
    assert spaces["random"]["dropout"].support() == (0.0, 0.5)
    assert all(isinstance(values, Dimension) for values in spaces["bayes"].values())
    assert spaces["bayes"]["learning_rate"].prior == "log-uniform"
    assert spaces["bayes"]["dropout"].prior == "uniform"
    assert all(isinstance(v, BaseDistribution) for v in spaces["optuna"].values())
    assert spaces["optuna"]["learning_rate"] == FloatDistribution(1e-5, 1.0, log=True)
    assert list(spaces["random"]) == list(spaces["bayes"]) == list(spaces["optuna"])
    assert set(spaces["grid"]) < set(spaces["random"])


@pytest.mark.parametrize("estimator", NAMED)
def test_grids_and_lists_lie_in_the_ranges_of_the_other_kinds(estimator):
    bayes, optuna = search_space(estimator, "bayes"), search_space(estimator, "optuna")

    for params in draw(search_space(estimator, "grid"), "grid", n=100):
        for name, value in params.items():
            assert value in bayes[name]
            if name != "units":  # whose grid need not be one of the steps
                assert optuna[name]._contains(optuna[name].to_internal_repr(value))


def test_classes_instances_and_subclasses_have_the_same_space():
    class Mine(skrec.RNNRegressor):
        pass

    expected = search_space(skrec.RNNClassifier, "optuna")

    for estimator in (skrec.RNNRegressor, skrec.RNNClassifier(epochs=2), Mine, Mine()):
        assert search_space(estimator, "optuna") == expected


def test_the_dict_is_the_callers():
    search_space(skrec.CNNClassifier, "grid")["filters"].append(1)

    assert search_space(skrec.CNNClassifier, "grid")["filters"] == [16, 32, 64]


@pytest.mark.parametrize(
    ("search", "kind", "n"),
    [
        pytest.param(BayesSearchCV, "bayes", "n_iter", marks=pytest.mark.nightly),
        (OptunaSearchCV, "optuna", "n_trials"),
        pytest.param(
            HyperbandSearchCV, "random", "max_epochs", marks=pytest.mark.nightly
        ),
    ],
)
def test_searches_take_their_kind(search, kind, n):
    data, labels = load_iris(return_X_y=True)
    network = skrec.MLPClassifier(epochs=1, random_state=0)
    space = search_space(network, kind)

    found = search(network, space, **{n: 3}, cv=2, random_state=0).fit(data, labels)

    assert set(found.best_params_) - {"epochs"} == set(space)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("prefix", by_day(["clf", "clf__"], "clf__"))
def test_prefix_addresses_a_step_of_a_pipeline(prefix):
    data, labels = load_iris(return_X_y=True)
    network = skrec.MLPClassifier(epochs=1, random_state=0)
    pipeline = Pipeline([("pca", PCA(2)), ("clf", network)])
    grid = search_space(network, "grid", prefix)
    grid["clf__units"] = grid["clf__units"][:1]
    grid["clf__learning_rate"] = grid["clf__learning_rate"][:1]
    random = {"pca__n_components": [2, 3], **search_space(network, prefix=prefix)}

    by_grid = GridSearchCV(pipeline, grid, cv=2).fit(data, labels)
    by_chance = RandomizedSearchCV(pipeline, random, n_iter=2, cv=2, random_state=0)

    assert [p["clf__batch_size"] for p in by_grid.cv_results_["params"]] == [
        32,
        64,
        128,
    ]
    assert set(by_chance.fit(data, labels).best_params_) == set(random)


@pytest.mark.parametrize(
    "estimator", [skrec.KerasClassifier, skrec.KerasRegressor(), LogisticRegression()]
)
def test_unknown_estimators_are_told_to_write_the_dict(estimator):
    with pytest.raises(ValueError, match=r"write the dict.*Received: "):
        search_space(estimator)


def test_where_there_is_nothing_to_tune_it_says_so():
    with pytest.raises(ValueError, match="There is nothing to tune in PopularRecomm"):
        search_space(recommenders.PopularRecommender())
    with pytest.raises(ValueError, match=r"ALSRecommender, which has none .*write the"):
        search_space(recommenders.ALSRecommender)


def test_a_pipeline_is_told_to_pass_its_step():
    with pytest.raises(ValueError, match="pass the step that is a network"):
        search_space(make_pipeline(skrec.MLPClassifier()), "grid")


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .*'halving'"):
        search_space(skrec.MLPClassifier, "halving")
