"""What is AutoInt's own as an estimator: its shape, and numbers missing in a stream."""

import numpy as np
import pytest

from skrec import AutoIntClassifier, AutoIntRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = X[:, 0] * X[:, 1] > 0
SMALL = {"attention_dim": 8, "epochs": 3, "early_stopping": False, "random_state": 0}


def test_heads_share_the_dimension():
    with pytest.raises(ValueError, match=r"multiple of n_heads.*n_heads=3"):
        AutoIntClassifier(1, n_heads=3, **SMALL).fit(X, Y)


@pytest.mark.parametrize("n_columns", [1, pytest.param(3, marks=pytest.mark.nightly)])
def test_a_number_that_is_missing_later_changes_nothing_else(n_columns):
    rows = X[:, :n_columns]
    # Scales take new rows in, which is another matter.
    model = AutoIntRegressor(2, standardize=False, **SMALL).fit(rows, X[:, 0])
    before = model.predict(rows)
    holes = rows.copy()
    holes[0] = np.nan
    model.set_params(learning_rate=1e-9).partial_fit(holes, X[:, 0])
    np.testing.assert_allclose(model.predict(rows), before, atol=1e-4)
    assert np.isfinite(model.predict(holes)).all()
