"""The engine: programs that are traced once and run many times."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.training.cache import CacheInfo, cache_clear, cache_info, cache_limit
from skrec.training.devices import resolve_device
from skrec.training.memory import (
    MemoryInfo,
    clear_memory,
    limit_memory,
    memory_info,
)
from skrec.training.optimizers import make_optimizer
from skrec.training.schedules import learning_rates

__all__ = [
    "CacheInfo",
    "MemoryInfo",
    "cache_clear",
    "cache_info",
    "cache_limit",
    "clear_memory",
    "learning_rates",
    "limit_memory",
    "make_optimizer",
    "memory_info",
    "resolve_device",
]
