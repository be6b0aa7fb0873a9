"""Joblib's backend "ray", with the data sent once for each search."""

from collections.abc import Callable, Iterable
from typing import Any

import joblib
from joblib.parallel import FallbackToBackend, SequentialBackend


def register_ray() -> None:
    """Register the backend "ray" of joblib, which sends X and y once for each search.

    It differs from the one that ``ray.util.joblib.register_ray`` registers in two
    things. Ray is meant to put what tasks have in common into its object store once,
    but Ray 2.60 looks for a class that joblib 1.6 has not, and sends the data with
    every fit. And Ray's own backend makes joblib's "multiprocessing" run on Ray too,
    from then on.

    Raises
    ------
    ImportError
        If Ray is not installed.

    See Also
    --------
    joblib.parallel_config : Chooses a backend by its name.

    References
    ----------
    What Ray is meant to do: https://github.com/ray-project/ray/pull/16879

    Examples
    --------
    >>> import joblib
    >>> from skrec.model_selection import register_ray
    >>> register_ray()
    >>> with joblib.parallel_config(backend="ray"):
    ...     pass  # search.fit(X, y)
    """
    try:
        import ray
        from ray.util.joblib.ray_backend import RayBackend
        from ray.util.multiprocessing import Pool
    except ImportError as error:
        raise ImportError(
            'register_ray needs Ray: pip install "skrec-keras[ray]". '
            f"Received: {error}."
        ) from error

    class SendingOnce(RayBackend):
        """Ray's backend, which keeps what it has sent for as long as its pool."""

        def configure(
            self,
            n_jobs: int = 1,
            parallel: Any = None,
            prefer: str | None = None,
            require: str | None = None,
            ray_remote_args: dict[str, Any] | None = None,
            **for_memory_maps: Any,
        ) -> int:
            """Start the workers, in a pool of Ray's and not in joblib's changed."""
            self._sent: dict[int, tuple[Any, Any]] = {}
            self.parallel = parallel
            if n_jobs == -1 and not ray.is_initialized():
                ray.init()  # which alone knows how many CPUs there are
            n_jobs = self.effective_n_jobs(n_jobs)
            if n_jobs == 1:
                raise FallbackToBackend(SequentialBackend(self.nesting_level))
            if ray_remote_args is None:
                ray_remote_args = self.ray_remote_args
            self._pool = Pool(n_jobs, ray_remote_args=ray_remote_args)
            return n_jobs

        def submit(self, func: Any, callback: Callable[..., Any] | None = None) -> Any:
            func.items = [
                (_call, (function, self._send(args), *self._send_named(named)), {})
                for function, args, named in func.items
            ]
            return super().submit(func, callback)

        def terminate(self) -> None:
            super().terminate()
            self._sent = {}

        def _send_named(self, named: dict[str, Any]) -> tuple[list[str], list[Any]]:
            return list(named), self._send(named.values())

        def _send(self, values: Iterable[Any]) -> list[Any]:
            """Replace arrays, frames, lists and dicts by references to them."""
            return [
                self._reference(value)
                if hasattr(value, "shape") or isinstance(value, list | dict)
                else value
                for value in values
            ]

        def _reference(self, value: Any) -> Any:
            if id(value) not in self._sent:  # which holds it: its id stays its own
                self._sent[id(value)] = value, ray.put(value)
            return self._sent[id(value)][1]

    joblib.register_parallel_backend("ray", SendingOnce)


def _call(
    function: Callable[..., Any], args: list[Any], names: list[str], named: list[Any]
) -> Any:
    """Call a function in a worker, with the values that references stand for."""
    import ray

    def fetch(values: list[Any]) -> list[Any]:
        return [ray.get(v) if isinstance(v, ray.ObjectRef) else v for v in values]

    return function(*fetch(args), **dict(zip(names, fetch(named), strict=True)))
