"""
Learning rates of a network on sessions
=======================================

A grid over three learning rates of a convolutional network, on made-up sessions: which
class does what a user did belong to? All fits share one compiled network.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, train_test_split

from skrec import CNNClassifier
from skrec.datasets import make_sessions

X, y = make_sessions(random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = CNNClassifier(filters=16, epochs=20, early_stopping=False, random_state=0)
search = GridSearchCV(model, {"learning_rate": [0.0003, 0.003, 0.03]}, cv=3)
search.fit(X_train, y_train)
print(search.best_params_, search.score(X_test, y_test))

# %%
# The loss of each epoch tells why: twenty epochs are too few for the lower rates.

figure, axes = plt.subplots(layout="constrained")
for rate in search.param_grid["learning_rate"]:
    fitted = model.set_params(learning_rate=rate).fit(X_train, y_train)
    axes.plot(range(1, 21), fitted.history_["loss"], label=str(rate))
axes.set(xlabel="epoch", ylabel="loss on the training rows", yscale="log")
axes.legend(title="learning rate")
plt.show()
