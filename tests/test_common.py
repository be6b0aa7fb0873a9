"""scikit-learn's common checks over every estimator, none excused."""

import inspect

import keras
import pytest
from numpydoc.docscrape import ClassDoc
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import skrec
from skrec import (
    CNNClassifier,
    CNNRegressor,
    KerasClassifier,
    KerasRegressor,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    RNNRegressor,
)
from tests.estimators.tables import FAMILIES


def build(meta, n_outputs, activation=None):
    """Build what a user of the generic estimators would, in double precision."""
    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],), dtype="float64"),
            keras.layers.Dense(32, "relu", dtype="float64"),
            keras.layers.Dense(n_outputs, activation, dtype="float64"),
        ]
    )


def build_classifier(meta, compile_kwargs):
    exclusive = meta["target_type_"] == "multiclass"
    single = meta["target_type_"] == "binary"
    model = build(
        meta,
        1 if single else meta["n_classes_"],
        "softmax" if exclusive else "sigmoid",
    )
    losses = keras.losses
    kind = (
        losses.SparseCategoricalCrossentropy if exclusive else losses.BinaryCrossentropy
    )
    model.compile(optimizer=compile_kwargs["optimizer"], loss=kind(dtype="float64"))
    return model


def build_regressor(meta):
    return build(meta, meta["n_outputs_"])


# A weight of 2 is a row given twice only where a step sees all rows, to the last of the
# digits that the checks compare, and nothing depends on how many there are.
EXACT = {
    "l2": 0.0,  # "auto" counts rows, as penalties of vectors do
    "precision": "float64",
    "optimizer": "momentum",
    "learning_rate": 0.1,
    "batch_size": None,
    "epochs": 30,
    "early_stopping": False,
    "dropout": 0.0,
}


def exact(estimator, **own):
    """Make an instance whose results are equal for weights and for repeated rows."""
    options = {**EXACT, **own}
    if "linear_start" in inspect.signature(estimator).parameters:
        options["linear_start"] = False  # whose penalty counts rows
    return estimator(**options)


NIGHTLY = pytest.mark.nightly

GENERIC = {"batch_size": -1, "verbose": 0, "random_state": 0}

# Every push checks a classifier; .ci/run also those of the families that changed.
ESTIMATORS = [
    pytest.param(
        KerasClassifier(
            build_classifier,
            optimizer=keras.optimizers.SGD,
            optimizer__learning_rate=0.1,
            optimizer__momentum=0.9,
            epochs=30,
            **GENERIC,
        ),
        id="KerasClassifier",
        marks=NIGHTLY,
    ),
    pytest.param(
        KerasRegressor(
            build_regressor,
            # The class: pickles of Keras's instances hold the second of the pickling,
            # and a check compares their hashes.
            loss=keras.losses.MeanSquaredError,
            loss__dtype="float64",
            optimizer="adam",
            optimizer__learning_rate=0.02,
            epochs=150,
            **GENERIC,
        ),
        id="KerasRegressor",
        marks=NIGHTLY,
    ),
    pytest.param(exact(MLPClassifier, units=8), id="MLPClassifier"),
    # Not every check seeds it, and large steps on waves diverge now and then.
    pytest.param(
        exact(MLPRegressor, units=8, clipnorm=1.0), id="MLPRegressor", marks=NIGHTLY
    ),
    pytest.param(
        exact(CNNClassifier, filters=8, units=8), id="CNNClassifier", marks=NIGHTLY
    ),
    pytest.param(
        exact(CNNRegressor, filters=8, units=8), id="CNNRegressor", marks=NIGHTLY
    ),
    pytest.param(exact(RNNClassifier, units=8), id="RNNClassifier", marks=NIGHTLY),
    pytest.param(
        exact(RNNRegressor, units=8, epochs=60, optimizer="adam", learning_rate=0.05),
        id="RNNRegressor",
        marks=NIGHTLY,
    ),
]
# Products of weights diverge where momentum is large.
ADAM = {"optimizer": "adam", "learning_rate": 0.02, "epochs": 60}
# Statistics of a batch know no weights: hence "relu" where "dice" is the default.
OWN_SETTINGS = {
    "FM": {},
    "AutoInt": {"attention_layers": 1, "attention_dim": 8},
    # To which all columns are ids; drawn by the row, unknown ones know no weights.
    "NeuMF": {"units": 8, "unknown_share": 0.0},
    "DCN": {"units": 8, "clipnorm": 1.0},
    "DIN": {"units": 8, "activation": "relu"},
    "DIEN": {"units": 8, "activation": "relu"},
}
# What the default settings need to learn the checks' few rows.
OWN_DEFAULTS = {
    "FMClassifier": {"learning_rate": 0.05},
    "FMRegressor": {"learning_rate": 0.02},
}
ON_TABLES = {
    getattr(skrec, family + kind): family
    for family in FAMILIES
    for kind in ("Classifier", "Regressor")
}
ESTIMATORS += [
    pytest.param(
        exact(
            cls,
            **OWN_SETTINGS.get(family, {"units": 8}),
            **(ADAM if is_regressor(cls()) else {}),
        ),
        id=cls.__name__,
        marks=NIGHTLY,
    )
    for cls, family in ON_TABLES.items()
    if family != "MLP"
]
NAMED = [CNNClassifier, CNNRegressor, RNNClassifier, RNNRegressor, *ON_TABLES]


