"""Which of a user's own Keras models may share a program: a digest of all they compute.

The digest reads every attribute of every layer and how the layers are connected, not
the configuration that a model would be saved with, which leaves out what was changed
after construction, what ``adapt`` learnt, and what a ``get_config`` forgets. Two models
with equal digests differ at most in what a fit brings along as numbers: their weights,
the rates of their ``Dropout`` layers and the states of their random generators.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import layers
from keras.src.models.functional import Functional
from keras.src.ops.operation import Operation

from skrec.training._code import CannotDigestError, name_in_library
from skrec.training._digest import OF_TRACKING, Digester, is_made_up, reads_name
from skrec.training._optimizer_items import (
    is_from_keras,
    keras_settings,
    optimizer_items,
)
from skrec.training._stand_ins import TunedDropout, name_of_own_rate
from skrec.training._updates import graph_key
from skrec.training._variables import has_embeddings
from skrec.training.copies import fresh

PLAIN = (keras.Sequential, keras.Model, Functional)
# Keras's own layers that compute the same wherever all their attributes are the same;
# a test trains each of them in a shared program and by `Model.fit`.
_SHAREABLE_NAMES = """
    InputLayer Identity Dense EinsumDense Embedding Activation ReLU LeakyReLU ELU
    PReLU Softmax Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D
    AlphaDropout GaussianDropout GaussianNoise ActivityRegularization
    BatchNormalization LayerNormalization GroupNormalization UnitNormalization
    RMSNormalization Flatten Reshape Permute RepeatVector Cropping1D Cropping2D
    Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose
    SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D MaxPooling1D
    MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D Add Subtract Multiply Average
    Maximum Minimum Concatenate Dot Masking GRU GRUCell LSTM LSTMCell SimpleRNN
    SimpleRNNCell RNN StackedRNNCells Bidirectional TimeDistributed MultiHeadAttention
    GroupQueryAttention Attention AdditiveAttention Rescaling
"""
SHAREABLE = frozenset(getattr(layers, name) for name in _SHAREABLE_NAMES.split())
# Attributes of a layer that count nothing: what Keras keeps to track, name and save it.
_NOISE = {"_tracker", "_lock", "_tracked", "_inbound_nodes", "_outbound_nodes"}
_NOISE |= {"_losses", "_loss_ids", "_losses_override", "_call_signature", "_called"}
_NOISE |= {"_build_shapes_dict", "_path", "_parent_path", "_metrics", "_layers"}
_NOISE |= {"_trainable_variables", "_non_trainable_variables", "_seed_generators"}
_NOISE |= {"_auto_config", "_saved_model_inputs_spec", "_saved_model_arg_spec"}
_NOISE |= {"is_gptq_calibrated", "is_awq_calibrated"}  # set on loading
_NOISE |= {"_dropout_mask", "_recurrent_dropout_mask"}  # of one call
_NOISE |= {"build", "quantize"}  # wrapped by Keras, and done before training
_OF_COMPILE = ("loss", "loss_weights", "metrics", "weighted_metrics")


class Sharing(NamedTuple):
    """By what a model's program is known.

    Parameters
    ----------
    key : str
        Equal for models that one program can train.
    has_own_code : bool
        Whether a loss or metric is the user's own, whose globals may change later.
    """

    key: str
    has_own_code: bool


def trains_in_graph(model: keras.Model) -> bool:
    """Tell whether the loop in the graph trains a model as ``Model.fit`` would.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    bool
        False for subclassed models, overridden methods, eager runs, models that keep a
        state between batches or want batches of one size.
    """
    if type(model) not in PLAIN or model.run_eagerly:
        return False
    inner = list(model._flatten_layers(include_self=False))
    if any(getattr(layer, "stateful", False) for layer in inner):
        return False
    if any(tensor.shape[0] is not None for tensor in model.inputs):
        return False
    return not _has_methods_of_its_own(model)


def _has_methods_of_its_own(model: keras.Model) -> bool:
    """Tell whether somebody has put functions in the place of an object's methods."""
    replaced = {n for n in vars(model) if callable(getattr(type(model), n, None))}
    return bool(replaced - {"build", "quantize", "loss"})  # which Keras itself sets


