"""Scikit-learn estimators around any Keras model."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skrec._docs import with_fitted_docs
from skrec._sklearn import StrOptions
from skrec.estimators._labels import LabelEncoder, probabilities
from skrec.estimators._outputs import check_class_outputs, check_number_outputs
from skrec.estimators._scikeras import RegressorTargetEncoder
from skrec.estimators.wrappers import KerasEstimator


@with_fitted_docs
class KerasClassifier(ClassifierMixin, KerasEstimator):
    """Classifier around a Keras model of the user's own.

    It takes what ``scikeras.wrappers.KerasClassifier`` takes, so that a change of the
    import is enough; CONTRIBUTING.md lists what differs on purpose. Models made by the
    functional or the Sequential API share compiled programs: a search traces each
    architecture once for all learning rates, batch sizes, dropout rates and folds.

    Parameters
    ----------
    %(generic)s
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, by label; "balanced" counts rows by their weights.
    **kwargs : dict
        Arguments of the build function, and routed parameters such as
        ``optimizer__learning_rate``, ``model__units`` or ``fit__batch_size``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    n_classes_ : int
        Number of labels.
    %(generic_fitted)s

    See Also
    --------
    KerasRegressor : The same for numbers.
    CNNClassifier : A network that needs no build function.

    References
    ----------
    .. [1] SciKeras, https://github.com/adriangb/scikeras, whose vocabulary this is.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from skrec import KerasClassifier
    >>> def build(meta, units=16):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input((meta["n_features_in_"],)),
    ...             keras.layers.Dense(units, "relu"),
    ...             keras.layers.Dense(meta["n_classes_"], "softmax"),
    ...         ]
    ...     )
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = KerasClassifier(
    ...     build, loss="sparse_categorical_crossentropy", optimizer="adam", units=32,
    ...     optimizer__learning_rate=0.01, epochs=20, verbose=0, random_state=0,
    ... )
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **KerasEstimator._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    _fit_kwargs = KerasEstimator._fit_kwargs - {"class_weight", "sample_weight"}

    def __init__(
        self,
        model: Any = None,
        *,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: int = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        memory: Any = None,
        class_weight: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model=model,
            build_fn=build_fn,
            warm_start=warm_start,
            random_state=random_state,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            validation_batch_size=validation_batch_size,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            run_eagerly=run_eagerly,
            epochs=epochs,
            memory=memory,
            **kwargs,
        )
        self.class_weight = class_weight

    score = KerasEstimator.score  # not the mixin's: it asks `scorer`

    @staticmethod
    def scorer(y_true: Any, y_pred: Any, **kwargs: Any) -> float:
        """Score by accuracy; to be overridden for another score.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True and predicted labels.
        **kwargs : dict
            Arguments of :func:`sklearn.metrics.accuracy_score`.

        Returns
        -------
        float
            Accuracy.
        """
        return accuracy_score(y_true, y_pred, **kwargs)

    @property
    def target_encoder(self) -> Any:
        """Encoder of the labels; to be overridden for models with several outputs."""
        classes = vars(self).get("_given_classes")
        categories = "auto" if classes is None else [np.unique(classes)]
        return LabelEncoder(loss=self.loss, categories=categories)

    def _check_outputs(self) -> None:
        if type(self.target_encoder_) is LabelEncoder:
            kind = self.target_encoder_._target_type
            if kind != "multiclass-multioutput":
                check_class_outputs(self._head, kind, self.classes_)

    def _validate_data(
        self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = False
    ) -> tuple[Any, Any]:
        X, y = super()._validate_data(X, _one_column(y), reset, y_numeric)
        return X, y

    def _type_of_target(self, y: np.ndarray) -> str:
        check_classification_targets(y)
        classes = vars(self).get("_given_classes")
        kind = type_of_target(y, input_name="y")
        if kind in ("binary", "multiclass"):
            labels = np.unique(y if classes is None else classes)
            if len(labels) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs samples of at least two classes. "
                    f"Received: y with the one class {labels.tolist()}."
                )
            return "multiclass" if len(labels) > 2 else kind
        return kind

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Train one more epoch, on new samples or on the same.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call; the labels in `y` if
            None.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.
        **kwargs : dict
            Arguments of ``Model.fit`` for this call alone. From `initial_epoch` on,
            `epochs` more are trained, as in scikeras: Keras takes the sum.

        Returns
        -------
        self
            The fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight, kwargs, classes)

    def predict(self, X: Any, **kwargs: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.
        **kwargs : dict
            Arguments of ``Model.predict``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels.
        """
        outputs = self._probabilities(X, **kwargs)
        if isinstance(outputs, np.ndarray) and self.target_type_ == "multiclass":
            self._require_columns(outputs)
        return self.target_encoder_.inverse_transform(outputs)

    def _require_columns(self, outputs: np.ndarray) -> None:
        """Refuse one number a row for several classes: no class could be told."""
        if type(self.target_encoder_) is LabelEncoder and outputs[:1].size == 1:
            raise ValueError(
                f"The model puts out 1 number a row, but y had {self.n_classes_} "
                "classes: override `target_encoder` to tell the classes from it.\n"
                f"Received: outputs of shape {outputs.shape}."
            )

    def _probabilities(self, X: Any, **kwargs: Any) -> Any:
        """Return the model's outputs, as probabilities if its loss takes logits."""
        outputs = self._predict_raw(X, **kwargs)
        one_label = self.target_type_ in ("binary", "multiclass")
        return probabilities(outputs, self._model, one_label)

    def predict_proba(self, X: Any, **kwargs: Any) -> np.ndarray:
        """Compute the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.
        **kwargs : dict
            Arguments of ``Model.predict``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, with two columns for two classes.
        """
        outputs = self._probabilities(X, **kwargs)
        if not isinstance(outputs, np.ndarray) or not hasattr(self, "n_classes_"):
            return self.target_encoder_.inverse_transform(outputs, return_proba=True)
        proba = outputs.reshape(len(outputs), -1).astype(np.float64)
        if self.target_type_ == "binary" and proba.shape[1] == 1:
            return np.column_stack([1 - proba, proba])
        if self.target_type_ in ("binary", "multiclass"):
            # In single precision their sum is not quite 1.
            proba /= proba.sum(axis=1, keepdims=True)
        return proba

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute log-odds from the probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of the second class for two classes, else the logarithm of the
            probability of each class, or the log-odds of each label.
        """
        proba = self.predict_proba(X)
        tiny = np.finfo(np.float64).tiny
        if self.target_type_ == "multiclass":
            return np.log(np.maximum(proba, tiny))
        odds = np.log(np.maximum(proba, tiny)) - np.log(np.maximum(1 - proba, tiny))
        return odds[:, 1] if self.target_type_ == "binary" else odds

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = False
        return tags


def _one_column(y: Any) -> Any:
    """Ravel labels given as one column, with scikit-learn's warning."""
    shape = np.asarray(y).shape
    return column_or_1d(y, warn=True) if len(shape) == 2 and shape[1] == 1 else y


@with_fitted_docs
class KerasRegressor(RegressorMixin, KerasEstimator):
    """Regressor around a Keras model of the user's own.

    It takes what ``scikeras.wrappers.KerasRegressor`` takes, so that a change of the
    import is enough; CONTRIBUTING.md lists what differs on purpose. Models made by the
    functional or the Sequential API share compiled programs: a search traces each
    architecture once for all learning rates, batch sizes, dropout rates and folds.

    Parameters
    ----------
    %(generic)s
    **kwargs : dict
        Arguments of the build function, and routed parameters such as
        ``optimizer__learning_rate``, ``model__units`` or ``fit__batch_size``.

    Attributes
    ----------
    %(generic_fitted)s

    See Also
    --------
    KerasClassifier : The same for labels.
    MLPRegressor : A network that needs no build function.

    References
    ----------
    .. [1] SciKeras, https://github.com/adriangb/scikeras, whose vocabulary this is.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skrec import KerasRegressor
    >>> def build(meta):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input((meta["n_features_in_"],)),
    ...             keras.layers.Dense(32, "relu"),
    ...             keras.layers.Dense(1),
    ...         ]
    ...     )
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = KerasRegressor(build, loss="mse", optimizer="adam", verbose=0, epochs=2)
    >>> make_pipeline(StandardScaler(), reg).fit(X, y).predict(X[:2]).shape
    (2,)
    """

    score = KerasEstimator.score  # not the mixin's: it asks `scorer`

    @staticmethod
    def scorer(y_true: Any, y_pred: Any, **kwargs: Any) -> float:
        """Score by the coefficient of determination; to be overridden for another.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True and predicted targets.
        **kwargs : dict
            Arguments of :func:`sklearn.metrics.r2_score`.

        Returns
        -------
        float
            R2.
        """
        return r2_score(y_true, y_pred, **kwargs)

    @property
    def target_encoder(self) -> Any:
        """Encoder of the targets; to be overridden for models with several outputs."""
        return RegressorTargetEncoder()

    def _check_outputs(self) -> None:
        if type(self.target_encoder_) is RegressorTargetEncoder:
            check_number_outputs(self._head, self.n_outputs_)

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """Train one more epoch, on new samples or on the same.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.
        **kwargs : dict
            Arguments of ``Model.fit`` for this call alone. From `initial_epoch` on,
            `epochs` more are trained, as in scikeras: Keras takes the sum.

        Returns
        -------
        self
            The fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight, kwargs)

    def predict(self, X: Any, **kwargs: Any) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Samples.
        **kwargs : dict
            Arguments of ``Model.predict``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        """
        outputs = self._predict_raw(X, **kwargs)
        predicted = self.target_encoder_.inverse_transform(outputs)
        if isinstance(outputs, np.ndarray) and len(predicted) != len(outputs):
            raise ValueError(
                f"The model puts out {outputs[:1].size} numbers a row, but y had "
                f"{self.n_outputs_} targets: override `target_encoder` to turn the one "
                f"into the other.\nReceived: outputs of shape {outputs.shape}."
            )
        return np.asarray(predicted, dtype=np.float64)
