"""Deep interest evolution network: recurrences and losses, against plain NumPy."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, log_expit, softmax

from skrec.estimators import DIENClassifier
from skrec.networks import build_dien
from skrec.networks._attention import AttentionalGRUCell
from skrec.networks.dien import NegativeIds, NextClickLoss, PlusRowLoss
from skrec.preprocessing import FieldSpec, SequenceSpec
from skrec.training._stand_ins import program_copy, tuned_variables
from tests.night import by_day

RNG = np.random.default_rng(0)
TYPES = ["augru", "agru", "aigru", "gru"]
ONE = FieldSpec(tables=(9,), ids=(0,), sequences=(SequenceSpec(0, 4),))
ROWS = {
    "ids": np.array([[3], [5], [8]], "int32"),
    "sequence_0": np.array([[0, 0, 3, 7], [2, 5, 1, 6], [0, 0, 0, 0]], "int32"),
}


def build(fields=ONE, **options):
    """Build a small network whose every weight matters."""
    defaults = {"n_outputs": 1, "pairs": ((0, 0),), "embedding_dim": 3, "units": (5,)}
    model = build_dien(fields=fields, activation="relu", **{**defaults, **options})
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.weights])
    return model


def found(model, kind):
    return [layer for layer in model.layers if type(layer) is kind]


def gru_states(steps, layer):
    """Return the states of Keras's GRU, written out."""
    kernel, recurrent, (b, c) = layer.get_weights()
    n, state, states = layer.units, np.zeros(layer.units), []
    for step in steps:
        x, h = step @ kernel + b, state @ recurrent + c
        keep = expit(x[:n] + h[:n])
        reset = expit(x[n : 2 * n] + h[n : 2 * n])
        candidate = np.tanh(x[2 * n :] + reset * h[2 * n :])
        state = keep * state + (1 - keep) * candidate
        states.append(state)
    return np.array(states).reshape(-1, n)


def attentional_states(inputs, attention, recurrent, kind):
    """Return the states of equations 11 to 14 of the paper."""
    n = len(recurrent)
    state, states = np.zeros(n), []
    for x, a in zip(inputs, attention, strict=True):
        h = state @ recurrent
        update, reset = expit(x[:n] + h[:n]), expit(x[n : 2 * n] + h[n : 2 * n])
        candidate = np.tanh(x[2 * n :] + reset * h[2 * n :])
        strength = a * update if kind == "augru" else a
        state = (1 - strength) * state + strength * candidate
        states.append(state)
    return np.array(states).reshape(-1, n)