def not_passed(results):
    return {
        result["check_name"]: f"{result['status']}: {result['exception']!r}"
        for result in results
        if result["status"] != "passed"
    }


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_every_common_check_passes_and_none_is_skipped(estimator):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 50
    assert not_passed(results) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("estimator", NAMED)
@pytest.mark.filterwarnings("ignore")
def test_the_defaults_pass_what_asks_for_no_equality_of_weights_and_rows(estimator):
    failures = {}
    own = OWN_DEFAULTS.get(estimator.__name__, {})
    for instance, check in estimator_checks_generator(estimator(**own)):
        name = getattr(check, "func", check).__name__
        if "sample_weight_equivalence" in name:
            continue  # with batches of 32 rows in 32-bit floats, only approximately so
        try:
            check(instance)
        except BaseException as error:  # a skipped check is a failure here
            failures[name] = repr(error)
    assert failures == {}


@pytest.mark.parametrize("estimator", NAMED)
def test_tags_promise_no_exception_from_the_rules(estimator):
    tags = get_tags(estimator())
    assert tags.input_tags.two_d_array
    of_order = estimator.__name__.startswith(("CNN", "RNN"))
    assert tags.input_tags.sparse != of_order
    assert tags.input_tags.three_d_array == (of_order or "MLP" in estimator.__name__)
    # Numbers of a table may be missing; tests/estimators/test_missing_numbers.py holds
    # what scikit-learn's check of NaN and infinity asks of the others.
    assert tags.input_tags.allow_nan != of_order
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test
    assert tags.target_tags.required
    if estimator.__name__.endswith("Classifier"):
        assert is_classifier(estimator())
        assert not tags.classifier_tags.poor_score
        assert tags.classifier_tags.multi_class
        assert tags.classifier_tags.multi_label
    else:
        assert is_regressor(estimator())
        assert not tags.regressor_tags.poor_score
        assert tags.target_tags.multi_output


@pytest.mark.parametrize("estimator", NAMED)
def test_parameters_are_explicit_and_scalar(estimator):
    parameters = inspect.signature(estimator).parameters.values()
    assert len(parameters) <= 42
    for parameter in parameters:
        assert parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        assert isinstance(parameter.default, (int, float, str, type(None)))
    assert estimator().get_params() == {p.name: p.default for p in parameters}


@pytest.mark.parametrize("estimator", NAMED)
def test_documented_defaults_are_those_of_the_signature(estimator):
    documented = {
        parameter.name: parameter.type.rpartition("default=")[2].strip("\"'")
        for parameter in ClassDoc(estimator)["Parameters"]
    }
    signature = inspect.signature(estimator).parameters.values()
    assert documented == {p.name: str(p.default) for p in signature}


@pytest.mark.parametrize("estimator", NAMED)
def test_init_stores_what_it_gets_and_does_nothing_else(estimator):
    marker = object()
    names = list(inspect.signature(estimator).parameters)
    instance = estimator(**dict.fromkeys(names, marker))
    assert vars(instance) == dict.fromkeys(names, marker)


@pytest.mark.parametrize("estimator", NAMED)
def test_every_parameter_has_a_constraint(estimator):
    names = set(inspect.signature(estimator).parameters)
    assert set(estimator._parameter_constraints) == names
