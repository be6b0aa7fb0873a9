"""What is predicted: labels or numbers, to what a loss takes and back again."""

from copy import deepcopy
from typing import Any

import keras
import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
)
from sklearn.utils.validation import column_or_1d

from skrec.estimators._deploy import Head
from skrec.preprocessing._scaling import ChannelScaler

LARGEST_TARGET = 1e150  # in size


class Labels:
    """One of several classes a row, or an indicator column for each of several labels.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
        Labels of the first fit.
    classes : array-like of shape (n_classes,) or None
        All classes that will ever come; those in `y` if None.
    name : str
        Name of the estimator's class, for errors.
    """

    has_classes = True

    def __init__(self, y: np.ndarray, classes: Any, name: str) -> None:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        self.multilabel = kind.startswith("multilabel")
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"{name} takes one label a sample, or a 0/1 indicator column a label. "
                "For several multi-class columns wrap it in MultiOutputClassifier. "
                f"Received: y of shape {y.shape}."
            )
        if self.multilabel:
            self.classes = np.arange(y.shape[1])
            return
        self.classes = np.unique(y if classes is None else classes)
        if len(self.classes) < 2:
            raise ValueError(
                f"{name} needs samples of at least two classes. "
                f"Received: y with the one class {self.classes.tolist()}."
            )

    @property
    def is_binary(self) -> bool:
        """Whether one output tells two classes apart."""
        return not self.multilabel and len(self.classes) == 2

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return 1 if self.is_binary else len(self.classes)

    @property
    def are_exclusive(self) -> bool:
        """Whether probabilities are a softmax over several outputs."""
        return not self.multilabel and len(self.classes) > 2

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Turn labels into what the loss takes.

        Parameters
        ----------
        y : ndarray of shape (n_rows,) or (n_rows, n_labels)
            Labels.

        Returns
        -------
        ndarray of shape (n_rows,), (n_rows, 1) or (n_rows, n_labels)
            Codes of classes as int32, or 0 and 1 as float64.
        """
        if self.multilabel:
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise ValueError(
                    f"y must have the {len(self.classes)} indicator columns that it "
                    f"was first fitted with. Received: y of shape {y.shape}."
                )
            return y.astype(np.float64)
        y = column_or_1d(y, warn=True)
        unseen = np.setdiff1d(y, self.classes)
        if len(unseen):
            raise ValueError(
                f"y has classes {unseen.tolist()} that were not given before: pass all "
                "of them as `classes` to the first call of partial_fit, or fit anew. "
                f"Known: {self.classes.tolist()}."
            )
        codes = np.searchsorted(self.classes, y).astype(np.int32)
        return codes if self.are_exclusive else codes[:, None].astype(np.float64)

    def scaled_by(self, encoded: np.ndarray, weight: np.ndarray) -> "Labels":
        """Return what also knows the scale of targets; that of labels is theirs.

        Parameters
        ----------
        encoded : ndarray
            Targets of the rows to train on.
        weight : ndarray of shape (n_rows,)
            Their weights.

        Returns
        -------
        Labels
            This.
        """
        return self

    def prepare(self, encoded: np.ndarray, dtype: str) -> np.ndarray:
        """Bring encoded targets to the network's dtype.

        Parameters
        ----------
        encoded : ndarray
            From :meth:`encode`.
        dtype : str
            That of floats.

        Returns
        -------
        ndarray
            What the loss takes.
        """
        return encoded if self.are_exclusive else encoded.astype(dtype)

    def loss(self, dtype: str) -> keras.losses.Loss:
        """Return the loss on the network's outputs, which are logits.

        Parameters
        ----------
        dtype : str
            In which to compute it.

        Returns
        -------
        keras.losses.Loss
            Cross-entropy.
        """
        kind = (
            keras.losses.SparseCategoricalCrossentropy
            if self.are_exclusive
            else keras.losses.BinaryCrossentropy
        )
        return kind(from_logits=True, dtype=dtype)

    @property
    def head(self) -> Head:
        """What turns the network's outputs into what ``model_`` returns."""
        return Head("softmax" if self.are_exclusive else "sigmoid")

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Turn logits into probabilities.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
            Outputs of the network.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Of each class, or of each label.
        """
        if self.are_exclusive:
            return softmax(logits, axis=1)
        if self.multilabel:
            return expit(logits)
        return np.column_stack([expit(-logits), expit(logits)])

    def decode(self, logits: np.ndarray) -> np.ndarray:
        """Turn logits into labels.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
            Outputs of the network.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
            The most probable class, or 0 and 1 for each label.
        """
        if self.multilabel:
            return (logits > 0).astype(int)
        if self.are_exclusive:
            return self.classes[logits.argmax(axis=1)]
        return self.classes[(logits[:, 0] > 0).astype(int)]


class Numbers:
    """One or several numbers a row.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Targets of the first fit.
    classes : None
        There are none.
    name : str
        Name of the estimator's class, for errors.
    """

    has_classes = False

    def __init__(self, y: np.ndarray, classes: Any, name: str) -> None:
        self.shape = y.shape[1:]
        self.scaler = ChannelScaler()

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return int(np.prod(self.shape))

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Turn targets into columns of floats.

        Parameters
        ----------
        y : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Targets.

        Returns
        -------
        ndarray of float64 of shape (n_rows, n_targets)
            Targets on their own scale.
        """
        if y.shape[1:] != self.shape:
            raise ValueError(
                f"y must have shape (n_samples, *{self.shape}), as in the first fit. "
                f"Received: y of shape {y.shape}."
            )
        y = y.reshape(len(y), -1).astype(np.float64)
        sizes = np.abs(y).max(axis=1)
        if sizes.max() > LARGEST_TARGET:
            row = sizes.argmax()
            raise ValueError(
                f"y must lie within {LARGEST_TARGET:g}, so that squares are finite: "
                f"divide it by a number. Received: {y[row].tolist()} in row {row}."
            )
        return y

    def scaled_by(self, encoded: np.ndarray, weight: np.ndarray) -> "Numbers":
        """Return what also knows the scale of targets.

        Parameters
        ----------
        encoded : ndarray of shape (n_rows, n_targets)
            Targets of the rows to train on.
        weight : ndarray of shape (n_rows,)
            Their weights.

        Returns
        -------
        Numbers
            A copy, so that a fit that fails leaves the old scale.
        """
        own = deepcopy(self)
        own.scaler.update(encoded, weight)
        return own

    def prepare(self, encoded: np.ndarray, dtype: str) -> np.ndarray:
        """Bring targets to the network's scale and dtype.

        Parameters
        ----------
        encoded : ndarray of shape (n_rows, n_targets)
            From :meth:`encode`.
        dtype : str
            That of floats.

        Returns
        -------
        ndarray of shape (n_rows, n_targets)
            What the loss takes.
        """
        return self.scaler.transform(encoded).astype(dtype)

    def loss(self, dtype: str) -> keras.losses.Loss:
        """Return the loss on the network's outputs.

        Parameters
        ----------
        dtype : str
            In which to compute it.

        Returns
        -------
        keras.losses.Loss
            Mean squared error.
        """
        return keras.losses.MeanSquaredError(dtype=dtype)

    @property
    def head(self) -> Head:
        """What turns the network's outputs into what ``model_`` returns."""
        return Head("linear", self.scaler)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Turn outputs into predictions.

        Parameters
        ----------
        outputs : ndarray of shape (n_rows, n_targets)
            Outputs of the network.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            On the scale of the y that was fitted.
        """
        outputs = self.scaler.inverse_transform(outputs)
        return outputs.reshape(len(outputs), *self.shape)
