"""The displays of a search as SVG for a page, in whose colours they are."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skrec._extras import import_extra
from skrec._inside import innermost
from skrec.inspection._convergence import ConvergenceDisplay
from skrec.inspection._effects import ParamEffectDisplay
from skrec.inspection._history import HistoryDisplay
from skrec.inspection._parallel import ParallelCoordinatesDisplay
from skrec.inspection._pareto import ParetoDisplay
from skrec.inspection._report_found import Found, Metric
from skrec.inspection._report_words import plural
from skrec.inspection._scores import ScoresDisplay

MOST_EFFECTS = 12  # parameters that are drawn by themselves
MOST_AXES = 10  # of parallel coordinates
MOST_LINES = 200
MOST_PAIRS = 4  # of the first metric and another one
# Colours that Matplotlib is told to draw in, and what stands for each in the page.
_TEXT, _SURFACE, _GRID, _GRAY = "#010101", "#fdfdfe", "#cfcfd1", "#808080"
_SERIES = ["#2a6fb1", "#e07b21", "#2b9348", "#c8374a", "#7a52b3", "#1b9aaa"]
_IN_PAGE = {
    _TEXT: "currentColor",
    _SURFACE: "var(--surface)",
    _GRID: "var(--rule)",
    _GRAY: "var(--muted)",
    **{color: f"var(--c{k})" for k, color in enumerate(_SERIES)},
}
# From blue to orange by grey: each end is seen on white and on black.
_LOW_TO_HIGH = ["#3b6fc4", "#6a8fc0", "#9aa0a8", "#d29a5c", "#e8791a"]
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]*(?=…|&gt;|<)")


class Plot(NamedTuple):
    """A plot of the report.

    Parameters
    ----------
    key : str
        Its id in the page.
    title : str
        Its title.
    about : str
        How to read it.
    svg : str
        The picture; empty where there is none.
    problem : str, default=""
        Why there is none.
    is_wide : bool, default=False
        Whether it takes the width of the page.
    """

    key: str
    title: str
    about: str
    svg: str
    problem: str = ""
    is_wide: bool = False


class _Task(NamedTuple):
    """A plot that is yet to be drawn: how, and how large in inches."""

    key: str
    title: str
    about: str
    draw: Callable[[Any], Any]
    size: tuple[float, float] = (5.2, 3.8)
    is_wide: bool = False


def plots_of(found: Found, names: list[str]) -> list[Plot]:
    """Draw everything of a search that can be drawn.

    Parameters
    ----------
    found : Found
        The search.
    names : list of str
        Its parameters, the one that matters most first.

    Returns
    -------
    list of Plot
        The plots.
    """
    return [_drawn(task) for task in _tasks(found, names)]


def _tasks(found: Found, names: list[str]) -> Iterator[_Task]:
    search, metric = found.search, found.metrics[0]
    how = _options(metric)
    better = "lower" if metric.less_is_better else "higher"
    yield _Task(
        "convergence",
        "How the search went",
        f"Each point is a candidate, the line the best {metric.label} so far "
        f"({better} is better), the ring the one that the search chose. Where the line "
        f"still moves at the end, a longer search may find more.{_beyond(found)}",
        lambda ax: _within(
            found, ConvergenceDisplay.from_search(search, ax=ax, **how).ax_
        ),
    )
    yield _Task(
        "folds",
        "The best candidates, fold by fold",
        "A point for each fold. Where the points of two candidates overlap, which of "
        "the two is better is not settled.",
        lambda ax: ScoresDisplay.from_search(
            search, ax=ax, k=10 if len(found.first.varied) < 4 else 6, **how
        ),
    )
    varied = [name for name in names if name in found.first.varied]
    if len(varied) > 1:
        yield _Task(
            "parallel",
            "All candidates at once",
            f"A line for each candidate, in the colour of its {metric.label}; the one "
            f"that is {found.best_note or 'the best'} is thick."
            + _left_out(found, varied[:MOST_AXES]),
            partial(_parallel, found, varied[:MOST_AXES]),
            (max(9.0, 1.4 + 1.25 * len(varied[:MOST_AXES])), 3.8),
            True,
        )
    for number, name in enumerate(varied[:MOST_EFFECTS]):
        yield _Task(
            f"effect-{number}",
            found.short[name],
            "",
            partial(_effect, found, name),
            (4.4, 3.0),
        )
    yield from _pareto(found)
    if getattr(_inner(search), "history_", None):
        yield _Task(
            "history",
            "The last fit, epoch by epoch",
            "The fit of the best candidate on all rows.",
            lambda ax: HistoryDisplay.from_estimator(search, ax=ax, name=""),
        )


def _options(metric: Metric) -> dict[str, Any]:
    return {
        "metric": metric.name,
        "negate_score": metric.sign < 0,
        "score_name": metric.label,
    }


def _beyond(found: Found) -> str:
    if not found.n_beyond:
        return ""
    return f" {plural(found.n_beyond, 'candidate')} with worse scores not shown."


def _within(found: Found, ax: Any) -> None:
    """Leave out scores so bad that the others could not be told apart beside them."""
    if found.limits is not None:
        ax.set_ylim(found.limits)


def _effect(found: Found, name: str, ax: Any) -> None:
    options = _options(found.metrics[0])
    drawn = ParamEffectDisplay.from_search(found.search, name, ax=ax, **options)
    drawn.ax_.set_xlabel(found.short[name])
    _within(found, drawn.ax_)


def _parallel(found: Found, names: list[str], ax: Any) -> Any:
    """Draw the lines, the best ones alone where they are too many to be told apart."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("low_to_high", _LOW_TO_HIGH)
    results, how = found.first, _options(found.metrics[0])
    if len(results) > MOST_LINES:
        results = results.take(np.sort(results.order()[:MOST_LINES]))
    del how["metric"]
    display = ParallelCoordinatesDisplay._of(results, names)
    return display.plot(ax, cmap=colors, **how)


