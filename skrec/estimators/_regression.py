"""What makes a network a regressor: numbers in, numbers out, on their own scale."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.callback import with_callbacks

from skrec._sklearn import fit_context
from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._declared import fixed, with_parameters
from skrec.estimators._targets import Numbers
from skrec.estimators.base import BaseNetwork

if TYPE_CHECKING:
    from skrec._typed import RegressorMixin
else:
    from sklearn.base import RegressorMixin


@with_parameters
class NetworkRegressor(RegressorMixin, BaseNetwork):
    """Regression of one or several targets by the mean squared error."""

    class_weight: Any = fixed(None)

    _new_target = Numbers

    @all_or_nothing
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train one more epoch, on new samples or on the same.

        The scales of X and y take in the new samples (medians and quartiles are
        averaged with those of the calls before), so that a stream whose values drift
        stays scaled.

        In tables, ids that were not seen before are learnt (with `min_count`, once one
        call has as many); they start with the vector of unknown ids. Lists may become
        longer, up to `max_len`, and numbers may be missing for the first time. What the
        first call decided on stays: kinds of columns, quantiles, scales of arrays.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.

        Returns
        -------
        self
            The fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, on the scale of the y that was fitted.
        """
        outputs = self._raw_predict(X)
        return self._target.decode(outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
