"""Networks with losses and metrics of each kind, weights of rows and of classes."""

from functools import partial

import keras
import tensorflow as tf

from tests.own_networks.bench import Networks
from tests.own_networks.layers import L, stack

NETWORKS = Networks()
network = NETWORKS.add
ops = keras.ops
POWER = 1.5
# By these names, which scikeras gives to "mae" and "mse" too.
ABSOLUTE, SQUARED = "mean_absolute_error", "mean_squared_error"


def plain():
    return stack((6,), L.Dense(5, "tanh"))


def classes(activation="softmax"):
    return stack((6,), L.Dense(5, "tanh"), units=3, activation=activation)


def helper(y, p):
    return ops.abs(ops.reshape(y, (-1, 1)) - p)


# ---- losses --------------------------------------------------------------------------


def own_loss_of_a_global(y, p):
    return ops.mean(helper(y, p) ** POWER, axis=-1)


def scalar_loss(y, p):
    return ops.sum(helper(y, p)) / 10


def weighted_loss(y, p, *, weight=2.0):
    return weight * ops.mean(helper(y, p), axis=-1)


def cross_entropy_squared(y, p):
    return ops.square(keras.losses.sparse_categorical_crossentropy(y, p))


class OwnLoss(keras.losses.Loss):
    """Its configuration forgets the weight."""

    def __init__(self, weight=2.0):
        super().__init__()
        self.weight = weight

    def call(self, y, p):
        return self.weight * ops.mean(helper(y, p), axis=-1)


class LossWithConfig(keras.losses.Loss):
    def __init__(self, weight=1.0, reduction="sum_over_batch_size", name="own"):
        super().__init__(name=name, reduction=reduction)
        self.weight = weight

    def call(self, y, p):
        return self.weight * ops.mean(helper(y, p) ** 2, axis=-1)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


class LossWithState(keras.losses.Loss):
    """Divides by the number of times it was called."""

    def __init__(self):
        super().__init__()
        self.count = keras.Variable(0.0, trainable=False)

    def call(self, y, p):
        self.count.assign_add(1.0)
        return ops.mean(helper(y, p), axis=-1) / self.count


class CallableLoss:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, y, p):
        return self.weight * ops.mean(helper(y, p), axis=-1)


@network(compile=lambda: {"loss": own_loss_of_a_global}, nightly=True)
def loss_function():
    return plain()


@network(compile=lambda: {"loss": scalar_loss}, nightly=True)
def loss_that_is_one_number():
    return plain()


@network(compile=lambda: {"loss": partial(weighted_loss, weight=3.0)}, nightly=True)
def loss_partial():
    return plain()


@network(compile=lambda: {"loss": OwnLoss(3.0)})
def loss_object():
    return plain()


@network(compile=lambda: {"loss": LossWithConfig(3.0)}, weights="sample", nightly=True)
def loss_object_with_config():
    return plain()


@network(compile=lambda: {"loss": CallableLoss(0.5)}, nightly=True)
def loss_callable_object():
    return plain()


@network(compile=lambda: {"loss": LossWithState()}, nightly=True)
def loss_with_state():
    return plain()


@network(
    compile=lambda: {"loss": LossWithConfig(reduction="sum")},
    validation=True,
    nightly=True,
)
def loss_summed():
    return plain()


@network(
    compile=lambda: {"loss": keras.losses.MeanSquaredError(reduction=None)},
    nightly=True,
)
def loss_not_reduced():
    return plain()


@network(compile=lambda: {"loss": keras.losses.MeanSquaredError("mean")}, nightly=True)
def loss_mean():
    return plain()


@network(
    compile=lambda: {"loss": keras.losses.MeanAbsoluteError("mean_with_sample_weight")},
    weights="sample",
    nightly=True,
)
def loss_over_the_sum_of_weights():
    return plain()


@network(
    compile=lambda: {"loss": keras.losses.Huber(delta=0.3)},
    validation=True,
    nightly=True,
)
def loss_with_argument():
    return plain()


# ---- weights of rows and classes -----------------------------------------------------


@network(
    weights="sample",
    validation=True,
    compile=lambda: {"metrics": [ABSOLUTE]},
    nightly=True,
)
def sample_weights():
    return plain()


@network(
    y="classes",
    weights="class",
    compile=lambda: {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]},
    nightly=True,
)
def class_weights():
    return classes()


