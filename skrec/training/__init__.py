"""The engine: programs that are traced once and run many times."""

from skrec.training.cache import CacheInfo, cache_clear, cache_info
from skrec.training.devices import resolve_device
from skrec.training.optimizers import make_optimizer
from skrec.training.schedules import learning_rates

__all__ = [
    "CacheInfo",
    "cache_clear",
    "cache_info",
    "learning_rates",
    "make_optimizer",
    "resolve_device",
]
