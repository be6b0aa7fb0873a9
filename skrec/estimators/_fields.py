"""Networks on ordinary tables: ids, numbers, lists of ids, vectors and images."""

from copy import deepcopy
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _num_samples, check_is_fitted

from skrec.estimators import _deploy
from skrec.estimators._arrays import ArrayNetwork
from skrec.estimators._auc import auc_scores, warn_if_auc_is_chance
from skrec.estimators._inputs import checked_table, is_table
from skrec.networks._fields import table_vectors
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._floats import as_floats
from skrec.training.loop import Scores
from skrec.training.rows import Rows
from skrec.training.state import State

EARLY_STOPPING_ROWS = 10_000  # above which "auto" stops early
NUMBERS = {True: "standard", False: None}


class FieldNetwork(ArrayNetwork):
    """Encodes the columns of a table; a family adds ``__init__`` and ``_network``."""

    _dimensions: tuple[int, ...] = (2,)
    _accept_sparse = True
    _parameter_constraints = {
        **ArrayNetwork._parameter_constraints,
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "embedding_l2": [Interval(Real, 0, None, closed="left")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "sequence_features": ["array-like", dict, StrOptions({"from_dtype"}), None],
        "shared_embeddings": [list, tuple, None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_len": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "scoring": [StrOptions({"loss", "roc_auc"})],
        "standardize": ["boolean", StrOptions({"quantile", "log"})],
    }

    # Set by fit.
    encoder_: FieldEncoder

    # ---- encoding ------------------------------------------------------------------

    def _categorical_features(self) -> Any:
        """Return which columns are ids, as `FieldEncoder` takes them."""
        return self.categorical_features

    def _new_encoder(self) -> FieldEncoder:
        return FieldEncoder(
            self._categorical_features(),
            self.sequence_features,
            self.shared_embeddings,
            min_count=self.min_count,
            max_len=self.max_len,
            numbers=NUMBERS.get(self.standardize, self.standardize),
        )

    def _checked(self, X: Any, y: Any, reset: bool) -> Any:
        if reset:
            encoder = self._new_encoder()
            columns = (
                encoder.categorical_features,
                encoder.sequence_features,
                encoder.shared_embeddings,
            )
            by_dtype = all(one is None or isinstance(one, str) for one in columns)
            self._reads_columns = is_table(X) or not by_dtype
        if not self._reads_columns:
            return super()._checked(X, y, reset)
        return checked_table(self, X, y, reset=reset, y_numeric=not is_classifier(self))

    @property
    def _on_fields(self) -> bool:
        """Whether X is a table, not sequences or images."""
        return "encoder_" in vars(self)

    def _learn_inputs(self, X: Any, kept: np.ndarray | None, weight: np.ndarray) -> Any:
        self.__dict__.pop("encoder_", None)
        if X.ndim > 2:
            return super()._learn_inputs(X, kept, weight)
        encoder = self._new_encoder()
        encoded = encoder.learn(X, kept, weight)
        self.encoder_ = encoder
        self._input_shape = (X.shape[1],)
        return self._bare(encoded)

    def _encoded(self, X: Any) -> Any:
        if not self._on_fields:
            return super()._encoded(X)
        return self._bare(self.encoder_.encode(X))

    def _bare(self, encoded: dict[str, Any]) -> Any:
        """Leave numbers that are alone without a dict around them, as networks do."""
        return encoded["numbers"] if self.encoder_.spec_.only_numbers else encoded

    def _learn_scale(self, rows: Rows) -> None:
        if not self._on_fields:
            super()._learn_scale(rows)
            return
        if self.__sklearn_is_fitted__():  # a failed fit keeps the old one
            self.encoder_ = deepcopy(self.encoder_)
        for inputs, _, weight in replace(rows, prepare=_with_floats).blocks():
            numbers = inputs.get("numbers") if isinstance(inputs, dict) else inputs
            if numbers is not None:
                self.encoder_.update_scale(numbers, weight)
        if self.standardize:
            self._learn_target_scale(rows)

    def _prepare(self, inputs: Any) -> Any:
        if not self._on_fields:
            return super()._prepare(inputs)
        encoded = inputs if isinstance(inputs, dict) else {"numbers": inputs}
        return self._bare(self.encoder_.prepare(encoded, self._float))

    def _deployable(self, core: keras.Model) -> keras.Model:
        if not self._on_fields:
            return super()._deployable(core)
        if not self._reads_columns and self.standardize in (True, False):
            scaler = self.encoder_.scaler
            return _deploy.deployable(core, scaler, None, self._head)
        return _deploy.deployable_on_fields(core, self._head)

    # ---- training ------------------------------------------------------------------

    def _rates(self) -> dict[str, float]:
        return {**super()._rates(), "embedding_l2": self.embedding_l2}

    def _stops_early(self, X: Any) -> bool:
        if self.early_stopping == "auto":
            return _num_samples(X) > EARLY_STOPPING_ROWS
        return bool(self.early_stopping)

    @property
    def _monitored(self) -> str | None:
        if self.scoring == "loss":
            return None
        if not is_classifier(self):
            raise ValueError(
                f"{type(self).__name__} predicts numbers, which have no ROC curve. "
                "Set scoring='loss'. Received: scoring='roc_auc'."
            )
        return "auc"

    def _validation_scores(self) -> Scores | None:
        """Compute the AUC where it stops training or may warn of a useless network."""
        if not is_classifier(self):
            return None
        if self._n_outputs > 1 and self.scoring == "loss":
            return None
        return partial(auc_scores, required=self.scoring == "roc_auc")

    def _train(self, rows: Rows, validation: Rows | None, *args: Any) -> State:
        state = super()._train(rows, validation, *args)
        if validation is not None and is_classifier(self) and self._n_outputs == 1:
            held_out = slice(None) if validation.index is None else validation.index
            target = validation.y[held_out]
            warn_if_auc_is_chance(self.history_.get("val_auc", []), target)
        return state

    # ---- what was learnt -----------------------------------------------------------

    def embeddings_(self, column: Any) -> pd.DataFrame:
        """Return the vectors of the ids of a column.

        Parameters
        ----------
        column : str or int
            Name of a column of ids or of lists of ids, or its position where X had no
            names. Columns that share their embeddings have the same vectors.

        Returns
        -------
        DataFrame of shape (n_ids, embedding_dim)
            One row an id that was seen in training often enough, in sorted order; the
            index has the column's name.

        Raises
        ------
        ValueError
            If the column has no embeddings.
        """
        check_is_fitted(self)
        columns = self.encoder_.columns_ if self._on_fields else {}
        table = columns[column].table if column in columns else None
        if table is None:
            legal = [name for name, own in columns.items() if own.table is not None]
            raise ValueError(
                f"embeddings_ takes a column of ids: one of {legal}. "
                f"Received: {column!r}."
            )
        model = self._spec.build()
        weights = self._current_state().weights
        vectors = table_vectors(model, weights, self.encoder_.spec_, table)
        ids = self.encoder_.vocabularies_[table]
        index = pd.Index(ids, name=column)
        return pd.DataFrame(vectors[2 : 2 + len(ids)], index=index)


def _with_floats(inputs: Any) -> Any:
    """Convert an array of small numbers; those of a table are floats already."""
    return inputs if isinstance(inputs, dict) else as_floats(inputs)