def _left_out(found: Found, names: list[str]) -> str:
    notes = []
    if len(found.first) > MOST_LINES:
        notes.append(f" The best {MOST_LINES} of {len(found.first):,} are drawn.")
    n_axes = len(found.first.varied)
    if n_axes > len(names):
        notes.append(f" {len(names)} of {n_axes} parameters are drawn.")
    return "".join(notes)


def _pareto(found: Found) -> Iterator[_Task]:
    """Draw the first metric against each other one."""
    first, *others = found.metrics
    for number, other in enumerate(others[:MOST_PAIRS]):
        objectives = [f"mean_test_{first.name}", f"mean_test_{other.name}"]
        yield _Task(
            f"pareto-{number}",
            f"{first.label} against {other.label}",
            "No candidate is better in both than one of the line.",
            partial(_pair, found, objectives),
        )


def _pair(found: Found, objectives: list[str], ax: Any) -> Any:
    return ParetoDisplay.from_search(found.search, objectives, ax=ax)


def _inner(search: Any) -> Any:
    if "best_estimator_" not in vars(search):
        return None
    return innermost(search)[0]


# ---- from Matplotlib to the page -----------------------------------------------------


def _drawn(task: _Task) -> Plot:
    """Draw a plot; where a display says that there is nothing to show, say so."""
    about = task[:3]
    try:
        svg = to_svg(task.draw, task.key, task.size, task.title)
    except ValueError as error:
        return Plot(*about, "", str(error), task.is_wide)
    return Plot(*about, svg, "", task.is_wide)


def to_svg(
    draw: Callable[[Any], Any], key: str, size: tuple[float, float], title: str
) -> str:
    """Draw into a figure, and write it as SVG for the middle of a page.

    Parameters
    ----------
    draw : callable
        Is given the axes.
    key : str
        What the ids in it begin with.
    size : tuple of (float, float)
        Inches.
    title : str
        What it is called for those who do not see it.

    Returns
    -------
    str
        An ``svg`` element without scripts and addresses, in the colours of the page.
    """
    matplotlib = import_extra("matplotlib", "inspection", "search_report")
    from matplotlib.figure import Figure

    file = io.StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # The browser has other fonts than the one that Matplotlib measures with.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_settings(matplotlib))
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        _plain_decades(figure)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return _for_page(file.getvalue(), key, title)


def _plain_decades(figure: Any) -> None:
    """Write the ticks of logarithmic axes as plain numbers, not as mathematics."""
    from matplotlib.ticker import LogFormatter

    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_formatter(LogFormatter())
                axis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))


def _settings(matplotlib: Any) -> dict[str, Any]:
    lines = ["axes.edgecolor", "axes.labelcolor", "text.color"]
    lines += ["xtick.color", "ytick.color"]
    return {
        **dict.fromkeys(lines, _TEXT),
        "axes.facecolor": _SURFACE,
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "axes.prop_cycle": matplotlib.cycler(color=_SERIES),
        "grid.color": _GRID,
        "legend.edgecolor": _GRID,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 10,
        "svg.fonttype": "none",  # text stays text: to be read aloud, found and copied
        "svg.hashsalt": "skrec",
        "text.parse_math": False,  # a name with two dollars is a name
    }


def _for_page(svg: str, key: str, title: str) -> str:
    """Take away what only a file needs, name ids apart, and use the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r"<[^>]*>", lambda tag: _tag(tag[0], key), svg)
    svg = _without_unused_ids(svg)
    svg = _ADDRESS.sub("", svg)
    svg = re.sub(r">\s+<", "><", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None  # Matplotlib always writes one
    opening = f'<svg {box[0]} role="img" aria-labelledby="{key}-title">'
    return opening + svg[svg.index(">") + 1 :].strip()


_FONT = re.compile(r"font: ([0-9.]+)px [^;\"]*")


def _tag(tag: str, key: str) -> str:
    """Shorten numbers, and change colours, ids and references of one element."""
    for color, own in _IN_PAGE.items():
        tag = tag.replace(color, own)
    tag = _FONT.sub(r"font-size: \1px", tag)
    tag = tag.replace("xlink:href", "href")
    tag = re.sub(r'\bid="', f'id="{key}-', tag)
    tag = re.sub(r'(href="|url\()#', rf"\1#{key}-", tag)
    return re.sub(r"(\d\.\d\d)\d+", r"\1", tag)


def _without_unused_ids(svg: str) -> str:
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    return re.sub(r' id="([^"]*)"', lambda own: own[0] if own[1] in used else "", svg)
