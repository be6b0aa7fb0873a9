"""`embedding_update`: which vectors of ids a step updates, in every family."""

import keras
import numpy as np
import pytest

from skrec.estimators import tables
from tests.estimators.tables import FAMILIES, columns_of, make, make_table, make_target

AT_EACH_PUSH = ("DeepFM",)


class BetweenBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def fitted(family="DeepFM", **params):
    X = make_table()[columns_of(family)]
    return make(family, **params).fit(X, make_target(X))


def proba(model, family="DeepFM"):
    return model.predict_proba(make_table()[columns_of(family)])


# By day, test_lazy_updates.py compares both without an estimator.
@pytest.mark.nightly
@pytest.mark.parametrize(
    "family",
    [
        pytest.param(name, marks=() if name in AT_EACH_PUSH else pytest.mark.nightly)
        for name in FAMILIES
    ],
)
def test_sgd_gives_the_same_with_either_rule(family):
    plain = {"optimizer": "sgd", "embedding_l2": 0.0, "batch_size": 8, "epochs": 1}
    dense = fitted(family, embedding_update="dense", **plain)
    lazy = fitted(family, embedding_update="lazy", **plain)
    np.testing.assert_allclose(proba(dense, family), proba(lazy, family), atol=1e-6)
    # The same model by another name would be no test.
    with_adam = [
        proba(fitted(family, embedding_update=rule, batch_size=8, epochs=1), family)
        for rule in ("dense", "lazy")
    ]
    assert np.abs(with_adam[0] - with_adam[1]).max() > 1e-6


@pytest.mark.nightly
def test_auto_is_lazy_for_large_tables_alone(monkeypatch):
    dense, lazy = (proba(fitted(embedding_update=rule)) for rule in ("dense", "lazy"))
    model = fitted()
    assert not model.lazy_embeddings_
    np.testing.assert_array_equal(proba(model), dense)
    monkeypatch.setitem(tables.LAZY_FROM, "auto", 8)
    model = fitted()
    assert model.lazy_embeddings_
    np.testing.assert_array_equal(proba(model), lazy)
    assert tables.LAZY_ROWS == 100_000  # what the documentation says


def test_the_rule_of_the_fit_predicts_whatever_the_parameter_says_now():
    model = fitted(embedding_update="lazy")
    before = proba(model)
    model.set_params(embedding_update="dense")
    np.testing.assert_array_equal(proba(model), before)


def test_training_goes_on_with_another_rule():
    model = fitted(embedding_update="lazy", warm_start=True)
    X = make_table()
    model.set_params(embedding_update="dense").fit(X, make_target(X))
    assert model.n_iter_ == 6
    assert np.isfinite(proba(model)).all()


def test_a_fit_in_the_memory_knows_its_rule(tmp_path):
    params = {"memory": tmp_path, "batch_size": 8, "epochs": 1}
    dense = fitted(embedding_update="dense", **params)
    lazy = fitted(embedding_update="lazy", **params)
    again = fitted(embedding_update="dense", **params)
    assert np.abs(proba(dense) - proba(lazy)).max() > 1e-6
    np.testing.assert_array_equal(proba(dense), proba(again))


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": keras.optimizers.Nadam},
        {"optimizer_params": {"amsgrad": True}},
        {"precision": "mixed_float16"},
    ],
    ids=["Nadam", "amsgrad", "float16"],
)
def test_lazy_names_the_optimizers_that_it_works_with(params):
    with pytest.raises(ValueError, match="embedding_update='lazy' works with SGD"):
        fitted(embedding_update="lazy", **params)


@pytest.mark.nightly
def test_callbacks_between_batches_train_densely(monkeypatch):
    between = {"callbacks": BetweenBatches(), "epochs": 1}
    with pytest.raises(ValueError, match="embedding_update='dense'"):
        fitted(embedding_update="lazy", **between)
    dense = proba(fitted(embedding_update="dense", **between))
    monkeypatch.setitem(tables.LAZY_FROM, "auto", 8)
    with pytest.warns(UserWarning, match="the result is that of embedding_update"):
        model = fitted(**between)
    assert not model.lazy_embeddings_
    found = proba(model)
    np.testing.assert_array_equal(found, dense)


@pytest.mark.nightly
def test_a_stream_that_brings_ids_stays_lazy():
    X = make_table()
    y = make_target(X)
    model = make("DeepFM", embedding_update="lazy")
    known = ~X["item"].isin(["i0", "i1"])
    model.partial_fit(X[known], y[known], classes=[0, 1])
    before = model.embeddings_("user")
    some = (X["user"] == "u0").to_numpy()
    model.set_params(unknown_share=0.0)
    model.partial_fit(X[some], y[some])
    after = model.embeddings_("user")
    others = before.index.drop("u0")
    np.testing.assert_array_equal(before.loc[others], after.loc[others])
    assert (before.loc["u0"] != after.loc["u0"]).any()
