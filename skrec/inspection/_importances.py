"""How much each parameter of a search had to do with the scores."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skrec._extras import import_extra
from skrec._sklearn import Interval, validate_params
from skrec.inspection._axes import axes_and_figure, failed_note, plain
from skrec.inspection._results import Results, Values
from skrec.model_selection._optuna import quiet_optuna

MATTERS, NOISE, CANNOT_TELL = "matters", "cannot be told from noise", "cannot tell"
LEAST = 10  # candidates below which a forest has nothing to split
ALPHA = 0.05
BOUNDS = 0.05, 0.95
# A forest of shallow trees: deep ones learn the noise of single candidates, and what
# Optuna takes by default, 64 of depth 64, takes 10 to 100 times as long.
TREES, DEPTH = 10, 4


@dataclass
class ParamImportances:
    """What :func:`param_importances` has found; ``str`` says it in words.

    Parameters
    ----------
    frame : DataFrame of shape (n_parameters, 6)
        ``parameter``; ``importance``, the share of the variance of scores that it
        explains alone; ``low`` and ``high``, between which nine of ten resamples lie;
        ``verdict``: "matters", "cannot be told from noise" or "cannot tell"; and
        ``why`` nothing can be told. Those that matter come first.
    metric : str
        Name of the score.
    n_candidates : int
        Candidates that were compared.
    n_failed : int, default=0
        Candidates without a finite score, which were left out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : matplotlib BarContainer
        A bar for each parameter.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.inspection import ParamImportances
    >>> frame = pd.DataFrame({
    ...     "parameter": ["l2", "units"], "importance": [0.61, 0.2],
    ...     "low": [0.48, 0.0], "high": [0.7, 0.3],
    ...     "verdict": ["matters", "cannot be told from noise"], "why": ["", ""],
    ... })
    >>> print(ParamImportances(frame, "accuracy", 40))
    l2 matters (.61, .48 to .70); units cannot be told from noise
    """

    frame: pd.DataFrame
    metric: str
    n_candidates: int
    n_failed: int = 0

    def __str__(self) -> str:
        said = [
            f"{row.parameter} matters ({_share(row.importance)}, {_share(row.low)} to "
            f"{_share(row.high)})"
            for row in self._with(MATTERS)
        ]
        said += [_told([row.parameter for row in self._with(NOISE)], NOISE)]
        reasons = dict.fromkeys(row.why for row in self._with(CANNOT_TELL))
        for why in reasons:
            names = [row.parameter for row in self._with(CANNOT_TELL) if row.why == why]
            said.append(_told(names, f"{CANNOT_TELL}, {why}", ":"))
        said.append(failed_note(self.n_failed))
        return "; ".join(filter(None, said))

    def _with(self, verdict: str) -> list[Any]:
        return list(self.frame[self.frame["verdict"] == verdict].itertuples())

    def plot(self, ax: Any = None, *, bar_kw: dict | None = None) -> "ParamImportances":
        """Draw a bar for each parameter, pale where it cannot be told from noise.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if None.
        bar_kw : dict, default=None
            Arguments of ``Axes.barh``.

        Returns
        -------
        ParamImportances
            Itself.
        """
        size = (6.4, max(2.0, 1.2 + 0.5 * len(self.frame)))
        self.ax_, self.figure_ = axes_and_figure(ax, self, size)
        shown = self.frame.fillna({"importance": 0.0, "low": 0.0, "high": 0.0})
        rows = np.arange(len(shown))
        errors = np.abs(
            shown[["low", "high"]].to_numpy().T - shown["importance"].values
        )
        self.bars_ = self.ax_.barh(rows, shown["importance"], **(bar_kw or {}))
        self.ax_.errorbar(
            shown["importance"], rows, xerr=errors, fmt="none", color="gray", capsize=3
        )
        for bar, row in zip(self.bars_, shown.itertuples(), strict=True):
            bar.set_alpha(1.0 if row.verdict == MATTERS else 0.3)
        names = [
            row.parameter
            if row.verdict == MATTERS
            else f"{row.parameter}\n{_excuse(row)}"
            for row in shown.itertuples()
        ]
        self.ax_.set_yticks(rows, [*map(plain, names)], fontsize="small")
        self.ax_.set(xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5))
        self.ax_.set_xlabel(plain(f"Share of the variance of {self.metric}"))
        told = failed_note(self.n_failed)
        self.ax_.set_title(told, fontsize="small", loc="right")
        return self


@validate_params(
    {
        "metric": [str, None],
        "n_resamples": [Interval(Integral, 19, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def param_importances(
    search: Any,
    metric: str | None = None,
    *,
    n_resamples: int = 39,
    evaluator: Any = None,
    random_state: Any = 0,
) -> ParamImportances:
    """Measure how much each parameter of a search had to do with the scores.

    The measure is fANOVA [1]_ as Optuna computes it: the share of the variance of
    scores, over the values that the search has tried, that a parameter explains alone.
    A forest finds such shares in noise too, so each is compared with those in results
    whose scores were dealt to the candidates at random: what exceeds the largest share
    of any parameter there in all but one of twenty cases matters. Then the others are
    compared in the same way, beside those that matter. So in one of twenty searches in
    which nothing matters, something will seem to.

    Candidates that failed, and copies of others, are left out. Nothing can be told of
    fewer than ten candidates, where all scores tie, and of a parameter that has one
    value, that some candidates lack, or that is the only one: its share is always all.

    Parameters
    ----------
    search : estimator
        A fitted search with ``cv_results_``.
    metric : str, default=None
        Name of the score; None for that of `refit`, or else the first.
    n_resamples : int, default=39
        How often scores are dealt anew, for each verdict, and how many halves of the
        candidates, with folds drawn with replacement, make the interval; at least 19.
    evaluator : optuna.importance.BaseImportanceEvaluator, default=None
        Another measure of Optuna's, which sees losses: less is better. None for fANOVA
        with 10 trees of depth 4.
    random_state : int, RandomState instance or None, default=0
        Seeds the resamples and the forest.

    Returns
    -------
    ParamImportances
        With the table in ``frame``, and the findings in words as its ``str``.

    Raises
    ------
    ImportError
        If Optuna is not installed.
    ValueError
        If there is no such metric, or no candidate with a finite score.

    See Also
    --------
    ParamEffectDisplay : Scores against a parameter.

    Notes
    -----
    Numbers are read by their order, so that it does not matter whether a learning rate
    was drawn on a logarithmic scale. What was tried is not what could have been tried:
    a search that soon keeps to good values makes a parameter look less important than
    a random search does. Where a search gives candidates different resources,
    ``n_resources`` is one more parameter.

    References
    ----------
    .. [1] F. Hutter, H. Hoos and K. Leyton-Brown, "An efficient approach for assessing
       hyperparameter importance", ICML 2014.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> from sklearn.svm import SVC
    >>> from skrec.inspection import param_importances
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": loguniform(1e-3, 1e3), "shrinking": [True, False]}
    >>> search = RandomizedSearchCV(SVC(), space, n_iter=20, random_state=0).fit(X, y)
    >>> found = param_importances(search, n_resamples=19)
    >>> found.frame["verdict"].tolist()
    ['matters', 'cannot be told from noise']
    """
    results = Results.of_search(search, metric)
    results.require_usable()
    columns, reasons = _columns(results)
    kept = np.flatnonzero(results.usable & ~results.is_copy)
    losses = results.folds[kept] * (1 if results.is_cost else -1)
    whole = _why_nothing(losses.mean(axis=1))
    tested = {} if whole else {k: v for k, v in columns.items() if k not in reasons}
    found = pd.DataFrame({"parameter": [*columns]}).set_index("parameter", drop=False)
    found[["importance", "low", "high"]] = np.nan
    found["verdict"] = CANNOT_TELL
    found["why"] = [whole or reasons.get(name, "") for name in columns]
    if tested:
        rng = check_random_state(random_state)
        measure = _measure([*tested.values()], evaluator, int(rng.randint(2**31 - 1)))
        with quiet_optuna(), warnings.catch_warnings():
            # That a value comes from a function, and is not normalised, is meant so.
            warnings.simplefilter("ignore")
            shares = measure(losses.mean(axis=1), None)
            matters = _exceed_noise(shares, losses, measure, n_resamples, rng)
            low, high = _interval(shares, losses, measure, n_resamples, rng)
        names = [*tested]
        found.loc[names, "importance"] = shares
        found.loc[names, "low"], found.loc[names, "high"] = low, high
        found.loc[names, "verdict"] = np.where(matters, MATTERS, NOISE)
    rank = found["verdict"].map({MATTERS: 0, NOISE: 1, CANNOT_TELL: 2})
    order = np.lexsort([-found["importance"].fillna(0), rank])
    frame = found.iloc[order].reset_index(drop=True)
    return ParamImportances(frame, results.score_name, len(kept), results.n_failed)


# ---- what is compared ----------------------------------------------------------------

# From losses, and the order of rows of the parameters that matter, to their shares.
Measure = Callable[..., np.ndarray]


def _columns(results: Results) -> tuple[dict[str, Values], dict[str, str]]:
    """Return all parameters of the candidates compared, and why some tell nothing."""
    kept = np.flatnonzero(results.usable & ~results.is_copy)
    names = list(dict.fromkeys(name for one in results.params for name in one))
    raw = {name: results.column(name).raw for name in names}
    resources = results.places.get("n_resources")
    if resources is not None and resources.nunique() > 1:
        given = resources.tolist()
        if all(list(values) != given for values in raw.values()):
            raw["n_resources"] = given
    columns = {
        name: Values.of(name, [values[i] for i in kept]) for name, values in raw.items()
    }
    reasons = {}
    for name, own in columns.items():
        n_set = int(own.is_set.sum())
        if n_set < len(kept):
            reasons[name] = f"since only {n_set} of {len(kept)} candidates have it"
        elif own.is_constant:
            reasons[name] = "since it has one value"
    open_ = [name for name in columns if name not in reasons]
    if len(open_) == 1:  # it explains all of what noise does too
        reasons[open_[0]] = "since it is the only one: look at its effect"
    return columns, reasons


def _why_nothing(losses: np.ndarray) -> str:
    """Say why nothing can be told of any parameter; nothing if it can."""
    if len(losses) < LEAST:
        return f"since {len(losses)} candidates are fewer than {LEAST}"
    if np.ptp(losses) <= 1e-12 * max(1.0, float(np.abs(losses).max())):
        return "since all scores tie"
    return ""


def _measure(columns: Sequence[Values], evaluator: Any, seed: int) -> Measure:
    """Make what computes the shares, from losses and perhaps other rows of columns."""
    optuna = import_extra("optuna", "inspection", "param_importances")
    if evaluator is None:
        evaluator = optuna.importance.FanovaImportanceEvaluator(
            n_trees=TREES, max_depth=DEPTH, seed=seed
        )
    values, distributions = {}, {}
    for own in columns:
        if own.labels is None:  # by their order: each value has the same room
            different, ranks = np.unique(own.numbers, return_inverse=True)
            bounds = -0.5, len(different) - 0.5
            distributions[own.name] = optuna.distributions.FloatDistribution(*bounds)
            values[own.name] = ranks.astype(float).tolist()
        else:
            names = tuple(own.labels)
            distributions[own.name] = optuna.distributions.CategoricalDistribution(
                names
            )
            values[own.name] = [names[int(k)] for k in own.numbers]
    studies: dict[bytes, Any] = {}

    def study_of(order: np.ndarray | None, moved: Sequence[int]) -> Any:
        key = b"" if order is None else order.tobytes() + bytes(moved)
        if key in studies:
            return studies[key]
        table = {name: list(column) for name, column in values.items()}
        if order is not None:
            for name in (columns[k].name for k in moved):
                table[name] = [values[name][i] for i in order]
        study = optuna.create_study()
        study.add_trials(
            [
                optuna.create_trial(
                    params=dict(zip(table, row, strict=True)),
                    distributions=distributions,
                    value=0.0,
                )
                for row in zip(*table.values(), strict=True)
            ]
        )
        if order is None:
            studies[key] = study
        return study

    def measure(
        losses: np.ndarray, order: np.ndarray | None, moved: Sequence[int] = ()
    ) -> np.ndarray:
        try:
            found = optuna.importance.get_param_importances(
                study_of(order, moved),
                evaluator=evaluator,
                params=[own.name for own in columns],
                target=lambda trial: float(losses[trial.number]),
                normalize=False,
            )
        except RuntimeError:  # a forest that has found nothing to split
            return np.zeros(len(columns))
        return np.array([found[own.name] for own in columns], dtype=float)

    return measure


# ---- what noise does -----------------------------------------------------------------


def _exceed_noise(
    shares: np.ndarray,
    folds: np.ndarray,
    measure: Measure,
    n_resamples: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Tell which shares are larger than those in scores that were dealt at random.

    The step-down method of Westfall and Young: those that matter go along with the
    scores when they are dealt again, so that what they explain hides no other.
    """
    losses = folds.mean(axis=1)
    matters = np.zeros(len(shares), dtype=bool)
    most = ALPHA * (n_resamples + 1) - 1  # times that noise may be as large
    while not matters.all():
        open_ = ~matters
        n_larger = np.zeros(len(shares))
        moved = np.flatnonzero(matters).tolist()
        for _ in range(n_resamples):
            order = rng.permutation(len(losses))
            noise = measure(losses[order], order if moved else None, moved)
            n_larger[open_] += noise[open_].max() >= shares[open_]
            if (n_larger[open_] > most).all():
                break
        new = open_ & (n_larger <= most)
        if not new.any():
            break
        matters |= new
    return matters