@network(
    y="classes",
    weights="class",
    nightly=True,
    compile=lambda: {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    },
)
def class_weights_on_logits():
    return classes(None)


@network(
    y="classes",
    weights="class",
    compile=lambda: {"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.2)},
    nightly=True,
)
def class_weights_and_one_hot_targets():
    return classes()


@network(
    y="classes",
    weights="class",
    compile=lambda: {"loss": cross_entropy_squared},
    nightly=True,
)
def class_weights_and_own_loss():
    return classes()


@network(
    y="binary",
    weights="class",
    validation=True,
    compile=lambda: {"loss": keras.losses.BinaryFocalCrossentropy(gamma=1.5)},
    nightly=True,
)
def class_weights_and_focal_loss():
    return stack((6,), L.Dense(5, "tanh"), activation="sigmoid")


@network(y="classes", weights="class", nightly=True)
def class_weights_and_added_loss():
    regularizer = keras.regularizers.L2(0.1)
    return stack(
        (6,),
        L.Dense(5, activity_regularizer=regularizer, kernel_regularizer="l1"),
        units=3,
        activation="softmax",
    )


@network(y="labels", compile=lambda: {"metrics": ["binary_accuracy"]}, nightly=True)
def several_labels():
    return stack((6,), L.Dense(5, "tanh"), units=2, activation="sigmoid")


# ---- metrics -------------------------------------------------------------------------


def rmse(y, p):
    return tf.sqrt(tf.reduce_mean(tf.square(tf.reshape(y, (-1, 1)) - p)))


def within(y, p, *, distance=0.5):
    return ops.cast(helper(y, p) < distance, "float32")


class Largest(keras.metrics.Metric):
    """A state and an argument, which its configuration forgets."""

    def __init__(self, scale=1.0, name="largest"):
        super().__init__(name=name)
        self.scale = scale
        self.value = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y, p, sample_weight=None):
        error = self.scale * ops.max(helper(y, p))
        self.value.assign(ops.maximum(self.value, error))

    def result(self):
        return self.value + 0.0  # Keras reads a variable itself too late


@network(compile=lambda: {"metrics": [rmse, within]}, validation=True, nightly=True)
def metric_functions():
    return plain()


@network(y="double", compile=lambda: {"metrics": [rmse]}, nightly=True)
def metric_of_double_targets():
    """NumPy and pandas give float64; Keras casts it."""
    return plain()


@network(
    compile=lambda: {
        "metrics": [Largest(2.0), partial(within, distance=0.2), ABSOLUTE],
    },
    validation=True,
    nightly=True,
)
def metric_objects():
    return plain()


@network(
    y="binary",
    validation=True,
    nightly=True,
    compile=lambda: {
        "metrics": [
            keras.metrics.AUC(num_thresholds=20, name="auc"),
            keras.metrics.Precision(thresholds=0.4, name="precision"),
            keras.metrics.F1Score(threshold=0.5, name="f1"),
            "accuracy",
        ]
    },
)
def metric_objects_of_keras():
    return stack((6,), L.Dense(5, "tanh"), activation="sigmoid")


@network(
    weights="sample",
    compile=lambda: {"metrics": [ABSOLUTE], "weighted_metrics": [SQUARED, Largest()]},
    nightly=True,
)
def weighted_metrics():
    return plain()


# ---- compiled by the build function --------------------------------------------------


@network(compiled=True, validation=True, nightly=True)
def compiled_by_the_build_function():
    model = plain()
    model.compile(
        keras.optimizers.RMSprop(0.02, momentum=0.5),
        OwnLoss(0.7),
        metrics=[Largest(3.0), rmse],
        jit_compile=False,
    )
    return model


@network(y="classes", compiled=True, weights="class", nightly=True)
def compiled_classifier():
    model = classes()
    model.compile("adam", cross_entropy_squared, metrics=["acc"], jit_compile=False)
    return model


@network(compiled=True, nightly=True)
def compiled_to_run_eagerly():
    model = stack((6,), L.Dense(4, "tanh"), L.Dropout(0.2, seed=1))
    model.compile("adam", "mse", run_eagerly=True)
    return model


@network(compile=lambda: {"run_eagerly": True}, nightly=True)
def run_eagerly():
    return stack((6,), L.Dense(4, "tanh"), L.Dropout(0.2, seed=1))
