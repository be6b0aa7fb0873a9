"""``optimizer__momentum`` and its like as parameters of an estimator."""

from typing import Any

import keras

from skrec.training import make_optimizer
from skrec.training._updates import has_schedule
from skrec.training.optimizers import did_you_mean, optimizer_template

PREFIX = "optimizer__"


def with_routed(params: dict[str, Any]) -> dict[str, Any]:
    """Add the entries of ``optimizer_params`` to parameters.

    Parameters
    ----------
    params : dict
        Parameters of an estimator.

    Returns
    -------
    dict
        These, and each entry with ``optimizer__`` in front.
    """
    routed = params.get("optimizer_params")  # a subclass may fix it
    if not isinstance(routed, dict):
        return params
    return {**params, **{PREFIX + name: value for name, value in routed.items()}}


def split_params(
    estimator: Any, params: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell an estimator's own parameters from entries of ``optimizer_params``.

    Parameters
    ----------
    estimator : estimator
        Whose parameters these are.
    params : dict
        What `set_params` got.

    Returns
    -------
    tuple of dict
        Its own, and the entries.

    Raises
    ------
    ValueError
        If there is no such parameter.
    """
    routed = {
        name.removeprefix(PREFIX): value
        for name, value in params.items()
        if name.startswith(PREFIX)
    }
    own = {name: v for name, v in params.items() if not name.startswith(PREFIX)}
    legal = estimator._get_param_names()
    for name in own:
        if name not in legal:
            raise ValueError(
                f"Invalid parameter {name!r} for estimator "
                f"{type(estimator).__name__}.{did_you_mean(name, legal)} Valid "
                f"parameters are: {legal}, and the optimizer's own with "
                f"{PREFIX!r} in front."
            )
    return own, routed


def fit_optimizer(estimator: Any) -> keras.optimizers.Optimizer:
    """Make the optimizer that an estimator's parameters describe, not built.

    Parameters
    ----------
    estimator : estimator
        A named model.

    Returns
    -------
    keras.optimizers.Optimizer
        The optimizer.

    Raises
    ------
    ValueError
        If parameters contradict each other.
    """
    given = estimator.optimizer
    is_object = isinstance(given, keras.optimizers.Optimizer)
    if is_object and estimator.learning_rate != type(estimator).learning_rate:
        raise ValueError(
            f"learning_rate={estimator.learning_rate} has no effect on an optimizer "
            "object, which brings its own: pass the class "
            f"{type(given).__name__} to set or tune the rate."
        )
    optimizer = optimizer_template(make_optimizer, *make_arguments(estimator))
    if estimator.lr_schedule is not None and has_schedule(optimizer):
        raise ValueError(
            "lr_schedule cannot be set with an optimizer that has a schedule of its "
            f"own: leave out one of them. Received: {estimator.lr_schedule!r}."
        )
    return _as_needed(optimizer, estimator.precision)


def make_arguments(estimator: Any) -> tuple[Any, ...]:
    """Return the arguments of ``make_optimizer``, which say all of an optimizer.

    Parameters
    ----------
    estimator : estimator
        A named model.

    Returns
    -------
    tuple
        The arguments.
    """
    params = estimator.optimizer_params
    params = None if params is None else dict(params)
    return estimator.optimizer, estimator.learning_rate, params, estimator.clipnorm


def remade_optimizer(
    arguments: tuple[Any, ...], precision: str
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a fit anew, not built.

    Parameters
    ----------
    arguments : tuple
        Arguments of :func:`~skrec.training.make_optimizer`.
    precision : str
        That of the network.

    Returns
    -------
    keras.optimizers.Optimizer
        The optimizer.
    """
    return _as_needed(make_optimizer(*arguments), precision)


def _as_needed(
    optimizer: keras.optimizers.Optimizer, precision: str
) -> keras.optimizers.Optimizer:
    if precision == "mixed_float16":  # whose gradients would underflow
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
