"""What the displays share: axes, names of scores, notes in legends, ticks."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skrec._extras import import_extra


def axes_and_figure(ax: Any, display: Any, size: tuple | None = None) -> tuple:
    """Return the axes to draw on, new ones if there are none, and their figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
        What the user gave.
    display : object
        The display, for the error where Matplotlib is not installed.
    size : tuple of (float, float), default=None
        Inches of a new figure.

    Returns
    -------
    tuple of (Axes, Figure)
        Both.
    """
    pyplot = import_extra("matplotlib.pyplot", "inspection", type(display).__name__)
    if ax is None:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax, ax.figure


def score_label(name: str, negate: bool) -> str:
    """Write the name of a score as scikit-learn's displays do.

    Parameters
    ----------
    name : str
        Name of the metric.
    negate : bool
        Whether the scores were negated.

    Returns
    -------
    str
        For an axis.
    """
    if name.startswith("neg_"):
        name = name[4:] if negate else f"negative_{name[4:]}"
    elif negate:
        name = f"negative_{name}"
    told = {"n_parameters": "number of parameters", "auc": "AUC", "roc_auc": "ROC AUC"}
    text = told.get(name) or name.replace("_", " ")
    return plain(text[:1].upper() + text[1:])


def plain(text: str) -> str:
    """Keep a name with dollars in it from being read as mathematics.

    Parameters
    ----------
    text : str
        What comes of the user's data or parameters.

    Returns
    -------
    str
        Text that Matplotlib draws as it is.
    """
    from matplotlib import rcParams

    return text.replace("$", r"\$") if rcParams["text.parse_math"] else text


def draw_colorbar(drawn: Any, ax: Any, **options: Any) -> Any:
    """Draw a colour bar, in place of the one that an earlier plot has left there.

    Parameters
    ----------
    drawn : ScalarMappable
        What is coloured.
    ax : Axes
        Where it is.
    **options : dict
        Arguments of ``Figure.colorbar``.

    Returns
    -------
    Colorbar
        The only one of a display beside these axes.
    """
    for other in ax.collections:
        earlier = getattr(other, "colorbar", None)
        # One that the user has drawn for something else stays.
        if earlier is not None and earlier.ax.get_label() == _OURS:
            earlier.remove()
    made = ax.figure.colorbar(drawn, ax=ax, **options)
    made.ax.set_label(_OURS)  # which nothing shows
    return made


_OURS = "skrec colour bar"


def note(ax: Any, text: str) -> None:
    """Put a line without a mark into the legend that is yet to be made.

    Parameters
    ----------
    ax : Axes
        Where.
    text : str
        What to say; nothing where it is empty.
    """
    if text:
        ax.plot([], [], " ", label=plain(text))


def failed_note(n_failed: int) -> str:
    """Say how many candidates are not shown.

    Parameters
    ----------
    n_failed : int
        How many.

    Returns
    -------
    str
        The note; empty for none.
    """
    ending = "" if n_failed == 1 else "s"
    return f"{n_failed} failed candidate{ending} left out" if n_failed else ""


def legend(ax: Any) -> None:
    """Make a legend where there is anything to say, beside nothing that it hides.

    Parameters
    ----------
    ax : Axes
        Where.
    """
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="best", fontsize="small", framealpha=0.7)


def set_categories(axis: Any, labels: Sequence[str]) -> None:
    """Put categories on an axis, turned where they would run into each other.

    Parameters
    ----------
    axis : matplotlib Axis
        The axis.
    labels : sequence of str
        What stands at 0, 1, and so on.
    """
    turned = axis.axis_name == "x" and sum(len(one) + 2 for one in labels) > 60
    options = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    shown = [*map(plain, labels)]
    axis.set_ticks(range(len(labels)), shown, **(options if turned else {}))


def robust_limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits of a colour scale in which one bad candidate hides no other.

    Parameters
    ----------
    values : ndarray
        Scores.

    Returns
    -------
    tuple of (float, float)
        Lowest and highest; what lies beyond has the colour of the end.
    """
    low, quarter, high = np.quantile(values, [0, 0.25, 1])
    spread = high - quarter
    return float(max(low, quarter - 1.5 * spread)), float(high)
