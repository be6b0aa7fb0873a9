"""From runs to tables: means over seeds, what others report, and what was aimed at."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from _topn.data import PUBLISHED, TARGETS
from _topn.evaluation import METRICS
from _topn.models import MODELS


def summary(runs: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the mean over seeds of every model of a set, then what is published."""
    rows = []
    for (model, variant), own in runs.groupby(["model", "variant"], sort=False):
        row = {"model": model, "variant": variant, "seeds": str(len(own))}
        row |= own[[f"{name}{end}" for name in METRICS for end in ("", " se")]].mean()
        if len(own) > 1:
            lowest, highest = own["NDCG"].min(), own["NDCG"].max()
            row["NDCG of seeds"] = f"{lowest:.4f} to {highest:.4f}"
        row |= own[["seconds", "rank_seconds"]].median()
        if "best_epoch" in own and own["best_epoch"].notna().any():
            row["best epochs"] = ", ".join(
                f"{epoch:.0f}" for epoch in own["best_epoch"]
            )
        rows.append(row | {"source": f"this run: {own['parameters'].iloc[0]}"})
    names = ["model", "hit rate", "NDCG", "source"]
    others = pd.DataFrame(PUBLISHED[task], columns=names).assign(variant="published")
    table = pd.concat([pd.DataFrame(rows), others], ignore_index=True)
    texts = table.select_dtypes(exclude="number").columns
    return table.fillna(dict.fromkeys(texts, ""))


def aims(table: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return each aim of a set, what was found, and by how much it was passed."""
    found = table.set_index(["model", "variant"])
    pairs = [
        (f"{model} tuned: published {metric}", (model, "tuned"), metric, target)
        for model, both in TARGETS[task].items()
        for metric, target in zip(("hit rate", "NDCG"), both, strict=True)
    ]
    rivals = [("Popular", name) for name, model in MODELS.items() if model.make]
    if task == "Amazon Beauty":
        rivals.append(("ItemKNN", "SASRec"))
    for rival, model in rivals:
        if (rival, "default") in found.index and model != rival:
            target = found.loc[(rival, "default"), "NDCG"]
            name = f"{model} default: NDCG of {rival} default"
            pairs.append((name, (model, "default"), "NDCG", target))
    rows = [
        (name, target, found.loc[key, metric], found.loc[key, metric] - target)
        for name, key, metric, target in pairs
        if key in found.index
    ]
    return pd.DataFrame(rows, columns=["aim", "at least", "found", "passed by"])


def draw_curves(runs: pd.DataFrame, path: Path) -> None:
    """Draw the NDCG of the validation events by epoch, a line a network and seed."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    curves = runs.reindex(columns=["curve"])["curve"].dropna()
    for number, (index, curve) in enumerate(curves.items()):
        run = runs.loc[index]
        every = 1 if np.isnan(run.get("every", np.nan)) else int(run["every"])
        epochs = every * np.arange(1, len(curve) + 1)
        label = f"{run['model']}, {run['variant']}, seed {run['seed']}"
        axes.plot(epochs, curve, label=label, color=f"C{number % 10}", alpha=0.7)
    axes.set(xlabel="epoch", ylabel="NDCG@10 of the validation events")
    if len(curves):
        axes.legend(fontsize="x-small")
    figure.savefig(path, dpi=120)
