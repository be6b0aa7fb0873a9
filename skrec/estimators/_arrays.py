"""Networks on arrays: rows of numbers, sequences (steps, channels) and images."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from sklearn.base import is_regressor

from skrec.estimators import _deploy
from skrec.estimators._inputs import checked_arrays
from skrec.estimators.base import BaseNetwork
from skrec.networks import PADDING_VALUE
from skrec.preprocessing._floats import as_floats
from skrec.preprocessing._padding import padded_steps
from skrec.preprocessing._ranges import Range, require_scalable
from skrec.preprocessing._scaling import array_scaler
from skrec.training.rows import Rows

NUMBERS = {True: "robust", False: None}  # what `standardize` means


class ArrayNetwork(BaseNetwork):
    """Checks and standardises arrays; a family adds ``__init__`` and ``_network``."""

    # What the family's network takes; overridden where it differs.
    _dimensions: tuple[int, ...] = (2, 3)
    _accept_sparse = False
    # Whether NaN in rows of numbers is a missing value, which is imputed.
    _allow_nan = False
    # Where sequences are padded; a network that skips padding learns it.
    _padding: str | None = None

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, np.ndarray]:
        return checked_arrays(
            self,
            X,
            y,
            reset=reset,
            dimensions=self._dimensions,
            accept_sparse=self._accept_sparse,
            allow_nan=self._allow_nan,
            y_numeric=is_regressor(self),
        )

    @property
    def _how_scaled(self) -> str | None:
        """How numbers are scaled, as `FieldEncoder` takes it."""
        return NUMBERS.get(self.standardize, self.standardize)

    def _learn_inputs(self, X: Any, kept: np.ndarray | None, weight: np.ndarray) -> Any:
        self._input_shape = X.shape[1:]
        self._scaler, self._seen = array_scaler(self._how_scaled), Range()
        return X

    def _encoded(self, X: Any) -> Any:
        return X

    def _learn_scale(self, rows: Rows) -> None:
        """Learn the scales, block by block, so that X may be larger than memory."""
        self._learn_padding(rows)
        self._learn_range(rows)
        if not self.standardize:
            return
        self._scaler = deepcopy(self._scaler)  # a failed fit keeps the old one
        self._scaler.learn(rows.x, rows.index, rows.weight, self._seen, self._padding)
        self._learn_target_scale(rows)

    def _learn_range(self, rows: Rows) -> None:
        """Learn beyond which numbers later ones are clipped, or widen it."""
        seen = deepcopy(self._seen)
        learn = seen.widen if len(seen.low) else seen.update
        for X, _, _ in replace(rows, prepare=as_floats).blocks():
            learn(X.reshape(-1, X.shape[-1]))
        names = list(getattr(self, "feature_names_in_", range(rows.x.shape[-1])))
        require_scalable(seen, rows.x, rows.index, names, raw=not self.standardize)
        self._seen = seen

    def _learn_padding(self, rows: Rows) -> None:
        """Learn on which side of the values steps of zeros are padding, if any are."""

    def _prepare(self, inputs: np.ndarray) -> np.ndarray:
        """Clip, standardise and mark padding: what the network takes in."""
        clipped = self._seen.clip(as_floats(inputs))
        prepared = self._scaler.transform(clipped).astype(self._float, copy=False)
        padded = padded_steps(inputs, self._padding)
        if padded is not None and padded.any():
            prepared = np.where(
                padded[..., None], prepared.dtype.type(PADDING_VALUE), prepared
            )
        return prepared

    def _deployable(self, core: keras.Model) -> keras.Model:
        return _deploy.deployable(
            core, self._scaler, self._seen, self._padding, self._head
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = 3 in self._dimensions
        tags.input_tags.sparse = self._accept_sparse
        tags.input_tags.allow_nan = self._allow_nan
        return tags
