"""The sets of quality_topn.py: what trains, validates and tests; what is published."""

from functools import partial
from typing import NamedTuple

import pandas as pd

from skrec.datasets import fetch_movielens, load_sequences

TINY_USERS = 40


class Task(NamedTuple):
    """Events of a set, in the order of its file: user, item and time."""

    name: str
    by_time: bool  # whether the last events are held out, or random ones
    train: pd.DataFrame
    valid: pd.DataFrame
    test: pd.DataFrame

    @property
    def history(self) -> pd.DataFrame:
        """What is known of each user when the test events are to be predicted."""
        return pd.concat([self.train, self.valid]).sort_index()

    @property
    def n_cold(self) -> int:
        """Count the test events whose item no model can know."""
        return int((~self.test["item"].isin(self.train["item"])).sum())

    @property
    def facts(self) -> str:
        """Say what was split, and how."""
        known = self.history
        how = "the last event tests, the last but one validates, the others train"
        if not self.by_time:
            how = "of each user a tenth, rounded up, tests and one validates, at random"
        return (
            f"{known['user'].nunique()} users, "
            f"{pd.concat([known, self.test])['item'].nunique()} items, {len(known)} + "
            f"{len(self.test)} events; {how}; {self.n_cold} test events have an item "
            "that no training event has, and count as misses"
        )


def _first_users(events: pd.DataFrame, tiny: bool) -> pd.DataFrame:
    few = events["user"].unique()[:TINY_USERS]
    return events[events["user"].isin(few)].reset_index(drop=True) if tiny else events


def _next_item(name: str, title: str, seed: int, tiny: bool) -> Task:
    """Hold out the last event of each user, and the one before it, for every seed."""
    events = _first_users(load_sequences(name).data, tiny)
    from_last = events.groupby("user").cumcount(ascending=False)
    parts = (events[rows] for rows in (from_last > 1, from_last == 1, from_last == 0))
    return Task(title, True, *parts)


def _movielens(seed: int, tiny: bool) -> Task:
    """Hold out two random tenths of each user's films, rounded up."""
    ratings = fetch_movielens().ratings
    names = {"user_id": "user", "item_id": "item", "timestamp": "time"}
    events = _first_users(ratings.rename(columns=names)[list(names.values())], tiny)
    drawn = events.sample(frac=1, random_state=seed)
    place = drawn.groupby("user").cumcount().sort_index()
    tenth = events.groupby("user")["user"].transform("size").floordiv(-10).mul(-1)
    is_test, is_valid = place < tenth, (place >= tenth) & (place < 2 * tenth)
    parts = (events[rows] for rows in (~is_test & ~is_valid, is_valid, is_test))
    return Task("MovieLens-100K", False, *parts)


# By seed; few users if the second argument is true.
TASKS = {
    "beauty": partial(_next_item, "amazon-beauty", "Amazon Beauty"),
    "lastfm": partial(_next_item, "lastfm", "LastFM"),
    "movielens": _movielens,
}

# Hit rate and NDCG at 10: what others report on the same set and protocol.
PUBLISHED: dict[str, list[tuple[str, float, float, str]]] = {
    "Amazon Beauty": [
        ("Popular", 0.0152, 0.0068, "S3-Rec"),
        ("BPR", 0.0447, 0.0227, "RecBoard"),
        ("GRU4Rec, softmax", 0.0691, 0.0397, "CE-SCE-LLMRec"),
        ("Caser, softmax", 0.0613, 0.0361, "CE-SCE-LLMRec"),
        ("SASRec, BCE with 1 negative", 0.0668, 0.0354, "RecBoard"),
        ("BERT4Rec", 0.0730, 0.0406, "RecBoard"),
        ("HSTU", 0.0945, 0.0543, "RecBoard"),
        ("SASRec, softmax", 0.0986, 0.0597, "CE-SCE-LLMRec, 5 seeds"),
        ("BSARec", 0.1008, 0.0611, "its authors' log"),
    ],
    "LastFM": [
        ("Popular", 0.0440, 0.0203, "S3-Rec or BSARec"),
        ("GRU4Rec", 0.0367, 0.0187, "S3-Rec or BSARec"),
        ("Caser", 0.0413, 0.0214, "S3-Rec or BSARec"),
        ("SASRec, BCE with 1 negative", 0.0688, 0.0390, "S3-Rec or BSARec"),
        ("S3-Rec", 0.0743, 0.0427, "S3-Rec or BSARec"),
        ("BSARec", 0.0807, 0.0435, "S3-Rec or BSARec"),
    ],
    "MovieLens-100K": [("BPR, 64 factors", 0.761, 0.277, "RecBole README")],
}
# What skrec's tuned models have to reach: hit rate, NDCG.
TARGETS: dict[str, dict[str, tuple[float, float]]] = {
    "Amazon Beauty": {
        "SASRec": (0.0986, 0.0597),
        "BSARec": (0.1008, 0.0611),
        "GRU4Rec": (0.0691, 0.0397),
        "Caser": (0.0613, 0.0361),
        "BPR": (0.0447, 0.0227),
    },
    "LastFM": {"EASE": (0.0881, 0.0504), "SASRec": (0.0807, 0.0435)},
    "MovieLens-100K": {"EASE": (0.853, 0.344), "BPR": (0.761, 0.277)},
}
