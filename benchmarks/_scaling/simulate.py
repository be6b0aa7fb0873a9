"""A search over many workers, from what fits and an engine cost."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

ASSUMPTIONS = (
    "a fit takes as long as the same fit did alone on the measured machine",
    "a worker traces an architecture once, at its first fit of it; more fits mean more "
    "values of rates and batch sizes, with the same architectures",
    "workers start all at once, in the time measured, and wait in no queue",
    "the data go to each worker once, to one after the other, at the bandwidth named",
    "the searching process hands out fits one by one, in the order of the grid, to the "
    "worker that is free first, and needs the time measured for each",
    "all candidates are known at the start; a search that chooses in rounds keeps no "
    "more workers busy than a round has fits",
    "no worker fails, and none is slower than another",
)


@dataclass(frozen=True)
class Fit:
    """One fit of a search.

    Parameters
    ----------
    seconds : float
        Of fitting and scoring, in a process that has traced the architecture.
    architecture : str
        Whose graph the fit runs.
    """

    seconds: float
    architecture: str


@dataclass(frozen=True)
class Costs:
    """What an engine adds to the fits.

    Parameters
    ----------
    start : float
        Seconds until a worker has imported everything; all start at once.
    dispatch : float
        Seconds in which the searching process hands out a fit and takes its scores.
    send : float
        Seconds in which it sends the data to one worker, one after the other.
    trace : dict of str to float
        Seconds that the first fit of each architecture takes longer in a process.
    """

    start: float
    dispatch: float
    send: float
    trace: dict[str, float]


def simulate(fits: Iterable[Fit], n_workers: int, costs: Costs) -> float:
    """Return the seconds of a search."""
    free = [(costs.start + (i + 1) * costs.send, i) for i in range(n_workers)]
    traced: list[set[str]] = [set() for _ in range(n_workers)]
    clock = end = 0.0  # of the searching process, and of the last fit
    for fit in fits:
        ready, worker = free[0]
        clock = max(clock, ready) + costs.dispatch
        done = clock + fit.seconds
        if fit.architecture not in traced[worker]:
            traced[worker].add(fit.architecture)
            done += costs.trace[fit.architecture]
        heapq.heapreplace(free, (done, worker))
        end = max(end, done)
    return end


def alone(fits: Iterable[Fit], costs: Costs) -> float:
    """Return the seconds of a search in one process, with no engine."""
    return simulate(fits, 1, Costs(start=0, dispatch=0, send=0, trace=costs.trace))


def scaling_frame(
    fits: list[Fit], repeats: list[int], workers: list[int], costs: Costs
) -> pd.DataFrame:
    """Simulate searches of several sizes over several numbers of workers.

    Parameters
    ----------
    fits : list of Fit
        The search that was measured.
    repeats : list of int
        How often that makes up the searches to simulate.
    workers : list of int
        Numbers of workers.
    costs : Costs
        Of the engine.

    Returns
    -------
    DataFrame
        A row for each size and number: seconds, how many times faster than one process
        with no engine, the share of the workers' time that goes into fits, and the
        number of workers after which more do not help.
    """
    rows = []
    for repeat in repeats:
        search = fits * repeat
        work = sum(fit.seconds for fit in search)
        most = last_that_helps(search, costs, max(workers))
        for n_workers in workers:
            took = simulate(search, n_workers, costs)
            rows.append(
                {
                    "fits": len(search),
                    "workers": n_workers,
                    "seconds": took,
                    "times_faster": alone(search, costs) / took,
                    "percent_in_fits": 100 * work / (n_workers * took),
                    "last_that_helps": most,
                }
            )
    return pd.DataFrame(rows)


def last_that_helps(
    fits: list[Fit], costs: Costs, most: int, worth: float = 0.1
) -> int:
    """Return the number of workers after which more of them do not help.

    Parameters
    ----------
    fits : list of Fit
        The search.
    costs : Costs
        Of the engine.
    most : int
        Largest number to look at; all are powers of two.
    worth : float, default=0.1
        Share of the seconds that they must save, compared with any smaller number.
    """
    best, helps, n_workers = alone(fits, costs), 1, 2
    while n_workers <= most:
        seconds = simulate(fits, n_workers, costs)
        if seconds <= (1 - worth) * best:
            best, helps = seconds, n_workers
        n_workers *= 2
    return helps
