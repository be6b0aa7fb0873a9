"""``optimizer__momentum`` and its like as parameters of an estimator."""

import inspect
from typing import Any

import keras

from skrec.training import make_optimizer
from skrec.training._updates import has_schedule
from skrec.training.optimizers import did_you_mean, optimizer_template

PREFIX = "optimizer__"


class OptimizerParamsMixin:
    """Reads and replaces entries of ``optimizer_params``, which it never mutates."""

    optimizer_params: dict[str, Any] | None

    # Parameters of the estimator.
    optimizer: Any
    learning_rate: float
    lr_schedule: Any
    clipnorm: float | None
    precision: str

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the entries of ``optimizer_params`` too, with
            ``optimizer__`` in front.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params = super().get_params(deep=deep)  # type: ignore[misc]
        routed = params["optimizer_params"]
        if deep and isinstance(routed, dict):
            params.update({PREFIX + name: value for name, value in routed.items()})
        return params

    def set_params(self, **params: Any) -> Any:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameter names and values; ``optimizer__momentum=0.8`` sets one entry of
            ``optimizer_params``.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        routed = {
            name.removeprefix(PREFIX): params.pop(name)
            for name in list(params)
            if name.startswith(PREFIX)
        }
        legal = self._get_param_names()  # type: ignore[attr-defined]
        for name in params:
            if name not in legal:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator "
                    f"{type(self).__name__}.{did_you_mean(name, legal)} Valid "
                    f"parameters are: {legal}, and the optimizer's own with "
                    f"{PREFIX!r} in front."
                )
        super().set_params(**params)  # type: ignore[misc]
        if routed:
            self.optimizer_params = {**(self.optimizer_params or {}), **routed}
        return self

    def _optimizer(self) -> keras.optimizers.Optimizer:
        """Make the optimizer that the parameters describe."""
        is_object = isinstance(self.optimizer, keras.optimizers.Optimizer)
        default = inspect.signature(type(self)).parameters["learning_rate"].default
        if is_object and self.learning_rate != default:
            raise ValueError(
                f"learning_rate={self.learning_rate} has no effect on an optimizer "
                "object, which brings its own: pass the class "
                f"{type(self.optimizer).__name__} to set or tune the rate."
            )
        optimizer = optimizer_template(make_optimizer, *self._optimizer_arguments())
        if self.lr_schedule is not None and has_schedule(optimizer):
            raise ValueError(
                "lr_schedule cannot be set with an optimizer that has a schedule of "
                f"its own: leave out one of them. Received: {self.lr_schedule!r}."
            )
        if self.precision == "mixed_float16":  # whose gradients would underflow
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer

    def _optimizer_arguments(self) -> tuple[Any, ...]:
        """Return the arguments of ``make_optimizer``, which say all of an optimizer."""
        params = None if self.optimizer_params is None else dict(self.optimizer_params)
        return self.optimizer, self.learning_rate, params, self.clipnorm


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
    optimizer = make_optimizer(*arguments)
    if precision == "mixed_float16":  # whose gradients would underflow
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
