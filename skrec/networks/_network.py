"""The hashable description of an architecture, from which Keras models are built."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state


@dataclass(frozen=True)
class Network:
    """An architecture: a building function and the options that shape its graph.

    Two equal networks have the same graph, so that they can share one compiled program.
    Continuous hyper-parameters (``dropout``, ``l1``, ``l2``, ...) are therefore not
    options but arguments of :meth:`build`.

    Parameters
    ----------
    builder : callable
        Function ``builder(*, dropout=0.0, l1=0.0, l2=0.0, **options) -> keras.Model``,
        whose model returns logits (or the regression's outputs).
    options : tuple of (str, hashable)
        Name and value of each option, in a fixed order.

    Examples
    --------
    >>> from skrec.networks import Network, build_mlp
    >>> options = dict(input_shape=(4,), n_outputs=1, units=(8,), dtype="float32")
    >>> network = Network.of(build_mlp, activation="relu", batch_norm=False, **options)
    >>> network.build(dropout=0.2).output_shape
    (None, 1)
    """

    builder: Callable[..., keras.Model]
    options: tuple[tuple[str, Hashable], ...]

    @classmethod
    def of(cls, builder: Callable[..., keras.Model], **options: Hashable) -> "Network":
        """Describe ``builder(**options)``.

        Parameters
        ----------
        builder : callable
            The building function.
        **options : hashable
            Its options.

        Returns
        -------
        Network
            The description.
        """
        plain = {  # of NumPy's types, which a search draws from arrays
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in options.items()
        }
        return cls(builder, tuple(sorted(plain.items())))

    def build(self, **rates: float) -> keras.Model:
        """Build a new Keras model, not compiled.

        Parameters
        ----------
        **rates : float
            Continuous hyper-parameters, such as ``dropout``; the builder's defaults,
            which leave them out, where they are not given.

        Returns
        -------
        keras.Model
            A functional model.
        """
        options: dict[str, Any] = dict(self.options)
        return self.builder(**rates, **options)

    def outline(self, shapes: Collection[tuple[int, ...]] | None = None) -> keras.Model:
        """Build a Keras model whose weights have shapes, but no values.

        It is there to be copied or traced: tables of millions of ids are not drawn for
        nothing.

        Parameters
        ----------
        shapes : collection of tuple of int, default=None
            What :func:`outlined` is to expect.

        Returns
        -------
        keras.Model
            A functional model.
        """
        return outlined(self.build, shapes)


def outlined(
    build: Callable[[], keras.Model],
    shapes: Collection[tuple[int, ...]] | None = None,
) -> keras.Model:
    """Build a Keras model whose variables have shapes, but no values.

    Parameters
    ----------
    build : callable
        Function without parameters that returns the model.
    shapes : collection of tuple of int, default=None
        Shapes of all variables that the model may have, those of seeds aside, in any
        order; by default, whatever it builds.

    Returns
    -------
    keras.Model
        The model.

    Raises
    ------
    ValueError
        As soon as a variable is made that ``shapes`` does not list, or one too many.
    """
    # Keras would give the weights their values when it next leaves such a scope.
    waiting = global_state.get_global_attribute(_WAITING)
    made = _Listed(shapes)
    global_state.set_global_attribute(_WAITING, made)
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = build()
        made.require_no_other()  # which Keras does not always hand on
        return model
    finally:
        global_state.set_global_attribute(_WAITING, waiting)


_WAITING, _SEED = "uninitialized_variables", "seed_generator_state"


class _Listed(list):
    """The variables that wait for values: no others than those of a list, if any."""

    def __init__(self, shapes: Collection[tuple[int, ...]] | None) -> None:
        super().__init__()
        self.left = None if shapes is None else Counter(shapes)

    def append(self, variable: keras.Variable) -> None:
        """Take a variable that Keras has just made."""
        if self.left is not None and variable.name != _SEED:
            self.left[tuple(variable.shape)] -= 1
            self.require_no_other()
        super().append(variable)

    def require_no_other(self) -> None:
        """Raise if a variable was made that is not on the list."""
        other = [] if self.left is None else [*(-self.left)]
        if other:
            raise ValueError(
                "the network has other weights than the file: one more of shape "
                f"{other[0]} than it holds"
            )
