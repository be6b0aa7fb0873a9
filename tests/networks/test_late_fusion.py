"""Late fusion: which columns reach which branch, padding, fusions, modality dropout."""

import keras
import numpy as np
import pytest

from skrec.networks import FieldGroup, build_late_fusion, groups_by_kind
from skrec.preprocessing._spec import FieldSpec, SequenceSpec

FIELDS = FieldSpec(
    tables=(8, 5, 6),
    ids=(0, 1),
    n_numbers=3,
    sequences=(SequenceSpec(2, 4),),
    arrays=((6,), (5, 3), (7, 6, 2)),
)
GROUPS = (
    FieldGroup(ids=(1,), numbers=(0, 2)),
    FieldGroup(ids=(0,), numbers=(1,), sequences=(0,), arrays=(0, 2)),
    FieldGroup(arrays=(1,)),
)
SMALL = {"units": (8,), "branch_units": (4,), "embedding_dim": 3}


def make_rows(n_rows=6, dtype="float32"):
    rng = np.random.default_rng(0)
    rows = {"ids": rng.integers(0, 5, (n_rows, 2)).astype("int32")}
    rows["sequence_0"] = rng.integers(0, 6, (n_rows, 4)).astype("int32")
    rows["numbers"] = rng.normal(size=(n_rows, 3)).astype(dtype)
    for k, shape in enumerate(FIELDS.arrays):
        rows[f"array_{k}"] = rng.normal(size=(n_rows, *shape)).astype(dtype)
    return rows


def build(**options):
    options = {"fields": FIELDS, "groups": GROUPS, "n_outputs": 2, **SMALL, **options}
    return build_late_fusion(**options)


def branches_of(model):
    """Return a model from rows to the branches, as they enter the fusion."""
    layers = [own for own in model.layers if own.name.startswith("modality_dropout")]
    return keras.Model(model.input, [own.output for own in layers])


def dropped(model, rows):
    """Return which branches of which rows are zero in training."""
    outputs = branches_of(model)(rows, training=True)
    return np.stack([(np.asarray(branch) == 0).all(axis=1) for branch in outputs])


# ---- groups --------------------------------------------------------------------------


def test_without_groups_fields_are_one_branch_and_each_array_is_its_own():
    assert groups_by_kind(FIELDS) == (
        FieldGroup(ids=(0, 1), numbers=(0, 1, 2), sequences=(0,)),
        FieldGroup(arrays=(0,)),
        FieldGroup(arrays=(1,)),
        FieldGroup(arrays=(2,)),
    )
    assert groups_by_kind(FieldSpec(arrays=((3,),))) == (FieldGroup(arrays=(0,)),)


@pytest.fixture(scope="module")
def branches():
    keras.utils.set_random_seed(0)
    return branches_of(build(activation="tanh"))


@pytest.mark.parametrize(
    ("name", "column", "reached"),
    [
        ("ids", 0, 1),
        ("ids", 1, 0),
        ("numbers", 0, 0),
        ("numbers", 1, 1),
        ("numbers", 2, 0),
        ("sequence_0", 2, 1),
        ("array_0", 2, 1),
        ("array_1", 2, 2),
        ("array_2", 2, 1),
    ],
)
def test_each_column_reaches_its_own_branch_alone(branches, name, column, reached):
    rows = make_rows()
    changed = {**rows, name: rows[name].copy()}
    changed[name][:, column] = (rows[name][:, column] + 1) % 5
    pairs = zip(branches(rows), branches(changed), strict=True)
    for branch, (one, other) in enumerate(pairs):
        assert np.any(np.asarray(one) != np.asarray(other)) == (branch == reached)


# ---- padding -------------------------------------------------------------------------


@pytest.mark.parametrize("sequence_branch", ["rnn", "cnn"])
def test_steps_that_are_all_zero_are_padding(sequence_branch):
    """More of them after the sequence change nothing; nor does a bias see them."""
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(5, 4, 2)).astype("float32")
    steps[0] = 0  # a row without any step

    def model(length):
        fields = FieldSpec(arrays=((length, 2),))
        keras.utils.set_random_seed(0)
        model = build(
            fields=fields,
            groups=groups_by_kind(fields),
            sequence_branch=sequence_branch,
            activation="tanh",
        )
        weights = [np.random.default_rng(1).normal(size=w.shape) for w in model.weights]
        model.set_weights(weights)
        return model

    padded = np.concatenate([steps, np.zeros((5, 3, 2), "float32")], axis=1)
    short = np.asarray(model(4)({"array_0": steps}))
    long = model(7)({"array_0": padded})
    np.testing.assert_allclose(short, long, rtol=1e-4, atol=1e-5)
    assert np.ptp(short[1:, 0]) > 0.01


