"""Local randomness: every draw comes from the seed of one fit and a purpose."""

from typing import Any

import keras
import numpy as np
from sklearn.utils import check_random_state

# What a derived seed is for; the numbers are part of the reproducible result.
WEIGHTS, SHUFFLE, LAYERS, SPLIT, START, NEGATIVES, HELD_OUT_NEGATIVES = range(7)


def draw_seed(random_state: Any) -> int:
    """Return the integer seed of one fit.

    An integer is itself; a RandomState is drawn from, as scikit-learn does; None asks
    the operating system, so that NumPy's global generator is neither read nor moved.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    return int(random_state)


def derive(seed: int, *purpose: int) -> int:
    """Return a seed for one purpose, independent of those for all others."""
    return int(np.random.SeedSequence([seed, *purpose]).generate_state(1)[0])


def permutation(seed: int, epoch: int, n_rows: int) -> np.ndarray:
    """Return the order in which one epoch visits the rows."""
    return np.random.default_rng([seed, SHUFFLE, epoch]).permutation(n_rows)


def layer_seeds(seed: int, epoch: int, n_layers: int) -> list[np.ndarray]:
    """Return the state of each layer's seed generator at the start of one epoch."""
    # TensorFlow reads them as int32: a seed below 2**31 means the same to all.
    return [
        np.array([derive(seed, LAYERS, epoch, layer) % (2**31 - 2), 0], dtype="uint32")
        for layer in range(n_layers)
    ]


def initial_weights(
    model: keras.Model, untrained: list[np.ndarray], seed: int
) -> list[np.ndarray]:
    """Draw the weights of a model anew, without building or changing the model.

    Parameters
    ----------
    model : keras.Model
        The model, whose present weights do not matter.
    untrained : list of ndarray
        Its weights as they were built: those that are not drawn (biases, moving
        averages) are kept.
    seed : int
        Seed of the fit; each weight gets a derived seed of its own.

    Returns
    -------
    list of ndarray
        New initial weights, in the order of ``model.weights``.
    """
    values = list(untrained)
    for index, initializer in drawn_weights(model).items():
        weight = model.weights[index]
        config = {**initializer.get_config(), "seed": derive(seed, WEIGHTS, index)}
        fresh = type(initializer).from_config(config)
        values[index] = np.asarray(fresh(weight.shape, dtype=weight.dtype))
    return values


def drawn_weights(model: keras.Model) -> dict[int, keras.initializers.Initializer]:
    """Find the weights whose initial values are drawn.

    Parameters
    ----------
    model : keras.Model
        Built model.

    Returns
    -------
    dict of int to keras.initializers.Initializer
        Positions in ``model.weights``, and what draws each.
    """
    owners: dict[int, keras.Layer] = {}
    for layer in model._flatten_layers(include_self=False):
        if not list(layer._flatten_layers(include_self=False)):
            owners.update((id(weight), layer) for weight in layer.weights)
    drawn = {}
    for index, weight in enumerate(model.weights):
        owner = owners.get(id(weight))
        # A GRU's `recurrent_kernel` has a `recurrent_initializer`.
        names = (weight.name, weight.name.removesuffix("_kernel"))
        found = [getattr(owner, f"{name}_initializer", None) for name in names]
        initializer = found[0] or found[1]
        if (
            isinstance(initializer, keras.initializers.Initializer)
            and "seed" in initializer.get_config()
        ):
            drawn[index] = initializer
    return drawn
