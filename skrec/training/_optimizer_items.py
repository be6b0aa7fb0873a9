"""All that an optimizer of Keras's does; its configuration does not quite say it."""

from typing import Any

import keras

# Attributes that `build` and training fill, or that track what they have filled.
OF_TRAINING = {"built", "_accumulated_gradients", "_distribution_strategy"}
OF_TRAINING |= {"_exclude_from_weight_decay_cache", "_iterations", "_variables"}
OF_TRAINING |= {"_model_variables_moving_average", "_tracker", "_trainable_variables"}
OF_TRAINING |= {"_trainable_variables_indices"}


def keras_settings() -> list[Any]:
    """Return the global settings of Keras that losses and layers read.

    Returns
    -------
    list
        Default precision, the small number that losses add, and where channels are.
    """
    config = keras.config
    return [config.floatx(), config.epsilon(), config.image_data_format()]


def is_from_keras(item: Any) -> bool:
    """Tell whether Keras defines a class or function.

    Parameters
    ----------
    item : class or function
        The class or function.

    Returns
    -------
    bool
        Whether its module is Keras's.
    """
    return (getattr(item, "__module__", None) or "").split(".")[0] == "keras"


def ensure_built(
    optimizer: keras.optimizers.Optimizer, variables: list[keras.Variable]
) -> None:
    """Build an optimizer, once: one that scales the loss would gain variables.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        The optimizer.
    variables : list of keras.Variable
        What it is to train.
    """
    if not optimizer.built:
        optimizer.build(variables)


def has_schedule(optimizer: keras.optimizers.Optimizer) -> bool:
    """Tell whether the optimizer computes its own learning rate.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        The optimizer, which may scale the loss around another.

    Returns
    -------
    bool
        Whether its rate is a schedule or a function and not a variable.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return not isinstance(inner._learning_rate, keras.Variable)


def uses_averages(optimizer: keras.optimizers.Optimizer) -> bool:
    """Tell whether moving averages of the weights take their place after training.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        The optimizer, which may scale the loss around another.

    Returns
    -------
    bool
        Its parameter `use_ema`.
    """
    return bool(getattr(optimizer, "inner_optimizer", optimizer).use_ema)


def optimizer_config(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Return the arguments that make an optimizer, a schedule as the object it is.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        An optimizer, not one that scales the loss around another.

    Returns
    -------
    dict of str to object
        Arguments of its class. Keras's own configuration would serialise a schedule,
        which those of the user's own do not always allow.
    """
    if not has_schedule(optimizer):
        return optimizer.get_config()
    bare = object.__new__(type(optimizer))
    vars(bare).update(vars(optimizer), _learning_rate=float)
    return {**bare.get_config(), "learning_rate": optimizer._learning_rate}


def optimizer_items(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Return all that one of Keras's own optimizers does, by name.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        An optimizer of a class of Keras's.

    Returns
    -------
    dict of str to object
        Its configuration without the name, and what is not to decay.
    """
    inner = getattr(optimizer, "inner_optimizer", None)  # of one that scales the loss
    if inner is not None:
        bare = object.__new__(type(optimizer))
        vars(bare).update(vars(optimizer), inner_optimizer=keras.optimizers.SGD())
        config = {**bare.get_config(), "inner_optimizer": None}
        config["inner"] = type(inner), optimizer_items(inner)
    else:
        config = {
            **optimizer_config(optimizer),
            "excluded": excluded_from_decay(optimizer),
        }
    config.pop("name")
    return config


def excluded_from_decay(optimizer: keras.optimizers.Optimizer) -> list[Any] | None:
    """Return what an optimizer excludes from weight decay.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        The optimizer.

    Returns
    -------
    list or None
        Keys of variables and a pattern of names; None for nothing.
    """
    variables = sorted(getattr(optimizer, "_exclude_from_weight_decay", ()))
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return [variables, pattern] if variables or pattern is not None else None
