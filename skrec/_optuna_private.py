"""The private names of Optuna that skrec uses: no other module reaches for one."""

from typing import Any


def database_url(storage: Any) -> str | None:
    """Return the URL of the database behind a storage; None if there is none.

    Parameters
    ----------
    storage : Optuna storage
        A storage, of which ``RDBStorage`` has a URL. ``optuna.storages.get_storage``
        puts a cache before it, and no public name tells what is behind that.

    Returns
    -------
    str or None
        The URL.
    """
    return getattr(getattr(storage, "_backend", storage), "url", None)
