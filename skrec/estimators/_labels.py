"""Labels to what the model's loss takes, and outputs back to labels."""

from typing import Any

import keras
import numpy as np
from scipy.special import expit, softmax

from skrec.estimators._keras_parameters import KeepsKerasObjects
from skrec.estimators._outputs import (
    OF_BITS,
    OF_SIGNS,
    PROBABILITIES,
    Head,
    wants_one_hot,
)
from skrec.estimators._scikeras import ClassifierLabelEncoder


class LabelEncoder(KeepsKerasObjects, ClassifierLabelEncoder):
    """Scikeras's encoder of labels, that looks at the model once there is one.

    Parameters
    ----------
    loss : str, function or Loss, default=None
        The estimator's parameter.
    categories : "auto" or list of ndarray, default="auto"
        The classes, where the first targets may lack some.
    """

    _target_type: str

    def __init__(self, loss: Any = None, categories: Any = "auto") -> None:
        super().__init__(loss=loss, categories=categories)

    def learn_head(self, head: Head) -> None:
        """Take note of what the model puts out and of its loss.

        Parameters
        ----------
        head : Head
            The end of the model.
        """
        kind: str = self._target_type
        self.one_hot_ = kind in ("binary", "multiclass") and wants_one_hot(
            head, self.n_classes_
        )
        bits = head.activation == "sigmoid" or head.loss in OF_BITS
        if kind == "multiclass-onehot" and bits and head.activation != "softmax":
            # That each row has one label is chance: the outputs need not add up to 1.
            self._target_type = "multilabel-indicator"

    def transform(self, y: np.ndarray) -> np.ndarray:
        """Turn labels into numbers or columns, as the loss takes them.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels.

        Returns
        -------
        ndarray of shape (n_samples, 1) or (n_samples, n_classes)
            What the model is trained on.
        """
        encoded = super().transform(y)
        if getattr(self, "one_hot_", False) and encoded.shape[1] == 1:
            columns = np.eye(self.n_classes_, dtype=encoded.dtype)
            return columns[encoded[:, 0].astype(int)]
        return encoded


def link(outputs: Any, model: keras.Model, one_label: bool) -> str | None:
    """Tell what makes probabilities of a model's outputs.

    Parameters
    ----------
    outputs : array or tensor, or list or dict of them
        What the model has put out.
    model : keras.Model
        The model.
    one_label : bool
        Whether each row has one label, so that probabilities add up to 1.

    Returns
    -------
    {"softmax", "sigmoid", "halves"} or None
        ``"halves"`` makes numbers above 0.5 of positive margins of a hinge loss; None
        leaves outputs as they are.
    """
    loss = model.loss
    if getattr(loss, "_fn_kwargs", {}).get("from_logits", False):
        return "softmax" if "Categorical" in type(loss).__name__ else "sigmoid"
    if isinstance(outputs, list | tuple | dict):
        return None
    head = Head.of(model, outputs)
    if head.activation in PROBABILITIES:
        return None
    if head.loss not in (*OF_SIGNS, "categorical_hinge"):
        return None
    return "softmax" if one_label and np.prod(outputs.shape[1:]) > 1 else "halves"


def probabilities(outputs: Any, model: keras.Model, one_label: bool) -> Any:
    """Turn a model's outputs into probabilities, where its loss takes something else.

    Parameters
    ----------
    outputs : ndarray, or list or dict of ndarrays
        What the model has put out.
    model : keras.Model
        The model.
    one_label : bool
        Whether each row has one label, so that probabilities add up to 1.

    Returns
    -------
    ndarray, or list or dict of ndarrays
        Sigmoids or softmaxes of logits; for margins of a hinge loss, numbers that are
        above 0.5 where the margins are positive. Anything else is left as it is.
    """
    how = link(outputs, model, one_label)
    if how == "halves":
        return (1 + np.clip(outputs, -1, 1)) / 2
    if how is None:
        return outputs
    return softmax(outputs, axis=-1) if how == "softmax" else expit(outputs)
