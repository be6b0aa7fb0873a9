"""Networks on ordinary tables: ids, numbers, lists of ids, vectors and images."""

from functools import partial
from numbers import Real
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skrec._sklearn import Interval, StrOptions
from skrec._warn import warn_user
from skrec.estimators._auc import auc_scores, warn_if_auc_is_chance
from skrec.estimators._budget import Budget
from skrec.estimators._declared import AUTO, COUNT, NOT_NEGATIVE, param, with_parameters
from skrec.estimators._growth import Layout, differs_in_size_alone, grown_state
from skrec.estimators._inputs import NO_TARGET, checked_table, is_table
from skrec.estimators._linear_start import at_linear_model
from skrec.estimators._prepared import Prepared
from skrec.estimators.base import BaseNetwork
from skrec.networks import Network
from skrec.networks._fields import table_vectors
from skrec.networks._sizes import embedding_dims
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._network_inputs import ArrayInputs, TableInputs
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
# That on kernels is, for classifiers, as strong as `LogisticRegression(C=0.5)` has it:
# without it, log-losses of few rows grow as the weights do. Squared errors do not.
# Of more rows, those held out tell when to stop; and Adam, to which a slope of any size
# is a whole one, would draw to 0 what is still to be learnt.
SHRINKAGE_OF_KERNELS, MOST_SHRUNK_ROWS = 1.0, 5000
# Columns of numbers up to which "auto" gives them waves.
MOST_PERIODIC = 128
# Rows of a table from which on "auto" updates it lazily: there the dense update begins
# to take longer than all the rest of a step (measured on 2026-11-26, docs/tables.md).
LAZY_ROWS = 100_000
LAZY_FROM = {"auto": LAZY_ROWS, "lazy": 0, "dense": None}


