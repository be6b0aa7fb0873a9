"""What the trackers ask of the place where they keep runs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from skrec.callback._runs import Run


@dataclass
class Kept:
    """A run that a store has from before.

    Parameters
    ----------
    ref : object
        The run as the store knows it.
    key, digest : str
        Those of the run; there is no digest before it is over.
    status : str
        Its status.
    fold : int or None
        The last number of its path, which tells the fold.
    """

    ref: Any
    key: str
    digest: str
    status: str
    fold: int | None


@dataclass
class Attempt:
    """A search, or a fit of its own, that was made before, with its runs.

    Parameters
    ----------
    root : Kept
        Its run.
    runs : list of Kept
        Those of its fits.
    may_live : bool
        Whether a process may still be at it.
    """

    root: Kept
    runs: list[Kept]
    may_live: bool

    @property
    def is_finished(self) -> bool:
        """Whether it came to its end."""
        return self.root.status == "finished"

    @property
    def is_broken_off(self) -> bool:
        """Whether it never will."""
        return not (self.is_finished or self.may_live)

    @property
    def digests(self) -> set[str]:
        """The digests of all of its runs."""
        return {kept.digest for kept in [self.root, *self.runs]}


class Store(ABC):
    """A place where runs are kept; only the process of the search writes there."""

    @abstractmethod
    def attempts(self, identity: str) -> list[Attempt]:
        """Return what was kept before of the same search on the same data.

        Parameters
        ----------
        identity : str
            Its digest.

        Returns
        -------
        list of Attempt
            The attempts.
        """

    @abstractmethod
    def start(self, run: Run, identity: str) -> None:
        """Make a run, and set its ``ref``.

        Parameters
        ----------
        run : Run
            The run; its parent was made before.
        identity : str
            Digest of the search that it belongs to.
        """

    @abstractmethod
    def epoch(self, run: Run, number: int, values: dict[str, float]) -> None:
        """Write an epoch.

        Parameters
        ----------
        run : Run
            The run.
        number : int
            The epoch, counted from 1.
        values : dict of str to float
            Its values.
        """

    def end(self, run: Run) -> None:  # noqa: B027  (few have something to close)
        """Let go of what a fit needed that has ended; its scores come later.

        Parameters
        ----------
        run : Run
            The run.
        """

    @abstractmethod
    def finish(self, run: Run) -> None:
        """Write what is known at last: scores, candidate, status, digest.

        Parameters
        ----------
        run : Run
            The run.
        """

    @abstractmethod
    def adopt(self, kept: Kept, run: Run) -> None:
        """Take a run over from an attempt that was broken off, and set ``run.ref``.

        Parameters
        ----------
        kept : Kept
            The run as it is in the store.
        run : Run
            What stands for it now.
        """

    @abstractmethod
    def remove(self, attempt: Attempt) -> None:
        """Remove an attempt that was broken off, and its runs, save those adopted.

        Parameters
        ----------
        attempt : Attempt
            The attempt.
        """

    def keep_model(self, run: Run, model: Any) -> None:  # noqa: B027
        """Keep a fitted estimator, where the store has a place for it.

        Parameters
        ----------
        run : Run
            Its run.
        model : estimator
            The estimator.
        """

    def close(self) -> None:  # noqa: B027
        """Close what is open."""
