"""Tables of what was measured: means and standard errors over the folds."""

import numpy as np
import pandas as pd

from _quality.data import METRICS

SMALLER_IS_BETTER = {"rmse", "mae", "log_loss"}


def summary(
    records: pd.DataFrame, task: str, references: list[list[str]]
) -> pd.DataFrame:
    """Sum the models of one task up, in the order in which they ran.

    `records` has one row a model and fold. `references` are groups of models: the best
    of each, in the first metric, is what the others are compared with, fold by fold.
    """
    own = records[records["task"] == task]
    metrics = METRICS[own["part"].iloc[0]]
    same_rows = "accuracy" in metrics  # repeats are no sample of what is judged
    sign = -1 if metrics[0] in SMALLER_IS_BETTER else 1
    by_fold = sign * own.pivot(index="fold", columns="model", values=metrics[0])
    groups = [[name for name in group if name in by_fold] for group in references]
    rivals = [by_fold[group].mean().idxmax() for group in groups if group]
    rows = []
    for name, found in own.groupby("model", sort=False):
        row = {"model": name, "folds": len(found)}
        for metric in metrics:
            row[metric] = found[metric].mean()
            row[f"{metric} se"] = found[metric].sem()
        if same_rows:
            row["accuracy se"] = found["accuracy_se"].mean()
        for rival in rivals:
            gain = (by_fold[name] - by_fold[rival]).dropna()
            row[f"better than {rival} by"] = gain.mean()
            if not same_rows:
                row[f"its se ({rival})"] = gain.sem()
        for seconds in ("seconds", "search_seconds"):
            row[seconds] = found[seconds].median()
        rows.append({**row, "candidates": found["candidates"].iloc[0]})
    return pd.DataFrame(rows)


def for_reading(table: pd.DataFrame) -> pd.DataFrame:
    """Write the scores of a table with four digits and seconds with one."""

    def written(column: pd.Series) -> pd.Series:
        digits = 1 if column.name.endswith("seconds") else 4
        return column.map(lambda x: "" if np.isnan(x) else f"{x:.{digits}f}")

    floats = table.select_dtypes("float")
    return table.assign(**{name: written(floats[name]) for name in floats})