def sharing(model: keras.Model) -> Sharing | None:
    """Tell by what key a compiled model finds programs that train it.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    Sharing or None
        None for a model that has to be traced for itself: layers, regularizers,
        optimizers and the like that are not Keras's own, or whose state is not known.

    Examples
    --------
    >>> import keras
    >>> from skrec.training.structure import sharing
    >>> def build(rate):
    ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(rate)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> sharing(build(0.1)) == sharing(build(0.2))
    True
    """
    if not trains_in_graph(model) or not _is_known(model.optimizer):
        return None
    digester = _NetworkDigester()
    try:
        digester.add_network(model)
        digester.allows_own_code = True
        digester.add(compile_items(model))
        optimizer = graph_key(model.optimizer, has_embeddings(model))
        return Sharing(
            digester.of([optimizer, keras_settings()]), digester.has_own_code
        )
    except (CannotDigestError, RecursionError):
        return None


def network_digest(model: keras.Model) -> str:
    """Return the digest of all that a compiled model's training depends on.

    Parameters
    ----------
    model : keras.Model
        A compiled functional or Sequential model; layers may be the user's own.

    Returns
    -------
    str
        Equal in all processes for models that train alike from the same state.

    Raises
    ------
    CannotDigestError
        If something in it has no value to know it by.
    """
    digester = _OwnNetworkDigester()
    return digester.of([model, compile_items(model), model.optimizer])


def layers_digest(model: keras.Model) -> str:
    """Return the digest of a model's layers, weights and connections.

    Parameters
    ----------
    model : keras.Model
        A functional or Sequential model; layers may be the user's own.

    Returns
    -------
    str
        Equal for models that compute the same.

    Raises
    ------
    CannotDigestError
        If something in it has no value to know it by.
    """
    return _OwnNetworkDigester().of(model)


def compiled_parts(model: keras.Model) -> Any:
    """Return a value of what training compiles: all but weights and learning rate.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    str or list of bool
        Equal before and after a change that compiled training cannot follow; where
        something has no value to know it by, the weights that are trainable.
    """
    settings = {**optimizer_items(model.optimizer), "learning_rate": None}
    try:
        return _CompiledDigester().of([model, compile_items(model), settings])
    except (CannotDigestError, RecursionError):
        return [variable.trainable for variable in model.weights]


def compile_items(model: keras.Model) -> dict[str, Any]:
    """Return what a model was compiled with, beside its optimizer.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    dict
        Arguments of ``compile``.
    """
    config = model._compile_config.config
    return {name: config.get(name) for name in _OF_COMPILE}


def compile_kwargs(model: keras.Model) -> dict[str, Any]:
    """Return arguments of ``compile`` that make another model train like this one.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    dict
        Arguments with a loss, an optimizer and metrics of their own.
    """
    kwargs = fresh(compile_items(model))
    return {**kwargs, "optimizer": fresh(model.optimizer)}


def dropout_rates(model: keras.Model) -> dict[str, float]:
    """Return the rate of each layer that a program makes tunable, by its name.

    Parameters
    ----------
    model : keras.Model
        The model.

    Returns
    -------
    dict of str to float
        Rates, as :func:`~skrec.training._stand_ins.name_of_own_rate` names them.
    """
    own = [layer.rate for layer in model.layers if type(layer) is layers.Dropout]
    return {name_of_own_rate(k): rate for k, rate in enumerate(own)}


