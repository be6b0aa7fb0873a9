"""Which column is the target of which history, for the interest models."""

from numbers import Integral

from sklearn.utils._param_validation import Interval, StrOptions

from skrec.estimators._fields import FieldNetwork
from skrec.estimators.base import ACTIVATIONS


class InterestNetwork(FieldNetwork):
    """Finds targets and histories; a family adds ``__init__`` and ``_network``."""

    _parameter_constraints = {
        **FieldNetwork._parameter_constraints,
        "units": [Interval(Integral, 1, None, closed="left"), str, "array-like"],
        "activation": [StrOptions({"dice"} | ACTIVATIONS)],
    }

    def _pairs(self) -> tuple[tuple[int, int], ...]:
        """Return the positions of target and history, for each history that has one."""
        columns = self.encoder_.columns_
        targets: dict[int | None, int] = {}
        for column in columns.values():
            if column.kind == "id":
                targets.setdefault(column.table, column.position)
        histories = {n: c for n, c in columns.items() if c.kind == "sequence"}
        pairs = tuple(
            (targets[column.table], column.position)
            for column in histories.values()
            if column.table in targets
        )
        if histories and not pairs:
            raise ValueError(
                f"{type(self).__name__} weighs a history by a target: a column of ids "
                "that shares its embeddings. X has histories, but no target: pass "
                f"shared_embeddings=[('<target column>', {next(iter(histories))!r})]. "
                f"Received: shared_embeddings={self.shared_embeddings!r}, and the "
                f"columns {list(histories)} of lists."
            )
        return pairs