# ---- recurrences ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["augru", "agru"])
def test_a_step_is_that_of_the_paper_and_stands_still_without_attention(kind):
    layer = keras.layers.RNN(AttentionalGRUCell(3, kind), return_sequences=True)
    inputs = RNG.normal(size=(2, 5, 9)).astype("float32")
    attention = RNG.uniform(size=(2, 5, 1)).astype("float32")
    attention[0, :2] = 0
    states = np.array(layer(np.concatenate([inputs, attention], axis=-1)))
    (recurrent,) = layer.get_weights()
    for row in range(2):
        expected = attentional_states(
            inputs[row], attention[row, :, 0], recurrent, kind
        )
        np.testing.assert_allclose(states[row], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(states[0, :2], 0)


@pytest.mark.parametrize("kind", TYPES)
def test_dien_is_the_network_of_the_paper(kind):
    model = build(gru_type=kind, n_outputs=2)
    (vectors,) = found(model, keras.layers.Embedding)[0].get_weights()
    extractor, *second = found(model, keras.layers.GRU)
    dense = [x.get_weights() for x in found(model, keras.layers.Dense)]
    (bilinear,), (a, b), (c, d) = dense[0], *dense[-2:]
    expected = []
    for target, history in zip(ROWS["ids"][:, 0], ROWS["sequence_0"], strict=True):
        states = gru_states(vectors[history[history > 0]], extractor)
        scores = states @ (vectors[target] @ bilinear)
        weights = softmax(scores) if len(scores) else scores
        if kind == "gru":
            evolved = weights[:, None] * gru_states(states, second[0])
            interest = evolved.sum(0)
        elif kind == "aigru":
            evolved = gru_states(states * weights[:, None], second[0])
            interest = evolved[-1] if len(evolved) else np.zeros(3)
        else:
            kernel, bias = dense[1]
            (recurrent,) = found(model, keras.layers.RNN)[0].get_weights()
            inputs = states @ kernel + bias
            evolved = attentional_states(inputs, weights, recurrent, kind)
            interest = evolved[-1] if len(evolved) else np.zeros(3)
        x = np.concatenate([vectors[target], interest])
        expected.append(np.maximum(x @ a + b, 0) @ c + d)
    np.testing.assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", by_day(TYPES, "augru"))
def test_more_padding_changes_nothing(kind):
    longer = FieldSpec(tables=(9,), ids=(0,), sequences=(SequenceSpec(0, 9),))
    short, long = build(gru_type=kind), build(longer, gru_type=kind)
    padded = {**ROWS, "sequence_0": np.pad(ROWS["sequence_0"], ((0, 0), (5, 0)))}
    np.testing.assert_allclose(long(padded), short(ROWS), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", by_day(TYPES, "augru"))
def test_the_order_of_a_history_matters(kind):
    model = build(gru_type=kind)
    turned = {**ROWS, "sequence_0": ROWS["sequence_0"][:, [0, 1, 3, 2]]}
    change = np.abs(np.array(model(turned)) - np.array(model(ROWS)))[:, 0]
    assert (change[:2] > 1e-4).all()
    assert change[2] == 0


# ---- the auxiliary loss --------------------------------------------------------------


def test_negatives_are_drawn_from_the_known_ids_and_only_in_training():
    layer = NegativeIds(6)
    codes = np.ones((400, 5), "int32")
    same, drawn = layer(codes, training=True)
    np.testing.assert_array_equal(same, codes)
    assert drawn.shape == (400, 4)
    assert (np.bincount(np.ravel(drawn), minlength=6)[2:] > 300).all()
    assert set(np.ravel(drawn)) == {2, 3, 4, 5}
    np.testing.assert_array_equal(layer(codes, training=False)[1], 0)
    layer.tuned["n_ids_0"].assign(4)  # a table has more rows than ids
    assert set(np.ravel(layer(codes, training=True)[1])) == {2, 3}
    assert NegativeIds.from_config(layer.get_config()).get_config()["n_ids"] == 4


def test_the_loss_of_a_row_is_the_mean_over_its_steps_that_have_a_next_one():
    states, clicked = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    drawn = RNG.normal(size=(3, 3, 5)).astype("float32")
    mask = np.array([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]]) > 0
    losses = NextClickLoss()(states, clicked, drawn, mask, training=True)

    def of_step(row, step):
        good = states[row, step] @ clicked[row, step + 1]
        bad = states[row, step] @ drawn[row, step]
        return -log_expit(good) - log_expit(-bad)

    expected = [of_step(0, 2), np.mean([of_step(1, step) for step in range(3)]), 0]
    np.testing.assert_allclose(np.ravel(losses), expected, rtol=1e-5)
    untrained = NextClickLoss()(states, clicked, drawn, mask, training=False)
    np.testing.assert_array_equal(untrained, np.zeros((3, 1)))


def test_the_column_is_there_in_training_alone_and_changes_no_logit():
    model, plain = build(auxiliary=True, n_outputs=2), build(n_outputs=2)
    assert model.output_shape == (None, 2)
    assert [w.shape for w in model.weights] == [w.shape for w in plain.weights]
    outputs = np.array(model(ROWS, training=True))
    assert outputs.shape == (3, 3)
    np.testing.assert_array_equal(outputs[:, :2], plain(ROWS))
    np.testing.assert_array_equal(model(ROWS), plain(ROWS))
    assert (outputs[:2, 2] > 0).all()
    assert outputs[2, 2] == 0


def test_the_loss_adds_the_column_times_alpha_before_rows_are_weighted():
    base = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = PlusRowLoss(base, n_outputs=3, alpha=0.5)
    assert loss.name == PlusRowLoss(base, n_outputs=3).name
    outputs = RNG.normal(size=(4, 4)).astype("float32")
    y, weight = np.array([0, 2, 1, 1]), np.array([1, 2, 0, 3], "float32")
    rows = -np.log(softmax(outputs[:, :3], axis=1)[np.arange(4), y])
    for given in (loss, PlusRowLoss.from_config(loss.get_config())):
        expected = ((rows + 0.5 * outputs[:, 3]) * weight).sum() / 4
        assert float(given(y, outputs, weight)) == pytest.approx(expected, rel=1e-5)
        expected = (rows * weight).sum() / 4
        found = float(given(y, outputs[:, :3], weight))
        assert found == pytest.approx(expected, rel=1e-5)


def test_its_seed_comes_first_whether_or_not_dropout_layers_have_one():
    def generators(model):
        return [v.path for v in model.variables if v.name == "seed_generator_state"]

    deep = {"auxiliary": True, "units": (5, 5, 5, 5)}
    without, with_dropout = build(**deep), build(**deep, dropout=0.2)
    own = [without.layers.index(x) for x in found(without, NegativeIds)]
    hidden = [without.layers.index(x) for x in found(without, keras.layers.Dropout)]
    assert max(own) < min(hidden)
    assert len(generators(with_dropout)) == len(generators(without)) + 4
    assert len(generators(program_copy(without, as_keras=False))) == len(
        generators(with_dropout)
    )


def test_a_fit_draws_from_the_ids_that_it_knows():
    X = pd.DataFrame({"item": list("abc") * 4, "past": [list("ab"), list("bca")] * 6})
    model = DIENClassifier(
        shared_embeddings=[("item", "past")], units=4, embedding_dim=2, epochs=1
    ).fit(X, [0, 1] * 6)
    program = program_copy(model._spec.build(), as_keras=False)
    tuned = tuned_variables(program, as_keras=False)
    (drawn,) = (name for name in tuned if name.startswith("n_ids"))
    assert model._tuned()[drawn] == 2 + 3
    assert model.encoder_.spec_.tables[0] > 2 + 3


# ---- fields --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("float64", "augru"), ("mixed_float16", "gru")],
)
def test_every_kind_of_field_and_several_histories_and_a_saved_model(
    dtype, kind, tmp_path
):
    fields = FieldSpec(
        tables=(9, 6),
        ids=(1, 0),
        n_numbers=2,
        sequences=(SequenceSpec(1, 3), SequenceSpec(0, 4), SequenceSpec(0, 1)),
        arrays=((3,),),
    )
    model = build_dien(
        fields=fields,
        n_outputs=3,
        pairs=((0, 0), (1, 1)),
        units=(8, 4),
        gru_type=kind,
        auxiliary=True,
        dtype=dtype,
        dropout=0.1,
        l2=0.01,
        embedding_l2=0.01,
    )
    rows = {
        "ids": RNG.integers(1, 6, (5, 2)),
        "numbers": RNG.normal(size=(5, 2)),
        "sequence_0": RNG.integers(0, 6, (5, 3)),
        "sequence_1": RNG.integers(0, 9, (5, 4)) * [0, 1, 1, 1],
        "sequence_2": RNG.integers(0, 9, (5, 1)),
        "array_0": RNG.normal(size=(5, 3)),
    }
    outputs = np.array(model(rows))
    assert outputs.dtype == ("float64" if dtype == "float64" else "float32")
    model.save(tmp_path / "dien.keras")
    loaded = keras.models.load_model(tmp_path / "dien.keras")
    np.testing.assert_array_equal(loaded(rows), outputs)
    in_training = np.array(model(rows, training=True))
    assert in_training.shape == (5, 4)
    assert np.isfinite(in_training).all()


def test_a_history_of_one_step_has_all_attention_and_no_next_click(recwarn):
    fields = FieldSpec(tables=(9,), ids=(0,), sequences=(SequenceSpec(0, 1),))
    model = build(fields, auxiliary=True)
    last = {**ROWS, "sequence_0": ROWS["sequence_0"][:, -1:]}
    outputs = np.array(model(last, training=True))
    assert outputs.shape == (3, 1)
    assert np.isfinite(outputs).all()
    assert not [w for w in recwarn if "softmax" in str(w.message)]


def test_without_sequences_it_is_a_tower():
    fields = FieldSpec(n_numbers=4)
    model = build_dien(fields=fields, n_outputs=1, units=(8, 4), activation="relu")
    assert model.count_params() == 5 * 8 + 9 * 4 + 5
    assert model(np.ones((2, 4))).shape == (2, 1)
