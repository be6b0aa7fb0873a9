"""Checks of routed parameters before anything is built from them."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from skrec.estimators._building import arguments_of
from skrec.training.optimizers import did_you_mean, optimizer_template


def check_routed(estimator: Any, build: Callable[..., Any]) -> None:
    """Refuse parameters that their destination would not understand.

    Parameters
    ----------
    estimator : estimator
        A generic estimator.
    build : callable
        Its build function.

    Raises
    ------
    ValueError
        If ``model__x``, ``optimizer__x``, ``fit__x`` or ``predict__x``, or a parameter
        of the user's own, goes to something that does not take it.
    """
    legal = _legal_names(estimator, build)
    for name in estimator._settings():
        prefix, _, rest = name.partition("__")
        rest = rest.split("__")[0]
        if rest and prefix in legal and rest not in legal[prefix]:
            raise ValueError(
                f"Invalid parameter {name!r} for {type(estimator).__name__}: its "
                f"{prefix} takes no {rest!r}.{did_you_mean(rest, legal[prefix])} It "
                f"takes: {', '.join(legal[prefix])}."
            )
    for name in estimator._user_params:
        if "__" not in name and name not in legal.get("model", [name]):
            own = inspect.signature(type(estimator).__init__).parameters
            names = [*legal["model"], *own]
            raise ValueError(
                f"Invalid parameter {name!r} for {type(estimator).__name__}: neither "
                "the estimator nor its build function takes it."
                f"{did_you_mean(name, names)}"
            )


def _legal_names(estimator: Any, build: Callable[..., Any]) -> dict[str, list[str]]:
    """List what each destination takes; one that takes anything is left out."""
    legal = {
        "fit": [*estimator._fit_kwargs, "validation_data", "callbacks"],
        "predict": [*estimator._predict_kwargs, "callbacks"],
    }
    parameters = inspect.signature(build).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        legal["model"] = arguments_of(build)
    kind = estimator.optimizer
    if isinstance(kind, str):
        kind = type(optimizer_template(keras.optimizers.get, kind))
    if inspect.isclass(kind):
        legal["optimizer"] = [
            n for n in inspect.signature(kind).parameters if n != "kwargs"
        ]
    return legal
