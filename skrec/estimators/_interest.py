"""Which column is the target of which history, for the interest models."""

from typing import Any

from skrec.preprocessing import FieldEncoder


def pairs_of(
    encoder: FieldEncoder, shared_embeddings: Any, name: str
) -> tuple[tuple[int, int], ...]:
    """Find the target of each history that has one.

    Parameters
    ----------
    encoder : FieldEncoder
        Fitted encoder.
    shared_embeddings : list of tuples, or None
        Parameter of the estimator, for the error.
    name : str
        Name of the estimator's class, for the error.

    Returns
    -------
    tuple of (int, int)
        Positions of target and history.

    Raises
    ------
    ValueError
        If there are histories, and none has a target.
    """
    columns = encoder.columns_
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
            f"{name} weighs a history by a target: a column of ids that shares its "
            "embeddings. X has histories, but no target: pass shared_embeddings="
            f"[('<target column>', {next(iter(histories))!r})]. Received: "
            f"shared_embeddings={shared_embeddings!r}, and the columns "
            f"{list(histories)} of lists."
        )
    return pairs
