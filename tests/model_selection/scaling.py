"""What workers of every kind import for tests/model_selection/test_scaling.py."""

import os
import threading
import time
import zlib
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV

from skrec import CNNClassifier, MLPClassifier
from skrec.datasets import make_sessions
from skrec.training import devices

X, Y = make_sessions(n_samples=60, n_steps=6, random_state=0)
SENT = []  # one entry for each time that this process has serialised a Counted


class Counted(np.ndarray):
    """An array that counts how often it is sent."""

    def __reduce_ex__(self, protocol):
        SENT.append(self.shape)
        return np.array, (np.asarray(self),)


def weights_too(estimator, X, y):
    """Score a fit by its accuracy and by all bits of its weights."""
    bits = b"".join(weight.tobytes() for weight in estimator._state.weights)
    return {
        "accuracy": accuracy_score(y, estimator.predict(X)),
        "weights": zlib.crc32(bits),
    }


def small_search(**params):
    """Return a search over four candidates and two architectures."""
    return GridSearchCV(
        CNNClassifier(epochs=3, random_state=0),
        {"filters": [2, 4], "learning_rate": [0.003, 0.03]},
        scoring=weights_too,
        refit="accuracy",
        cv=3,
        **params,
    )


def split_scores_and_best(search):
    """Return every score of every fit, and the weights of the best."""
    best = [weight.tobytes() for weight in search.best_estimator_._state.weights]
    return split_test_scores(search), best


def split_test_scores(search):
    """Return every score of every fit."""
    results = search.cv_results_.items()
    return {name: list(scores) for name, scores in results if name.startswith("split")}


def number():
    """Return the number of the worker, which leaves the others time to start."""
    time.sleep(0.2)
    return devices._worker_number()


def watches_its_parent():
    """Tell whether this process would end after its parent."""
    return any(thread.name == "skrec-parent" for thread in threading.enumerate())


def accuracy_and_pid(folder, estimator, X, y):
    """Score a fit, and leave word of the process that has done it."""
    (Path(folder) / f"{os.getpid()}.pid").touch()
    return accuracy_score(y, estimator.predict(X))


def long_search(scoring, memory=None):
    """Return a search long enough to kill one of its workers in the middle."""
    estimator = MLPClassifier(
        units=4, epochs=120, batch_size=8, random_state=0, memory=memory
    )
    grid = {"learning_rate": [0.001, 0.003, 0.01, 0.03]}
    return GridSearchCV(estimator, grid, scoring=scoring, cv=2, n_jobs=2, refit=False)