@with_parameters
class TableNetwork(BaseNetwork):
    """Base of the models on tables; a family adds :meth:`_network`."""

    embedding_dim: int | str = param(
        default=10,
        legal=[COUNT],
        doc="""int
            Length of the vector of an id.""",
    )
    categorical_features: Any = param(
        default="from_dtype",
        legal=["array-like", StrOptions({"from_dtype"}), None],
        doc=""""from_dtype", array-like or None
            Columns of ids, by name or position or as a mask, beside those of strings
            and of category dtype, which always are; ``"from_dtype"`` for these and
            those of booleans. None allows no ids.""",
        of_inputs=True,
    )
    sequence_features: Any = param(
        default="from_dtype",
        legal=["array-like", dict, StrOptions({"from_dtype"}), None],
        doc=""""from_dtype", array-like, dict or None
            Columns of lists of ids; ``"from_dtype"`` for those that hold lists. A dict
            such as ``{"genres": "|", "seen": 0}`` says what separates the ids of
            strings, or what lists were filled up with; others go by dtype.""",
        of_inputs=True,
    )
    shared_embeddings: Any = param(
        default=None,
        legal=[list, tuple, None],
        doc="""list of tuples of columns
            Groups of columns that hold the same ids, for example ``[("item_id",
            "browsed")]``, so that an id has one vector in all of them.""",
        of_inputs=True,
    )
    min_count: int = param(
        default=1,
        legal=[COUNT],
        doc="""int
            Ids that occur in fewer of the training samples are read as unknown.""",
        of_inputs=True,
    )
    unknown_share: float = param(
        default=0.1,
        legal=[Interval(Real, 0, 1, closed="left")],
        doc="""float
            Share of the ids that are read as unknown in training, drawn anew for each
            sample and column, so that a new id predicts about the average of its
            column. 0 for none: then only what is rare or missing teaches it.""",
    )
    linear_start: bool = param(
        default=True,
        legal=["boolean"],
        doc="""bool
            Whether the linear part starts at the solution of ridge or logistic
            regression on the training samples, or on up to 50,000 of them, instead of
            at 0. From there on, the network learns what that could not. In
            `partial_fit` it starts at 0. MLP and DCN have no linear part if False.""",
    )
    max_len: int = param(
        default=50,
        legal=[COUNT],
        doc="""int
            Ids of a list that are kept: the latest, which are the last. Shorter lists
            than that take no more time than they need.""",
        of_inputs=True,
    )
    number_embedding: str | None = param(
        default="auto",
        legal=[StrOptions({"auto", "periodic"}), None],
        doc="""{"auto", "periodic"} or None
            Whether each number of a table gets beside it what a small layer makes of 16
            waves of it, as in RealMLP (Holzmueller et al., NeurIPS 2024), so that steps
            and bumps are learnt soon. ``"auto"`` does so for up to 128 columns of
            numbers.""",
    )
    l2: float | str = param(
        default=0.0,
        legal=[NOT_NEGATIVE, AUTO],
        doc="""float or "auto"
            Penalty on the squares of the kernel weights. ``"auto"`` is 1 / n_samples
            for classifiers on up to 5,000 samples, which is that of
            ``LogisticRegression(C=0.5)``, and 0 on more and for regressors; in
            `partial_fit` that of the last `fit`, 0 without one.""",
    )
    embedding_l2: float | str = param(
        default="auto",
        legal=[NOT_NEGATIVE, AUTO],
        doc="""float or "auto"
            Penalty on the squares of the vectors of ids: at each step on those that it
            updates, see `embedding_update`. An id of few samples is drawn to 0, and so
            to what its column predicts on average, more than one of many. ``"auto"`` is
            15 / n_samples, at most 1e-4; in `partial_fit`, which does not know how many
            samples there will be, 1e-4.""",
    )
    embedding_update: str = param(
        default="auto",
        legal=[StrOptions(set(LAZY_FROM))],
        doc="""{"auto", "dense", "lazy"}
            Which vectors of ids, with their moments in the optimizer, a step updates.
            ``"dense"`` is all of them, as in the papers, which takes the longer the
            more ids there are; ``"lazy"`` those of the ids in the batch, which is the
            same for SGD without momentum and Adagrad but for the penalty, whereas with
            momentum, RMSprop, Adam and AdamW ids that are absent no longer move.
            ``"auto"`` is lazy where columns of ids, with all that have vectors of one
            length in one table, have about 100,000 ids or more, unless the optimizer is
            another than these or has an option such as ``amsgrad``.""",
    )
    scoring: str = param(
        default="loss",
        legal=[StrOptions({"loss", "roc_auc"})],
        doc="""{"loss", "roc_auc"}
            What tells the best epoch: the lowest validation loss (for classifiers the
            log-loss), or the highest area under the ROC curve, for classifiers.""",
    )
    standardize: bool | str = param(
        default=True,
        legal=["boolean", StrOptions({"standard", "quantile", "log"})],
        doc="""bool, "standard", "quantile" or "log"
            Whether to scale each number so that no outlier spoils it: the median
            becomes 0, the quartiles lie 1.349 apart, as of a normal distribution, and z
            is bounded to z / sqrt(1 + (z / 3)**2). Where the quartiles are equal, half
            the range takes their place. ``"standard"`` gives zero mean and unit
            variance; ``"quantile"`` a normal distribution; ``"log"`` takes sign(x)
            log(1 + abs(x)) and then zero mean and unit variance: the last two tame
            counts with a long tail. Numbers further outside of what training saw than a
            tenth of its range count as the end of that. Unless False, the targets of
            regressors are scaled to zero mean and unit variance, which `predict`
            undoes.""",
    )

    _dimensions: ClassVar[tuple[int, ...]] = (2,)
    _accept_sparse: ClassVar[bool] = True
    _allow_nan: ClassVar[bool] = True
    # Whether a column of zeros more leaves what the network computes as it is.
    _more_indicators: ClassVar[bool] = True

    # ---- encoding ------------------------------------------------------------------

    def _new_encoder(self) -> FieldEncoder:
        return FieldEncoder(
            self.categorical_features,
            self.sequence_features,
            self.shared_embeddings,
            min_count=self.min_count,
            max_len=self.max_len,
            numbers=self._how_scaled,
        )

    def _new_inputs(self, X: Any) -> ArrayInputs | TableInputs:
        for name in ("_auto_dims", "_layout"):
            self.__dict__.pop(name, None)
        if X.ndim > 2:
            return super()._new_inputs(X)
        return TableInputs(self._new_encoder(), indicators=self._more_indicators)

    def _checked(self, X: Any, y: Any = NO_TARGET, *, reset: bool) -> Any:
        if reset:
            columns = (
                self.categorical_features,
                self.sequence_features,
                self.shared_embeddings,
            )
            by_dtype = all(one is None or isinstance(one, str) for one in columns)
            self._reads_columns = is_table(X) or not by_dtype
        if not self._reads_columns:
            return super()._checked(X, y, reset=reset)
        y_numeric = not self._new_target.has_classes
        return checked_table(self, X, y, reset=reset, y_numeric=y_numeric)

    @property
    def encoder_(self) -> FieldEncoder:
        """What turns tables into the arrays that the network takes."""
        check_is_fitted(self, "_inputs")
        if not self._on_fields:
            raise AttributeError("X was no table, and so there is no encoder_.")
        return self._inputs.encoder

    @property
    def _on_fields(self) -> bool:
        """Whether X is a table, not sequences or images."""
        return isinstance(self._inputs, TableInputs)

    # ---- training ------------------------------------------------------------------

    def _rates(self) -> dict[str, float]:
        penalties = {
            name: self.auto_params_.get(name, getattr(self, name))
            for name in ("l2", "embedding_l2")
        }
        return {**super()._rates(), **penalties, "unknown_share": self.unknown_share}

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
        if self.l2 == "auto" and is_part:
            last = vars(self).get("auto_params_", {})
            found["l2"] = last.get("l2", 0.0)
        elif self.l2 == "auto":
            shrinks = self._target.has_classes and budget.n_rows <= MOST_SHRUNK_ROWS
            found["l2"] = SHRINKAGE_OF_KERNELS / budget.n_rows if shrinks else 0.0
        if self.number_embedding == "auto":
            found["number_embedding"] = "periodic" if self._is_periodic else None
        return found

    @property
    def _is_periodic(self) -> bool:
        """Whether numbers get waves beside them; for families that can have them."""
        if self.number_embedding != "auto":
            return self.number_embedding == "periodic"
        return self._on_fields and 0 < self.encoder_.spec_.n_numbers <= MOST_PERIODIC

    def _fit_items(self, optimizer: keras.optimizers.Optimizer) -> list[Any]:
        return [*super()._fit_items(optimizer), bool(self.linear_start)]

    def _start(self, state: State, program: Program, rows: Rows) -> State:
        if not (self._on_fields and self.linear_start):
            return state
        return at_linear_model(state, program, rows, self.encoder_.spec_, self._seed)

    @property
    def _monitored(self) -> str | None:
        if self.scoring == "loss":
            return None
        if not self._target.has_classes:
            raise ValueError(
                f"{type(self).__name__} predicts numbers, which have no ROC curve. "
                "Set scoring='loss'. Received: scoring='roc_auc'."
            )
        return "auc"

    def _validation_scores(self) -> Scores | None:
        """Compute the AUC where it stops training or may warn of a useless network."""
        if not self._target.has_classes:
            return None
        if self._target.n_outputs > 1 and self.scoring == "loss":
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

    def _trained(self, prepared: Prepared, *args: Any) -> State:
        state = super()._trained(prepared, *args)
        if self._on_fields:
            self._layout = Layout.of(self.encoder_)
        validation = prepared.validation
        binary = self._target.has_classes and self._target.n_outputs == 1
        if validation is not None and binary:
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
