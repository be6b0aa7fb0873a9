"""From the encoded fields of a table to vectors: what click models are built on."""

import math
import re
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from skrec.networks._blocks import penalty
from skrec.preprocessing._spec import FieldSpec

ops = keras.ops

# Names of the layers of the linear part: of its tables begin, and of its numbers.
WEIGHT, WEIGHT_OF_NUMBERS = "weight", "weight_of_numbers"
# Waves of each number, what is made of them, and how fast the fastest of two thirds of
# them turns: values of RealMLP (Holzmueller, Grinsztajn and Steinwart, "Better by
# default: strong pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024), but
# for the last, which is .1 there.
N_WAVES, WAVE_DIM, FREQUENCY = 16, 3, 0.3


def field_inputs(fields: FieldSpec, dtype: str, prefix: str = "") -> dict[str, Any]:
    """Return one Keras input for each array of encoded rows.

    Parameters
    ----------
    fields : FieldSpec
        Sizes of the fields.
    dtype : str
        Keras dtype policy of the layers.
    prefix : str, default=""
        What the names of the inputs themselves begin with.

    Returns
    -------
    dict of str to KerasTensor
        Inputs by name.
    """
    number = keras.DTypePolicy(dtype).variable_dtype
    inputs = {}
    if fields.ids:
        inputs["ids"] = keras.Input(
            (len(fields.ids),), dtype="int32", name=f"{prefix}ids"
        )
    if fields.n_numbers:
        inputs["numbers"] = keras.Input(
            (fields.n_numbers,), dtype=number, name=f"{prefix}numbers"
        )
    for k, sequence in enumerate(fields.sequences):
        name = f"sequence_{k}"
        # Rows to predict may have longer lists than those of training had.
        length = None if sequence.length > 1 else 1
        inputs[name] = keras.Input((length,), dtype="int32", name=prefix + name)
    for k, shape in enumerate(fields.arrays):
        inputs[f"array_{k}"] = keras.Input(
            shape, dtype=number, name=f"{prefix}array_{k}"
        )
    return inputs


def field_model(inputs: dict[str, Any], outputs: Any, name: str) -> keras.Model:
    """Make a model of :func:`field_inputs`; numbers alone need no dict around them.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        All of the inputs.
    outputs : KerasTensor
        Logits.
    name : str
        Name of the model.

    Returns
    -------
    keras.Model
        Model from encoded rows, or from rows of numbers, to logits.
    """
    alone = inputs["numbers"] if inputs.keys() == {"numbers"} else inputs
    return keras.Model(alone, outputs, name=name)


@dataclass
class Embedded:
    """Vectors of ids: of each id column, and of each step of each sequence.

    Parameters
    ----------
    ids : list of KerasTensor of shape (batch, dim)
        Vectors of the id columns, in the order of `FieldSpec.ids`.
    stacked : KerasTensor of shape (batch, n_ids, dim), or None
        The same in one tensor, where all tables have the same dimension.
    sequences : list of KerasTensor of shape (batch, length, dim)
        Vectors of the steps of each sequence.
    masks : list of KerasTensor of bool of shape (batch, length)
        False for the steps that are padding.
    """

    ids: list[Any]
    stacked: Any
    sequences: list[Any]
    masks: list[Any]


