"""Local randomness: every draw comes from the seed of one fit and a purpose."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from sklearn.utils import check_random_state
from tensorflow.python.eager import context as tf_context

# What a derived seed is for; the numbers are part of the reproducible result.
WEIGHTS, SHUFFLE, LAYERS, SPLIT = range(4)

_building = threading.RLock()


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
        Its weights as they were built: those whose initialiser draws nothing (biases,
        moving averages) are kept.
    seed : int
        Seed of the fit; each weight gets a derived seed of its own.

    Returns
    -------
    list of ndarray
        New initial weights, in the order of ``model.weights``.
    """
    owners: dict[int, keras.Layer] = {}
    for layer in model._flatten_layers(include_self=False):
        if not list(layer._flatten_layers(include_self=False)):
            owners.update((id(weight), layer) for weight in layer.weights)
    values = list(untrained)
    for index, weight in enumerate(model.weights):
        owner = owners.get(id(weight))
        # A GRU's `recurrent_kernel` has a `recurrent_initializer`.
        names = (weight.name, weight.name.removesuffix("_kernel"))
        found = [getattr(owner, f"{name}_initializer", None) for name in names]
        initializer = found[0] or found[1]
        if not isinstance(initializer, keras.initializers.Initializer):
            continue
        config = initializer.get_config()
        if "seed" in config:
            config["seed"] = derive(seed, WEIGHTS, index)
            fresh = type(initializer).from_config(config)
            values[index] = np.asarray(fresh(weight.shape, dtype=weight.dtype))
    return values


@contextmanager
def global_generators(seed: int) -> Iterator[None]:
    """Seed the global generators for a block that builds a model, then put them back.

    A build function may draw from Python, NumPy, TensorFlow or Keras without a seed of
    its own, as Keras does where a layer is given none. One thread at a time.

    The counters behind names such as "dense_7" start anew as well: TensorFlow keeps
    something for each new name of a variable, about 0.7 MB for a small network, which
    otherwise adds up over the fits of a search.
    """
    with _building:
        yield from _seeded(seed)


def _seeded(seed: int) -> Iterator[None]:
    context = tf_context.context()
    # The legacy generator is the global one, and the point here.
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    kept_tensorflow = context._seed, getattr(context, "_rng", None)
    of_keras = (GLOBAL_SEED_GENERATOR, "object_name_uids")
    kept_keras = {name: global_state.get_global_attribute(name) for name in of_keras}
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        # tf.random.set_seed would also drop every kernel and function that TensorFlow
        # holds ready, which costs the next epoch a tenth of a second.
        context._seed, context._rng = seed, random.Random(seed)
        untouched = context._rng.getstate()
        for name in of_keras:
            global_state.set_global_attribute(name, None)
        yield
        if context._rng.getstate() != untouched:  # the block drew from TensorFlow,
            context.clear_kernel_cache()  # whose kernels remember how far they got
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        context._seed, context._rng = kept_tensorflow
        for name, value in kept_keras.items():
            global_state.set_global_attribute(name, value)
