"""Parameters of estimators, each declared once: type, default, legal values and text.

scikit-learn reads parameters off an explicit ``__init__``. A class lists its own, and
the defaults in which it differs, as a dataclass does; the rest it inherits::

    @with_parameters
    class _DCN(TableNetwork):
        cross_layers: int = param(default=2, legal=[...], doc=...)
        dropout: float = 0.1
        max_len: int = fixed(50)  # no parameter of this family

From that the decorator makes ``__init__``, ``_parameter_constraints`` and the entries
of the docstring.
"""

import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import field, make_dataclass
from numbers import Integral, Real
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    get_origin,
)

from skrec._deprecation import keep_deprecated_parameters
from skrec._docs import fill
from skrec._sklearn import Interval, StrOptions

T = TypeVar("T", bound=type)

# Legal values of more than one parameter.
AUTO = StrOptions({"auto"})
COUNT = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
SIZES = [COUNT, str, "array-like"]
# Texts of more than one family.
UNITS_OF_TOWER = """int, str or sequence of int
    Width of the tower's layers, as 128, ``"128-64"`` or ``(128, 64)``."""
ACTIVATION_OF_TOWER = """str
    Activation of the tower's layers, by its Keras name."""
LENGTH_OF_FIELDS = """int
    Length of the vector of a field."""
LENGTH_OF_IDS = """int or "auto"
    Length of the vector of an id; ``"auto"`` makes it longer for columns of
    more ids: ``min(50, round(1.6 * n_ids**0.56))``."""


class _Parameter(NamedTuple):
    default: Any
    legal: Sequence[Any] | None
    doc: str | None
    kw_only: bool
    of_inputs: bool
    annotation: Any = None


class _Fixed(NamedTuple):
    value: Any


def param(
    *,
    default: Any,
    legal: Sequence[Any] | None = None,
    doc: str | None = None,
    kw_only: bool = True,
    of_inputs: bool = False,
) -> Any:
    """Declare a parameter, or in what it differs from an inherited one.

    Parameters
    ----------
    default : object
        Its default.
    legal : sequence, default=None
        What scikit-learn's validation lets through; None for what was declared before.
    doc : str, default=None
        Its type, and in further lines what it means; None for what was declared before.
    kw_only : bool, default=True
        Whether it is passed by name alone.
    of_inputs : bool, default=False
        Whether it says how X is encoded, which training that goes on cannot change.

    Returns
    -------
    object
        What `with_parameters` takes.
    """
    return _Parameter(default, legal, doc, kw_only, of_inputs)


def fixed(value: Any, init: Literal[False] = False) -> Any:
    """Give an inherited parameter one value for good: it is no parameter any more.

    Parameters
    ----------
    value : object
        The value.
    init : False
        Tells type checkers that the constructor does not take it.

    Returns
    -------
    object
        What `with_parameters` takes.
    """
    return _Fixed(value)


@dataclass_transform(kw_only_default=True, field_specifiers=(param, fixed))
def with_parameters(cls: T) -> T:
    """Make what scikit-learn asks of a class from the parameters that it declares.

    Parameters
    ----------
    cls : type
        Each annotated attribute is a parameter, but for a `ClassVar`.

    Returns
    -------
    type
        The same class.
    """
    inherited: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        inherited |= vars(base).get("_declared", {})
    own = {
        name: _completed(vars(cls)[name], annotation, inherited.get(name))
        for name, annotation in inspect.get_annotations(cls).items()
        if get_origin(annotation) is not ClassVar
    }
    made: Any = cls
    made._declared = own
    for name, one in own.items():
        setattr(cls, name, one.value if isinstance(one, _Fixed) else one.default)
    parameters = {
        name: one
        for name, one in _own_first(cls, inherited | own).items()
        if not isinstance(one, _Fixed)
    }
    fields = [
        (name, one.annotation, field(default=one.default, kw_only=one.kw_only))
        for name, one in parameters.items()
    ]
    made.__init__ = vars(make_dataclass(cls.__name__, fields))["__init__"]
    made.__init__.__module__ = cls.__module__
    keep_deprecated_parameters(cls)
    made._parameter_constraints = {n: list(one.legal) for n, one in parameters.items()}
    made._of_inputs = [name for name, one in parameters.items() if one.of_inputs]
    entries = "\n".join(_entry(name, one) for name, one in parameters.items())
    fill(cls, "parameters", entries.strip())
    return cls


def _completed(value: Any, annotation: Any, before: Any) -> _Parameter | _Fixed:
    """Add to what a class says of a parameter what was said before."""
    if isinstance(value, _Fixed):
        return value
    if not isinstance(value, _Parameter):
        return before._replace(default=value, annotation=annotation)
    value = value._replace(annotation=annotation)
    if before is None or isinstance(before, _Fixed):
        return value
    legal = before.legal if value.legal is None else value.legal
    of_inputs = value.of_inputs or before.of_inputs
    return value._replace(legal=legal, doc=value.doc or before.doc, of_inputs=of_inputs)


def _own_first(cls: type, declared: dict[str, Any]) -> dict[str, Any]:
    """Order parameters: those that the class itself adds first, those of all last."""
    depth: dict[str, int] = {}
    for number, base in reversed(list(enumerate(cls.__mro__))):
        for name in vars(base).get("_declared", {}):
            depth.setdefault(name, number)
    return {name: declared[name] for name in sorted(declared, key=depth.__getitem__)}


def _entry(name: str, one: _Parameter) -> str:
    """Return a parameter's entry in the docstring."""
    kind, _, text = inspect.cleandoc(one.doc or "").partition("\n")
    shown = f'"{one.default}"' if isinstance(one.default, str) else str(one.default)
    text = textwrap.indent(textwrap.dedent(text), "    ")
    return f"{name} : {kind}, default={shown}\n{text}"
