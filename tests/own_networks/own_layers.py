"""Networks with layers, regularizers, initializers and constraints of one's own."""

import keras
import tensorflow as tf

from tests.own_networks.bench import Networks
from tests.own_networks.layers import L, stack

NETWORKS = Networks()
network = NETWORKS.add


# ---- layers --------------------------------------------------------------------------


class Twice(L.Layer):
    def call(self, x):
        return 2 * x


@keras.saving.register_keras_serializable("bench")
class Thrice(L.Layer):
    def call(self, x):
        return 3 * x


class Times(L.Layer):
    """Its configuration forgets the factor."""

    def __init__(self, factor=0.5, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x


class Required(L.Layer):
    """Keras cannot make another one: an argument is not in its configuration."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x


class Cyclic(Twice):
    def get_config(self):
        config = super().get_config()
        config["self"] = config
        return config


class Block(L.Layer):
    """Sub-layers in a list and a dict, one of which draws."""

    def __init__(self, units=6, rate=0.2, **kwargs):
        super().__init__(**kwargs)
        self.dense = [L.Dense(units, "relu"), L.Dense(units)]
        self.other = {"norm": L.LayerNormalization(), "drop": L.Dropout(rate, seed=1)}

    def call(self, x, training=None):
        h = x
        for dense in self.dense:
            h = self.other["drop"](dense(h), training=training)
        return self.other["norm"](x + h)


class MonteCarloDropout(L.Dropout):
    def call(self, x, training=None):
        return super().call(x, training=True)


class Noise(L.Layer):
    """A seed generator of its own."""

    def __init__(self, scale=0.3, seed=5, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=None):
        if not training:
            return x
        shape = keras.ops.shape(x)
        return x + self.scale * keras.random.normal(shape, seed=self.generator)


class Projection(L.Layer):
    """A fixed random projection, by its seed."""

    def __init__(self, seed=3, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed

    def call(self, x):
        return x @ keras.random.normal((6, 3), seed=self.seed)


class Counter(L.Layer):
    """A state that grows with each batch of training and changes the outputs."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=None):
        if training:
            self.count.assign_add(1.0)
        return x * (1 + 0.05 * self.count)


class CountsEachCall(L.Layer):
    """Counts scoring and predicting too; nothing else may call it."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        return x


class OwnVariable(L.Layer):
    """A variable of TensorFlow's, which Keras does not know of."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = tf.Variable(0.0, trainable=False)

    def call(self, x, training=None):
        if training:
            self.seen.assign_add(1.0)
        return x / (1 + 0.1 * self.seen)


class Penalised(L.Layer):
    def __init__(self, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, x):
        self.add_loss(self.rate * keras.ops.mean(keras.ops.square(x)))
        return x


class Watched(L.Layer):
    """A metric of its own, which Keras reports with the model's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.size = keras.metrics.Mean(name="size")

    def call(self, x):
        self.size.update_state(keras.ops.mean(keras.ops.abs(x)))
        return x


class Gated(L.Layer):
    """Weights by a regularizer and a constraint given to `add_weight`."""

    def build(self, shape):
        self.gate = self.add_weight(
            shape=(shape[-1],),
            initializer="ones",
            regularizer=keras.regularizers.L1(0.05),
            constraint=keras.constraints.NonNeg(),
            name="gate",
        )

    def call(self, x):
        return x * self.gate


class Cell(L.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.dense = L.Dense(units, "tanh")

    def build(self, shape):
        self.dense.build((shape[0], shape[-1] + self.units))

    def call(self, x, states):
        h = self.dense(keras.ops.concatenate([x, states[0]], axis=-1))
        return h, [h]


@network(nightly=True)
def own_layer():
    return stack((6,), Twice(), L.Dense(4, "tanh"))


@network(nightly=True)
def own_registered_layer():
    return stack((6,), Thrice(), L.Dense(4, "tanh"))


@network(nightly=True)
def own_layer_in_an_inner_model():
    inner = keras.Sequential([keras.Input((6,)), Twice(), L.Dense(3, "relu")])
    return stack((6,), inner)


@network(nightly=True)
def layer_whose_config_forgets():
    return stack((6,), Times(0.1), L.Dense(4, "tanh"))


@network(nightly=True)
def layer_that_cannot_be_copied():
    return stack((6,), Required(0.1), L.Dense(4, "tanh"))


@network(nightly=True)
def cyclic_config():
    return stack((6,), Cyclic(), L.Dense(4, "tanh"))


@network(nightly=True)
def own_block():
    return stack((6,), Block(), Block())


@network(validation=True, same_output=False, nightly=True)
def monte_carlo_dropout():
    return stack((6,), L.Dense(8, "relu"), MonteCarloDropout(0.3, seed=1))


@network(nightly=True)
def own_seed_generator():
    return stack((6,), Noise(), L.Dense(4, "relu"))


@network(nightly=True)
def random_projection():
    return stack((6,), Projection())


@network(validation=True, nightly=True)
def counter():
    return stack((6,), L.Dense(4), Counter())


@network(validation=True, nightly=True)
def counts_each_call():
    return stack((6,), CountsEachCall(), L.Dense(4, "tanh"))


@network(nightly=True)
def tensorflow_variable():
    return stack((6,), L.Dense(4), OwnVariable())


@network(validation=True, nightly=True)
def add_loss_in_a_layer():
    return stack((6,), L.Dense(4), Penalised())


@network(validation=True, nightly=True)
def metric_in_a_layer():
    return stack((6,), L.Dense(4), Watched())


@network(nightly=True)
def gated():
    return stack((6,), Gated(), L.Dense(4, "tanh"))


@network(x="sequence", nightly=True)
def own_cell():
    return stack((5, 4), L.RNN(Cell()))


# ---- what belongs to a layer ---------------------------------------------------------


class OwnRegularizer(keras.regularizers.Regularizer):
    def __call__(self, weight):
        return 0.1 * keras.ops.sum(keras.ops.abs(weight) ** 1.5)


class OwnInitializer(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None, **kwargs):
        return 0.1 * keras.ops.ones(shape, dtype)


class OwnConstraint(keras.constraints.Constraint):
    def __call__(self, weight):
        return keras.ops.clip(weight, -0.2, 0.2)


def wave(x):
    return keras.ops.sin(3 * x)


@network(nightly=True)
def own_regularizer():
    return stack((6,), L.Dense(4, "tanh", kernel_regularizer=OwnRegularizer()))


@network(nightly=True)
def own_regularizer_as_function():
    penalty = 0.2
    return stack(
        (6,), L.Dense(4, kernel_regularizer=lambda w: penalty * keras.ops.sum(w**2))
    )


@network(nightly=True)
def own_initializer():
    return stack((6,), L.Dense(4, "tanh", kernel_initializer=OwnInitializer()))


@network(nightly=True)
def own_constraint():
    return stack((6,), L.Dense(4, "tanh", kernel_constraint=OwnConstraint()))


@network(validation=True, nightly=True)
def regularizers():
    return stack(
        (6,),
        L.Dense(
            4,
            kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02),
            bias_regularizer="l2",
        ),
        L.Dense(4, kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.1)),
    )


@network(
    compile=lambda: {"optimizer": keras.optimizers.SGD(0.1, momentum=0.9)}, nightly=True
)
def constraints():
    kinds = keras.constraints
    return stack(
        (6,),
        L.Dense(5, kernel_constraint=kinds.MaxNorm(0.3), bias_constraint="non_neg"),
        L.Dense(5, kernel_constraint=kinds.MinMaxNorm(0.2, 0.4, rate=0.5)),
        L.Dense(5, kernel_constraint=kinds.UnitNorm()),
    )


@network(nightly=True)
def own_activation():
    return stack((6,), L.Dense(4, wave), L.Activation(lambda x: x + wave(x)))


# ---- changed after construction ------------------------------------------------------


@network()
def attributes_set_after_construction():
    model = stack((6,), L.Dense(8, "relu"), L.Dropout(0.9, seed=1))
    model.layers[0].activation = wave
    model.layers[1].rate = 0.1
    return model


@network(nightly=True)
def attribute_outside_the_configuration():
    model = stack((6,), Twice(), L.Dense(4))
    model.layers[0].call = lambda x: 5 * x
    return model


@network(nightly=True)
def frozen_after_construction():
    model = stack(
        (6,), L.Dense(8, "relu"), L.Dense(4, use_bias=False), L.BatchNormalization()
    )
    model.layers[0].trainable = False
    model.layers[2].trainable = False
    return model


@network(nightly=True)
def one_weight_frozen():
    model = stack((6,), L.Dense(8, "relu"))
    model.layers[0].bias.trainable = False
    return model


@network(nightly=True)
def weights_set_after_construction():
    model = stack((6,), L.Dense(4, "tanh"))
    model.layers[0].set_weights([w + 0.3 for w in model.layers[0].get_weights()])
    return model


@network()
def tied_weights_by_an_operation():
    x = keras.Input((6,))
    encoder = L.Dense(3, use_bias=False)
    decoded = keras.ops.matmul(encoder(x), keras.ops.transpose(encoder.kernel))
    return keras.Model(x, L.Dense(1)(decoded))


@network(x="ids", nightly=True)
def reversible_embedding():
    x = keras.Input((5,), dtype="int32")
    table = L.ReversibleEmbedding(10, 3)
    h = table(L.GlobalAveragePooling1D()(table(x)), reverse=True)
    return keras.Model(x, L.Dense(1)(h))
