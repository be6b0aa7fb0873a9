"""What prepares numbers, as operations of Keras: a part of the models handed out.

All of it is computed in 64 bits, as by the encoder; from values that Keras has rounded
to the 32 bits that its models take, or, in a graph of ONNX, from those of the user.
"""

from typing import Any, NamedTuple

import keras
import numpy as np

from skrec.preprocessing._array_scaler import NEXT_TO_ZERO, ArrayScaler
from skrec.preprocessing._network_inputs import ArrayInputs
from skrec.preprocessing._numbers import NumberScaler
from skrec.preprocessing._padding import PADDING_VALUE
from skrec.preprocessing._ranges import Range
from skrec.preprocessing._scaling import Scaler

ops = keras.ops

# Rounding X to 32 bits may move a scaled number by this much; by more, models on
# X as it is would be wrong, and are not made.
TOLERANCE = 1e-3
EPSILON = float(np.finfo(np.float32).eps) / 2
# What scikit-learn takes for the ends of the range, and of the normal distribution.
EDGE = 1e-7
TAIL = EDGE - np.spacing(1)


def scaled(x: Any, scaler: Scaler) -> Any:
    """Subtract what is in the centre, divide by the scale, and bound where it does.

    Parameters
    ----------
    x : KerasTensor of float64 of shape (batch, ..., n_channels)
        Values.
    scaler : Scaler
        What has been learnt; without that, values stay as they are.

    Returns
    -------
    KerasTensor of the same shape
        Scaled values.
    """
    if not scaler.is_fitted:
        return x
    x = (x - np.nan_to_num(scaler.centre)) / np.nan_to_num(scaler.scale, nan=1)
    if scaler.bound is None:
        return x
    return x / ops.sqrt(1 + ops.square(x / scaler.bound))


def clipped(x: Any, seen: Range) -> Any:
    """Put numbers that lie too far from what training saw at the end of its range.

    Parameters
    ----------
    x : KerasTensor of float64 of shape (batch, ..., n_channels)
        Values; NaN stays.
    seen : Range
        The range; without any, values stay as they are.

    Returns
    -------
    KerasTensor of the same shape
        Clipped values.
    """
    if not len(seen.low):
        return x
    return ops.minimum(ops.maximum(x, seen.low), seen.high)


def prepared(raw: Any, scaler: NumberScaler) -> Any:
    """Scale and impute numbers, and append the indicators of missing ones.

    Parameters
    ----------
    raw : KerasTensor of shape (batch, n_numbers)
        Numbers as the user has them, NaN where they are missing.
    scaler : NumberScaler
        What the encoder has learnt.

    Returns
    -------
    KerasTensor of shape (batch, n_numbers + n_indicators)
        What the network takes, in the dtype of `raw`.
    """
    x = ops.cast(raw, "float64")
    missing = ops.isnan(x)
    x = clipped(x, scaler.seen)
    if scaler.quantile is not None:
        precision = keras.backend.standardize_dtype(raw.dtype)
        x = _normal_quantiles(x, scaler.quantile.quantiles_, precision)
    elif scaler.how is not None:
        bent = ops.sign(x) * ops.log1p(ops.abs(x)) if scaler.how == "log" else x
        x = scaled(bent, scaler.scaler)
    n_numbers = raw.shape[-1]
    x = ops.where(missing, np.broadcast_to(scaler.fill, n_numbers).astype(float), x)
    if len(scaler.empty):
        x = ops.where(np.isin(np.arange(n_numbers), scaler.empty), 0.0, x)
    if len(scaler.indicators):
        gone = ops.take(missing, scaler.indicators.astype("int32"), axis=1)
        x = ops.concatenate([x, ops.cast(gone, "float64")], axis=1)
    return ops.cast(x, raw.dtype)


def prepared_arrays(raw: Any, inputs: ArrayInputs) -> Any:
    """Clip, standardise and mark padding, for a network on arrays.

    Parameters
    ----------
    raw : KerasTensor of shape (batch, ...)
        Arrays as the user has them.
    inputs : ArrayInputs
        What has been learnt.

    Returns
    -------
    KerasTensor of the same shape
        What the network takes, in the dtype of `raw`.
    """
    x = clipped(ops.cast(raw, "float64"), inputs.seen)
    x = ops.cast(scaled(x, inputs.scaler), raw.dtype)
    if inputs.padding is None:
        return x
    return ops.where(_padded(raw, inputs.padding), PADDING_VALUE, x)


def prepared_array(raw: Any, scaler: ArrayScaler) -> Any:
    """Scale a column of arrays; missing ones, and padding, become zeros.

    Parameters
    ----------
    raw : KerasTensor of float64 of shape (batch, ..., n_channels)
        Arrays, NaN where one is missing.
    scaler : ArrayScaler
        What the encoder has learnt.

    Returns
    -------
    KerasTensor of the same shape
        What the network takes.
    """
    x = scaled(clipped(raw, scaler.seen), scaler.scaler)
    blank = ops.isnan(raw)
    if len(raw.shape) == 3:
        at_zero = ops.all(ops.equal(x, 0.0), axis=-1, keepdims=True)
        x = ops.where(at_zero, NEXT_TO_ZERO, x)
        if scaler.padding is not None:
            blank = ops.logical_or(blank, _padded(raw, scaler.padding))
    return ops.where(blank, 0.0, x)