def embed(
    inputs: dict[str, Any],
    fields: FieldSpec,
    dims: int | tuple[int, ...],
    dtype: str,
    embedding_l2: float = 0.0,
    name: str = "embedding",
    initializer: Any = None,
) -> Embedded:
    """Look up the vectors of all ids.

    All tables of one dimension are the rows of one Embedding layer, so that a step
    needs one lookup and one update, however many columns there are.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        From :func:`field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    dims : int or tuple of int
        Length of the vectors, of all tables or of each.
    dtype : str
        Keras dtype policy of the layers.
    embedding_l2 : float, default=0.0
        Penalty on the squares of all vectors.
    name : str, default="embedding"
        Beginning of the layers' names.
    initializer : Keras initializer, default=None
        Of the vectors; a normal distribution of standard deviation .01 if None, as in
        He et al., "Neural Collaborative Filtering", WWW 2017.

    Returns
    -------
    Embedded
        Vectors and masks.
    """
    per_table = (dims,) * len(fields.tables) if isinstance(dims, int) else dims
    ids: list[Any] = [None] * len(fields.ids)
    sequences: list[Any] = [None] * len(fields.sequences)
    stacked = None
    for dim in sorted(set(per_table)):
        tables = [t for t, own in enumerate(per_table) if own == dim]
        starts, n_rows = {}, 0
        for t in tables:
            starts[t] = n_rows
            n_rows += fields.tables[t]
        layer = keras.layers.Embedding(
            n_rows,
            dim,
            embeddings_initializer=initializer
            or keras.initializers.RandomNormal(stddev=0.01),
            embeddings_regularizer=penalty(0.0, embedding_l2),
            dtype=dtype,
            name=f"{name}_of_{'_'.join(map(str, tables))}",
        )
        columns = [c for c, t in enumerate(fields.ids) if t in starts]
        if columns:
            codes = inputs["ids"]
            if len(columns) < len(fields.ids):
                codes = ops.take(codes, np.array(columns, "int32"), axis=1)
            offsets = np.array([starts[fields.ids[c]] for c in columns], "int32")
            vectors = layer(codes + offsets)
            if len(columns) == len(fields.ids):
                stacked = vectors
            for k, column in enumerate(columns):
                ids[column] = vectors[:, k]
        for k, sequence in enumerate(fields.sequences):
            if sequence.table in starts:
                sequences[k] = layer(inputs[f"sequence_{k}"] + starts[sequence.table])
    masks = [
        ops.not_equal(inputs[f"sequence_{k}"], 0) for k in range(len(fields.sequences))
    ]
    return Embedded(ids, stacked, sequences, masks)


def masked_mean(steps: Any, mask: Any) -> Any:
    """Average the steps that are not padding; of an empty sequence, zeros.

    Parameters
    ----------
    steps : KerasTensor of shape (batch, length, dim)
        Vectors.
    mask : KerasTensor of bool of shape (batch, length)
        False for padding.

    Returns
    -------
    KerasTensor of shape (batch, dim)
        Means.
    """
    present = ops.cast(mask, steps.dtype)[..., None]
    total = ops.sum(steps * present, axis=1)
    return total / ops.maximum(ops.sum(present, axis=1), 1.0)


def dense_part(
    inputs: dict[str, Any],
    fields: FieldSpec,
    dtype: str,
    periodic: bool = False,
    l1: float = 0.0,
    l2: float = 0.0,
) -> list[Any]:
    """Return what needs no lookup: numbers, and arrays as flat rows.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        From :func:`field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    dtype : str
        Keras dtype policy of the layers.
    periodic : bool, default=False
        Whether numbers come with the waves of :func:`periodic_numbers`.
    l1, l2 : float, default=0.0
        Penalties on what makes these.

    Returns
    -------
    list of KerasTensor of shape (batch, n)
        None, one or several.
    """
    parts = [inputs["numbers"]] if fields.n_numbers else []
    if parts and periodic:
        waves = periodic_numbers(parts[0], dtype, l1, l2)
        parts = [keras.layers.Flatten(dtype=dtype)(waves)]
    for k, shape in enumerate(fields.arrays):
        array = inputs[f"array_{k}"]
        parts.append(
            keras.layers.Flatten(dtype=dtype)(array) if len(shape) > 1 else array
        )
    return parts


def join(parts: list[Any], dtype: str) -> Any:
    """Concatenate rows, if there is more than one part.

    Parameters
    ----------
    parts : list of KerasTensor of shape (batch, n)
        Parts.
    dtype : str
        Keras dtype policy of the layers.

    Returns
    -------
    KerasTensor of shape (batch, sum of n)
        All of them side by side.
    """
    if len(parts) == 1:
        return parts[0]
    return keras.layers.Concatenate(dtype=dtype)(parts)