def _interval(
    shares: np.ndarray,
    folds: np.ndarray,
    measure: Measure,
    n_resamples: int,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far shares differ between halves of the candidates.

    Halves differ from each other as much as samples of the whole size would. Drawn
    with replacement, a candidate would be there twice, which a forest takes for proof.
    """
    n_rows, n_folds = folds.shape
    found = []
    for _ in range(n_resamples):
        some = rng.permutation(n_rows)[: n_rows // 2]
        losses = np.full(n_rows, np.nan)
        drawn = rng.randint(n_folds, size=n_folds)
        losses[some] = folds[some][:, drawn].mean(axis=1)
        found.append(measure(losses, None))
    shifts = np.array(found) - np.median(found, axis=0)
    low, high = np.quantile(shifts, BOUNDS, axis=0)
    return np.clip(shares + low, 0, 1), np.clip(shares + high, 0, 1)


def _share(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _excuse(row: Any) -> str:
    """Say why a bar is pale."""
    return "\n".join(filter(None, [row.verdict, row.why]))


def _told(names: list[str], what: str, colon: str = "") -> str:
    """Say something of some parameters; nothing of none."""
    *first, last = names or [""]
    whole = f"{', '.join(first)} and {last}" if first else last
    return f"{whole}{colon} {what}" if names else ""
