"""Tables to what networks on fields take: codes of ids, scaled numbers, sequences."""

from collections.abc import Sequence
from copy import copy, deepcopy
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skrec._docs_address import DocumentedHere
from skrec._sklearn import Interval, StrOptions, check_sample_weight, fit_context
from skrec.preprocessing._array_scaler import ArrayScaler
from skrec.preprocessing._frames import as_table, in_fitted_order
from skrec.preprocessing._kinds import Column, warn_of_empty
from skrec.preprocessing._numbers import NumberScaler
from skrec.preprocessing._steps import FieldSteps


class FieldEncoder(DocumentedHere, TransformerMixin, FieldSteps, BaseEstimator):
    r"""Encode a table as the fields that click and rating models take.

    Each column becomes a field of one of four kinds, by its dtype:

    ==================================================== =============================
    category, string, object, boolean                    id, to be embedded
    number, also nullable; decimal                       number, scaled
    lists, tuples or 1-D arrays of integers or strings   sequence of ids
    lists of whole floats that differ in length          sequence of ids
    strings of ids with a separator, if it is named      sequence of ids
    arrays of floats of one shape (1-D: a vector,        array, scaled per channel
    2-D: a sequence of vectors, 3-D: an image)
    ==================================================== =============================

    Code 0 is padding and 1 stands for ids that were not seen, or too rarely. Known
    ids have codes from 2 on in sorted order, so they do not depend on the order of the
    rows. A missing id is a value of its own if `fit` has seen one, else unknown. Ids
    are compared by their exact values: 3 and 3.0 are one id, 2**60 and 2**60 + 1 are
    two. A warning tells where floats have made one of such ids before.

    Missing numbers (NaN, also in an array or a sparse matrix) become the median (the
    mean with ``numbers="standard"``, ``"log"`` or None), and a column that says where
    they were missing, 0 or 1, is appended for each column in which `fit` has seen some.
    Missing arrays become what their scale makes 0. A number that lies outside of what
    `fit` saw by more than a tenth of its range counts as the end of that, so no finite
    number becomes NaN in a network; `fit` itself refuses numbers beyond 1e100 (1e38 if
    they stay as they are).

    Parameters
    ----------
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that are ids: names, positions or a mask over all columns. Those of
        strings and of category dtype, which can be nothing else, are ids too; booleans
        and numbers that are left out are numbers. None says that there are no ids;
        then a column of strings is an error.
    sequence_features : "from_dtype", array-like, dict or None, default="from_dtype"
        Columns that are sequences of ids; lists in others must be arrays of one shape.
        A dict names columns too, and leaves the others to their dtype. Its values say
        what stands between the ids of strings, as in ``{"genres": "|"}``, or what lists
        were filled up with, as in ``{"seen": 0}`` or ``{"seen": "<pad>"}``; None, that
        nothing is padding. Without being told, 0 is padding in lists of one length
        which have zeros only at their ends, or only in front, unless a column that
        shares their table has an id 0.
    shared_embeddings : list of tuple, default=None
        Groups of columns that hold the same ids and share an embedding table, such as
        ``[("item_id", "history")]``. They are ids, or sequences of them, whatever
        their dtype.
    min_count : int, default=1
        Ids that occur less often in `fit`, over all columns of a table, are unknown.
    max_len : int, default=50
        Items to keep of each list: the last ones. Shorter lists are padded in front,
        as :func:`make_windows` does, to the length that the longest of the rows needs,
        or needed in `fit`.
    numbers : {"robust", "standard", "quantile", "log"} or None, default="robust"
        Scale of the numbers. ``"robust"`` puts the median at 0 and the quartiles, of
        10,000 rows, 1.349 apart, as those of a normal distribution are, and bounds
        z to z / sqrt(1 + (z / 3)**2), so that no outlier spoils the scale or lies
        beyond 3; where the quartiles are equal, half the range takes their place. It is
        the preprocessing of RealMLP [1]_. ``"standard"`` gives mean 0 and variance 1;
        ``"quantile"`` the quantiles of a normal distribution, as
        :class:`~sklearn.preprocessing.QuantileTransformer` makes them from 10,000 rows;
        ``"log"`` takes ``sign(x) * log(1 + abs(x))`` and then mean 0 and variance 1;
        None leaves them as they are. Arrays are scaled per channel in the first way, in
        the second for ``"quantile"`` and ``"log"`` too, or not at all.

    Attributes
    ----------
    spec_ : FieldSpec
        Sizes of the encoded fields. Those of tables are rounded up to a grid with
        eight steps between n and 2 n, at least 8, those of sequences to one with two:
        a network is traced for each different size, and so the folds of a search,
        whose numbers of ids hardly differ, share one. Rows with longer lists than those
        of `fit` are encoded in more columns, up to `max_len`.
    columns_ : dict of str to Column
        Kind, position among the columns of this kind, and embedding table or None of
        each column; by position where columns have no names.
    vocabularies_ : list of ndarray
        Ids of each table, sorted; the code of an id is its index plus 2. Those that
        :meth:`grown` has added come last.
    paddings_ : dict
        What pads the lists of a column, by its name, where something does.
    indicators_ : list of int
        Which numbers, by position among them, have a column for where they are missing.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the columns, if all of them are strings.
    n_features_in_ : int
        Number of columns.

    See Also
    --------
    make_windows : Sequences of what a user did before, from a log of events.
    sklearn.preprocessing.OrdinalEncoder : Codes of ids alone.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.preprocessing import FieldEncoder
    >>> clicks = pd.DataFrame(
    ...     {
    ...         "item": ["tea", "milk", "tea"],
    ...         "price": [3.0, 1.0, 2.0],
    ...         "history": [["milk"], [], ["tea", "milk"]],
    ...     }
    ... )
    >>> encoder = FieldEncoder(shared_embeddings=[("item", "history")])
    >>> encoded = encoder.fit_transform(clicks)
    >>> encoder.vocabularies_[0].tolist()
    ['milk', 'tea']
    >>> encoded["ids"].ravel()
    array([3, 2, 3], dtype=int32)
    >>> encoded["sequence_0"]
    array([[0, 2],
           [0, 0],
           [3, 2]], dtype=int32)
    >>> encoded["numbers"].ravel().round(2)
    array([ 0.66, -0.66,  0.  ], dtype=float32)
    """

    _parameter_constraints: dict = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "sequence_features": [StrOptions({"from_dtype"}), dict, "array-like", None],
        "shared_embeddings": [list, tuple, None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_len": [Interval(Integral, 1, None, closed="left")],
        "numbers": [StrOptions({"robust", "standard", "quantile", "log"}), None],
    }

    def __init__(
        self,
        categorical_features: Any = "from_dtype",
        sequence_features: Any = "from_dtype",
        shared_embeddings: Sequence | None = None,
        *,
        min_count: int = 1,
        max_len: int = 50,
        numbers: str | None = "robust",
    ) -> None:
        self.categorical_features = categorical_features
        self.sequence_features = sequence_features
        self.shared_embeddings = shared_embeddings
        self.min_count = min_count
        self.max_len = max_len
        self.numbers = numbers

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "columns_" not in state:
            return state
        for name in ("spec_", "vocabularies_", "indicators_", "_marks"):
            state.pop(name, None)  # `_describe` tells them, and `learn` is done
        columns = [[name, *column] for name, column in state["columns_"].items()]
        paddings = [list(pair) for pair in state["paddings_"].items()]
        return {**state, "columns_": columns, "paddings_": paddings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state.get("columns_"), list):
            columns = {name: Column(*own) for name, *own in state["columns_"]}
            paddings = dict(state["paddings_"])
            state = {**state, "columns_": columns, "paddings_": paddings, "_marks": {}}
        super().__setstate__(state)
        if "columns_" in state:
            self._describe()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = tags.input_tags.string = True
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        return tags

    # ---- scikit-learn's methods ----------------------------------------------------

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "FieldEncoder":
        """Learn ids, scales and sizes.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
            Table.
        y : None
            Not used.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights for the scales; rows of weight zero are left out.

        Returns
        -------
        FieldEncoder
            Itself.
        """
        self._fit(X, sample_weight)
        return self

    def fit_transform(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> dict[str, np.ndarray]:
        """Learn from a table and encode it.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
            Table.
        y : None
            Not used.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights for the scales; rows of weight zero are left out.

        Returns
        -------
        dict of str to ndarray
            Encoded rows, as from :meth:`transform`.
        """
        return self.prepare(self._fit(X, sample_weight))

    def transform(self, X: Any) -> dict[str, np.ndarray]:
        """Encode a table.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
            Table; columns with names may come in any order.

        Returns
        -------
        dict of str to ndarray
            ``"ids"`` of shape (n_rows, n_ids), int32; ``"numbers"`` of shape (n_rows,
            n_numbers), with the indicators of missing ones last; ``"sequence_0"``, ...
            of shape (n_rows, length), int32; ``"array_0"``, ... of the arrays' shape.
            What there is none of is left out.
        """
        return self.prepare(self.encode(X))

    def _fit(self, X: Any, sample_weight: Any) -> dict[str, Any]:
        """Learn everything; return all rows, encoded but not scaled."""
        rows = None
        if sample_weight is not None:
            weight = np.asarray(sample_weight)
            rows = np.flatnonzero(weight) if (weight == 0).any() else None
        encoded = self.learn(X, rows, sample_weight)
        if "numbers" in encoded:
            weight = check_sample_weight(sample_weight, encoded["numbers"])
            self.update_scale(encoded["numbers"], weight, rows)
        return encoded

    # ---- steps for estimators ------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def learn(
        self, X: Any, rows: Any = None, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Learn from some rows all but the scale of numbers, and encode all of them.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
            Table.
        rows : array-like of int or bool, default=None
            Rows to learn from; all if None.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of all rows of X, for the scale of arrays.

        Returns
        -------
        dict of str to ndarray or sparse matrix
            As from :meth:`encode`.
        """
        given = (self.categorical_features, self.sequence_features)
        by_dtype = not self.shared_embeddings and all(
            isinstance(one, str) or one is None for one in given
        )
        table = as_table(X, self, only_numbers=by_dtype)
        validate_data(self, table, reset=True, skip_check_array=True)
        if rows is not None:
            rows = np.arange(table.shape[0])[np.asarray(rows)]
            if not len(rows):
                raise ValueError("rows must hold at least one row. Received: none.")
        self._choose_kinds(table, by_dtype)
        self._vocabularies, self._shapes = [], []
        self._lengths, self._readings = {}, {}
        self.paddings_ = {}
        self._numbers = NumberScaler(self.numbers)
        encoded = self._encode(table, learn=True, rows=rows)
        if "numbers" in encoded:
            names = self._names_of("number")
            self._numbers.learn(encoded["numbers"], rows, sample_weight, names)
            warn_of_empty([names[k] for k in self._numbers.empty])
        self._array_scalers = [
            ArrayScaler(self.numbers, encoded[f"array_{k}"], rows, sample_weight, name)
            for k, name in enumerate(self._names_of("array"))
        ]
        self._describe()
        return encoded

    def grown(
        self, X: Any, rows: Any = None, indicators: bool = True
    ) -> tuple["FieldEncoder", dict[str, Any]]:
        """Learn what further rows bring, and encode all of them.

        That are ids, which get codes behind those that there are, lists that are longer
        than any before, and, unless there are arrays, which numbers are missing for the
        first time. The range beyond which numbers are clipped widens. Kinds of columns,
        quantiles of ``numbers="quantile"``, scales of arrays and what pads lists stay.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
            Table.
        rows : array-like of int, default=None
            Rows to learn from; all if None.
        indicators : bool, default=True
            Whether numbers that are missing for the first time get a column that says
            so; without, they are imputed alone.

        Returns
        -------
        tuple of (FieldEncoder, dict of str to ndarray or sparse matrix)
            A new encoder, and the rows as from its :meth:`encode`.
        """
        own = copy(self)
        own._vocabularies = list(self._vocabularies)
        own._lengths, own._numbers = dict(self._lengths), deepcopy(self._numbers)
        table = own._checked(X)
        encoded = own._encode(table, learn=True, rows=rows)
        if "numbers" in encoded:
            # Arrays follow the numbers among a network's inputs, which grow at the end.
            more = indicators and not own._shapes
            own._numbers.grow(encoded["numbers"], rows, indicators=more)
        own._describe()
        return own, encoded

    def encode(self, X: Any, check: bool = True) -> dict[str, Any]:
        """Encode a table, but leave its numbers as they are.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_rows, n_columns)
            Table.
        check : bool, default=True
            Whether to check its columns; False for a pandas frame with the columns of
            the one that was learnt from, which saves time where rows come one by one.

        Returns
        -------
        dict of str to ndarray or sparse matrix
            As from :meth:`transform`, but with raw ``"numbers"``, NaN where they are
            missing, without indicators; sparse ones stay sparse. Arrays are raw too.
        """
        return self._encode(self._checked(X) if check else X, learn=False, rows=None)

    def _checked(self, X: Any) -> Any:
        """Return a table with the columns of the one that was learnt from."""
        check_is_fitted(self)
        table = as_table(X, self, self.spec_.only_numbers)
        table = in_fitted_order(table, getattr(self, "feature_names_in_", None))
        validate_data(self, table, reset=False, skip_check_array=True)
        return table

    def update_scale(
        self, numbers: Any, sample_weight: np.ndarray, rows: Any = None
    ) -> None:
        """Take raw numbers into their scale, beside those of earlier calls.

        Parameters
        ----------
        numbers : ndarray or sparse matrix of shape (n_rows, n_numbers)
            ``"numbers"`` of encoded rows.
        sample_weight : ndarray of shape (n_rows,)
            Weights.
        rows : array-like of int, default=None
            Rows to learn from; all if None.
        """
        self._numbers.update(numbers, rows, sample_weight)

    def prepare(
        self, encoded: dict[str, Any], dtype: Any = "float32"
    ) -> dict[str, np.ndarray]:
        """Scale and impute the numbers and arrays of encoded rows.

        Parameters
        ----------
        encoded : dict of str to ndarray or sparse matrix
            From :meth:`encode` or :meth:`learn`, or some of its rows.
        dtype : str or dtype, default="float32"
            Of the numbers and arrays.

        Returns
        -------
        dict of str to ndarray
            As from :meth:`transform`.
        """
        prepared = dict(encoded)
        if "numbers" in encoded:
            numbers = encoded["numbers"]
            dense = numbers.toarray() if sparse.issparse(numbers) else numbers
            prepared["numbers"] = self._numbers.transform(dense, dtype)
        for k, scaler in enumerate(self._array_scalers):
            scaled = scaler.transform(encoded[f"array_{k}"])
            prepared[f"array_{k}"] = scaled.astype(dtype, copy=False)
        return prepared
