"""make_sessions: what is planted, that only the order tells, and the randomness."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skrec.datasets import make_sessions


def motif_of(session):
    """Return the events of a session without noise, in order."""
    steps, events = np.nonzero(session)
    assert (np.diff(steps) == 1).all()
    return tuple(events.tolist())


def cyclic_order(motif):
    """Return the motif turned so that event 0 comes first."""
    first = motif.index(0)
    return motif[first:] + motif[:first]


def test_shapes_types_and_balance():
    X, y = make_sessions(n_samples=601, random_state=0)

    assert X.shape == (601, 12, 4)
    assert X.dtype == np.float64
    assert np.issubdtype(y.dtype, np.integer)
    assert sorted(np.bincount(y).tolist()) == [200, 200, 201]
    assert (y != np.arange(601) % 3).any()


@given(
    n_classes=st.integers(2, 7),
    extra_steps=st.integers(0, 6),
    extra_channels=st.integers(0, 2),
    seed=st.integers(0, 2**32),
)
def test_class_is_the_cyclic_order(n_classes, extra_steps, extra_channels, seed):
    motif_length = 3 if n_classes == 2 else 4 if n_classes <= 6 else 5
    X, y = make_sessions(
        n_samples=10 * n_classes,
        n_steps=motif_length + extra_steps,
        n_channels=motif_length + extra_channels,
        n_classes=n_classes,
        noise=0,
        random_state=seed,
    )
    motifs = [motif_of(session) for session in X]

    assert all(sorted(motif) == list(range(motif_length)) for motif in motifs)
    orders = {(label, cyclic_order(m)) for label, m in zip(y, motifs, strict=True)}
    assert len(orders) == n_classes
    assert len({order for _, order in orders}) == n_classes


def test_every_start_and_rotation_occurs_alike_in_each_class():
    X, y = make_sessions(n_samples=9000, n_steps=6, noise=0, random_state=0)

    starts = X.any(axis=2).argmax(axis=1)
    first_events = X[np.arange(len(X)), starts].argmax(axis=1)
    table = np.zeros((3, 3, 4))
    np.add.at(table, (y, starts, first_events), 1)
    # 250 expected in each cell; the standard deviation is about 15.
    assert np.abs(table - 250).max() < 75


@pytest.mark.parametrize("min_steps", [None, 5])
def test_linear_model_finds_nothing(min_steps):
    X, y = make_sessions(n_samples=12_000, min_steps=min_steps, random_state=0)
    flat = X.reshape(len(X), -1)
    linear = LogisticRegression().fit(flat[:6000], y[:6000])

    assert linear.score(flat[6000:], y[6000:]) == pytest.approx(1 / 3, abs=0.05)
    # Guessing the class frequencies has log(3); a fitted model is a bit worse.
    assert log_loss(y[6000:], linear.predict_proba(flat[6000:])) > np.log(3)


def test_linear_model_on_pairs_of_steps_finds_the_class():
    X, y = make_sessions(n_samples=2000, random_state=0)
    # How often event j follows event i, over the whole session.
    pairs = sum(
        np.einsum("ni,nj->nij", X[:, a], X[:, b]) for a, b in pairwise(range(12))
    ).reshape(len(X), -1)
    linear = LogisticRegression(max_iter=1000).fit(pairs[:1000], y[:1000])

    assert linear.score(pairs[1000:], y[1000:]) > 0.85


def test_noise_has_its_standard_deviation():
    noisy, y = make_sessions(noise=0.4, random_state=0)
    clean, same_y = make_sessions(noise=0, random_state=0)

    assert (y == same_y).all()
    assert (noisy - clean).std() == pytest.approx(0.4, rel=0.02)
    assert np.unique(clean).tolist() == [0, 1]


def test_shorter_sessions_are_padded_in_front():
    X, y = make_sessions(n_samples=900, n_steps=9, min_steps=5, random_state=0)

    real = X.any(axis=2)
    lengths = real.sum(axis=1)
    assert (np.diff(real.astype(int), axis=1) >= 0).all()
    assert set(lengths) == {5, 6, 7, 8, 9}
    for label in range(3):
        assert np.bincount(lengths[y == label], minlength=10)[5:].min() > 30
    clean, _ = make_sessions(
        n_samples=900, n_steps=9, min_steps=5, noise=0, random_state=0
    )
    assert not clean[~real].any()
    assert (clean.sum(axis=(1, 2)) == 4).all()


def test_randomness_is_local():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    X, y = make_sessions(random_state=7)
    fresh, _ = make_sessions()
    other_fresh, _ = make_sessions()
    again, y_again = make_sessions(random_state=7)

    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    other, _ = make_sessions(random_state=8)
    assert (again == X).all() and (y_again == y).all()
    assert (other != X).any()
    assert (fresh != other_fresh).any()
    generator = np.random.default_rng(7)
    assert (make_sessions(random_state=generator)[0] == X).all()
    assert (make_sessions(random_state=generator)[0] != X).any()
    legacy = [make_sessions(random_state=np.random.RandomState(0))[0] for _ in range(2)]
    assert (legacy[0] == legacy[1]).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_samples": 0}, r"'n_samples' .* Got 0"),
        ({"n_classes": 1}, r"'n_classes' .* Got 1"),
        ({"noise": -0.1}, r"'noise' .* Got -0\.1"),
        ({"n_steps": 3}, r"n_steps must be at least 4.* Received: n_steps=3"),
        ({"n_channels": 3}, r"n_channels must be at least 4.* Received: n_channels=3"),
        ({"min_steps": 3}, r"min_steps must be at least 4.* Received: min_steps=3"),
        ({"min_steps": 13}, r"at most n_steps=12. Received: min_steps=13"),
        ({"n_classes": 7}, r"n_channels must be at least 5.* Received: n_channels=4"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        make_sessions(**params)
