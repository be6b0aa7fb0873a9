"""What defaults.py says: scores, seconds, ranks and shortfalls of each half."""

import pandas as pd
from _common import Report

from _defaults.systems import BASELINES, SYSTEMS
from _defaults.tables import N_SPLITS, TABLES


def write_half(report: Report, results: pd.DataFrame, half: str) -> None:
    """Add the tables of a half."""
    names = [name for name in TABLES if TABLES[name].half == half]
    own = results[results["table"].isin(names)]
    if own.empty:
        return
    file = half.replace(" ", "_")
    for column, title in (
        ("score", "AUC of two classes, accuracy of more, R2 of numbers"),
        ("loss", "log-loss of classes, RMSE of numbers"),
    ):
        shown = means(own, column).map("{:.3f}".format, na_action="ignore")
        shown = shown.astype(object).where(shown.notna(), "").reset_index()
        report.table(f"{file}_{column}", f"Tables {half}: {title}", shown)
    report.table(f"{file}_seconds", f"Tables {half}: seconds of a fit", _seconds(own))
    title = f"Tables {half}: all {own['table'].nunique()} together"
    report.table(f"{file}_summary", title, summary(own))
    report.write(_what_is_missing(own))


def means(results: pd.DataFrame, column: str, how: str = "mean") -> pd.DataFrame:
    """Sum the splits up: a row a table and a column a system, in their order."""
    over = {"index": "table", "columns": "system", "values": column, "aggfunc": how}
    found = results.pivot_table(**over)
    tables = [name for name in TABLES if name in found.index]
    systems = [name for name in SYSTEMS if name in set(results["system"])]
    return found.reindex(index=tables, columns=systems)


def _seconds(results: pd.DataFrame) -> pd.DataFrame:
    """Write processor seconds and, in brackets, seconds that went by; the median."""
    cpu = means(results, "cpu_seconds", "median")
    wall = means(results, "seconds", "median")
    shown = cpu.map("{:.1f}".format) + wall.map(" ({:.1f})".format)
    return shown.where(cpu.notna(), "").reset_index()


def common_means(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores of the systems that have all tables, over the same splits.

    A split of a table counts if every one of these systems has it.
    """
    n_tables = results["table"].nunique()
    has_all = results.groupby("system")["table"].nunique() == n_tables
    systems = [name for name in SYSTEMS if has_all.get(name, False)]
    scores = results.pivot_table(
        index=["table", "split"], columns="system", values="score"
    )[systems]
    return scores.dropna().groupby("table").mean()


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean ranks, and how far systems fall short of the best baseline.

    Shortfalls are positive where the system is worse. Clipped, a table on which it is
    better counts as one on which it is equal.
    """
    scores = common_means(results)
    ranks = scores.rank(axis=1, ascending=False)
    of_classes = [not TABLES[name].is_numbers for name in scores.index]
    columns = {"mean rank": ranks.mean(), "on classes": ranks[of_classes].mean()}
    baselines = [name for name in BASELINES if name in scores]
    if baselines:
        short = scores.rsub(scores[baselines].max(axis=1), axis=0)
        columns |= {
            "mean shortfall": short.mean(),
            "clipped at 0": short.clip(lower=0).mean(),
            "greatest": short.max(),
            "on": short.idxmax(),
        }
    if "linear" in scores:
        short = scores.rsub(scores["linear"], axis=0)
        columns |= {"greatest to linear": short.max(), "on it": short.idxmax()}
    rows = pd.DataFrame(columns).loc[scores.columns]
    return rows.rename_axis("system").reset_index()


def _what_is_missing(results: pd.DataFrame) -> str:
    """Name the systems that lack splits, and those with results of several versions."""
    counts = results.groupby(["system", "table"], sort=False).size()
    few = [
        f"{system} on {table}: {n}"
        for (system, table), n in counts.items()
        if n < N_SPLITS
    ]
    versions = results.groupby("system", sort=False)["version"].unique()
    found = [f"{name} {', '.join(own)}" for name, own in versions.items()]
    missing = f"Splits, where fewer than {N_SPLITS}: {'; '.join(few) or 'nowhere'}."
    return f"{missing}\n\nVersions: {'; '.join(found)}."
