"""The jobs that wait for their start: sessions take turns, and a job knows its place."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from inspector.jobs.job import Job, Run


@dataclass(frozen=True)
class Place:
    """Where a job stands in the queue."""

    number: int
    """1 for the next one to start."""
    of: int
    """How many runs wait there."""


class FairQueue:
    """A queue for each session, and whose turn it is. Not thread-safe: the runner holds its lock.

    A run that several jobs wait for stands in the queue of each, and leaves them all when the first
    of them has its turn.
    """

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, deque[Job]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._sessions)

    def add(self, job: Job) -> None:
        """Put a job at the end of its session's queue."""
        self._sessions.setdefault(job.session, deque()).append(job)

    def discard(self, job: Job) -> bool:
        """Take a job out; False if it was not there."""
        jobs = self._sessions.get(job.session, deque())
        if job not in jobs:
            return False
        jobs.remove(job)
        if not jobs:
            del self._sessions[job.session]
        return True

    def take(self, fits: Callable[[Run], bool]) -> Run | None:
        """The next run that may start, taken out of every queue; None if none may.

        Args:
            fits: Asked for one run after the other, in the order in which they are due.
        """
        for job in self._due():
            if fits(job.run):
                self._sessions.move_to_end(job.session)  # the others come first now
                for waiting in job.run.jobs:
                    self.discard(waiting)
                return job.run
        return None

    def runs(self) -> list[Run]:
        """The runs that wait, in the order in which they are due, each once."""
        return list(dict.fromkeys(job.run for job in self._due()))

    def jobs(self) -> list[Job]:
        """Every job that waits."""
        return list(self._due())

    def place(self, job: Job) -> Place | None:
        """Where a job's run stands among those that wait for the same kind of slot, or None."""
        lane = [run for run in self.runs() if run.order.quick == job.run.order.quick]
        return Place(lane.index(job.run) + 1, len(lane)) if job.run in lane else None

    def _due(self) -> Iterator[Job]:
        """One job of each session, then the second of each, and so on."""
        rounds = list(zip_longest(*self._sessions.values()))
        return (job for turn in rounds for job in turn if job is not None)
