"""AutoInt's attention against the formulas of its paper, in NumPy."""

import numpy as np
import pytest
from scipy.special import softmax

from skrec.networks import build_autoint
from skrec.preprocessing._spec import FieldSpec
from tests.networks.field_rows import make_rows, with_random_weights

FIELDS = FieldSpec(tables=(8, 6), ids=(0, 1), n_numbers=2)


def weights_of(model, part):
    return [w.numpy() for w in model.weights if part in w.path]


def attended(x, query, key, value, residual, n_heads):
    """One layer, a head and a row at a time."""
    size = query.shape[1] // n_heads
    out = x @ residual
    for h in range(n_heads):
        part = slice(h * size, (h + 1) * size)
        q, k, v = (x @ kernel[:, part] for kernel in (query, key, value))
        for row in range(len(x)):
            scores = softmax(q[row] @ k[row].T, axis=1)
            out[row, :, part] += scores @ v[row]
    return np.maximum(out, 0)


@pytest.mark.parametrize("n_heads", [1, 2])
def test_a_network_is_what_the_paper_says(n_heads):
    shape = {"n_heads": n_heads, "attention_dim": 4, "embedding_dim": 3}
    model = with_random_weights(
        build_autoint(
            fields=FIELDS, n_outputs=2, attention_layers=2, linear=False, **shape
        )
    )
    rows = make_rows(FIELDS, n_rows=7)
    (tables,) = weights_of(model, "embedding_of")
    factors = next(w.numpy() for w in model.weights if w.shape == (2, 3))
    x = tables[rows["ids"] + np.array([0, 8])]
    x = np.concatenate([x, rows["numbers"][..., None] * factors], axis=1)
    for k in range(2):
        kernels = [
            weights_of(model, f"{name}_{k}")[0]
            for name in ("query", "key", "value", "itself")
        ]
        x = attended(x, *kernels, n_heads=n_heads)
    kernel, bias = weights_of(model, "logits")
    expected = x.reshape(len(x), -1) @ kernel + bias
    np.testing.assert_allclose(model(rows), expected, rtol=1e-4, atol=1e-5)


def test_a_row_does_not_depend_on_others():
    model = with_random_weights(build_autoint(fields=FIELDS, n_outputs=1))
    rows = make_rows(FIELDS, n_rows=9)
    some = {name: array[:4] for name, array in rows.items()}
    np.testing.assert_allclose(model(some), model(rows)[:4], rtol=1e-4, atol=1e-6)
