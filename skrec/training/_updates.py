"""Weight updates inside the graph, with hyper-parameters as inputs of the graph.

TensorFlow's fused kernels do in one operation what a Keras optimizer does in about ten,
with the same arithmetic, on the slot variables of the Keras optimizer itself; so a
learning rate or a momentum can change without another trace, and the Keras optimizer
stays a true record of the state.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import tensorflow as tf

from skrec.training._code import CannotDigestError
from skrec.training._digest import digest
from skrec.training._optimizer_items import (
    excluded_from_decay,
    has_schedule,
    is_from_keras,
    optimizer_items,
)

Update = Callable[..., None]

# The hyper-parameters that become inputs of the graph, by optimizer class.
INPUTS: dict[type, tuple[str, ...]] = {
    keras.optimizers.SGD: ("momentum",),
    keras.optimizers.RMSprop: ("rho", "momentum", "epsilon"),
    keras.optimizers.Adam: ("beta_1", "beta_2", "epsilon"),
    keras.optimizers.AdamW: ("beta_1", "beta_2", "epsilon", "weight_decay"),
    keras.optimizers.Adagrad: ("epsilon",),
}

# With any of these set, the optimizer's own `apply` is used.
_UNFUSED_OPTIONS = (
    "amsgrad",
    "centered",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def base_learning_rate(optimizer: keras.optimizers.Optimizer) -> float | None:
    """Return the optimizer's learning rate; None if it computes its own."""
    return None if has_schedule(optimizer) else float(optimizer.learning_rate)


def is_fused(optimizer: keras.optimizers.Optimizer, has_pieces: bool = False) -> bool:
    """Tell whether :func:`apply_fused` does what ``optimizer.apply`` would do.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        The optimizer.
    has_pieces : bool, default=False
        Whether a gradient may come in pieces, one a looked-up row, that are not to be
        summed: Keras squares each piece by itself.

    Returns
    -------
    bool
        Whether there is a kernel for it, and no option that the kernel does not have.
    """
    kind = type(optimizer)
    return (
        kind in INPUTS
        and not has_pieces
        and not has_schedule(optimizer)
        and not any(getattr(optimizer, name, None) for name in _UNFUSED_OPTIONS)
        and (optimizer.weight_decay is None or kind is keras.optimizers.AdamW)
        and excluded_from_decay(optimizer) is None
    )


def input_values(optimizer: keras.optimizers.Optimizer) -> dict[str, float]:
    """Return the hyper-parameters that a fused update takes as inputs."""
    return {name: float(getattr(optimizer, name)) for name in INPUTS[type(optimizer)]}


def graph_key(
    optimizer: keras.optimizers.Optimizer, has_pieces: bool = False
) -> Hashable:
    """Return what of the optimizer shapes the graph, as something hashable.

    An optimizer of the user's own is known by its code and attributes or, where these
    have no value, by nothing but itself.
    """
    kind = type(optimizer)
    if not is_from_keras(kind):
        try:
            return kind.__qualname__, digest(optimizer)
        except CannotDigestError:
            return kind.__qualname__, _Itself(optimizer)
    items = optimizer_items(optimizer)
    if not has_schedule(optimizer):  # the rate of each step is an input
        (items["inner"][1] if "inner" in items else items).pop("learning_rate")
    if is_fused(optimizer, has_pieces):
        items.pop("clipnorm")
        for name in INPUTS[kind]:
            items.pop(name)
        items["has_momentum"] = bool(getattr(optimizer, "momentum", 0))
    try:
        return kind.__qualname__, digest([has_pieces, items])
    except CannotDigestError:  # such as a schedule that reads a file
        return kind.__qualname__, _Itself(optimizer)


class _Itself:
    """Something that is equal to nothing else, so that it stands for this object."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.item is self.item

    def __hash__(self) -> int:
        return id(self.item)


def apply_fused(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Any],
    variables: Sequence[keras.Variable],
    learning_rate: tf.Tensor,
    inputs: dict[str, tf.Tensor],
) -> None:
    """Update the variables and the optimizer's slots by one step."""
    optimizer.iterations.assign_add(1)
    update = _KERNELS[type(optimizer)]
    scalars: dict[Any, tuple[Any, dict[str, Any]]] = {}
    for index, (gradient, variable) in enumerate(
        zip(gradients, variables, strict=True)
    ):
        if gradient is None:
            continue
        dtype = variable.value.dtype
        if dtype not in scalars:  # computed once a step, not once a variable
            rate = tf.cast(learning_rate, dtype)
            step = tf.cast(optimizer.iterations.value, dtype)
            cast = {name: tf.cast(value, dtype) for name, value in inputs.items()}
            for name in ("beta_1", "beta_2"):
                if name in cast:
                    cast[f"{name}_power"] = tf.pow(cast[name], step)
            scalars[dtype] = rate, cast
        if isinstance(gradient, tf.IndexedSlices):
            lazily = _LAZY[type(optimizer)]
            lazily(optimizer, index, variable.value, gradient, *scalars[dtype])
            continue
        update(optimizer, index, variable.value, gradient, *scalars[dtype])
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))


