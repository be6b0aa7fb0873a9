"""Encoded rows of every kind of field, and what networks read of them, in NumPy."""

import numpy as np

from skrec.preprocessing._spec import FieldSpec, SequenceSpec

IDS = FieldSpec(tables=(8, 5), ids=(0, 1, 0))
NUMBERS = FieldSpec(n_numbers=2)
SEQUENCES = FieldSpec(tables=(8,), sequences=(SequenceSpec(0, 4),))
ARRAYS = FieldSpec(arrays=((3,), (2, 2)))
ALL = FieldSpec(
    tables=(8, 5),
    ids=(0, 1, 0),
    n_numbers=2,
    sequences=(SequenceSpec(0, 4),),
    arrays=((3,), (2, 2)),
)
KINDS = {
    "ids": IDS,
    "numbers": NUMBERS,
    "sequences": SEQUENCES,
    "arrays": ARRAYS,
    "all": ALL,
}


def make_rows(fields, n_rows=6, seed=0):
    """Draw encoded rows; the first row's sequences are empty."""
    rng = np.random.default_rng(seed)
    rows = {}
    if fields.ids:
        codes = [rng.integers(1, fields.tables[t], n_rows) for t in fields.ids]
        rows["ids"] = np.stack(codes, axis=1).astype("int32")
    if fields.n_numbers:
        rows["numbers"] = rng.normal(size=(n_rows, fields.n_numbers))
    for k, sequence in enumerate(fields.sequences):
        codes = rng.integers(1, fields.tables[sequence.table], (n_rows, 4))
        kept = np.arange(4) < rng.integers(1, 5, n_rows)[:, None]
        kept[0] = False
        rows[f"sequence_{k}"] = np.where(kept, codes, 0).astype("int32")
    for k, shape in enumerate(fields.arrays):
        rows[f"array_{k}"] = rng.normal(size=(n_rows, *shape))
    return rows


def model_inputs(rows):
    """Return what a model takes: rows of numbers alone stand without a dict."""
    return rows["numbers"] if rows.keys() == {"numbers"} else rows


def with_random_weights(model, seed=0):
    """Make every weight matter, biases and what begins at zero too."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.weights])
    return model


def kernel(model, shape):
    """Return the one kernel of this shape."""
    found = [w for w in model.weights if w.name == "kernel" and w.shape == shape]
    assert len(found) == 1, [(w.path, w.shape) for w in model.weights]
    return found[0].numpy()


def bias_beside(model, shape):
    """Return the bias of the layer whose kernel has this shape."""
    weights = list(model.weights)
    (at,) = [
        k for k, w in enumerate(weights) if w.name == "kernel" and w.shape == shape
    ]
    assert weights[at + 1].name == "bias"
    return weights[at + 1].numpy()


def looked_up(model, name, dims, fields, rows):
    """Return the vectors of id columns, and the mean vectors of sequences."""
    tables = {}
    for dim in set(dims):
        own = [t for t, d in enumerate(dims) if d == dim]
        layer = model.get_layer(f"{name}_of_{'_'.join(map(str, own))}")
        (whole,) = layer.get_weights()
        ends = np.cumsum([fields.tables[t] for t in own])
        tables.update(zip(own, np.split(whole, ends[:-1]), strict=True))
    ids = [tables[t][rows["ids"][:, k]] for k, t in enumerate(fields.ids)]
    means = []
    for k, sequence in enumerate(fields.sequences):
        codes = rows[f"sequence_{k}"]
        present = (codes > 0)[..., None]
        total = (tables[sequence.table][codes] * present).sum(axis=1)
        means.append(total / np.maximum(present.sum(axis=1), 1))
    return ids, means


def flat_dense(rows):
    """Return numbers and arrays side by side."""
    parts = [rows["numbers"], rows["array_0"], rows["array_1"].reshape(-1, 4)]
    return np.concatenate(parts, axis=1)


def linear_part(model, n_outputs, fields, rows):
    """Return the linear model of all fields, without a bias."""
    dims = (n_outputs,) * len(fields.tables)
    ids, means = looked_up(model, "weight", dims, fields, rows)
    numbers = flat_dense(rows)
    return sum(ids) + sum(means) + numbers @ kernel(model, (9, n_outputs))


def relu(x):
    return np.maximum(x, 0)