def flat_fields(
    inputs: dict[str, Any],
    fields: FieldSpec,
    embedded: Embedded,
    dtype: str,
    periodic: bool = False,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Any:
    """Put all fields side by side: vectors of ids, means of sequences, numbers.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        From :func:`field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    embedded : Embedded
        From :func:`embed`.
    dtype : str
        Keras dtype policy of the layers.
    periodic : bool, default=False
        Whether numbers come with the waves of :func:`periodic_numbers`.
    l1, l2 : float, default=0.0
        Penalties on what makes these.

    Returns
    -------
    KerasTensor of shape (batch, n)
        What a tower of dense layers takes.
    """
    parts = list(embedded.ids)
    if embedded.stacked is not None and len(parts) > 1:
        parts = [keras.layers.Flatten(dtype=dtype)(embedded.stacked)]
    for steps, mask in zip(embedded.sequences, embedded.masks, strict=True):
        parts.append(masked_mean(steps, mask))
    numbers = dense_part(inputs, fields, dtype, periodic, l1, l2)
    return join([*parts, *numbers], dtype)


def field_vectors(
    inputs: dict[str, Any],
    fields: FieldSpec,
    embedded: Embedded,
    dim: int,
    dtype: str,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Any:
    """Return one vector for each field, as factorisation machines need them.

    A number is its value times a vector of its own; an array is projected.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        From :func:`field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    embedded : Embedded
        From :func:`embed`, with one dimension for all tables.
    dim : int
        That dimension.
    dtype : str
        Keras dtype policy of the layers.
    l1, l2 : float, default=0.0
        Penalties on the vectors of numbers and the projections of arrays.

    Returns
    -------
    KerasTensor of shape (batch, n_fields, dim)
        Vectors: ids, sequences, numbers, arrays.
    """
    parts = [] if embedded.stacked is None else [embedded.stacked]
    for steps, mask in zip(embedded.sequences, embedded.masks, strict=True):
        parts.append(masked_mean(steps, mask)[:, None])
    if fields.n_numbers:
        parts.append(
            keras.layers.EinsumDense(
                "bn,nd->bnd",
                (fields.n_numbers, dim),
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                kernel_regularizer=penalty(l1, l2),
                dtype=dtype,
            )(inputs["numbers"])
        )
    for k, shape in enumerate(fields.arrays):
        array = inputs[f"array_{k}"]
        if len(shape) > 1:
            array = keras.layers.Flatten(dtype=dtype)(array)
        projection = keras.layers.Dense(
            dim, kernel_regularizer=penalty(l1, l2), dtype=dtype
        )
        parts.append(projection(array)[:, None])
    if len(parts) == 1:
        return parts[0]
    return keras.layers.Concatenate(axis=1, dtype=dtype)(parts)


def first_order(
    inputs: dict[str, Any],
    fields: FieldSpec,
    n_outputs: int,
    dtype: str,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Any:
    """Return the linear model of all fields: a weight for each id, number and class.

    Parameters
    ----------
    inputs : dict of str to KerasTensor
        From :func:`field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    n_outputs : int
        Number of logits.
    dtype : str
        Keras dtype policy of the layers.
    l1, l2 : float, default=0.0
        Penalties on the weights of numbers.

    Returns
    -------
    KerasTensor of shape (batch, n_outputs)
        Logits, without a bias.
    """
    parts = []
    if fields.tables:
        weights = embed(inputs, fields, n_outputs, dtype, 0.0, WEIGHT, "zeros")
        if weights.stacked is not None:
            parts.append(ops.sum(weights.stacked, axis=1))
        for steps, mask in zip(weights.sequences, weights.masks, strict=True):
            parts.append(masked_mean(steps, mask))
    numbers = dense_part(inputs, fields, dtype)
    if numbers:
        parts.append(
            keras.layers.Dense(
                n_outputs,
                use_bias=False,
                kernel_initializer="zeros",
                name=WEIGHT_OF_NUMBERS,
                kernel_regularizer=penalty(l1, l2),
                dtype=dtype,
            )(join(numbers, dtype))
        )
    return parts[0] if len(parts) == 1 else keras.layers.Add(dtype=dtype)(parts)


def with_linear_part(
    logits: Any,
    inputs: dict[str, Any],
    fields: FieldSpec,
    dtype: str,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Any:
    """Add the logits of the linear model of all fields to those of a network.

    Parameters
    ----------
    logits : KerasTensor of shape (batch, n_outputs)
        Of the network.
    inputs : dict of str to KerasTensor
        From :func:`field_inputs`.
    fields : FieldSpec
        Sizes of the fields.
    dtype : str
        Keras dtype policy of the layers.
    l1, l2 : float, default=0.0
        Penalties on the weights of numbers.

    Returns
    -------
    KerasTensor of shape (batch, n_outputs)
        Sums; float32 under mixed precision.
    """
    linear = first_order(inputs, fields, logits.shape[-1], dtype, l1, l2)
    full = keras.DTypePolicy(dtype).variable_dtype
    return keras.layers.Add(dtype=full)([linear, logits])


def periodic_numbers(numbers: Any, dtype: str, l1: float = 0.0, l2: float = 0.0) -> Any:
    """Put beside each number what a small layer makes of waves of it.

    A dense layer on a number alone has to bend at the right places; on waves of several
    lengths it finds steps and bumps at once.

    Parameters
    ----------
    numbers : KerasTensor of shape (batch, n)
        Numbers, scaled.
    dtype : str
        Keras dtype policy of the layers.
    l1, l2 : float, default=0.0
        Penalties on the frequencies and on what is made of the waves.

    Returns
    -------
    KerasTensor of shape (batch, n, 1 + WAVE_DIM)
        Each number, and the vector beside it.
    """
    n = numbers.shape[-1]
    draws = keras.initializers
    phases = keras.layers.EinsumDense(
        "bn,nf->bnf",
        (n, N_WAVES),
        bias_axes="nf",
        kernel_initializer=draws.RandomNormal(stddev=2 * math.pi * FREQUENCY),
        bias_initializer=draws.RandomUniform(-math.pi, math.pi),
        kernel_regularizer=penalty(l1, l2),
        dtype=dtype,
    )(numbers)
    limit = N_WAVES**-0.5
    vectors = keras.layers.EinsumDense(
        "bnf,nfd->bnd",
        (n, WAVE_DIM),
        bias_axes="nd",
        kernel_initializer=draws.RandomUniform(-limit, limit),
        bias_initializer=draws.RandomUniform(-limit, limit),
        kernel_regularizer=penalty(l1, l2),
        dtype=dtype,
    )(ops.cos(phases))
    return keras.layers.Concatenate(dtype=dtype)([numbers[..., None], vectors])


def is_linear(layer_name: str) -> bool:
    """Tell whether a layer belongs to the linear part.

    Parameters
    ----------
    layer_name : str
        Name of a layer.

    Returns
    -------
    bool
        True for those of :func:`first_order`.
    """
    return layer_name.startswith(f"{WEIGHT}_of_")


def table_vectors(
    model: keras.Model, weights: list[np.ndarray], fields: FieldSpec, table: int
) -> np.ndarray:
    """Return the vectors of one table, from the layers that :func:`embed` has made.

    Parameters
    ----------
    model : keras.Model
        Model of the fields.
    weights : list of ndarray
        Its weights, in the order of ``model.weights``.
    fields : FieldSpec
        Sizes of the fields.
    table : int
        Which table.

    Returns
    -------
    ndarray of shape (n_rows, dim)
        Vectors by code; side by side where the model has several of an id.
    """
    values = {id(w): value for w, value in zip(model.weights, weights, strict=True)}
    parts = []
    for layer in model.layers:
        tables = tables_of(layer.name)
        if table in tables and not is_linear(layer.name):
            start = sum(fields.tables[t] for t in tables[: tables.index(table)])
            rows = slice(start, start + fields.tables[table])
            parts.append(values[id(layer.embeddings)][rows])
    return np.concatenate(parts, axis=1)


def tables_of(layer_name: str) -> list[int]:
    """Read which tables a layer holds from the name that :func:`embed` has given it.

    Parameters
    ----------
    layer_name : str
        Name of a layer.

    Returns
    -------
    list of int
        Tables, in the order of their rows; empty for other layers.
    """
    found = re.fullmatch(r".*_of_([\d_]+)", layer_name)
    return [int(t) for t in found[1].split("_")] if found else []
