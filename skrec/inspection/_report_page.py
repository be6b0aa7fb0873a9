"""The page of a search: what its template is filled with."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier, is_regressor

import skrec
from skrec._extras import import_extra
from skrec._sklearn import num_samples
from skrec.inspection._importances import CANNOT_TELL, MATTERS, param_importances
from skrec.inspection._report_baselines import Scored, scored
from skrec.inspection._report_code import fit_parameters, program_of
from skrec.inspection._report_diagram import diagram
from skrec.inspection._report_facts import (
    chosen_by,
    data_facts,
    generators_of,
    protocol_facts,
    seed_facts,
    space_of,
    start_words,
    time_facts,
    version_facts,
)
from skrec.inspection._report_found import Found, Metric
from skrec.inspection._report_plots import MOST_EFFECTS, plots_of
from skrec.inspection._report_words import (
    in_a_row,
    number,
    plural,
    printable,
    seconds,
    text,
)
from skrec.inspection._results import BY_RULE, OF_LAST_ROUND
from skrec.inspection._score_method import comparable

_TEMPLATE = "search_report"


class _Bar(NamedTuple):
    """One parameter's importance, in text and in percent of the bar's width."""

    name: str
    value: str
    interval: str
    verdict: str
    at: str
    low: str
    width: str


class _Figure(NamedTuple):
    """A number at the top of the page."""

    name: str
    value: str
    more: str


class _TestRow(NamedTuple):
    """A model and its scores on the test rows, as text."""

    name: str
    about: str
    scores: list[str]
    problem: str


class Page:
    """The page of one search.

    Parameters
    ----------
    search : estimator
        The fitted search.
    test, train : tuple of (array-like or None, array-like or None)
        X and y of rows that it has not seen, and of those that it was fitted on.
    n_resamples : int
        Resamples for the importance of parameters.
    """

    def __init__(
        self,
        search: Any,
        test: tuple[Any, Any],
        train: tuple[Any, Any],
        n_resamples: int,
    ) -> None:
        self.found = Found(search)
        self.search = search
        self.test, self.train = test, train
        self.n_resamples = n_resamples
        self.metric: Metric = self.found.metrics[0]
        self.scored: list[Scored] = []
        if test[0] is not None:
            self.scored = scored(search, test, train)
        self.model_name = _last_step(search.estimator)

    def html(self, title: str | None) -> str:
        """Write the page.

        Parameters
        ----------
        title : str or None
            Its title.

        Returns
        -------
        str
            HTML.
        """
        jinja2 = import_extra("jinja2", "inspection", "search_report")
        trusted = import_extra("markupsafe", "inspection", "search_report").Markup
        environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(_file),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )
        environment.filters["trusted"] = trusted
        script = _file(f"{_TEMPLATE}.js")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        template = environment.get_template(f"{_TEMPLATE}.html.jinja")
        page = template.render(
            title=title or f"{self.model_name}, searched by {self.metric.label}",
            style=trusted(_file(f"{_TEMPLATE}.css")),
            script=trusted(script),
            script_hash=f"sha256-{digest}",
            skrec_version=skrec.__version__,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            **self._content(),
        )
        return printable(page)

    def _content(self) -> dict[str, Any]:
        found, search = self.found, self.search
        bars, words, order = self._importances()
        plots = plots_of(found, order)
        effects = [plot for plot in plots if plot.key.startswith("effect-")]
        columns = found.columns()
        cells = zip(*(column.cells for column in columns), strict=True)
        needs_y = is_classifier(search.estimator) or is_regressor(search.estimator)
        asked_for = fit_parameters(search)
        call = ["X"] + ["y"] * needs_y + [f"{name}={name}" for name in asked_for]
        given = ["X" if needs_y else "the events X", *(["y"] if needs_y else [])]
        given += asked_for
        best = vars(search).get("best_estimator_")
        return {
            "search_name": type(search).__name__,
            "model_name": self.model_name,
            "lead": self._lead(),
            "figures": self._figures(bars),
            "sections": self._sections(best is not None),
            "has_best": found.best is not None,
            "best_about": self._about_best(),
            "space": space_of(found),
            **self._test_table(),
            "importances": bars,
            "importance_words": words,
            "effects": effects,
            "effects_about": self._about_effects() if effects else "",
            "plots": [plot for plot in plots if plot not in effects],
            "columns": columns,
            "rows": [list(zip(columns, row, strict=True)) for row in cells],
            "candidates_about": self._about_candidates(),
            "data": data_facts(found, self.train, self.test[0]),
            "protocol": protocol_facts(found),
            "times": time_facts(found),
            "diagram": "" if best is None else diagram(best),
            "program": program_of(search, f"search.fit({', '.join(call)})"),
            "repeat_about": self._about_repeating(given),
            "seeds": seed_facts(search),
            "versions": version_facts(search),
        }

    def _sections(self, has_model: bool) -> list[tuple[str, str]]:
        return [
            ("best", "Best"),
            *([("test", "New rows")] if self.scored else []),
            ("matters", "What matters"),
            ("course", "Pictures"),
            ("candidates", "Candidates"),
            ("protocol", "Protocol"),
            *([("model", "Model")] if has_model else []),
            ("repeat", "Repeat"),
        ]

    # ---- in words ------------------------------------------------------------------

    def _lead(self) -> str:
        found, label = self.found, self.metric.label
        n_folds = found.first.folds.shape[1]
        tried = (
            f"{plural(len(found.first), 'candidate')} "
            f"{'was' if len(found.first) == 1 else 'were'} fitted on "
            f"{plural(n_folds, 'fold')}."
        )
        if found.best is None:
            return f"{tried} None of them has a score."
        which = {
            BY_RULE: f"The one {BY_RULE}",
            OF_LAST_ROUND: "The best of the last round",
        }
        said = f"{tried} {which.get(found.best_note, 'The best')} has {label} "
        said += self.metric.show(found.best)
        said += " (mean and deviation over the folds)." if n_folds > 1 else "."
        return f"{said} {self._lead_of_test()}".strip()

    def _lead_of_test(self) -> str:
        """Say what the best comes to on new rows, and whether others do better."""
        name = self.metric.name
        if not self.scored or name not in self.scored[0].scores:
            return ""
        own, *others = self.scored
        score = own.scores[name]
        rows = plural(num_samples(self.test[0]), "row")
        said = f"On {rows} kept apart it comes to {self._shown(score)}"
        known = [row for row in others if np.isfinite(row.scores.get(name, np.nan))]
        if not known:
            return f"{said}."
        sign = -1 if self.found.first.is_cost else 1
        rival = max(known, key=lambda row: sign * row.scores[name])
        against = rival.scores[name]
        which = rival.name[0].lower() + rival.name[1:]
        if sign * score > sign * against:
            return f"{said}, against {self._shown(against)} of the {which}."
        return f"{said}, which is no better than {self._shown(against)} of the {which}."

    def _shown(self, score: float) -> str:
        return number(self.metric.sign * score)

    def _figures(self, bars: list[_Bar]) -> list[_Figure]:
        found, label = self.found, self.metric.label
        figures = []
        if found.best is not None:
            mean = self.metric.means[found.best]
            better = "lower" if self.metric.less_is_better else "higher"
            n_folds = plural(found.first.folds.shape[1], "fold")
            told = f"mean of {n_folds}, {better} is better"
            name = f"Chosen: {label}" if found.best_note == BY_RULE else f"Best {label}"
            figures.append(_Figure(name, number(mean, 3), told))
        if self.scored and self.metric.name in self.scored[0].scores:
            score = self.metric.sign * self.scored[0].scores[self.metric.name]
            told = plural(num_samples(self.test[0]), "row") + " kept apart"
            figures.append(_Figure(f"Test {label}", number(score, 3), told))
        n_failed = found.first.n_failed
        told = f"{n_failed:,} failed" if n_failed else "none failed"
        figures.append(_Figure("Candidates", f"{len(found.first):,}", told))
        told = plural(found.n_fits, "fit") + ", added up"
        figures.append(_Figure("Time", seconds(found.seconds), told))
        if bars and bars[0].verdict == MATTERS:
            told = f"{bars[0].value} of the variance"
            figures.append(_Figure("Matters most", bars[0].name, told))
        return figures

    def _about_best(self) -> list[str]:
        """Say what is odd about the best candidate, a paragraph each."""
        found, label = self.found, self.metric.label
        words = []
        if found.best_note == BY_RULE:
            row = int(found.first.gains.argmax())
            words.append(
                f"This candidate was {BY_RULE}: {chosen_by(found)}. Row {row} of the "
                f"results has the best {label}, {self.metric.show(row)}."
            )
        elif found.best_note == OF_LAST_ROUND:
            words.append(
                f"This candidate is {OF_LAST_ROUND}, in which there were the most "
                "resources. Better scores of earlier rounds do not count: they are of "
                "fewer."
            )
        return [*words, *start_words(self.search)]

    def _about_repeating(self, given: list[str]) -> str:
        """Say what the program needs, and what it does not know."""
        drawn_from = generators_of(self.search)
        makes = "makes the same search."
        if drawn_from:
            makes = (
                "makes a search like it, but not the same: numbers were drawn from a "
                f"generator, which is not kept ({in_a_row(drawn_from)}). An integer "
                "could be repeated."
            )
        return (
            f"With {in_a_row(given)} of the search and the versions below, this "
            f"program {makes} A search does not record what else was given to fit, "
            "such as sample_weight: if there was anything, add it."
        )

    def _about_effects(self) -> str:
        words = (
            f"The {self.metric.label} of each candidate against one parameter, while "
            "the others differ too."
        )
        n_beyond = self.found.n_beyond
        if n_beyond:
            words += f" {plural(n_beyond, 'candidate')} with worse scores not shown."
        n_more = len(self.found.first.varied) - MOST_EFFECTS
        if n_more > 0:
            words += f" {plural(n_more, 'parameter')} that matter less not drawn."
        return words

    def _about_candidates(self) -> str:
        words = [
            "The scores are means over the folds, ± their standard deviation. Press a "
            "header to sort by it, and again for the other direction.",
        ]
        if not self.found.is_fitted.all():
            words.append(
                "Candidates that came again were not fitted again: they have the "
                "scores of the first."
            )
        return " ".join(words)

    # ---- tables --------------------------------------------------------------------

    def _importances(self) -> tuple[list[_Bar], str, list[str]]:
        """Return bars, the same in words, and the parameters in their order."""
        if not self.found.first.usable.any():
            return [], "Nothing can be told without scores.", self.found.parameters
        result = param_importances(
            self.search, self.metric.name, n_resamples=self.n_resamples
        )
        order = result.frame["parameter"].tolist()
        frame = result.frame.assign(
            parameter=[self.found.short.get(name, name) for name in order]
        )
        words = str(replace(result, frame=frame))
        bars = [_bar(row) for row in frame.itertuples() if row.verdict != CANNOT_TELL]
        about = (
            f" Importance is the share of the variance of {self.metric.label} that a "
            "parameter explains alone, with an interval of resamples; what scores "
            "dealt at random explain as well cannot be told from noise."
            if bars
            else ""
        )
        return bars, f"By the scores: {words}.{about}", order

    def _test_table(self) -> dict[str, Any]:
        metrics = self.found.metrics
        rows = [
            _TestRow(
                row.name,
                row.about or f"all rows of the search, {self._rows_of_training()}",
                [
                    number(m.sign * row.scores[m.name])
                    if m.name in row.scores
                    else "none"
                    for m in metrics
                ],
                row.problem,
            )
            for row in self.scored
        ]
        better = [
            f"{m.label} ({'lower' if m.less_is_better else 'higher'} is better)"
            for m in metrics
        ]
        n_rows = 0 if self.test[0] is None else num_samples(self.test[0])
        return {
            "tests": rows,
            "test_metrics": better,
            "test_about": (
                f"The best model and what it has to beat, on {plural(n_rows, 'row')}."
            ),
            "test_note": self._missing_beside(),
        }

    def _missing_beside(self) -> str:
        """Say what the best model is not compared with, and why."""
        metrics = self.found.metrics
        own = [m.label for m in metrics if not comparable(self.search, m.name)]
        if own:
            return (
                f"What the estimator itself computes ({in_a_row(own)}) is no score of "
                "other models, so there is nothing to compare it with."
            )
        if self.scored and self.train[0] is None and self.test[1] is not None:
            return (
                "The rows of the search were not given (X_train and y_train), so "
                "there is no linear model to compare with."
            )
        return ""

    def _rows_of_training(self) -> str:
        X = self.train[0]
        return "best parameters" if X is None else f"{num_samples(X):,} of them"


def _bar(row: Any) -> _Bar:
    low, high = float(row.low), float(row.high)
    return _Bar(
        text(row.parameter),
        f"{row.importance:.2f}",
        f"{low:.2f} to {high:.2f}",
        row.verdict,
        f"{100 * row.importance:.1f}",
        f"{100 * low:.1f}",
        f"{100 * (high - low):.1f}",
    )


def _last_step(estimator: Any) -> str:
    steps = getattr(estimator, "steps", None)
    return _last_step(steps[-1][1]) if steps else type(estimator).__name__


def _file(name: str) -> str:
    """Read a file that is shipped with the package."""
    return (resources.files(__package__) / "templates" / name).read_text("utf-8")
