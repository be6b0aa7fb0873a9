"""From raw columns and event logs to the inputs of models."""

from skrec.preprocessing._windows import make_windows

__all__ = ["make_windows"]
