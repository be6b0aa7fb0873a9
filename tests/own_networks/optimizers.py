"""Networks under optimizers of each kind, and what they do beside the step."""

import keras

from tests.own_networks.bench import Networks
from tests.own_networks.layers import L, stack

NETWORKS = Networks()
network = NETWORKS.add
ops, kinds = keras.ops, keras.optimizers


def plain():
    return stack((6,), L.Dense(5, "tanh"))


class OwnOptimizer(kinds.Optimizer):
    """Steps by the sign of a moving average; its configuration forgets `memory`."""

    def __init__(self, learning_rate=0.01, memory=0.7, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.memory = memory

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.average = self.add_optimizer_variables(variables, "average")

    def update_step(self, gradient, variable, learning_rate):
        average = self.average[self._get_variable_index(variable)]
        self.assign(average, self.memory * average + (1 - self.memory) * gradient)
        step = ops.cast(learning_rate, variable.dtype) * ops.sign(average)
        self.assign_sub(variable, step)


class OwnAdam(kinds.Adam):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(2 * ops.tanh(gradient), variable, learning_rate)


class WarmUp(kinds.schedules.LearningRateSchedule):
    """A schedule without a configuration."""

    def __init__(self, steps=6, rate=0.05):
        self.steps, self.rate = steps, rate

    def __call__(self, step):
        return self.rate * ops.minimum(
            1.0, (ops.cast(step, "float32") + 1) / self.steps
        )


def excluded():
    optimizer = kinds.AdamW(0.01, weight_decay=5.0)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    return optimizer


OPTIMIZERS = {
    "loss_scale": lambda: kinds.LossScaleOptimizer(
        kinds.SGD(0.1), initial_scale=1024.0, dynamic_growth_steps=4
    ),
    "own_schedule": lambda: kinds.Adam(WarmUp()),
}
NIGHTLY_OPTIMIZERS = {
    "moving_average_put_in_place": lambda: kinds.SGD(
        0.1, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=4
    ),
    "weight_decay_excluded": excluded,
    "clip_by_global_norm": lambda: kinds.Adam(0.05, global_clipnorm=0.1),
    "own_subclass_of_adam": lambda: OwnAdam(0.02),
    "gradient_accumulation": lambda: kinds.Adam(0.05, gradient_accumulation_steps=2),
    "clip_by_norm": lambda: kinds.SGD(0.3, clipnorm=0.2),
    "moving_average": lambda: kinds.Adam(0.05, use_ema=True, ema_momentum=0.8),
    "sgd_nesterov": lambda: kinds.SGD(0.05, momentum=0.8, nesterov=True),
    "rmsprop_centered": lambda: kinds.RMSprop(0.02, momentum=0.3, centered=True),
    "adam_amsgrad": lambda: kinds.Adam(0.02, amsgrad=True),
    "weight_decay": lambda: kinds.SGD(0.05, weight_decay=0.5),
    "own_optimizer": OwnOptimizer,
    "clip_by_value": lambda: kinds.SGD(0.3, clipvalue=0.05),
    "adadelta": lambda: kinds.Adadelta(0.5),
    "adafactor": lambda: kinds.Adafactor(0.05),
    "adagrad": lambda: kinds.Adagrad(0.1),
    "adamax": lambda: kinds.Adamax(0.05),
    "adamw": lambda: kinds.AdamW(0.05, weight_decay=0.1),
    "ftrl": lambda: kinds.Ftrl(0.1, l1_regularization_strength=0.01),
    "lamb": lambda: kinds.Lamb(0.05),
    "lion": lambda: kinds.Lion(0.01),
    "muon": lambda: kinds.Muon(0.02),
    "nadam": lambda: kinds.Nadam(0.05),
    "exponential_decay": lambda: kinds.SGD(
        kinds.schedules.ExponentialDecay(0.1, 5, 0.5, staircase=True)
    ),
    "cosine_decay": lambda: kinds.Adam(
        kinds.schedules.CosineDecay(0.01, 10, warmup_target=0.1, warmup_steps=3)
    ),
    "moving_average_and_clipping": lambda: kinds.AdamW(
        0.05, weight_decay=0.1, clipnorm=0.1, use_ema=True, ema_momentum=0.6
    ),
}


def _add(name, make, nightly):
    def build():
        return plain()

    build.__name__ = name
    network(compile=lambda: {"optimizer": make()}, nightly=nightly)(build)


for _name, _make in OPTIMIZERS.items():
    _add(_name, _make, nightly=False)
for _name, _make in NIGHTLY_OPTIMIZERS.items():
    _add(_name, _make, nightly=True)


@network(compile=lambda: {"optimizer": kinds.Adam(0.05, use_ema=True)}, nightly=True)
def moving_average_of_a_model_with_state():
    return stack(
        (6,), L.Dense(5, use_bias=False), L.BatchNormalization(), L.Dropout(0.2, seed=1)
    )


@network(compiled=True, nightly=True)
def moving_average_compiled_by_the_build_function():
    model = plain()
    model.compile(
        kinds.SGD(0.1, use_ema=True, ema_momentum=0.6), "mse", jit_compile=False
    )
    return model


@network(
    x="ids",
    compile=lambda: {"optimizer": kinds.Adam(0.02, clipnorm=0.05)},
    nightly=True,
)
def clipping_with_an_embedding():
    """Its gradient has rows for the ids of the batch alone."""
    x = keras.Input((5,), dtype="int32")
    return keras.Model(x, L.Dense(1)(L.Flatten()(L.Embedding(10, 3)(x))))


@network(tolerance=2e-2, nightly=True)  # see mixed_bfloat16: a float16 has 11 bits
def mixed_float16():
    x = keras.Input((6,))
    h = L.Dense(8, "tanh", dtype="mixed_float16")(x)
    model = keras.Model(x, L.Dense(1, dtype="float32")(h))
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    return model
