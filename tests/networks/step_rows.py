"""Histories of every length, for networks that read them step by step."""

import numpy as np

N_ITEMS = 30


def histories(length):
    """One of each number of steps, the last with a gap."""
    rng = np.random.default_rng(0)
    codes = np.full((length + 2, length), -1, "int32")
    for n_steps in range(1, length + 1):
        codes[n_steps, length - n_steps :] = rng.integers(0, N_ITEMS, n_steps)
    codes[-1] = codes[length]
    codes[-1, length // 2] = -1
    return rng.permutation(codes)
