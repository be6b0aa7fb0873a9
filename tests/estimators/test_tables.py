"""What every family on tables promises: columns in, ids kept, nothing leaked."""

import pickle

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict

from skrec import MLPClassifier, MLPRegressor
from skrec.training import cache_clear, cache_info
from tests.estimators.tables import FAMILIES, columns_of, make, make_table, make_target
from tests.night import by_day

TABLE = make_table()
Y = make_target(TABLE)
# Every push tests a family with a vector for each number, and an MLP further below.
EVERY = by_day(FAMILIES, "DeepFM")


def table_of(family, rows=slice(None)):
    return TABLE[columns_of(family)].iloc[rows]


# ---- a frame in one call -------------------------------------------------------------


@pytest.mark.parametrize("family", EVERY)
def test_a_frame_is_fitted_and_predicted_whatever_the_order_of_its_columns(family):
    X = table_of(family)
    model = make(family).fit(X, Y)
    expected = model.predict_proba(X)
    assert expected.shape == (len(X), 2)
    assert model.feature_names_in_.tolist() == list(X.columns)
    np.testing.assert_array_equal(model.predict_proba(X[X.columns[::-1]]), expected)
    polars = pl.DataFrame({name: X[name].to_list() for name in X})
    np.testing.assert_array_equal(model.predict_proba(polars), expected)
    np.testing.assert_allclose(
        make(family).fit(polars, Y).predict_proba(X), expected, atol=1e-6
    )
    with pytest.raises(ValueError, match="missing:\n- item"):
        model.predict(X.drop(columns="item"))
    with pytest.raises(ValueError, match="unseen at fit time:\n- shop"):
        model.predict(X.assign(shop=1))


@pytest.mark.parametrize("family", EVERY)
def test_unseen_and_missing_ids_are_predicted_as_unknown(family):
    X = table_of(family)
    model = make(family, "Regressor").fit(X, Y)
    unseen = X.astype({"user": object}).assign(user="u99", item="i99")
    other = unseen.assign(user="nobody")
    found = model.predict(unseen)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(model.predict(other), found)
    # No training row misses its user, so that it is unknown as well.
    np.testing.assert_array_equal(model.predict(unseen.assign(user=None)), found)


@pytest.mark.parametrize("family", EVERY)
def test_columns_go_to_an_array_by_position_with_scikit_learns_warning(family):
    X = table_of(family)
    model = make(family).fit(X, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names") as seen:
        found = model.predict_proba(X.to_numpy(dtype=object))
    assert len(seen) == 1
    np.testing.assert_array_equal(found, model.predict_proba(X))


@pytest.mark.parametrize("family", EVERY)
def test_a_copy_from_a_file_predicts_and_trains_on(family):
    X = table_of(family)
    model = make(family).fit(X, Y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    for own in (copy, model):
        own.partial_fit(X.assign(item="new"), Y)
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert "new" in model.embeddings_("item").index


@pytest.mark.parametrize("family", EVERY)
def test_the_keras_model_takes_what_the_encoder_gives(family):
    X = table_of(family)
    model = make(family).fit(X, Y)
    found = model.model_.predict(model.encoder_.transform(X), verbose=0)
    np.testing.assert_allclose(found[:, 0], model.predict_proba(X)[:, 1], atol=1e-6)


@pytest.mark.parametrize("family", by_day(FAMILIES, "MLP"))
def test_several_classes_and_weights_of_classes(family):
    X, y = table_of(family), make_target(TABLE, 3)
    names = np.array(["buy", "click", "none"])[y]
    model = make(family, epochs=20, learning_rate=0.03).fit(X, names)
    assert model.predict_proba(X).shape == (len(X), 3)
    assert model.classes_.tolist() == ["buy", "click", "none"]
    assert model.score(X, names) > 0.6  # the most frequent class has .35
    heavy = make(family, class_weight={"buy": 50.0}).fit(X, names)
    assert (heavy.predict(X) == "buy").mean() > (model.predict(X) == "buy").mean()


# ---- nothing leaks, nothing is lost --------------------------------------------------


@pytest.mark.parametrize("family", by_day(FAMILIES, "MLP"))
def test_ids_are_learnt_from_the_training_rows_alone(family):
    X = table_of(family).copy()
    X.loc[:9, "item"] = "only here"
    settings = {"min_count": 1, "precision": "float64"}
    weight = np.where(np.arange(len(X)) < 10, 0.0, 1.0)
    weighted = make(family, **settings).fit(X, Y, sample_weight=weight)
    without = make(family, **settings).fit(X[10:], Y[10:])
    assert "only here" not in weighted.embeddings_("item").index
    np.testing.assert_allclose(
        weighted.predict_proba(X), without.predict_proba(X), atol=1e-9
    )


def test_rows_set_aside_teach_no_ids():
    X = TABLE.assign(item=[f"i{row}" for row in range(len(TABLE))])
    short = {"epochs": 1}
    model = make("MLP", early_stopping=True, validation_fraction=0.25, **short)
    assert len(model.fit(X, Y).embeddings_("item")) == 180
    given = make("MLP", **short).fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    assert set(given.embeddings_("item").index) == set(X["item"][:200])


@pytest.mark.parametrize("family", EVERY)
def test_memory_finds_the_fit_again_and_no_other(family, tmp_path, trained):
    X = table_of(family)
    model = make(family, memory=tmp_path)
    expected = clone(model).fit(X, Y).predict_proba(X)
    n_epochs = len(trained)
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X), expected)
    assert len(trained) == n_epochs
    changed = X.copy()
    changed.loc[5, "item"] = "i0" if X.loc[5, "item"] != "i0" else "i1"
    clone(model).fit(changed, Y)
    assert len(trained) == 2 * n_epochs
    clone(model).set_params(embedding_l2=0.01).fit(X, Y)
    assert len(trained) == 3 * n_epochs


