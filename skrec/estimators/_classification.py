"""What makes a network a classifier: labels in, probabilities out."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.callback import with_callbacks

from skrec._sklearn import fit_context
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._targets import Labels
from skrec.estimators.base import BaseNetwork

if TYPE_CHECKING:
    from skrec._typed import ClassifierMixin
else:
    from sklearn.base import ClassifierMixin


class NetworkClassifier(ClassifierMixin, BaseNetwork):
    """Binary, multi-class and multi-label (indicator) classification."""

    _new_target = Labels

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
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
        return logits[:, 0] if self._target.is_binary else logits

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
        return self._target.probabilities(logits)

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
        return self._target.decode(logits)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
