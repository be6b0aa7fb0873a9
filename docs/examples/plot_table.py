"""
Clicks on a table with ids
==========================

Ids as categories and as numbers: the same table, the same network, and the AUC of both.
Only as categories does each id get a vector of its own.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skrec import FMClassifier
from skrec.datasets import make_clicks

clicks = make_clicks(3000, n_sites=6, n_ads=6, interest=0, random_state=0)
columns = ["site_id", "ad_id"]
X = clicks.data[columns]
print(X.dtypes)

# %%
# The clicks depend on the pair of site and ad.

X_train, X_test, y_train, y_test = train_test_split(X, clicks.target, random_state=0)
aucs = {}
for kind in ("category", "float"):
    model = FMClassifier(epochs=20, scoring="roc_auc", random_state=0)
    model.fit(X_train.astype(kind), y_train, X_val=X_test.astype(kind), y_val=y_test)
    aucs[kind] = model.history_["val_auc"]

figure, axes = plt.subplots(layout="constrained")
for kind, auc in aucs.items():
    axes.plot(range(1, len(auc) + 1), auc, label=f"ids as {kind}")
axes.axhline(0.5, color="grey", linestyle=":")
axes.set(xlabel="epoch", ylabel="AUC on rows that were not trained on")
axes.legend()
plt.show()