# By day, tests/training/test_cache.py counts those of an array.
@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES)
def test_a_search_over_rates_traces_once_for_all_folds(family):
    cache_clear()
    space = {"learning_rate": [0.01, 0.03], "embedding_l2": [1e-6, 1e-4]}
    search = GridSearchCV(make(family), space, cv=3, error_score="raise")
    search.fit(table_of(family), Y)
    assert cache_info().traces == 1
    assert len(search.cv_results_["params"]) == 4


@pytest.mark.nightly
def test_the_same_seed_gives_the_same_bits_in_any_process():
    model = make("DeepFM", embedding_l2=1e-4)
    expected = cross_val_predict(model, TABLE, Y, cv=3, method="predict_proba")
    cache_clear()
    found = cross_val_predict(model, TABLE, Y, cv=3, method="predict_proba", n_jobs=2)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.nightly
def test_calibration_and_other_wrappers_take_the_frame():
    model = CalibratedClassifierCV(make("MLP"), cv=2).fit(TABLE, Y)
    assert model.predict_proba(TABLE).shape == (len(TABLE), 2)


# ---- vectors of ids ------------------------------------------------------------------


@pytest.mark.parametrize("family", EVERY)
def test_embeddings_are_a_frame_of_ids(family):
    model = make(family).fit(table_of(family), Y)
    vectors = model.embeddings_("item")
    assert vectors.index.name == "item"
    assert vectors.index.tolist() == sorted(set(TABLE["item"]))
    assert vectors.shape[1] >= 4
    assert vectors.to_numpy().std() > 0.001
    with pytest.raises(ValueError, match=r"one of \['user', 'item'.*'weight'"):
        model.embeddings_("weight")


def test_embeddings_are_those_that_the_network_looks_up():
    X = TABLE[["item"]]
    model = MLPClassifier(units=1, embedding_dim=3, epochs=1, activation="linear")
    model.fit(X, Y)
    weights = {weight.path: weight.numpy() for weight in model.model_.weights}
    vectors = model.embeddings_("item").loc[X["item"]].to_numpy()
    hidden = vectors @ weights["dense/kernel"] + weights["dense/bias"]
    logits = hidden @ weights["logits/kernel"] + weights["logits/bias"]
    codes = model.encoder_.transform(X)["ids"][:, 0]
    logits += weights["weight_of_0/embeddings"][codes]  # of the linear part
    np.testing.assert_allclose(model.decision_function(X), logits[:, 0], atol=1e-6)


