"""Searches of three values each of what a program or a stored fit could confuse.

Each runs in one process, where programs could be shared by two of the values.
"""

from functools import partial

import keras

from tests.own_networks import losses, optimizers, own_layers
from tests.own_networks.bench import Networks
from tests.own_networks.layers import L, sgd, stack

NETWORKS = Networks()
network = NETWORKS.add
ops, kinds = keras.ops, keras.optimizers
RATES = (0.05, 0.3, 0.6)


def values(*items):
    return {"values": lambda: list(items)}


def made(make, *items):
    """Values that are objects: new ones each time."""
    return {"values": lambda: [make(item) for item in items]}


def compiled(optimizer, loss, metrics=None):
    model = plain()
    model.compile(optimizer, loss, metrics=metrics, jit_compile=False)
    return model


# ---- rates and seeds of layers -------------------------------------------------------


def _rate(name, kind, nightly=False, **needs):
    def build(value):
        return stack((6,), L.Dense(8, "selu"), kind(value, seed=1))

    build.__name__ = name
    network(**values(*RATES), nightly=nightly, **needs)(build)


_rate("rate_of_dropout", L.Dropout, nightly=True)
_rate("rate_of_alpha_dropout", L.AlphaDropout, nightly=True)
_rate("rate_of_gaussian_dropout", L.GaussianDropout, nightly=True)
_rate("rate_of_gaussian_noise", L.GaussianNoise, nightly=True)
_rate(
    "rate_of_own_dropout", own_layers.MonteCarloDropout, same_output=False, nightly=True
)


@network(**values(*RATES), x="sequence", nightly=True)
def rate_of_spatial_dropout(value):
    return stack((5, 4), L.SpatialDropout1D(value, seed=1), L.Flatten())


@network(**values(*RATES), nightly=True)
def rate_of_nested_dropout(value):
    return stack((6,), own_layers.Block(rate=value))


@network(**values(*RATES), x="sequence", compile=sgd, nightly=True)
def rate_of_attention_dropout(value):
    x = keras.Input((5, 4))
    h = L.MultiHeadAttention(1, 3, dropout=value, seed=1)(x, x)
    return keras.Model(x, L.Dense(1)(L.Flatten()(h)))


@network(**values(*RATES), x="sequence", nightly=True)
def rate_of_recurrent_dropout(value):
    return stack((5, 4), L.LSTM(3, recurrent_dropout=value, seed=1))


@network(**values(1, 2, 1), nightly=True)
def seed_of_dropout(value):
    return stack((6,), L.Dense(8, "relu"), L.Dropout(0.3, seed=value))


@network(**values(0, 1, 0), nightly=True)
def seed_of_a_projection(value):
    return stack((6,), own_layers.Projection(seed=value))


# ---- layers --------------------------------------------------------------------------


@network(**values(1.0, 0.3, 0.0), nightly=True)
def factor_that_the_config_forgets(value):
    return stack((6,), own_layers.Times(value))


@network(**values(1.0, 0.3, 3.0))
def constant_in_a_lambda(value):
    return stack((6,), L.Dense(4, "tanh"), L.Lambda(lambda x: x * value))


@network(**values(1.0, 2.0, 5.0), nightly=True)
def constant_in_an_activation(value):
    return stack((6,), L.Dense(4, lambda x: ops.sin(value * x)))


@network(**values("relu", "tanh", "relu"), nightly=True)
def attribute_set_after_construction(value):
    model = stack((6,), L.Dense(4))
    model.layers[0].activation = keras.activations.get(value)
    return model


@network(**values(True, False, True), nightly=True)
def trainable_set_after_construction(value):
    model = stack((6,), L.Dense(4, "tanh"))
    model.layers[0].trainable = value
    return model


@network(**values(0.05, 100.0, 1000.0), nightly=True)
def constraint(value):
    """The last two are never met."""
    maximum = keras.constraints.MaxNorm(value)
    return stack((6,), L.Dense(4, "tanh", kernel_constraint=maximum))


@network(**values(0.0, 0.1, 1.0), nightly=True)
def regularizer(value):
    return stack((6,), L.Dense(4, kernel_regularizer=keras.regularizers.L2(value)))


@network(**values(0.0, 0.1, 1.0), nightly=True)
def rate_of_an_added_loss(value):
    return stack((6,), L.Dense(4), own_layers.Penalised(value))


@network(**values(0.5, 0.9, 0.99), validation=False, nightly=True)
def momentum_of_batch_normalization(value):
    return stack((6,), L.Dense(4, use_bias=False), L.BatchNormalization(momentum=value))


