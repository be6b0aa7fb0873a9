"""Whether what a recommender is going to hold fits into memory, before it is made."""

import os


def require_room(n_bytes: int, what: str, instead: str) -> None:
    """Raise where something cannot fit.

    Parameters
    ----------
    n_bytes : int
        What it will take.
    what : str
        What it is, for the message.
    instead : str
        What to do instead.

    Raises
    ------
    MemoryError
        If the machine has less memory than that.
    """
    if n_bytes > (available := physical_memory()):
        raise MemoryError(
            f"{what} will take {n_bytes / 2**30:.1f} GiB, and this machine has "
            f"{available / 2**30:.1f} GiB: {instead}."
        )


def physical_memory() -> int:
    """Return the bytes of memory of this machine.

    Returns
    -------
    int
        A very large number where the system does not tell.
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 2**62
