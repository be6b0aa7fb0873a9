"""A bounded, thread-safe store of compiled programs, each leased to one fit alone."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from numbers import Integral
from typing import NamedTuple

from skrec.training._global_generators import global_generators
from skrec.training.predictor import PREDICTORS
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
    n_bytes : int
        Bytes of the weights and optimizers of the idle programs.
    max_bytes : int
        How many bytes are kept; see :func:`cache_limit`.

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
    n_bytes: int
    max_bytes: int


class ProgramCache:
    """Idle programs by key: those used last, as far as they fit within two limits.

    A program holds variables, so that two fits must never use one at the same time: a
    lease takes it out of the store, and a second fit that asks for the same key while
    it is out gets another one.

    Parameters
    ----------
    maxsize : int, default=32
        Number of idle programs to keep.
    max_bytes : int, default=2**28
        Bytes of their weights and optimizers to keep. A program of more is not kept.

    Examples
    --------
    >>> from skrec.training.cache import ProgramCache
    >>> ProgramCache(maxsize=2).info().currsize
    0
    """

    def __init__(self, maxsize: int = 32, max_bytes: int = 2**28) -> None:
        self.maxsize, self.max_bytes = maxsize, max_bytes
        self._idle: list[tuple[Hashable, Program]] = []  # the last used at the end
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
        program = self._take(key)
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
            except Exception:
                self._keep(key, program)
                raise
            # Ctrl-C may have come in the middle of a trace: such a program is dropped.
            self._keep(key, program)

    @contextmanager
    def idle(self, key: Hashable) -> Iterator[Program | None]:
        """Lend out the program of `key` if one is idle.

        Parameters
        ----------
        key : hashable
            What shapes the program's graph.

        Yields
        ------
        Program or None
            A program that nobody else uses until the block ends.
        """
        program = self._take(key)
        try:
            yield program
        finally:
            if program is not None:
                self._keep(key, program)

    def _take(self, key: Hashable) -> Program | None:
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][0] == key:
                    return self._idle.pop(place)[1]
        return None

    def _keep(self, key: Hashable, program: Program) -> None:
        with self._lock:
            self._idle.append((key, program))
        self._make_room()

    def _make_room(self) -> None:
        """Drop what does not fit beside the programs that were used since."""
        kept: list[tuple[Hashable, Program]] = []
        dropped, room = [], self.max_bytes
        with self._lock:
            for key, program in reversed(self._idle):
                if len(kept) < self.maxsize and program.n_bytes <= room:
                    kept.insert(0, (key, program))
                    room -= program.n_bytes
                else:
                    dropped.append(program)
            self._idle = kept
        for program in dropped:
            program.release()

    def limit(self, max_bytes: int) -> None:
        """Change how many bytes of programs are kept.

        Parameters
        ----------
        max_bytes : int
            The new limit.
        """
        self.max_bytes = max_bytes
        self._make_room()

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

    def info(self) -> CacheInfo:
        """Return what has been counted.

        Returns
        -------
        CacheInfo
            The counts since the process started or the cache was cleared.
        """
        with self._lock:
            return CacheInfo(
                self._hits,
                self._misses,
                self.maxsize,
                len(self._idle),
                self._traces,
                sum(program.n_bytes for _, program in self._idle),
                self.max_bytes,
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
        ``hits``, ``misses``, ``maxsize``, ``currsize`` (idle programs), ``traces``
        (training graphs traced: one for each architecture, however many learning rates,
        batch sizes, dropout rates and folds a search has), ``n_bytes`` and
        ``max_bytes`` (of idle programs; see :func:`cache_limit`).

    Examples
    --------
    >>> from skrec.training import cache_clear, cache_info
    >>> cache_clear()
    >>> cache_info().traces
    0
    """
    return PROGRAMS.info()


def cache_limit(max_bytes: int) -> None:
    """Limit what this process keeps of fits that have ended, to train the next faster.

    That are the variables of compiled programs: the weights and the optimizer's slots,
    with Adam three times the weights. What does not fit beside the programs that were
    used since is dropped at once, and a program that is larger than the limit is not
    kept at all: the next fit of its architecture is traced anew. Beside that, the
    weights of estimators that have predicted, and still exist, are kept on a GPU within
    the same limit.

    Parameters
    ----------
    max_bytes : int
        Number of bytes, 2**28 (256 MB) until this is called; 0 keeps nothing.

    Raises
    ------
    ValueError
        If it is no integer of at least 0.

    Examples
    --------
    >>> from skrec.training import cache_info, cache_limit
    >>> cache_limit(2**30)
    >>> cache_info().max_bytes
    1073741824
    >>> cache_limit(2**28)
    """
    if type(max_bytes) is bool or not isinstance(max_bytes, Integral) or max_bytes < 0:
        raise ValueError(
            "max_bytes must be a number of bytes: an integer of at least 0. Received: "
            f"{max_bytes!r}."
        )
    PROGRAMS.limit(int(max_bytes))
    PREDICTORS.limit(int(max_bytes))


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
    PREDICTORS.clear()
