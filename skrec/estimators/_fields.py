"""Networks on ordinary tables: ids, numbers, lists of ids, vectors and images."""

from functools import partial
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skrec._warn import warn_user
from skrec.estimators import _deploy
from skrec.estimators._arrays import ArrayNetwork
from skrec.estimators._auc import auc_scores, warn_if_auc_is_chance
from skrec.estimators._budget import Budget
from skrec.estimators._deploy_numbers import too_fine
from skrec.estimators._growth import Layout, differs_in_size_alone, grown_state
from skrec.estimators._inputs import checked_table, is_table
from skrec.estimators._linear_start import at_linear_model
from skrec.estimators.base import AUTO
from skrec.networks import Network
from skrec.networks._fields import table_vectors
from skrec.networks._sizes import embedding_dims
from skrec.networks._unknown import UNKNOWN_IDS
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._vocabulary import FIRST, UNKNOWN
from skrec.training._updates import is_fused
from skrec.training.loop import Scores
from skrec.training.program import Program
from skrec.training.rows import Rows
from skrec.training.state import State

# A penalty is weighed against the mean loss of the rows: divided by their number, it
# counts as much as so many rows, whatever their number. More than that makes factors
# that are multiplied vanish altogether. For a part of a stream nobody knows how
# many rows there will be.
SHRINKAGE, MOST_SHRINKAGE, SHRINKAGE_OF_PARTS = 15.0, 1e-4, 1e-4
# Columns of numbers up to which "auto" gives them waves.
MOST_PERIODIC = 128
# Rows of a table from which on "auto" updates it lazily: there the dense update begins
# to take longer than all the rest of a step (`benchmarks/catalogue.py`).
LAZY_ROWS = 100_000
LAZY_FROM = {"auto": LAZY_ROWS, "lazy": 0, "dense": None}


