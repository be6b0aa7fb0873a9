"""Whether an estimator's fit is to be stored and found again."""

from typing import Any

from skrec.training.memory import is_memory, warn_once


def remembers(estimator: Any) -> bool:
    """Tell whether a fit from scratch is to be remembered.

    Parameters
    ----------
    estimator : estimator
        With the parameters `memory`, `warm_start` and `random_state`.

    Returns
    -------
    bool
        False where the result does not depend on the parameters and the data alone.
    """
    if not is_memory(estimator.memory) or estimator.warm_start:
        return False
    if estimator.random_state is None:
        warn_once(
            "random_state",
            type(estimator).__name__,
            f"memory={str(estimator.memory)!r} has no effect, since random_state=None "
            "makes each fit another one. Set random_state to an integer.",
        )
        return False
    return True
