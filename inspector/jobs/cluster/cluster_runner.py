"""The runner whose jobs run on a Dask cluster; all around them is local.

What runs ops of a model goes to the cluster. What reads one takes a fraction of a second, often
less than sending the model, and is done here, as is what concerns this machine: its self test, and
what it fetches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from inspector.jobs.cluster.dispatch import Cluster
from inspector.jobs.exchange import Answer
from inspector.jobs.job import Job, Run
from inspector.jobs.requests import REQUESTS, Request
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.slots import Slots
from inspector.jobs.store.workspace import Workspace

WAITING = "waiting for the cluster"
"""What progress says until a worker reports."""


class ClusterRunner(LocalRunner):
    """Runs jobs on a cluster; the interface is that of `LocalRunner`."""

    def __init__(
        self,
        cluster: Cluster,
        workspace: Workspace | None = None,
        *,
        requests: Mapping[str, Request] = REQUESTS,
    ) -> None:
        self._cluster = cluster
        super().__init__(workspace, requests=requests)
        self._slots = _ClusterSlots(cluster, self._slots)

    def after_fork(self) -> None:
        """Leave jobs and connection to the parent; new ones can be started here."""
        super().after_fork()
        self._cluster.after_fork()

    def warm(self, *names: str) -> None:
        """Start the template that reads models; no model is run here."""
        super().warm(*(names or (LIGHT,)))

    def waits_for(self, job: Job) -> str:
        """What a job without progress of its own waits for."""
        return WAITING if _goes(job.run) else super().waits_for(job)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End jobs and templates, and leave the scheduler."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._cluster.close()

    def _execute(self, run: Run, folder: Path) -> tuple[Answer, str]:
        if not _goes(run):
            return super()._execute(run, folder)
        return self._cluster.execute(run, folder)


class _ClusterSlots(Slots):
    """As many runs at once as the cluster has threads, beside those of this machine."""

    def __init__(self, cluster: Cluster, local: Slots) -> None:
        self._cluster, self._local = cluster, local

    def rule(self, running: Collection[Run]) -> Callable[[Run], bool]:
        """The question to ask for each run that waits; see `Slots.rule`."""
        here = [run for run in running if not _goes(run)]
        # The first run finds out how many threads there are.
        has_free = len(running) - len(here) < max(1, self._cluster.threads)
        fits = self._local.rule(here)
        return lambda run: has_free if _goes(run) else fits(run)


def _goes(run: Run) -> bool:
    """Whether a run is one for the cluster."""
    return run.order.request.runs
