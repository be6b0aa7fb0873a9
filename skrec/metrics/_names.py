"""Names of metrics, such as "ndcg@10"."""

from typing import Any, NamedTuple

from skrec.metrics._values import PER_USER
from skrec.training.optimizers import did_you_mean

OF_LISTS = ("coverage", "novelty", "diversity")
KINDS = (*PER_USER, *OF_LISTS)


class Metric(NamedTuple):
    """A metric that a name asks for.

    Parameters
    ----------
    name : str
        The whole name.
    kind : str
        What stands in front of the ``"@"``.
    k : int
        Length of the lists; 0 for "auc", which needs all items.
    """

    name: str
    kind: str
    k: int


def read_metrics(metrics: Any) -> list[Metric]:
    """Read names of metrics.

    Parameters
    ----------
    metrics : str or sequence of str
        One name or several.

    Returns
    -------
    list of Metric
        In their order.

    Raises
    ------
    ValueError
        If there is none, one is there twice, or one is no metric.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "metrics must be the name of a metric, or a list of different ones. "
            f"Received: {metrics!r}."
        )
    return [_read(name) for name in names]


def _read(name: Any) -> Metric:
    """Read one name."""
    if name == "auc":
        return Metric(name, name, 0)
    kind, _, k = name.partition("@") if isinstance(name, str) else ("", "", "")
    if kind not in KINDS:
        hint = did_you_mean(kind, (*KINDS, "auc"))
        raise ValueError(
            f"metrics must be 'auc', or one of {', '.join(KINDS)} with the length of "
            f"the lists behind it, such as 'ndcg@10'.{hint} Received: {name!r}."
        )
    if not k.isascii() or not k.isdigit() or int(k) < 1:
        raise ValueError(
            f"metric {kind!r} needs the length of the lists behind it, a whole number "
            f"from 1 on, such as '{kind}@10'. Received: {name!r}."
        )
    return Metric(name, kind, int(k))
