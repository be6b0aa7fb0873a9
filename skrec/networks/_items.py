"""The table of items: looked up in histories, and compared with what comes next."""

from typing import Any

import keras
import tensorflow as tf

ops = keras.ops
# Scores of all items, for some targets, that are held at a time: a few MB, which stay
# in a core's cache. On 12,101 items and 2,930 targets that saves a quarter of a step.
CHUNK_FLOATS = 2**21
LOSSES = ("softmax", "sampled_softmax", "bce", "gbce", "bpr_max")
NOT_SAMPLED = LOSSES[:1]
TINY = 1e-24


@keras.saving.register_keras_serializable("skrec")
class ItemTable(keras.layers.Layer):
    """Vectors of items, and the loss of what is predicted to come next.

    Called on codes, it looks vectors up; -1 is padding, whose vector is 0. Called on
    states and targets, it returns the loss, once a row, so that its mean is that over
    all targets of the batch, each times its weight. Slots without a target cost
    nothing.

    Parameters
    ----------
    n_rows : int
        Rows of the table: at least as many as items.
    dim : int
        Length of a vector.
    n_items : float, default=None
        Number of items, of whose codes there are targets; `n_rows` if None. A compiled
        program takes it as an input.
    loss : {"softmax", "sampled_softmax", "bce", "gbce", "bpr_max"}, default="softmax"
        Cross-entropy over all items, or over `n_negatives` drawn at random in each
        batch; binary cross-entropy with some drawn for each target [1]_, or calibrated
        for how few are drawn [2]_; or pairwise against the most likely of those [3]_.
    n_negatives : int, default=256
        Number of items that are drawn; not for "softmax".
    has_bias : bool, default=False
        Whether each item has a number of its own beside its vector.
    stddev : float, default=None
        Size of the initial vectors; those of Glorot and Bengio if None.
    **kwargs : dict
        Arguments of the base class.

    References
    ----------
    .. [1] W.-C. Kang and J. McAuley, "Self-attentive sequential recommendation", ICDM
       2018.
    .. [2] A. Petrov and C. Macdonald, "gSASRec: reducing overconfidence in sequential
       recommendation trained with negative sampling", RecSys 2023.
    .. [3] B. Hidasi and A. Karatzoglou, "Recurrent neural networks with top-k gains for
       session-based recommendations", CIKM 2018.
    """

    def __init__(
        self,
        n_rows: int,
        dim: int,
        n_items: float | None = None,
        loss: str = "softmax",
        n_negatives: int = 256,
        has_bias: bool = False,
        stddev: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True  # padding has a vector of zeros
        self.n_rows, self.dim, self.loss = n_rows, dim, loss
        self.n_negatives, self.has_bias, self.stddev = n_negatives, has_bias, stddev
        self.embeddings_initializer = (
            keras.initializers.GlorotNormal()
            if stddev is None
            else keras.initializers.RandomNormal(stddev=stddev)
        )
        if loss not in NOT_SAMPLED:
            self.seed_generator = keras.random.SeedGenerator(0)
        first = n_rows if n_items is None else n_items
        # Single precision would do up to 16 million.
        self.tuned = {"n_items": tf.Variable(first, trainable=False, dtype="float64")}

    def build(self, *shapes: Any) -> None:
        """Make the table."""
        self.embeddings = self.add_weight(
            shape=(self.n_rows, self.dim),
            initializer=self.embeddings_initializer,
            autocast=False,  # losses are not of halves
            name="embeddings",
        )
        if self.has_bias:
            self.bias = self.add_weight(
                shape=(self.n_rows,),
                initializer="zeros",
                autocast=False,
                name="item_bias",
            )

    def call(
        self,
        codes_or_states: Any,
        targets: Any = None,
        weights: Any = None,
        training: bool = False,
    ) -> Any:
        """Look codes up, or compute the loss of states.

        Parameters
        ----------
        codes_or_states : tensor of int or of float of shape (batch, length, dim)
            Codes of items, or what is compared with their vectors.
        targets : tensor of int of shape (batch, length), default=None
            Codes of the items that came next; -1 for none.
        weights : tensor of shape (batch, length), default=None
            How much each target counts; 1 on average over all that is trained on.
        training : bool, default=False
            Whether the gradient is wanted.

        Returns
        -------
        tensor
            Vectors, or the loss, of shape (batch, 1), equal in all rows.
        """
        if targets is None:
            vectors = self._rows(self.embeddings, codes_or_states)
            vectors = tf.cast(vectors, self.compute_dtype)
            known = tf.cast(codes_or_states >= 0, vectors.dtype)
            return vectors * known[..., None]
        dtype = self.variable_dtype
        places = tf.where(targets >= 0)
        states = tf.cast(tf.gather_nd(codes_or_states, places), dtype)
        wanted = tf.gather_nd(targets, places)
        shares = tf.gather_nd(tf.cast(weights, dtype), places)
        shares /= tf.cast(tf.maximum(tf.size(wanted), 1), dtype)
        if self.loss == "softmax":
            loss = self._softmax(states, wanted, shares, training)
        else:
            loss = tf.reduce_sum(shares * self._sampled(states, wanted))
        return tf.repeat(loss[None, None], tf.shape(targets)[0], axis=0)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        """Pass no mask on: what comes behind has no steps, or asks for them itself."""

    def _rows(self, table: Any, codes: Any) -> Any:
        """Read rows of a table, and no others."""
        return tf.gather(table.value, tf.maximum(codes, 0))

    def _softmax(self, states: Any, wanted: Any, shares: Any, training: bool) -> Any:
        n_items = tf.cast(self.tuned["n_items"], tf.int32)
        vectors = tf.convert_to_tensor(self.embeddings.value)[:n_items]
        if self.has_bias:
            bias = tf.convert_to_tensor(self.bias.value)[:n_items]
            vectors = tf.concat([vectors, bias[:, None]], axis=1)
            states = tf.concat([states, tf.ones_like(states[:, :1])], axis=1)
        size = max(1, CHUNK_FLOATS // self.n_rows)
        if training:
            return _cross_entropy(states, vectors, wanted, shares, size)
        return _cross_entropies(states, vectors, wanted, shares, size)

    def _sampled(self, states: Any, wanted: Any) -> Any:
        """Compare each target with items that are drawn, evenly."""
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        n_items = tf.cast(self.tuned["n_items"], tf.int32)
        if self.loss == "bce":  # of its own for each target
            shape = tf.stack([tf.shape(wanted)[0], self.n_negatives])
        else:
            shape = tf.constant([self.n_negatives])
        drawn = tf.random.stateless_uniform(
            shape, seed, minval=0, maxval=n_items, dtype=tf.int32
        )
        right = tf.reduce_sum(states * self._rows(self.embeddings, wanted), axis=-1)
        others = self._rows(self.embeddings, drawn)
        if self.loss == "bce":
            wrong = tf.einsum("nd,nkd->nk", states, others)
        else:
            wrong = tf.matmul(states, others, transpose_b=True)
        if self.has_bias:
            right += self._rows(self.bias, wanted)
            wrong += self._rows(self.bias, drawn)
        is_target = tf.equal(drawn, wanted[:, None])
        return _LOSSES[self.loss](right, wrong, is_target, n_items)

    def compute_output_spec(
        self, codes_or_states: Any, targets: Any = None, *args: Any, **kwargs: Any
    ) -> keras.KerasTensor:
        """Return the shape of vectors, or of the loss.

        Parameters
        ----------
        codes_or_states, targets : KerasTensor
            What the layer is called on.
        *args, **kwargs : object
            Further arguments of the call.

        Returns
        -------
        KerasTensor
            Without values.
        """
        if targets is None:
            shape = *codes_or_states.shape, self.dim
            return keras.KerasTensor(shape, self.compute_dtype)
        return keras.KerasTensor((codes_or_states.shape[0], 1), self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of.

        Returns
        -------
        dict
            Arguments of the constructor.
        """
        own = {
            name: getattr(self, name)
            for name in ("n_rows", "dim", "loss", "n_negatives", "has_bias", "stddev")
        }
        own["n_items"] = float(self.tuned["n_items"].numpy())
        return {**super().get_config(), **own}


# ---- cross-entropy over all items ----------------------------------------------------


def _losses(states: Any, vectors: Any, columns: Any, wanted: Any) -> tuple[Any, ...]:
    """Return the cross-entropy of each target, and what items' probabilities are of.

    These are the numbers of the second result, divided by their sums, the third.
    TensorFlow's own cross-entropy takes twice as long: it has no vector instructions.
    Products with `columns`, the vectors side by side, take half as long as with rows.
    """
    scores = tf.matmul(states, columns)
    best = tf.reduce_max(scores, axis=1, keepdims=True)
    parts = tf.exp(scores - best)
    totals = tf.reduce_sum(parts, axis=1, keepdims=True)
    own = tf.reduce_sum(states * tf.gather(vectors, wanted), axis=1)
    return (best + tf.math.log(totals))[:, 0] - own, parts, totals


@tf.custom_gradient
def _cross_entropy(
    states: Any, vectors: Any, wanted: Any, shares: Any, size: int
) -> Any:
    """Sum the cross-entropies, with their gradient computed on the way.

    The probabilities of all items are made, used and forgotten for some targets at a
    time, instead of written out for all and read again.
    """
    columns = tf.transpose(vectors)

    def some(start: Any, total: Any, of_states: Any, of_columns: Any) -> Any:
        h, c = states[start : start + size], shares[start : start + size, None]
        wanted_now = wanted[start : start + size]
        losses, parts, totals = _losses(h, vectors, columns, wanted_now)
        expected = tf.matmul(parts, vectors) / totals
        of_states = of_states.write(start // size, expected)
        of_columns += tf.matmul(c / totals * h, parts, transpose_a=True)
        return (
            start + size,
            total + tf.reduce_sum(losses * c[:, 0]),
            of_states,
            of_columns,
        )

    n = tf.shape(states)[0]
    parts = tf.TensorArray(
        states.dtype,
        size=(n + size - 1) // size,
        infer_shape=False,
        element_shape=[None, states.shape[1]],
    )
    total = tf.zeros([], states.dtype)
    start = tf.constant(0), total, parts, tf.zeros_like(columns)
    _, total, parts, of_columns = tf.while_loop(
        lambda start, *_: start < n, some, start, parallel_iterations=1
    )
    expected = tf.cond(n > 0, parts.concat, lambda: tf.zeros_like(states))
    c = shares[:, None]
    of_states = c * (expected - tf.gather(vectors, wanted))
    of_wanted = tf.math.unsorted_segment_sum(c * states, wanted, tf.shape(vectors)[0])
    of_vectors = tf.transpose(of_columns) - of_wanted

    def gradient(upstream: Any) -> tuple[Any, ...]:
        return upstream * of_states, upstream * of_vectors, None, None, None

    return total, gradient


def _cross_entropies(
    states: Any, vectors: Any, wanted: Any, shares: Any, size: int
) -> Any:
    """Sum the cross-entropies, without a gradient."""
    columns = tf.transpose(vectors)

    def some(start: Any, total: Any) -> Any:
        rows = slice(start, start + size)
        losses, *_ = _losses(states[rows], vectors, columns, wanted[rows])
        return start + size, total + tf.reduce_sum(losses * shares[rows])

    n = tf.shape(states)[0]
    start = tf.constant(0), tf.zeros([], states.dtype)
    return tf.while_loop(lambda start, _: start < n, some, start)[1]


# ---- losses against items that are drawn: one a target -------------------------------


def _sampled_softmax(right: Any, wrong: Any, is_target: Any, n_items: Any) -> Any:
    """Cross-entropy against those drawn; the target itself is not one of them."""
    wrong = tf.where(is_target, wrong.dtype.min, wrong)
    scores = tf.concat([right[:, None], wrong], axis=1)
    return tf.reduce_logsumexp(scores, axis=1) - right


def _bce(right: Any, wrong: Any, is_target: Any, n_items: Any) -> Any:
    """Binary cross-entropy: the target is 1, the others are 0."""
    others = tf.where(is_target, tf.zeros_like(wrong), tf.nn.softplus(wrong))
    return tf.nn.softplus(-right) + tf.reduce_mean(others, axis=1)


def _gbce(right: Any, wrong: Any, is_target: Any, n_items: Any) -> Any:
    """Binary cross-entropy, with the target's probability to a power below 1.

    The power makes the probabilities those of training on all items, with t = 0.75 of
    the way there, which the paper found best.
    """
    n_drawn = tf.cast(tf.shape(wrong)[1], right.dtype)
    share = n_drawn / tf.maximum(tf.cast(n_items, right.dtype) - 1, 1)
    share = tf.minimum(share, 1)
    power = share * (0.75 * (1 - 1 / share) + 1 / share)
    others = tf.where(is_target, tf.zeros_like(wrong), tf.nn.softplus(wrong))
    return power * tf.nn.softplus(-right) + tf.reduce_sum(others, axis=1)


def _bpr_max(right: Any, wrong: Any, is_target: Any, n_items: Any) -> Any:
    """Pairwise loss against the likeliest of those drawn, whose scores stay small."""
    wrong = tf.where(is_target, wrong.dtype.min, wrong)
    likely = tf.nn.softmax(wrong, axis=1)
    finite = tf.where(is_target, tf.zeros_like(wrong), wrong)
    better = tf.reduce_sum(likely * tf.sigmoid(right[:, None] - finite), axis=1)
    size = tf.reduce_sum(likely * tf.square(finite), axis=1)
    return -tf.math.log(better + TINY) + size


_LOSSES = {
    "sampled_softmax": _sampled_softmax,
    "bce": _bce,
    "gbce": _gbce,
    "bpr_max": _bpr_max,
}
