"""Descriptions that several classes or functions share, written once."""

import inspect
from typing import Any, TypeVar

Documented = TypeVar("Documented")

_SHARED = {
    "ranked": """
        recommended : DataFrame
            Ranked lists, as `recommend` returns them, of pandas or polars: a column of
            users, one of items, and ``"rank"``, 1 for the best item.
        relevant : DataFrame
            What the users went on to have, such as held-out events: a column of users
            and one of items. A pair that is there twice counts once. Each of these
            users counts; one without a list has missed everything. Lists of other
            users are not read.
        k : int, default=10
            Length of the lists.""",
    "ranked_names": """
        user_col : str, default="user"
            Name of the column of users, in both frames.
        item_col : str, default="item"
            Name of the column of items, in both frames.
        average : bool, default=True
            Whether to return the mean over users, instead of a value for each.""",
    "ranked_raises": """
        ValueError
            If a column is missing, an id or a rank is, an item or a rank is there twice
            for one user, or `relevant` has no rows.""",
    "log_fitted": """
        users_, items_ : ndarray
            Ids, sorted.
        n_features_in_ : int
            Number of columns of X.""",
    "log_trained": """
        history_ : dict of str to list of float
            Loss and, of held-out events, ``val_loss`` and ``val_ndcg@10`` of each
            epoch.
        best_epoch_ : int
            Epoch, counted from 1, whose weights were kept.""",
    "next_item": """
        loss : str, default="softmax"
            What states are trained on, see :class:`~skrec.networks._items.ItemTable`.
        n_negatives : int, default=256
            Items that a sampled loss draws.
        dtype : str, default="float32"
            Keras dtype policy of the layers.
        n_items : float, default=None
            Number of items; `n_rows` if None.""",
    "split_user": """
        user_col : str or int, default=None
            Name or position of the column that says whose event it is; None for the
            first column, or the second where the first is `time_col`.""",
    "split_folds": """
        n_splits : int, default=5
            Number of folds.
        user_col : str or int, default=None
            Name or position of the column that says whose event it is; None for the
            first column.
        shuffle : bool, default=False
            Whether to draw the folds at random.
        random_state : int, RandomState instance or None, default=None
            Seeds the draws; only with `shuffle`.""",
    "fields_fitted": """
        encoder_ : FieldEncoder
            What turns tables into the arrays that the network takes.
        lazy_embeddings_ : bool
            Whether the last fit updated the vectors of the ids in a batch alone.""",
    "fitted": """
        auto_params_ : dict of str to object
            What each parameter that is "auto" stood for in the last fit, which follows
            from the number of samples that it got.
        history_ : dict of str to list of float
            ``loss`` of each epoch, with its penalties, and, with validation samples,
            ``val_loss``, without.
        n_iter_ : int
            Number of epochs trained.
        best_epoch_ : int
            Epoch, counted from 1, whose weights were kept: the last, unless a better
            one on validation samples was looked for. 0 if none was better than the
            weights with which training started. ``history_["val_loss"][best_epoch_ -
            1]`` is its loss.
        n_parameters_ : int
            Number of weights of the network.
        n_features_in_ : int
            Size of the second dimension of X.
        feature_names_in_ : ndarray of shape (n_features,)
            Names of the columns, if X had any.
        model_ : keras.Model
            A private Keras model from X, as it is, to predictions. Once asked for, its
            weights are those of the estimator. Where X has ids, lists or arrays in its
            columns, it takes ``encoder_.transform(X)`` instead, and refuses X.""",
    "generic": """
        model : callable, keras.Model or None, default=None
            Build function, or a model, of which each fit trains a copy. The function
            gets those of its arguments that are parameters of the estimator, without
            or with ``model__`` in front, and ``meta``, ``compile_kwargs`` and
            ``params`` if it asks for them. What it returns is compiled if it is not.
        build_fn : callable, default=None
            Old name of `model`.
        warm_start : bool, default=False
            Whether `fit` goes on from the weights of the last call.
        random_state : int, RandomState instance or None, default=None
            Seeds weights, shuffling and dropout of this estimator alone; the global
            generators are put back after the build function has run.
        optimizer : str, Keras optimizer class or Keras optimizer, default="rmsprop"
            Optimizer; ``optimizer__learning_rate`` and so on are its arguments.
        loss : str, Keras loss, class or callable, default=None
            Loss; ``loss__from_logits`` and so on are its arguments.
        metrics : list of str, Keras metrics, classes or callables, default=None
            Metrics for ``history_``; ``metrics__`` routes arguments to them.
        batch_size : int, default=None
            Samples a training step: None for 32, -1 for all at once.
        validation_batch_size : int, default=None
            Samples a step of validation.
        verbose : int, default=1
            0 for silence, else a line an epoch.
        callbacks : Keras callback, class, list or dict of them, default=None
            Keras callbacks; ``callbacks__patience``, ``callbacks__0__patience`` or
            ``callbacks__name__patience`` are arguments of classes.
        validation_split : float, default=0.0
            Part of the samples, the last ones, to score after each epoch.
        shuffle : bool, default=True
            Whether to visit the samples in a new order in each epoch.
        run_eagerly : bool, default=False
            Whether Keras is to run without graphs, for debugging.
        epochs : int, default=1
            Passes over the training samples.
        memory : str, path or joblib.Memory, default=None
            Folder of finished fits. A seeded fit that was trained before, by whichever
            process, is found there, and one with more `epochs` goes on from it, with
            the same result bit for bit. See :func:`skrec.training.memory_info`.""",
    "generic_fitted": """
        history_ : dict of str to list of float
            Loss and metrics of each epoch, those of validation with ``val_`` in front.
        n_iter_ : int
            Number of epochs trained.
        n_parameters_ : int
            Number of weights of the network.
        model_ : keras.Model
            The trained model.
        target_encoder_, feature_encoder_ : transformer
            Fitted encoders of y and X.
        n_features_in_ : int
            Size of the second dimension of X.""",
}


def with_fitted_docs(documented: Documented) -> Documented:
    """Fill ``%(fitted)s`` and the like in a docstring.

    Parameters
    ----------
    documented : type or callable
        A class or function.

    Returns
    -------
    type or callable
        The same one.
    """
    for name, text in _SHARED.items():
        fill(documented, name, inspect.cleandoc(text))
    return documented


def fill(documented: Any, name: str, text: str) -> None:
    """Put a text in the place of ``%(name)s`` in a docstring.

    Parameters
    ----------
    documented : type or callable
        A class or function; the place is at the margin of its docstring.
    name : str
        Name of the place.
    text : str
        The text, at the margin.
    """
    # Without an indentation, which Python takes away by itself since 3.13.
    doc = inspect.cleandoc(documented.__doc__ or "")
    if f"%({name})s" in doc:
        documented.__doc__ = doc.replace(f"%({name})s", text) + "\n"
