"""Small seeded rows of each kind that a network may read, and their targets."""

import numpy as np

N_TRAIN, N_VALID = 70, 20  # 70 rows in batches of 16: the last one is a part
N_ROWS = N_TRAIN + N_VALID
WORDS = np.array(["red", "green", "blue", "warm", "cold", "old", "new", "far"])
SHAPES = {
    "table": (6,),
    "sequence": (5, 4),
    "image": (8, 8, 2),
    "photo": (32, 32, 3),
    "volume": (4, 4, 4, 2),
}


def features(kind):
    """Return rows; training rows first, then those for validation."""
    rng = np.random.default_rng(0)
    if kind in SHAPES:
        return rng.normal(size=(N_ROWS, *SHAPES[kind])).astype("float32")
    if kind == "padded":  # steps of zeros at the end
        X = features("sequence")
        X[np.arange(5) >= rng.integers(2, 6, N_ROWS)[:, None]] = 0
        return X
    if kind == "shifted":
        return (features("table") * 50 + 500).astype("float32")
    if kind == "ids":  # 0 is padding
        return rng.integers(0, 10, size=(N_ROWS, 5))
    if kind == "large_ids":
        return rng.integers(0, 6, size=(N_ROWS, 2)) * 100 + 1000
    if kind == "words":
        return WORDS[rng.integers(0, len(WORDS), size=(N_ROWS, 2))].astype(object)
    assert kind == "texts"
    words = WORDS[rng.integers(0, len(WORDS), size=(N_ROWS, 4))]
    return np.array([[" ".join(row)] for row in words], dtype=object)


def targets(kind, X):
    """Return targets that depend on the rows."""
    rng = np.random.default_rng(1)
    if X.dtype == object:
        code = np.array([sum(map(ord, "".join(row))) for row in X]) % 97 / 24 - 2
    else:
        flat = X.reshape(len(X), -1).astype("float64")
        code = (flat - flat.mean(axis=0)) @ rng.normal(size=flat.shape[1])
        code /= code.std()
    code += rng.normal(size=len(code)) / 4
    if kind == "number":
        return code.astype("float32")
    if kind == "double":
        return code
    if kind == "pair":  # a number, and whether it is positive
        return np.column_stack([code, code > 0]).astype("float32")
    if kind == "binary":
        return (code > 0).astype(int)
    if kind == "labels":
        return np.column_stack([code > 0, X.reshape(len(X), -1)[:, 0] > 0]).astype(int)
    assert kind == "classes"
    return np.digitize(code, [-0.4, 0.4])
