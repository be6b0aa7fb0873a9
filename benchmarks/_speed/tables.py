"""From measurements, round by round, to medians and ratios."""

import pandas as pd

WARM, COLD, TRACED = "warm imports", "cold imports", "warm programs"
SUBJECTS = ("skrec", "skrec-generic")
KEYS = ["workload", "n_jobs", "state", "system"]


def summary(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each system's rounds; a row of none says why."""
    names = ["seconds", "fits_per_second", "best_score", "start_mb", "end_mb"]
    return (
        measurements.groupby(KEYS, sort=False)
        .agg(
            threads=("threads", "first"),
            rounds=("seconds", "count"),
            fits=("fits", "first"),
            **{name: (name, "median") for name in names},
            note=("note", lambda notes: "; ".join(n for n in notes.unique() if n)),
        )
        .reset_index()
    )


def ratios(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return how many times longer than skrec a peer takes, paired round by round.

    A peer is compared at skrec's own number of processes, and with one process against
    skrec's several too.
    """
    searches = measurements.dropna(subset=["seconds"])
    is_own = searches["system"].isin(SUBJECTS)
    pairs = searches[~is_own].merge(
        searches[is_own], on=["workload", "round"], suffixes=("", "_own")
    )
    one, several, state = pairs["n_jobs"], pairs["n_jobs_own"], pairs["state_own"]
    same = (one == several) & (pairs["state"] == state)
    pairs = pairs[same | ((one == 1) & (several > 1) & (state == WARM))]
    pairs = pairs.assign(factor=pairs["seconds"] / pairs["seconds_own"])
    rows = []
    keys = ["workload", "system", "n_jobs", "n_jobs_own", "state_own"]
    names = ["workload", "peer", "n_jobs_peer", "n_jobs", "state"]
    for key, group in pairs.groupby(keys, sort=False):
        row = dict(zip(names, key, strict=True))
        for subject, factor in group.groupby("system_own", sort=False)["factor"]:
            row |= {
                "rounds": len(factor),
                str(subject): factor.median(),
                f"{subject} lowest": factor.min(),
                f"{subject} highest": factor.max(),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def memory_row(start: float, after: list[float], settled: int) -> dict[str, float]:
    """Sum up the MB before all fits and after each; growth counts once settled."""
    return {
        "start_mb": start,
        "growth_counted_after": settled,
        "settled_mb": after[settled - 1],
        "end_mb": after[-1],
        "growth_mb": after[-1] - after[settled - 1],
    }
