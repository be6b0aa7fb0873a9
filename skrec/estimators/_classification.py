"""What makes a network a classifier: labels in, probabilities out."""

from typing import Any

import keras
import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.callback import with_callbacks
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
)
from sklearn.utils.validation import column_or_1d

from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._deploy import Head


class NetworkClassifier(ClassifierMixin):
    """Binary, multi-class and multi-label (indicator) classification."""

    _parameter_constraints: dict = {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

    # Set by fit.
    classes_: np.ndarray
    _multilabel: bool

    def _learn_target(self, y: np.ndarray, classes: Any) -> None:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        self._multilabel = kind.startswith("multilabel")
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"{type(self).__name__} takes one label a sample, or a 0/1 indicator "
                "column a label. For several multi-class columns wrap it in "
                f"MultiOutputClassifier. Received: y of shape {y.shape}."
            )
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            return
        self.classes_ = np.unique(y if classes is None else classes)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least two classes. "
                f"Received: y with the one class {self.classes_.tolist()}."
            )

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        if self._multilabel:
            if y.ndim != 2 or y.shape[1] != len(self.classes_):
                raise ValueError(
                    f"y must have the {len(self.classes_)} indicator columns that it "
                    f"was first fitted with. Received: y of shape {y.shape}."
                )
            return y.astype(np.float64)
        y = column_or_1d(y, warn=True)
        unseen = np.setdiff1d(y, self.classes_)
        if len(unseen):
            raise ValueError(
                f"y has classes {unseen.tolist()} that were not given before: pass all "
                "of them as `classes` to the first call of partial_fit, or fit anew. "
                f"Known: {self.classes_.tolist()}."
            )
        codes = np.searchsorted(self.classes_, y).astype(np.int32)
        return codes if len(self.classes_) > 2 else codes[:, None].astype(np.float64)

    @property
    def _n_outputs(self) -> int:
        binary = not self._multilabel and len(self.classes_) == 2
        return 1 if binary else len(self.classes_)

    @property
    def _mutually_exclusive(self) -> bool:
        """Whether probabilities are a softmax over several outputs."""
        return not self._multilabel and len(self.classes_) > 2

    def _loss(self, dtype: str) -> keras.losses.Loss:
        kind = (
            keras.losses.SparseCategoricalCrossentropy
            if self._mutually_exclusive
            else keras.losses.BinaryCrossentropy
        )
        return kind(from_logits=True, dtype=dtype)

    @property
    def _head(self) -> Head:
        return Head("softmax" if self._mutually_exclusive else "sigmoid")

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Any:
        """Train one more epoch, on new samples or on the same.

        The scale of X takes in the new samples (medians and quartiles are averaged with
        those of the calls before), so that a stream whose values drift stays scaled.

        In tables, ids that were not seen before are learnt (with `min_count`, once one
        call has as many); they start with the vector of unknown ids. Lists may become
        longer, up to `max_len`, and numbers may be missing for the first time. What the
        first call decided on stays: kinds of columns, quantiles, scales of arrays.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call; the labels in `y` if
            None.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.

        Returns
        -------
        self
            The fitted estimator.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not defined for partial_fit, which never "
                "sees all classes: pass a dict, or sample_weight."
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of the second class for two classes, else one logit a class or
            label.
        """
        logits = self._raw_predict(X)
        return logits if self._multilabel or logits.shape[1] > 1 else logits[:, 0]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Compute the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``; for several labels that of each
            label.
        """
        logits = self._raw_predict(X)
        if self._mutually_exclusive:
            return softmax(logits, axis=1)
        if self._multilabel:
            return expit(logits)
        return np.column_stack([expit(-logits), expit(logits)])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Compute the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logarithms.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable class, or 0 and 1 for each label.
        """
        logits = self._raw_predict(X)
        if self._multilabel:
            return (logits > 0).astype(int)
        if self._mutually_exclusive:
            return self.classes_[logits.argmax(axis=1)]
        return self.classes_[(logits[:, 0] > 0).astype(int)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
