"""Data sets of events and tables: real (`fetch_*`, `load_*`), synthetic (`make_*`)."""

from skrec.datasets._clicks import make_clicks
from skrec.datasets._criteo import load_criteo
from skrec.datasets._movielens import fetch_movielens
from skrec.datasets._rdatasets import fetch_table
from skrec.datasets._scanner import fetch_scanner
from skrec.datasets._sequences import load_sequences
from skrec.datasets._sessions import make_sessions

__all__ = [
    "fetch_movielens",
    "fetch_scanner",
    "fetch_table",
    "load_criteo",
    "load_sequences",
    "make_clicks",
    "make_sessions",
]
