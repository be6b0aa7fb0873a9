"""What a user's model puts out, checked against the targets before it is trained."""

from dataclasses import dataclass
from typing import Any

import keras
from keras.src.utils.naming import to_snake_case

# Losses of Keras that compare outputs with the numbers of the classes.
OF_CODES = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
# Whose targets are -1 and 1, so that outputs are told apart by their sign.
OF_SIGNS = ("hinge", "squared_hinge")
OF_BITS = ("binary_crossentropy", "binary_focal_crossentropy", *OF_SIGNS)
_OF_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy")
PROBABILITIES = ("sigmoid", "softmax", "hard_sigmoid")


@dataclass(frozen=True)
class Head:
    """The end of a model with one output of one axis beside that of the samples.

    Parameters
    ----------
    layer : str
        What makes the output, for messages.
    units : int or None
        Size of the output; None where that cannot be told, as with several outputs.
    activation : str or None
        Name of its activation, if that can be told.
    loss : str or None
        Name of the loss, if it is one of Keras's own.
    """

    layer: str
    units: int | None
    activation: str | None
    loss: str | None

    @classmethod
    def of(cls, model: keras.Model, called: Any = None) -> "Head":
        """Describe the end of a compiled model.

        Parameters
        ----------
        model : keras.Model
            The model.
        called : tensor or structure of tensors, default=None
            What a model returned that does not know its outputs beforehand.

        Returns
        -------
        Head
            Its description.
        """
        loss = keras_loss(model.loss)
        known = getattr(model, "outputs", None)
        outputs = known or [called]
        if len(outputs) != 1 or not hasattr(outputs[0], "shape"):
            return cls(f"model {model.name!r}", None, None, loss)
        shape = tuple(outputs[0].shape)[1:]
        units = (shape or (1,))[0] if len(shape) < 2 else None
        last = _last_operation(outputs[0]) if known else None
        if last is None:
            return cls(f"model {model.name!r}", units, None, loss)
        return cls(f"layer {last.name!r}", units, _activation(last), loss)


def keras_loss(loss: Any) -> str | None:
    """Return the name of a loss, if it is one of Keras's own.

    Parameters
    ----------
    loss : str, function, Loss or list or dict of one of them
        The loss of a compiled model.

    Returns
    -------
    str or None
        Such as ``"mean_squared_error"``; None for a loss of the user's own.

    Examples
    --------
    >>> import keras
    >>> from skrec.estimators._outputs import keras_loss
    >>> keras_loss("mse"), keras_loss(keras.losses.Hinge())
    ('mean_squared_error', 'hinge')
    """
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, list | tuple):
        return keras_loss(loss[0]) if len(loss) == 1 else None
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    named = type(loss) if isinstance(loss, keras.losses.Loss) else loss
    of_keras = (getattr(named, "__module__", None) or "").split(".")[0] == "keras"
    name = to_snake_case(getattr(named, "__name__", ""))
    return name if of_keras and name not in ("", "loss_function_wrapper") else None


def _last_operation(tensor: Any) -> Any:
    """Return the layer or operation behind an output, inside inner models too."""
    while True:
        history = getattr(tensor, "_keras_history", None)
        operation = getattr(history, "operation", None)
        inner = getattr(operation, "outputs", None)
        if not isinstance(operation, keras.Model) or not inner or len(inner) != 1:
            return operation
        tensor = inner[0]


def _activation(operation: Any) -> str | None:
    activation = getattr(operation, "activation", None)
    if activation is not None:
        return getattr(activation, "__name__", None)
    name = type(operation).__name__.lower()  # such as the layer or operation Softmax
    return name if name in PROBABILITIES else None


def wants_one_hot(head: Head, n_classes: int) -> bool:
    """Tell whether the loss compares the outputs with a column for each class.

    Parameters
    ----------
    head : Head
        The end of the model.
    n_classes : int
        Number of classes.

    Returns
    -------
    bool
        True for a loss of Keras's own that does not take the numbers of classes.
    """
    return head.loss is not None and (
        head.loss in _OF_ONE_HOT
        or (head.units == n_classes and head.loss not in OF_CODES)
    )


def check_class_outputs(head: Head, kind: str, classes: Any) -> None:
    """Refuse a model that could not learn these classes, before it is trained.

    Parameters
    ----------
    head : Head
        The end of the model.
    kind : {"binary", "multiclass", "multiclass-onehot", "multilabel-indicator"}
        What the targets are.
    classes : array-like of shape (n_classes,)
        The classes.

    Raises
    ------
    ValueError
        If the number of outputs, their activation and the loss do not go together.
    """
    if head.units is None:
        return
    n_classes = len(classes)
    columns = kind not in ("binary", "multiclass")
    several = f"a layer of {n_classes} units with activation='softmax'"
    if head.units == 1 and head.activation == "softmax":
        advice = "1 unit with activation='sigmoid'" if n_classes == 2 else several
        _refuse(head, "puts out 1 whatever the input", advice, kind, classes)
    if head.loss is None:  # a loss of the user's own may take any outputs
        return
    if columns and head.loss in OF_CODES:
        _refuse(
            head,
            f"is trained with {head.loss}, which takes one label a row",
            "loss='binary_crossentropy' with sigmoids, or 'categorical_crossentropy' "
            "with a softmax where each row has one label",
            kind,
            classes,
        )
    two_alone = head.loss in (*OF_CODES, *_OF_ONE_HOT)
    legal = {n_classes} if kind != "binary" or two_alone else {1, 2}
    if head.units in legal:
        return
    if columns:
        advice = f"a layer of {n_classes} units with activation='sigmoid'"
    elif kind == "binary":
        advice = (
            "1 unit with activation='sigmoid' and loss='binary_crossentropy', or 2 "
            "with activation='softmax' and loss='sparse_categorical_crossentropy'"
        )
    else:
        advice = f"{several} and loss='sparse_categorical_crossentropy'"
    _refuse(head, f"has {_number(head.units)}", advice, kind, classes)


def _refuse(head: Head, fault: str, advice: str, kind: str, classes: Any) -> None:
    what = "labels a row" if kind.startswith("multilabel") else "classes"
    shown = ", ".join(map(str, list(classes)[:10])) + ", ..." * (len(classes) > 10)
    raise ValueError(
        f"The {head.layer} {fault}, but y has {len(classes)} {what}: it should be "
        f"{advice}.\nReceived: {_number(head.units)}, activation={head.activation!r}, "
        f"loss={head.loss!r}, classes {shown}."
    )


def check_number_outputs(head: Head, n_outputs: int) -> None:
    """Refuse a model with another number of outputs than targets.

    Parameters
    ----------
    head : Head
        The end of the model.
    n_outputs : int
        Number of targets.

    Raises
    ------
    ValueError
        If it has, and its loss is one of Keras's own.
    """
    if head.units in (None, n_outputs) or head.loss is None:
        return
    targets = "1 target" if n_outputs == 1 else f"{n_outputs} targets"
    raise ValueError(
        f"The {head.layer} has {_number(head.units)}, but y has {targets}: it should "
        f"be a layer of {n_outputs} unit{'s' * (n_outputs > 1)}.\nReceived: "
        f"{_number(head.units)}, activation={head.activation!r}, loss={head.loss!r}."
    )


def _number(units: int | None) -> str:
    return "1 output" if units == 1 else f"{units} outputs"
