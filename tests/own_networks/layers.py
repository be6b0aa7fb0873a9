"""Networks of Keras's own layers: attention, recurrent, convolutions, norms, noise."""

import keras

from tests.own_networks.bench import Networks

L = keras.layers
NETWORKS = Networks()
network = NETWORKS.add


def sgd():
    """Where a gradient is zero but for rounding, Adam makes steps of the rounding."""
    return {"optimizer": keras.optimizers.SGD(0.1, momentum=0.5)}


def stack(shape, *layers, units=1, activation=None):
    """Return a Sequential model that ends in a Dense layer."""
    return keras.Sequential(
        [keras.Input(shape), *layers, L.Dense(units, activation, name="head")]
    )


# ---- attention -----------------------------------------------------------------------


@network(x="sequence", y="classes", compile=sgd, nightly=True)
def multi_head_attention():
    x = keras.Input((5, 4))
    h = L.MultiHeadAttention(2, 3, dropout=0.2, seed=1)(x, x)
    h = L.GlobalAveragePooling1D()(h)
    return keras.Model(x, L.Dense(3, "softmax")(h))


@network(x="sequence", nightly=True)
def attention():
    x = keras.Input((5, 4))
    h = L.Attention(use_scale=True, dropout=0.2, seed=1)([L.Dense(3)(x), L.Dense(3)(x)])
    return keras.Model(x, L.Dense(1)(L.Flatten()(h)))


@network(x="sequence", nightly=True)
def additive_attention():
    x = keras.Input((5, 4))
    h = L.AdditiveAttention(dropout=0.2, seed=1)([x, L.Dense(4, "tanh")(x)])
    return keras.Model(x, L.Dense(1)(L.GlobalMaxPooling1D()(h)))


@network(x="sequence", compile=sgd, nightly=True)
def grouped_query_attention():
    x = keras.Input((5, 4))
    h = L.GroupQueryAttention(2, 4, 2, dropout=0.1, seed=1)(x, x)
    return keras.Model(x, L.Dense(1)(L.Flatten()(h)))


@network(x="ids", y="classes", compile=sgd, validation=True, nightly=True)
def transformer_block():
    x = keras.Input((5,), dtype="int32")
    h = L.Embedding(10, 4)(x)
    a = L.MultiHeadAttention(2, 2, dropout=0.1, seed=1)(h, h, use_causal_mask=True)
    h = L.LayerNormalization()(h + a)
    f = L.Dropout(0.1, seed=2)(L.Dense(4)(L.Dense(8, "gelu")(h)))
    h = L.LayerNormalization()(h + f)
    return keras.Model(x, L.Dense(3, "softmax")(L.Flatten()(h)))


# ---- recurrent -----------------------------------------------------------------------


@network(x="sequence", nightly=True)
def time_distributed():
    inner = keras.Sequential([L.Dense(3, "relu"), L.Dropout(0.2, seed=1)])
    return stack((5, 4), L.TimeDistributed(inner), L.Flatten())


@network(x="sequence", nightly=True)
def bidirectional():
    return stack((5, 4), L.Bidirectional(L.LSTM(3)))


@network(x="sequence", nightly=True)
def lstm_with_dropout():
    return stack((5, 4), L.LSTM(3, dropout=0.2, recurrent_dropout=0.3, seed=1))


@network(x="sequence", nightly=True)
def gru_and_simple_rnn_with_dropout():
    first = L.GRU(3, dropout=0.2, recurrent_dropout=0.3, seed=1, return_sequences=True)
    return stack((5, 4), first, L.SimpleRNN(2, dropout=0.2, seed=2))


@network(x="sequence", nightly=True)
def stacked_cells():
    cells = [L.GRUCell(3, dropout=0.2, seed=1), L.SimpleRNNCell(2)]
    return stack((5, 4), L.RNN(L.StackedRNNCells(cells)))


@network(x="sequence", n_rows=64, nightly=True)
def stateful_rnn():
    x = keras.Input(batch_shape=(16, 5, 4))
    return keras.Model(x, L.Dense(1)(L.GRU(3, stateful=True)(x)))


@network(x="image", nightly=True)
def convolutional_lstm():
    return stack((8, 8, 2), L.ConvLSTM1D(2, 3, dropout=0.1, seed=1), L.Flatten())


