"""Data sets of events and ratings, real (`fetch_*`) and synthetic (`make_*`)."""

from skrec.datasets._movielens import fetch_movielens
from skrec.datasets._sessions import make_sessions

__all__ = ["fetch_movielens", "make_sessions"]
