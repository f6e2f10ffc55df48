"""Which run may start now: by cores, by memory, and with slots that only quick runs may have.

Long runs get as many slots as there are cores. A quick run (a small model is opened, a node is
looked at) takes one of these too, or one of the quick slots, so that it does not wait minutes for
the long runs of others. What was expected to be quick and is not gives its slot back. Predictions
of small models, which may turn out to be slow, fill at most half of the quick slots, so that models
can always be opened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from inspector.jobs import memory
from inspector.jobs.job import Run

QUICK_S = 10.0
"""Seconds after which a quick run no longer fills a quick slot."""


class Slots:
    """Decides which run may start. Stateless: the current runs are passed in.

    Args:
        long: Runs of any kind at once.
        quick: Quick runs at once beside these; at most twice as many with those that take longer
            than `QUICK_S`. One session has half of them at most.
        available: Bytes of memory left, or None where that is unknown.
        private: Bytes that the process of an id has taken for itself.
    """

    def __init__(
        self,
        long: int,
        quick: int,
        available: Callable[[], int | None] = memory.available,
        private: Callable[[int], int] = memory.private,
    ) -> None:
        self._long, self._quick = long, quick
        self._available, self._private = available, private

    def rule(self, running: Collection[Run]) -> Callable[[Run], bool]:
        """The question to ask for each run that waits, in the order in which they are due.

        A long run that waits for memory keeps later long runs from overtaking it: else it would
        wait as long as small ones come.
        """
        free = self._free_memory(running)
        long = [run for run in running if not run.in_quick_slot]
        blocked = False

        def fits(run: Run) -> bool:
            nonlocal blocked
            enough = free is None or run.order.memory <= free
            if not blocked and len(long) < self._long:
                if enough or not long:  # one runs always, or nothing ever would
                    run.in_quick_slot = False
                    return True
                blocked = not run.order.quick
            if run.order.quick and enough and self._has_quick_slot(run, running):
                run.in_quick_slot = True
                return True
            return False

        return fits

    def _has_quick_slot(self, run: Run, running: Collection[Run]) -> bool:
        quick = [other for other in running if other.in_quick_slot]
        fresh = [other for other in quick if other.seconds < QUICK_S]
        own = [other for other in quick if other.sessions & run.sessions]
        if run.order.request.runs:
            executing = [other for other in quick if other.order.request.runs]
            if len(executing) >= max(1, self._quick // 2):
                return False
        return (
            len(fresh) < self._quick
            and len(quick) < 2 * self._quick
            and len(own) < max(1, self._quick // 2)
        )

    def _free_memory(self, running: Collection[Run]) -> int | None:
        """Memory that current runs neither use nor are expected to use."""
        available = self._available()
        if available is None:
            return None
        for run in running:
            child = run.child
            taken = self._private(child.pid) if child is not None and child.pid else 0
            available -= max(0, run.order.memory - taken)
        return available
