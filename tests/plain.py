"""Settings that leave nothing to the number of rows: so many steps, from a drawn start.

For tests of what training does; the defaults have tests of their own.
"""

from typing import Any

STEPS: dict[str, Any] = {
    "batch_size": 32,
    "epochs": 30,
    "early_stopping": False,
    "dropout": 0.0,
    "learning_rate": 0.001,
}
PLAIN: dict[str, Any] = {**STEPS, "linear_start": False}
