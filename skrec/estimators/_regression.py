"""What makes a network a regressor: numbers in, numbers out, on their own scale."""

from copy import deepcopy
from typing import Any

import keras
import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.callback import with_callbacks

from skrec.estimators._atomic import all_or_nothing
from skrec.estimators._deploy import Head
from skrec.preprocessing._scaling import ChannelScaler

LARGEST_TARGET = 1e150  # in size


class NetworkRegressor(RegressorMixin):
    """Regression of one or several targets by the mean squared error."""

    # A family has one __init__: a regressor has the parameter, but no use for it.
    _parameter_constraints: dict = {"class_weight": [None]}

    _target_shape: tuple[int, ...]
    _target_scaler: ChannelScaler

    def _learn_target(self, y: np.ndarray, classes: Any) -> None:
        self._target_shape = y.shape[1:]
        self._target_scaler = ChannelScaler()

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        if y.shape[1:] != self._target_shape:
            raise ValueError(
                f"y must have shape (n_samples, *{self._target_shape}), as in the "
                f"first fit. Received: y of shape {y.shape}."
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

    def _scale_target(self, y: np.ndarray, weight: np.ndarray) -> None:
        self._target_scaler = deepcopy(self._target_scaler).update(y, weight)

    def _prepare_target(self, target: np.ndarray) -> np.ndarray:
        scaled = self._target_scaler.transform(target)
        return super()._prepare_target(scaled)

    @property
    def _n_outputs(self) -> int:
        return int(np.prod(self._target_shape))

    def _loss(self, dtype: str) -> keras.losses.Loss:
        return keras.losses.MeanSquaredError(dtype=dtype)

    @property
    def _head(self) -> Head:
        return Head("linear", self._target_scaler)

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
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
        outputs = self._target_scaler.inverse_transform(outputs)
        return outputs.reshape(len(outputs), *self._target_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
