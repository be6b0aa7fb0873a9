"""Every family on tables: no finite number of X makes an output that is not finite."""

import warnings

import numpy as np
import pytest

from skrec import CNNClassifier, MLPClassifier, RNNClassifier
from tests.estimators.tables import FAMILIES, columns_of, make, make_table, make_target
from tests.night import by_day

VALUES = [1e13, 1e25, 1e39, 1e160, -1e308, 1.7e308, 5e-324, -1e-310]
# Every push tests the family that multiplies numbers most often.
EVERY = by_day(FAMILIES, "DCN")


def table_of(family):
    table = make_table()[columns_of(family)]
    if family == "NeuMF":  # it takes no numbers but ids
        codes = table["item"].str[1:].astype(int)
        return table.assign(item=codes), "item"
    rng = np.random.default_rng(1)
    return table.assign(vector=list(rng.normal(size=(len(table), 3)))), "price"


@pytest.mark.parametrize("family", EVERY)
@pytest.mark.parametrize(
    "standardize", by_day([True, "standard", "log", "quantile", False], "True", "log")
)
def test_predictions_for_numbers_that_training_never_saw(family, standardize):
    table, number = table_of(family)
    y = make_target(make_table())
    # Rows to validate on may have them too.
    first = table.head(len(VALUES)).assign(**{number: VALUES})
    model = make(family, standardize=standardize, early_stopping=True)
    model.fit(table, y, X_val=first, y_val=y[: len(VALUES)])
    assert np.isfinite(model.history_["val_loss"]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Which is right where numbers are ids.
        warnings.filterwarnings("ignore", "columns .* hold ids as floats")
        found = model.predict_proba(first)
        if "vector" in table:
            first["vector"] = [[x, -x, 0.0] for x in VALUES]
            found = np.concatenate([found, model.predict_proba(first)])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("family", EVERY)
def test_ratings_for_numbers_that_training_never_saw(family):
    table, number = table_of(family)
    y = make_table()["price"].fillna(20).to_numpy()
    model = make(family, "Regressor").fit(table, y)
    known = np.abs(model.predict(table)).max()
    rows = table.head(len(VALUES)).assign(**{number: VALUES})
    assert np.abs(model.predict(rows)).max() < 10 * known


def test_a_huge_number_leaves_the_others_their_say():
    rng = np.random.default_rng(0)
    table = make_table().assign(price=rng.uniform(0, 100, 240))
    y = table["premium"].to_numpy()
    model = make("DCN", epochs=20).fit(table, y)
    for price in (1e13, 1e25, -1e308):
        assert (model.predict(table.assign(price=price)) == y).mean() > 0.95


@pytest.mark.parametrize("family", EVERY)
def test_training_refuses_what_no_scale_holds(family):
    table, number = table_of(family)
    if number != "price":
        return
    table.loc[7, "price"] = 1e160
    with pytest.raises(ValueError, match=r"column 'price' holds 1e\+160 in row 7"):
        make(family).fit(table, make_target(make_table()))


@pytest.mark.parametrize("standardize", by_day([True, "standard", False], "True"))
@pytest.mark.parametrize(
    "family",
    by_day(
        [CNNClassifier, RNNClassifier, MLPClassifier], "CNNClassifier", "MLPClassifier"
    ),
)
def test_arrays_of_numbers_that_training_never_saw(family, standardize):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5, 2))
    clf = family(epochs=2, standardize=standardize, random_state=0)
    clf.fit(X, X[:, 0, 0] > 0)
    known = clf.predict_proba(X)
    for value in VALUES:
        X[0, 2, 1] = value
        found = clf.predict_proba(X)
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found[1:], known[1:])
        raw = X.astype("float32")
        if np.isfinite(raw).all():
            own = clf.model_.predict(raw, verbose=0)
            wanted = clf.predict_proba(raw)[:, 1:]
            np.testing.assert_allclose(own, wanted, atol=1e-5)
    X[0, 2, 1] = 1e160
    with pytest.raises(ValueError, match=r"holds 1e\+160 in row 0"):
        clf.fit(X, X[:, 0, 0] > 0)