def test_columns_that_share_embeddings_have_the_same_vectors():
    shared = make("MLP", shared_embeddings=[("item", "browsed")]).fit(TABLE, Y)
    pd.testing.assert_frame_equal(
        shared.embeddings_("item"), shared.embeddings_("browsed"), check_names=False
    )
    apart = make("MLP").fit(TABLE, Y)
    assert not np.array_equal(apart.embeddings_("item"), apart.embeddings_("browsed"))


def test_a_penalty_makes_vectors_shorter_and_leaves_the_kernels_alone():
    def lengths(**params):
        model = make("MLP", epochs=10, **params).fit(TABLE, Y)
        weights = {weight.path: weight.numpy() for weight in model.model_.weights}
        kernel = weights["dense/kernel"]
        return np.abs(model.embeddings_("item")).to_numpy().mean(), np.abs(
            kernel
        ).mean()

    free, penalised = lengths(), lengths(embedding_l2=0.1)
    assert penalised[0] < 0.2 * free[0]
    assert penalised[1] > 0.8 * free[1]


# ---- early stopping ------------------------------------------------------------------


@pytest.mark.parametrize("family", EVERY)
def test_the_epoch_of_the_highest_auc_is_kept(family):
    X, X_val = table_of(family, slice(160)), table_of(family, slice(160, None))
    settings = {"epochs": 30, "n_iter_no_change": 4, "learning_rate": 0.05}
    model = make(family, early_stopping=True, scoring="roc_auc", **settings)
    model.fit(X, Y[:160], X_val=X_val, y_val=Y[160:])
    aucs = model.history_["val_auc"]
    assert len(aucs) == min(np.argmax(aucs) + 1 + 4, 30)
    found = roc_auc_score(Y[160:], model.decision_function(X_val))
    assert found == pytest.approx(max(aucs), abs=1e-9)


def test_the_lowest_log_loss_and_the_highest_auc_may_be_different_epochs():
    noisy = np.where(np.random.default_rng(0).random(len(Y)) < 0.3, 1 - Y, Y)
    settings = {"early_stopping": True, "epochs": 40, "validation_fraction": 0.4}
    settings |= {"n_iter_no_change": 3, "linear_start": False, "number_embedding": None}
    by_loss = make("DeepFM", **settings).fit(TABLE, noisy)
    assert by_loss.n_iter_ == np.argmin(by_loss.history_["val_loss"]) + 1 + 3
    by_auc = make("DeepFM", scoring="roc_auc", **settings).fit(TABLE, noisy)
    assert by_auc.n_iter_ == np.argmax(by_auc.history_["val_auc"]) + 1 + 3
    assert by_auc.n_iter_ != by_loss.n_iter_


@pytest.mark.nightly
def test_auc_of_several_classes_is_the_mean_of_each_against_the_rest():
    y = make_target(TABLE, 3)
    model = make("MLP", early_stopping=True, scoring="roc_auc", learning_rate=0.05)
    model.fit(TABLE[:160], y[:160], X_val=TABLE[160:], y_val=y[160:])
    proba = model.predict_proba(TABLE[160:])
    found = roc_auc_score(y[160:], proba, multi_class="ovr")
    assert found == pytest.approx(max(model.history_["val_auc"]), abs=1e-9)


def test_auto_stops_early_from_a_hundred_rows_on():
    model = make("MLP", early_stopping="auto", epochs=1)
    for n_rows, stops in ((99, False), (100, True)):
        model.fit(TABLE[:n_rows], Y[:n_rows])
        assert ("val_loss" in model.history_) == stops
        assert model.auto_params_["early_stopping"] is stops
    few = model.fit(TABLE[:50], Y[:50], X_val=TABLE[50:], y_val=Y[50:])
    assert "val_loss" in few.history_


class Batches(keras.callbacks.Callback):
    """Acts between batches, so that Keras itself has to train."""

    def on_train_batch_end(self, batch, logs=None):
        pass


# By day, tests/training/test_loop.py trains with penalties in both ways.
@pytest.mark.nightly
def test_keras_trains_in_double_precision_with_penalties():
    settings = {"optimizer": "sgd", "precision": "float64", "embedding_l2": 0.01}
    plain = make("MLP", **settings).fit(TABLE, Y)
    called = make("MLP", callbacks=Batches(), **settings).fit(TABLE, Y)
    np.testing.assert_allclose(
        called.predict_proba(TABLE), plain.predict_proba(TABLE), atol=1e-6
    )