@network(**values(0.0, 250.0, 500.0), x="shifted", nightly=True)
def mean_of_normalization(value):
    norm = L.Normalization(mean=value, variance=2500.0)
    return stack((6,), norm, L.Dense(4, "tanh"))


# ---- losses --------------------------------------------------------------------------


def closure(weight):
    def loss(y, p):
        return weight * ops.mean(losses.helper(y, p), axis=-1)

    return loss


def keyword_default(weight):
    def loss(y, p, *, weight=weight):
        return weight * ops.mean(losses.helper(y, p), axis=-1)

    return loss


def plain():
    return stack((6,), L.Dense(4, "tanh"))


@network(parameter="loss", **made(closure, 1.0, 3.0, 0.1), nightly=True)
def closure_of_a_loss():
    return plain()


@network(parameter="loss", **made(keyword_default, 1.0, 3.0, 0.1), nightly=True)
def keyword_default_of_a_loss():
    return plain()


@network(**values(1.0, 3.0, 0.1), compiled=True)
def weight_of_a_loss_object(value):
    return compiled("sgd", losses.OwnLoss(value))


@network(**values(1.0, 3.0, 0.1), compiled=True, nightly=True)
def weight_of_a_loss_with_config(value):
    return compiled("sgd", losses.LossWithConfig(value))


@network(
    parameter="loss",
    **made(lambda weight: partial(losses.weighted_loss, weight=weight), 1.0, 3.0, 0.1),
    nightly=True,
)
def argument_of_a_partial():
    return plain()


@network(
    parameter="loss",
    y="classes",
    **made(
        lambda value: keras.losses.CategoricalCrossentropy(label_smoothing=value),
        0.0,
        0.2,
        0.5,
    ),
    nightly=True,
)
def label_smoothing():
    return stack((6,), units=3, activation="softmax")


@network(
    **values(1.0, 2.0, 3.0),
    compile=lambda: {"loss": losses.own_loss_of_a_global},
    nightly=True,
)
def global_of_a_loss(value):
    losses.POWER = value
    return plain()


@network(**values("sum", "sum_over_batch_size", "mean"), compiled=True, nightly=True)
def reduction(value):
    model = plain()
    loss = keras.losses.MeanSquaredError(reduction=value)
    model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=False)
    return model


# ---- metrics -------------------------------------------------------------------------

LIMIT = 0.5


def below(y, p):
    return ops.cast(losses.helper(y, p) < LIMIT, "float32")


@network(**values(0.1, 0.5, 1.0), compile=lambda: {"metrics": [below]}, nightly=True)
def global_of_a_metric(value):
    global LIMIT
    LIMIT = value
    return plain()


@network(**values(1.0, 2.0, 5.0), compiled=True, nightly=True)
def argument_of_a_metric(value):
    return compiled("sgd", "mse", metrics=[losses.Largest(value)])


# ---- optimizers ----------------------------------------------------------------------


def _optimizer(name, make, *items, nightly=True):
    """Search optimizers as objects, of which scikit-learn's search makes copies."""

    def build():
        return plain()

    build.__name__ = name
    network(parameter="optimizer", **made(make, *items), nightly=nightly)(build)


def _own_optimizer(name, make, *items, nightly=True):
    """Search what a copy by configuration would lose: the build function compiles."""

    def build(value):
        return compiled(make(value), "mse")

    build.__name__ = name
    network(**values(*items), compiled=True, nightly=nightly)(build)


def decayed(names):
    optimizer = kinds.AdamW(0.01, weight_decay=5.0)
    optimizer.exclude_from_weight_decay(var_names=names)
    return optimizer


_own_optimizer(
    "memory_of_own_optimizer", lambda m: optimizers.OwnOptimizer(0.01, m), 0, 0.5, 0.9
)
_own_optimizer(
    "own_schedule",
    lambda n: kinds.SGD(optimizers.WarmUp(n, 0.1)),
    1,
    5,
    15,
    nightly=False,
)
_optimizer(
    "exponential_decay",
    lambda rate: kinds.Adam(kinds.schedules.ExponentialDecay(0.05, 3, rate)),
    0.2,
    0.6,
    1.0,
)
_optimizer(
    "moving_average",
    lambda m: kinds.Adam(0.05, use_ema=True, ema_momentum=m),
    0.1,
    0.5,
    0.9,
)
_own_optimizer(
    "excluded_from_decay",
    decayed,
    ["kernel"],
    ["bias"],
    ["kernel", "bias"],
)
_optimizer("clipnorm", lambda norm: kinds.SGD(0.1, clipnorm=norm), 0.05, 0.2, 100.0)
_optimizer(
    "accumulation",
    lambda n: kinds.SGD(0.1, gradient_accumulation_steps=n),
    2,
    3,
    None,
)
