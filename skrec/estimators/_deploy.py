"""From a network on standardised inputs to a Keras model on the user's own X."""

from dataclasses import dataclass
from typing import Any

import keras

from skrec.estimators._deploy_numbers import prepared, prepared_arrays, too_fine
from skrec.preprocessing._network_inputs import ArrayInputs, TableInputs
from skrec.preprocessing._numbers import NumberScaler
from skrec.preprocessing._scaling import ChannelScaler
from skrec.training._optimizer_items import ensure_built
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
    core: keras.Model, inputs: ArrayInputs | TableInputs, head: Head
) -> keras.Model:
    """Put what prepares X before a network and its activation behind.

    Parameters
    ----------
    core : keras.Model
        Compiled network.
    inputs : ArrayInputs or TableInputs
        What prepares X. Keras does not do all that an encoder of tables does: where
        there is more than numbers, the model takes what the encoder returns.
    head : Head
        What comes after the network.

    Returns
    -------
    keras.Model
        Compiled model of standard Keras layers and operations; it loads without skrec.
    """
    if isinstance(inputs, ArrayInputs):
        return _on_arrays(core, inputs, head)
    encoder = inputs.encoder
    if not encoder.spec_.only_numbers:
        why = "Keras does not hold the codes of its ids, or its arrays"
        return _on_fields(core, head, why)
    numbers = encoder._numbers
    fine = [list(encoder.columns_)[k] for k in too_fine(numbers)]
    if fine:
        why = (
            f"the values of the columns {fine} are too near each other, for their "
            "size, for the 32 bits that Keras reads"
        )
        return _on_fields(core, head, why)
    return _on_numbers(core, numbers, len(encoder.columns_), head)


def _on_arrays(core: keras.Model, inputs: ArrayInputs, head: Head) -> keras.Model:
    """Clip, standardise and mark padding."""
    given = core.input
    raw = keras.Input(given.shape[1:], dtype=given.dtype, name="X")
    x = prepared_arrays(raw, inputs)
    return _with_head(raw, core, core(x), head)


def _on_numbers(
    core: keras.Model, scaler: NumberScaler, n_numbers: int, head: Head
) -> keras.Model:
    """Put all that an encoder does to numbers before a network."""
    inputs = core.input["numbers"] if isinstance(core.input, dict) else core.input
    raw = keras.Input((n_numbers,), dtype=inputs.dtype, name="X")
    x = prepared(raw, scaler)
    given = {"numbers": x} if isinstance(core.input, dict) else x
    return _with_head(raw, core, core(given), head)


def _on_fields(core: keras.Model, head: Head, why: str) -> keras.Model:
    """Take the dict of arrays that ``encoder_.transform`` returns, and no X."""
    alone = not isinstance(core.input, dict)
    inputs = {"numbers": core.input} if alone else core.input
    raw = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in inputs.items()
    }
    model = _with_head(raw, core, core(raw["numbers"] if alone else raw), head)
    _refuse_arrays(model, why)
    return model


def _refuse_arrays(model: keras.Model, why: str) -> None:
    """Let a model of a dict raise where it gets an array, which one key would match."""
    call = model.call

    def checked(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, dict):
            raise TypeError(
                f"model_ does not take X as it is, since {why}: give it "
                f"encoder_.transform(X). Received: {type(inputs).__name__}."
            )
        return call(inputs, *args, **kwargs)

    model.call = checked


def _with_head(raw: Any, core: keras.Model, outputs: Any, head: Head) -> keras.Model:
    """Turn outputs into predictions, in a compiled model."""
    if head.activation != "linear":
        outputs = keras.layers.Activation(head.activation, dtype=outputs.dtype)(outputs)
    if head.scaler is not None and head.scaler.is_fitted:
        outputs = keras.layers.Rescaling(
            head.scaler.scale.tolist(),
            head.scaler.centre.tolist(),
            dtype=outputs.dtype,
        )(outputs)
    model = keras.Model(raw, outputs)
    loss = core.loss.get_config()
    if "from_logits" in loss:
        loss["from_logits"] = False
    # Without slots, each of the two optimizers makes a saved model warn on loading.
    optimizer = fresh(core.optimizer)
    ensure_built(core.optimizer, core.trainable_variables)
    model.compile(optimizer=optimizer, loss=type(core.loss).from_config(loss))
    ensure_built(model.optimizer, model.trainable_variables)
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
