"""A bounded, thread-safe store of compiled programs, each leased to one fit alone."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from skrec.training._seeds import global_generators
from skrec.training.program import Program


class CacheInfo(NamedTuple):
    """Counts of the program cache of this process.

    Parameters
    ----------
    hits, misses : int
        Leases that found an idle program, and those that had to build one.
    maxsize : int
        Number of idle programs that are kept.
    currsize : int
        Number of idle programs at this moment.
    traces : int
        Training graphs traced.

    Examples
    --------
    >>> from skrec.training import cache_info
    >>> cache_info().maxsize
    32
    """

    hits: int
    misses: int
    maxsize: int
    currsize: int
    traces: int


class ProgramCache:
    """Idle programs by key, the least recently used of which is dropped first.

    A program holds variables, so that two fits must never use one at the same time: a
    lease takes it out of the store, and a second fit that asks for the same key while
    it is out gets another one.

    Parameters
    ----------
    maxsize : int, default=32
        Number of idle programs to keep.

    Examples
    --------
    >>> from skrec.training.cache import ProgramCache
    >>> ProgramCache(maxsize=2).info().currsize
    0
    """

    def __init__(self, maxsize: int = 32) -> None:
        self.maxsize = maxsize
        self._idle: OrderedDict[Hashable, list[Program]] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = self._traces = 0

    @contextmanager
    def lease(
        self,
        key: Hashable,
        build: Callable[[], Program],
        is_current: Callable[[Program], bool] | None = None,
    ) -> Iterator[Program]:
        """Lend out the program of `key`, built if none is idle.

        Parameters
        ----------
        key : hashable
            What shapes the program's graph.
        build : callable
            Function that makes the program.
        is_current : callable, default=None
            Tells whether an idle program still does what its key says; it is dropped
            if not. None where nothing can have changed.

        Yields
        ------
        Program
            A program that nobody else uses until the block ends.
        """
        with self._lock:
            programs = self._idle.get(key)
            program = programs.pop() if programs else None
            if programs == []:
                del self._idle[key]
        if program is not None and is_current is not None and not is_current(program):
            program = None
        with self._lock:
            if program is None:
                self._misses += 1
            else:
                self._hits += 1
        if program is None:
            # Keras draws the seeds of initialisers from Python's global generator.
            with global_generators(0):
                program = build()
        with self.counted(program):
            try:
                yield program
            finally:
                with self._lock:
                    self._idle.setdefault(key, []).append(program)
                    self._idle.move_to_end(key)
                    while self._n_idle() > self.maxsize:
                        oldest = next(iter(self._idle))
                        self._idle[oldest].pop(0)
                        if not self._idle[oldest]:
                            del self._idle[oldest]

    @contextmanager
    def counted(self, program: Program) -> Iterator[None]:
        """Count what is traced of a program, whether it is shared or not.

        Parameters
        ----------
        program : Program
            A program that somebody uses until the block ends.
        """
        traces = program.n_traces
        try:
            yield
        finally:
            with self._lock:
                self._traces += program.n_traces - traces

    def _n_idle(self) -> int:
        return sum(len(programs) for programs in self._idle.values())

    def info(self) -> CacheInfo:
        """Return hits, misses, bound, idle programs and training graphs traced.

        Returns
        -------
        CacheInfo
            The counts since the process started or the cache was cleared.
        """
        with self._lock:
            return CacheInfo(
                self._hits, self._misses, self.maxsize, self._n_idle(), self._traces
            )

    def clear(self) -> None:
        """Drop every idle program and set the counts to zero."""
        with self._lock:
            self._idle.clear()
            self._hits = self._misses = self._traces = 0


PROGRAMS = ProgramCache()


def lease(
    key: Hashable,
    build: Callable[[], Program],
    is_current: Callable[[Program], bool] | None = None,
) -> AbstractContextManager[Program]:
    """Lease a program from this process's cache; see :meth:`ProgramCache.lease`.

    Parameters
    ----------
    key : hashable
        What shapes the program's graph.
    build : callable
        Function that makes the program if none is idle.
    is_current : callable, default=None
        Tells whether an idle program may be used.

    Returns
    -------
    context manager of Program
        Gives a program that nobody else uses until the block ends.

    Examples
    --------
    >>> from skrec.networks import build_mlp
    >>> from skrec.training.cache import lease
    >>> from skrec.training.program import Program
    >>> def build():
    ...     model = build_mlp(input_shape=(4,), n_outputs=1, units=(8,))
    ...     return Program(model, {"optimizer": "adam", "loss": "mse"}, "/CPU:0")
    >>> with lease("example", build) as program:
    ...     program.model.count_params()
    49
    """
    return PROGRAMS.lease(key, build, is_current)


def cache_info() -> CacheInfo:
    """Return the counts of this process's program cache.

    Returns
    -------
    CacheInfo
        ``hits``, ``misses``, ``maxsize``, ``currsize`` (idle programs) and ``traces``
        (training graphs traced: one for each architecture, however many learning rates,
        batch sizes, dropout rates and folds a search has).

    Examples
    --------
    >>> from skrec.training import cache_clear, cache_info
    >>> cache_clear()
    >>> cache_info().traces
    0
    """
    return PROGRAMS.info()


def cache_clear() -> None:
    """Drop the idle programs of this process and reset the counts.

    Examples
    --------
    >>> from skrec.training import cache_clear, cache_info
    >>> cache_clear()
    >>> cache_info().currsize
    0
    """
    PROGRAMS.clear()