# ---- fusions -------------------------------------------------------------------------


def fused_by_hand(model, fusion, branches):
    if fusion == "concat":
        return np.concatenate(branches, axis=1)
    if fusion == "sum":
        return sum(branches)
    kernel, bias = (w.numpy() for w in model.get_layer("gates").weights)
    gates = np.concatenate(branches, axis=1) @ kernel + bias
    gates = np.exp(gates.reshape(len(gates), len(branches), -1))
    gates /= gates.sum(axis=1, keepdims=True)
    return (gates * np.stack(branches, axis=1)).sum(axis=1)


@pytest.mark.parametrize("fusion", ["concat", "sum", "gated"])
def test_fusion_is_what_it_says(fusion):
    model = build(fusion=fusion)
    rows = make_rows()
    branches = [np.asarray(branch) for branch in branches_of(model)(rows)]
    assert [branch.shape for branch in branches] == [(6, 4)] * 3
    x = fused_by_hand(model, fusion, branches)
    last, logits = [
        own.weights for own in model.layers if isinstance(own, keras.layers.Dense)
    ][-2:]
    x = np.maximum(x @ last[0].numpy() + last[1].numpy(), 0)
    expected = x @ logits[0].numpy() + logits[1].numpy()
    np.testing.assert_allclose(model(rows), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fusion", ["concat", "sum", "gated"])
def test_one_branch_needs_no_fusion(fusion):
    fields = FieldSpec(n_numbers=3)
    model = build(fields=fields, groups=groups_by_kind(fields), fusion=fusion)
    assert model.count_params() == (3 * 4 + 4) + (4 * 8 + 8) + (8 * 2 + 2)
    assert model(np.ones((5, 3), "float32")).shape == (5, 2)


# ---- modality dropout ----------------------------------------------------------------


def test_modality_dropout_drops_whole_branches_of_single_rows():
    keras.utils.set_random_seed(0)
    model = build(modality_dropout=0.5, activation="sigmoid")
    rows = make_rows(n_rows=400)
    share = dropped(model, rows).mean(axis=1)
    np.testing.assert_allclose(share, 0.5, atol=0.08)  # 3 standard errors: .075
    patterns = {tuple(pattern) for pattern in dropped(model, rows).T}
    assert len(patterns) == 8  # branches are dropped apart from each other
    np.testing.assert_array_equal(model(rows), model(rows))


def test_what_is_kept_is_scaled_so_that_its_mean_stays():
    keras.utils.set_random_seed(0)
    model = branches_of(build(modality_dropout=0.25, activation="sigmoid"))
    rows = make_rows(n_rows=50)
    for kept, whole in zip(model(rows, training=True), model(rows), strict=True):
        kept, whole = np.asarray(kept), np.asarray(whole)
        present = kept.any(axis=1)
        np.testing.assert_allclose(kept[present], whole[present] / 0.75, rtol=1e-5)


def test_without_modality_dropout_no_branch_is_dropped():
    model = build(activation="sigmoid")
    assert not dropped(model, make_rows()).any()


# ---- precision and files -------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "sequence_branch"), [("float64", "rnn"), ("mixed_bfloat16", "cnn")]
)
def test_every_precision_gives_about_the_same_numbers(dtype, sequence_branch):
    options = {"fusion": "gated", "sequence_branch": sequence_branch}
    single, other = build(**options), build(**options, dtype=dtype)
    other.set_weights(single.get_weights())
    rows = make_rows(dtype="float64" if dtype == "float64" else "float32")
    outputs = np.asarray(other(rows))
    assert outputs.dtype == ("float64" if dtype == "float64" else "float32")
    atol = 1e-5 if dtype == "float64" else 0.1
    np.testing.assert_allclose(outputs, single(make_rows()), atol=atol)


@pytest.mark.parametrize(
    ("fusion", "sequence_branch"),
    [("concat", "rnn"), ("sum", "cnn"), ("gated", "rnn")],
)
def test_a_saved_model_loads_and_predicts_the_same(fusion, sequence_branch, tmp_path):
    model = build(
        fusion=fusion,
        sequence_branch=sequence_branch,
        batch_norm=True,
        dropout=0.1,
        modality_dropout=0.1,
        l1=0.1,
        embedding_l2=0.1,
    )
    rows = make_rows()
    model.save(tmp_path / "late_fusion.keras")
    loaded = keras.models.load_model(tmp_path / "late_fusion.keras")
    np.testing.assert_array_equal(loaded(rows), model(rows))
