"""Every estimator and every recommender, fitted in no time, and what it answers."""

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_iris

import skrec
from tests.estimators.tables import FAMILIES, columns_of, make, make_table, make_target
from tests.io import shop
from tests.recommenders.logs import random_log
from tests.recommenders.test_contract import ALL as RECOMMENDERS

X2, Y = load_iris(return_X_y=True)
X3 = np.random.default_rng(0).normal(size=(150, 5, 2)).astype("float32")
ONE = {"epochs": 1, "random_state": 0}
PLAIN = {**ONE, "early_stopping": False, "units": 4}
GENERIC = {**ONE, "verbose": 0}


def on_table(family, kind):
    """Return a model on a table, fitted, and the rows."""
    table = make_table()
    y = make_target(table)
    y = np.array(["no", "yes"], dtype=object)[y] if kind == "Classifier" else 1.5 * y
    X = table[columns_of(family)]
    return make(family, kind, epochs=1).fit(X, y), X, y, ()


def recommender(model):
    """Return a recommender, fitted, and further events."""
    log = random_log()
    fitted = clone(model).set_params(time_col="time").fit(log)
    return fitted, log.iloc[:40], None, ()


def softmax():
    """Return a generic classifier around a function of one's own."""
    loss = "sparse_categorical_crossentropy"
    model = skrec.KerasClassifier(shop.build_softmax, loss=loss, hidden=7, **GENERIC)
    return model.set_params(optimizer="adam").fit(X2, Y), X2, Y, [shop.build_softmax]


def late():
    """Return a generic regressor around a model of one's own."""
    model = skrec.KerasRegressor(shop.build_late, **GENERIC).fit(X2, Y)
    return model, X2, Y, ["tests.io.shop.build_late"]


CASES = {
    family + kind: lambda family=family, kind=kind: on_table(family, kind)
    for family in FAMILIES
    for kind in ("Classifier", "Regressor")
}
CASES |= {
    "arrays": lambda: (skrec.MLPClassifier(**PLAIN).fit(X2, Y), X2, Y, ()),
    "CNNClassifier": lambda: (skrec.CNNClassifier(**PLAIN).fit(X3, Y), X3, Y, ()),
    "CNNRegressor": lambda: (skrec.CNNRegressor(**PLAIN).fit(X3, Y), X3, Y, ()),
    "RNNClassifier": lambda: (skrec.RNNClassifier(**PLAIN).fit(X3, Y), X3, Y, ()),
    "RNNRegressor": lambda: (skrec.RNNRegressor(**PLAIN).fit(X3, Y), X3, Y, ()),
    "KerasClassifier": softmax,
    "KerasRegressor": late,
}
CASES |= {
    type(model).__name__: lambda model=model: recommender(model)
    for model in RECOMMENDERS
}


def answers(model, X):
    """Return all that a model answers, as arrays."""
    if hasattr(model, "recommend"):
        lists = [model.recommend(n=4), model.recommend([997], n=3)]
        found = [column.to_numpy() for own in lists for _, column in own.items()]
        return [*found, model.predict(X)]
    found = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        found.append(model.predict_proba(X))
    return found


def go_on(model, X, y):
    """Train one more epoch."""
    if isinstance(X, pd.DataFrame) and "time" in X:
        return model.partial_fit(X.assign(time=X["time"] + 100, item=X["item"] + 5))
    return model.partial_fit(X, y)