class FieldNetwork(ArrayNetwork):
    """Encodes the columns of a table; a family adds ``__init__`` and ``_network``."""

    _dimensions: tuple[int, ...] = (2,)
    _accept_sparse = _allow_nan = True
    _parameter_constraints = {
        **ArrayNetwork._parameter_constraints,
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "embedding_l2": [Interval(Real, 0, None, closed="left"), AUTO],
        "embedding_update": [StrOptions(set(LAZY_FROM))],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "sequence_features": ["array-like", dict, StrOptions({"from_dtype"}), None],
        "shared_embeddings": [list, tuple, None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "unknown_share": [Interval(Real, 0, 1, closed="left")],
        "max_len": [Interval(Integral, 1, None, closed="left")],
        "scoring": [StrOptions({"loss", "roc_auc"})],
        "standardize": ["boolean", StrOptions({"standard", "quantile", "log"})],
    }

    # Set by fit.
    encoder_: FieldEncoder
    number_embedding: str | None
    _auto_dims: tuple[int, ...]
    _layout: Layout

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
            numbers=self._how_scaled,
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
        for name in ("encoder_", "_auto_dims", "_layout"):
            self.__dict__.pop(name, None)
        if X.ndim > 2:
            return super()._learn_inputs(X, kept, weight)
        encoder = self._new_encoder()
        encoded = encoder.learn(X, kept, weight)
        self.encoder_ = encoder
        self._input_shape = (X.shape[1],)
        return self._bare(encoded)

    def _further_inputs(self, X: Any, kept: np.ndarray | None) -> Any:
        """Encode a further part of a stream, and learn the ids that it brings."""
        if not self._on_fields:
            return super()._further_inputs(X, kept)
        self.encoder_, encoded = self.encoder_.grown(X, kept)
        return self._bare(encoded)

    def _encoded(self, X: Any) -> Any:
        if not self._on_fields:
            return super()._encoded(X)
        # The columns of a frame were checked as those of the estimator.
        check = not isinstance(X, pd.DataFrame)
        return self._bare(self.encoder_.encode(X, check=check))

    def _bare(self, encoded: dict[str, Any]) -> Any:
        """Leave numbers that are alone without a dict around them, as networks do."""
        return encoded["numbers"] if self.encoder_.spec_.only_numbers else encoded

    def _learn_scale(self, rows: Rows) -> None:
        if not self._on_fields:
            super()._learn_scale(rows)
            return
        numbers = rows.x.get("numbers") if isinstance(rows.x, dict) else rows.x
        if numbers is not None:
            self.encoder_.update_scale(numbers, rows.weight, rows.index)
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
        encoder = self.encoder_
        if not encoder.spec_.only_numbers:
            why = "Keras does not hold the codes of its ids, or its arrays"
            return _deploy.deployable_on_fields(core, self._head, why)
        numbers = encoder._numbers
        fine = [list(encoder.columns_)[k] for k in too_fine(numbers)]
        if fine:
            why = (
                f"the values of the columns {fine} are too near each other, for their "
                "size, for the 32 bits that Keras reads"
            )
            return _deploy.deployable_on_fields(core, self._head, why)
        n_numbers = len(encoder.columns_)
        return _deploy.deployable_on_numbers(core, numbers, n_numbers, self._head)

    # ---- training ------------------------------------------------------------------

    def _rates(self) -> dict[str, float]:
        penalty = self.auto_params_.get("embedding_l2", self.embedding_l2)
        own = {"embedding_l2": penalty, "unknown_share": self.unknown_share}
        return {**super()._rates(), **own}

    def _dropout_rate(self, layer_name: str) -> float:
        if layer_name == UNKNOWN_IDS:
            return self.unknown_share
        return super()._dropout_rate(layer_name)

    def _lazy_rows(self, optimizer: keras.optimizers.Optimizer) -> int | None:
        if self.embedding_update == "lazy" and not is_fused(optimizer):
            raise ValueError(
                "embedding_update='lazy' works with SGD, RMSprop, Adam, AdamW and "
                "Adagrad, without options such as amsgrad or use_ema, and not with "
                "precision='mixed_float16': change these, or set embedding_update="
                f"'dense'. Received: optimizer={self.optimizer!r}, optimizer_params="
                f"{self.optimizer_params!r}, precision={self.precision!r}."
            )
        return LAZY_FROM[self.embedding_update]

    @property
    def lazy_embeddings_(self) -> bool:
        """Whether the last fit updated the vectors of the ids in a batch alone."""
        check_is_fitted(self)
        return self._was_lazy

    def _check_without_graph(self, program: Program) -> None:
        if not program.is_lazy:
            return
        message = (
            "A Keras callback that acts between batches trains by Model.fit, which "
            "updates the vectors of all ids at each step"
        )
        if self.embedding_update == "lazy":
            raise ValueError(
                f"{message}: leave it out, or set embedding_update='dense'. Received: "
                "embedding_update='lazy'."
            )
        warn_user(
            f"{message}, where embedding_update='auto' updates those of the batch: the "
            "result is that of embedding_update='dense', and slow to come by."
        )
        self._was_lazy = False

    def _auto_params(self, budget: Budget, is_part: bool) -> dict[str, Any]:
        found = super()._auto_params(budget, is_part)
        if self.embedding_l2 == "auto":
            whole = min(SHRINKAGE / budget.n_rows, MOST_SHRINKAGE)
            found["embedding_l2"] = SHRINKAGE_OF_PARTS if is_part else whole
        if getattr(self, "number_embedding", None) == "auto":
            found["number_embedding"] = "periodic" if self._is_periodic else None
        return found

    @property
    def _is_periodic(self) -> bool:
        """Whether numbers get waves beside them; for families that can have them."""
        if self.number_embedding != "auto":
            return self.number_embedding == "periodic"
        return self._on_fields and 0 < self.encoder_.spec_.n_numbers <= MOST_PERIODIC

    def _fit_items(self, optimizer: keras.optimizers.Optimizer) -> list[Any]:
        starts = bool(getattr(self, "linear_start", False))
        return [*super()._fit_items(optimizer), starts]

    def _start(self, state: State, program: Program, rows: Rows) -> State:
        if not (self._on_fields and getattr(self, "linear_start", False)):
            return state
        return at_linear_model(state, program, rows, self.encoder_.spec_, self._seed)

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

    def _embedding_dims(self) -> tuple[int, ...]:
        """Return the length of vectors by table; "auto" decides in the first fit."""
        if self.embedding_dim != "auto":
            return embedding_dims(self.embedding_dim, self.encoder_.spec_)
        if "_auto_dims" not in vars(self):
            self._auto_dims = embedding_dims("auto", self.encoder_.spec_)
        return self._auto_dims

    def _goes_on_as(self, network: Network) -> bool:
        if super()._goes_on_as(network):
            return True
        return self._on_fields and differs_in_size_alone(self._spec, network)

    def _laid_out(self, state: State, program: Program) -> State:
        if not self._on_fields or Layout.of(self.encoder_) == self._layout:
            return state
        return grown_state(state, self._layout, Layout.of(self.encoder_), program)

    def _train(self, rows: Rows, validation: Rows | None, *args: Any) -> State:
        state = super()._train(rows, validation, *args)
        if self._on_fields:
            self._layout = Layout.of(self.encoder_)
        if validation is not None and is_classifier(self) and self._n_outputs == 1:
            held_out = slice(None) if validation.index is None else validation.index
            target = validation.y[held_out]
            warn_if_auc_is_chance(self.history_.get("val_auc", []), target)
        return state

    # ---- what was learnt -----------------------------------------------------------

    def embeddings_(self, column: Any, special: bool = False) -> pd.DataFrame:
        """Return the vectors of the ids of a column.

        Parameters
        ----------
        column : str or int
            Name of a column of ids or of lists of ids, or its position where X had no
            names. Columns that share their embeddings have the same vectors.
        special : bool, default=False
            Whether to add the row ``"<unknown>"`` of ids that are new or too rare, and
            ``"<missing>"`` of missing ones, which is that of unknown ones where the
            training samples had none.

        Returns
        -------
        DataFrame of shape (n_ids, embedding_dim)
            One row an id that was seen in training often enough, in sorted order, and
            then those that later calls of `partial_fit` brought; the index has the
            column's name.

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
        model = self._spec.outline()
        weights = self._current_state().weights
        vectors = table_vectors(model, weights, self.encoder_.spec_, table)
        ids = self.encoder_.vocabularies_[table]
        rows = np.arange(FIRST, FIRST + len(ids))
        if special:
            missing = FIRST + len(ids) if self._layout.missing[table] else UNKNOWN
            rows = np.append(rows, [UNKNOWN, missing])
            ids = np.array([*ids, "<unknown>", "<missing>"], dtype=object)
        return pd.DataFrame(vectors[rows], index=pd.Index(ids, name=column))
