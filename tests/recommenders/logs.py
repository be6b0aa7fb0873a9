"""Made-up logs whose right recommendations are known."""

import numpy as np
import pandas as pd


def checkerboard(n=20, seed=0):
    """Even users like even items, odd ones odd; each misses one, which is returned."""
    rng = np.random.default_rng(seed)
    pairs = [(u, i) for u in range(n) for i in range(n) if (u - i) % 2 == 0 and u != i]
    rng.shuffle(pairs)
    return pd.DataFrame(pairs, columns=["user", "item"]), np.arange(n)


def cycle(n=12, length=6):
    """Each user goes on from item to item, by 1, from a place of their own."""
    rows = [(u, (u + k) % n, k) for u in range(n) for k in range(length)]
    return pd.DataFrame(rows, columns=["user", "item", "time"])


def random_log(n_users=30, n_items=25, n_events=300, seed=0):
    """Events at random, popular items more often; times with ties."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user": rng.integers(0, n_users, n_events),
            "item": np.minimum(rng.geometric(0.1, n_events), n_items) - 1,
            "time": rng.integers(0, n_events // 3, n_events),
        }
    )
