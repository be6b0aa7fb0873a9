"""The AUC of validation rows, against scikit-learn's."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from skrec.estimators._auc import auc_scores, warn_if_auc_is_chance


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.sampled_from([0, 1, 6]))
def test_one_output_is_scored_as_by_scikit_learn(seed, n_rows, digits):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_rows, 1)).round(digits).astype(np.float32)  # with ties
    target = rng.permutation(np.arange(n_rows) % rng.integers(2, 5) == 0)[:, None]
    target = target.astype(np.float32)
    weight = rng.exponential(size=n_rows).astype(np.float32)
    expected = roc_auc_score(target, logits, sample_weight=weight)
    found = auc_scores(logits, target, weight, required=False)["auc"]
    assert found == pytest.approx(expected, abs=1e-9)


def test_labels_are_counted_by_column():
    logits, target = np.zeros((4, 2)), np.array([[0, 0], [1, 0], [0, 0], [1, 0]])
    with pytest.raises(ValueError, match=r"every class .* Received: 1 of 2 classes"):
        auc_scores(logits, target, np.ones(4), required=True)
    assert auc_scores(logits, target, np.ones(4), required=False) == {}


def test_few_rows_do_not_tell_chance():
    few, many = np.arange(10)[:, None] % 2, np.arange(100)[:, None] % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_auc_is_chance([0.4, 0.88], few)
        warn_if_auc_is_chance([0.4, 0.88], many)
        with pytest.raises(UserWarning, match=r"0\.580 was the best of 2 epochs"):
            warn_if_auc_is_chance([0.4, 0.58], many)
