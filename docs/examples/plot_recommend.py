"""
Two recommenders beside what is popular
=======================================

A made-up log in which each customer walks through the shelves in order. The last
purchase of each is held out, and ranked among all items.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skrec.metrics import evaluate
from skrec.model_selection import LeaveLastOut
from skrec.recommenders import (
    EASERecommender,
    ItemKNNRecommender,
    PopularRecommender,
)

rng = np.random.default_rng(0)
events = pd.DataFrame({"customer": rng.integers(0, 80, 1000), "day": range(1000)})
walked = events.groupby("customer").cumcount()
events["product"] = (events["customer"] * 7 + walked + rng.integers(0, 3, 1000)) % 60
print(events.head(3))

# %%
# Fit on all but the last event of each customer, and rank for that one.

columns = {"user_col": "customer", "item_col": "product", "time_col": "day"}
splitter = LeaveLastOut(user_col="customer", time_col="day")
train, test = next(splitter.split(events))
models = [PopularRecommender, ItemKNNRecommender, EASERecommender]
metrics = [f"recall@{k}" for k in (1, 2, 5, 10, 20)]

figure, axes = plt.subplots(layout="constrained")
for kind in models:
    model = kind(**columns).fit(events.iloc[train])
    scores = evaluate(model, events.iloc[test], metrics)["score"]
    axes.plot([1, 2, 5, 10, 20], scores, marker="o", label=kind.__name__)
axes.set(xlabel="length of the list", ylabel="share of customers whose item is in it")
axes.legend()
plt.show()

# %%
# The list for two customers.

print(model.recommend([1, 2], n=3))
