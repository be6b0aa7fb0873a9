"""From measurements, round by round, to medians, ratios and operations a second."""

import numpy as np
import pandas as pd

WARM, COLD, TRACED = "warm imports", "cold imports", "warm programs"
SUBJECTS = ("skrec", "skrec-generic")
KEYS = ["workload", "n_jobs", "state", "system"]


def summary(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each system's rounds; a row of none says why."""
    rows = []
    for key, group in measurements.groupby(KEYS, sort=False):
        numbers = group[
            ["seconds", "fits_per_second", "best_score", "start_mb", "end_mb"]
        ]
        rows.append(
            {
                **dict(zip(KEYS, key, strict=True)),
                "threads": group["threads"].iloc[0],
                "rounds": group["seconds"].notna().sum(),
                "fits": group["fits"].iloc[0],
                **numbers.median().to_dict(),
                "note": "; ".join(note for note in group["note"].unique() if note),
            }
        )
    return pd.DataFrame(rows)


def ratios(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return how many times longer than skrec a peer takes, paired round by round.

    A peer is compared at skrec's own number of processes, and with one process against
    skrec's several too.
    """
    searches = measurements.dropna(subset=["seconds"])
    own = searches[searches["system"].isin(SUBJECTS)]
    peers = searches[~searches["system"].isin(SUBJECTS)]
    pairs = peers.merge(own, on=["workload", "round"], suffixes=("", "_own"))
    same = (pairs["n_jobs"] == pairs["n_jobs_own"]) & (
        pairs["state"] == pairs["state_own"]
    )
    one_against_several = (
        (pairs["n_jobs"] == 1)
        & (pairs["n_jobs_own"] > 1)
        & (pairs["state_own"] == WARM)
    )
    pairs = pairs[same | one_against_several]
    rows = []
    keys = ["workload", "system", "n_jobs", "n_jobs_own", "state_own"]
    names = ["workload", "peer", "n_jobs_peer", "n_jobs", "state"]
    for key, group in pairs.groupby(keys, sort=False):
        row = dict(zip(names, key, strict=True))
        for subject, pair in group.groupby("system_own", sort=False):
            factor = pair["seconds"] / pair["seconds_own"]
            row |= {
                "rounds": len(factor),
                str(subject): factor.median(),
                f"{subject} lowest": factor.min(),
                f"{subject} highest": factor.max(),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def efficiency(
    medians: pd.DataFrame, gflop: dict[str, float], rate: float
) -> pd.DataFrame:
    """Return the share of the machine's own matrix product rate that skrec reaches.

    Parameters
    ----------
    medians : DataFrame
        What `summary` returns.
    gflop : dict of str to float
        Operations of one search of each workload, in 1e9.
    rate : float
        1e9 operations a second of one thread.
    """
    own = medians[medians["system"].isin(SUBJECTS)].dropna(subset=["seconds"])
    work = own["workload"].map(gflop).astype(float)
    n_threads = own["n_jobs"] * own["threads"]
    reached = work / own["seconds"]
    return own[KEYS].assign(
        threads=n_threads,
        gflop=work,
        gflop_per_second=reached,
        sgemm_gflop_per_second=n_threads * rate,
        percent_of_sgemm=100 * reached / (n_threads * rate),
    )


def score_table(scores: dict[str, np.ndarray], candidates: list[dict]) -> pd.DataFrame:
    """Compare mean test scores over seeds, in standard errors of the difference.

    Parameters
    ----------
    scores : dict of str to ndarray of shape (n_seeds, n_candidates)
        Of each system; "keras" is what the others are compared with.
    candidates : list of dict
        The candidates.
    """
    rows = []
    for i, candidate in enumerate(candidates):
        for system, found in scores.items():
            n_seeds = len(found)
            row = {
                **candidate,
                "system": system,
                "seeds": n_seeds,
                "mean_score": found[:, i].mean(),
                "standard_error": standard_error(found[:, i]),
            }
            if system != "keras" and "keras" in scores:
                plain = scores["keras"][:, i]
                row["difference"] = found[:, i].mean() - plain.mean()
                row["standard_error_of_it"] = np.hypot(
                    standard_error(found[:, i]), standard_error(plain)
                )
            rows.append(row)
    return pd.DataFrame(rows)


def standard_error(values: np.ndarray) -> float:
    """Return the standard error of a mean; of one value it is not known."""
    if len(values) < 2:
        return float("nan")
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def memory_row(start: float, after: list[float], settled: int) -> dict[str, float]:
    """Sum up the resident memory that was read before all fits and after each.

    Parameters
    ----------
    start : float
        MB before the first fit.
    after : list of float
        MB after each fit.
    settled : int
        Number of fits from which on growth is counted.
    """
    return {
        "start_mb": start,
        "growth_counted_after": settled,
        "settled_mb": after[settled - 1],
        "end_mb": after[-1],
        "growth_mb": after[-1] - after[settled - 1],
    }
