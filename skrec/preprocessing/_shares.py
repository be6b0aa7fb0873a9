"""How far apart two samples of a column are: the population stability index."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

N_BINS = 10
CONFIDENCE = 0.99


class Difference(NamedTuple):
    """How far apart two samples are.

    Parameters
    ----------
    psi : float
        Population stability index; NaN where one of the samples is empty.
    noise : float
        What it exceeds in one of 100 pairs of samples of these sizes of one population.
    """

    psi: float
    noise: float


NOTHING = Difference(np.nan, np.nan)


def index_of(before: np.ndarray, after: np.ndarray) -> Difference:
    """Compare two samples by how many values of each fall into each bin.

    To each sample half a value a bin is added, shared out as both samples together
    are: a bin that is empty in one of them is no infinite distance, and counts for
    less, the fewer values there are; one that is empty in both counts for nothing.

    Parameters
    ----------
    before, after : ndarray of shape (n_bins,)
        Counts.

    Returns
    -------
    Difference
        The sum over bins of (q - p) log(q / p), for shares p before and q after.
    """
    if not before.sum() or not after.sum():
        return NOTHING
    is_used = before + after > 0
    n_bins = np.count_nonzero(is_used)
    if n_bins == 1:
        return Difference(0.0, 0.0)
    before, after = before[is_used], after[is_used]
    n_before, n_after = before.sum(), after.sum()
    extra = (before + after) / (n_before + n_after) * n_bins / 2
    p, q = ((own + extra) / (own + extra).sum() for own in (before, after))
    noise = chi2.ppf(CONFIDENCE, n_bins - 1) * (1 / n_before + 1 / n_after)
    return Difference(float(((q - p) * np.log(q / p)).sum()), float(noise))


def of_numbers(before: np.ndarray, after: np.ndarray) -> Difference:
    """Compare two samples of numbers.

    Bins lie between the quantiles of the first sample. A number that is frequent in it
    has a bin of its own.

    Parameters
    ----------
    before, after : ndarray of float
        Values, NaN where they are missing.

    Returns
    -------
    Difference
        How far apart they are.
    """
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    if not len(before):
        return NOTHING
    edges = _edges(before)

    def counted(values: np.ndarray) -> np.ndarray:
        bins = np.searchsorted(edges, values, side="left")
        return np.bincount(bins, minlength=len(edges) + 1)

    return index_of(counted(before), counted(after))


def _edges(values: np.ndarray) -> np.ndarray:
    """Return the upper ends of all bins but the last one."""
    shares = np.arange(1, N_BINS) / N_BINS
    quantiles = np.quantile(values, shares, method="inverted_cdf")
    different, counts = np.unique(values, return_counts=True)
    frequent = different[counts >= len(values) / (2 * N_BINS)]
    return np.unique(
        np.concatenate([quantiles, frequent, np.nextafter(frequent, -np.inf)])
    )


def of_ids(before: np.ndarray, after: np.ndarray) -> Difference:
    """Compare two samples of ids by their most frequent ones, and all others.

    Parameters
    ----------
    before, after : ndarray of int
        Codes of ids, none of them missing.

    Returns
    -------
    Difference
        How far apart they are.
    """
    if not len(before):
        return NOTHING
    frequent = pd.Series(before).value_counts(sort=True).index[: N_BINS - 1]

    def counted(codes: np.ndarray) -> np.ndarray:
        return np.bincount(frequent.get_indexer(codes) + 1, minlength=N_BINS)

    return index_of(counted(before), counted(after))
