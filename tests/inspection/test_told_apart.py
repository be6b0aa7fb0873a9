"""What looks alike is not the same: values, ranges, ids and addresses in results."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from skrec import NeuMFClassifier
from skrec.inspection import feature_effects, param_importances
from skrec.inspection._report_code import Program
from skrec.inspection._report_facts import _described
from skrec.inspection._report_found import Found
from skrec.inspection._results import Values


def test_values_that_are_cut_to_one_label_stay_different():
    long = [(512, 256, 128, 64, 32, 16, k) for k in range(3)]
    for raw in (long, [0.2501, 0.2502, "sqrt"], [1, "1"], [None, "None"]):
        values = Values.of("units", raw)
        assert not values.is_constant
        assert len(set(values.labels)) == len(set(values.numbers)) == len(raw)
    again = Values.of("units", [long[1], long[0], tuple(long[1])])
    assert again.numbers.tolist() == [1, 0, 1]


def test_nothing_is_told_of_an_only_parameter():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(SVC(), {"C": np.logspace(-6, 2, 12)}, cv=3).fit(X, y)

    found = param_importances(search, n_resamples=19)

    assert found.frame["verdict"].tolist() == ["cannot tell"]
    assert "the only one" in str(found)


def test_a_tuple_of_a_grid_lists_values():
    assert _described((1, 10, 100), False) == "1, 10, 100"
    assert _described((1, 10), True) == "1 to 10"


def test_ids_are_never_made_up():
    rng = np.random.default_rng(0)
    ids = {"user": rng.integers(1000, 1040, 300), "item": rng.integers(0, 60, 300) * 7}
    X = pd.DataFrame(ids)
    model = NeuMFClassifier(epochs=1, random_state=0).fit(X, np.arange(300) % 2)

    found = feature_effects(model, X, "item", n_values=10)

    assert set(found["value"]) <= set(X["item"])


def test_no_password_is_in_a_program():
    code = Program().code("postgresql://alice:hunter2@db/x")
    assert "hunter2" not in code
    assert Program().code("ann@b.c") == '"ann@b.c"'


def test_where_all_have_failed_none_is_the_best():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        LogisticRegression(), {"C": [1.0, 2.0]}, cv=3, scoring=lambda e, X, y: np.nan
    )
    with np.testing.suppress_warnings() as quiet:
        quiet.filter(UserWarning)
        search.fit(X, y)
    assert Found(search).best is None