def _padded(raw: Any, padding: str) -> Any:
    """Mark the steps of zeros before the first value, or after the last."""
    value = ops.any(ops.not_equal(raw, 0.0), axis=-1, keepdims=True)
    value = ops.cast(value, "int32")
    if padding == "front":
        return ops.equal(ops.cumsum(value, axis=1), 0)
    so_far = ops.cumsum(ops.flip(value, axis=1), axis=1)
    return ops.flip(ops.equal(so_far, 0), axis=1)


def _normal_quantiles(x: Any, quantiles: np.ndarray, precision: str) -> Any:
    """Do what ``QuantileTransformer`` does, for all columns at once."""
    knots = [_knots(column, precision) for column in np.nan_to_num(quantiles.T)]
    n_knots = max(len(column.at) for column in knots)
    values, at, left, right = (
        np.stack([np.pad(part, (0, n_knots - len(part)), "edge") for part in parts])
        for parts in zip(*knots, strict=True)
    )
    n_at_most = ops.sum(ops.cast(ops.expand_dims(x, -1) >= values, "int32"), axis=-1)
    starts = n_knots * np.arange(len(knots), dtype="int32")
    below = ops.maximum(n_at_most - 1, 0) + starts
    above = ops.minimum(n_at_most, n_knots - 1) + starts
    low, high = ops.take(values.ravel(), below), ops.take(values.ravel(), above)
    width = ops.where(high > low, high - low, 1.0)
    low_p, high_p = ops.take(right.ravel(), below), ops.take(left.ravel(), above)
    p = low_p + (high_p - low_p) * (x - low) / width
    p = ops.where(ops.equal(x, low), ops.take(at.ravel(), below), p)
    p = ops.where(x + EDGE > quantiles[-1], 1.0, p)
    p = ops.where(x - EDGE < quantiles[0], 0.0, p)
    p = ops.clip(p, TAIL, 1 - TAIL)
    return _normal_quantile(p)


def _normal_quantile(p: Any) -> Any:
    """Return where a normal distribution has a probability, to 16 digits.

    This is algorithm AS 241 of M. J. Wichura (Applied Statistics 37(3), 1988), PPND16,
    without its third part, which is for probabilities below 1e-11. ONNX has no inverse
    of the error function.
    """
    q = p - 0.5
    near = 0.180625 - q * q
    tail = ops.sqrt(-ops.log(ops.minimum(p, 1 - p))) - 1.6
    outside = ops.sign(q) * _ratio(tail, *_TAILS)
    return ops.where(ops.abs(q) <= 0.425, q * _ratio(near, *_CENTRE), outside)


def _ratio(x: Any, above: tuple[float, ...], below: tuple[float, ...]) -> Any:
    """Divide two polynomials, given from the constant on."""
    total, divisor = above[-1], below[-1]
    for a, b in zip(above[-2::-1], below[-2::-1], strict=True):
        total, divisor = total * x + a, divisor * x + b
    return total / divisor


_CENTRE = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_TAILS = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)


class _Knots(NamedTuple):
    """Values, their probability, and that just below and above them."""

    values: np.ndarray
    at: np.ndarray
    left: np.ndarray
    right: np.ndarray


def _knots(quantiles: np.ndarray, precision: str) -> _Knots:
    """Tell what each value that is a quantile becomes, once X is rounded.

    A value that stands for several quantiles becomes the mean of the first and the
    last. Which these are, scikit-learn decides in 64 bits, where rounding errors may
    part what is one value: what has the fewest digits is taken for it.
    """
    share = np.linspace(0, 1, len(quantiles))
    rounded = quantiles.astype(precision).astype(np.float64)
    values, first = np.unique(rounded, return_index=True)
    last = np.append(first[1:], len(quantiles)) - 1
    exact, counts = np.unique(quantiles, return_counts=True)
    digits = np.array([len(repr(float(value))) for value in exact])
    order = np.lexsort((counts, -digits, exact.astype(precision)))
    ends = np.searchsorted(exact.astype(precision)[order], values, "right") - 1
    meant = exact[order][ends]
    up = np.interp(meant, quantiles, share)
    down = -np.interp(-meant, -quantiles[::-1], -share[::-1])
    return _Knots(values, (up + down) / 2, share[first], share[last])


def too_fine(scaler: NumberScaler) -> np.ndarray:
    """Find the columns whose values 32 bits do not tell apart well enough.

    Parameters
    ----------
    scaler : NumberScaler
        What the encoder has learnt.

    Returns
    -------
    ndarray of int
        Positions among the numbers, such as that of a time in seconds over one day.
    """
    if scaler.quantile is not None:
        known = scaler.quantile.quantiles_
        size = np.abs(known).max(axis=0)
        low, high = np.nanpercentile(known, [25, 75], axis=0)
        spread = np.where(high > low, high - low, known[-1] - known[0])
    elif scaler.how is None or not scaler.scaler.is_fitted:
        return np.empty(0, dtype=np.intp)
    else:
        spread = scaler.scaler.scale
        size = np.abs(scaler.scaler.centre)
        if scaler.how == "log":  # whose derivative is 1 / (1 + abs(x))
            size = -np.expm1(-size)
    with np.errstate(invalid="ignore"):
        too_near = EPSILON * size > TOLERANCE * spread
    return np.flatnonzero(too_near & (spread > 0))