def _is_known(optimizer: keras.optimizers.Optimizer) -> bool:
    """Tell whether an optimizer is Keras's own, inside and out."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return is_from_keras(type(optimizer)) and (inner is None or _is_known(inner))


class _NetworkDigester(Digester):
    """Reads models made of Keras's own listed layers; refuses all else."""

    allows_own_code = False

    def __init__(self) -> None:
        super().__init__()
        self.has_own_code = False
        self._tunable: set[int] = set()
        self._of_metrics: set[int] = set()

    def add_network(self, model: keras.Model) -> None:
        """Feed a model whose own ``Dropout`` layers have rates that are numbers."""
        kinds = (layers.Dropout, TunedDropout)
        self._tunable = {id(layer) for layer in model.layers if type(layer) in kinds}
        self.add(model)

    def _add_named(self, item: Any) -> None:
        if not name_in_library(item):
            if not self.allows_own_code:
                raise CannotDigestError(f"{item.__qualname__}, which is not Keras's")
            self.has_own_code = True
        super()._add_named(item)

    def _add_object(self, item: Any) -> None:
        if isinstance(item, keras.Initializer):
            self.put("initializer")  # whose weights are there already
        elif isinstance(item, keras.random.SeedGenerator):
            self.put("seeds")  # a state that each fit brings along
        elif isinstance(item, keras.KerasTensor):
            self.put("symbolic", f"{item.shape} {item.dtype}".encode())
        elif isinstance(item, keras.Variable | tf.Variable):
            if not self.is_known(item):
                self._add_variable(item)
        elif isinstance(item, keras.metrics.Metric):
            self._of_metrics |= {id(variable) for variable in item.variables}
            super()._add_object(item)
        elif isinstance(item, keras.Model):
            if not self.is_known(item):
                self._add_model(item)
        elif isinstance(item, Operation):
            if not self.is_known(item):
                self._add_operation(item)
        else:
            super()._add_object(item)

    def _add_variable(self, variable: Any) -> None:
        """Feed a weight or a metric's variable; others, a program would hold on to."""
        if id(variable) not in self._of_metrics and (
            self.allows_own_code or not isinstance(variable, keras.Variable)
        ):
            raise CannotDigestError("a variable that is no layer's")
        self._add_weight(variable)

    def _add_weight(self, variable: keras.Variable) -> None:
        if variable.overwrite_with_gradient:  # which the fused updates do not know
            raise CannotDigestError("a weight that its gradient overwrites")
        self.put("weight", f"{variable.shape} {variable.dtype}".encode())
        self.add([variable.trainable, variable.regularizer, variable.constraint])

    def _add_operation(self, operation: Operation) -> None:
        """Feed a layer, or one of ``keras.ops`` in a functional model."""
        kind = type(operation)
        is_tunable = id(operation) in self._tunable
        if is_tunable:
            kind = layers.Dropout
        if isinstance(operation, keras.Layer) and not self._allows(kind):
            raise CannotDigestError(f"a layer of type {kind.__qualname__}")
        skip = {"rate", "seed", "seed_generator", "tuned_rate"} if is_tunable else set()
        if kind is layers.Discretization:
            skip = {"summary"}  # which only `adapt` reads
        is_free = is_made_up(operation.name, kind) and not reads_name(operation)
        if kind is layers.InputLayer or is_free:
            skip = skip | {"name"}
        self.put("operation")
        self.add(kind)
        self.add(
            {
                name: value
                for name, value in vars(operation).items()
                if name not in _NOISE | OF_TRACKING | skip
            }
        )

    def _allows(self, kind: type) -> bool:
        return kind in SHAREABLE

    def _add_model(self, model: keras.Model) -> None:
        """Feed the layers of a model and how they are connected."""
        if type(model) not in PLAIN:
            raise CannotDigestError(f"a model of type {type(model).__qualname__}")
        if _has_methods_of_its_own(model):
            raise CannotDigestError("a model with a method of its own")
        self.put("model", type(model).__name__.encode())
        self.add([model._trainable, model.dtype_policy, model.activity_regularizer])
        if isinstance(model, keras.Sequential):
            self.add(list(model._layers))
            model = model._functional
            if model is None:
                return
        numbers: dict[int, int] = {}

        def place(item: Any) -> Any:
            if not isinstance(item, keras.KerasTensor):
                return item
            operation, node, output = item._keras_history
            number = numbers[id(operation._inbound_nodes[node])]
            return f"output {output} of node {number}: {item.shape} {item.dtype}"

        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                arguments = [node.arguments.args, node.arguments.kwargs]
                if not node.is_input:
                    self.add(keras.tree.map_structure(place, arguments))
                self.add(node.operation)
                numbers[id(node)] = len(numbers)
        ends = [model._inputs_struct, model._outputs_struct]
        self.add(keras.tree.map_structure(place, ends))
        if len(model.outputs) > 1:  # by which losses and metrics are told apart
            self.add(model.output_names)


class _OwnNetworkDigester(_NetworkDigester):
    """Reads layers of the user's own as well, by their code and attributes."""

    allows_own_code = True

    def _add_variable(self, variable: Any) -> None:
        if isinstance(variable, keras.Variable):
            self._add_weight(variable)
        self.add(variable.numpy())  # it may be none of the model's weights

    def _allows(self, kind: type) -> bool:
        return True


class _CompiledDigester(_OwnNetworkDigester):
    """Reads what is fixed when training is compiled, which no value of a weight is."""

    def _add_variable(self, variable: Any) -> None:
        self.put("variable", f"{variable.shape} {variable.dtype}".encode())
        self.add(getattr(variable, "trainable", None))


def copies_equal(model: keras.Model, key: str) -> bool:
    """Tell whether the copy that a program trains computes what the original does.

    Parameters
    ----------
    model : keras.Model
        The compiled copy.
    key : str
        Key of the original.

    Returns
    -------
    bool
        Whether the copy has the same.
    """
    found = sharing(model)
    return found is not None and found.key == key
