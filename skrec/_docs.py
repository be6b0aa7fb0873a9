"""Parameter descriptions that several classes share, written once."""

import inspect
import re
import textwrap

_SHARED = {
    "training": """
        dropout : float, default=0.0
            Fraction of the hidden units dropped in training, in [0, 1).
        l1 : float, default=0.0
            Penalty on the absolute values of the kernel weights.
        l2 : float, default=0.0
            Penalty on the squares of the kernel weights.
        embedding_l2 : float or "auto", default="auto"
            Penalty on the squares of the vectors of ids: at each step on those that it
            updates, see `embedding_update`. An id of few samples is drawn to 0, and so
            to what its column predicts on average, more than one of many. ``"auto"`` is
            15 / n_samples, at most 1e-4; in `partial_fit`, which does not know how many
            samples there will be, 1e-4.
        embedding_update : {"auto", "dense", "lazy"}, default="auto"
            Which vectors of ids, with their moments in the optimizer, a step updates.
            ``"dense"`` is all of them, as in the papers, which takes the longer the
            more ids there are; ``"lazy"`` those of the ids in the batch, which is the
            same for SGD without momentum and Adagrad but for the penalty, whereas with
            momentum, RMSprop, Adam and AdamW ids that are absent no longer move.
            ``"auto"`` is lazy where columns of ids, with all that have vectors of one
            length in one table, have about 100,000 ids or more, unless the optimizer is
            another than these or has an option such as ``amsgrad``.
        batch_norm : bool, default=False
            Whether to normalise hidden layers over the batch.
        optimizer : str, Keras optimizer class or Keras optimizer, default="adam"
            ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"rmsprop"``, ``"adam"``,
            ``"adamw"`` or ``"adagrad"``; a class; or an object, which is copied and
            brings its own learning rate.
        optimizer_params : dict, default=None
            Further parameters of the optimizer. Each can be set and tuned as
            ``optimizer__<name>``, for example ``optimizer__beta_1``.
        learning_rate : float, default=0.001
            Learning rate before the schedule.
        lr_schedule : {"step", "exponential", "cosine"}, Keras schedule, callable or \
None, default=None
            ``"step"`` halves the rate every 10 epochs, ``"exponential"`` multiplies it
            by exp(-0.1) an epoch, ``"cosine"`` takes it to zero over `epochs`. A Keras
            schedule replaces the rate; a callable gets the epoch, from 0, and the rate.
        clipnorm : float, default=None
            Largest norm of the gradient of each weight array.
        batch_size : int, "auto" or None, default="auto"
            Samples a training step; None for all at once. ``"auto"`` is
            n_samples / 64, between 128 and 1024.
        epochs : int or "auto", default="auto"
            Passes over the training samples, at most. ``"auto"`` is what makes 2,000
            steps, between 16 and 200.
        early_stopping : bool or "auto", default="auto"
            Whether to stop once the validation score no longer gets better, and to keep
            the weights of the best epoch, or those of the start if none was better.
            ``"auto"`` does so from 100 samples on, or if `fit` gets `X_val`.
        scoring : {"loss", "roc_auc"}, default="loss"
            What tells the best epoch: the lowest validation loss (for classifiers the
            log-loss), or the highest area under the ROC curve, for classifiers.
        validation_fraction : float, default=0.1
            Part of the training samples set aside for early stopping, stratified for
            classifiers, unless `fit` gets `X_val` and `y_val`.
        n_iter_no_change : int or "auto", default="auto"
            Epochs without a better validation score after which to stop. ``"auto"`` is
            what makes 640 steps, at least 3.
        class_weight : dict, "balanced" or None, default=None
            Weight of each class, by label; classifiers only.
        callbacks : Keras callback or list of Keras callbacks, default=None
            Copied for each fit; ``callbacks_`` holds the copies. They run on a private
            model with this network's weights, whose inputs are standardised;
            ``ModelCheckpoint`` saves what ``model_`` is. One that acts between batches
            makes training slower.
        standardize : bool or "standard", default=True
            Whether to scale each feature (2-D X) or channel so that no outlier spoils
            it: the median becomes 0, the quartiles lie 1.349 apart, as of a normal
            distribution, and z is bounded to z / sqrt(1 + (z / 3)**2). Where the
            quartiles are equal, half the range takes their place. ``"standard"`` for
            zero mean and unit variance. Unless False, the targets of regressors are
            scaled to zero mean and unit variance, which `predict` undoes.
        device : str, default="auto"
            ``"auto"`` for the first GPU, else the CPU; or a name such as ``"/GPU:1"``.
        precision : {"float32", "float64", "mixed_float16", "mixed_bfloat16"}, \
default="float32"
            Precision of the arithmetic.
        memory : str, path or joblib.Memory, default=None
            Folder of finished fits. A seeded fit that was trained before, by whichever
            process, is found there, and one with more `epochs` goes on from it, with
            the same result bit for bit. See :func:`skrec.training.memory_info`.
        warm_start : bool, default=False
            Whether `fit` goes on from the weights of the last call.
        random_state : int, RandomState instance or None, default=None
            Seeds initial weights, shuffling, dropout and the validation split of this
            estimator alone. An integer gives the same result each time.
        verbose : int, default=0
            1 prints a line an epoch.""",
    # In place of the entries above, where the class reads tables.
    "training_on_fields": """
        standardize : bool, "standard", "quantile" or "log", default=True
            Whether to scale each number so that no outlier spoils it: the median
            becomes 0, the quartiles lie 1.349 apart, as of a normal distribution, and z
            is bounded to z / sqrt(1 + (z / 3)**2). Where the quartiles are equal, half
            the range takes their place. ``"standard"`` gives zero mean and unit
            variance; ``"quantile"`` a normal distribution; ``"log"`` takes
            sign(x) log(1 + abs(x)) and then zero mean and unit variance: the last two
            tame counts with a long tail. Numbers further outside of what training saw
            than a tenth of its range count as the end of that. Unless False, the
            targets of regressors are scaled to zero mean and unit variance, which
            `predict` undoes.""",
    "fields": """
        categorical_features : "from_dtype", array-like or None, default="from_dtype"
            Columns of ids, by name or position or as a mask, beside those of strings
            and of category dtype, which always are; ``"from_dtype"`` for these and
            those of booleans. None allows no ids.
        sequence_features : "from_dtype", array-like, dict or None, \
default="from_dtype"
            Columns of lists of ids; ``"from_dtype"`` for those that hold lists. A dict
            such as ``{"genres": "|", "seen": 0}`` says what separates the ids of
            strings, or what lists were filled up with; others go by dtype.
        shared_embeddings : list of tuples of columns, default=None
            Groups of columns that hold the same ids, for example
            ``[("item_id", "browsed")]``, so that an id has one vector in all of them.
        min_count : int, default=1
            Ids that occur in fewer of the training samples are read as unknown.
        unknown_share : float, default=0.1
            Share of the ids that are read as unknown in training, drawn anew for each
            sample and column, so that a new id predicts about the average of its
            column. 0 for none: then only what is rare or missing teaches it.
        linear_start : bool, default=True
            Whether the linear part starts at the solution of ridge or logistic
            regression on the training samples, or on up to 50,000 of them, instead of
            at 0. From there on, the network learns what that could not. In
            `partial_fit` it starts at 0. MLP and DCN have no linear part if False.
        max_len : int, default=50
            Ids of a list that are kept: the latest, which are the last. Shorter lists
            than that take no more time than they need.""",
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
        feature_names_in_ : ndarray of shape (n_features_in_,)
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


def with_shared_docs(cls: type) -> type:
    """Fill ``%(training)s`` and the like in a class's docstring.

    Of the entries under "training" and "fields" those stay that the class has, with its
    defaults.

    Parameters
    ----------
    cls : type
        The class.

    Returns
    -------
    type
        The same class.
    """
    parameters = inspect.signature(cls).parameters
    texts = {name: textwrap.dedent(text).strip() for name, text in _SHARED.items()}
    entries = _entries(texts["training"])
    if "scoring" in parameters:
        entries |= _entries(texts["training_on_fields"])
    for block, own in (("training", entries), ("fields", _entries(texts["fields"]))):
        texts[block] = "\n".join(
            _DEFAULT.sub(f"default={_shown(parameters[name])}", entry, count=1)
            for name, entry in own.items()
            if name in parameters
        )
    blocks = {
        name: textwrap.indent(text, "    ").strip() for name, text in texts.items()
    }
    cls.__doc__ = (cls.__doc__ or "") % blocks
    return cls


_DEFAULT = re.compile(r"default=\S+")


def _entries(block: str) -> dict[str, str]:
    """Split descriptions of parameters by the parameter's name."""
    return {entry.split(" :")[0]: entry for entry in re.split(r"\n(?=\S)", block)}


def _shown(parameter: inspect.Parameter) -> str:
    """Return a parameter's default as docstrings show it."""
    value = parameter.default
    return f'"{value}"' if isinstance(value, str) else str(value)
