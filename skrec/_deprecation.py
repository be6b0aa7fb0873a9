"""What is on its way out: for two releases it works as before, and says so.

CONTRIBUTING.md has the policy. `sklearn.utils.deprecated` is not enough: it warns of a
line of its own, and knows no parameters.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import skrec
from skrec._warn import warn_user

T = TypeVar("T")


def deprecated(since: str, instead: str) -> Callable[[T], T]:
    """Deprecate a function, a method or a class.

    Parameters
    ----------
    since : str
        The first release that warns, such as ``"0.2"``.
    instead : str
        What to do instead, a sentence.

    Returns
    -------
    callable
        A decorator. A class warns where one is constructed.

    Raises
    ------
    RuntimeError
        If its two releases are over, so that nothing is released with it.
    """
    end = _end(since)

    def decorate(made: Any) -> Any:
        text = f"{made.__name__} is deprecated since skrec {since}, gone in {end}."
        summary, gap, rest = inspect.cleandoc(made.__doc__ or "").partition("\n\n")
        note = f"\n\n.. deprecated:: {since}\n    {instead}"
        made.__doc__ = f"{summary}{note}{gap}{rest}\n"

        def warn(*given: Any) -> None:
            warn_user(f"{text} {instead}", FutureWarning)

        if not isinstance(made, type):
            return _after(warn, made)
        owner: Any = made
        owner.__init__ = _after(warn, owner.__init__)
        return owner

    return decorate


def deprecated_parameters(
    since: str,
    *,
    renamed: Mapping[str, str] | None = None,
    removed: Mapping[str, str] | None = None,
) -> Callable[[T], T]:
    """Deprecate parameters of a function or of an estimator.

    Parameters
    ----------
    since : str
        The first release that warns, such as ``"0.2"``.
    renamed : dict of str to str, default=None
        Old names, which are declared no more, and the new ones. They are taken by name.
    removed : dict of str to str, default=None
        Names that are still declared, and what to do instead, a sentence. The default
        is taken without a warning, since `clone` passes it.

    Returns
    -------
    callable
        A decorator; it stands above `with_parameters`.

    Raises
    ------
    RuntimeError
        If its two releases are over, so that nothing is released with it.
    """
    parameters = _Parameters(since, _end(since), renamed or {}, removed or {})

    def decorate(made: Any) -> Any:
        if not isinstance(made, type):
            return parameters.taken_by(made, made.__name__, made)
        owner: Any = made
        name, constructor = owner.__name__, owner.__init__
        owner.set_params = parameters.taken_by(owner.set_params, name, constructor)
        owner.__init__ = parameters.taken_by(constructor, name, constructor)
        owner._deprecated = [*vars(owner).get("_deprecated", []), parameters]
        return owner

    return decorate


def keep_deprecated_parameters(owner: Any) -> None:
    """Let a constructor that was made anew take what those of the bases take.

    Parameters
    ----------
    owner : type
        A class with a constructor of its own.
    """
    for base in owner.__mro__:
        for parameters in vars(base).get("_deprecated", []):
            made = owner.__init__
            owner.__init__ = parameters.taken_by(made, owner.__name__, made)


class _Parameters(NamedTuple):
    since: str
    end: str
    renamed: Mapping[str, str]
    removed: Mapping[str, str]

    def taken_by(self, function: Any, owner: str, declaring: Any) -> Any:
        """Return the function, which takes them too. `declaring` has the defaults."""
        positional = list(inspect.signature(function).parameters)
        declared = inspect.signature(declaring).parameters

        def translate(arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            given = {**dict(zip(positional, arguments, strict=False)), **named}
            for name, instead in self.removed.items():
                if name in given and not _is(given[name], declared[name].default):
                    self.warn(f"{name!r} of {owner} is deprecated", instead)
            for name, new in self.renamed.items():
                if name not in named:
                    continue
                if new in given:
                    raise TypeError(
                        f"{owner} has one parameter, {new!r}, that was {name!r} before "
                        f"skrec {self.since}: pass {new!r} alone. Received: both."
                    )
                self.warn(f"{name!r} of {owner} is renamed", f"Pass {new!r}.")
                named[new] = named.pop(name)

        return _after(translate, function)

    def warn(self, what: str, instead: str) -> None:
        text = f"{what} since skrec {self.since}, gone in {self.end}. {instead}"
        warn_user(text, FutureWarning)


def _after(first: Callable[..., None], function: Any) -> Any:
    """Return a function that shows its arguments to another one first."""

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        first(arguments, named)
        return function(*arguments, **named)

    return called


def _is(value: Any, default: Any) -> bool:
    """Tell whether a value is the default, also where a copy of it came by pickle."""
    return value is default or (type(value) is type(default) and value == default)


def _end(since: str) -> str:
    """Return the release that has it no more, two after the first that warns."""
    major, minor = map(int, since.split("."))
    end = (major, minor + 2)
    if tuple(map(int, skrec.__version__.split(".")[:2])) >= end:
        raise RuntimeError(
            f"What was deprecated in skrec {since} has had two releases: remove it. "
            f"Received: version {skrec.__version__}."
        )
    return f"{major}.{minor + 2}"
