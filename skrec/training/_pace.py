"""An epoch in calls short enough for Ctrl-C: Python hears of it between two of them."""

from collections.abc import Hashable, Iterator
from time import perf_counter

# What a call is to take. TensorFlow lets no signal through before its end.
CALL_SECONDS = 0.25
# A call has at most so many times the steps of the last one: the first of a graph is
# slower than those that follow, and the first steps may be quicker than the next.
GROWTH = 8


class Pace:
    """Cuts the steps of a graph into calls, by how long its last steps took."""

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[int, float]] = {}  # steps, and seconds of them

    def calls(self, kind: Hashable, n_steps: int) -> Iterator[slice]:
        """Yield the steps of each call; what is done before the next is timed.

        Parameters
        ----------
        kind : hashable
            The graph, and whatever else the time of a step depends on.
        n_steps : int
            Number of steps to go.

        Yields
        ------
        slice
            The next steps.
        """
        first = 0
        while first < n_steps:
            steps = slice(first, min(first + self._at_once(kind), n_steps))
            began = perf_counter()
            yield steps
            self._last[kind] = steps.stop - first, perf_counter() - began
            first = steps.stop

    def _at_once(self, kind: Hashable) -> int:
        if kind not in self._last:
            return 1
        n_steps, seconds = self._last[kind]
        fits = CALL_SECONDS / max(seconds / n_steps, 1e-9)
        return max(1, min(int(fits), GROWTH * n_steps))
