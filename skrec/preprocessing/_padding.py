"""Which all-zero steps of sequences are padding, and which are values."""

import numpy as np

# No standardised value comes near it, so it can mark the steps that are padding.
PADDING_VALUE = -1e6


class ZeroSteps:
    """Where in sequences the steps were seen whose channels are all zero.

    Padding is in front of the values or behind them, of all sequences alike. So zeros
    between two values, or at both ends, are values themselves, and then those at an end
    cannot be told from them. Zeros at one end alone may be left out without loss: all
    sequences are equally long, so that the number of the steps left says where they
    stood. Sequences of nothing but zeros say nothing.
    """

    def __init__(self) -> None:
        self.in_front = False
        self.at_end = False
        self.between = False

    def update(self, array: np.ndarray) -> "ZeroSteps":
        """Take note of more sequences.

        Parameters
        ----------
        array : ndarray of shape (n_rows, n_steps, n_channels)
            Sequences; NaN is a value.

        Returns
        -------
        ZeroSteps
            Itself.
        """
        zero = (array == 0).all(axis=-1)
        zero = zero[~zero.all(axis=1)]
        in_front, at_end = _leading(zero), _trailing(zero)
        self.in_front |= bool(in_front.any())
        self.at_end |= bool(at_end.any())
        self.between |= bool((zero & ~in_front & ~at_end).any())
        return self

    @property
    def are_values(self) -> bool:
        """Whether what was seen shows that zeros are values; more cannot change it."""
        return self.between or (self.in_front and self.at_end)

    @property
    def padding(self) -> str | None:
        """Where the padding is: ``"front"``, ``"end"``, or None where there is none."""
        if self.are_values:
            return None
        if self.in_front:
            return "front"
        return "end" if self.at_end else None


def padded_steps(array: np.ndarray, padding: str | None) -> np.ndarray | None:
    """Tell which steps of sequences of vectors are padding.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ..., n_channels)
        Arrays.
    padding : {"front", "end"} or None
        On which side of the values all-zero steps are padding.

    Returns
    -------
    ndarray of bool of shape (n_rows, n_steps), or None
        None where nothing is padding, and for vectors and images.
    """
    if padding is None or array.ndim != 3:
        return None
    zero = (array == 0).all(axis=-1)
    return _leading(zero) if padding == "front" else _trailing(zero)


def _leading(zero: np.ndarray) -> np.ndarray:
    """Leave of the marked steps those that no other comes before."""
    return np.logical_and.accumulate(zero, axis=1)


def _trailing(zero: np.ndarray) -> np.ndarray:
    """Leave of the marked steps those that no other comes after."""
    return _leading(zero[:, ::-1])[:, ::-1]