@network(x="ids", nightly=True)
def embedding_with_mask():
    x = keras.Input((5,), dtype="int32")
    h = L.Embedding(10, 3, mask_zero=True)(x)
    return keras.Model(x, L.Dense(1)(L.LSTM(3)(h)))


@network(x="padded", nightly=True)
def masking():
    return stack((5, 4), L.Masking(), L.GRU(3))


# ---- blocks and models inside models -------------------------------------------------


@network(validation=True, nightly=True)
def residual_blocks():
    x = h = keras.Input((6,))
    for seed in (1, 2):
        inner = L.BatchNormalization()(L.Dense(6, "relu")(h))
        h = L.Add()([h, L.Dropout(0.2, seed=seed)(inner)])
    return keras.Model(x, L.Dense(1)(h))


@network(y="classes", nightly=True)
def inner_model():
    x = keras.Input((6,))
    encoder = keras.Sequential(
        [keras.Input((6,)), L.Dense(5, "relu"), L.Dropout(0.2, seed=1)], name="encoder"
    )
    return keras.Model(x, L.Dense(3, "softmax")(encoder(x)))


@network(nightly=True)
def inner_model_called_twice():
    x = keras.Input((6,))
    inner = keras.Sequential([L.Dense(6, "tanh"), L.GaussianNoise(0.2, seed=1)])
    return keras.Model(x, L.Dense(1)(inner(inner(x))))


@network(validation=True, nightly=True)
def frozen_pretrained_model():
    """A small one; the next networks have the real ones."""
    x = keras.Input((6,))
    base = keras.Sequential([L.Dense(5, "relu"), L.BatchNormalization()], name="base")
    base.build((None, 6))
    base.trainable = False
    return keras.Model(x, L.Dense(1)(base(x)))


@network(x="photo", y="binary", nightly=True)
def mobile_net_frozen():
    x = keras.Input((32, 32, 3))
    base = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg"
    )
    base.trainable = False
    return keras.Model(x, L.Dense(1, "sigmoid")(base(x, training=False)))