def _sgd(optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any) -> None:
    if not optimizer.momentums:
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=rate, delta=g
        )
        return
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=optimizer.momentums[index].value.handle,
        lr=rate,
        grad=g,
        momentum=p["momentum"],
        use_nesterov=optimizer.nesterov,
    )


def _rmsprop(
    optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any
) -> None:
    velocity = optimizer._velocities[index].value
    velocity.assign(p["rho"] * velocity + (1 - p["rho"]) * tf.square(g))
    increment = rate * g / tf.sqrt(velocity + p["epsilon"])
    if optimizer._momentums:
        momentum = optimizer._momentums[index].value
        increment = momentum.assign(p["momentum"] * momentum + increment)
    variable.assign_sub(increment)


def _adam(optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any) -> None:
    if "weight_decay" in p:
        variable.assign_sub(variable * p["weight_decay"] * rate)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=p["beta_1_power"],
        beta2_power=p["beta_2_power"],
        lr=rate,
        beta1=p["beta_1"],
        beta2=p["beta_2"],
        epsilon=p["epsilon"],
        grad=g,
    )


def _adagrad(
    optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any
) -> None:
    accumulator = optimizer._accumulators[index].value
    accumulator.assign_add(tf.square(g))
    variable.assign_sub(rate * g / tf.sqrt(accumulator + p["epsilon"]))


_KERNELS: dict[type, Update] = {
    keras.optimizers.SGD: _sgd,
    keras.optimizers.RMSprop: _rmsprop,
    keras.optimizers.Adam: _adam,
    keras.optimizers.AdamW: _adam,
    keras.optimizers.Adagrad: _adagrad,
}


# ---- lazy updates: of the rows that a batch has read, and of their slots -------------


def _rows(variable: tf.Variable, g: tf.IndexedSlices) -> tf.Tensor:
    return tf.gather(variable, g.indices)


def _set_rows(variable: tf.Variable, g: tf.IndexedSlices, rows: tf.Tensor) -> tf.Tensor:
    variable.scatter_update(tf.IndexedSlices(rows, g.indices))
    return rows


def _lower_rows(variable: tf.Variable, g: tf.IndexedSlices, by: tf.Tensor) -> None:
    variable.scatter_sub(tf.IndexedSlices(by, g.indices))


def _lazy_sgd(
    optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any
) -> None:
    step = rate * g.values
    if optimizer.momentums:
        momentum = optimizer.momentums[index].value
        moved = _set_rows(momentum, g, p["momentum"] * _rows(momentum, g) - step)
        step = step - p["momentum"] * moved if optimizer.nesterov else -moved
    _lower_rows(variable, g, step)


def _lazy_rmsprop(
    optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any
) -> None:
    velocity = optimizer._velocities[index].value
    square = (1 - p["rho"]) * tf.square(g.values)
    square = _set_rows(velocity, g, p["rho"] * _rows(velocity, g) + square)
    step = rate * g.values / tf.sqrt(square + p["epsilon"])
    if optimizer._momentums:
        momentum = optimizer._momentums[index].value
        step = _set_rows(momentum, g, p["momentum"] * _rows(momentum, g) + step)
    _lower_rows(variable, g, step)


def _lazy_adam(
    optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any
) -> None:
    if "weight_decay" in p:
        _lower_rows(variable, g, _rows(variable, g) * p["weight_decay"] * rate)
    momentum = optimizer._momentums[index].value
    velocity = optimizer._velocities[index].value
    mean = p["beta_1"] * _rows(momentum, g) + (1 - p["beta_1"]) * g.values
    square = p["beta_2"] * _rows(velocity, g) + (1 - p["beta_2"]) * tf.square(g.values)
    mean, square = _set_rows(momentum, g, mean), _set_rows(velocity, g, square)
    rate = rate * tf.sqrt(1 - p["beta_2_power"]) / (1 - p["beta_1_power"])
    _lower_rows(variable, g, rate * mean / (tf.sqrt(square) + p["epsilon"]))


def _lazy_adagrad(
    optimizer: Any, index: int, variable: Any, g: Any, rate: Any, p: Any
) -> None:
    accumulator = optimizer._accumulators[index].value
    square = _set_rows(accumulator, g, _rows(accumulator, g) + tf.square(g.values))
    _lower_rows(variable, g, rate * g.values / tf.sqrt(square + p["epsilon"]))


_LAZY: dict[type, Update] = {
    keras.optimizers.SGD: _lazy_sgd,
    keras.optimizers.RMSprop: _lazy_rmsprop,
    keras.optimizers.Adam: _lazy_adam,
    keras.optimizers.AdamW: _lazy_adam,
    keras.optimizers.Adagrad: _lazy_adagrad,
}
