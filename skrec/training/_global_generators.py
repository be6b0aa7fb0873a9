"""Global random generators of its own for the thread that builds a model.

A build function may draw from Python, NumPy, TensorFlow or Keras without a seed of its
own, as Keras does where a layer is given none, and has to get the same numbers in each
fit. Other threads draw from the same generators meanwhile, and have to get what they
would get without the fit. So the functions of the modules are replaced while a model is
built, by functions that ask which thread calls.

What a program has taken out of a module before, as in ``from random import random``, no
such replacement reaches, except in the module of the build function. Where no other
thread lives, the generators themselves are seeded instead, and put back.
"""

import functools
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from tensorflow.python.eager import context as tf_context

_building = threading.RLock()


class _OfThread(threading.local):
    """The generators of a thread that builds a model, by what they stand in for."""

    generators: dict[str, Any] | None = None


_own = _OfThread()


@contextmanager
def global_generators(seed: int, build: Any = None) -> Iterator[None]:
    """Give this thread global generators with a seed, for a block that builds a model.

    Parameters
    ----------
    seed : int
        The seed, below 2**32.
    build : callable, default=None
        A build function of the user's own, whose module may hold functions of the
        generators by names of its own.

    Yields
    ------
    None
        The counters behind names such as "dense_7" start anew as well: TensorFlow keeps
        something for each new name of a variable, about 0.7 MB for a small network,
        which otherwise adds up over the fits of a search. One build function runs at a
        time; models of skrec's own do not wait for it, which may wait for them.
    """
    with ExitStack() as stack:
        if build is not None:
            # TensorFlow's kernels, which the draws of all threads share, remember how
            # far they got. No network of skrec's own draws by them.
            stack.enter_context(_building)
        stack.callback(setattr, _own, "generators", _own.generators)
        own: dict[str, Any] = {"_seed": seed, "_rng": random.Random(seed)}
        if len(sys._current_frames()) == 1:
            _seed(seed, stack)
        else:
            own["random"] = random.Random(seed)
            own["numpy"] = np.random.RandomState(seed)
            _replace_functions(build, stack)
        _own.generators = own
        _replace_attributes(stack)
        for name in (GLOBAL_SEED_GENERATOR, "object_name_uids"):  # Keras's: by thread
            kept = global_state.get_global_attribute(name)
            stack.callback(global_state.set_global_attribute, name, kept)
            global_state.set_global_attribute(name, None)
        untouched = own["_rng"].getstate()
        yield
        if own["_rng"].getstate() != untouched:  # the block drew from TensorFlow,
            tf_context.context().clear_kernel_cache()  # whose kernels go on otherwise


def _seed(seed: int, stack: ExitStack) -> None:
    """Seed the generators of Python and NumPy themselves, until the stack ends."""
    # The legacy generator is the global one, and the point here.
    stack.callback(random.setstate, random.getstate())
    stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


# ---- Python and NumPy --------------------------------------------------------------


def _by_thread(real: Callable[..., Any], kind: str, name: str) -> Callable[..., Any]:
    @functools.wraps(real)
    def function(*args: Any, **kwargs: Any) -> Any:
        own = _own.generators
        if own is None or kind not in own:
            return real(*args, **kwargs)
        return getattr(own[kind], name)(*args, **kwargs)

    return function


class _RandomStateByThread(np.random.RandomState):
    """Stands in for what ``check_random_state(None)`` returns."""

    def __getattribute__(self, name: str) -> Any:
        own = _own.generators
        known = own is not None and "numpy" in own
        return getattr(own["numpy"] if own and known else _REAL_STATE, name)


_REAL_STATE = np.random.mtrand._rand
_STATE = _RandomStateByThread()
_MODULES = {
    "random": (random, random._inst),
    "numpy": (np.random, _REAL_STATE),
}
# By the identity of the functions: also where they have been given another name.
_FUNCTIONS = {
    id(value): _by_thread(value, kind, name)
    for kind, (module, state) in _MODULES.items()
    for name, value in vars(module).items()
    if getattr(value, "__self__", None) is state
}


def _replace_functions(build: Any, stack: ExitStack) -> None:
    """Let the functions of the modules ask which thread calls, until the stack ends."""
    while isinstance(build, functools.partial):
        build = build.func
    places = [vars(random), vars(np.random), vars(np.random.mtrand)]
    module = sys.modules.get(getattr(build, "__module__", None) or "")
    places += [] if module is None else [vars(module)]
    for names in places:
        _use(f"functions {id(names)}", functools.partial(_replaced, names), stack)


def _replaced(names: dict[str, Any]) -> Callable[[], None]:
    """Replace functions in a module and return what puts them back."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in list(names.items()):
        new = _STATE if value is _REAL_STATE else _FUNCTIONS.get(id(value))
        if new is not None:
            found[name], names[name] = (value, new), new

    def put_back() -> None:
        for name, (value, new) in found.items():
            if names.get(name) is new:
                names[name] = value

    return put_back


# ---- what several builds use at the same time --------------------------------------

_lock = threading.Lock()
_in_use: dict[str, tuple[int, Callable[[], None]]] = {}  # builds, and what ends it


def _use(what: str, begin: Callable[[], Callable[[], None]], stack: ExitStack) -> None:
    """Have something in force until the stack ends, for the first build to the last."""
    with _lock:
        n_builds, end = _in_use.get(what) or (0, begin())
        _in_use[what] = n_builds + 1, end
    stack.callback(_release, what)


def _release(what: str) -> None:
    with _lock:
        n_builds, end = _in_use.pop(what)
        if n_builds > 1:
            _in_use[what] = n_builds - 1, end
        else:
            end()


# ---- TensorFlow --------------------------------------------------------------------


def _replace_attributes(stack: ExitStack) -> None:
    """Let the context's seed and generator have values for this thread."""
    kind = type(tf_context.context())

    def begin() -> Callable[[], None]:
        for name in _SEEDED:
            setattr(kind, name, _attribute_by_thread(name))
        return end

    def end() -> None:
        for name in _SEEDED:
            delattr(kind, name)

    _use("attributes", begin, stack)


_SEEDED = ("_seed", "_rng")


def _attribute_by_thread(name: str) -> property:
    def values(item: Any) -> dict[str, Any]:
        own = _own.generators
        return vars(item) if own is None else own

    def get(item: Any) -> Any:
        try:
            return values(item)[name]
        except KeyError:
            raise AttributeError(name) from None

    def put(item: Any, value: Any) -> None:
        values(item)[name] = value

    return property(get, put)