@network(x="photo", y="binary", compile=sgd, nightly=True)
def mobile_net_fine_tuned():
    """In double precision: rounding grows through 52 layers and 15 steps."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        base = keras.applications.MobileNetV2(
            (32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg"
        )
        return keras.Model(base.input, L.Dense(1, "sigmoid")(base.output))
    finally:
        keras.config.set_dtype_policy(policy)


# ---- normalisation -------------------------------------------------------------------


@network(validation=True)
def batch_normalization():
    return stack(
        (6,), L.Dense(5, use_bias=False), L.BatchNormalization(momentum=0.5), L.ReLU()
    )


@network(x="image", compile=sgd, nightly=True)
def layer_and_group_normalization():
    return stack(
        (8, 8, 2),
        L.Conv2D(4, 3, strides=2, use_bias=False),
        L.GroupNormalization(2),
        L.LayerNormalization(axis=[1, 2]),
        L.Flatten(),
    )


@network(nightly=True)
def unit_and_rms_normalization():
    return stack((6,), L.Dense(5), L.RMSNormalization(), L.UnitNormalization())


@network(nightly=True)
def spectral_normalization():
    return stack((6,), L.SpectralNormalization(L.Dense(5, "relu"), power_iterations=2))


# ---- dropout and noise ---------------------------------------------------------------


@network(validation=True, nightly=True)
def dropout():
    return stack((6,), L.Dense(8, "relu"), L.Dropout(0.3, seed=1))


@network(x="sequence", nightly=True)
def dropout_with_noise_shape():
    drop = L.Dropout(0.3, noise_shape=(None, 1, 4), seed=1)
    return stack((5, 4), drop, L.Flatten())


@network(x="sequence", nightly=True)
def spatial_dropout_1d():
    return stack((5, 4), L.SpatialDropout1D(0.3, seed=1), L.Flatten())


@network(x="image", nightly=True)
def spatial_dropout_2d():
    return stack(
        (8, 8, 2), L.Conv2D(4, 3), L.SpatialDropout2D(0.3, seed=1), L.Flatten()
    )


@network(x="volume", nightly=True)
def spatial_dropout_3d():
    return stack(
        (4, 4, 4, 2), L.Conv3D(4, 2), L.SpatialDropout3D(0.3, seed=1), L.Flatten()
    )


@network(nightly=True)
def every_noise():
    return stack(
        (6,),
        L.GaussianNoise(0.2, seed=1),
        L.Dense(8, "selu"),
        L.AlphaDropout(0.1, seed=2),
        L.GaussianDropout(0.1, seed=3),
    )


@network()
def dropout_seeded_by_keras():
    """No seed of its own: it is drawn while the model is built."""
    return stack((6,), L.Dense(8, "relu"), L.Dropout(0.3), L.GaussianNoise(0.1))


@network(nightly=True)
def activity_regularization():
    return stack(
        (6,),
        L.Dense(5, "tanh", activity_regularizer=keras.regularizers.L2(0.1)),
        L.ActivityRegularization(l1=0.01, l2=0.02),
    )


# ---- convolutions, pooling and shapes ------------------------------------------------


@network(x="image", y="classes", nightly=True)
def convolution_and_pooling():
    return stack(
        (8, 8, 2),
        L.Conv2D(3, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.UpSampling2D(),
        L.AveragePooling2D(2),
        L.Flatten(),
        units=3,
        activation="softmax",
    )


@network(x="image", nightly=True)
def separable_and_transposed_convolution():
    return stack(
        (8, 8, 2),
        L.ZeroPadding2D(1),
        L.SeparableConv2D(3, 3),
        L.DepthwiseConv2D(3),
        L.Conv2DTranspose(2, 2),
        L.Cropping2D(1),
        L.GlobalMaxPooling2D(),
    )


@network(x="sequence", nightly=True)
def convolution_1d():
    causal = L.Conv1D(3, 2, padding="causal", dilation_rate=2)
    return stack((5, 4), causal, L.MaxPooling1D(), L.Flatten())


@network(x="sequence", nightly=True)
def shapes():
    return stack(
        (5, 4),
        L.Permute((2, 1)),
        L.EinsumDense("abc,cd->abd", (4, 3), bias_axes="d"),
        L.Reshape((3, 4)),
        L.Flatten(),
        L.RepeatVector(2),
        L.Flatten(),
        L.PReLU(),
        L.LeakyReLU(),
    )


@network(nightly=True)
def merges():
    x = keras.Input((6,))
    a, b = L.Dense(3)(x), L.Dense(3, "tanh")(x)
    merged = [kind()([a, b]) for kind in (L.Multiply, L.Average, L.Maximum, L.Subtract)]
    merged.append(L.Dot(axes=1)([a, b]))
    return keras.Model(x, L.Dense(1)(L.Concatenate()(merged)))


@network(x="image", nightly=True)
def image_augmentation():
    return stack(
        (8, 8, 2),
        L.RandomFlip(seed=1),
        L.RandomTranslation(0.2, 0.2, seed=2),
        L.Conv2D(2, 3),
        L.Flatten(),
    )


@network(nightly=True)
def lambdas():
    scale = 2.0
    return stack(
        (6,),
        L.Lambda(lambda x: x * scale),
        L.Dense(4),
        L.Lambda(lambda x, power=2: keras.ops.tanh(x) ** power),
    )


@network(nightly=True)
def operations_in_the_graph():
    x = keras.Input((6,))
    h = keras.ops.concatenate([keras.ops.sin(x), x[:, :2] ** 2 + 1.0], axis=-1)
    return keras.Model(x, L.Dense(1)(h / (1 + keras.ops.abs(h))))


# ---- precision -----------------------------------------------------------------------


# A bfloat16 has 8 bits: where a sum is rounded depends on how the graph fuses it.
@network(tolerance=2e-2, nightly=True)
def mixed_bfloat16():
    policy = "mixed_bfloat16"
    x = keras.Input((6,))
    h = L.Dense(8, "tanh", dtype=policy)(x)
    return keras.Model(x, L.Dense(1, dtype="float32")(h))


@network(nightly=True, y="double", compile=lambda: {"loss": "mae"})
def double_precision():
    x = keras.Input((6,), dtype="float64")
    h = L.Dense(8, "tanh", dtype="float64")(x)
    return keras.Model(x, L.Dense(1, dtype="float64")(h))
