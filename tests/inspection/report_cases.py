"""Searches to report on, and a reader of their page that is stricter than browsers."""

from html.parser import HTMLParser

import numpy as np
from scipy.stats import loguniform, randint
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

WITHOUT_END = {"meta", "link", "input", "br"}


class Quick(ClassifierMixin, BaseEstimator):
    """A classifier that learns nothing: its parameters say how good it is."""

    def __init__(self, rate=0.1, units=8, kind="a", fails=False):
        self.rate = rate
        self.units = units
        self.kind = kind
        self.fails = fails

    def fit(self, X, y):
        if self.fails:
            raise ValueError("this one fails")
        self.classes_ = np.unique(y)
        self.n_features_in_ = np.shape(X)[1]
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        off = np.log10(self.rate) + 2 + 0.001 * float(np.sum(np.asarray(X)[:, 0]) % 7)
        return 1 / (1 + off**2)


def rows(n_rows=60):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, 3)), np.arange(n_rows) % 3


def wide_search(n_candidates=500):
    space = {
        "rate": loguniform(1e-5, 1),
        "units": randint(4, 512),
        "kind": ["a", "b", "c"],
    }
    search = RandomizedSearchCV(
        Quick(), space, n_iter=n_candidates, cv=3, random_state=0
    )
    return search.fit(*rows())


def small_search(grid=None, **settings):
    grid = grid or {"rate": [0.001, 0.01, 0.1], "kind": ["a", "b"]}
    return GridSearchCV(Quick(), grid, **{"cv": 3, **settings}).fit(*rows())


class Page(HTMLParser):
    """What is in a page, of which every element is closed where it must be."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, tag

    def handle_data(self, data):
        if "script" not in self._open and "style" not in self._open:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def values(self, attribute):
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]
