"""Networks that begin with what a preprocessing layer has learnt from data."""

import keras
import numpy as np
import tensorflow as tf

from tests.own_networks import rows
from tests.own_networks.bench import Networks
from tests.own_networks.layers import L, stack

NETWORKS = Networks()
network = NETWORKS.add


def adapted(layer, kind):
    X = rows.features(kind)[: rows.N_TRAIN]
    layer.adapt(tf.constant(X) if X.dtype == object else X)
    return layer


@network(x="shifted", validation=True, nightly=True)
def normalization_adapted():
    return stack((6,), adapted(L.Normalization(), "shifted"), L.Dense(4, "tanh"))


@network(x="shifted", nightly=True)
def normalization_given():
    return stack((6,), L.Normalization(mean=500.0, variance=2500.0), L.Dense(4, "tanh"))


@network(x="large_ids", y="classes", nightly=True)
def integer_lookup():
    x = keras.Input((2,), dtype="int64")
    h = L.Embedding(8, 3)(adapted(L.IntegerLookup(), "large_ids")(x))
    return keras.Model(x, L.Dense(3, "softmax")(L.Flatten()(h)))


@network(x="words", y="classes")
def string_lookup():
    x = keras.Input((2,), dtype="string")
    h = adapted(L.StringLookup(), "words")(x)
    h = L.Flatten()(L.Embedding(10, 3)(h))
    return keras.Model(x, L.Dense(3, "softmax")(h))


@network(x="words", nightly=True)
def string_lookup_multi_hot():
    x = keras.Input((2,), dtype="string")
    lookup = L.StringLookup(vocabulary=rows.WORDS.tolist(), output_mode="multi_hot")
    return keras.Model(x, L.Dense(1)(lookup(x)))


@network(x="texts", y="binary", validation=True)
def text_vectorization():
    x = keras.Input((1,), dtype="string")
    h = adapted(L.TextVectorization(output_sequence_length=4), "texts")(x)
    h = L.GlobalAveragePooling1D()(L.Embedding(10, 3)(h))
    return keras.Model(x, L.Dense(1, "sigmoid")(h))


@network(x="texts", nightly=True)
def text_vectorization_tf_idf():
    x = keras.Input((1,), dtype="string")
    h = adapted(L.TextVectorization(output_mode="tf_idf"), "texts")(x)
    return keras.Model(x, L.Dense(1)(h))


@network(nightly=True)
def discretization():
    x = keras.Input((6,))
    h = adapted(L.Discretization(num_bins=4), "table")(x)
    return keras.Model(x, L.Dense(1)(L.Flatten()(L.Embedding(5, 2)(h))))


@network(x="ids", nightly=True)
def rescaling_and_category_encoding():
    x = keras.Input((5,), dtype="int32")
    many_hot = L.CategoryEncoding(10, output_mode="multi_hot")(x)
    scaled = L.Rescaling(0.1, -0.5)(x)
    return keras.Model(x, L.Dense(1)(L.Concatenate()([many_hot, scaled])))


@network(x="ids", nightly=True)
def hashing():
    x = keras.Input((5,), dtype="int32")
    h = L.Embedding(4, 2)(L.Hashing(4, salt=3)(x))
    return keras.Model(x, L.Dense(1)(L.Flatten()(h)))


@network(x="words", nightly=True)
def hashed_crossing():
    x = keras.Input((2,), dtype="string")
    crossed = L.HashedCrossing(16, output_mode="one_hot")((x[:, :1], x[:, 1:]))
    return keras.Model(x, L.Dense(1)(crossed))


@network(x="shifted", nightly=True)
def adapted_in_an_inner_model():
    norm = adapted(L.Normalization(), "shifted")
    inner = keras.Sequential([keras.Input((6,)), norm, L.Dense(3, "relu")])
    return stack((6,), inner)


# ---- models that were built before ---------------------------------------------------


@network(x="shifted", prebuilt=True, nightly=True)
def prebuilt_with_adapted_state():
    model = stack((6,), adapted(L.Normalization(), "shifted"), L.Dense(4, "tanh"))
    model.layers[1].set_weights([w + 0.2 for w in model.layers[1].get_weights()])
    return model


@network(x="words", y="binary", prebuilt=True, nightly=True)
def prebuilt_with_vocabulary():
    x = keras.Input((2,), dtype="string")
    h = L.Flatten()(L.Embedding(10, 3)(adapted(L.StringLookup(), "words")(x)))
    return keras.Model(x, L.Dense(1, "sigmoid")(h))


@network(prebuilt=True, compiled=True, nightly=True)
def prebuilt_compiled_and_trained():
    model = stack(
        (6,), L.Dense(4, "tanh"), L.BatchNormalization(), L.Dropout(0.2, seed=1)
    )
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=False)
    x = np.ones((8, 6), "float32")
    model.fit(x, x[:, 0], epochs=1, verbose=0)
    return model


@network(prebuilt=True, nightly=True)
def prebuilt_frozen():
    model = stack((6,), L.Dense(4, "tanh"), L.BatchNormalization())
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    return model
