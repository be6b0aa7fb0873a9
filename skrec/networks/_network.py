"""The hashable description of an architecture, from which Keras models are built."""

from collections.abc import Callable, Hashable
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

    def outline(self) -> keras.Model:
        """Build a Keras model whose weights have shapes, but no values.

        It is there to be copied or traced: tables of millions of ids are not drawn for
        nothing.

        Returns
        -------
        keras.Model
            A functional model.
        """
        # Keras would give the weights their values when it next leaves such a scope.
        waiting = global_state.get_global_attribute(_WAITING)
        global_state.set_global_attribute(_WAITING, [])
        try:
            with keras.StatelessScope(initialize_variables=False):
                return self.build()
        finally:
            global_state.set_global_attribute(_WAITING, waiting)


_WAITING = "uninitialized_variables"
