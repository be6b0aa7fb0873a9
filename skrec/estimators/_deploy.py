"""From a network on standardised inputs to a Keras model on the user's own X."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from skrec.networks import PADDING_VALUE
from skrec.preprocessing._scaling import ChannelScaler
from skrec.training.copies import fresh


@dataclass
class Head:
    """What comes after the network's outputs.

    Parameters
    ----------
    activation : {"sigmoid", "softmax", "linear"}
        Turns logits into probabilities.
    scaler : ChannelScaler, default=None
        Undone on a regressor's outputs.
    """

    activation: str
    scaler: ChannelScaler | None = None


def deployable(
    core: keras.Model, scaler: ChannelScaler | None, padding: str | None, head: Head
) -> keras.Model:
    """Put standardisation before a network and its activation behind.

    Parameters
    ----------
    core : keras.Model
        Compiled network.
    scaler : ChannelScaler or None
        What X was standardised with.
    padding : {"front", "end"} or None
        On which side of the values steps that are all zero are padding.
    head : Head
        What comes after the network.

    Returns
    -------
    keras.Model
        Compiled model of standard Keras layers and operations; it loads without skrec.
    """
    inputs = core.input
    raw = keras.Input(inputs.shape[1:], dtype=inputs.dtype, name="X")
    x: Any = raw
    if scaler is not None and scaler.is_fitted:
        x = keras.layers.Normalization(
            mean=scaler.mean, variance=scaler.variance, dtype=inputs.dtype
        )(x)
    if padding is not None:
        x = keras.ops.where(_padded(raw, padding), PADDING_VALUE, x)
    return _with_head(raw, core, core(x), head)


def _padded(raw: Any, padding: str) -> Any:
    """Mark the steps of zeros before the first value, or after the last."""
    value = keras.ops.any(keras.ops.not_equal(raw, 0.0), axis=-1, keepdims=True)
    value = keras.ops.cast(value, "int32")
    if padding == "front":
        return keras.ops.equal(keras.ops.cumsum(value, axis=1), 0)
    so_far = keras.ops.cumsum(keras.ops.flip(value, axis=1), axis=1)
    return keras.ops.flip(keras.ops.equal(so_far, 0), axis=1)


def deployable_on_fields(core: keras.Model, head: Head) -> keras.Model:
    """Put the activation behind a network on encoded fields.

    Parameters
    ----------
    core : keras.Model
        Compiled network.
    head : Head
        What comes after the network.

    Returns
    -------
    keras.Model
        Compiled model from the dict of arrays that ``encoder_.transform`` returns.
    """
    alone = not isinstance(core.input, dict)
    inputs = {"numbers": core.input} if alone else core.input
    raw = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in inputs.items()
    }
    return _with_head(raw, core, core(raw["numbers"] if alone else raw), head)


def _with_head(raw: Any, core: keras.Model, outputs: Any, head: Head) -> keras.Model:
    """Turn outputs into predictions, in a compiled model."""
    if head.activation != "linear":
        outputs = keras.layers.Activation(head.activation, dtype=outputs.dtype)(outputs)
    if head.scaler is not None and head.scaler.is_fitted:
        outputs = keras.layers.Rescaling(
            np.sqrt(head.scaler.variance).tolist(),
            head.scaler.mean.tolist(),
            dtype=outputs.dtype,
        )(outputs)
    model = keras.Model(raw, outputs)
    loss = core.loss.get_config()
    if "from_logits" in loss:
        loss["from_logits"] = False
    # Without slots, each of the two optimizers makes a saved model warn on loading.
    optimizer = fresh(core.optimizer)
    core.optimizer.build(core.trainable_variables)
    model.compile(optimizer=optimizer, loss=type(core.loss).from_config(loss))
    model.optimizer.build(model.trainable_variables)
    return model


def network_of(model: keras.Model) -> keras.Model:
    """Return the network inside a model that :func:`deployable` made.

    Parameters
    ----------
    model : keras.Model
        The deployable model.

    Returns
    -------
    keras.Model
        The network, which holds all of its weights.
    """
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))
