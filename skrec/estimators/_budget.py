"""How long a fit trains where its parameters say "auto": by the number of its rows."""

from dataclasses import dataclass
from typing import Any

# Measured on the half of the tables of `benchmarks/defaults.py` that is for choosing.
STEPS_AN_EPOCH = 64  # at least so many, as far as batches are not too small
SMALLEST_BATCH, LARGEST_BATCH = 128, 1024
STEPS = 2000  # of a whole fit, within these numbers of epochs
FEWEST_EPOCHS, MOST_EPOCHS = 16, 200
PATIENCE_STEPS, FEWEST_PATIENT_EPOCHS = 640, 3
# Of fewer rows none is set aside: ten would not tell one epoch from another.
STOPPING_ROWS = 100


@dataclass(frozen=True)
class Budget:
    """What one fit trains for.

    Parameters
    ----------
    n_rows : int
        Rows of a positive weight, those to be set aside included.
    batch_size : int
        Rows a step.
    epochs : int
        Most epochs.
    early_stopping : bool
        Whether the best epoch is looked for.
    n_iter_no_change : int
        Epochs without a better one after which to stop.
    """

    n_rows: int
    batch_size: int
    epochs: int
    early_stopping: bool
    n_iter_no_change: int

    @classmethod
    def of(
        cls,
        n_rows: int,
        batch_size: int | str | None,
        epochs: int | str,
        early_stopping: bool | str,
        n_iter_no_change: int | str,
    ) -> "Budget":
        """Replace each "auto" by what the number of rows says.

        Parameters
        ----------
        n_rows : int
            Rows of a positive weight, those to be set aside included.
        batch_size, epochs, early_stopping, n_iter_no_change : int, bool, str or None
            Parameters of the estimator.

        Returns
        -------
        Budget
            Numbers alone.
        """
        if batch_size == "auto":
            batch_size = max(SMALLEST_BATCH, n_rows // STEPS_AN_EPOCH)
            batch_size = min(batch_size, LARGEST_BATCH)
        size = int(min(n_rows, n_rows if batch_size is None else batch_size))
        n_steps = -(-n_rows // size)
        if epochs == "auto":
            epochs = min(max(FEWEST_EPOCHS, STEPS // n_steps), MOST_EPOCHS)
        if early_stopping == "auto":
            early_stopping = n_rows >= STOPPING_ROWS
        if n_iter_no_change == "auto":
            n_iter_no_change = max(FEWEST_PATIENT_EPOCHS, -(-PATIENCE_STEPS // n_steps))
        return cls(
            int(n_rows), size, int(epochs), bool(early_stopping), int(n_iter_no_change)
        )


def chosen(estimator: Any, budget: Budget) -> dict[str, Any]:
    """Tell what "auto" stands for in a fit.

    Parameters
    ----------
    estimator : estimator
        Whose parameters these are.
    budget : Budget
        Its budget.

    Returns
    -------
    dict of str to object
        Values by parameter, of those that are "auto".
    """
    return {
        name: value
        for name, value in vars(budget).items()
        if getattr(estimator, name, None) == "auto"
    }
