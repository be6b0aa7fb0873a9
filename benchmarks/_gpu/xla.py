"""An epoch in one graph that XLA compiles, in the benchmark alone.

It subclasses what is private to skrec: XLA takes no batch whose size is an input of the
graph, so that each size needs a program, and is compiled, for itself.
"""

from functools import partial
from typing import Any

import tensorflow as tf

from skrec.training.program import Program


class EpochInXla(Program):
    """A program whose epoch of `n_rows` rows in batches of `batch_size` is compiled.

    What it trains is what `Program` trains, up to the order of additions.
    """

    def __init__(
        self, *args: Any, n_rows: int, batch_size: int, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.n_rows, self.batch_size = n_rows, batch_size

    def _train_graph(self, weighted: bool, *tensors: Any) -> Any:
        graph = partial(super()._train_graph, weighted)
        return tf.function(graph, autograph=False, jit_compile=True)(*tensors)

    def _calls(self, run: Any, rows: Any, batch_size: int) -> Any:
        yield slice(None), rows  # all steps in one call, which no Ctrl-C cuts

    def _walk(
        self,
        run_step: Any,
        x: Any,
        y: Any,
        weight: Any,
        order: Any,
        size: Any,
        total: Any,
    ) -> Any:
        n_full, n_left = divmod(self.n_rows, self.batch_size)

        def walked(step: Any, total: Any, size: int) -> Any:
            rows = tf.slice(order, [step * self.batch_size], [size])
            batch = tf.nest.map_structure(
                lambda array: tf.gather(array, rows), (x, y, weight)
            )
            loss = tf.reduce_mean(tf.cast(run_step(batch, step), total.dtype))
            return total + loss * size

        total = tf.while_loop(
            lambda step, _: step < n_full,
            lambda step, total: (step + 1, walked(step, total, self.batch_size)),
            (tf.constant(0), total),
        )[1]
        return walked(tf.constant(n_full), total, n_left) if n_left else total
