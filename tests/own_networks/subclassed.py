"""Models that are classes of one's own, with parts of training of their own."""

import keras
import tensorflow as tf

from tests.own_networks.bench import Networks
from tests.own_networks.layers import L
from tests.own_networks.own_layers import CountsEachCall

NETWORKS = Networks()
network = NETWORKS.add
ops = keras.ops


class Net(keras.Model):
    def __init__(self, units=4, rate=0.2):
        super().__init__()
        self.first = L.Dense(units, "tanh")
        self.drop = L.Dropout(rate, seed=1)
        self.last = L.Dense(1)

    def call(self, x, training=None):
        return self.last(self.drop(self.first(x), training=training))


class Counting(Net):
    """Keras builds it without running it: it is called once a batch, no more."""

    def __init__(self):
        super().__init__()
        self.counts = CountsEachCall()

    def call(self, x, training=None):
        return super().call(self.counts(x), training=training)


class WithLoss(Net):
    def call(self, x, training=None):
        out = super().call(x, training=training)
        self.add_loss(0.1 * ops.mean(ops.square(out)))
        return out


class WithMetric(Net):
    def __init__(self):
        super().__init__()
        self.size = keras.metrics.Mean(name="size")

    def call(self, x, training=None):
        out = super().call(x, training=training)
        self.size.update_state(ops.abs(out))
        return out


class OwnComputeLoss(keras.Model):
    """Made by the functional API; the loss is its own."""

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        return loss + 0.3 * ops.mean(ops.abs(y_pred))


class OwnComputeMetrics(keras.Model):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "twice": 2 * logs["mean_absolute_error"]}


class OwnTrainStep(keras.Model):
    """Halves the gradient of the first weight."""

    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        gradients = tape.gradient(loss, self.trainable_weights)
        gradients[0] = gradients[0] / 2
        self.optimizer.apply(gradients, self.trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred, sample_weight=weight)
        return {metric.name: metric.result() for metric in self.metrics}


class OwnCall(keras.Model):
    """Made by the functional API, with a call of its own."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


class OwnSequential(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


def functional(kind):
    x = keras.Input((6,))
    h = L.Dropout(0.2, seed=1)(L.Dense(4, "tanh")(x))
    return kind(x, L.Dense(1)(h))


@network(validation=True, nightly=True)
def subclassed_model():
    return Net()


@network(validation=True, nightly=True)
def subclassed_model_built_in_advance():
    model = Net()
    model.build((None, 6))
    return model


@network(validation=True, nightly=True)
def subclassed_model_with_a_counter():
    return Counting()


@network(validation=True, nightly=True)
def subclassed_model_with_an_added_loss():
    return WithLoss()


@network(nightly=True)
def subclassed_model_with_a_metric():
    return WithMetric()


@network(compiled=True, nightly=True)
def subclassed_model_compiled():
    model = Net()
    metrics = ["mean_squared_error"]  # as scikeras names "mse" too
    model.compile(keras.optimizers.SGD(0.1), "mae", metrics=metrics, jit_compile=False)
    return model


@network(compile=lambda: {"run_eagerly": True}, nightly=True)
def subclassed_model_run_eagerly():
    return Net()


@network(validation=True, nightly=True)
def own_compute_loss():
    return functional(OwnComputeLoss)


@network(
    validation=True, compile=lambda: {"metrics": ["mean_absolute_error"]}, nightly=True
)
def own_compute_metrics():
    return functional(OwnComputeMetrics)


@network(weights="sample")
def own_train_step():
    return functional(OwnTrainStep)


@network(nightly=True)
def own_call_of_a_functional_model():
    return functional(OwnCall)


@network(nightly=True)
def own_sequential():
    return OwnSequential([keras.Input((6,)), L.Dense(4, "tanh"), L.Dense(1)])


@network(nightly=True)
def functional_subclass_in_a_functional_model():
    x = keras.Input((6,))
    return keras.Model(x, functional(OwnCall)(x) + 1.0)


@network(nightly=True)
def subclassed_model_in_a_functional_model():
    x = keras.Input((6,))
    return keras.Model(x, L.Dense(1)(Net()(x)))
