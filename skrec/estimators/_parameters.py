"""Parameters of the generic estimators: constructors of subclasses, build arguments."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from skrec.estimators._building import arguments_of
from skrec.estimators._keras_parameters import KeepsKerasObjects
from skrec.training.optimizers import did_you_mean


class GenericParameters(KeepsKerasObjects):
    """Parameters along the whole inheritance, and what came through ``**kwargs``."""

    _kwargs: dict[str, Any]
    _routing_prefixes: set[str]

    def __getattr__(self, name: str) -> Any:
        kwargs = vars(self).get("_kwargs", {})
        if name in kwargs:
            return kwargs[name]
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    @property
    def _user_params(self) -> set[str]:
        """Names given to the constructor beyond its signature: build arguments."""
        return set(self._kwargs)

    def _get_param_names(self) -> list[str]:
        """Name what the constructor takes, directly or through its ``**kwargs``."""
        names, passes_on = _signature_names(type(self))
        return sorted({*names, *self._kwargs} if passes_on else names)

    def _settings(self) -> dict[str, Any]:
        """Return all parameters, those that a subclass fixes for good included."""
        names = {name for kind in type(self).__mro__ for name in _own_names(kind)[0]}
        fixed = {n: vars(self)[n] for n in sorted(names) if n in vars(self)}
        return {**fixed, **self._kwargs, **self.get_params()}

    def set_params(self, **params: Any) -> Any:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Own parameters, arguments of the build function (with or without
            ``model__``) and routed parameters such as ``optimizer__learning_rate``.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If neither the estimator nor its build function takes one of them.
        """
        build = params.get("model", vars(self).get("model"))
        of_build = arguments_of(build) if callable(build) else []
        legal = sorted({*self._get_param_names(), *of_build})
        for name, value in params.items():
            prefix, routed, _ = name.partition("__")
            if name not in legal and not (routed and prefix in self._routing_prefixes):
                routes = [f"{prefix}__" for prefix in self._routing_prefixes]
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}."
                    f"{did_you_mean(name, [*legal, *routes])} Valid parameters are: "
                    f"{legal}, and names that start with one of {sorted(routes)}."
                )
            self._set(name, value)
        return self

    def _set(self, name: str, value: Any) -> None:
        """Set one parameter where the constructor would have put it."""
        of_constructor = name in _signature_names(type(self))[0]
        if of_constructor or name in vars(self):
            setattr(self, name, value)
        if name in self._kwargs or not of_constructor:
            self._kwargs = {**self._kwargs, name: value}


def _own_names(kind: type) -> tuple[tuple[str, ...], bool]:
    """Name what a class's own constructor takes, and whether it passes more on."""
    if "__init__" not in vars(kind) or kind is object:
        return (), True
    return _names_taken(vars(kind)["__init__"])


@lru_cache(maxsize=256)  # each prediction asks, of every class of the MRO
def _names_taken(constructor: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = tuple(p.name for p in parameters if p.kind not in variable)
    return names, any(p.kind is p.VAR_KEYWORD for p in parameters)


def _signature_names(kind: type) -> tuple[set[str], bool]:
    """Name what a class can be constructed with, as far up as ``**kwargs`` reach.

    The second value says whether they reach the end, where unknown names are kept.
    """
    names: set[str] = set()
    for base in kind.__mro__:
        own, passes_on = _own_names(base)
        names |= set(own)
        if not passes_on:
            return names, False
    return names, True
