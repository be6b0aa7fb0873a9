"""Wide & Deep by hand, and lengths of vectors that follow the tables' sizes."""

import numpy as np
import pytest

from skrec.networks import build_wide_deep
from skrec.networks._sizes import embedding_dims
from skrec.preprocessing._spec import FieldSpec
from tests.networks.field_rows import (
    ALL,
    IDS,
    bias_beside,
    flat_dense,
    kernel,
    linear_part,
    looked_up,
    make_rows,
    relu,
    with_random_weights,
)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(("embedding_dim", "dims"), [(4, (4, 4)), ("auto", (5, 4))])
def test_wide_and_deep_logits_are_added(n_outputs, embedding_dim, dims):
    model = build_wide_deep(
        fields=ALL,
        n_outputs=n_outputs,
        units=(7,),
        embedding_dim=embedding_dim,
        dtype="float64",
    )
    with_random_weights(model)
    rows = make_rows(ALL)
    ids, means = looked_up(model, "embedding", dims, ALL, rows)
    flat = np.concatenate([*ids, *means, flat_dense(rows)], axis=1)
    first, last = (flat.shape[1], 7), (7, n_outputs)
    hidden = relu(flat @ kernel(model, first) + bias_beside(model, first))
    deep = hidden @ kernel(model, last) + bias_beside(model, last)
    expected = linear_part(model, n_outputs, ALL, rows) + deep
    np.testing.assert_allclose(model(rows), expected, rtol=1e-10)


def test_auto_follows_the_rule_of_fastai_up_to_50():
    fields = FieldSpec(tables=(2, 16, 128, 400, 512, 10**6), ids=tuple(range(6)))
    # 1.6 * n ** 0.56: 2.36, 7.56, 24.2, 45.8, 52.7, 3665
    assert embedding_dims("auto", fields) == (2, 8, 24, 46, 50, 50)
    assert embedding_dims(np.int64(3), fields) == (3,) * 6
    assert embedding_dims("auto", FieldSpec(n_numbers=3)) == ()


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "rule", None])
def test_an_embedding_dim_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="embedding_dim must be an integer") as e:
        embedding_dims(value, IDS)
    assert str(e.value).endswith(f"Received: {value!r}.")