# By day, tests/training/test_loop.py stops both at one epoch.
@pytest.mark.nightly
def test_batch_level_callbacks_stop_at_the_same_epoch():
    settings = {"early_stopping": True, "scoring": "roc_auc", "epochs": 8}
    plain = make("MLP", optimizer="sgd", **settings).fit(TABLE, Y)
    called = make("MLP", optimizer="sgd", callbacks=Batches(), **settings)
    called.fit(TABLE, Y)
    np.testing.assert_allclose(
        called.history_["val_auc"], plain.history_["val_auc"], atol=1e-6
    )
    np.testing.assert_allclose(
        called.predict_proba(TABLE), plain.predict_proba(TABLE), atol=1e-5
    )


def test_an_auc_at_chance_is_warned_of():
    y = np.random.default_rng(2).integers(0, 2, len(TABLE))
    with pytest.warns(UserWarning, match=r"stayed at chance.*not scaled"):
        make("MLP", early_stopping=True, validation_fraction=0.5).fit(TABLE, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"scoring": "roc_auc", "early_stopping": True}, "no ROC curve"),
        ({"scoring": "auc"}, "'scoring' parameter"),
        ({"embedding_dim": 0}, "'embedding_dim' parameter"),
        ({"standardize": "robust"}, "'standardize' parameter"),
        ({"categorical_features": ["shop"]}, "shop"),
        ({"shared_embeddings": [("item", "price", "shop")]}, "shop"),
    ],
)
def test_bad_parameters_name_themselves(params, message):
    with pytest.raises(ValueError, match=message):
        make("MLP", "Regressor", **params).fit(TABLE, Y)


def test_auc_needs_every_class_among_the_validation_rows():
    model = make("MLP", early_stopping=True, scoring="roc_auc")
    with pytest.raises(ValueError, match="scoring='roc_auc' needs every class"):
        model.fit(TABLE, Y, X_val=TABLE[Y == 0], y_val=Y[Y == 0])


# ---- how columns are read ------------------------------------------------------------


def test_integers_are_numbers_unless_they_are_said_to_be_ids():
    X = pd.DataFrame({"item_id": np.arange(240) % 30, "price": TABLE["price"]})
    with pytest.warns(UserWarning, match=r"'item_id'.*categorical_features"):
        by_dtype = make("MLP").fit(X, Y)
    assert by_dtype.encoder_.columns_["item_id"].kind == "number"
    for chosen in (["item_id"], [0], [True, False]):
        model = make("MLP", categorical_features=chosen).fit(X, Y)
        assert len(model.embeddings_("item_id")) == 30
    as_array = make("MLP", categorical_features=[0]).fit(X.fillna(0).to_numpy(), Y)
    assert len(as_array.embeddings_(0)) == 30


def test_scales_of_numbers_reach_the_network():
    X = pd.DataFrame({"count": np.exp(np.random.default_rng(0).normal(0, 3, 240))})
    y = np.log(X["count"])
    settings = {"epochs": 60, "units": 16, "learning_rate": 0.03}

    def score(**params):
        return make("MLP", "Regressor", **settings, **params).fit(X, y).score(X, y)

    assert score(standardize="log") > 0.9
    assert score(standardize="quantile") > 0.95
    assert score(standardize="standard") < 0.8


def test_an_array_gives_what_it_gave_before_there_were_fields():
    X = np.random.default_rng(0).normal(3, 7, size=(90, 4))
    frame = pd.DataFrame(X, columns=list("abcd"))
    on_array = MLPRegressor(units=4, epochs=2, random_state=0).fit(X, X[:, 0])
    on_frame = MLPRegressor(units=4, epochs=2, random_state=0).fit(frame, X[:, 0])
    np.testing.assert_array_equal(on_frame.predict(frame), on_array.predict(X))
    # The Keras model of an array takes X as it is.
    found = on_array.model_.predict(X.astype("float32"), verbose=0)
    np.testing.assert_allclose(found[:, 0], on_array.predict(X), rtol=1e-4)


def test_an_unfused_optimizer_trains_tables_too():
    model = make("DeepFM", optimizer="adam", optimizer_params={"amsgrad": True})
    assert np.isfinite(model.fit(TABLE, Y).predict_proba(TABLE)).all()
